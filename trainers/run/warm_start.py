"""The warm start of a run: a short imitation of its demonstrations."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.run.best import Best
from trainers.run.config import RL
from trainers.run.files import write_json
from trainers.run.imitation import demonstrate, falling, imitation_steps
from trainers.run.scores import one_spaced
from trainers.run.setup import make_optimizers
from trainers.run.signals import Stopped

if TYPE_CHECKING:
    from trainers.run.run import Run

SHOWN = "demonstrations.json"
"""File of a run: role -> every answer that it was shown, once, with single spaces."""


def warm_start(run: "Run") -> None:
    """Imitates the demonstrations and leaves the weights that are best on validation."""
    config, used = run.config, 0.0
    assert isinstance(config, RL)
    steps = config.warm_start_steps
    demonstrations = demonstrate(run.game, config.demos, config.demo_noise, config.demo_symmetries)
    shown = {role: sorted({one_spaced(one.answer) for one in demonstrations if one.role == role}) for role in run.team}
    write_json(run.folder / SHOWN, shown)
    of_all = (run.policies, run.team, demonstrations, make_optimizers(config, run.policies, config.warm_start_rate))
    how = (config.minibatch_rows, config.max_places, config.seed)
    losses = imitation_steps(*of_all, lambda step: falling(step, steps), *how)
    best = Best(run.policies)
    run.display.begin(f"warm start on {config.demos} expert episodes", steps)
    for step in range(1, steps + 1):
        begun = time.process_time()
        done = next(losses)
        used += time.process_time() - begun
        loss = sum(one.loss for one in done.values()) / len(done)
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


def shown_to(folder: Path) -> dict[str, set[str]]:
    """Returns role -> the answers that it was shown in a run's warm start (`one_spaced`); empty without one."""
    path = folder / SHOWN
    found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {role: set(answers) for role, answers in found.items()}
