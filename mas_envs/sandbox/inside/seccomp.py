"""seccomp: the filter that lets a program make the system calls of `syscalls.ALLOWED` and no others.

A filter is classic BPF (`linux/seccomp.h`, `linux/filter.h`) over the call's number, the processor's ABI and the
arguments. It is made once per zygote, except for the process's own id, which each child writes into it. Refused calls
return EPERM, as they do under other judges, so that a program can catch it; another processor's ABI kills.
"""

import ctypes
import errno
import struct
from typing import NamedTuple

from . import kernel, syscalls

# BPF_LD|W|ABS, BPF_JMP|JA, |JEQ|K, |JGE|K, BPF_ALU|AND|K, BPF_RET|K
_LOAD, _JUMP, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _AND, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x54, 0x06
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_SET_MODE_FILTER = 1
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16
_INSTRUCTION = struct.Struct("=HBBI")
_WORD = struct.Struct("=I")
_REFUSE = [(_RETURN, 0, 0, _ERRNO | errno.EPERM)]
_OWN_PID = -1  # stands for the process's own id until it is known

A_THREAD = 0x10000 | 0x400  # CLONE_THREAD, CLONE_FILES
A_THREAD_AND_NOTHING_NEW = A_THREAD | 0x7E020000 | 0x80 | 0x2000 | 0x4000 | 0x8000 | 0x1000
"""What must be set, and what must not be: any new namespace, ptrace, vfork, parent, pidfd."""
_TERMINAL_QUESTIONS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIO(N)CLEX
_DUP_AND_FLAGS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC
_SET_NAME, _GET_NAME, _SET_VMA = 15, 16, 0x53564D41
_RLIMIT_STACK = 3
_CLOSE_RANGE_CLOEXEC = 4
_AF_UNIX, _SOCK_STREAM, _SOCK_FLAGS = 1, 1, 0o2004000
_SIGKILL = 9
_WRITING = 0o3 | 0o100 | 0o1000 | 0o20000000  # O_ACCMODE O_CREAT O_TRUNC and what marks O_TMPFILE


class Check(NamedTuple):
    """A condition on one argument: after `& mask` its low 32 bits are one of `values`, or none of them."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    negate: bool = False
    high: bool = False
    """Looks at the high 32 bits instead, which matter where the argument is a pointer."""


def _null(argument: int) -> tuple[Check, Check]:
    return Check(argument, (0,)), Check(argument, (0,), high=True)


CONDITIONS: dict[str, tuple[tuple[Check, ...], ...]] = {
    # Threads, but no processes. (clone3 keeps its flags where a filter cannot see them: see `build`.) All of them have
    # one table of descriptors: with one each they could keep gigabytes in sockets, which no limit on memory counts.
    "clone": ((Check(0, (A_THREAD,), A_THREAD_AND_NOTHING_NEW),),),
    "close_range": ((Check(2, (0, _CLOSE_RANGE_CLOEXEC)),),),  # and not CLOSE_RANGE_UNSHARE
    # Signals to itself only, and not SIGKILL: that one then always comes from outside and is never the program's word.
    "kill": ((Check(0, (_OWN_PID,)), Check(1, (_SIGKILL,), negate=True)),),
    "tgkill": ((Check(0, (_OWN_PID,)), Check(2, (_SIGKILL,), negate=True)),),
    # Limits can be read; of its own, the stack's can be set, as programs that recurse deeply do. (Lowering the CPU
    # limit would let a program have itself killed by the kernel.)
    "prlimit64": (
        (Check(0, (0, _OWN_PID)), *_null(2)),
        (Check(0, (0, _OWN_PID)), Check(1, (_RLIMIT_STACK,))),
    ),
    "setrlimit": ((Check(0, (_RLIMIT_STACK,)),),),
    "prctl": ((Check(0, (_SET_NAME, _GET_NAME, _SET_VMA)),),),
    "fcntl": ((Check(1, _DUP_AND_FLAGS),),),  # not F_SETOWN or F_SETSIG, which send signals, nor pipe sizes, nor seals
    "ioctl": ((Check(1, _TERMINAL_QUESTIONS),),),
    # Pairs of connected streams, as asyncio makes one; datagrams could still be sent to any socket's address. (There
    # is no setsockopt: it takes BPF programs, and larger buffers.)
    "socketpair": ((Check(0, (_AF_UNIX,)), Check(1, (_SOCK_STREAM,), 0xFFFFFFFF & ~_SOCK_FLAGS)),),
    "sendto": (_null(4),),
}
READ_ONLY: dict[str, tuple[tuple[Check, ...], ...]] = {
    "open": ((Check(1, (0,), _WRITING),),),
    "openat": ((Check(2, (0,), _WRITING),),),
}
"""Conditions in addition, where no Landlock keeps files from being written."""
DOES_NOTHING = ("sched_yield",)
"""Succeed without being made: time that a program gives away would look like time that the machine kept from it."""


Code = list[tuple[int, int, int, int]]
"""Instructions: operation, how many to skip if true, how many if false, operand."""


def build(processor: str, read_only: bool = False) -> tuple[bytes, list[int]]:
    """Returns a filter as BPF code, and the positions (in bytes) at which the process's own id has to be written."""
    code: Code = [(_LOAD, 0, 0, _OFFSET_ARCH)]
    code += [(_JUMP_IF_EQUAL, 1, 0, syscalls.AUDIT_ARCH[processor]), (_RETURN, 0, 0, _KILL)]
    code.append((_LOAD, 0, 0, _OFFSET_NUMBER))
    if processor == syscalls.X86_64:
        # The x32 ABI has its bit set in every number: kill, as for any other foreign ABI.
        code += [(_JUMP_IF_AT_LEAST, 0, 1, syscalls.X32_BIT), (_RETURN, 0, 0, _KILL)]
    code += _tree(_segments(_blocks(processor, CONDITIONS | (READ_ONLY if read_only else {}))))
    own = [i * _INSTRUCTION.size + 4 for i, part in enumerate(code) if part[3] == _OWN_PID]
    packed = b"".join(_INSTRUCTION.pack(op, yes, no, 0 if k == _OWN_PID else k) for op, yes, no, k in code)
    return packed, own


def _blocks(processor: str, conditions: dict[str, tuple[tuple[Check, ...], ...]]) -> dict[int, Code]:
    """Returns what to do for each system call that is not simply refused, by its number."""
    # glibc falls back to clone, which can be looked into, where there is no clone3.
    blocks: dict[str, Code] = {"clone3": [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]}
    for name in syscalls.ALLOWED:
        if name in DOES_NOTHING:
            blocks[name] = [(_RETURN, 0, 0, _ERRNO)]
        elif name in conditions:
            blocks[name] = [part for checks in conditions[name] for part in _alternative(checks)] + _REFUSE
        else:
            blocks[name] = [(_RETURN, 0, 0, _ALLOW)]
    numbers = {name: syscalls.number(name, processor) for name in blocks}
    return {number: blocks[name] for name, number in numbers.items() if number is not None}


def _segments(blocks: dict[int, Code]) -> list[tuple[int, Code]]:
    """Returns (first number, what to do from there up to the next segment), ascending, for all numbers."""
    segments: list[tuple[int, Code]] = []
    for number in range(max(blocks) + 2):
        block = blocks.get(number, _REFUSE)
        if not segments or segments[-1][1] != block:
            segments.append((number, block))
    return segments


def _tree(segments: list[tuple[int, Code]]) -> Code:
    """Returns a binary search for the segment of a number: the kernel walks through it for each number at each fork."""
    if len(segments) == 1:
        return segments[0][1]
    middle = len(segments) // 2
    below, above = _tree(segments[:middle]), _tree(segments[middle:])
    first = segments[middle][0]
    if len(below) < 256:  # what one conditional jump can skip
        return [(_JUMP_IF_AT_LEAST, len(below), 0, first), *below, *above]
    return [(_JUMP_IF_AT_LEAST, 0, 1, first), (_JUMP, 0, 0, len(below)), *below, *above]


def _alternative(checks: tuple[Check, ...]) -> Code:
    """Returns code that allows the call if all checks hold, and otherwise goes on after itself."""
    code: Code = [(_RETURN, 0, 0, _ALLOW)]
    for check in reversed(checks):
        head = [(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * check.argument + (4 if check.high else 0))]
        if check.mask != 0xFFFFFFFF:
            head.append((_AND, 0, 0, check.mask))
        past = len(code)  # how far it is past what stands behind this check
        tests: Code = []
        for value in reversed(check.values):
            if check.negate:
                tests.insert(0, (_JUMP_IF_EQUAL, len(tests) + past, 0, value))
            else:
                tests.insert(0, (_JUMP_IF_EQUAL, len(tests), 0 if tests else past, value))
        code = [*head, *tests, *code]
    return code


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


class Filter:
    """A filter made ready for processes to put themselves under it, each with its own id."""

    def __init__(self, processor: str, read_only: bool = False):
        code, self._own = build(processor, read_only)
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // _INSTRUCTION.size, ctypes.addressof(self._code))
        self._call = kernel.Call("seccomp", _SET_MODE_FILTER, 0, self._program)

    def install(self, pid: int) -> None:
        """Puts this process, whose id is `pid`, under the filter for good. It must have NO_NEW_PRIVS."""
        for position in self._own:
            _WORD.pack_into(self._code, position, pid)
        self._call()
