from pathlib import Path

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.sandbox import Cache, Limits, Result, RunProgram, Sandbox, Verdict
from mas_envs.sandbox.cache import key_of

RESULT = Result(Verdict.OK, "", b"a\nb\xff", b"err", 0, 0.1, 0.2, 3.5, 3)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_load_cannot_change_is_kept(verdict: Verdict, tmp_path: Path) -> None:
    cache = Cache(folder=tmp_path)
    cache.put("ab" * 20, Result(verdict))
    kept = verdict in ("ok", "runtime_error", "output_limit")
    assert (cache.get("ab" * 20) is not None) is kept
    assert (Cache(folder=tmp_path).get("ab" * 20) is not None) is kept


def test_crash_for_want_of_threads_is_not_kept() -> None:
    cache = Cache()
    said = b"    _start_new_thread(self._bootstrap, ())\nRuntimeError: can't start new thread\n"
    cache.put("ab" * 20, Result(Verdict.RUNTIME_ERROR, "exit status 1", b"", said, 1))
    assert cache.get("ab" * 20) is None


def test_result_on_disk_is_the_same_to_the_byte(tmp_path: Path) -> None:
    Cache(folder=tmp_path).put("cd" * 20, RESULT)
    assert Cache(folder=tmp_path).get("cd" * 20) == RESULT
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [""]


def test_damaged_file_is_a_miss(tmp_path: Path) -> None:
    Cache(folder=tmp_path).put("cd" * 20, RESULT)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40], b"x" + whole, whole.replace(b"err", b"ERR")):
        file.write_bytes(damaged)
        assert Cache(folder=tmp_path).get("cd" * 20) is None


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:
    cache = Cache(max_mb=1)
    big = Result(Verdict.OK, out=b"x" * 300_000)
    for key in "abc":
        cache.put(key, big)
    cache.get("a")
    cache.put("d", big)
    assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    cache.put("huge", Result(Verdict.OK, out=b"x" * 2_000_000))
    assert cache.get("huge") is None


def test_key_depends_on_everything_and_confuses_nothing() -> None:
    jobs = [
        RunProgram("ab", "c"),
        RunProgram("a", "bc"),
        RunProgram("ab", "c", Limits(cpu_s=5)),
        RunProgram("abc", ""),
        RunProgram("", "abc"),
    ]
    keys = {key_of(job, setting) for job in jobs for setting in ("level 2", "level 3")}
    assert len(keys) == 2 * len(jobs)
    assert key_of(RunProgram("a", "é"), "") == key_of(RunProgram("a", "é".encode()), "")


def test_sandbox_runs_the_same_thing_once() -> None:
    cache = Cache()
    with Sandbox(1, cache=cache, packages=()) as sandbox:
        program = "import time\nprint(time.time_ns())"
        first = sandbox.run(program)
        assert sandbox.run(program) == first
        assert (cache.hits, cache.misses) == (1, 1)
        assert sandbox.run(program, "other input").stdout != first.stdout
        batch = sandbox.run_many([RunProgram(program, "new"), RunProgram("1 / 0"), RunProgram(program, "new")])
        assert batch[0] == batch[2]
        assert batch[1].verdict == "runtime_error"


def test_without_a_cache_everything_runs() -> None:
    with Sandbox(1, packages=()) as sandbox:
        one, two = sandbox.run_many([RunProgram("import time\nprint(time.time_ns())")] * 2)
        assert one.stdout != two.stdout


def test_size_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="max_mb is 0"):
        Cache(0)
