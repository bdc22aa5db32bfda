"""The trainer's end of zygotes: starting them, handing them a program, reading what came of that."""

import os
import signal
import socket
import subprocess
import sys

from mas_envs.core.errors import UsageError
from mas_envs.sandbox.inside import wire
from mas_envs.sandbox.inside.wire import Job, LostError, Reply
from mas_envs.sandbox.jobs import Result, RunProgram, SandboxError
from mas_envs.sandbox.launch import ENVIRONMENT, Plan
from mas_envs.sandbox.probes import Finding, probe
from mas_envs.sandbox.streams import Anonymous
from mas_envs.sandbox.verdicts import ERR_KEPT, OUT_KEPT_OVER_LIMIT, Ended, exit_status, judge

START_S = 30.0
"""Seconds that a zygote may take to say hello; it takes about 0.2."""
PATIENCE = 5.0
"""How many times the wall limit (and 5 s) a program may take in all where the machine gives it no core."""
_GRACE_S = 30.0


class Zygote:
    """One zygote, started and, when it is lost, started again. One job at a time: the caller sees to that.

    loaded: it imports the packages before it forks. A fork then costs a third more, so those that do not need them go
    to one without.
    """

    def __init__(self, plan: Plan, loaded: bool, uid: int | None):
        self._plan, self._loaded, self._uid = plan, loaded, uid
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._said = Anonymous()
        self._resident = 0

    @property
    def running(self) -> bool:
        return self._process is not None

    def launch(self) -> None:
        """Starts the process and does not wait for it."""
        self._end, theirs = socket.socketpair()
        self._end.settimeout(START_S)
        self._said = Anonymous()
        with theirs:
            self._process = subprocess.Popen(
                self._plan.command(theirs.fileno(), self._loaded, self._uid),
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said.fd,
                pass_fds=[theirs.fileno()],
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal is the trainer's affair
            )

    def greet(self) -> None:
        """Waits until a zygote that was launched is ready.

        Raises SandboxError where it does not come up, UsageError where a package cannot be imported.
        """
        assert self._end is not None
        try:
            hello = wire.receive_hello(self._end)
        except (LostError, OSError) as error:
            said = self._said.part(0, 2000).decode("utf-8", "replace").strip()
            self.stop()
            raise SandboxError(f"The sandbox's zygote did not start: {said or error}") from error
        if "error" in hello or "cannot_import" in hello:
            self.stop()
        if "cannot_import" in hello:
            raise UsageError(
                f"A package for programs cannot be imported: {hello['cannot_import']}. If it needs another package, "
                "name it in packages too; single modules beside packages cannot be had."
            )
        if "error" in hello:
            raise SandboxError(f"The sandbox's zygote did not start: {hello['error']}")
        self._resident = hello["own_resident"]

    def run(self, files: "Files", tasks: int) -> Reply:
        """Runs a program; `tasks` is RLIMIT_NPROC. Raises LostError where the zygote went away.

        Whatever else is raised, KeyboardInterrupt for one, leaves no half-done job behind.
        """
        limits = files.job.limits
        order = Job(
            limits.cpu_s,
            limits.wall,
            PATIENCE * limits.wall + 5,
            limits.memory_mb << 20,
            limits.output_kb * 1024 + 1,
            tasks,
            files.length,
        )
        files.resident = self._resident
        return self._ask(order, files.descriptors)

    def _ask(self, job: Job, descriptors: list[int]) -> Reply:
        if self._end is None:
            raise LostError("The zygote does not run.")
        try:
            self._end.settimeout(job.patience_s + _GRACE_S)
            wire.send_job(self._end, job, descriptors)
            return wire.receive_reply(self._end)
        except OSError as error:  # a time-out too: a zygote that does not answer is lost
            raise LostError(f"The zygote went away: {error}") from error
        finally:
            if sys.exc_info()[0] is not None:
                self.stop()

    def stop(self) -> None:
        """Ends the zygote and what it runs. (Its child dies with it; bwrap's first process takes all along.)"""
        process, end, self._process, self._end = self._process, self._end, None, None
        if end is not None:
            end.close()
        if process is not None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                process.kill()
            process.wait()
        self._said.close()


class Files:
    """What goes into one run of a program and comes out of it: made before a worker is free, read when it is again."""

    def __init__(self, job: RunProgram):
        self.job = job
        self.resident = 0
        """Memory of the zygote itself."""
        self._open()

    def _open(self) -> None:
        text = self.job.source
        self.length = len(text)
        self._source, self._stdin = Anonymous(text), Anonymous(self.job.input)
        self._out, self._err = Anonymous(), Anonymous()
        self.descriptors = [self._source.fd, self._stdin.fd, self._out.fd, self._err.fd]

    def renew(self) -> None:
        """Makes new ones, for another try: what is left of the last one might still write to the old."""
        self.close()
        self._open()

    def result(self, reply: Reply, level: int) -> Result:
        """Returns what came of the run."""
        limits = self.job.limits
        sizes = self._out.size(), self._err.size()
        err = self._err.part(max(0, sizes[1] - ERR_KEPT), ERR_KEPT)
        verdict, detail = judge(Ended(reply, sizes, err, self.resident), limits)
        over = max(sizes) > limits.output_kb * 1024
        out = self._out.part(0, OUT_KEPT_OVER_LIMIT if over else sizes[0])
        peak = reply.peak / 2**20
        return Result(verdict, detail, out, err, exit_status(reply), reply.cpu_s, reply.wall_s, peak, level)

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for stream in (self._source, self._stdin, self._out, self._err):
            stream.close()


def run_on(zygote: Zygote, job: RunProgram, tasks: int) -> Result:
    """Runs a program on a zygote, for what it proves: the level of the result is not known yet."""
    with Files(job) as files:
        return files.result(zygote.run(files, tasks), -1)


class Worker:
    """Runs one program at a time: a zygote with the standard library alone and, if there are packages, one with them.

    Which of them runs a program does not change its result, only how fast it comes.

    Args:
        uid: the user that programs run as; None for the one who runs the sandbox.
    """

    def __init__(self, plan: Plan, uid: int | None):
        self._names = [name for name, _ in plan.packages]
        self._bare = Zygote(plan, False, uid)
        self._loaded = Zygote(plan, True, uid) if self._names else self._bare

    def start(self, tasks: int) -> list[Finding]:
        """Starts the zygotes that do not run; returns what probes of those found, nothing where all ran already.

        Raises SandboxError or LostError where one does not come up, or cannot be probed.
        """
        begun = [zygote for zygote in {self._bare, self._loaded} if not zygote.running]
        try:
            for zygote in begun:
                zygote.launch()
            for zygote in begun:
                zygote.greet()
            return [each for zygote in begun for each in probe(lambda job, on=zygote: run_on(on, job, tasks))]
        except BaseException:
            for zygote in begun:  # one whose greeting was not heard, or that was not probed, must run no program
                zygote.stop()
            raise

    def run(self, files: Files, tasks: int) -> Reply:
        """Runs a program; see `Zygote.run`."""
        zygote = self._loaded if any(name in files.job.program for name in self._names) else self._bare
        return zygote.run(files, tasks)

    def stop(self) -> None:
        """Ends what runs; `start` makes new ones."""
        self._bare.stop()
        self._loaded.stop()
