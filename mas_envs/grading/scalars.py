"""What makes two numbers equal, what units do to them, and what kinds of expression there are."""

import re
from fractions import Fraction

from mas_envs.grading.values import Scalar, Value

_FLOAT_NOISE = Fraction(1, 10**12)
_LARGEST_NOISE = Fraction(1, 10**9)
_LEAST_PLACES = 6
_PHRASE = re.compile(r"[A-Za-z][A-Za-z' -]*")
_RELATION = re.compile(r"[=<>]|\\(?:leq|geq|neq|in)(?![a-zA-Z])")
_DEGREES = (("degrees", 1),)
_MORNING, _AFTERNOON = (("morning", 1),), (("afternoon", 1),)
_TEMPERATURES = {(("celsius", 1),), (("fahrenheit", 1),)}


def equal_numbers(left: Fraction, right: Fraction, places: tuple[int, int], tolerance: Fraction) -> bool:
    """Returns whether two numbers are equal, or one is the other as far as its decimals go.

    The latter takes six decimals or more, four digits of them significant; or a difference that is a float's noise.
    """
    if left == right:
        return True
    digits = min((count for count in places if count >= _LEAST_PLACES), default=0)
    if not digits and not tolerance:
        return False
    difference = abs(left - right)
    if difference <= tolerance or not digits:
        return difference <= tolerance
    step, size = Fraction(1, 10**digits), max(abs(left), abs(right))
    return (difference < step <= size / 1000) or difference <= min(size * _FLOAT_NOISE, _LARGEST_NOISE)


def unit_factor(gold: Scalar, answer: Scalar) -> Fraction | str | None:
    """Returns by what the answer's number has to be multiplied; a string says why the units cannot be the same.

    None: what looks like a unit may be a variable.
    """
    left, right = gold.unit, answer.unit
    if left is None or right is None:
        only = left or right
        return Fraction(1) if only is None or only.sure else None
    if left.dimensions is None or right.dimensions is None:
        return Fraction(1)
    measured = {left.dimensions, right.dimensions}
    if _DEGREES in measured and measured & _TEMPERATURES:
        return Fraction(1)  # which scale was left out
    if len(measured) > 1:
        return f"{right.text} does not measure what {left.text} does"
    return right.factor / left.factor


def in_radians(gold: Scalar, answer: Scalar) -> tuple[str, str]:
    r"""Returns the two bodies; one in degrees becomes radians where the other speaks of \pi."""
    bodies = [gold.body, answer.body]
    for i, (one, other) in enumerate(((gold, answer), (answer, gold))):
        in_degrees = one.unit is not None and one.unit.dimensions == _DEGREES
        if in_degrees and other.unit is None and r"\pi" in other.body:
            bodies[i] = rf"\frac{{({one.body}) \pi}}{{180}}"
    return bodies[0], bodies[1]


def is_clock_time(value: Scalar) -> bool:
    """Returns whether a value is a time of day with its half of the day: `3:30 PM`."""
    return value.unit is not None and value.unit.dimensions in (_MORNING, _AFTERNOON)


def hours_meant(time: Scalar, hours: Fraction) -> tuple[Fraction, ...]:
    """Returns what hours without a half of the day can be on `time`'s clock: 15.5 is 3.5 in the afternoon as well."""
    afternoon = time.unit is not None and time.unit.dimensions == _AFTERNOON
    return (hours, hours - 12) if afternoon and hours >= 13 else (hours,)


def is_relation(value: Value) -> bool:
    """Returns whether a value is an equation, an inequality or a membership that has no simpler reading."""
    return isinstance(value, Scalar) and value.value is None and bool(_RELATION.search(value.text))


def is_phrase(text: str) -> bool:
    """Returns whether a text is words, and no product of variables: letters and spaces, a word of four letters or more,
    or three capitals and more, as an order of finish is written (`CAB`)."""
    if len(text) > 2 and text.isascii() and text.isalpha() and text.isupper():
        return True
    return bool(_PHRASE.fullmatch(text)) and max(map(len, re.split(r"[ -]", text))) >= 4


def is_sum_equation(text: str) -> bool:
    """Returns whether a text is an equation whose left side is a sum: no name for its right side."""
    return text.count("=") == 1 and any(sign in text.partition("=")[0].strip()[1:] for sign in "+-")
