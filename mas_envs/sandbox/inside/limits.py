"""The resource limits that the kernel holds a program to, whatever else is missing."""

import resource
import sys

from .wire import Job

OPEN_FILES = 64
STACK = 64 << 20
"""Bytes that the main thread's stack may grow to, as other judges allow; the C library has 8 MiB by default."""


_NONE_OF = [
    getattr(resource, name)
    for name in ("RLIMIT_CORE", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO")
    if hasattr(resource, name)
]


def impose_for_all() -> None:
    """Sets the limits that are the same for every program; they are the zygote's too, and inherited."""
    stack = resource.RLIMIT_STACK
    hard = resource.getrlimit(stack)[1]
    resource.setrlimit(stack, (_at_most(hard, STACK), hard))
    for kind, limit in ((resource.RLIMIT_NOFILE, OPEN_FILES), *((kind, 0) for kind in _NONE_OF)):
        _lower(kind, limit)


def impose(job: Job, own_memory: int) -> None:
    """Sets the limits of one program. `own_memory`: of the interpreter, bytes."""
    # The zygote watches CPU time more finely; this is for a zygote that is killed or kept from running.
    _lower(resource.RLIMIT_CPU, int(job.cpu_s) + 2)
    if sys.platform != "darwin":  # which refuses this one; the probes say so
        _lower(resource.RLIMIT_AS, own_memory + job.memory)
    _lower(resource.RLIMIT_FSIZE, job.file)
    _lower(resource.RLIMIT_NPROC, job.tasks)


def _lower(kind: int, limit: int) -> None:
    """Sets a limit, for good: the hard one too, which may be lower already."""
    limit = _at_most(_HARD[kind], limit)
    resource.setrlimit(kind, (limit, limit))


def _at_most(hard: int, limit: int) -> int:
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


_HARD = {
    kind: resource.getrlimit(kind)[1]
    for kind in (
        resource.RLIMIT_CPU,
        resource.RLIMIT_AS,
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_NPROC,
        resource.RLIMIT_NOFILE,
        *_NONE_OF,
    )
}
"""Hard limits of the zygote, which were its starter's."""
