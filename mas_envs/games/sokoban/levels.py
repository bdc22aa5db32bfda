"""Finding the levels in a text: one level, or a collection of thousands.

A level is a run of lines in XSB characters (`mas_envs.games.sokoban.xsb`), each with at least one wall. Everything
else is text around the levels, which may give them names:

    ; 17                          a number or a name, as in Boxoban and Microban
    'Take the long way home.'     a title in quotation marks
    Title: Duh!                   also `Name:`
    any other line                the name of the level next to it, where it has no other

Names stand before their levels, or after them where the last level is followed by one. Lines like `Author: ...` and
what stands from `Comment:` to `Comment-End:` say nothing. Rows may be run-length encoded (`5#|#@-$.#|5#`).
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.games.sokoban.xsb import ALLOWED, MAX_SIDE, SIGNS, Line

MAX_NAME = 80
"""Characters of a name that are kept."""

_KINDS = (  # of names, the most telling first
    re.compile(r";?\s*(?:title|name)\s*:\s*(?P<name>\S.*)", re.IGNORECASE),
    re.compile(r";\s*(?P<name>\S.*)"),
    re.compile(r"(?P<quote>['\"])(?P<name>.+)(?P=quote)"),
    re.compile(r"(?![\w -]+:)(?P<name>[^;\s].*)"),
)
_PACKED = re.compile(r"(?:\d{0,3}[#@+$*.|_-])+")
_BEGIN_COMMENT, _END_COMMENT = "comment:", "comment-end:"


class Written(NamedTuple):
    """A level as it stands in a text: its name ("" where it has none), and its rows."""

    name: str
    rows: Sequence[Line]

    @property
    def line(self) -> int:
        """The number of the line on which it begins."""
        return self.rows[0].number


def find_levels(text: str) -> list[Written]:
    """Returns the levels of a text in their order. Raises UsageError for a line that is not quite a row."""
    levels: list[list[Line]] = []
    around: list[list[Line]] = [[]]  # the text before each level, and after the last
    before = ""
    for line in _unpacked(_checked(_lines(text))):
        if not _is_row(line.text):
            around[-1].append(line)
        elif _is_row(before):
            levels[-1].append(line)
        else:
            levels.append([line])
            around.append([])
        before = line.text
    names = _names(around)
    return [Written(name, rows) for name, rows in zip(names, levels, strict=True)]


def _lines(text: str) -> list[Line]:
    """Returns the lines of a text, those of comments over several lines as empty ones."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").split("\n")
    words = [line.strip().lower() for line in lines]
    last_end = max((number for number, word in enumerate(words) if word == _END_COMMENT), default=0)
    found, hidden = list[Line](), False
    for number, (line, word) in enumerate(zip(lines, words, strict=True)):
        hidden = number < last_end if word == _BEGIN_COMMENT else hidden and word != _END_COMMENT
        found.append(Line(number + 1, "" if hidden else line.expandtabs().rstrip()))
    return found


def _is_row(line: str) -> bool:
    return "#" in line and not line.strip(SIGNS)


def _is_packed(line: str) -> bool:
    return "#" in line and _PACKED.fullmatch(line) is not None


def _checked(lines: list[Line]) -> list[Line]:
    """Returns the lines; raises UsageError for one next to rows that is not one, but must have been meant to be."""
    rows = [_is_row(line.text) or _is_packed(line.text) for line in lines]
    for number, line in enumerate(lines):
        signs = line.text.replace(" ", "")
        if rows[number] or 2 * sum(sign in SIGNS for sign in signs) <= len(signs) or not signs.strip("-_"):
            continue
        above, below = rows[max(number - 1, 0)], rows[min(number + 1, len(rows) - 1)]
        if (above and below) or ((above or below) and "#" in signs and signs[0] in SIGNS):
            wrong = signs.strip(SIGNS)[:1]
            what = f"{wrong!r}; allowed are {ALLOWED}" if wrong else "no wall (#), which every row needs"
            raise UsageError(f"Line {line.number} of the level has {what}.")
    return lines


def _unpacked(lines: list[Line]) -> Iterator[Line]:
    """Yields the lines with run-length encoded rows written out."""
    for line in lines:
        if _is_row(line.text) or not _is_packed(line.text):
            yield line
            continue
        for row in line.text.strip("|").split("|"):
            counts = [(int(count or 1), sign) for count, sign in re.findall(r"(\d*)(\D)", row)]
            if sum(count for count, _ in counts) > MAX_SIDE:
                raise UsageError(f"Line {line.number}: the row is too long; at most {MAX_SIDE} cells are allowed.")
            yield Line(line.number, "".join(count * sign for count, sign in counts))


def _names(around: list[list[Line]]) -> list[str]:
    """Returns a name for every level; `around` is the text before each, and after the last."""
    names = [""] * (len(around) - 1)
    for kind in _KINDS:
        found = [[name for line in part if (name := _name(kind, line.text.strip()))] for part in around]
        # What stands before the first level may be a header; a header's own title must not move those of the levels.
        follow = bool(found[-1]) and (kind is _KINDS[0] or not found[0])
        for number, name in enumerate(names):
            near = found[number + 1][:1] if follow else found[number][-1:]
            names[number] = name or "".join(near)[:MAX_NAME]
    return names


def _name(kind: re.Pattern[str], text: str) -> str:
    """Returns the name that a line gives in one of the _KINDS, "" where it gives none: a name has letters or digits."""
    match = kind.fullmatch(text)
    return match["name"].strip() if match and any(map(str.isalnum, match["name"])) else ""
