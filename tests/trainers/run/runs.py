"""Runs of the main job that take about a second, in this process or in one of their own."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trainers import atgrpo, grpo, ppo, reinforce, sft

TRAINERS = {"atgrpo": atgrpo, "grpo": grpo, "reinforce": reinforce, "ppo": ppo, "sft": sft}
ROOT = Path(__file__).parents[3]
SIZE = {
    "--env": "sokoban", "--iterations": "4", "--limit": "6", "--validation-tasks": "5", "--demos": "5",
    "--eval-every": "2", "--save-every": "2", "--max-new-tokens": "6", "--minibatch-rows": "4",
}  # fmt: skip
OF_RL = {"--warm-start-steps": "3", "--tasks-per-iteration": "3", "--num-generations": "4"}


def command(folder: Path | str, *more: str, trainer: str = "atgrpo", **changes: object) -> list[str]:
    """Returns the arguments of a small run without its control; `changes` are flags: iterations=2."""
    of_rl = trainer != "sft"
    given = {"--" + name.replace("_", "-"): str(value) for name, value in changes.items()}
    flags = {**SIZE, **(OF_RL if of_rl else {}), **given}
    control = ("--no-control",) if of_rl and "--control" not in more else ()
    return [word for pair in flags.items() for word in pair] + ["--output-dir", str(folder), *control, *more]


def run(arguments: Sequence[str], trainer: str = "atgrpo") -> int:
    """Runs a trainer in this process and puts its signal handlers back; returns the exit status."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return TRAINERS[trainer].main(arguments)
    except SystemExit as ended:  # how tyro refuses and helps
        return int(ended.code or 0)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def start(arguments: Sequence[str], trainer: str = "atgrpo") -> subprocess.Popen[str]:
    """Starts a trainer as a process of its own, in a session of its own (as a terminal's foreground job)."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs tests in the background may ignore it
    try:
        return subprocess.Popen(
            [sys.executable, "-m", f"trainers.{trainer}", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(path: Path, lines: int, process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Waits until a file has at least so many lines; fails where the process ends before that."""
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.read_text().count("\n") >= lines):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def last_weights(folder: Path) -> dict[str, bytes]:
    """Returns the saved weights of the last checkpoint, policy name -> bytes."""
    last = sorted((folder / "checkpoints").glob("step-*"))[-1]
    return {path.parent.name: path.read_bytes() for path in last.glob("*/model.safetensors")}


def leftovers(folder: Path) -> list[Path]:
    """Returns what is only half written."""
    return [path for path in folder.rglob("*") if ".part" in path.name or path.name == ".write-test"]


def forget_the_end(folder: Path) -> None:
    """Takes a run back to the checkpoint before its last one, as if it had been killed after that."""
    (folder / "summary.json").unlink()
    shutil.rmtree(sorted((folder / "checkpoints").glob("step-*"))[-1])
