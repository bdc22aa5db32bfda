"""Landlock: the files that a program may open, no TCP, no abstract sockets and no signals to the outside.

Every ABI that the kernel has is used in full (`Documentation/userspace-api/landlock.rst`): 1 files, 2 moving between
folders, 3 truncation, 4 TCP, 5 device ioctls, 6 abstract unix sockets and signals, 7 what is written to the audit log.
"""

import ctypes
import os
import stat
from collections.abc import Iterable

from . import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE = 1 << 14
_BITS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_VERSION = 1 << 0  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH
_LOG_OFF = 1 << 0  # LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF: a hostile program must not fill the audit log


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 asks for it beside _pack_
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """Returns the newest Landlock ABI of this kernel, 0 where there is none."""
    try:
        return kernel.syscall("landlock_create_ruleset", None, 0, _VERSION)
    except OSError:
        return 0


def handled(version: int) -> tuple[int, int, int, int]:
    """Returns what an ABI can restrict: bits for files, for TCP and for scopes, and the struct's size in bytes."""
    files = (1 << _BITS_BY_ABI[min(version, 5)]) - 1
    return (
        files,
        0b11 if version >= 4 else 0,
        0b11 if version >= 6 else 0,
        24 if version >= 6 else 16 if version >= 4 else 8,
    )


def ruleset(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Returns the descriptor of a ruleset under which nothing can be opened except these paths.

    readable: files, and folders with all that is in them. writable: files that may be written as well. Paths that do
    not exist are left out. Raises OSError where the kernel has no Landlock.
    """
    version = abi()
    if not version:
        raise OSError(38, "this kernel has no Landlock")
    files, net, scoped, size = handled(version)
    rules = kernel.syscall("landlock_create_ruleset", _Ruleset(files, net, scoped), size, 0)
    for path in readable:
        _allow(rules, path, _READ_FILE | _READ_DIR)
    for path in writable:
        _allow(rules, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & files)
    return rules


def _allow(rules: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= ~_READ_DIR  # the kernel refuses a rule for a file with a folder's rights
        kernel.syscall("landlock_add_rule", rules, _PATH_BENEATH, _Beneath(access, parent), 0)
    finally:
        os.close(parent)


def restriction(rules: int) -> kernel.Call:
    """Returns the call that puts a process under a ruleset for good. It must have NO_NEW_PRIVS."""
    return kernel.Call("landlock_restrict_self", rules, _LOG_OFF if abi() >= 7 else 0)
