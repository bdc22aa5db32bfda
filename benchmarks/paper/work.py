"""Runs commands side by side, each once, in an order that their needs allow, and goes on after a kill.

A step is done when its record, STEP.json beside its folder, says so; what was begun goes on (trainers from their last
checkpoint, evaluations from their last chunk). A step that was made by other code or with another command is begun
anew, and so is one that needs what has been made anew. The commands end with this process, however it ends.
"""

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.paper.rows import Step
from mas_envs.core.errors import MasEnvsError, StateError
from mas_envs.sandbox.inside import kernel
from trainers.run.files import remove_folder, write_json

ROOT = Path(__file__).parents[2]
CODE = (
    "mas_envs",
    "trainers",
    *(
        f"benchmarks/{name}"
        for name in ("agents.py", "entries.py", "evaluate.py", "flags.py", "recorded.py", "sets", "tasksets.py")
    ),
)
"""What decides a result, beside its commands: a commit that touches nothing of it changes none."""
PAUSE = 0.1


def code_version() -> str:
    """Returns the last commit that changed what decides a result, "+" and a hash of changes that are in none.

    "unknown" where this is no clone of the repository.
    """
    try:
        commit = _git("log", "-1", "--format=%h", "--abbrev=10", "--", *CODE).strip()
        changes = _git("diff", "HEAD", "--", *CODE) + "".join(
            f"{path}\0{(ROOT / path).read_bytes().hex()}"
            for path in sorted(_git("ls-files", "--others", "--exclude-standard", "--", *CODE).splitlines())
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    if not commit:
        return "unknown"
    return commit + (f"+{blake2b(changes.encode(), digest_size=4).hexdigest()}" if changes else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def ended(make: Callable[[], int]) -> int:
    """Returns the exit status of a command line that runs steps: its own, 2 for bad input, 130 where it was stopped."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        return make()
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Finished rows stay; the same command goes on.\n")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def command_of(step: Step) -> str:
    """Returns the command line as one would type it."""
    return f"OMP_NUM_THREADS=1 {shlex.join(['python', '-m', step.module, *step.arguments])}"


def is_done(step: Step, work: Path, code: str) -> bool:
    """Says whether this very command has been run, by this code and after the same commands, to its end."""
    state = _state(step.name, work)
    return _made(state) == _made_now(step, work, code) and state["done"]


def _state(name: str, work: Path) -> dict[str, Any]:
    path = work / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if not isinstance(found, dict) or (found and not isinstance(found.get("done"), bool)):
            raise ValueError("it is no record of a step")
    except (ValueError, RecursionError) as error:
        raise StateError(f"{path} is damaged ({error}). Delete it; the step is then made anew.") from error
    return found


def _made(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what made a step: its command, the code, and the same of what it needs."""
    return {name: state[name] for name in ("command", "code", "needs") if name in state}


def _made_now(step: Step, work: Path, code: str) -> dict[str, Any]:
    needs = [_made(_state(need, work)) for need in step.needs]
    return {"command": command_of(step), "code": code, "needs": needs}


def start(step: Step, work: Path, code: str) -> subprocess.Popen[bytes]:
    """Starts a step, or lets it go on where it was; what it prints goes to STEP.log."""
    folder, made = work / step.name, _made_now(step, work, code)
    if _made(_state(step.name, work)) != made:
        if folder.exists():
            remove_folder(folder)
        (work / f"{step.name}.log").unlink(missing_ok=True)
        write_json(work / f"{step.name}.json", {**made, "done": False})
    resume = ["--resume"] if (folder / "config.yaml").exists() else []
    # The kernel ends the command when this process is gone, also where it was killed.
    linux = sys.platform == "linux"
    follow = partial(kernel.prctl, kernel.PR_SET_PDEATHSIG, signal.SIGKILL) if linux else None
    with (work / f"{step.name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", step.module, *step.arguments, *resume],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
            preexec_fn=follow,  # there is one thread
        )


def finish(step: Step, work: Path, code: str, seconds: float) -> None:
    """Records that a step is done."""
    made = {**_made_now(step, work, code), "python": platform.python_version()}
    write_json(work / f"{step.name}.json", {**made, "done": True, "seconds_of_last_start": round(seconds, 1)})


def run_all(
    steps: Iterable[Step], work: Path, code: str, jobs: int, done: Callable[[Step], None], say: Callable[[str], None]
) -> list[str]:
    """Runs what is not done yet, `jobs` at a time, and calls `done` after each; returns the names of what failed.

    What needs a step that failed is left out, and named too.
    """
    left = {step.name: step for step in steps}
    failed: list[str] = []
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}

    def take(name: str) -> None:
        step = left.pop(name)
        say(f"done: {name}")
        done(step)

    try:
        while left:
            for name in [name for name, step in left.items() if name not in running]:
                step = left[name]
                if any(need in failed for need in step.needs):
                    failed.append(name)
                    del left[name]
                elif any(need in left for need in step.needs):
                    continue
                elif is_done(step, work, code):
                    take(name)
                elif len(running) < jobs:
                    say(f"start: {name}")
                    running[name] = start(step, work, code), time.monotonic()
            for name, (process, begun) in list(running.items()):
                status = process.poll()
                if status is None:
                    continue
                del running[name]
                if status == 0:
                    finish(left[name], work, code, time.monotonic() - begun)
                    take(name)
                else:
                    del left[name]
                    failed.append(name)
                    say(f"FAILED (status {status}): {name}\n{_tail(work / f'{name}.log')}")
            time.sleep(PAUSE if running else 0)
    finally:
        _stop([process for process, _ in running.values()])
    return failed


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Asks processes to save and end, and waits for that."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-8:])
