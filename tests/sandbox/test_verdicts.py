import pytest

from mas_envs.core.errors import UsageError
from mas_envs.sandbox import Limits, RunProgram
from mas_envs.sandbox.inside.wire import Ending, Reply
from mas_envs.sandbox.verdicts import Ended, exit_status, judge

LIMITS = Limits(cpu_s=1, wall_s=3, memory_mb=100, output_kb=1)
MB = 2**20


def verdict(
    ending: Ending = Ending.BY_ITSELF,
    boxed: bool = True,
    exit: int = 0,
    signal: int = 0,
    cpu: float = 0.5,
    peak: int = 20,
    sizes: tuple[int, int] = (0, 0),
    err: bytes = b"",
) -> str:
    reply = Reply(ending, boxed, exit << 8 | signal, cpu, 0.6, 0.0, peak * MB)
    return judge(Ended(reply, sizes, err, 10 * MB), LIMITS)[0]


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ("ok", {}),
        ("ok", {"err": b"MemoryError\n"}),
        ("runtime_error", {"exit": 1}),
        ("runtime_error", {"signal": 11}),
        ("runtime_error", {"signal": 31}),
        ("time_limit", {"ending": Ending.CPU, "signal": 9}),
        ("time_limit", {"ending": Ending.WALL, "signal": 9}),
        ("time_limit", {"cpu": 1.01}),
        ("time_limit", {"signal": 9, "cpu": 2.0}),
        ("memory_limit", {"exit": 1, "err": b"Traceback\nMemoryError\n"}),
        ("memory_limit", {"exit": 1, "err": b"numpy._core._exceptions._ArrayMemoryError: Unable to allocate"}),
        ("memory_limit", {"signal": 6, "err": b"terminate called\n  what():  std::bad_alloc"}),
        ("memory_limit", {"signal": 11, "peak": 105}),
        ("runtime_error", {"exit": 1, "err": b"MemoryError\nValueError: MemoryError"}),
        ("output_limit", {"sizes": (1025, 0), "exit": 120}),
        ("output_limit", {"sizes": (0, 1025)}),
        ("ok", {"sizes": (1024, 1024)}),
        ("output_limit", {"sizes": (1025, 0), "ending": Ending.CPU, "signal": 9}),
        ("infrastructure", {"ending": Ending.NOT_SCHEDULED, "signal": 9}),
        ("infrastructure", {"boxed": False, "exit": 1}),
        ("infrastructure", {"boxed": False, "ending": Ending.WALL, "signal": 9}),
        ("infrastructure", {"signal": 9}),
        ("memory_limit", {"signal": 9, "peak": 70}),
    ],
)
def test_verdict_follows_from_what_was_seen(expected: str, seen: dict) -> None:
    assert verdict(**seen) == expected


def test_exit_status_is_none_where_the_sandbox_stopped_it() -> None:
    assert exit_status(Reply(Ending.CPU, True, 9, 1, 1, 0, 0)) is None
    assert exit_status(Reply(Ending.BY_ITSELF, True, 11, 1, 1, 0, 0)) == -11
    assert exit_status(Reply(Ending.BY_ITSELF, True, 3 << 8, 1, 1, 0, 0)) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        *({"cpu_s": 0}, {"cpu_s": -1}, {"cpu_s": float("nan")}, {"cpu_s": float("inf")}, {"cpu_s": "1"}),
        *({"cpu_s": True}, {"wall_s": 0}, {"memory_mb": 1}, {"memory_mb": 1.5}, {"output_kb": 0}, {"threads": 0}),
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Limits(**wrong)


def test_wall_limit_follows_the_cpu_limit() -> None:
    assert (Limits(cpu_s=3).wall, Limits(cpu_s=3, wall_s=1).wall) == (7, 1)


@pytest.mark.parametrize("arguments", [(b"x",), (None,), ("x", None), ("x", 3), ("x", "", {"cpu_s": 1})])
def test_job_of_a_wrong_type_is_refused(arguments: tuple) -> None:
    with pytest.raises(UsageError, match="must be|give a"):
        RunProgram(*arguments)
