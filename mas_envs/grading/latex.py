r"""One way of writing for what LaTeX, Unicode and plain text write in many, and finding one's way in it."""

import re

# ruff: noqa: RUF001  # the signs that look alike are what this is about
_UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": r"\div ", "∗": "*",
        "π": r"\pi ", "θ": r"\theta ", "∞": r"\infty ", "√": r"\sqrt ", "±": r"\pm ", "∓": r"\mp ",
        "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq ", "≈": r"\approx ", "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ",
        "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "²": "^2", "³": "^3", "⁴": "^4", "½": r"\frac{1}{2}",
        "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "′": "'",
        "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "“": "", "”": "", "’": "'", "º": "°",
    }
)  # fmt: skip
_RULES = tuple(
    (re.compile(pattern), to, pattern.startswith(r"\\"))
    for pattern, to in (
        (r"\\(?:left|right|bigl|bigr|Bigl|Bigr|big|Big|middle)(?![a-zA-Z])\.?", ""),
        (r",\s*\\!\s*", ","),
        (r"\\!|\\(?:displaystyle|textstyle|limits|boldmath|rm|bf|it)(?![a-zA-Z])", ""),
        (r"\{,\}", ","),
        (r"(?<!\\)\\[,;: ]|\\q?quad", " "),
        (r"~|\s+", " "),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\(?:text(?:normal|bf|it|rm|sf|tt)?|mbox|hbox|math(?:rm|bf|it|sf|tt|normal))\s*\{([^{}]*)\}", r" \1 "),
        (r"\\operatorname\*?\s*\{\s*(sin|cos|tan|cot|sec|csc|log|ln|exp|gcd|lcm|max|min)\s*\}", r"\\\1 "),
        (r"\\degree(?![a-zA-Z])|\^\s*\{?\s*\\(?:circ|degree)\s*\}?", "°"),
        (r"\\%", "%"),
        (r"\s*\b(?:percentage|percent|pct)\b", "%"),
        (r"<=", r"\\leq "),
        (r">=", r"\\geq "),
        (r"!=", r"\\neq "),
        (r"\\leqslant|\\leq?(?![a-zA-Z])", r"\\leq "),
        (r"\\geqslant|\\geq?(?![a-zA-Z])", r"\\geq "),
        (r"\\neq?(?![a-zA-Z])", r"\\neq "),
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\lbrack(?![a-zA-Z])", "["),
        (r"\\rbrack(?![a-zA-Z])", "]"),
        (r"\\langle(?![a-zA-Z])", "("),
        (r"\\rangle(?![a-zA-Z])", ")"),
        (r"\\varnothing(?![a-zA-Z])", r"\\emptyset"),
        (r"\*\*(?=[\d({-])", "^"),
        (r"(?<![\\A-Za-z])(?:infinity|oo|inf)(?![A-Za-z])", r"\\infty"),
        (r"(?<![\\A-Za-z])(sqrt|pi)(?![A-Za-z])", r"\\\1"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"\\frac\s*(\{[^{}]*\})\s*(\d)", r"\\frac\1{\2}"),
        (r" {2,}", " "),
        (r"^ ?(?:\\approx(?![a-zA-Z])|=) ?", ""),
        (r"^ ?(?:(?:the set of )?all )?(?:the )?real numbers ?$", r"\\mathbb{R}"),
        (r"^ ?([Nn]o (?:real )?solution)s ?$", r"\1"),
        (r"^ ?(\d{1,9}) to (\d{1,9}) ?$", r"\1:\2"),
        (r"^ ?(?:[Oo]ption|[Cc]hoice) (?=\(?[A-J]\)? ?$)", ""),
        (r"(?<=\d) ?[xX] ?(?=10 ?\^)", r"\\times "),
        (r"(?<=\d) ?\( ?([A-Za-z]{2,}(?: [A-Za-z]+){0,3}) ?\) ?$", r" \1"),
    )
)
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z!%$,;:{}])")
_DOLLAR = re.compile(r"(?<!\\)\$")
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\S", re.DOTALL)
_ONE_TOKEN_GROUP = re.compile(r"\{ (\\[a-zA-Z]+|[^\\{}\s]) \}")
_SCAN = re.compile(r"\\(?:begin|end)\{\w+\*?\}|\\[a-zA-Z]+|\\.|\b(?:and|or)\b|.", re.DOTALL)
_OPENING, _CLOSING = ("(", "[", "{", r"\{", r"\begin{"), (")", "]", "}", r"\}", r"\end{")


def clean(text: str) -> str:
    """Returns `text` in one way of writing: no fonts, no sizes, no spacing commands, one name for each sign.

    Dollar signs that are the ends of formulas go, those of prices stay; a full stop at the end goes.
    """
    text = text.strip()
    text = text.translate(_UNICODE)
    if r"\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    if len(_DOLLAR.findall(text)) % 2 == 0:
        text = _DOLLAR.sub("", text)
    text = text.replace(r"\$", "$")
    for mark in ("**", "__", "`", "*"):
        if text.startswith(mark) and text.endswith(mark):
            text = text.removeprefix(mark).removesuffix(mark).strip()
    backslashes = "\\" in text
    for pattern, to, only_after_backslash in _RULES:
        if backslashes or not only_after_backslash:
            text = pattern.sub(to, text)
    text = text.strip()
    return text.rstrip(" .,;:\\") if not text.endswith(("\\}", "\\|")) else text


def canonical(text: str) -> str:
    r"""Returns a cleaned text's tokens, one space between them: the same for `x^{2}` and `x ^2`, `\frac{1}2`, ..."""
    tokens = f"{' '.join(_TOKEN.findall(text))}"
    return _ONE_TOKEN_GROUP.sub(r"\1", tokens)


def split(text: str, separators: tuple[str, ...]) -> list[str]:
    """Returns the parts of `text` between separators that stand in no bracket. Closing brackets need not match."""
    parts, depth, start = list[str](), 0, 0
    for match in _SCAN.finditer(text):
        token = match[0]
        if token.startswith(_OPENING):
            depth += 1
        elif token.startswith(_CLOSING):
            depth = max(0, depth - 1)
        elif depth == 0 and token in separators:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return parts


def enclosed(text: str) -> tuple[str, str, str] | None:
    r"""Returns (opening bracket, inside, closing bracket) where one pair encloses all of `text`; else None.

    Round and square brackets may close each other (half-open intervals); `\{` and `\}` go together.
    """
    for opening in ("(", "[", r"\{", "]"):
        if not text.startswith(opening):
            continue
        closing = next((sign for sign in (r"\}", ")", "]", "[") if text.endswith(sign)), "")
        if not closing or (opening == r"\{") != (closing == r"\}") or len(text) < len(opening) + len(closing):
            return None
        inside = text[len(opening) : -len(closing)]
        return (opening, inside, closing) if _balanced(inside) else None
    return None


def _balanced(text: str) -> bool:
    depth = 0
    for match in _SCAN.finditer(text):
        token = match[0]
        if token.startswith(_OPENING):
            depth += 1
        elif token.startswith(_CLOSING):
            depth -= 1
            if depth < 0:
                return False
    return depth == 0
