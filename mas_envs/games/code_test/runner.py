"""Carries out the game's effects in a sandbox; see `effects`."""

import ast
import re
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Effect, Result
from mas_envs.games.code_test.effects import CheckCases, JudgeProgram, RunCases
from mas_envs.games.code_test.parse import LONGEST_CASE
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.tasks import read_numbers
from mas_envs.grading.asserts import grade_asserts
from mas_envs.grading.output import Grade, grade_output
from mas_envs.sandbox import Result as Ran
from mas_envs.sandbox import RunProgram, Sandbox, Verdict
from mas_envs.sandbox.shared import shared_sandbox

KEPT = 1000
"""Characters that are kept of what a program printed, its first ones; what it printed is compared before, in full."""
AGREEING = 3
"""Accepted programs that have to agree with a case at most, where there is no reference; at least two have to."""
_NO_PROGRAM = re.compile(rb"^(SyntaxError|IndentationError|TabError)\b")

Plan = Generator[list[RunProgram], list[Ran], Any]
"""Yields programs to run, is sent their results, and returns the effect's value."""


class _LostError(Exception):
    """A run came to nothing through no fault of its program."""


class CodeRunner:
    """An effect runner for `CodeTest`.

    Args:
        sandbox: where programs run; by default the one that this process shares (`shared_sandbox`), which is started
            when the first program has to run. Without one of its own a runner can be pickled and copied.
    """

    def __init__(self, sandbox: Sandbox | None = None):
        self._sandbox = sandbox

    def __call__(self, effects: Sequence[Effect]) -> list[Result]:
        """Returns what came of each effect; all programs of one stage run in one batch."""
        results: list[Result | None] = [None] * len(effects)
        plans: dict[int, tuple[Plan, list[RunProgram]]] = {}
        by_asserts: dict[int, JudgeProgram] = {}
        for place, effect in enumerate(effects):
            if isinstance(effect, JudgeProgram) and effect.problem.kind == "function":
                by_asserts[place] = effect
            else:
                _go_on(place, _plan(effect), None, plans, results)
        if by_asserts:
            self._judge_functions(by_asserts, results)
        while plans:
            ran = iter(self._run([job for _, jobs in plans.values() for job in jobs]))
            stage = {place: (plan, [next(ran) for _ in jobs]) for place, (plan, jobs) in plans.items()}
            plans = {}
            for place, (plan, found) in stage.items():
                _go_on(place, plan, found, plans, results)
        return [result for result in results if result is not None]

    def _run(self, jobs: list[RunProgram]) -> list[Ran]:
        return (self._sandbox or shared_sandbox()).run_many(jobs) if jobs else []

    def _judge_functions(self, effects: dict[int, JudgeProgram], results: list[Result | None]) -> None:
        sandbox = self._sandbox or shared_sandbox()
        with ThreadPoolExecutor(sandbox.workers) as threads:
            for place, result in zip(
                effects, threads.map(lambda e: _by_asserts(sandbox, e), effects.values()), strict=True
            ):
                results[place] = result


def _go_on(
    place: int,
    plan: Plan,
    found: list[Ran] | None,
    plans: dict[int, tuple[Plan, list[RunProgram]]],
    results: list[Result | None],
) -> None:
    """Takes a plan to its next stage, or notes its result."""
    try:
        if found is not None and any(ran.verdict is Verdict.INFRASTRUCTURE for ran in found):
            raise _LostError
        plans[place] = (plan, plan.send(found))  # pyright: ignore[reportArgumentType] (None starts it)
    except StopIteration as end:
        results[place] = Result(end.value)
    except _LostError:
        results[place] = Result(failed=True)


# ---- plans ----------------------------------------------------------------------------------------------------------
def _plan(effect: Effect) -> Plan:
    if isinstance(effect, JudgeProgram):
        return _judge(effect)
    if isinstance(effect, RunCases):
        return _run_cases(effect)
    if isinstance(effect, CheckCases):
        return _check_by_rule(effect) if effect.problem.spec else _check_by_running(effect)
    raise UsageError(f"This runs the effects of code_test, not {type(effect).__name__}; give that game's own runner.")


def _judge(effect: JudgeProgram) -> Plan:
    """Runs the program on every hidden input; one that is no Python at all on the first alone."""
    problem = effect.problem
    first, *others = (job_of(effect.program, case, problem) for case in problem.hidden)
    (ran,) = yield [first]
    if ran.verdict is Verdict.RUNTIME_ERROR and not ran.out and _NO_PROGRAM.match(last_line(ran.err)):
        found = [ran] * problem.tests
    else:
        found = [ran, *(yield others)] if others else [ran]
    grades = [
        grade_output(each, case.output, problem.tolerance) for each, case in zip(found, problem.hidden, strict=True)
    ]
    return {"grades": [str(grade) for grade in grades]}


def _run_cases(effect: RunCases) -> Plan:
    found = yield [job_of(effect.program, case, effect.problem) for case in effect.cases]
    return [_shown(ran, case, effect.problem) for ran, case in zip(found, effect.cases, strict=True)]


def _check_by_rule(effect: CheckCases) -> Plan:
    """Asks the rule of a generated problem; only the suspect has to be run."""
    problem, worth = effect.problem, list[dict[str, Any]]()
    assert problem.spec is not None
    for case in effect.cases:
        numbers = read_numbers(case.input)
        right = problem.spec.solve(numbers) if numbers else None
        valid = right is not None and right.split() == case.output.split()
        kills = [i for i, wrong in enumerate(problem.wrong_specs) if valid and wrong.solve(numbers or ()) != right]
        worth.append({"valid": valid, "kills": kills})
    yield from _run_suspects(effect, worth, (effect.suspect,), len(problem.wrong_specs))
    return worth


def _check_by_running(effect: CheckCases) -> Plan:
    """Asks the reference, or several accepted programs; a case that one of them does not pass is not valid."""
    problem, cases = effect.problem, effect.cases
    judges = problem.accepted[:1] if problem.has_reference else problem.accepted[:AGREEING]
    worth: list[dict[str, Any]] = [{"valid": False, "kills": []} for _ in cases]
    if len(judges) + problem.has_reference < 2:
        return worth
    found = yield [job_of(judge, case, problem) for case in cases for judge in judges]
    for number, (case, each) in enumerate(zip(cases, worth, strict=True)):
        of_case = found[number * len(judges) : (number + 1) * len(judges)]
        each["valid"] = all(passes(ran, case, problem) for ran in of_case)
    yield from _run_suspects(effect, worth, (*problem.wrong, effect.suspect), 0)
    return worth


def _run_suspects(effect: CheckCases, worth: list[dict[str, Any]], programs: Sequence[str], first: int) -> Plan:
    """Adds to `kills` of valid cases those of the programs, numbered from `first`, that do not pass them."""
    pairs = [
        (case, each["kills"], number, program)
        for case, each in zip(effect.cases, worth, strict=True)
        if each["valid"]
        for number, program in enumerate(programs, first)
        if program
    ]
    if not pairs:
        return
    found = yield [job_of(program, case, effect.problem) for case, _, _, program in pairs]
    for ran, (case, kills, number, _) in zip(found, pairs, strict=True):
        if not passes(ran, case, effect.problem):
            kills.append(number)


def _by_asserts(sandbox: Sandbox, effect: JudgeProgram) -> Result:
    """Judges a function by the tests that call it."""
    problem = effect.problem
    report = grade_asserts(
        sandbox.serve, effect.program, problem.entry_point, problem.asserts, problem.setup, problem.limits
    )
    if report.grade is Grade.INFRASTRUCTURE or not report.valid:
        return Result(failed=True)
    ended_well = report.result is None or report.result.verdict is Verdict.OK
    fault = Grade.WRONG_ANSWER if report.grade is Grade.ACCEPTED else report.grade
    outcomes = report.outcomes or ("no outcome",) * problem.tests
    grades = [Grade.ACCEPTED if ended_well and not outcome else fault for outcome in outcomes]
    return Result({"grades": [str(grade) for grade in grades]})


# ---- one run --------------------------------------------------------------------------------------------------------
def job_of(program: str, case: Case, problem: Problem) -> RunProgram:
    """Returns the run of a program on a case's input; a function is called by a line after the program."""
    if problem.kind == "stdin":
        return RunProgram(program, f"{case.input}\n", problem.limits)
    called = "().".join(problem.entry_point.split("."))
    return RunProgram(f"{program}\n\nprint(repr({called}({case.input})))\n", "", problem.limits)


def passes(ran: Ran, case: Case, problem: Problem) -> bool:
    """Says whether a run printed what a case expects; a function's value is compared as a Python literal."""
    if problem.kind == "stdin":
        return grade_output(ran, case.output, problem.tolerance) is Grade.ACCEPTED
    if ran.verdict is not Verdict.OK:
        return False
    printed = last_line(ran.out).decode("utf-8", "backslashreplace")
    wanted, found = literal(case.output), literal(printed)
    return printed.strip() == case.output.strip() or (wanted is not None and wanted == found)


def literal(text: str) -> tuple[Any, ...] | None:
    """Returns the values that a text writes down as Python literals, comma-separated, or None where it does not."""
    if len(text) > LONGEST_CASE:
        return None
    try:
        return ast.literal_eval(f"({text.strip()},)") if text.strip() else ()
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def last_line(data: bytes) -> bytes:
    """Returns the last line that is not empty."""
    return data.rstrip().rpartition(b"\n")[2]


def _shown(ran: Ran, case: Case, problem: Problem) -> dict[str, Any]:
    text = ran.stdout if ran.verdict is Verdict.OK else last_line(ran.err).decode("utf-8", "backslashreplace")
    return {"passed": passes(ran, case, problem), "verdict": str(ran.verdict), "printed": text.strip()[:KEPT]}
