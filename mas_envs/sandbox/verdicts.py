"""From what the zygote saw of a run to its verdict. Pure; nothing here believes what a program says of itself.

The one thing read from a program's own words is MemoryError at the end of stderr: it turns a runtime_error into a
memory_limit, which is worth as little.
"""

import os
import re
import signal
from typing import NamedTuple

from mas_envs.sandbox.inside.wire import Ending, Reply
from mas_envs.sandbox.jobs import Limits, Verdict

ERR_KEPT = 64 * 1024
"""Bytes of stderr that a result holds: its last ones, where a traceback stands."""
OUT_KEPT_OVER_LIMIT = 64 * 1024
"""Bytes of stdout that a result holds when there were too many: its first ones."""
_OUT_OF_MEMORY = re.compile(rb"^(?:[\w.]+\.)?_?(?:Array)?MemoryError\b|std::bad_alloc")


class Ended(NamedTuple):
    """A run that is over: the zygote's reply, the sizes of stdout and stderr, stderr's end, the zygote's own memory."""

    reply: Reply
    sizes: tuple[int, int]
    err: bytes
    resident: int


def judge(ended: Ended, limits: Limits) -> tuple[Verdict, str]:
    """Returns the verdict of a run and its reason in words."""
    reply = ended.reply
    if not reply.boxed and reply.ending is Ending.BY_ITSELF:
        return Verdict.INFRASTRUCTURE, "the program was not started: " + ended.err.decode("utf-8", "replace").strip()
    if max(ended.sizes) > limits.output_kb * 1024:
        return Verdict.OUTPUT_LIMIT, f"wrote more than {limits.output_kb} KiB of output"
    if reply.ending is Ending.NOT_SCHEDULED or (reply.ending is not Ending.BY_ITSELF and not reply.boxed):
        return Verdict.INFRASTRUCTURE, f"the machine kept it waiting for a core for {reply.delay_s:.1f} s"
    if reply.ending is Ending.WALL:
        return Verdict.TIME_LIMIT, f"slept or waited past the wall limit of {limits.wall:g} s"
    if reply.ending is Ending.CPU or reply.cpu_s > limits.cpu_s:
        return Verdict.TIME_LIMIT, f"used up its {limits.cpu_s:g} s of CPU time"
    status = os.waitstatus_to_exitcode(reply.status)
    if status == 0:
        return Verdict.OK, ""
    if _ran_out_of_memory(ended, limits):
        return Verdict.MEMORY_LIMIT, f"ran out of its {limits.memory_mb} MiB of memory"
    if status == -signal.SIGKILL:
        # No program can send itself this one (see `inside.seccomp`), so it came from the machine.
        if reply.peak - ended.resident >= limits.memory_mb * 2**19:
            return Verdict.MEMORY_LIMIT, "was killed while it held most of its memory: the machine has too little of it"
        return Verdict.INFRASTRUCTURE, "killed by someone else"
    if status < 0:
        return Verdict.RUNTIME_ERROR, f"killed by {_signal_name(-status)}"
    return Verdict.RUNTIME_ERROR, f"exit status {status}"


def exit_status(reply: Reply) -> int | None:
    """Returns the exit status in the convention of `subprocess`; None where the sandbox stopped the program."""
    return os.waitstatus_to_exitcode(reply.status) if reply.ending is Ending.BY_ITSELF else None


def _ran_out_of_memory(ended: Ended, limits: Limits) -> bool:
    last = ended.err.rstrip().rpartition(b"\n")[2]
    grown = ended.reply.peak - ended.resident
    return bool(_OUT_OF_MEMORY.search(last)) or grown >= 0.9 * limits.memory_mb * 2**20


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
