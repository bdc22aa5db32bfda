"""Worker processes that grade one pair at a time and may be killed at any moment, seen from the caller's side."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from time import monotonic
from typing import Any, NamedTuple

CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})
START_SECONDS = 120.0
"""Wall-clock time within which a worker has to be ready."""


class LostError(Exception):
    """The worker is gone, or has been given up, with a job at hand; its argument says how."""


class Job(NamedTuple):
    """Two cleaned texts, and the absolute error allowed, as a fraction in words."""

    gold: str
    answer: str
    tolerance: str


class Worker:
    """One worker process, started at the first job. Not for two threads at once."""

    def __init__(self, cpu_seconds: float, memory_bytes: int, wall_seconds: float):
        self._arguments = [str(cpu_seconds), str(memory_bytes)]
        self._wall_seconds = wall_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._ids = count(1)
        self._unread = b""

    def ask(self, job: Job) -> dict[str, Any]:
        """Returns the reply to a job. Raises LostError, after which the next job starts a fresh process."""
        process = self._started()
        number = next(self._ids)
        line = json.dumps({"id": number, **job._asdict()}).encode() + b"\n"
        try:
            assert process.stdin is not None
            process.stdin.write(line)
            process.stdin.flush()
            reply = self._reply(process, self._wall_seconds)
        except OSError as error:
            self.kill()
            raise LostError(f"the worker is gone ({error})") from error
        if reply["id"] != number:
            self.kill()
            raise LostError(f"the worker answered job {reply['id']} instead of {number}")
        return reply

    @property
    def pid(self) -> int | None:
        """The process to which jobs go, None before the first."""
        return self._process.pid if self._process else None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner != os.getpid():
            self._process = None  # this is a fork of the process that owns the worker: leave it to its owner
        if self._process is not None and self._process.poll() is not None:
            self.kill()
        if self._process is None:
            path = os.pathsep.join(filter(None, sys.path))
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mas_envs.grading.worker", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the caller; and a group to kill
                env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},  # verdicts do not depend on a hash
            )
            self._owner, self._unread = os.getpid(), b""
            self._reply(self._process, START_SECONDS)
        return self._process

    def _reply(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
        assert process.stdout is not None
        end, poll = monotonic() + seconds, select.poll()
        poll.register(process.stdout, select.POLLIN)
        while b"\n" not in self._unread:
            ready = poll.poll(max(0.0, end - monotonic()) * 1000)
            data = os.read(process.stdout.fileno(), 65_536) if ready else b""
            if not data:
                self.kill()
                raise LostError("the worker ended" if ready else f"no answer within {seconds:g} s")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def kill(self) -> None:
        """Ends the process and what it has forked, at once."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        with suppress(ProcessLookupError):  # the whole group may have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was left to write has no reader any more
                    pipe.close()


class Pool:
    """Workers for any number of threads; `ask` waits for a free one."""

    def __init__(self, workers: int, cpu_seconds: float, memory_bytes: int, wall_seconds: float):
        self._settings = (cpu_seconds, memory_bytes, wall_seconds)
        self._all = [Worker(*self._settings) for _ in range(workers)]
        self._free = list(self._all)
        self._changed = threading.Condition()
        self._alone = threading.Lock()

    def ask(self, job: Job) -> tuple[str, str]:
        """Returns (verdict, why). A job whose worker was lost is tried once more, alone in a fresh worker."""
        with self._worker() as worker:
            try:
                reply = worker.ask(job)
                if reply.get("killed") in (None, signal.SIGPROF):
                    return self._read(reply)
            except LostError:
                pass  # and once more
        with self._alone:
            fresh = Worker(*self._settings)
            try:
                return self._read(fresh.ask(job))
            except LostError as error:
                return "infrastructure", f"two workers were lost over it: {error}"
            finally:
                fresh.kill()

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [worker.pid for worker in self._all if worker.pid is not None]

    def close(self) -> None:
        """Ends all workers; a later job starts them again."""
        for worker in self._all:
            worker.kill()

    def _read(self, reply: dict[str, Any]) -> tuple[str, str]:
        killed = reply.get("killed")
        if killed is None:
            return reply["verdict"], reply["why"]
        if killed == signal.SIGPROF:
            return "grader_timeout", f"took more than {self._settings[0]:g} s of processor time"
        if killed in CRASHES:
            return "grader_timeout", f"made the grader crash twice ({signal.Signals(killed).name})"
        return "infrastructure", f"two workers were killed over it (signal {killed})"

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        with self._changed:
            while not self._free:
                self._changed.wait()
            worker = self._free.pop()
        try:
            yield worker
        finally:
            with self._changed:
                self._free.append(worker)
                self._changed.notify()
