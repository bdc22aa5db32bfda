"""Runs a command as an ordinary user, where the tests run as root: nobody, who may enter no private home.

The interpreter, its packages and this repository may lie under folders that are closed to others. In a mount namespace
of its own the command sees those folders covered up, with what it needs in its old place.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def needed() -> list[Path]:
    """Returns the folders that a process with this interpreter and this repository reads."""
    paths = [sys.base_prefix, sys.prefix, sysconfig.get_path("purelib"), str(ROOT)]
    return [Path(path) for path in dict.fromkeys(map(os.path.realpath, paths))]


def closed(path: Path) -> Path | None:
    """Returns the topmost folder on the way to `path` that others may not enter, or None."""
    for parent in (*reversed(path.parents), path):
        if not parent.stat().st_mode & 0o001:
            return parent
    return None


def script(command: Sequence[str], stage: Path) -> str:
    """Returns a shell script that opens the way in its own mount namespace and runs `command` as nobody."""
    lines = ["set -e", "mount --make-rprivate /"]
    blocked = {path: top for path in needed() if (top := closed(path)) is not None}
    for number, path in enumerate(blocked):
        lines += [f"mkdir {stage}/{number}", f"mount --bind {shlex.quote(str(path))} {stage}/{number}"]
    for top in dict.fromkeys(blocked.values()):
        lines.append(f"mount -t tmpfs -o mode=755 none {shlex.quote(str(top))}")
    for number, path in enumerate(blocked):
        place = shlex.quote(str(path))
        lines += [f"mkdir -p {place}", f"mount --bind {stage}/{number} {place}"]
    become = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --bounding-set=-all --inh-caps=-all"
    return "\n".join([*lines, f"cd {shlex.quote(str(ROOT))}", f"exec {become} {shlex.join(command)}"])


def why_not() -> str:
    """Returns why nothing can be run as an ordinary user here; "" where it can."""
    if os.getuid() != 0:
        return "the tests do not run as root: all of them run as an ordinary user"
    if not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        return "util-linux is not installed"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        return "this machine makes no mount namespaces"
    return ""


def run_as_nobody(command: Sequence[str], stage: Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Runs a command as nobody; `stage` is an empty folder. Its environment has PATH and a few words for Python."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "HOME": "/"}
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script(command, stage)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
