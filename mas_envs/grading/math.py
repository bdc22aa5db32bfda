r"""Grading mathematical answers: `grade("\\frac{1}{2}", "0.5")`.

Rules first, in exact arithmetic and in this process: they decide what is certain, in about ten microseconds where both
sides are numbers. The rest goes to math-verify (the extra `math`) in worker processes with a limit on processor time.
`docs/grading.md` states every rule; `python -m mas_envs.grading GOLD ANSWER` says which one decided.
"""

import asyncio
import atexit
import os
import re
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, cast

from mas_envs.core.errors import MissingExtraError, UsageError, in_range
from mas_envs.core.game import Effect, Result
from mas_envs.grading.answers import boxed_answer, final_answer
from mas_envs.grading.arithmetic import is_written_out
from mas_envs.grading.compare import Comparer
from mas_envs.grading.latex import clean
from mas_envs.grading.pool import Job, Pool
from mas_envs.grading.values import Named, Scalar, readings

__all__ = ["GradeAnswer", "MathGrader", "Verdict", "boxed_answer", "final_answer", "grade"]

MAX_LENGTH = 2_000
"""Characters of a final answer; a longer one is unparsable."""
_PACKAGES = ("math_verify", "latex2sympy2_extended")
_BARE = re.compile(r"[-+0-9./%,()\[\]:]{1,200}")
"""Answers in which there is nothing to find and nothing to clean."""
VerdictName = Literal["correct", "incorrect", "unparsable", "grader_timeout", "infrastructure"]


class Verdict(NamedTuple):
    """What became of an answer.

    verdict: "correct"; "incorrect"; "unparsable" (there is no answer, it is too long, or cannot be read);
        "grader_timeout" (it took the grader too much time or memory: the answer's doing, and it earns nothing);
        "infrastructure" (workers were lost: nobody's doing, and no verdict).
    why: which rule decided, in words.
    """

    verdict: VerdictName
    why: str = ""

    @property
    def correct(self) -> bool:
        return self.verdict == "correct"


@dataclass(frozen=True, slots=True)
class GradeAnswer(Effect):
    """The wish to know whether `answer` is `gold`; its result's value is a `Verdict`.

    answer: a final answer, or a text that states one; None where there is none. tolerance: the absolute error that
    the task allows in a number.
    """

    gold: str
    answer: str | None
    tolerance: float = 0.0


class MathGrader:
    """Grades answers; usable from any thread and from asyncio, as a context manager, and as an EffectRunner.

    Workers start when the first pair needs one, and end with `close`, the `with` block, or the interpreter. Pickling
    and copying give a grader with the same settings and workers of its own.

    Args:
        workers: processes for what the rules leave open; by default one for each core, at most 4.
        cpu_seconds: processor time for one pair, 0.1 to 60.
        memory_mb: memory that one pair may take, in MiB.
        wall_seconds: after this time without an answer a worker counts as lost (a machine under load).
    """

    def __init__(
        self,
        workers: int | None = None,
        cpu_seconds: float = 1.0,
        memory_mb: int = 1024,
        wall_seconds: float = 60.0,
    ):
        self.workers = in_range("workers", min(4, os.cpu_count() or 1) if workers is None else workers, 1, 256)
        if not 0.1 <= cpu_seconds <= 60 or not wall_seconds > cpu_seconds:
            raise UsageError(
                f"cpu_seconds is {cpu_seconds!r} and wall_seconds {wall_seconds!r}; allowed are 0.1 to 60 seconds, "
                "and a wall_seconds that is larger."
            )
        self._settings = (self.workers, cpu_seconds, in_range("memory_mb", memory_mb, 64, 1 << 20), wall_seconds)
        self._pool = Pool(self.workers, cpu_seconds, memory_mb << 20, wall_seconds)
        self._installed = False  # not known yet; the search for it takes longer than most verdicts
        weakref.finalize(self, self._pool.close)

    def grade(self, gold: str, answer: str | None, tolerance: float = 0.0) -> Verdict:
        """Returns whether `answer` is the same as `gold` (see `grade`)."""
        verdict = by_rules(gold, answer, tolerance)
        return self._by_algebra(verdict) if isinstance(verdict, Job) else verdict

    def grade_many(self, pairs: Iterable[tuple[str, str | None]], tolerance: float = 0.0) -> list[Verdict]:
        """Returns the verdicts of (gold, answer) pairs in their order; the workers share what needs them."""
        return self._all([by_rules(gold, answer, tolerance) for gold, answer in pairs])

    async def grade_async(self, gold: str, answer: str | None, tolerance: float = 0.0) -> Verdict:
        """Returns what `grade` returns, without holding up the event loop."""
        return await asyncio.to_thread(self.grade, gold, answer, tolerance)

    def __call__(self, effects: Sequence[Effect]) -> list[Result]:
        """Carries out `GradeAnswer` effects in one batch: an EffectRunner. `infrastructure` is a failed result."""
        wishes = list[GradeAnswer]()
        for effect in effects:
            if not isinstance(effect, GradeAnswer):
                raise UsageError(f"MathGrader carries out GradeAnswer, not {type(effect).__name__}.")
            wishes.append(effect)
        verdicts = self._all([by_rules(wish.gold, wish.answer, wish.tolerance) for wish in wishes])
        return [Result(verdict, failed=verdict.verdict == "infrastructure") for verdict in verdicts]

    @property
    def workers_running(self) -> list[int]:
        """The process ids of the workers that run now."""
        return self._pool.pids

    def close(self) -> None:
        """Ends the workers; grading another pair would start them again."""
        self._pool.close()

    def __enter__(self) -> "MathGrader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type["MathGrader"], tuple[Any, ...]]:
        return type(self), self._settings

    def _all(self, found: list[Verdict | Job]) -> list[Verdict]:
        jobs = dict.fromkeys(item for item in found if isinstance(item, Job))  # equal pairs are graded once
        with ThreadPoolExecutor(max(1, min(self.workers, len(jobs)))) as threads:
            done = dict(zip(jobs, threads.map(self._by_algebra, jobs), strict=True))
        return [done[item] if isinstance(item, Job) else item for item in found]

    def _by_algebra(self, job: Job) -> Verdict:
        if not self._installed and (missing := [name for name in _PACKAGES if find_spec(name) is None]):
            raise MissingExtraError(
                f"Whether {job.answer[:60]!r} is {job.gold[:60]!r} needs {' and '.join(missing)}, not installed here. "
                'Install the extra: pip install "mas-envs[math]".'
            )
        self._installed = True
        verdict, why = self._pool.ask(job)
        return Verdict(cast("VerdictName", verdict), why)


def grade(gold: str, answer: str | None, tolerance: float = 0.0) -> Verdict:
    """Returns whether `answer` is the same as `gold`, by one grader that this process shares.

    Both may be bare ("1/2"), LaTeX with or without dollars, or a text that states an answer (see `final_answer`).
    Any strings give a verdict; `gold` is the reference, and where the rules are not symmetrical its form counts.

    Args:
        gold: the reference.
        answer: what is graded; None where there is none.
        tolerance: the absolute error that the task allows in a number.

    Raises:
        UsageError: an argument is no string, or the tolerance is negative.
        MissingExtraError: the pair needs math-verify, which is not installed.
    """
    return _shared(os.getpid()).grade(gold, answer, tolerance)


@lru_cache(maxsize=1)
def _shared(pid: int) -> MathGrader:
    grader = MathGrader()
    atexit.register(grader.close)
    return grader


def _cleaned(text: str) -> str:
    """Returns the final answer of `text` in one way of writing; what no other reading has stays as it is."""
    if _BARE.fullmatch(text):
        return text.rstrip(".,:")
    return clean(final_answer(text)[: 2 * MAX_LENGTH])


_cleaned_reference = lru_cache(512)(_cleaned)


def by_rules(gold: str, answer: str | None, tolerance: float = 0.0) -> Verdict | Job:
    """Returns the verdict where the rules are certain of it, else the job that a worker has to do."""
    if not isinstance(gold, str) or not isinstance(answer, str | None):
        kinds = f"{type(gold).__name__} and {type(answer).__name__}"
        raise UsageError(f"gold and answer are {kinds}; give strings (None for an answer that is missing).")
    if not 0 <= tolerance < float("inf"):
        raise UsageError(f"tolerance is {tolerance!r}; it must be 0 or a positive number.")
    if answer is None:
        return Verdict("unparsable", "no answer")
    reference, given = _cleaned_reference(gold), _cleaned(answer)
    if not given:
        return Verdict("unparsable", "no answer")
    if len(given) > MAX_LENGTH or len(reference) > MAX_LENGTH:
        which = "answer" if len(given) > MAX_LENGTH else "reference"
        return Verdict("unparsable", f"the {which} has more than {MAX_LENGTH:,} characters")
    allowed = Fraction(tolerance)
    equal, why = Comparer(None, allowed).texts(reference, given)
    if equal is None:
        return Job(reference, given, str(allowed))
    return Verdict("correct" if equal else "incorrect", why)


def is_number(answer: str) -> bool:
    r"""Returns whether an answer is one number that is written out, be it with a name, a unit or a percent sign.

    `7/12`, `x = 2\frac{1}{2}`, `1.2e5 km` and `two` are, `3 + 4`, `2^10`, `5!` and `1, 2` are not.
    """
    cleaned = _cleaned(answer)
    value = readings(cleaned)[0] if 0 < len(cleaned) <= MAX_LENGTH else None
    while isinstance(value, Named):
        value = value.value
    if not isinstance(value, Scalar) or value.value is None:
        return False
    return is_written_out(value.body) or value.body.isalpha()
