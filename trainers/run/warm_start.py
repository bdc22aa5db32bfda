"""The warm start of a run: a short imitation of its demonstrations."""

import time
from typing import TYPE_CHECKING

from trainers.rl.update import Optimizer
from trainers.run.best import Best
from trainers.run.signals import Stopped
from trainers.sft import demonstrate, imitation_steps

if TYPE_CHECKING:
    from trainers.run.run import Run


def warm_start(run: "Run") -> None:
    """Imitates the demonstrations and leaves the weights that are best on validation."""
    config, steps, used = run.config, run.config.warm_start_steps, 0.0
    demonstrations = demonstrate(run.game, config.demos, config.demo_noise)
    losses = imitation_steps(
        run.policies,
        run.team,
        demonstrations,
        {
            n: Optimizer(p.model, config.optimizer, config.warm_start_rate, only=p.trained().values())
            for n, p in run.policies.items()
        },
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
