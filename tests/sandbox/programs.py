"""The programs that the sandbox is tried with: those in `programs/*.txt`, and what cannot well be written there.

In the text files each begins with a line `=== name`, then what is right for it (verdicts; the level from which on it
is stopped; its stdin and exactly what it prints, as Python literals), an empty line and the program. A program that
gets out prints LEAKED. Words in capitals after a dollar sign are targets that the tests set up outside.
"""

import ast
import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "programs"


class Case(NamedTuple):
    """A program; the verdicts that are right for it; what it must print, where that is known; the level it needs."""

    name: str
    program: str
    verdicts: tuple[str, ...] = ("runtime_error",)
    prints: str | None = None
    stdin: str = ""
    level: int = 1

    def aimed(self, targets: dict[str, str]) -> str:
        """Returns the program with its targets in it."""
        text = self.program
        for word, value in targets.items():
            text = text.replace(f"${word}", value)
        return text


def read(name: str) -> tuple[Case, ...]:
    """Returns the cases of a text file."""
    cases: list[Case] = []
    for part in re.split(r"^=== ", (FOLDER / f"{name}.txt").read_text(), flags=re.M)[1:]:
        head, _, program = part.partition("\n\n")
        title, *lines = head.splitlines()
        field = dict(line.split(": ", 1) for line in lines)
        prints, stdin = (ast.literal_eval(field[key]) if key in field else None for key in ("prints", "stdin"))
        verdicts = tuple(field["verdicts"].split(", "))
        cases.append(Case(title, program.rstrip("\n"), verdicts, prints, stdin or "", int(field.get("level", "1"))))
    return tuple(cases)


BY_NUMBER = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid() or 1
room = lambda size, data=b'': ctypes.addressof(ctypes.create_string_buffer(data, size))
number = {aarch64} if os.uname().machine == 'aarch64' else {x86_64}
result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, ({arguments},)))
if result < 0 and ctypes.get_errno() in (1, 38):  # EPERM and ENOSYS: it was not even tried
    raise OSError(ctypes.get_errno(), 'refused')
print('LEAKED', result, ctypes.get_errno())
"""


def by_number(name: str, x86_64: int, aarch64: int, arguments: str) -> Case:
    return Case(name, BY_NUMBER.format(x86_64=x86_64, aarch64=aarch64, arguments=arguments))


SYSTEM_CALLS = (
    by_number("io_uring", 425, 425, "8, room(120)"),
    by_number("userfaultfd", 323, 282, "1"),
    by_number("bpf", 321, 280, "0, room(120), 120"),
    by_number("perf_event_open", 298, 241, "room(120, b'\\1'), 0, -1, -1, 0"),
    by_number("key rings", 250, 219, "0, -3, 1"),
    by_number("an executable memory file", 319, 279, "room(2, b'x'), 0"),
    by_number("a handle on the parent", 434, 434, "parent, 0"),
    by_number("reading the parent's memory", 310, 270, "parent, 0, 0, 0, 0, 0"),
    by_number("writing the parent's memory", 311, 271, "parent, 0, 0, 0, 0, 0"),
    by_number("a signal with a value to the parent", 129, 138, "parent, 10, room(128)"),
    by_number("a signal to the parent's thread", 234, 131, "parent, parent, 9"),
    by_number("a signal by tkill", 200, 130, "parent, 9"),
    by_number("the parent's limits", 302, 261, "parent, 0, room(16), 0"),
    by_number("a timer whose signal is SIGKILL", 222, 107, "1, room(64, bytes(8) + b'\\x09'), room(8)"),
    by_number("a process that shares memory", 56, 220, "0x4111, 0, 0, 0, 0"),
    by_number("a thread in a new namespace", 56, 220, "0x40010900, 0, 0, 0, 0"),
    by_number("clone3", 435, 435, "room(64), 64"),
    by_number("chroot", 161, 51, "room(2, b'/')"),
    by_number("mount", 165, 40, "0, room(2, b'/'), 0, 0x4000, 0"),
    by_number("open_by_handle_at", 304, 265, "0, room(64), 0"),
    by_number("openat2", 437, 437, "-100, room(12, b'/etc/passwd'), room(24), 24"),
    by_number("a seccomp filter of its own", 317, 277, "1, 0, 0"),
    by_number("not to die with the zygote", 157, 167, "1, 0, 0, 0, 0"),
    by_number("to be dumpable", 157, 167, "4, 1, 0, 0, 0"),
    by_number("fanotify", 300, 262, "0, 0"),
    by_number("inotify", 294, 26, "0"),
    by_number("mlockall", 151, 230, "3"),
    by_number("personality", 135, 92, "0x0040000"),
    by_number("io priorities", 251, 30, "1, 0, 0"),
    by_number("message queues", 240, 180, "room(2, b'q'), 66, 384, 0"),
    by_number("a semaphore set", 64, 190, "1, 1, 950"),
    by_number("reboot", 169, 142, "0xfee1dead, 672274793, 0x89abcdef, 0"),
    by_number("descriptors of a thread's own", 436, 436, "60, 60, 2"),
    by_number("a BPF program on a socket", 54, 208, "0, 1, 26, room(16), 16"),
    by_number("larger buffers of a socket", 54, 208, "0, 1, 7, room(4, b'\\xff\\xff\\xff\\x7f'), 4"),
    by_number("a call of the x32 ABI", 39 | 0x40000000, 425, "0"),
)
BROKEN = (
    Case("no program", "", ("ok",), ""),
    Case("a NUL byte", "print(1)\0"),
    Case("a lone surrogate", "print('\ud800')"),
    Case("a BOM", "\ufeffprint(1)", ("ok",), "1\n"),
    Case("another encoding", "# coding: latin-1\nprint(len('\u00e4'))", ("ok",), "2\n"),
    Case("10,000 parentheses", "(" * 10_000 + ")" * 10_000, ("runtime_error", "memory_limit")),
    Case("10,000 minus signs", "-" * 10_000 + "1", ("runtime_error", "memory_limit", "ok")),
    Case("a tower of calls", "f" + "()" * 50_000, ("runtime_error", "memory_limit")),
    Case("a tower of blocks", "\n".join(" " * i + "if 1:" for i in range(110)) + "\n" + " " * 110 + "pass"),
    Case("5 MB of program", "x = 1\n" * 850_000 + "print(x)", ("ok", "time_limit", "memory_limit")),
)
FIFTY = read("fifty")
OTHERS = (*SYSTEM_CALLS, *read("reaching_out"), *read("time_and_memory"), *read("syntax"), *BROKEN)
HONEST = read("honest")
