"""Zygotes that are lost, machines that are busy, and what must not be left behind."""

import gc
import os
import random
import signal
import socket
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mas_envs.sandbox import Limits, RunProgram, Sandbox, SandboxError, Verdict
from mas_envs.sandbox.inside import wire, zygote
from mas_envs.sandbox.inside.wire import Ending, Job, Reply
from mas_envs.sandbox.worker import Files, Worker, Zygote
from tests.sandbox.programs import FIFTY


def parent_of(process: str | int) -> int:
    """Returns a process's parent; the name before it, which a program gives itself, may be any bytes."""
    return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])


def descendants() -> list[int]:
    """Returns the processes that this one started, and those that they started, and so on."""
    parent = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent[int(entry.name)] = parent_of(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [os.getpid()]
    for process in found:
        found += [child for child, its in parent.items() if its == process]
    return found[1:]


def held() -> tuple[int, int, set[str]]:
    """Returns what can leak: processes, descriptors, temporary files."""
    gc.collect()
    return len(descendants()), len(os.listdir("/proc/self/fd")), set(os.listdir(tempfile.gettempdir()))


def jobs(count: int) -> list[RunProgram]:
    return [RunProgram("import time\ntime.sleep(0.01)\nprint(input())", str(i)) for i in range(count)]


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("layers", [("seccomp", "landlock", "bubblewrap"), ("seccomp", "landlock")])
def test_zygote_killed_at_random_moments_loses_no_job(layers: tuple[str, ...]) -> None:
    with Sandbox(2, layers=layers, packages=()) as sandbox:
        over = threading.Event()
        killed = 0

        def kill() -> None:
            nonlocal killed
            moments = random.Random(1)
            while not over.wait(moments.uniform(0.2, 0.8)):
                with suppress(IndexError, ProcessLookupError):  # where none is left
                    os.kill(moments.choice(descendants()), signal.SIGKILL)
                    killed += 1

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            results = sandbox.run_many(jobs(250))
        finally:
            over.set()
            killer.join()
        assert killed >= 2
        assert [result.stdout for result in results] == [f"{i}\n" for i in range(250)]


def test_program_killed_from_outside_is_run_again_and_blamed_for_nothing() -> None:
    with Sandbox(1, packages=(), layers=("seccomp", "landlock")) as sandbox:
        future = sandbox.submit(RunProgram("import time\ntime.sleep(1)\nprint('done')"))
        time.sleep(0.4)
        zygotes = _zygotes()
        for process in descendants():
            if process not in zygotes:
                with suppress(ProcessLookupError):  # it may have gone with another one
                    os.kill(process, signal.SIGKILL)
        assert future.result().stdout == "done\n"


def _zygotes() -> list[int]:
    me = os.getpid()
    return [p for p in descendants() if parent_of(p) == me]


def test_zygote_that_cannot_come_back_is_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(1, packages=()) as sandbox:
        for process in descendants():
            os.kill(process, signal.SIGKILL)
        monkeypatch.setattr("mas_envs.sandbox.launch.interpreter", lambda: "/nowhere/python")
        result = sandbox.run("print(1)")
        assert result.verdict is Verdict.INFRASTRUCTURE
        assert "lost" in result.detail
        monkeypatch.undo()
        assert sandbox.run("print(1)").stdout == "1\n"


def test_zygote_that_reaches_less_than_before_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(1, packages=()) as sandbox:
        for process in descendants():
            os.kill(process, signal.SIGKILL)
        monkeypatch.setattr("mas_envs.sandbox.sandbox.level_of", lambda findings: sandbox.level - 1)
        result = sandbox.run("print(1)")
        assert result.verdict is Verdict.INFRASTRUCTURE
        assert "reaches level" in result.detail


def test_zygote_whose_greeting_was_not_heard_runs_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(1, layers=("seccomp", "landlock")) as sandbox:
        sandbox._workers[0].stop()
        real, greeted = Zygote.greet, []

        def greet(on: Zygote) -> None:
            greeted.append(on)
            if len(greeted) == 1:  # of the two that were launched, the other one is not listened to
                on.stop()
                raise SandboxError("It was killed.")
            real(on)

        monkeypatch.setattr(Zygote, "greet", greet)
        programs = ("print(1)", "import numpy\nprint(2)")
        assert [sandbox.run(program).stdout for program in programs] == ["1\n", "2\n"]
        assert len(greeted) == 3


def test_infrastructure_is_tried_once_more_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(2, packages=()) as sandbox:
        real, seen = sandbox._attempt, []

        def attempt(worker: Worker, files: Files) -> Reply | str:
            seen.append(sandbox._idle.qsize())
            reply = real(worker, files)
            return "the machine was busy" if len(seen) == 1 else reply

        monkeypatch.setattr(sandbox, "_attempt", attempt)
        assert sandbox.run("print(1)").stdout == "1\n"
        assert seen == [1, 0]


def test_fault_that_stays_is_reported_as_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(1, packages=()) as sandbox:
        tries = []
        monkeypatch.setattr(sandbox, "_attempt", lambda worker, files: tries.append(1) or "the machine was busy")
        assert sandbox.run("print(1)").verdict is Verdict.INFRASTRUCTURE
        assert len(tries) == 2


@pytest.mark.parametrize(
    ("queued", "naps", "ending"),
    [
        (0.0, 0, Ending.WALL),
        (1e9, 0, Ending.NOT_SCHEDULED),
        (1e9, 10**6, Ending.WALL),  # a program that naps all the time makes itself wait for cores
    ],
)
def test_program_that_sleeps_is_told_from_one_that_gets_no_core(
    monkeypatch: pytest.MonkeyPatch, queued: float, naps: int, ending: Ending
) -> None:
    monkeypatch.setattr(zygote, "waited", lambda process, cpu: (queued, naps))
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    try:
        order = Job(1.0, 0.1, 0.4, 1 << 30, 1 << 20, 10, 0)
        assert zygote._watch(child, order, time.monotonic(), ours)[0] is ending
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ours.close()
        theirs.close()


@pytest.mark.parametrize("exit_status", [0, 7])
def test_child_is_watched_where_there_is_no_pidfd(monkeypatch: pytest.MonkeyPatch, exit_status: int) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        time.sleep(0.1)
        os._exit(exit_status)
    assert zygote._watch(child, Job(1.0, 30, 30, 1, 1, 1, 0), time.monotonic(), ours)[0] is Ending.BY_ITSELF
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == exit_status
    ours.close()
    theirs.close()


def test_child_dies_when_the_trainer_goes_away() -> None:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        theirs.close()
        time.sleep(60)
        os._exit(0)
    theirs.close()
    with pytest.raises(wire.LostError):
        zygote._watch(child, Job(1.0, 30, 30, 1, 1, 1, 0), time.monotonic(), ours)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    ours.close()


def test_waiting_of_threads_for_each_other_is_not_the_machines_fault() -> None:
    assert zygote.waited(os.getpid(), cpu=1e9)[0] < 0  # as if other threads had used all that time
    spinning = [(1.0, 3.0, 5)] * 4  # on one core each of four threads waits for the three others
    assert zygote.longest_delay(spinning, cpu=4.0)[0] == 0.0


def test_machines_delay_is_seen_whichever_thread_it_is_that_computes() -> None:
    alone, main, worker = (1.0, 2.5, 3), (0.0, 0.0, 4), (1.0, 2.5, 7)
    assert zygote.longest_delay([alone], cpu=1.0) == (2.5, 3)
    assert zygote.longest_delay([main, worker], cpu=1.0) == (2.5, 7)
    assert zygote.longest_delay([], cpu=1.0) == (0.0, 0)


def test_delay_of_a_real_process_is_read_from_the_kernel() -> None:
    delay, naps = zygote.waited(os.getpid(), zygote.cpu_time(os.getpid()))
    assert delay < 3600
    assert naps > 0
    assert zygote.waited(2**22 + 1, 1.0) == (0.0, 0)


def test_nothing_is_left_behind() -> None:
    before = held()
    with Sandbox(2) as sandbox:
        sandbox.run_many(jobs(30))
        during = held()
        sandbox.run_many(jobs(100))
        assert held() == during
    assert held() == before


def test_trainers_death_ends_the_zygotes() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sandbox = Sandbox(1, packages=())
            os.write(write, (" ".join(map(str, descendants()))).encode())
            sandbox.run("import time\ntime.sleep(60)", limits=Limits(cpu_s=60))
        finally:
            os._exit(0)  # whatever happens: a child that got back to pytest would run the other tests a second time
    zygotes = [int(word) for word in os.read(read, 1000).split()]
    time.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{process}") for process in zygotes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert zygotes
    assert not any(os.path.exists(f"/proc/{process}") for process in zygotes)
    os.close(read)
    os.close(write)


@pytest.mark.slow
@pytest.mark.heavy
def test_ten_thousand_programs_of_which_a_tenth_are_hostile_leave_nothing() -> None:
    limits, ample = Limits(cpu_s=0.3, wall_s=0.6), Limits(cpu_s=5, wall_s=20)
    # Of those that use up their time a few will do.
    hostile = [case for case in FIFTY if "$" not in case.program and "time_limit" not in case.verdicts]
    hostile += [case for case in FIFTY if case.name[:2] in ("24", "25", "26")]
    before = held()
    with Sandbox(2) as sandbox:
        sandbox.run_many(jobs(50))
        after_warm_up, memory = held(), _resident()
        for start in range(0, 10_000, 500):
            batch = [
                RunProgram(hostile[i // 10 % len(hostile)].program, "", limits)
                if i % 10 == 0
                else RunProgram("print(input())", str(i), ample)
                for i in range(start, start + 500)
            ]
            for number, result in zip(range(start, start + 500), sandbox.run_many(batch), strict=True):
                if number % 10:
                    assert (result.verdict, result.stdout) == ("ok", f"{number}\n")
                else:
                    assert result.verdict in hostile[number // 10 % len(hostile)].verdicts, result
        assert held() == after_warm_up
        assert _resident() < memory + 64 * 2**20
    assert held() == before


def _resident() -> int:
    """Returns the bytes of memory of this process and of all that it started."""
    total = 0
    for process in (os.getpid(), *descendants()):
        total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return total
