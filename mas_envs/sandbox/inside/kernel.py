"""Calls into Linux that Python has no function for, by ctypes. Each raises OSError where the kernel says no."""

import ctypes
import os
import sys
from typing import Any

from . import syscalls

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_prctl = None
if sys.platform == "linux":
    _prctl = _libc.prctl
    _prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


_NO_CAPABILITIES = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; each in two words


class Call:
    """A system call made ready: what a forked child does for the first time costs it far more than doing it."""

    def __init__(self, name: str, *arguments: int | ctypes.Array | ctypes.Structure | None):
        self.name = name
        number = syscalls.number(name)
        self._words: list[Any] = [ctypes.c_long(-1 if number is None else number)]
        for argument in arguments:
            if isinstance(argument, int):
                self._words.append(ctypes.c_long(argument))
            else:
                self._words.append(argument if argument is None else ctypes.byref(argument))

    def __call__(self) -> int:
        """Makes the call and returns its result; raises OSError where the kernel says no."""
        result = _syscall(*self._words)
        if result < 0:
            error = ctypes.get_errno()
            raise OSError(error, f"{self.name}: {os.strerror(error)}")
        return result


def syscall(name: str, *arguments: int | ctypes.Array | ctypes.Structure | None) -> int:
    """Makes the system call `name`; pointers are given as ctypes objects. Returns its result."""
    return Call(name, *arguments)()


def prctl(option: int, value: int) -> None:
    """Sets one property of this process."""
    if _prctl is None:
        raise OSError(38, "prctl exists on Linux only")
    if _prctl(option, value, 0, 0, 0) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")


def without_capabilities() -> Call:
    """Returns the call that leaves a process without any capability."""
    return Call("capset", _CapabilityHeader(CAPABILITY_VERSION_3, 0), _NO_CAPABILITIES)


def one_arena() -> None:
    """Lets threads share the C library's one heap, where it is glibc: arenas of their own reserve 64 MiB each."""
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None and sys.platform == "linux":
        mallopt(-8, 1)  # M_ARENA_MAX
