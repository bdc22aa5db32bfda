r"""The sandbox: runs programs that a model wrote, in parallel, so that none can reach outside, cheat or hang.

with Sandbox() as sandbox:
    result = sandbox.run("print(int(input()) + 1)", "41")
    result.verdict, result.stdout           # Verdict.OK, "42\n"
"""

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from mas_envs.core import game
from mas_envs.core.errors import UsageError, in_range
from mas_envs.sandbox.cache import Cache, key_of
from mas_envs.sandbox.inside.wire import LostError, Reply
from mas_envs.sandbox.jobs import DEFAULT_LIMITS, Limits, Result, RunProgram, SandboxError, Verdict
from mas_envs.sandbox.launch import BUBBLEWRAP, LAYERS, Plan, locate, possible, users
from mas_envs.sandbox.probes import SAFE_LEVEL, Finding, level_of, worst
from mas_envs.sandbox.tasks import TaskCounter
from mas_envs.sandbox.worker import Files, Worker

LOSSES = 10
"""How often a job is begun anew because its zygote was lost, before the machine is blamed."""


class Sandbox:
    """Runs Python programs, each in a box of its own. To be used from any number of threads and from asyncio.

    Args:
        workers: zygotes, so programs that run at once; by default one per core that this process may use.
        packages: installed packages, beside the standard library, that programs may import; they are loaded once.
        layers: which walls to use beside resource limits, of "seccomp", "landlock" and "bubblewrap". What the machine
            lacks is left out; `level` says what was proven in the end, and `missing` why the rest is not there.
        allow_unsafe: run programs even where the level is below 2, so that they could read files, or more.
        cache: results of earlier runs, reused where program, input, limits and sandbox are the same.

    Raises SandboxError where the level proven is below 2 and `allow_unsafe` is not set, or nothing can be started.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        packages: Sequence[str] = ("numpy",),
        layers: Sequence[str] = LAYERS,
        allow_unsafe: bool = False,
        cache: Cache | None = None,
    ):
        self.workers = in_range("workers", cores() if workers is None else workers, 1, 1024)
        self.cache = cache
        self._made_in = os.getpid()
        self._closed = False
        self._alone = threading.Lock()
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._counter, self._users = TaskCounter(), users(self.workers)
        self._plan, self.missing = Plan((), locate(packages)), {}
        self.level, self.findings = -1, list[Finding]()
        self._workers = [self._first(layers)]
        if self.level < SAFE_LEVEL and not allow_unsafe:
            self._workers[0].stop()
            raise SandboxError(self._too_open())
        self._workers += [Worker(self._plan, user) for user in self._users[1:]]
        self._setting = f"{self._plan} level {self.level} Python {sys.version}"
        # One more than workers: it makes ready what comes next, so that no worker waits for it.
        self._threads = ThreadPoolExecutor(self.workers + 1, thread_name_prefix="sandbox")
        for worker in self._workers:
            self._idle.put(worker)
        try:
            list(self._threads.map(self._start, self._workers))
        except BaseException:
            self.close()
            raise

    # ---- running -----------------------------------------------------------------------------------------------
    def run(self, program: str, stdin: str | bytes = "", limits: Limits = DEFAULT_LIMITS) -> Result:
        """Runs a program on an input and returns what came of it. Whatever the program does is a result, no exception.

        Raises UsageError for arguments of a wrong type, SandboxError where the sandbox is closed.
        """
        return self.serve(RunProgram(program, stdin, limits))

    def run_many(self, jobs: Iterable[RunProgram]) -> list[Result]:
        """Runs programs, as many at once as there are workers; returns their results in order. Raises as `run` does."""
        self._check_open()  # before the threads are asked, of which a forked process has none
        jobs = _checked(jobs)
        if self.cache is None:
            return list(self._threads.map(self.serve, jobs))
        # What is asked for twice in one batch runs once.
        keys = [key_of(job, self._setting) for job in jobs]
        once = dict(zip(keys, jobs, strict=True))
        results = dict(zip(once, self._threads.map(self.serve, once.values()), strict=True))
        return [results[key] for key in keys]

    def submit(self, job: RunProgram) -> Future[Result]:
        """Begins to run a program; the future holds its result. Raises SandboxError where the sandbox is closed."""
        self._check_open()
        return self._threads.submit(self.serve, job)

    async def arun(self, program: str, stdin: str | bytes = "", limits: Limits = DEFAULT_LIMITS) -> Result:
        """`run` for asyncio: other tasks go on meanwhile."""
        return await asyncio.wrap_future(self.submit(RunProgram(program, stdin, limits)))

    async def arun_many(self, jobs: Iterable[RunProgram]) -> list[Result]:
        """`run_many` for asyncio."""
        return await asyncio.to_thread(self.run_many, jobs)

    def __call__(self, effects: Sequence[game.Effect]) -> list[game.Result]:
        """Carries out `RunProgram` effects: the sandbox is an `EffectRunner`.

        Each value is a `Result`; one whose verdict is infrastructure is a failed effect.
        """
        results = self.run_many(_checked(effects))
        return [game.Result(each, failed=each.verdict is Verdict.INFRASTRUCTURE) for each in results]

    def serve(self, job: RunProgram) -> Result:
        """`run` for a program, input and limits that are together in one job."""
        self._check_open()
        key = key_of(job, self._setting) if self.cache is not None else ""
        if self.cache is not None and (known := self.cache.get(key)) is not None:
            return known
        with Files(job) as files:
            with self._borrow() as worker:
                reply = self._attempt(worker, files)
            result = self._result(files, reply)
            if result.verdict is Verdict.INFRASTRUCTURE:
                with self._borrow_all() as workers:
                    files.renew()
                    reply = self._attempt(workers[0], files)
                result = self._result(files, reply)
        if self.cache is not None:
            self.cache.put(key, result)
        return result

    def _attempt(self, worker: Worker, files: Files) -> Reply | str:
        """Runs a job, on a new zygote each time that one is lost under it; returns why in vain, after LOSSES times."""
        reason = ""
        for _ in range(LOSSES):
            try:
                self._start(worker)
                return worker.run(files, self._tasks(files.job.limits))
            except (LostError, SandboxError, OSError) as error:
                files.renew()
                reason = str(error)
        return f"the sandbox was lost {LOSSES} times: {reason}"

    def _result(self, files: Files, reply: Reply | str) -> Result:
        if isinstance(reply, str):
            return Result(Verdict.INFRASTRUCTURE, reply, level=self.level)
        return files.result(reply, self.level)

    @contextmanager
    def _borrow(self) -> Iterator[Worker]:
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)

    @contextmanager
    def _borrow_all(self) -> Iterator[list[Worker]]:
        """Waits until no program runs, and keeps it so."""
        with self._alone:
            workers = [self._idle.get() for _ in self._workers]
            try:
                yield workers
            finally:
                for worker in workers:
                    self._idle.put(worker)

    def _tasks(self, limits: Limits) -> int:
        """Returns RLIMIT_NPROC for a program: it counts threads of the whole user, except in a user namespace."""
        if self._users[0] is not None:
            return limits.threads
        if BUBBLEWRAP in self._plan.layers:
            return limits.threads + 1  # the zygote
        return limits.threads * self.workers + self._counter.count()

    # ---- starting and ending -----------------------------------------------------------------------------------
    def _first(self, layers: Sequence[str]) -> Worker:
        """Returns a worker that runs, with as many of the layers as work here; sets level, findings and missing."""
        usable, self.missing = possible(layers)
        while True:
            self._plan = replace(self._plan, layers=usable)
            worker = Worker(self._plan, self._users[0])
            try:
                self.findings = worst(worker.start(self._tasks(DEFAULT_LIMITS)))
                self.level = level_of(self.findings)
                return worker
            except (SandboxError, LostError, OSError) as error:
                worker.stop()
                if not usable:
                    raise SandboxError(f"The sandbox does not start: {error}") from error
                self.missing[usable[-1]] = f"does not work here: {error}"
                usable = usable[:-1]

    def _start(self, worker: Worker) -> None:
        """Starts what does not run of a worker; raises SandboxError where it proves less than the first one did."""
        level = level_of(worker.start(self._tasks(DEFAULT_LIMITS)))
        if level < self.level:
            worker.stop()
            raise SandboxError(f"A new zygote reaches level {level}, the first one reached {self.level}.")

    def _too_open(self) -> str:
        doors = ", ".join(each.probe.name for each in self.findings if not each.stopped)
        missing = "; ".join(f"{layer}: {reason}" for layer, reason in self.missing.items())
        return (
            f"The sandbox reaches level {self.level} on this machine, and {SAFE_LEVEL} is needed. A program could: "
            f"{doors}. Missing: {missing or 'nothing'}. See `python -m mas_envs.sandbox --check`. To run programs "
            "all the same, pass allow_unsafe=True."
        )

    def _check_open(self) -> None:
        if self._closed:
            raise SandboxError("The sandbox is closed. Make a new one.")
        if self._made_in != os.getpid():
            raise SandboxError("The sandbox was made in another process; after a fork, make one in this process.")

    def close(self) -> None:
        """Ends all zygotes, after the programs that run now. Closing twice does nothing."""
        if self._closed or self._made_in != os.getpid():
            return
        self._closed = True
        self._threads.shutdown(cancel_futures=True)
        with self._borrow_all() as workers:
            for worker in workers:
                worker.stop()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(jobs: Iterable[game.Effect]) -> list[RunProgram]:
    checked: list[RunProgram] = []
    for job in jobs:
        if not isinstance(job, RunProgram):
            raise UsageError(f"A sandbox runs RunProgram(program, stdin, limits), not {type(job).__name__}.")
        checked.append(job)
    return checked
