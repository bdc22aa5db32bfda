"""What the game wants done in the world, and who does it: programs in a sandbox, answers by a grader."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Effect, Result
from mas_envs.games.math_verify.parse import printed_answer
from mas_envs.grading.math import GradeAnswer, MathGrader, by_rules, is_number
from mas_envs.grading.pool import Job
from mas_envs.sandbox import Result as Ran
from mas_envs.sandbox import RunProgram, Sandbox, Verdict
from mas_envs.sandbox.shared import shared_sandbox

KEPT = 4_000
"""Characters of a program's output that are kept, and of its errors the last so many."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What an answer is compared with: the same as any of `answers` is right. See `Problem` for the rest."""

    answers: tuple[str, ...] = field(repr=False)
    tolerance: float = 0.0
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Grade(Effect):
    """The wish to know whether an answer is right; its value is the verdict, a str (see `mas_envs.grading.math`)."""

    gold: Gold
    answer: str


@dataclass(frozen=True, slots=True)
class RunAndGrade(Effect):
    """The wish to have a program run, and what it printed graded.

    Its value is a dict: "verdict" and "detail" of the run, "stdout" and "stderr" (at most KEPT characters), "answer"
    (what it printed, if that is one answer, else None) and "grade" (the verdict on that, or None).
    """

    run: RunProgram
    gold: Gold


class MathRunner:
    """Carries out this game's effects: all programs in one batch, then all answers in another.

    Args:
        sandbox: carries out `RunProgram`; by default the sandbox that this process shares, started when the first
            program has to run. (Without one of its own a runner can be pickled and copied.)
        grader: grades what the rules leave open; its workers start when they are needed.
    """

    def __init__(self, sandbox: Sandbox | None = None, grader: MathGrader | None = None):
        self._sandbox, self._grader = sandbox, grader or MathGrader()

    def __call__(self, effects: Sequence[Effect]) -> list[Result]:
        runs = iter(self._run([effect.run for effect in effects if isinstance(effect, RunAndGrade)]))
        made = [next(runs) if isinstance(effect, RunAndGrade) else None for effect in effects]
        asked: list[tuple[Gold, str] | None] = []
        for effect, run in zip(effects, made, strict=True):
            if isinstance(effect, RunAndGrade):
                answer = None if run is None or run.failed else run.value["answer"]
                asked.append(None if answer is None else (effect.gold, answer))
            elif isinstance(effect, Grade):
                asked.append((effect.gold, effect.answer))
            else:
                raise UsageError(f"math_verify wishes for RunAndGrade and Grade, not {type(effect).__name__}.")
        grades = iter(self._grade([each for each in asked if each is not None]))
        return [_told(run, None if each is None else next(grades)) for run, each in zip(made, asked, strict=True)]

    def _run(self, programs: list[RunProgram]) -> list[Result]:
        if not programs:
            return []
        return [_plain(run) for run in (self._sandbox or shared_sandbox()).run_many(programs)]

    def _grade(self, asked: Sequence[tuple[Gold, str]]) -> list[str]:
        """Returns the verdict on every answer."""
        wishes = [
            GradeAnswer(reference, answer, gold.tolerance)
            for gold, answer in asked
            if not gold.exact
            for reference in gold.answers
        ]
        graded = iter(self._grader(wishes) if wishes else ())
        return [
            exactly(gold, answer) if gold.exact else _best([next(graded).value.verdict for _ in gold.answers])
            for gold, answer in asked
        ]


def exactly(gold: Gold, answer: str) -> str:
    """Returns the verdict of the exact rules on a number; "incorrect" for an expression, which would have to be worked
    out: the problem's own, copied, is no answer to it."""
    found = [by_rules(reference, answer, gold.tolerance) for reference in gold.answers]
    verdict = _best(["incorrect" if isinstance(each, Job) else each.verdict for each in found])
    return "incorrect" if verdict == "correct" and not is_number(answer) else verdict


def _best(verdicts: Sequence[str]) -> str:
    """Returns the verdict on an answer that was compared with several references: it has to be the same as one."""
    return next((name for name in ("correct", "infrastructure") if name in verdicts), verdicts[0])


def _plain(run: Ran) -> Result:
    """Returns what came of a run as JSON values."""
    if run.verdict is Verdict.INFRASTRUCTURE:
        return Result(failed=True)
    return Result(
        {
            "verdict": run.verdict.value,
            "detail": run.detail,
            "stdout": run.stdout[:KEPT],
            "stderr": run.stderr[-KEPT:],
            "answer": printed_answer(run.stdout) if run.verdict is Verdict.OK else None,
            "grade": None,
        }
    )


def _told(run: Result | None, grade: str | None) -> Result:
    """Returns an effect's result from its run, if it had one, and the verdict on its answer, if there was one."""
    if grade == "infrastructure" or (run is not None and run.failed):
        return Result(failed=True)
    return Result(grade) if run is None else Result({**run.value, "grade": grade})
