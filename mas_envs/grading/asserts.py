"""Grading a function by tests that call it, as HumanEval's and MBPP's do, so that it cannot know what they expect.

The model's program and the tests never share a process. The tests run in a box of their own, with a stand-in for the
function; the calls they make go to the program's box as plain values, what it returns comes back as plain values, and
the tests run again on those. So an object that equals everything, a patched interpreter or a look at the caller's
frames gain nothing, and neither side can hang or harm this process, which only hands text from one to the other.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mas_envs.core.errors import UsageError
from mas_envs.grading.output import Grade
from mas_envs.sandbox.inside import driver
from mas_envs.sandbox.jobs import DEFAULT_LIMITS, Limits, Result, RunProgram, Verdict

ROUNDS = 20
"""How often tests may turn out to need further calls, which depend on earlier answers. Most need one."""

Runner = Callable[[RunProgram], Result]


@dataclass(frozen=True, slots=True)
class Report:
    """What tests say of a function.

    grade: accepted, if every test passed; wrong_answer; else how the program ended. outcomes: for each test "", where
    it passed, or what failed. result: of the program's last run. valid: False where the tests themselves do not run;
    the grade then says nothing of the program.
    """

    grade: Grade
    outcomes: tuple[str, ...] = ()
    result: Result | None = None
    valid: bool = True

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(not outcome for outcome in self.outcomes)


def grade_asserts(
    run: Runner,
    program: str,
    function: str,
    tests: Sequence[str],
    setup: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Returns what tests say of a function in a program.

    run: runs a job in a sandbox, as `sandbox.serve` does. function: its name, or `Solution.solve` for a method.
    tests: pieces of Python, most of them assert statements, in which the function goes by its name and as `candidate`;
    each counts for itself. They are boxed as well, but their word is taken for how they came out.
    setup: code that the tests need, without expected values; it may define a function of the same name, or use classes
    of the program. Raises UsageError where `function` is no name.
    """
    if not function or not all(part.isidentifier() for part in function.split(".")):
        raise UsageError(f"function is {function!r}; it must be a name, or names with dots between, as Solution.solve.")
    answers: list[Any] = []
    result: Result | None = None
    checked: dict[str, Any] | None = None
    for _ in range(ROUNDS):
        checked, of_tests = _check(run, function, tests, setup, answers, limits)
        if checked is None:
            return _not_checked(of_tests, result)
        if not checked["waiting"]:
            break
        result = run(_job("caller", limits, program=program, function=function, setup=setup, calls=checked["calls"]))
        if result.verdict is Verdict.INFRASTRUCTURE:
            return Report(Grade.INFRASTRUCTURE, result=result)
        lines = result.stdout.split("\n")
        answers = [[call, lines[i] if i < len(lines) else ""] for i, call in enumerate(checked["calls"])]
    assert checked is not None
    return _report(checked, result)


def _report(checked: dict[str, Any], result: Result | None) -> Report:
    outcomes = tuple(checked["outcomes"])
    if checked["waiting"]:
        outcomes = tuple(outcome or "its calls differ from run to run" for outcome in outcomes)
    if not any(outcomes) and result is not None and result.verdict is Verdict.OK:
        return Report(Grade.ACCEPTED, outcomes, result)
    if result is not None and result.verdict is not Verdict.OK:
        return Report(Grade(result.verdict), outcomes, result)
    return Report(Grade.RUNTIME_ERROR if checked["raised"] else Grade.WRONG_ANSWER, outcomes, result)


def _not_checked(of_tests: Result, result: Result | None) -> Report:
    """Returns the report where the checking itself did not come to an end."""
    if of_tests.verdict is Verdict.INFRASTRUCTURE:
        return Report(Grade.INFRASTRUCTURE, result=of_tests)
    if result is None:
        return Report(Grade.WRONG_ANSWER, result=of_tests, valid=False)
    return Report(Grade.WRONG_ANSWER, result=result)  # what the function returned was too much for the tests


def _check(
    run: Runner, function: str, tests: Sequence[str], setup: str, answers: list[Any], limits: Limits
) -> tuple[dict[str, Any] | None, Result]:
    job = _job("checker", limits, function=function, tests=list(tests), setup=setup, answers=answers)
    result = run(job)
    if result.verdict is not Verdict.OK:
        return None, result
    try:
        checked = json.loads(result.out)
    except (ValueError, RecursionError):
        return None, result
    complete = isinstance(checked, dict) and checked.keys() == {"calls", "outcomes", "raised", "waiting"}
    return (checked if complete else None), result


def _job(role: str, limits: Limits, **request: Any) -> RunProgram:
    return RunProgram(_driver(), json.dumps({"role": role, **request}), limits)


@lru_cache(maxsize=1)
def _driver() -> str:
    return Path(driver.__file__).read_text(encoding="utf-8")
