"""How a zygote is started: its interpreter, the files it can see, who its programs run as, with or without bwrap."""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import SystemRandom
from typing import Any

from mas_envs.core.errors import UsageError, did_you_mean
from mas_envs.sandbox.inside import landlock, syscalls
from mas_envs.sandbox.inside.box import BUBBLEWRAP, LANDLOCK, SECCOMP
from mas_envs.sandbox.jobs import SandboxError

LAYERS = (SECCOMP, LANDLOCK, BUBBLEWRAP)
"""The walls beside resource limits, the first for level 1, the next for 2 and 3."""
USERS = range(61184, 65520)
"""User ids of which every worker of root's takes one for its programs: those that Linux keeps for passing use."""
_BOOT = Path(__file__).parent / "inside"
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_BESIDE_THE_STANDARD_LIBRARY = ("/etc/ld.so.cache", "/usr/share/zoneinfo")
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1"}
"""All of a zygote's environment: sets of strings have one order in every program of every zygote, and the dynamic
linker does all of its work before the first fork instead of some of it in every child."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides how zygotes are started; the same for all of a sandbox.

    layers: of LAYERS, those to use. packages: name -> folder that it is installed in.
    """

    layers: tuple[str, ...]
    packages: tuple[tuple[str, str], ...]

    @property
    def readable(self) -> tuple[str, ...]:
        """What programs may read: the standard library, the system's shared libraries, the packages."""
        folders = [f"{folder}/{part}" for name, folder in self.packages for part in (name, f"{name}.libs")]
        return tuple(dict.fromkeys([library(), standard_library(), *_SYSTEM, *filter(os.path.exists, folders)]))

    def settings(self, descriptor: int, loaded: bool, uid: int | None) -> dict[str, Any]:
        """Returns what a zygote is told: its socket's descriptor, whether it is to load the packages itself, and the
        user that programs become (None: the one who runs the sandbox)."""
        return {
            "loaded": loaded,
            "descriptor": descriptor,
            "layers": self.layers,
            "packages": dict(self.packages),
            "readable": self.readable,
            "library": library(),
            "uid": uid,
        }

    def command(self, descriptor: int, loaded: bool, uid: int | None) -> list[str]:
        """Returns the command line of a zygote; see `settings` for the arguments.

        -s -P -S are what -I stands for, with -S, except that PYTHONHASHSEED is heeded.
        """
        python = [interpreter(), "-s", "-P", "-S", "-B", "-X", "utf8", str(_BOOT / "boot.py")]
        inner = [*python, json.dumps(self.settings(descriptor, loaded, uid))]
        return [*self.bubblewrap(), *inner] if BUBBLEWRAP in self.layers else inner

    def bubblewrap(self) -> list[str]:
        """Returns the command that gives a zygote a file system with no more than it needs, and no other processes."""
        found = shutil.which("bwrap")
        if found is None:
            raise SandboxError("bubblewrap (bwrap) is not installed.")
        command = [found, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        # Root becomes another user by itself, inside. In a user namespace of its own it would stay root to the kernel.
        command += ["--as-pid-1"] if os.getuid() == 0 else ["--as-pid-1", "--unshare-user", "--cap-drop", "ALL"]
        paths = [*self.readable, interpreter(), str(_BOOT), *_BESIDE_THE_STANDARD_LIBRARY]
        for parent in parents(paths):
            command += ["--perms", "0755", "--dir", parent]
        for path in paths:
            command += ["--ro-bind-try", path, path]
        return [*command, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/", "--chdir", "/"]


def parents(paths: Sequence[str]) -> list[str]:
    """Returns every folder above one of `paths`, but the root, each before what is in it.

    (bubblewrap would make them so that only root can enter.)
    """
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})


def interpreter() -> str:
    """Returns this interpreter itself, not a virtual environment's link to it."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable) or sys.executable)


def library() -> str:
    """Returns the folder in which this interpreter keeps its libraries, all of which programs may read."""
    return os.path.dirname(standard_library())


def standard_library() -> str:
    """Returns the folder of the standard library."""
    return os.path.realpath(sysconfig.get_path("stdlib"))


def users(count: int) -> list[int | None]:
    """Returns the user that each of `count` workers' programs run as: None where that is whoever runs the sandbox.

    As root every worker has one of its own, so that its programs share their count of threads with nobody, neither
    with the programs beside them nor with another sandbox's.
    """
    return [None] * count if os.getuid() != 0 else [*SystemRandom().sample(USERS, count)]


def locate(packages: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Returns (name, folder) of installed packages; raises UsageError for what is not installed."""
    found: list[tuple[str, str]] = []
    for name in packages:
        spec = find_spec(name) if name.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            raise UsageError(f"packages has {name!r}, which is no installed package; install it or leave it out.")
        found.append((name, os.path.realpath(os.path.dirname(next(iter(spec.submodule_search_locations))))))
    return tuple(found)


def possible(layers: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Returns which of `layers` this machine may have, and why not the others; live probes decide in the end."""
    for layer in layers:
        if layer not in LAYERS:
            raise UsageError(f"Unknown layer {layer!r}.{did_you_mean(layer, LAYERS)} Allowed: {', '.join(LAYERS)}.")
    missing = {
        layer: reason
        for layer, reason in (
            (SECCOMP, "" if syscalls.machine() else "no system-call table for this system and processor"),
            (LANDLOCK, "" if syscalls.machine() and landlock.abi() else "this kernel has no Landlock"),
            (BUBBLEWRAP, "" if shutil.which("bwrap") else "bwrap is not installed"),
        )
        if reason
    }
    missing |= {layer: "switched off" for layer in LAYERS if layer not in layers}
    return tuple(layer for layer in LAYERS if layer not in missing), missing
