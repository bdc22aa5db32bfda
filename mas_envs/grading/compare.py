"""The rules by which two read answers are the same: exact, and with "not known" as a third outcome.

Structure is compared here; expressions go to `algebra`, a function that compares two of them. Without one, what
needs it is not known, and nothing is decided that the function might decide otherwise.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from mas_envs.grading.inequalities import as_union
from mas_envs.grading.latex import canonical
from mas_envs.grading.scalars import (
    equal_numbers,
    hours_meant,
    in_radians,
    is_clock_time,
    is_phrase,
    is_relation,
    is_sum_equation,
    unit_factor,
)
from mas_envs.grading.values import Choice, Many, Matrix, Named, Scalar, Value, readings

Algebra = Callable[[str, str], bool]
"""(gold, answer) as cleaned LaTeX -> whether they are equal."""

_MAX_UNMATCHED = 40
_FUNCTION_OF = re.compile(r"[a-zA-Z] \( [a-z] \)")
_PARENTHESES = "()"


class Outcome(NamedTuple):
    """equal: True, False, or None where that is not known without algebra. why: which rule said so."""

    equal: bool | None
    why: str


_SAME_TEXT = Outcome(True, "the same text")
_reference_readings = lru_cache(512)(readings)
"""A reference is graded against many answers. (Answers are not kept: they may be large, and anything.)"""


class Comparer(NamedTuple):
    """Compares; `tolerance` is the absolute error that the task allows in a number."""

    algebra: Algebra | None = None
    tolerance: Fraction = Fraction(0)

    def texts(self, gold: str, answer: str) -> Outcome:
        """Returns whether two cleaned texts say the same: in any of their readings."""
        if gold == answer:
            return _SAME_TEXT
        outcomes = list[Outcome]()
        for left in _reference_readings(gold):
            for right in readings(answer):
                outcome = self.values(left, right)
                if outcome.equal:
                    return outcome
                outcomes.append(outcome)
        if canonical(gold) == canonical(answer):
            return _SAME_TEXT
        return next((outcome for outcome in outcomes if outcome.equal is None), outcomes[0])

    def values(self, gold: Value, answer: Value) -> Outcome:
        """Returns whether two values are the same."""
        if isinstance(gold, Scalar) and isinstance(answer, Scalar):
            return self._scalars(gold, answer)
        if canonical(gold.text) == canonical(answer.text):
            return _SAME_TEXT
        if isinstance(gold, Choice) or isinstance(answer, Choice):
            return self._choices(gold, answer)
        if isinstance(gold, Named) or isinstance(answer, Named):
            return self._named(gold, answer)
        if isinstance(gold, Matrix) or isinstance(answer, Matrix):
            return self._matrices(gold, answer)
        if isinstance(gold, Many) and isinstance(answer, Many):
            return self._collections(gold, answer)
        return self._one_and_many(gold, answer)

    # ---- numbers and expressions -------------------------------------------------------------------------------
    def _scalars(self, gold: Scalar, answer: Scalar) -> Outcome:
        unit = unit_factor(gold, answer)
        if unit is None:
            return _SAME_TEXT if gold.text == answer.text else self._ask(gold.text, answer.text)
        if isinstance(unit, str):
            return Outcome(False, unit)
        if gold.value is not None and answer.value is not None:
            return self._numbers(gold, answer, unit)
        if canonical(gold.text) == canonical(answer.text):
            return _SAME_TEXT
        if is_phrase(gold.text) and is_phrase(answer.text):
            same = gold.text.casefold().split() == answer.text.casefold().split()
            return Outcome(same, "the same words" if same else "other words")
        for number, text in ((gold, answer.text), (answer, gold.text)):
            if number.value is not None and is_phrase(text):
                return Outcome(False, "words are no number")
        if len(gold.text) == len(answer.text) == 1:
            return Outcome(False, "another letter")
        if is_sum_equation(gold.text) and answer.value is not None:
            return Outcome(False, "a number is no equation")
        left, right = in_radians(gold, answer)
        right = right if unit == 1 else f"{unit.numerator}/{unit.denominator}*({right})"
        return self._ask(left, right)

    def _numbers(self, gold: Scalar, answer: Scalar, unit: Fraction) -> Outcome:
        assert gold.value is not None and answer.value is not None
        places = (gold.places, answer.places)
        right = answer.value if unit == 1 else answer.value * unit
        if equal_numbers(gold.value, right, places, self.tolerance):
            return Outcome(True, "equal numbers" if gold.value == right else "equal to the digits given")
        if gold.percent != answer.percent:
            hundredth = Fraction(1, 100)
            left, scaled = (gold.value * hundredth, right) if gold.percent else (gold.value, right * hundredth)
            shifted = (gold.places + 2 * gold.percent, answer.places + 2 * answer.percent)
            if equal_numbers(left, scaled, shifted, self.tolerance):
                return Outcome(True, "a percentage and the same fraction")
        return Outcome(False, "other numbers")

    def _ask(self, gold: str, answer: str) -> Outcome:
        if self.algebra is None:
            return Outcome(None, "needs algebra")
        equal = self.algebra(gold, answer)
        return Outcome(equal, "equal by algebra" if equal else "not equal by algebra")

    # ---- names and choices -------------------------------------------------------------------------------------
    def _choices(self, gold: Value, answer: Value) -> Outcome:
        if isinstance(gold, Choice) and isinstance(answer, Choice):
            same = gold.letter == answer.letter
            return Outcome(same, "the same choice" if same else "another choice")
        choice, other = (gold, answer) if isinstance(gold, Choice) else (answer, gold)
        assert isinstance(choice, Choice)
        if other.text in (choice.letter, f"({choice.letter})"):
            return Outcome(True, "the same choice")
        if len(other.text) == 1 and other.text.isupper():
            return Outcome(False, "another choice")
        return self.values(choice.value, other) if choice is gold else self.values(other, choice.value)

    def _named(self, gold: Value, answer: Value) -> Outcome:
        if not isinstance(answer, Named):
            assert isinstance(gold, Named)
            return self._ask(gold.text, answer.text) if is_relation(answer) else self.values(gold.value, answer)
        if not isinstance(gold, Named):
            return self._ask(gold.text, answer.text) if is_relation(gold) else self.values(gold, answer.value)
        if gold.name == answer.name or _names_one_graph(gold.name, answer.name):
            return self.values(gold.value, answer.value)
        return self._ask(gold.text, answer.text)

    # ---- several values ----------------------------------------------------------------------------------------
    def _matrices(self, gold: Value, answer: Value) -> Outcome:
        if isinstance(gold, Matrix) and isinstance(answer, Matrix):
            if list(map(len, gold.rows)) != list(map(len, answer.rows)):
                return Outcome(False, "matrices of other shapes")
            rows = zip(gold.rows, answer.rows, strict=True)
            return self._in_order([pair for row in rows for pair in zip(*row, strict=True)], "matrices")
        matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
        assert isinstance(matrix, Matrix)
        if isinstance(other, Many) and (written := _as_rows(other)):
            return self._matrices(matrix, written) if matrix is gold else self._matrices(written, matrix)
        vector = [row[0] for row in matrix.rows] if all(len(row) == 1 for row in matrix.rows) else []
        vector = list(matrix.rows[0]) if len(matrix.rows) == 1 else vector
        if isinstance(other, Many) and other.brackets in (_PARENTHESES, "[]") and vector:
            if len(vector) != len(other.items):
                return Outcome(False, "vectors of other lengths")
            pairs = list(zip(vector, other.items, strict=True))
            return self._in_order(pairs if matrix is gold else [(b, a) for a, b in pairs], "vectors")
        return self._ask(gold.text, answer.text)

    def _collections(self, gold: Many, answer: Many) -> Outcome:
        kinds = {gold.kind, answer.kind}
        if kinds == {"ratio"}:
            return _ratios(gold, answer)
        if kinds == {"row"}:
            if gold.brackets != answer.brackets:
                return Outcome(False, f"{gold.brackets} is not {answer.brackets}")
            return self._aligned(gold.items, answer.items, "tuples or intervals")
        if kinds == {"row", "set"}:
            if gold.kind == "set" and len(gold.items) == 1:
                return self.values(gold.items[0], answer)
            if answer.kind == "set" and len(answer.items) == 1:
                return self.values(gold, answer.items[0])
            return Outcome(False, "a tuple or an interval is not a set of its two ends")
        if kinds == {"row", "list"}:
            row = gold if gold.kind == "row" else answer
            if row.brackets != _PARENTHESES:
                return Outcome(False, "an interval is not a list")
            return self._aligned(gold.items, answer.items, "tuple, parentheses left out")
        if kinds <= {"list", "set"}:
            names = [all(isinstance(item, Named) for item in many.items) for many in (gold, answer)]
            if names[0] != names[1] and not _one_name(gold.items if names[0] else answer.items):
                return self._aligned(gold.items, answer.items, "named values in their order")
            return self._unordered(gold, answer)
        if kinds == {"list", "union"}:
            left, right = (as_union(many) if many.kind == "list" else many for many in (gold, answer))
            return self._collections(left, right) if left and right else self._ask(gold.text, answer.text)
        if kinds == {"union"} and (outcome := self._unordered(gold, answer)).equal:
            return outcome
        return self._ask(gold.text, answer.text)

    def _aligned(self, gold: Sequence[Value], answer: Sequence[Value], what: str) -> Outcome:
        if len(gold) != len(answer):
            return Outcome(False, f"{what}: {len(answer)} values, not {len(gold)}")
        return self._in_order(list(zip(gold, answer, strict=True)), what)

    def _in_order(self, pairs: Sequence[tuple[Value, Value]], what: str) -> Outcome:
        unknown = False
        for gold, answer in pairs:
            equal = self.values(gold, answer).equal
            if equal is False:
                return Outcome(False, f"{what}: {answer.text[:40]!r} is not {gold.text[:40]!r}")
            unknown |= equal is None
        return Outcome(None, "needs algebra") if unknown else Outcome(True, f"{what}, value by value")

    def _unordered(self, gold: Many, answer: Many) -> Outcome:
        """Compares without regard to order, or to how often a value occurs."""
        golds, answers = _leftover(gold.items, answer.items)
        if len(golds) != len(answers):
            return Outcome(False, "a value that the other side does not have")
        if len(golds) > _MAX_UNMATCHED:
            return Outcome(False, f"more than {_MAX_UNMATCHED} values that the other side does not have")
        unknown = False
        for left in golds:
            found = list[bool | None]()
            for i, right in enumerate(answers):
                found.append(self.values(left, right).equal)
                if found[-1]:
                    del answers[i]
                    break
            else:
                if None not in found:
                    return Outcome(False, "a value that the other side does not have")
                unknown = True
        return Outcome(None, "needs algebra") if unknown else Outcome(True, "the same values, in any order")

    def _one_and_many(self, gold: Value, answer: Value) -> Outcome:
        one, many = (gold, answer) if isinstance(gold, Scalar) else (answer, gold)
        assert isinstance(one, Scalar) and isinstance(many, Many)
        if many.kind == "ratio":
            return self._ratio_and_number(one, many)
        if many.kind in ("list", "set") and len({_key(item) for item in many.items}) == 1:
            return self.values(gold, many.items[0]) if one is gold else self.values(many.items[0], answer)
        if one.value is not None and many.kind in ("list", "set", "row"):
            return Outcome(False, f"{len(many.items)} values are not one")
        return self._ask(gold.text, answer.text)

    def _ratio_and_number(self, one: Scalar, ratio: Many) -> Outcome:
        parts = [item.value for item in ratio.items if isinstance(item, Scalar) and item.value is not None]
        if is_clock_time(one) and len(parts) == 2:
            same = one.value in hours_meant(one, parts[0] + parts[1] / 60)
            return Outcome(same, "the same time" if same else "another time")
        if one.value is None or len(parts) != 2 or not parts[1] or _is_clock(ratio):
            return self._ask(ratio.text, one.text)
        same = one.value == parts[0] / parts[1]
        return Outcome(same, "a ratio and its value" if same else "another ratio")


def _as_rows(many: Many) -> Matrix | None:
    """Returns the matrix that a list of rows is, `[[1, 2], [3, 4]]`, as programs print it; None for anything else."""
    rows = [item.items for item in many.items if isinstance(item, Many) and item.text.startswith("[")]
    whole = many.text.startswith("[") and len(rows) == len(many.items)
    return Matrix(many.text, tuple(rows)) if whole else None


def _names_one_graph(gold: str, answer: str) -> bool:
    """Returns whether one name is y and the other a function's: `y = x + 1` is `f(x) = x + 1`."""
    return any(one == "y" and _FUNCTION_OF.fullmatch(other) for one, other in ((gold, answer), (answer, gold)))


def _one_name(items: Sequence[Value]) -> bool:
    """Returns whether all names are one, apart from indices: `x = 1, x = 2` or `x_1 = 1, x_2 = 2`."""
    return len({item.name.partition("_")[0] for item in items if isinstance(item, Named)}) == 1


def _key(value: Value) -> object:
    if isinstance(value, Scalar) and value.value is not None and value.unit is None and not value.percent:
        return value.value
    return canonical(value.text)


def _leftover(gold: Sequence[Value], answer: Sequence[Value]) -> tuple[list[Value], list[Value]]:
    """Returns the different values of each side that have no exact twin on the other."""
    left, right = ({_key(value): value for value in values} for values in (gold, answer))
    return [left[key] for key in left if key not in right], [right[key] for key in right if key not in left]


def _ratios(gold: Many, answer: Many) -> Outcome:
    left = [item.value for item in gold.items if isinstance(item, Scalar)]
    right = [item.value for item in answer.items if isinstance(item, Scalar)]
    if len(left) != len(right) or None in left or None in right:
        return Outcome(False, "other ratios")
    if _is_clock(gold) or _is_clock(answer):
        return Outcome(left == right, "the same time" if left == right else "another time")
    same = all(a * right[0] == b * left[0] for a, b in zip(left, right, strict=True))  # pyright: ignore
    return Outcome(same, "the same ratio" if same else "another ratio")


def _is_clock(ratio: Many) -> bool:
    return ratio.items[1].text[:1] == "0" and len(ratio.items[1].text) == 2
