"""Whether two LaTeX expressions are equal, by math-verify: only in a worker, which can be killed.

The package (extra `math`) is imported where it is used, for it may be absent and takes long. Its parser reads LaTeX by
a grammar; the way by which it would evaluate plain text as Python is left out.
"""

import re
from fractions import Fraction
from typing import Any

from mas_envs.core.errors import MasEnvsError

_ROOT_OF = re.compile(r"\\sqrt\s*\(")
_POWER_OF = re.compile(r"\^\s*\(")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\s*°")
_IMAGINARY = re.compile(r"(?<![A-Za-z\\])i(?![A-Za-z])")
_INDEXED = re.compile(r"_ ?\{? ?i(?![a-zA-Z])|\\(?:sum|prod)(?![a-zA-Z])")
"""An i that counts something, and is no imaginary unit."""
_FUNCTION = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")


class UnreadableError(MasEnvsError, ValueError):
    """math-verify cannot read an expression; its text is the first argument."""


def same_expression(gold: str, answer: str, tolerance: Fraction = Fraction(0)) -> bool:
    """Returns whether two cleaned expressions are equal, equations and inequalities included.

    An expression with decimals is compared after rounding to six decimals. A lone i is the imaginary unit, unless it is
    an index. Raises UnreadableError. Takes any time and
    memory; run it where it can be killed.
    """
    from math_verify import verify

    left, right = _parsed(gold), _parsed(answer)
    if verify(left, right, allow_set_relation_comp=True, timeout_seconds=None):
        return True
    if any(map(_IMAGINARY.search, (gold, answer))) and not any(map(_INDEXED.search, (gold, answer))):
        left, right = (list(map(_complex, parsed)) for parsed in (left, right))
        if verify(left, right, timeout_seconds=None):
            return True
    return bool(tolerance) and _close(left[0], right[0], tolerance)


def _parsed(text: str) -> list[Any]:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    plain = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none")
    config = LatexExtractionConfig(boxed_match_priority=-1, normalization_config=plain)
    parsed = parse(f"${as_latex(text)}$", [config], fallback_mode="no_fallback", parsing_timeout=0)
    if not parsed:
        raise UnreadableError(text)
    return parsed


def _complex(parsed: Any) -> Any:
    """Returns an expression with the imaginary unit for the symbol i."""
    from sympy import I
    from sympy.core.basic import Basic

    if not isinstance(parsed, Basic):
        return parsed
    return parsed.subs({symbol: I for symbol in parsed.free_symbols if str(symbol) == "i"})


def _close(gold: Any, answer: Any, tolerance: Fraction) -> bool:
    try:
        difference = abs((gold - answer).evalf())
        return bool(difference.is_number and difference <= float(tolerance))
    except (TypeError, AttributeError, ValueError):  # sets, relations, symbols: nothing to subtract or to order
        return False


def as_latex(text: str) -> str:
    r"""Returns a cleaned expression as LaTeX that the parser takes: `\sqrt(2)` as `\sqrt{2}`, `a^(b)` as `a^{b}`.

    Degrees in a trigonometric function become radians; elsewhere the sign goes.
    """
    for pattern in (_ROOT_OF, _POWER_OF):
        text = _braced(text, pattern)
    if _FUNCTION.search(text):
        text = _DEGREES.sub(r"(\\frac{\1 \\pi}{180})", text)
    return text.replace("°", "").replace("$", "").replace("%", r"\%").replace("*", r" \cdot ")


def _braced(text: str, pattern: re.Pattern[str]) -> str:
    """Returns `text` with the parentheses that follow `pattern` as braces, where they are closed."""
    opened = list[bool]()
    parts, at, braces = list[str](), 0, {match.end() - 1 for match in pattern.finditer(text)}
    for i, sign in enumerate(text):
        if sign == "(":
            opened.append(i in braces)
            if i in braces:
                parts.append(text[at:i] + "{")
                at = i + 1
        elif sign == ")" and opened and opened.pop():
            parts.append(text[at:i] + "}")
            at = i + 1
    return "".join(parts) + text[at:] if not any(opened) else text
