import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mas_envs.core.errors import MasEnvsError, UsageError
from mas_envs.core.game import Effect
from mas_envs.effects import run_effects
from mas_envs.sandbox import Limits, Result, RunProgram, Sandbox, SandboxError, Verdict
from mas_envs.sandbox.tasks import TaskCounter, tasks_of

ECHO = "print(input())"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(2) as it:
        yield it


def test_result_says_what_came_of_a_program(sandbox: Sandbox) -> None:
    result = sandbox.run("import sys\nprint(int(input()) + 1)\nprint('note', file=sys.stderr)", "41\n")
    assert (result.verdict, result.stdout, result.stderr, result.out) == ("ok", "42\n", "note\n", b"42\n")
    assert (result.exit_status, result.detail, result.level) == (0, "", sandbox.level)
    assert 0 < result.cpu_s < 1
    assert 0 < result.wall_s < 10
    assert 5 < result.peak_mb < 200


def test_crash_shows_its_traceback_with_the_programs_lines(sandbox: Sandbox) -> None:
    result = sandbox.run("def f(x):\n    return 1 // x\nf(0)\n")
    assert (result.verdict, result.exit_status, result.detail) == ("runtime_error", 1, "exit status 1")
    assert result.stderr == (
        "Traceback (most recent call last):\n"
        '  File "program.py", line 3, in <module>\n    f(0)\n'
        '  File "program.py", line 2, in f\n    return 1 // x\n           ~~^^~~\n'
        "ZeroDivisionError: integer division or modulo by zero\n"
    )


def test_syntax_error_shows_the_line(sandbox: Sandbox) -> None:
    result = sandbox.run("x = 1\ny = = 2\n")
    assert result.verdict == "runtime_error"
    assert 'File "program.py", line 2' in result.stderr
    assert "y = = 2" in result.stderr
    assert "SyntaxError" in result.stderr


@pytest.mark.parametrize(
    ("program", "status"),
    [("exit(3)", 3), ("raise SystemExit(256)", 0), ("import os\nos._exit(7)", 7), ("raise SystemExit('x')", 1),
     ("import os\nos.abort()", -6), ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", -15)],
)  # fmt: skip
def test_exit_status_is_the_one_that_python_would_give(sandbox: Sandbox, program: str, status: int) -> None:
    result = sandbox.run(program)
    assert result.exit_status == status
    assert result.verdict == ("ok" if status == 0 else "runtime_error")


def test_input_may_be_bytes_that_are_no_text(sandbox: Sandbox) -> None:
    assert (
        sandbox.run("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", b"\xff\x00a").out
        == b"a\x00\xff"
    )


def test_input_of_many_megabytes_is_read(sandbox: Sandbox) -> None:
    data = b"12345678\n" * 2_000_000
    result = sandbox.run("import sys\nprint(len(sys.stdin.buffer.read()))", data)
    assert result.stdout == f"{len(data)}\n"


def test_output_is_whole_up_to_its_limit_and_cut_beyond(sandbox: Sandbox) -> None:
    limits = Limits(output_kb=100)
    exact = sandbox.run("import sys\nsys.stdout.write('x' * 102400)", limits=limits)
    assert (exact.verdict, len(exact.out)) == ("ok", 102_400)
    more = sandbox.run("import sys\nsys.stdout.write('x' * 102401)", limits=limits)
    assert (more.verdict, more.out) == ("output_limit", b"x" * 65_536)
    both = sandbox.run("import sys\nsys.stderr.write('y' * 102401)", limits=limits)
    assert (both.verdict, both.err) == ("output_limit", b"y" * 65_536)


def test_long_stderr_keeps_its_end(sandbox: Sandbox) -> None:
    result = sandbox.run("import sys\nsys.stderr.write('x' * 200_000 + 'END')")
    assert result.verdict == "ok"
    assert len(result.err) == 65_536
    assert result.stderr.endswith("END")


def test_limits_are_those_of_the_job(sandbox: Sandbox) -> None:
    start = time.monotonic()
    assert sandbox.run("while True: pass", limits=Limits(cpu_s=0.2)).verdict == "time_limit"
    assert sandbox.run("import time\ntime.sleep(60)", limits=Limits(cpu_s=1, wall_s=0.2)).verdict == "time_limit"
    assert time.monotonic() - start < 30
    assert sandbox.run("bytearray(60 << 20)", limits=Limits(memory_mb=50)).verdict == "memory_limit"
    assert sandbox.run("bytearray(60 << 20)", limits=Limits(memory_mb=80)).verdict == "ok"
    assert sandbox.run("import numpy\nnumpy.ones(60 << 17)", limits=Limits(memory_mb=50)).verdict == "memory_limit"


def test_time_limits_reason_tells_sleeping_from_computing(sandbox: Sandbox) -> None:
    slept = sandbox.run("import time\ntime.sleep(60)", limits=Limits(cpu_s=1, wall_s=0.2))
    computed = sandbox.run("while True: pass", limits=Limits(cpu_s=0.2))
    assert ("slept or waited" in slept.detail, "CPU time" in computed.detail) == (True, True)
    assert slept.exit_status is computed.exit_status is None


def test_many_results_come_in_the_order_of_their_jobs(sandbox: Sandbox) -> None:
    jobs = [RunProgram(f"import time\ntime.sleep({(9 - i) / 100})\n{ECHO}", str(i)) for i in range(10)]
    assert [result.stdout for result in sandbox.run_many(jobs)] == [f"{i}\n" for i in range(10)]
    assert sandbox.run_many([]) == []


def test_many_threads_can_use_one_sandbox(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda i: sandbox.run(ECHO, str(i)).stdout, range(60)))
    assert results == [f"{i}\n" for i in range(60)]


def test_asyncio_goes_on_while_programs_run(sandbox: Sandbox) -> None:
    async def main() -> tuple[list[Result], list[Result], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        slow = "import time\ntime.sleep(0.3)\n" + ECHO
        one_by_one = await asyncio.gather(*(sandbox.arun(slow, str(i)) for i in range(3)))
        together = await sandbox.arun_many([RunProgram(ECHO, str(i)) for i in range(3)])
        ticking.cancel()
        return one_by_one, together, ticks

    one_by_one, together, ticks = asyncio.run(main())
    assert [result.stdout for result in (*one_by_one, *together)] == ["0\n", "1\n", "2\n"] * 2
    assert ticks > 5


def test_sandbox_carries_out_effects(sandbox: Sandbox) -> None:
    results = run_effects(sandbox, [RunProgram(ECHO, "1"), RunProgram("1 / 0")])
    assert [(each.failed, each.value.verdict) for each in results] == [(False, "ok"), (False, "runtime_error")]


def test_infrastructure_is_a_failed_effect_and_a_models_fault_is_none(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "serve", lambda job: Result(Verdict.INFRASTRUCTURE))
    (result,) = sandbox([RunProgram(ECHO)])
    assert result.failed


def test_what_it_cannot_run_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="not Effect"):
        sandbox([Effect()])
    with pytest.raises(UsageError, match="program is a NoneType"):
        sandbox.run(None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="workers"):
        Sandbox(0)
    with pytest.raises(UsageError, match="packages has 'no_such_package'"):
        Sandbox(1, packages=("no_such_package",))
    with pytest.raises(UsageError, match="packages has '../etc'"):
        Sandbox(1, packages=("../etc",))


def test_closed_sandbox_says_so_and_closing_twice_is_fine() -> None:
    sandbox = Sandbox(1, packages=())
    sandbox.close()
    sandbox.close()
    for begin in (sandbox.serve, sandbox.submit, lambda job: sandbox.run_many([job])):
        with pytest.raises(SandboxError, match="closed"):
            begin(RunProgram("print(1)"))
    assert issubclass(SandboxError, MasEnvsError)


@pytest.mark.parametrize("way", ["serve", "submit", "__call__"])
def test_forked_process_must_make_a_sandbox_of_its_own(sandbox: Sandbox, way: str) -> None:
    job = RunProgram("print(1)")
    sandbox.run_many([job] * 4)  # so that there are threads, which a fork leaves behind
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        status = 2
        try:
            getattr(sandbox, way)([job] if way == "__call__" else job)
        except SandboxError as error:
            status = 42 if "another process" in str(error) else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    assert sandbox.run("print(1)").stdout == "1\n"


def test_job_that_the_caller_gives_up_leaves_no_answer_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    from mas_envs.sandbox.inside import wire

    with Sandbox(1, packages=()) as sandbox:
        real = wire.receive_reply

        def interrupted(end: object) -> None:
            monkeypatch.setattr(wire, "receive_reply", real)
            raise KeyboardInterrupt

        monkeypatch.setattr(wire, "receive_reply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sandbox.run("print('old')")
        assert sandbox.run("print('new')").stdout == "new\n"


def test_trainer_that_ignores_and_blocks_signals_changes_nothing() -> None:
    code = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
from mas_envs.sandbox import Sandbox
with Sandbox(1, packages=()) as sandbox:
    program = "import signal, os; signal.signal(10, lambda *a: print('heard')); os.kill(os.getpid(), 10)"
    assert sandbox.run(program).stdout == "heard\\n"
    assert sandbox.run("exit(3)").exit_status == 3
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_only_the_named_packages_can_be_imported() -> None:
    with Sandbox(1, packages=()) as bare, Sandbox(1, packages=("packaging",)) as more:
        assert "No module named 'numpy'" in bare.run("import numpy").stderr
        assert "No module named 'numpy'" in more.run("import numpy").stderr
        assert more.run("import packaging.version as v\nprint(v.Version('1.0') < v.Version('2'))").stdout == "True\n"


def test_package_that_needs_others_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="typing_extensions.*name it in packages too"):
        Sandbox(1, packages=("gymnasium", "numpy", "cloudpickle", "farama_notifications"))


def test_threads_of_a_user_are_counted() -> None:
    before = tasks_of(os.getuid())
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    counted = tasks_of(os.getuid())
    stop.set()
    for thread in threads:
        thread.join()
    assert before >= 1
    assert counted >= 5
    assert TaskCounter().count() >= 1


def test_process_whose_name_is_no_text_is_counted() -> None:
    stopped = "import ctypes\nctypes.CDLL(None).prctl(15, b'\\xff\\r\\xfe', 0, 0, 0)\nprint(1, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", stopped], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert Path(f"/proc/{process.pid}/status").read_bytes().startswith(b"Name:\t\xff")
        assert tasks_of(os.getuid()) >= 2
        process.communicate(b"\n")


def test_sandbox_starts_within_a_second_of_cpu_time() -> None:
    start = os.times()
    with Sandbox(1):
        pass
    end = os.times()
    assert sum(end[:4]) - sum(start[:4]) < 1.0
