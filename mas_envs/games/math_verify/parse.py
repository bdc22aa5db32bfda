r"""Reading what agents write, and writing it in words. Every function is total: any string in, no exception.

In the compact style texts are words with spaces between, and every digit is a word. The rule that makes them a program
or an answer again: digits with nothing but spaces between are one number. `print ( ( 3 4 + 5 ) * 2 )` is
`print ( ( 34 + 5 ) * 2 )`, `boxed 7 / 1 2` is the answer 7 / 12.
"""

import re

from mas_envs.core.text import after_marker, clip_action, last_fenced, without_thinking
from mas_envs.grading.math import MAX_LENGTH, boxed_answer

OUTPUT = "output"
r"""`\boxed{output}` (compact: `boxed output`) is what the program printed."""
UNKNOWN = "~"
"""Stands in compact prompts for words that there are none for, and for what is left out."""
_PYTHON = re.compile(r"[ \t]*(?:python|py)3?[ \t]*\r?\n", re.IGNORECASE)
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[ ]+(?=[0-9])")
_WORDS = re.compile(r"[0-9]|[A-Za-z]+|\*\*|//|[=!<>]=|\S")


def joined(text: str) -> str:
    """Returns a compact text with its digits joined to numbers."""
    return _BETWEEN_DIGITS.sub("", text)


def spaced(text: str) -> str:
    """Returns a text as compact words: names, signs and single digits, with a space between any two."""
    return " ".join(_WORDS.findall(text))


def program_of(reply: str, compact: bool) -> str:
    """Returns the program in a reply, or "" where there is none.

    It is the last block between ``` whose first line says python; without one the last block of any kind. In the
    compact style it is the reply itself where there are no blocks.
    """
    text = without_thinking(clip_action(reply)[0])
    tagged = [block for block in text.split("```")[1:-1:2] if _PYTHON.match(block)]
    fenced = _PYTHON.sub("", tagged[-1], count=1) if tagged else last_fenced(text)
    found = text if fenced is None and compact else fenced or ""
    found = joined(found) if compact else found
    return found.strip("\r\n") if found.strip() else ""


def answer_of(reply: str, compact: bool) -> str | None:
    r"""Returns what a reply's `\boxed{}` holds (compact: what follows the last `boxed`), or None where nothing does."""
    text = without_thinking(clip_action(reply)[0])
    found = boxed_answer(text)
    if found is None and compact:
        after = after_marker(text, "boxed")
        found = None if after is None else joined(after)
    return (found or "").strip() or None


def printed_answer(output: str) -> str | None:
    """Returns the one line that an output holds (blank lines apart), or None where there is none or another."""
    line = output.strip()
    return line if line and len(line.splitlines()) == 1 and len(line) <= MAX_LENGTH else None
