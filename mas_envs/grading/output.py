"""Whether what a program printed is the expected output: token by token, exactly, and without running anything.

Tokens are what whitespace separates, so line breaks and trailing blanks do not matter and nothing else is forgiven:
`1_000`, full-width digits and `1.0` for `1` are wrong unless those bytes are expected. Only a task that declares a
tolerance has its numbers compared as numbers, and integers even then as integers.
"""

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from enum import StrEnum
from typing import NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.sandbox.jobs import Result, Verdict

_INTEGER = re.compile(rb"[+-]?[0-9]+")
_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
_DIGITS = 400
"""Longer numbers are compared as text: no task's tolerance is about them, and arithmetic on them could be slow."""
_EXACT = Context(prec=min(3 * _DIGITS, MAX_PREC), Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


class Grade(StrEnum):
    """The verdict on a program and one test: how the run ended or, where it ended well, what its output is worth."""

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    NO_OUTPUT = "no_output"
    """It printed nothing but blanks, where something was expected."""
    RUNTIME_ERROR = "runtime_error"
    """It crashed; also when it had printed the right answer before, as on contest sites."""
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    INFRASTRUCTURE = "infrastructure"


class Difference(NamedTuple):
    """Where an output first departs from the expected one: the token's number from 0, and both tokens, "" for none."""

    token: int
    printed: str
    expected: str


def grade_output(result: Result, expected: str | bytes, tolerance: float | None = None) -> Grade:
    """Returns the grade of a run against the output that a task expects.

    An exit status of 0 is never enough, and another one never accepted. tolerance: absolute or relative, whichever is
    the kinder; raises UsageError unless it is at least 0 and below 1.
    """
    if result.verdict is not Verdict.OK:
        return Grade(result.verdict)
    if first_difference(result.out, expected, tolerance) is None:
        return Grade.ACCEPTED
    return Grade.WRONG_ANSWER if result.out.strip() else Grade.NO_OUTPUT


def first_difference(printed: bytes, expected: str | bytes, tolerance: float | None = None) -> Difference | None:
    """Returns where an output first departs from the expected one, or None where it does not; see `grade_output`."""
    if tolerance is not None and not 0 <= tolerance < 1:
        raise UsageError(f"tolerance is {tolerance!r}; it must be at least 0 and below 1, or None to compare exactly.")
    wanted = expected.encode("utf-8", "surrogatepass") if isinstance(expected, str) else expected
    theirs = wanted.split()
    ours = printed.split(None, len(theirs))  # what comes after that is one piece, however much was printed
    if ours == theirs:
        return None
    for number, (our, their) in enumerate(zip(ours, theirs, strict=False)):
        if our != their and (tolerance is None or not within(our, their, tolerance)):
            return _difference(number, ours, theirs)
    return None if len(ours) == len(theirs) else _difference(min(len(ours), len(theirs)), ours, theirs)


def within(printed: bytes, expected: bytes, tolerance: float) -> bool:
    """Returns whether two different tokens are numbers that close to each other.

    Two integers never are, unless they are the same with another sign or leading zeros: +5 and 5, 007 and 7.
    """
    if len(printed) > _DIGITS or len(expected) > _DIGITS:
        return False
    if not _NUMBER.fullmatch(printed) or not _NUMBER.fullmatch(expected):
        return False
    ours, theirs = Decimal(printed.decode()), Decimal(expected.decode())
    if _INTEGER.fullmatch(printed) and _INTEGER.fullmatch(expected):
        return ours == theirs
    allowed = _EXACT.multiply(Decimal(tolerance), max(Decimal(1), theirs.copy_abs()))
    return _EXACT.subtract(ours, theirs).copy_abs() <= allowed


def _difference(number: int, ours: list[bytes], theirs: list[bytes]) -> Difference:
    def shown(tokens: list[bytes]) -> str:
        return tokens[number].split(None, 1)[0].decode("utf-8", "backslashreplace") if number < len(tokens) else ""

    return Difference(number, shown(ours), shown(theirs))
