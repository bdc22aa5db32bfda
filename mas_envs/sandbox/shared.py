"""The one sandbox that the games of a process share: started when the first program has to run, closed at the end."""

import atexit
import os
import threading

from mas_envs.sandbox.cache import Cache
from mas_envs.sandbox.sandbox import Sandbox

CACHE_MB = 64
"""Memory for the results of earlier runs."""
_lock = threading.Lock()
_shared: dict[int, Sandbox] = {}


def shared_sandbox() -> Sandbox:
    """Returns the sandbox that this process shares, started if it is not there; it is closed when the process ends.

    Raises SandboxError where this machine cannot hold programs safely (see `Sandbox`).
    """
    with _lock:
        process = os.getpid()
        if process not in _shared:  # after a fork, the parent's is no use
            _shared.clear()
            _shared[process] = Sandbox(cache=Cache(CACHE_MB))
            atexit.register(_shared[process].close)
        return _shared[process]
