"""The box: what a forked child puts around itself before it runs a program. Nothing of it can be taken back."""

import mmap
import os
import resource
import sys
import types
from collections.abc import Iterable
from typing import Any, NamedTuple

from . import kernel, landlock, limits, program, seccomp, syscalls
from .preload import PackageFinder
from .wire import Job

LANDLOCK, SECCOMP, BUBBLEWRAP = "landlock", "seccomp", "bubblewrap"
WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")
READABLE = ("/dev/urandom", "/dev/random", "/usr/share/zoneinfo", "/etc/ld.so.cache")
ALL_DESCRIPTORS = 1 << 20
_NO_CAPABILITIES = kernel.without_capabilities() if sys.platform == "linux" else None


class Box(NamedTuple):
    """What is known once per zygote.

    uid: who programs run as, or None to stay who we are. own_memory: the interpreter's address space, bytes.
    landlock, filter: what restricts files and system calls, or None.
    first_kept: descriptors from here on stay open; see `open_the_way`.
    """

    uid: int | None
    own_memory: int
    landlock: kernel.Call | None
    filter: seccomp.Filter | None
    first_kept: int
    zygote: int
    main: types.ModuleType


def prepare(settings: dict[str, Any]) -> Box:
    """Builds the box of a zygote's settings (`launch.Plan.settings`); raises OSError where a layer cannot be had."""
    layers = settings["layers"]
    readable = [*settings["readable"], *READABLE]
    uid = settings["uid"]
    closed = (
        [] if uid is None else _closed_to(uid, dict.fromkeys([settings["library"], *settings["packages"].values()]))
    )
    open_the_way(closed)
    files = landlock.restriction(landlock.ruleset(readable, WRITABLE)) if LANDLOCK in layers else None
    calls = seccomp.Filter(syscalls.machine(), read_only=files is None) if SECCOMP in layers else None
    return Box(uid, own_memory()[0], files, calls, limits.OPEN_FILES - len(closed), os.getpid(), program.prepare())


def own_memory() -> tuple[int, int]:
    """Returns the bytes of address space and of memory that this process takes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            pages, resident = file.read().split()[:2]
    except FileNotFoundError:
        return 0, 0
    return int(pages) * resource.getpagesize(), int(resident) * resource.getpagesize()


def _closed_to(uid: int, folders: Iterable[str]) -> list[str]:
    """Returns those of the folders that a user without any privilege cannot read."""
    closed: list[str] = []
    for folder in folders:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                _become(uid)
                os.stat(f"{folder}/.")
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1] != 0:
            closed.append(folder)
    return closed


def open_the_way(folders: list[str]) -> None:
    """Makes what is installed under a private home readable to programs, which run as another user.

    Modules that are not imported yet are then found through open descriptors of their folders, past parents that nobody
    may enter; the last descriptors that a process may have. They are good for reading what Landlock lets be read.
    """
    for number, folder in enumerate(reversed(folders), 1):
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        os.dup2(descriptor, limits.OPEN_FILES - number, inheritable=False)
        os.close(descriptor)
        way = f"/proc/self/fd/{limits.OPEN_FILES - number}"
        sys.path[:] = [_moved(path, folder, way) for path in sys.path]
        for finder in sys.meta_path:
            if isinstance(finder, PackageFinder):
                finder.folders = {name: _moved(path, folder, way) for name, path in finder.folders.items()}
        for module in list(sys.modules.values()):
            if isinstance(getattr(module, "__path__", None), list):
                module.__path__ = [_moved(path, folder, way) for path in module.__path__]
    sys.path_importer_cache.clear()


def _moved(path: str, folder: str, way: str) -> str:
    return way + path.removeprefix(folder) if path == folder or path.startswith(folder + "/") else path


def close_for_all() -> None:
    """Puts up the walls that the zygote can live behind too; its children inherit them."""
    _be_the_one_to_kill()
    limits.impose_for_all()
    if sys.platform == "linux":
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def run(box: Box, job: Job, descriptors: list[int], boxed: mmap.mmap) -> int:
    """Boxes this process in and runs a program; returns its exit status. `boxed` tells the zygote that the box stood.

    Raises OSError where a wall cannot be put up; then not a line of the program has run.
    """
    os.setsid()
    source, *streams = descriptors
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    text = _whole(source, job.source)
    limits.impose(job, box.own_memory)
    if box.uid is not None:
        _become(box.uid)
    if sys.platform == "linux":
        kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)  # which a change of user would have undone
        if os.getppid() != box.zygote:
            os._exit(1)  # the zygote died before the line above
    if box.landlock is not None:
        box.landlock()
    os.closerange(3, box.first_kept)
    os.closerange(limits.OPEN_FILES, ALL_DESCRIPTORS)
    if box.filter is not None:
        box.filter.install(os.getpid())
    boxed[0] = 1
    boxed.close()  # unmapped: a program cannot reach it any more
    return program.run(box.main, text)


def _whole(descriptor: int, size: int) -> bytes:
    data = os.pread(descriptor, size, 0)
    while len(data) < size and (part := os.pread(descriptor, size - len(data), len(data))):
        data += part
    return data


def _be_the_one_to_kill() -> None:
    """Makes this process the kernel's first choice when the machine runs out of memory, not the trainer."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return  # no /proc here: the kernel then goes by size
    try:
        os.write(descriptor, b"1000")
    finally:
        os.close(descriptor)


def _become(uid: int) -> None:
    """Gives up root for good."""
    os.setgroups([])
    if hasattr(os, "setresuid"):
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:
        os.setgid(uid)
        os.setuid(uid)
    if _NO_CAPABILITIES is not None:
        _NO_CAPABILITIES()
