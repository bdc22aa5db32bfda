r"""Reading an answer's structure: numbers with units, lists, tuples, intervals, sets, matrices, `name = value`.

What has no structure that is known here stays an expression, a `Scalar` without a value.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from mas_envs.grading.arithmetic import decimal_value, exact_value
from mas_envs.grading.latex import canonical, enclosed, split
from mas_envs.grading.units import Unit, currency, read_unit
from mas_envs.grading.words import MULTIPLES, number_in_words


class Scalar(NamedTuple):
    """A number or an expression.

    text: all of it. body: without its unit. value: exact, None for an expression. places: digits after the point
    of a number written as a decimal, 0 for others. percent: a percent sign follows (value does not hold it).
    """

    text: str
    body: str
    value: Fraction | None = None
    places: int = 0
    unit: Unit | None = None
    percent: bool = False


class Many(NamedTuple):
    r"""Several values. kind: "list" (`1, 2`), "set" (`\{1, 2\}`), "union" (parts joined by `\cup`), "ratio" (`1:2`),
    or "row": a pair of brackets, tuples and intervals alike; `brackets` says which ones.
    """

    text: str
    kind: str
    items: tuple["Value", ...]
    brackets: str = ""


class Matrix(NamedTuple):
    """Rows of cells; of a matrix, not of a determinant."""

    text: str
    rows: tuple[tuple["Value", ...], ...]


class Named(NamedTuple):
    r"""`x = 5`, `f(x) = 2x`, `(a, b) = (1, 2)`: a name, which is no arithmetic, and its value."""

    text: str
    name: str
    value: "Value"


class Choice(NamedTuple):
    """One of the answers on offer, with its content: `(B) 12`."""

    text: str
    letter: str
    value: "Value"


Value = Scalar | Many | Matrix | Named | Choice

MAX_ITEMS = 4096
_MAX_DEPTH = 6
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_GROUPS = re.compile(r"-?[^\w\s\\(){},;.+*/^-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,]).*", re.DOTALL)
_DECIMAL_COMMA = re.compile(r"(-?\d+),(\d{1,2}|\d{4,})")
_NAME = re.compile(  # possessive throughout, so that it never goes back
    r"(?!\d)(?:[A-Za-z:'\s]|[Δ-ω]|\\[a-zA-Z]++|_ ?(?:\w|\{[\w\s,]*+\})|\([\w\s,\\']*+\)|\|(?=.*\|))++"
)
_OPERATORS = re.compile(
    r"\\(?:frac|sqrt|sin|cos|tan|cot|log|ln|exp|sum|int|lim|cdot|times|div|pm|mp|cup|cap|in|to|leq|geq|neq|binom)"
    r"(?![a-zA-Z])"
)
_DERIVATIVE = re.compile(r"\\frac ?\{d\w?\} ?\{d\w\}")
_MEMBER = re.compile(r"(?:[A-Za-z](?:_\w)?|\([A-Za-z, ]+\)) ?\\in(?![a-zA-Z]) ?")
_RELATION = re.compile(r"(?<![<>!\\])=|\\approx(?![a-zA-Z])")
_MATRIX = re.compile(
    r"\\begin ?\{([pbB]?)(?:matrix|array)\} ?(?:\{[clr| ]*\})?(.*)\\end ?\{\1(?:matrix|array)\}", re.DOTALL
)
_CHOICE = re.compile(r"\(?([A-J])(?:\)[.:]?|[.:]) ?([^,;)].*)", re.DOTALL)
_PLUS_MINUS = re.compile(r"\\(pm|mp)(?![a-zA-Z])")
_HEAD = re.compile(
    r"((?:[^A-Za-z\\°%$€£¥₹¢]|\\(?:frac|cdot|times|div|overline|bar|dot)(?![A-Za-z])|(?<=\d)[eE](?=[-+]?\d))*)(.*)",
    re.DOTALL,
)
_EXPRESSION_AND_UNIT = re.compile(r"(.*?[\w)}\]]) ([A-Za-z]{2}[A-Za-z /^{}23]{0,40})", re.DOTALL)
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]{1,12})")
_QUANTITIES = re.compile(
    r"(?:\d{1,15} ?[A-Za-z]{1,12}(?: ?, ?(?:and )?| and | ?)(?=\d)){1,4}\d{1,15}(?:\.\d{1,15})? ?[A-Za-z]{1,12}"
)
_CLOCK = re.compile(r"(\d{1,2})(?: ?: ?(\d\d))? ?([aApP])\.? ?[mM]")
_RATIO = re.compile(r"\d{1,9}(?: ?: ?\d{1,9})+")


def readings(text: str) -> tuple[Value, ...]:
    """Returns what a cleaned answer can mean, the likeliest first; several only for commas between digits, and sums of
    units.

    `1,234` is a number or a list, `1,22` a list or a number with a decimal comma, `2 hours and 30 minutes` one duration
    or two.
    """
    if _INTEGER.fullmatch(text):
        return (Scalar(text, text, Fraction(int(text))),)
    if text[:1].isalpha() and (number := number_in_words(text)) is not None:
        return (Scalar(text, text, Fraction(number)),)
    if "," in text:
        if _GROUPS.fullmatch(text):
            return (_scalar(text), _read(text, 0))
        if match := _DECIMAL_COMMA.fullmatch(text):
            return (_read(text, 0), _scalar(f"{match[1]}.{match[2]}"))
    if text[:1].isdigit() and text[-1].isalpha() and (quantity := _sum_of_units(text)):
        return (quantity, _read(text, 0))
    return (_read(text, 0),)


def _sum_of_units(text: str) -> Scalar | None:
    """Reads `2 hours 30 minutes`: quantities of one kind, each unit smaller than the one before it, each number less
    than makes one of that, and whole but for the last."""
    parts = _QUANTITY.findall(text) if _QUANTITIES.fullmatch(text) else ()
    total, last = Fraction(0), None
    for number, name in parts:
        unit, value = read_unit(name, True), Fraction(number)
        if unit is None or not unit.dimensions:
            return None
        if last is not None and not (unit.dimensions == last.dimensions and value * unit.factor < last.factor):
            return None
        total, last = total + value * unit.factor, unit
    first = read_unit(parts[0][1], True) if len(parts) > 1 else None
    return Scalar(text, text, total / first.factor, 0, first) if first else None


def _read(text: str, depth: int) -> Value:
    if depth > _MAX_DEPTH or not text:
        return Scalar(text, text)
    if text[0] == "]" and (value := _bracketed(text, depth)):  # ]0, 1[, whose comma stands in no bracket
        return value
    for separators in ((";",), (",", "and", "or")):
        if any(separator in text for separator in separators):
            parts = [part for part in split(text, separators) if part]
            if 1 < len(parts) <= MAX_ITEMS:
                return Many(text, "list", _each(parts, depth))
    if match := _MEMBER.match(text):
        text = text[match.end() :]
    if match := _CHOICE.fullmatch(text):
        return Choice(text, match[1], _read(match[2], depth + 1))
    if _RELATION.search(text) and (named := _named(text, depth)):
        return named
    if (r"\pm" in text or r"\mp" in text) and not text.startswith(r"\{"):
        return _both_signs(text, depth)
    if r"\cup" in text and len(parts := split(text, (r"\cup",))) > 1:
        return Many(text, "union", _each(parts, depth))
    if text[0] in "([]\\" and (value := _bracketed(text, depth)):
        return value
    if text[-1] in "mM" and (match := _CLOCK.fullmatch(text)):
        hours = int(match[1]) + Fraction(int(match[2] or 0), 60)
        return Scalar(text, text, hours, 0, read_unit(f"{match[3].lower()}m", True))
    if ":" in text and _RATIO.fullmatch(text):
        return Many(text, "ratio", _each(text.split(":"), depth))
    return _scalar(text)


def _each(parts: list[str], depth: int) -> tuple[Value, ...]:
    return tuple(_read(part.strip(), depth + 1) for part in parts)


def _named(text: str, depth: int) -> Value | None:
    r"""Reads `name = ... = value`; of `1/3 \approx 0.33` and `x = 1/3 \approx 0.33` the exact side counts."""
    parts = split(text, ("=", r"\approx"))
    if len(parts) < 2 or not all(parts) or "<" in text or ">" in text:
        return None
    if len(parts) > 2 and r"\approx" in text:
        parts = split(split(text, (r"\approx",))[0], ("=",)) if "=" in split(text, (r"\approx",))[0] else parts
    name = parts[0]
    derivative = _DERIVATIVE.fullmatch(name)
    if not derivative and (len(name) > 80 or not _NAME.fullmatch(name) or _OPERATORS.search(name)):
        return _read(parts[0], depth + 1) if r"\approx" in text and "=" not in text else None
    return Named(text, canonical(name), _read(parts[-1], depth + 1))


def _both_signs(text: str, depth: int) -> Value:
    r"""Returns the two values of an expression with `\pm`: all upper signs, then all lower ones."""
    if depth >= 2:
        return Scalar(text, text)
    upper = _PLUS_MINUS.sub(lambda match: "+" if match[1] == "pm" else "-", text)
    lower = _PLUS_MINUS.sub(lambda match: "-" if match[1] == "pm" else "+", text)
    return Many(text, "list", _each([upper.removeprefix("+"), lower.removeprefix("+")], depth + 1))


def _bracketed(text: str, depth: int) -> Value | None:
    if (match := _MATRIX.fullmatch(text)) and r"\begin" not in match[2]:
        rows = [row for row in split(match[2].strip(), ("\\\\",)) if row]
        return Matrix(text, tuple(_each(split(row, ("&",)), depth) for row in rows))
    if text == r"\emptyset":
        return Many(text, "set", ())
    found = enclosed(text)
    if found is None:
        return None
    opening, inside, closing = found
    parts = split(inside, (",", ";"))
    if len(parts) > MAX_ITEMS or (len(parts) > 1 and not all(parts)):
        return None
    if opening == r"\{":
        if "|" in inside or r"\mid" in inside or (":" in inside and r"\in" in inside):
            return None  # a set by its property
        if not inside.strip():
            return Many(text, "set", ())
        items = _each(parts, depth)
        return Many(text, "set", tuple(part for item in items for part in _spread(item)))
    if len(parts) == 1:  # parentheses around one value
        if opening != "(" or closing != ")" or not inside.strip():
            return None
        inner = _read(inside.strip(), depth + 1)
        return inner if not isinstance(inner, Scalar) or inner.value is None else inner._replace(text=text)
    brackets = {"]": "(", "[": "["}.get(opening, opening) + {"[": ")"}.get(closing, closing)
    kind = "list" if brackets == "[]" and len(parts) > 2 else "row"
    return Many(text, kind, _each(parts, depth), brackets if kind == "row" else "")


def _spread(item: Value) -> tuple[Value, ...]:
    r"""Returns the values that one item of a set stands for: two for `1 \pm 2`."""
    return item.items if isinstance(item, Many) and item.kind == "list" else (item,)


def _scalar(text: str) -> Scalar:
    """Reads a number with its unit, or an expression with or without one."""
    unit, rest = None, text
    negative = rest[:1] == "-" and rest[1:2] in "$€£¥₹" and len(rest) > 1
    if (sign := rest[negative : negative + 1]) and sign in "$€£¥₹":
        unit, rest = currency(sign), "-" * negative + rest[1 + negative :].strip()
    if rest[:1].isalpha() and (word := number_in_words(rest)) is not None:
        return Scalar(text, text, Fraction(word))
    head, tail = _HEAD.fullmatch(rest).groups()  # pyright: ignore[reportOptionalMemberAccess]  # it matches anything
    if unit is not None and head.endswith("/"):  # $20/hour
        head, tail = head[:-1], f"/{tail}"
    percent = tail.startswith("%")
    tail_text = tail[1:] if percent else tail
    times = MULTIPLES.get((tail_text.split() or [""])[0].lower(), 1)
    tail_text = tail_text.strip().partition(" ")[2] if times > 1 else tail_text
    spaced = head.endswith(" ")
    if tail_text.strip() and (unit is None or tail_text.strip() != "dollars"):
        found = read_unit(tail_text.strip(), spaced) if unit is None else read_unit("$ " + tail_text.strip(), True)
        if found is None:
            return _expression(text)
        unit = found
    body = head.strip()
    plain = decimal_value(body)
    value, places = plain if plain else (exact_value(body), 0)
    if value is None:
        return _expression(text)
    return Scalar(text, body, value * times, places if times == 1 else 0, unit, percent)


def _expression(text: str) -> Scalar:
    if "=" not in text and (match := _EXPRESSION_AND_UNIT.fullmatch(text)):
        unit = read_unit(match[2], True)
        if unit is not None and ("\\" in match[1] or any(map(str.isdigit, match[1]))):
            return Scalar(text, match[1].strip(), None, 0, unit)
    if text.endswith(("°", "%")) and len(text) > 1 and not _TRIGONOMETRIC.search(text):
        degrees = read_unit("°", True) if text.endswith("°") else None
        return Scalar(text, text[:-1].strip(), None, 0, degrees, text.endswith("%"))
    return Scalar(text, text)
