"""The grader's workers: order, threads, kills, and what happens without them."""

import asyncio
import copy
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest

from mas_envs.core.errors import MissingExtraError, UsageError
from mas_envs.core.game import Effect, Result
from mas_envs.effects import run_effects
from mas_envs.grading import math
from mas_envs.grading.math import GradeAnswer, MathGrader, Verdict, grade

NEEDS_ALGEBRA = [(r"\sqrt{8}", r"2\sqrt{2}"), ("(x+1)^2", "x^2+2x+1"), (r"\sin x", r"\cos x"), ("x^2-1", "(x-1)(x+1)")]
EXPECTED = [True, True, False, True]
FOR_EVER = ("42", "9^{9^{9^9}}")
pytestmark = pytest.mark.needs("math")


@pytest.fixture(scope="module")
def shared():
    with MathGrader(workers=2) as grader:
        yield grader


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def in_background(work) -> tuple[threading.Thread, list[Verdict]]:
    """Starts `work` in a thread; what it returns will be in the list."""
    results: list[Verdict] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


# ---- how it is used -----------------------------------------------------------------------------------------------
def test_many_pairs_are_graded_in_their_order(shared: MathGrader) -> None:
    pairs = [*NEEDS_ALGEBRA, ("5", "5"), ("5", None), *NEEDS_ALGEBRA, ("5", "6")]
    verdicts = shared.grade_many(pairs)
    assert [verdict.correct for verdict in verdicts] == [*EXPECTED, True, False, *EXPECTED, False]


def test_threads_share_a_grader(shared: MathGrader) -> None:
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(lambda pair: shared.grade(*pair), NEEDS_ALGEBRA * 8))
    assert [verdict.correct for verdict in verdicts] == EXPECTED * 8
    assert len(shared.workers_running) <= 2


def test_an_event_loop_goes_on_while_pairs_are_graded(shared: MathGrader) -> None:
    async def main() -> tuple[list[Verdict], int]:
        ticks, done = 0, False

        async def tick() -> None:
            nonlocal ticks
            while not done:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        verdicts = await asyncio.gather(*(shared.grade_async(*pair) for pair in [*NEEDS_ALGEBRA, FOR_EVER]))
        done = True
        await ticking
        return list(verdicts), ticks

    verdicts, ticks = asyncio.run(main())
    assert [verdict.correct for verdict in verdicts] == [*EXPECTED, False]
    assert ticks > 20


def test_the_function_grades_with_one_shared_grader() -> None:
    assert [grade(*pair).correct for pair in NEEDS_ALGEBRA] == EXPECTED
    assert math._shared(os.getpid()) is math._shared(os.getpid())


def test_no_worker_starts_for_what_the_rules_decide() -> None:
    with MathGrader() as grader:
        assert grader.grade("1/2", "0.5").correct
        assert grader.workers_running == []


def test_a_closed_grader_leaves_no_process_and_can_be_used_again() -> None:
    grader = MathGrader(workers=1)
    assert grader.grade(*NEEDS_ALGEBRA[0]).correct
    (pid,) = grader.workers_running
    grader.close()
    assert not Path(f"/proc/{pid}").exists()
    assert grader.grade(*NEEDS_ALGEBRA[0]).correct
    grader.close()


def test_a_grader_that_is_forgotten_ends_its_workers() -> None:
    grader = MathGrader(workers=1)
    grader.grade(*NEEDS_ALGEBRA[0])
    (pid,) = grader.workers_running
    del grader
    assert not Path(f"/proc/{pid}").exists()


def test_a_copy_has_the_settings_and_workers_of_its_own(shared: MathGrader) -> None:
    for other in (copy.deepcopy(shared), pickle.loads(pickle.dumps(shared))):
        with other:
            assert other.workers == shared.workers
            assert other.grade(*NEEDS_ALGEBRA[0]).correct
            assert not set(other.workers_running) & set(shared.workers_running)


def test_a_fork_of_the_caller_starts_workers_of_its_own(shared: MathGrader) -> None:
    shared.grade(*NEEDS_ALGEBRA[0])
    before = shared.workers_running
    pid = os.fork()
    if pid == 0:
        right = False
        try:
            right = shared.grade(*NEEDS_ALGEBRA[1]).correct
            shared.close()
        finally:
            os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert shared.workers_running == before
    assert shared.grade(*NEEDS_ALGEBRA[1]).correct


@pytest.mark.parametrize("settings", [{"workers": 0}, {"cpu_seconds": 0}, {"cpu_seconds": 99}, {"wall_seconds": 0.5}])
def test_settings_that_cannot_work_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        MathGrader(**settings)


# ---- time, kills, losses ------------------------------------------------------------------------------------------
def test_an_answer_that_takes_for_ever_is_a_verdict_and_the_worker_goes_on() -> None:
    with MathGrader(workers=1, cpu_seconds=0.5) as grader:
        assert grader.grade(*NEEDS_ALGEBRA[0]).correct
        before = grader.workers_running
        verdict = grader.grade(*FOR_EVER)
        assert verdict.verdict == "grader_timeout"
        assert "0.5 s" in verdict.why
        assert grader.grade(*NEEDS_ALGEBRA[1]).correct
        assert grader.workers_running == before  # its child was killed, and no import was paid again


def test_the_pending_pair_of_a_killed_worker_is_graded_in_another() -> None:
    with MathGrader(workers=1, cpu_seconds=3, wall_seconds=60) as grader:
        grader.grade(*NEEDS_ALGEBRA[0])
        (pid,) = grader.workers_running
        thread, results = in_background(lambda: grader.grade(*FOR_EVER))
        sleep(0.5)
        os.killpg(pid, signal.SIGKILL)
        thread.join()
        assert results[0].verdict == "grader_timeout"  # of the second try
        assert grader.grade(*NEEDS_ALGEBRA[1]).correct


def test_a_child_killed_from_outside_costs_no_verdict() -> None:
    with MathGrader(workers=1, cpu_seconds=3) as grader:
        grader.grade(*NEEDS_ALGEBRA[0])
        (pid,) = grader.workers_running
        thread, results = in_background(lambda: grader.grade(*FOR_EVER))
        sleep(0.5)
        os.kill(children(pid)[0], signal.SIGKILL)
        thread.join()
        assert results[0].verdict == "grader_timeout"
        assert grader.workers_running == [pid]


def test_an_idle_child_that_is_killed_is_replaced() -> None:
    with MathGrader(workers=1) as grader:
        grader.grade(*NEEDS_ALGEBRA[0])
        (pid,) = grader.workers_running
        os.kill(children(pid)[0], signal.SIGKILL)
        assert grader.grade(*NEEDS_ALGEBRA[1]).correct


def test_a_worker_that_stands_still_is_given_up_and_its_pair_tried_again() -> None:
    with MathGrader(workers=1, wall_seconds=20) as grader:
        grader.grade(*NEEDS_ALGEBRA[0])
        grader._pool._all[0]._wall_seconds = 1.0
        (pid,) = grader.workers_running
        os.killpg(pid, signal.SIGSTOP)
        start = monotonic()
        assert grader.grade(*NEEDS_ALGEBRA[1]).correct
        assert monotonic() - start >= 1.0
        assert not Path(f"/proc/{pid}").exists()


def test_workers_that_cannot_start_are_infrastructure_and_a_failed_result(monkeypatch: pytest.MonkeyPatch) -> None:
    with MathGrader(workers=1) as grader:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        assert grader.grade(*NEEDS_ALGEBRA[0]).verdict == "infrastructure"
        (result,) = grader([GradeAnswer(*NEEDS_ALGEBRA[0])])
        assert result.failed
        monkeypatch.undo()
        assert grader.grade(*NEEDS_ALGEBRA[0]).correct


# ---- effects ------------------------------------------------------------------------------------------------------
def test_effects_come_back_as_results_in_their_order(shared: MathGrader) -> None:
    wishes = [GradeAnswer("5", "5"), GradeAnswer(*NEEDS_ALGEBRA[2]), GradeAnswer("5", None), GradeAnswer("1", "2", 1.0)]
    results = run_effects(shared, wishes)
    assert [result.value.verdict for result in results] == ["correct", "incorrect", "unparsable", "correct"]
    assert not any(result.failed for result in results)


def test_an_answer_that_takes_for_ever_is_an_outcome_and_no_failure() -> None:
    with MathGrader(workers=1, cpu_seconds=0.3) as grader:
        (result,) = grader([GradeAnswer(*FOR_EVER)])
    assert result == Result(result.value)
    assert result.value.verdict == "grader_timeout"


def test_another_kind_of_effect_is_refused(shared: MathGrader) -> None:
    with pytest.raises(UsageError, match="carries out GradeAnswer, not Effect"):
        shared([Effect()])


# ---- without math-verify ------------------------------------------------------------------------------------------
def test_without_the_extra_what_needs_it_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math, "find_spec", lambda name: None)
    with MathGrader() as grader:
        assert grader.grade("1/2", "0.5").correct
        assert grader.grade("1/2", "0.6").verdict == "incorrect"
        with pytest.raises(MissingExtraError, match=r'pip install "mas-envs\[math\]"'):
            grader.grade(*NEEDS_ALGEBRA[0])
        with pytest.raises(MissingExtraError):
            grader([GradeAnswer(*NEEDS_ALGEBRA[0])])
