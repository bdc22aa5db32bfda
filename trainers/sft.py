"""SFT: supervised steps on demonstrations, by the experts or from recorded episodes.

    python -m trainers.sft --env sokoban                                   500 episodes of the experts
    python -m trainers.sft --env sokoban --episodes results/my-entry       what somebody did in an evaluation

Recorded episodes (entries of `python -m benchmarks.evaluate`, of any agent that plays: a stronger model, the policy
itself for rejection sampling) are played again, which gives the prompts and shows that the rewards are what is
recorded; those that did not succeed are left out, and those of the run's own held-out and validation tasks always:
record training tasks, `python -m benchmarks.evaluate --env sokoban --tasks sokoban/train`.

Every iteration is one step on `minibatch_rows` demonstrations for each policy, of the roles that it plays. This is
the warm start of the other trainers (trainers/run/imitation.py) as a run of its own, with their files.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from mas_envs.core.errors import UsageError
from trainers.run.config import SFT
from trainers.run.imitation import Demonstration, demonstrate, falling, imitation_steps, recorded
from trainers.run.main import main as run_main
from trainers.run.run import Run


def train(run: Run) -> None:
    """Trains until the iterations are done."""
    config = run.config
    assert isinstance(config, SFT)
    of_all = (run.policies, run.team, demonstrations(run, config), run.optimizers)
    how = (config.minibatch_rows, config.max_places, config.seed, run.progress.iteration)
    steps = imitation_steps(*of_all, lambda step: falling(step, config.iterations), *how)
    run.begin()
    for _ in run.iterations():
        run.imitated(next(steps))


def demonstrations(run: Run, config: SFT) -> list[Demonstration]:
    """Returns what is to be imitated; raises UsageError where that is nothing."""
    if not config.episodes:
        found = demonstrate(run.game, config.demos, config.demo_noise, config.demo_symmetries)
    else:
        held_out = [*run.held_out, *run.validation]
        folders = map(Path, config.episodes)
        found = [one for folder in folders for one in recorded(run.game, folder, config.successful_only, held_out)]
    if not found:
        raise UsageError(
            "There is nothing to imitate. Episodes that failed (unless --no-successful-only) and those of the run's "
            "own held-out tasks are left out: record others, e.g. with --tasks GAME/train, or give --demos."
        )
    run.display.say(f"{len(found)} demonstrations to imitate")
    return found


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    return run_main(argv, SFT, train)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
