"""The zygote: a process with one thread, common modules loaded and no secrets, that forks a boxed child per program.

It is started with an environment of two words, for the interpreter and the linker (`launch.ENVIRONMENT`), takes jobs
from its socket one after the other, watches each child's time, and replies what became of it. At the end of the socket
it ends.
"""

import gc
import json
import mmap
import os
import select
import signal
import socket
import sys
import time

from . import box, kernel, preload, program, wire
from .wire import Ending, Job, Reply

_POLL_S = 0.005
"""How often a child is looked after where the kernel has no pidfd to wait for."""
_NAPS = 2_000
"""Voluntary waits above which a program's own napping, not the machine, is why it had to queue for a core."""


def main() -> None:
    """Serves jobs until the socket ends. The one command-line argument is `launch.Plan.settings` as JSON."""
    settings = json.loads(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a trainer may ignore or block signals, and both are inherited
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    end = socket.socket(fileno=_alone(settings["descriptor"]))
    kernel.one_arena()
    os.environ.clear()
    try:
        preload.add(settings["packages"], settings["loaded"])
        preload.seed_generators()
        box.close_for_all()
        walls = box.prepare(settings)
    except ImportError as error:
        wire.send_hello(end, {"cannot_import": str(error)})
        return
    except OSError as error:
        wire.send_hello(end, {"error": f"{type(error).__name__}: {error}"})
        return
    boxed = mmap.mmap(-1, mmap.PAGESIZE)
    program.rehearse()
    gc.collect()
    gc.freeze()  # what the zygote holds is no program's garbage, and its pages stay shared
    wire.send_hello(end, {"own_resident": box.own_memory()[1]})
    try:
        while True:
            job, descriptors = wire.receive_job(end)
            wire.send_reply(end, serve(walls, job, descriptors, boxed, end))
    except (wire.LostError, ConnectionError):
        return


def _alone(descriptor: int) -> int:
    """Gives a descriptor the lowest number and closes all others but the streams; returns the number."""
    low = os.dup(descriptor)
    os.closerange(3, low)
    os.closerange(low + 1, box.ALL_DESCRIPTORS)
    return low


def serve(walls: box.Box, job: Job, descriptors: list[int], boxed: mmap.mmap, end: socket.socket) -> Reply:
    """Runs one program in a child of its own; returns what became of it."""
    boxed[0] = 0
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_the_child(walls, job, descriptors, boxed)
    for descriptor in descriptors:
        os.close(descriptor)
    ending, delay = _watch(child, job, started, end)
    if ending is not Ending.BY_ITSELF:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - started
    if walls.filter is None:
        _end_group(child)
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Reply(ending, bool(boxed[0]), status, cpu, wall, delay, usage.ru_maxrss * unit)


def _be_the_child(walls: box.Box, job: Job, descriptors: list[int], boxed: mmap.mmap) -> None:
    """Runs the program and ends this process, whatever happens."""
    status = 1
    try:
        status = box.run(walls, job, descriptors, boxed)
    except OSError as error:
        os.write(2, f"The box could not be closed: {error}\n".encode())
    finally:
        os._exit(status)


def _end_group(leader: int) -> None:
    """Kills what a program left behind; where seccomp is on it cannot leave anything."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _watch(child: int, job: Job, started: float, end: socket.socket) -> tuple[Ending, float]:
    """Waits until a child ends or a limit is reached; returns which, and how long the machine kept it waiting."""
    poll = select.poll()
    poll.register(end, getattr(select, "POLLRDHUP", select.POLLHUP))
    descriptor = os.pidfd_open(child) if hasattr(os, "pidfd_open") else -1
    if descriptor >= 0:
        poll.register(descriptor, select.POLLIN)
    try:
        while True:
            cpu, wall, delay = cpu_time(child), time.monotonic() - started, 0.0
            if cpu >= job.cpu_s:
                return Ending.CPU, 0.0
            left = job.wall_s - wall
            if left <= 0:
                delay, naps = waited(child, cpu)
                left += max(delay, 0.0)
                if left <= 0 or naps > _NAPS:
                    return Ending.WALL, delay
                if wall >= job.patience_s:
                    return Ending.NOT_SCHEDULED, delay
            pause = max(min(left, job.cpu_s - cpu), 0.001 if delay == 0.0 else 0.02)
            ready = poll.poll(1000 * (pause if descriptor >= 0 else min(pause, _POLL_S)))
            if any(number == end.fileno() for number, _ in ready):
                os.kill(child, signal.SIGKILL)
                raise wire.LostError("The trainer is gone.")
            if ready or (descriptor < 0 and _is_over(child)):
                return Ending.BY_ITSELF, delay
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _is_over(child: int) -> bool:
    """Returns whether a child has ended, without taking its status, where there is no pidfd to wait for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def cpu_time(process: int) -> float:
    """Returns the CPU seconds of all threads of a process; 0 where the system does not say (RLIMIT_CPU then holds)."""
    if sys.platform != "linux":
        return 0.0
    return time.clock_gettime((~process << 3) | 2)  # the kernel's MAKE_PROCESS_CPUCLOCK(process, CPUCLOCK_SCHED)


def waited(process: int, cpu: float) -> tuple[float, int]:
    """Returns for how many seconds a process could have run and got no core, and how often it waited voluntarily.

    cpu: seconds that all its threads ran. Zero where the kernel does not say.
    """
    tasks: list[tuple[float, float, int]] = []
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/schedstat") as file:
                ran, queued, _ = (int(word) / 1e9 for word in file.read().split())
            # As bytes: the first line is the thread's name, which the program chose and which need not be text.
            with open(f"/proc/{process}/task/{task}/status", "rb") as file:
                naps = next((int(line.split()[1]) for line in file if line.startswith(b"voluntary_ctxt_switches")), 0)
            tasks.append((ran, queued, naps))
    except OSError:
        return 0.0, 0  # it ended meanwhile, or there is no such file
    return longest_delay(tasks, cpu)


def longest_delay(tasks: list[tuple[float, float, int]], cpu: float) -> tuple[float, int]:
    """Returns the delay that explains most of a process's time, and its thread's voluntary waits.

    tasks: of each thread the seconds it ran and queued for a core, and its voluntary waits. What a thread may have
    queued behind the process's other threads, which is as long as those ran, is the program's own doing.
    """
    return max(((queued - (cpu - ran), naps) for ran, queued, naps in tasks), default=(0.0, 0))
