r"""Inequalities that are joined by "or", as the union of intervals that they say: `x<1 or x>3`."""

import re

from mas_envs.grading.latex import split
from mas_envs.grading.values import Many, Scalar, Value, readings

_SIGN = re.compile(r"\s*(<|>|\\leq(?![a-zA-Z])|\\geq(?![a-zA-Z]))\s*")
_VARIABLE = re.compile(r"[a-zA-Z]|\\[a-z]+")
_DOWN = {">": "<", r"\geq": r"\leq"}
_CONSTANTS = (r"\pi", r"\infty")


def as_union(many: Many) -> Many | None:
    """Returns the union of intervals that alternatives in one variable say; None for any other list."""
    parts = split(many.text, ("or",))
    found = [_interval(part.strip(" ,")) for part in parts]
    names = {each[0] for each in found if each}
    if len(parts) != len(many.items) or None in found or len(names) != 1:
        return None
    return Many(many.text, "union", tuple(each[1] for each in found if each))


def _interval(text: str) -> tuple[str, Many] | None:
    r"""Returns the variable and the interval of `x < a`, `a \leq x` or `a < x \leq b`, in either direction."""
    parts = [part.strip() for part in _SIGN.split(text)]
    values, signs = parts[::2], parts[1::2]
    if len(signs) not in (1, 2) or not all(values):
        return None
    if all(sign in _DOWN for sign in signs):
        values, signs = values[::-1], [_DOWN[sign] for sign in reversed(signs)]
    if any(sign in _DOWN for sign in signs):
        return None  # two directions in one chain
    if len(signs) == 1 and _is_variable(values[0]):
        values, signs = [r"-\infty", *values], ["<", *signs]
    elif len(signs) == 1:
        values, signs = [*values, r"\infty"], [*signs, "<"]
    low, variable, high = values
    if not _is_variable(variable):
        return None
    brackets = ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]")
    ends: tuple[Value, ...] = (_end(low), _end(high))
    return variable, Many(text, "row", ends, brackets)


def _is_variable(text: str) -> bool:
    return bool(_VARIABLE.fullmatch(text)) and text not in _CONSTANTS


def _end(text: str) -> Value:
    return Scalar(text, text) if text.endswith(r"\infty") else readings(text)[0]
