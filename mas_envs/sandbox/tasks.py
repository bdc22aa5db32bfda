"""How many threads a user has, all processes taken together: what RLIMIT_NPROC counts."""

import os
import threading
import time

_FRESH_S = 1.0


class TaskCounter:
    """Counts the threads of this process's user, at most once a second."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counted_at = -_FRESH_S
        self._count = 0

    def count(self) -> int:
        with self._lock:
            if time.monotonic() - self._counted_at >= _FRESH_S:
                self._count, self._counted_at = tasks_of(os.getuid()), time.monotonic()
            return self._count


def tasks_of(uid: int) -> int:
    """Returns the number of threads that run as a user; 0 where there is no /proc."""
    if not os.path.isdir("/proc/self"):
        return 0
    total = 0
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                total += _threads_if_of(uid, entry.name)
    return total


def _threads_if_of(uid: int, process: str) -> int:
    try:
        # As bytes: the first line is the name that a program gave itself, which need not be text.
        with open(f"/proc/{process}/status", "rb") as file:
            fields = {name: rest for name, _, rest in (line.partition(b":") for line in file)}
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    # The real user id is what counts; a process that is not dumpable looks like root's from its folder.
    return int(fields[b"Threads"]) if int(fields[b"Uid"].split()[0]) == uid else 0
