"""Shows what the sandbox can do on this machine: `python -m mas_envs.sandbox --check`.

Prints each probe with its result, and the level; exits with status 1 below level 2, and 2 where it does not start.
`--without LAYER` switches a layer off, to see what is left.
"""

import argparse
import sys

from mas_envs.sandbox.jobs import SandboxError
from mas_envs.sandbox.launch import LAYERS
from mas_envs.sandbox.probes import SAFE_LEVEL
from mas_envs.sandbox.sandbox import Sandbox

LEVELS = (
    "resource limits only",
    "seccomp and resource limits",
    "Landlock, seccomp and resource limits",
    "bubblewrap, Landlock, seccomp and resource limits",
)


def report(without: list[str]) -> tuple[str, int]:
    """Returns what the probes of a new sandbox found, as text, and the exit status that goes with it."""
    try:
        sandbox = Sandbox(1, layers=[layer for layer in LAYERS if layer not in without], allow_unsafe=True)
    except SandboxError as error:
        return str(error), 2
    with sandbox:
        lines = [f"{'probe':44}{'from level':12}result"]
        for finding in sandbox.findings:
            state = f"stopped ({finding.said})" if finding.stopped else "POSSIBLE"
            lines.append(f"{finding.probe.name:44}{finding.probe.level:<12}{state:.70}")
        lines += [f"{layer} is not used: {reason}" for layer, reason in sandbox.missing.items()]
        level = sandbox.level
    safe = level >= SAFE_LEVEL
    lines.append(f"level {level}: {LEVELS[level] if level >= 0 else 'not even resource limits hold'}")
    if not safe:
        lines.append(f"Programs are refused here: level {SAFE_LEVEL} is needed, unless allow_unsafe=True is given.")
    return "\n".join(lines), 0 if safe else 1


def main() -> int:
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mas_envs.sandbox", description="Shows what the sandbox can do here."
    )
    parser.add_argument("--check", action="store_true", required=True, help="probe this machine and show the level")
    parser.add_argument("--without", action="append", default=[], choices=LAYERS, help="leave a layer out")
    text, status = report(parser.parse_args().without)
    sys.stdout.write(text + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
