"""The command line that all trainers share."""

import sys
from collections.abc import Callable, Sequence

from mas_envs.core.errors import MasEnvsError
from trainers.run.base_config import Config
from trainers.run.reading import parse
from trainers.run.run import Run
from trainers.run.signals import Stopped, StopRequest
from trainers.run.summary import finish, finished


def main(argv: Sequence[str], kind: type[Config], train: Callable[[Run], None]) -> int:
    """Runs a trainer's command line; returns the exit status: 0 done, 2 bad input, 128 + signal when stopped."""
    stop = StopRequest()
    run = None
    try:
        config = parse(argv, kind)
        run = Run(config, stop, argv)
        if finished(run):
            run.display.say(f"The run in {run.folder} is done; its summary.json stands.")
            return 0
        stop.install()
        train(run)
        summary = finish(run)
    except Stopped as stopped:
        sys.stderr.write(f"{stopped}\n")
        return 128 + stop.asked
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    finally:
        if run is not None:
            run.close()
    assert run is not None
    for name in ("before", "warm_start_only", "after"):
        if found := summary.get(name):
            low, high = found["ci95"]
            run.display.say(f"{name:16} {found['success']:.3f}  [{low:.3f}, {high:.3f}]  n = {found['n']}")
    run.display.say(f"written to {run.folder}: summary.json, curve.png, metrics.jsonl, groups.jsonl, checkpoints/")
    return 0
