"""One process at a time in a folder; nothing stays behind, whichever way that process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mas_envs.core.errors import UsageError
from trainers.run.files import make_folder

PATIENCE = 3.0
"""Seconds that are waited for the other one: children of a process that was killed end a moment after it."""


@contextmanager
def only_one(folder: Path, flag: str) -> Iterator[None]:
    """Makes a folder and keeps a second process out of it; raises UsageError where one is there.

    flag: what names the folder on the command line, for that error.
    """
    held = os.open(make_folder(folder), os.O_RDONLY)
    try:
        if not _locked(held):
            raise UsageError(f"Another process works in {str(folder)!r}. Wait for it, or give another {flag}.")
        yield
    finally:
        os.close(held)


def _locked(held: int) -> bool:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
