"""The end of a run: what the trained team does on the held-out tasks, beside what it did before, and how it came."""

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mas_envs.agents import CallableAgent
from trainers.run.curve import draw_curve
from trainers.run.files import write_json
from trainers.run.scores import Score, score
from trainers.run.warm_start import shown_to

if TYPE_CHECKING:
    from trainers.run.run import Run


def finish(run: "Run") -> dict[str, Any]:
    """Scores the trained team on the held-out tasks; writes curve.png and summary.json."""
    run.stop.at_once = "Stopped after the last iteration, which is saved; --resume finishes the run."
    run.display.end()
    progress = run.progress
    run.display.say(f"playing {len(run.held_out)} held-out tasks after {run.config.title}")
    scores: dict[str, Any] = {
        "before": progress.before,
        "after": score(run.game, run.agents, run.held_out, shown=shown_to(run.folder)).to_json(),
        **{f"after_without_{role}": found.to_json() for role, found in _without_each(run).items()},
    }
    if run.control is not None:
        run.display.say("waiting for the comparison: the same CPU time on the demonstrations alone")
        scores["warm_start_only"] = run.control.finish(progress.rl_cpu_s)
        if scores["warm_start_only"] is None:
            run.display.say("The comparison process failed (its error is above); warm_start_only stays empty.")
    summary = {
        **scores,
        "wall_s": round(run.wall_s, 1),
        "rl_cpu_s": round(progress.rl_cpu_s, 1),
        "warm_start": progress.warm_start,
        "iterations": progress.iteration,
        "best": progress.best,
        "tokens_generated": progress.tokens_generated,
        "tokens_trained": progress.tokens_trained,
        "parameters": {name: policy.model.num_parameters() for name, policy in run.policies.items()},
        "trained_parameters": {n: sum(w.numel() for w in p.trained().values()) for n, p in run.policies.items()},
        "trainer": run.config.trainer,
        "env": run.game.name,
        "env_version": run.game.version,
        "env_settings": run.game.settings(),
        "decoding": "greedy",
        "seed": run.config.seed,
        "command": shlex.join(["python", "-m", f"trainers.{run.config.trainer}", *run.argv]),
        "versions": run.versions,
    }
    write_json(run.folder / "summary.json", summary)
    draw(run, summary)
    return summary


def finished(run: "Run") -> bool:
    """Says whether there is nothing left to do; a picture that a kill prevented is drawn."""
    path = run.folder / "summary.json"
    if not path.exists() or run.progress.iteration < run.config.iterations:
        return False
    if not (run.folder / "curve.png").exists():
        draw(run, json.loads(path.read_text()))
    return True


def draw(run: "Run", summary: Mapping[str, Any]) -> None:
    """Draws curve.png."""
    title = f"{run.config.title} on {run.game.name}, {run.config.policies}"
    draw_curve(run.folder / "curve.png", title, run.metrics.read(), summary)


def _without_each(run: "Run") -> dict[str, Score]:
    """Returns the score of the trained team with one role replaced by its passive action, where it has one."""
    found: dict[str, Score] = {}
    for role in run.team:
        passive = run.game.passive_action(role)
        if passive is not None:
            stand_in = CallableAgent(lambda prompt, text=passive: text)
            found[role] = score(run.game, {**run.agents, role: stand_in}, run.held_out)
    return found
