"""What a problem is, and what draws one: a family."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, as a task holds it.

    question: what the agents read in the full style; words: in the compact one.
    family: what kind of problem it is, for reports. difficulty: as its source grades it; "" where it does not.
    answers: the reference; an answer that is the same as any of them is right. Nothing that agents see, that is saved
        or that is recorded holds it. program: Python that prints it, in words with spaces between; "" where none is
        known.
    tolerance: the absolute error that the problem allows.
    exact: the answer is a rational number, so that the exact rules of the grader decide alone.
    """

    question: str
    words: str
    family: str
    difficulty: str
    answers: tuple[str, ...] = field(repr=False)
    program: str = field(default="", repr=False)
    tolerance: float = 0.0
    exact: bool = False


class Drawn(NamedTuple):
    """What a family draws: question, compact words, the words of a program that prints the answer, and the answer."""

    question: str
    words: str
    program: str
    answer: Fraction | int


Draw = Callable[[Random, int], Drawn]
"""(generator, size of the numbers: 1, 2 or 3) -> a problem."""


class Family(NamedTuple):
    """A kind of problem.

    level: the difficulty from which on it is asked: 1 easy, 2 medium, 3 hard.
    home: "train", or the split that it is held out for: "validation" or "test".
    """

    name: str
    level: int
    home: str
    draw: Draw


def number(draw: Random, size: int) -> int:
    """Returns a number with `size + 1` digits."""
    return draw.randint(10**size, 10 ** (size + 1) - 1)


def printing(expression: str) -> str:
    """Returns the program that prints an expression."""
    return f"print ( {expression} )"


def printing_exactly(numerator: str, denominator: str) -> str:
    """Returns the program that prints a quotient as a fraction."""
    return f"from fractions import Fraction as F ; print ( F ( {numerator} , {denominator} ) )"
