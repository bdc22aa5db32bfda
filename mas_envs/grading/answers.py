"""Finding the final answer in what a model (or a reference solution) wrote.

Every function is total (any string in, no exception) and takes time linear in the length of the string.
"""

import re
from typing import NamedTuple

from mas_envs.core.text import clip_action, without_thinking

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
_TOKEN = re.compile(r"\\[a-zA-Z]+|[^\s$\\.,;]+")
_JOINT = re.compile(r"\\(?:q?quad|text|textbf|mbox|mathrm)(?![a-zA-Z])|\\[()\[\],; ]|[\s$,;&+*|/{}\\]|\b(?:and|or)\b")
_NOUN_AND = re.compile(r"\s*[A-Za-z]+\s+(?:and|or)\b")
_MARKERS = re.compile(r"final answer(?: is)?|answer is|answer:|####|^[ \t]{0,8}a:", re.IGNORECASE | re.MULTILINE)
_DELIMITER = re.compile(r"\\[\\$()\[\]]|\$\$|\$")
_CLOSING = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}
_BETWEEN = re.compile(r"[\s,;]*(?:and|or)?[\s,;]*")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z']{2,}")
_NUMBER = re.compile(r"(?<![\w.])[-−]?[$€£]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:\.\d+)?(?:/\d+)?(?:\s?%)?")  # noqa: RUF001
_FULL_STOP = re.compile(r"\.(?:\s|$)|\n")


def boxed_answer(text: str) -> str | None:
    r"""Returns what the last complete `\boxed{...}` (or `\fbox{...}`) holds, or None where there is none.

    What stands before the last `</think>` does not count. Boxes side by side are one list: with nothing between them
    but spaces, commas and other joining signs, "and" or "or" (after at most one word: "\boxed{1} cat and \boxed{2}"),
    on one line and in one sentence. Boxes with the same content are one. Anything else between two boxes makes the
    first a step on the way, and the last box counts alone. A box in a box is opened.
    """
    text = without_thinking(clip_action(text)[0])
    boxes = _boxes(text)
    if not boxes:
        return None
    chosen = [boxes[-1]]
    for box in reversed(boxes[:-1]):
        if not _joined(text[box[1] : chosen[-1][0]]):
            break
        chosen.append(box)
    contents = dict.fromkeys(text[start:end].strip() for _, _, start, end in reversed(chosen))
    return ", ".join(_ungrouped(_BOX.sub("", content)) for content in contents)


def final_answer(text: str) -> str:
    """Returns the part of `text` that states its answer; all of it where it is nothing but an answer.

    In this order: the last box (see `boxed_answer`); for a text of several words what follows the last "final answer
    is", "answer is", "Answer:", "####" or "A:" (of these "final answer is" goes before a box that it follows); the last
    formula between dollars, brackets or parentheses of LaTeX (formulas joined by commas, "and" or "or" are one list),
    or the last number if words and it follow the formula; the last number. So a bare answer is never searched: in
    "41 42" nothing is found but "41 42".
    """
    text = without_thinking(clip_action(text)[0]).strip()
    marks = list(_MARKERS.finditer(text))
    boxed = boxed_answer(text)
    if boxed is not None:
        last = text.rfind("boxed{")
        later = [mark for mark in marks if mark.start() > last and mark[0].lower() == "final answer is"]
        stated = _stated(_sentence(text[later[-1].end() :])) if later else None
        return _ungrouped(boxed) if stated is None else stated
    after = _sentence(text[marks[-1].end() :]) if marks else ""
    return _stated(after or text) or _as_set(after or text)


def _stated(text: str) -> str | None:
    """Returns the last formula or, in a text of several words, number of `text`; None where there is none."""
    formulas = _formulas(text)
    if formulas is None:
        return _last_number(text) if _is_prose(text) else None
    found, end = formulas
    return (_last_number(text[end:]) if _is_prose(text[end:]) else None) or found


def _boxes(text: str) -> list[tuple[int, int, int, int]]:
    """Returns (start, end, start of content, end of content) of every complete box that is in no other box."""
    found: list[tuple[int, int, int, int]] = []
    closing: dict[int, int] | None = None
    for match in _BOX.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        at = match.end()
        if text[at : at + 1] == "{":
            closing = _closing_braces(text) if closing is None else closing
            if at in closing:
                found.append((match.start(), closing[at] + 1, at + 1, closing[at]))
        elif token := _TOKEN.match(text, at):
            found.append((match.start(), token.end(), at, token.end()))
    return found


def _closing_braces(text: str) -> dict[int, int]:
    r"""Returns where each `{` that is closed closes; `\{` and `\}` are signs of the answer, not braces."""
    stack: list[int] = []
    closing: dict[int, int] = {}
    for brace in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        if brace[0] == "{":
            stack.append(brace.start())
        elif brace[0] == "}" and stack:
            closing[stack.pop()] = brace.start()
    return closing


def _joined(between: str) -> bool:
    if len(between) > 60 or "\n" in between.strip(" "):
        return False
    noun = _NOUN_AND.match(between.replace("$", " "))
    rest = between.replace("$", " ")[noun.end() :] if noun else between
    return not _JOINT.sub("", rest)


def _sentence(text: str) -> str:
    """Returns what a marker like "the answer is" introduces: the rest of the text up to a sentence's end."""
    text = text.partition("I hope it is correct")[0].strip(" :*\n\t")
    math = _spans(text)
    end = _FULL_STOP.search(text, math[0].end if math and not math[0].start else 0)
    text = text[: end.start()] if end else text
    return re.sub(r"^is\b[:\s]*", "", text).strip(" *\"'")


def _formulas(text: str) -> tuple[str, int] | None:
    """Returns the last formula of `text`, or the last few if they are joined, and where they end; or None."""
    found = _spans(text)
    if not found:
        return None
    chosen = [found[-1]]
    for span in reversed(found[:-1]):
        if not _BETWEEN.fullmatch(text, span.end, chosen[-1].start) or len(chosen) >= 64:
            break
        chosen.append(span)
    percent = "%" if re.match(r"\s{0,8}(?:\\?%|percent|pct)", text[found[-1].end :]) else ""
    return ", ".join(_ungrouped(span.formula) for span in reversed(chosen)) + percent, found[-1].end


class _Span(NamedTuple):
    start: int
    end: int
    formula: str


def _spans(text: str) -> list[_Span]:
    """Returns the formulas of `text`: what stands between two delimiters that belong together."""
    found, opened = list[_Span](), None
    for match in _DELIMITER.finditer(text):
        if opened is not None and match[0] == _CLOSING[opened[0]]:
            formula = text[opened.end() : match.start()].strip()
            if opened[0] == "$" and _is_money(formula):
                opened = match  # two prices in a sentence
                continue
            if formula:
                found.append(_Span(opened.start(), match.end(), formula))
            opened = None
        elif match[0] in _CLOSING and (opened is None or match[0] != "$"):
            opened = match
    return found


def _is_money(formula: str) -> bool:
    """Returns whether what stands between two dollar signs is "10 and then " and no formula."""
    return formula[:1].isdigit() and bool(re.search(r"(?<![\\A-Za-z{])[A-Za-z]{3}", formula))


def _is_prose(text: str) -> bool:
    words = [word for word in _WORD.findall(re.sub(r"\\[a-z]+\{[^{}]*\}", "", text)) if word not in ("and", "or")]
    return len(words) >= 4 or (len(words) >= 1 and len(text) > 200)


def _last_number(text: str) -> str | None:
    numbers = [number for match in _NUMBER.finditer(text) if any(map(str.isdigit, number := match[0]))]
    return numbers[-1] if numbers else None


def _ungrouped(formula: str) -> str:
    """Returns a formula without braces around all of it, which LaTeX does not show."""
    closing, start, end = _closing_braces(formula), 0, len(formula)
    while True:
        while start < end and formula[start].isspace():
            start += 1
        while start < end and formula[end - 1].isspace():
            end -= 1
        if start == end or formula[start] != "{" or closing.get(start) != end - 1:
            return formula[start:end]
        start, end = start + 1, end - 1


def _as_set(text: str) -> str:
    r"""Returns an answer outside LaTeX with its outer braces, which a reader does see, as a set's: `\{1,2\}`."""
    return rf"\{{{text[1:-1]}\}}" if text[:1] == "{" and _closing_braces(text).get(0) == len(text) - 1 else text
