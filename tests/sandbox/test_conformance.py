"""Programs that attack, and programs that do not: each is contained, rightly judged, and the sandbox goes on."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mas_envs.sandbox import Limits, RunProgram, Sandbox
from tests.sandbox.programs import FIFTY, HONEST, OTHERS, Case

SHORT = Limits(cpu_s=0.7, wall_s=1.5, memory_mb=512)
AMPLE = Limits(cpu_s=4, wall_s=12, memory_mb=512)  # for what ends by itself, however slow the machine is
SECRET = "WHAT-NO-PROGRAM-MAY-SEE"


class Outside(NamedTuple):
    """What hostile programs aim at."""

    targets: dict[str, str]
    file: Path
    udp: socket.socket
    listeners: tuple[socket.socket, ...]

    def check(self) -> None:
        """Fails where anything was read by, written to, or heard from a program."""
        assert self.file.read_text() == SECRET
        assert self.file.stat().st_mode & 0o777 == 0o666
        assert self.file.stat().st_mtime > 1
        assert os.listdir(self.file.parent) == [self.file.name]
        assert os.getpriority(os.PRIO_PROCESS, 0) == 0
        for path in ("/tmp/mas-envs-leaked", "/dev/shm/mas-envs-leaked"):
            assert not os.path.lexists(path)
        with pytest.raises(BlockingIOError):
            self.udp.recv(1)
        for listener in self.listeners:
            with pytest.raises(BlockingIOError):
                listener.accept()


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    folder = Path(tempfile.mkdtemp())  # not one of pytest's, which are closed to others: that must not help
    folder.chmod(0o755)
    (folder / "files").mkdir()
    file = folder / "files" / "secret"
    file.write_text(SECRET)
    (folder / "files").chmod(0o777)
    file.chmod(0o666)
    os.environ["MAS_ENVS_TEST_SECRET"] = SECRET
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    unix.bind(str(folder / "socket"))
    (folder / "socket").chmod(0o777)
    abstract.bind(f"\0mas-envs-{os.getpid()}")
    for each in (tcp, udp, unix, abstract):
        each.setblocking(False)
    unix.listen()
    abstract.listen()
    targets = {
        "FILE": str(file),
        "TCP": str(tcp.getsockname()[1]),
        "UDP": str(udp.getsockname()[1]),
        "SOCKET": str(folder / "socket"),
        "ABSTRACT": f"mas-envs-{os.getpid()}",
    }
    yield Outside(targets, file, udp, (tcp, unix, abstract))
    for each in (tcp, udp, unix, abstract):
        each.close()
    shutil.rmtree(folder)
    del os.environ["MAS_ENVS_TEST_SECRET"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(1) as it:
        yield it


@pytest.fixture(scope="module")
def without_bubblewrap() -> Iterator[Sandbox]:
    with Sandbox(1, layers=("seccomp", "landlock")) as it:
        yield it


def hold(sandbox: Sandbox, case: Case, outside: Outside) -> None:
    program = case.aimed(outside.targets)
    result = sandbox.run(program, case.stdin, SHORT if "time_limit" in case.verdicts else AMPLE)
    said = (result.verdict, result.detail, result.stdout[:300], result.stderr[-600:])
    assert result.verdict in case.verdicts or sandbox.level < case.level, said
    assert "LEAKED" not in result.stdout or sandbox.level < case.level, said
    assert SECRET not in result.stdout, said
    if case.prints is not None:
        assert result.stdout == case.prints, said
    outside.check()
    after = sandbox.run("print(sum([1, 2]))", limits=AMPLE)
    assert (after.verdict, after.stdout, after.level) == ("ok", "3\n", sandbox.level)


def named(cases: tuple[Case, ...]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


@pytest.mark.parametrize("case", named((*FIFTY, *OTHERS)))
def test_hostile_program_is_held_and_rightly_judged(sandbox: Sandbox, case: Case, outside: Outside) -> None:
    hold(sandbox, case, outside)


@pytest.mark.parametrize("case", named((*FIFTY, *OTHERS)))
def test_hostile_program_is_held_without_bubblewrap(without_bubblewrap: Sandbox, case: Case, outside: Outside) -> None:
    hold(without_bubblewrap, case, outside)


@pytest.mark.parametrize("case", named(HONEST))
def test_honest_program_runs_as_anywhere_else(sandbox: Sandbox, case: Case, outside: Outside) -> None:
    hold(sandbox, case, outside)


@pytest.mark.parametrize("case", named(HONEST))
def test_honest_program_runs_without_bubblewrap(without_bubblewrap: Sandbox, case: Case, outside: Outside) -> None:
    hold(without_bubblewrap, case, outside)


def test_fifty_programs_are_fifty_and_the_others_are_of_other_kinds() -> None:
    assert [case.name[:2] for case in FIFTY] == [f"{number:02}" for number in range(1, 51)]
    programs = {case.program for case in (*FIFTY, *OTHERS)}
    assert len(programs) == len(FIFTY) + len(OTHERS) >= 80


def test_all_programs_at_once_are_judged_as_they_are_alone(outside: Outside) -> None:
    with Sandbox(2) as sandbox:
        quick = [case for case in (*FIFTY, *HONEST) if "time_limit" not in case.verdicts]
        results = sandbox.run_many([RunProgram(case.aimed(outside.targets), case.stdin) for case in quick])
        for case, result in zip(quick, results, strict=True):
            assert result.verdict in case.verdicts or sandbox.level < case.level, case.name
    outside.check()
