"""One training run from its folder to its summary: everything around the algorithm's own loop."""

import json
import platform
import shlex
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import torch

from mas_envs.agents import CallableAgent
from mas_envs.core.errors import UsageError
from trainers.rl.rollout import Tree
from trainers.rl.update import Optimizer
from trainers.run import checkpoint, setup
from trainers.run import config as configs
from trainers.run.best import Best
from trainers.run.checkpoint import Progress
from trainers.run.config import TINY, Config
from trainers.run.control import Control
from trainers.run.curve import draw_curve
from trainers.run.files import make_folder, write_folder, write_json, write_text
from trainers.run.metrics import Display, JsonLines, readable_groups
from trainers.run.scores import Score, score
from trainers.run.signals import Stopped, StopRequest
from trainers.sft import demonstrate, imitation_steps

_PACKAGES = ("mas-envs", "torch", "transformers", "numpy", "gymnasium", "pettingzoo")


class Run:
    """What plays, where it writes, and how far it is.

    Opening a run makes its folder, or with `--resume` continues the last checkpoint there.
    """

    def __init__(self, config: Config, stop: StopRequest, argv: Sequence[str]):
        if config.model == TINY:
            torch.set_num_threads(1)  # more cost more than they bring at this size, and the comparison has a core too
        self.config, self.stop, self.argv, self.display = config, stop, argv, Display()
        self.game = setup.make_game(config)
        self.team = setup.team_of(config, self.game)
        self.folder = config.folder
        found = _open_folder(config)
        if found is None:
            self.policies = setup.make_policies(config, self.game, self.team)
        else:
            self.policies = checkpoint.load_policies(config, self.game, self.team, found)
        self.optimizers = {
            name: Optimizer(policy.model, config.optimizer, config.learning_rate)
            for name, policy in self.policies.items()
        }
        self.progress = Progress() if found is None else checkpoint.load_trainer_state(found, self.optimizers)
        write_text(self.folder / "config.yaml", config.to_yaml())  # once all is read: what fails leaves no run behind
        self.metrics, self.groups = JsonLines(self.folder / "metrics.jsonl"), JsonLines(self.folder / "groups.jsonl")
        for log in (self.metrics, self.groups):
            log.keep_until(self.progress.iteration)
        self.agents = setup.agents_of(self.team, self.policies)
        self.validation = [self.game.task("validation", i) for i in range(config.validation_tasks)]
        self.held_out = [self.game.task("test", i) for i in range(config.limit)]
        self.versions = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
        self._opened, self._wall_before = time.monotonic(), self.progress.wall_s

    def begin(self) -> None:
        """Brings a fresh run to the start of RL: warm start, the score before, the first checkpoint."""
        if self.config.demos:
            warm_start(self)
        self.display.say(f"playing {self.config.limit} held-out tasks before RL")
        self.progress.before = score(self.game, self.agents, self.held_out).to_json()
        write_folder(self.folder / "start", lambda path: checkpoint.save_policies(path, self.policies))
        self.save()

    def validate(self) -> Score:
        """Scores the policies on the validation split, greedily."""
        return score(self.game, self.agents, self.validation)

    def save(self) -> None:
        """Writes a checkpoint."""
        self.progress.wall_s = self.wall_s
        checkpoint.save_checkpoint(self.folder / "checkpoints", self.policies, self.optimizers, self.progress)

    @property
    def wall_s(self) -> float:
        """Seconds that the run has taken, over all its resumptions."""
        return self._wall_before + time.monotonic() - self._opened

    def end_iteration(self, record: dict[str, Any], tree: Tree) -> None:
        """Validates and saves where it is time, writes metrics and a readable tree; raises Stopped if asked to."""
        config, iteration = self.config, self.progress.iteration
        last, note = iteration == config.iterations, f"reward {record['reward']:.3f}"
        validation = self.validate() if last or iteration % config.eval_every == 0 else None
        if validation is not None:
            record["validation"] = validation.to_json()
            self.groups.append(*readable_groups(iteration, tree))
        self.metrics.append(record)
        if last or self.stop.asked or iteration % config.save_every == 0:
            self.save()
        self.display.step(iteration, note)
        if validation is not None:
            success, cpu = f"{validation.success:.3f} (n = {validation.n})", f"{self.progress.rl_cpu_s:.0f} CPU s of RL"
            self.display.say(f"iteration {iteration}: validation {success}, {note}, {cpu}")
        if self.stop.asked:
            raise Stopped(f"Saved iteration {iteration} of {config.iterations}; --resume goes on from there.")

    def finish(self, control: Control | None) -> dict[str, Any]:
        """Scores the trained team on the held-out tasks; writes curve.png and summary.json."""
        self.stop.at_once = "Stopped after the last iteration, which is saved; --resume finishes the run."
        self.display.end()
        progress = self.progress
        self.display.say(f"playing {self.config.limit} held-out tasks after RL")
        scores: dict[str, Any] = {
            "before": progress.before,
            "after": score(self.game, self.agents, self.held_out).to_json(),
            **{f"after_without_{role}": found.to_json() for role, found in _without_each(self).items()},
        }
        if control is not None:
            self.display.say("waiting for the comparison: the same CPU time on the demonstrations alone")
            scores["warm_start_only"] = control.finish(progress.rl_cpu_s)
            if scores["warm_start_only"] is None:
                self.display.say("The comparison process failed (its error is above); warm_start_only stays empty.")
        summary = {
            **scores,
            "wall_s": round(self.wall_s, 1),
            "rl_cpu_s": round(progress.rl_cpu_s, 1),
            "warm_start": progress.warm_start,
            "iterations": progress.iteration,
            "tokens_generated": progress.tokens_generated,
            "tokens_trained": progress.tokens_trained,
            "parameters": {name: policy.model.num_parameters() for name, policy in self.policies.items()},
            "env": self.game.name,
            "env_version": self.game.version,
            "env_settings": self.game.settings(),
            "decoding": "greedy",
            "seed": self.config.seed,
            "command": shlex.join(["python", "-m", "trainers.atgrpo", *self.argv]),
            "versions": self.versions,
        }
        write_json(self.folder / "summary.json", summary)
        self.draw(summary)
        return summary

    def finished(self) -> bool:
        """Says whether there is nothing left to do; a picture that a kill prevented is drawn."""
        path = self.folder / "summary.json"
        if not path.exists() or self.progress.iteration < self.config.iterations:
            return False
        if not (self.folder / "curve.png").exists():
            self.draw(json.loads(path.read_text()))
        return True

    def draw(self, summary: Mapping[str, Any]) -> None:
        """Draws curve.png."""
        title = f"AT-GRPO on {self.game.name}, {self.config.policies}"
        draw_curve(self.folder / "curve.png", title, self.metrics.read(), summary)


def _open_folder(config: Config) -> Any:
    """Makes the run's folder; returns the checkpoint to resume from, or None."""
    folder = config.folder
    saved = folder / "config.yaml"
    if saved.exists():
        if not config.resume:
            raise UsageError(f"{str(folder)!r} holds a run. Go on with --resume, or choose another --output-dir.")
        configs.check_same(configs.read(saved), config)
    elif config.resume:
        raise UsageError(f"There is no run to resume in {str(folder)!r}. Leave --resume out to start one.")
    make_folder(folder)
    found = checkpoint.steps(folder / "checkpoints")
    return found[-1] if found else None


def warm_start(run: Run) -> None:
    """Imitates the demonstrations and leaves the weights that are best on validation."""
    config, steps, used = run.config, run.config.warm_start_steps, 0.0
    demonstrations = demonstrate(run.game, config.demos, config.demo_noise)
    losses = imitation_steps(
        run.policies,
        run.team,
        demonstrations,
        {n: Optimizer(p.model, config.optimizer, config.warm_start_rate) for n, p in run.policies.items()},
        scale=lambda step: min(1.0, (step + 1) / 20, 2 * (1 - step / steps)),
        batch_rows=config.minibatch_rows,
        max_places=config.max_places,
        seed=config.seed,
    )
    best = Best(run.policies)
    run.display.begin(f"warm start on {config.demos} expert episodes", steps)
    for step in range(1, steps + 1):
        begun = time.process_time()
        loss = next(losses)
        used += time.process_time() - begun
        run.display.step(step, f"loss {loss:.3f}")
        if step == steps or step % max(1, steps // 8) == 0:
            success = run.validate().success
            best.offer(success)
            run.display.say(f"step {step}: loss {loss:.3f}, validation {success:.3f}")
        if run.stop.asked:
            raise Stopped("Stopped in the warm start, before there was anything to save; --resume begins it again.")
    best.restore()
    run.display.end()
    run.progress.warm_start = {"cpu_s": round(used, 1), "samples": len(demonstrations), "validation": best.score}


def _without_each(run: Run) -> dict[str, Score]:
    """Returns the score of the trained team with one role replaced by its passive action, where it has one."""
    found: dict[str, Score] = {}
    for role in run.team:
        passive = run.game.passive_action(role)
        if passive is not None:
            stand_in = CallableAgent(lambda prompt, text=passive: text)
            found[role] = score(run.game, {**run.agents, role: stand_in}, run.held_out)
    return found
