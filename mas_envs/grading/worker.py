"""A worker of the pool: `python -m mas_envs.grading.worker CPU_SECONDS MEMORY_BYTES`, jobs and replies as JSON lines.

The process that is started imports math-verify once and then forks: the child grades, the parent waits for it. What
kills the child, a time limit for one, the parent reports as the reply to the job at hand, and forks the next child,
which takes milliseconds. So no answer, whatever it makes of the child, costs the import again.

A job is {"id", "gold", "answer", "tolerance"}; a reply {"id", "verdict", "why"} or {"id", "killed": signal}.
"""

import gc
import json
import mmap
import os
import resource
import signal
import struct
import sys
from fractions import Fraction
from functools import partial
from typing import Any, BinaryIO

from mas_envs.grading.algebra import UnreadableError, same_expression
from mas_envs.grading.compare import Comparer

FINISHED, USED_UP = 0, 3
"""Exit codes of a child: there are no more jobs; it has graded enough for one life."""
JOBS_OF_A_CHILD = 1000
WARM_UP = (
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"),
    ("(x+1)^2", "x^2+2x+1"),
    ("2x+4y-3=0", r"y=-\frac{1}{2}x+\frac{3}{4}"),
    (r"x \leq 2", r"2 \geq x"),
    (r"\sin^2 x + \log_2 y", r"1-\cos^2 x + \frac{\ln y}{\ln 2}"),
    (r"[0, 1) \cup (1, \pi)", r"(1, \pi) \cup [0, 1)"),
    (r"\begin{vmatrix} a & b \\ c & d \end{vmatrix}", "a*d - b*c"),
)
"""Pairs graded before the first fork: parsers and caches are warm in every child."""


def decide(gold: str, answer: str, tolerance: Fraction) -> tuple[str, str]:
    """Returns (verdict, why) of two cleaned texts, with algebra."""
    algebra = partial(same_expression, tolerance=tolerance)
    try:
        outcome = Comparer(algebra, tolerance).texts(gold, answer)
    except UnreadableError as error:
        text = str(error)[:60]
        return "unparsable", f"cannot be read: {text!r} {'(the reference)' if str(error) == gold else ''}".strip()
    return ("correct" if outcome.equal else "incorrect"), outcome.why


def serve(jobs: BinaryIO, replies: int, busy: mmap.mmap, cpu_seconds: float) -> int:
    """Grades jobs until there are no more; returns the exit code. SIGPROF, undisturbed, ends a job that takes long."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for _ in range(JOBS_OF_A_CHILD):
        line = jobs.readline()
        if not line:
            return FINISHED
        job = json.loads(line)
        busy[:8] = struct.pack("q", job["id"])
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        used_up = False
        try:
            verdict, why = decide(job["gold"], job["answer"], Fraction(job["tolerance"]))
        except MemoryError:
            verdict, why, used_up = "grader_timeout", "took more memory than allowed", True
        except RecursionError:
            verdict, why, used_up = "unparsable", "nested too deeply", True
        signal.setitimer(signal.ITIMER_PROF, 0)
        _reply(replies, {"id": job["id"], "verdict": verdict, "why": why})
        busy[:8] = struct.pack("q", 0)
        if used_up:
            return USED_UP
    return USED_UP


def _reply(replies: int, reply: dict[str, Any]) -> None:
    data = json.dumps(reply).encode() + b"\n"
    while data:
        data = data[os.write(replies, data) :]


def _limit_memory(memory_bytes: int) -> None:
    """Lets the process take `memory_bytes` more than it has now."""
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + memory_bytes, now + memory_bytes))


def main(cpu_seconds: float, memory_bytes: int) -> None:
    """Serves standard input until it ends; replies go to standard output, which nothing else can write to."""
    replies = os.dup(1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for gold, answer in WARM_UP:
        decide(gold, answer, Fraction(0))
    gc.collect()
    gc.freeze()
    busy = mmap.mmap(-1, 8)
    _reply(replies, {"id": 0, "verdict": "ready", "why": ""})
    while True:
        child = os.fork()
        if child == 0:
            if sys.platform == "linux":
                _limit_memory(memory_bytes)
            os._exit(serve(sys.stdin.buffer, replies, busy, cpu_seconds))
        status = os.waitpid(child, 0)[1]
        job = struct.unpack("q", busy[:8])[0]
        busy[:8] = struct.pack("q", 0)
        if job:
            killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            _reply(replies, {"id": job, "killed": killed})
        elif os.WIFEXITED(status) and os.WEXITSTATUS(status) == FINISHED:
            return


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
