"""The parts of generated rules: which numbers of the input are kept, and how each of them is changed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """A map or a filter. {c} in its texts stands for its constant, one of `constants` ((0,) where it has none), {y} for
    the numbers that a map changes.

    near: what it is easily mistaken for.
    """

    phrase: str
    words: str
    code: str
    function: Callable[[int, int], Any]
    constants: Sequence[int] = (0,)
    near: tuple[str, ...] = ()


MAPS: dict[str, Piece] = {
    "same": Piece("{y}", "", "v", lambda v, c: v),
    "square": Piece("the squares of {y}", "square", "v * v", lambda v, c: v * v, near=("abs", "cube")),
    "cube": Piece("the cubes of {y}", "cube", "v * v * v", lambda v, c: v**3, near=("square",)),
    "negate": Piece("the negatives of {y}", "negated", "- v", lambda v, c: -v, near=("abs",)),
    "abs": Piece("the absolute values of {y}", "absolute", "abs ( v )", lambda v, c: abs(v), near=("negate",)),
    "times": Piece("{y}, each multiplied by {c}", "times {c}", "v * {c}", lambda v, c: v * c, range(2, 10), ("plus",)),
    "plus": Piece("{y}, each increased by {c}", "plus {c}", "v + {c}", lambda v, c: v + c, range(1, 10), ("minus",)),
    "minus": Piece("{y}, each decreased by {c}", "minus {c}", "v - {c}", lambda v, c: v - c, range(1, 10), ("plus",)),
    "rest": Piece(
        "the remainders (never negative) of {y} after division by {c}", "rest {c}", "v % {c}", lambda v, c: v % c,
        range(2, 10), ("quotient",),
    ),
    "quotient": Piece(
        "the quotients (rounded down) of {y} after division by {c}", "quotient {c}", "v // {c}", lambda v, c: v // c,
        range(2, 10), ("rest",),
    ),
}  # fmt: skip

FILTERS: dict[str, Piece] = {
    "all": Piece("the numbers", "all", "", lambda v, c: True),
    "even": Piece("the even numbers", "even", "v % 2 == 0", lambda v, c: v % 2 == 0, near=("odd",)),
    "odd": Piece("the odd numbers", "odd", "v % 2 != 0", lambda v, c: v % 2 != 0, near=("even",)),
    "positive": Piece("the positive numbers", "positive", "v > 0", lambda v, c: v > 0, near=("negative",)),
    "negative": Piece("the negative numbers", "negative", "v < 0", lambda v, c: v < 0, near=("positive",)),
    "above": Piece(
        "the numbers greater than {c}", "above {c}", "v > {c}", lambda v, c: v > c, range(1, 10), ("at_least", "below")
    ),
    "below": Piece(
        "the numbers less than {c}", "below {c}", "v < {c}", lambda v, c: v < c, range(1, 10), ("at_most", "above")
    ),
    "at_least": Piece("the numbers that are at least {c}", "from {c}", "v >= {c}", lambda v, c: v >= c, range(1, 10)),
    "at_most": Piece("the numbers that are at most {c}", "upto {c}", "v <= {c}", lambda v, c: v <= c, range(1, 10)),
    "multiple": Piece(
        "the multiples of {c}", "multiple {c}", "v % {c} == 0", lambda v, c: v % c == 0, range(3, 10), ("other",)
    ),
    "other": Piece(
        "the numbers that {c} does not divide", "other {c}", "v % {c} != 0", lambda v, c: v % c != 0, range(3, 10),
        ("multiple",),
    ),
}  # fmt: skip
