"""Reading what to write into which cells out of whatever an agent wrote: a list of cells, or a whole grid.

The answer is what follows the last `Moves:` or `Grid:`; without one, the last fenced block, the last list in brackets,
or the last lines. A leading `+` means "the proposal first". In it stand

    cells      b3=4, B3: 4, r3c2=4, {"b3": 4}, or in brackets row, column and digit counted from 1: [3, 2, 4], (3, 2, 4)
    or a grid  all its signs in reading order, as rows of digits, as lists, or in one line of 16, 36 or 81 signs;
               0 . _ for a cell that is left as it is

A grid says which digits the cells shall have: own digits that differ are emptied before anything is written, so
that they are in nobody's way. A grid that differs from a given is refused as a whole.
"""

import re
from typing import NamedTuple

from mas_envs.core.text import after_marker, clip_action, last_fenced, without_thinking
from mas_envs.games.sudoku.rules import Level, move_words, placements
from mas_envs.games.sudoku.solver import DIGITS, EMPTY
from mas_envs.grid.cells import cell_words
from mas_envs.grid.moves import CONTINUE, MoveList

MARKERS = ("moves:", "grid:")
_EXAMPLE = 'Write cells like this: Moves: ["b3=4", "a1=2"], or all rows of the grid after Grid:'
_NOTHING = f"No moves found. {_EXAMPLE}"
_QUOTES = str.maketrans("", "", "\"'`*{}")
_SPACED = re.compile(r"\s+")
_CELL = re.compile(r"(?:r(\d{1,2})c(\d{1,2})|([a-z])(\d{1,2})) ?[=:] ?(\d{1,2})(?!\w)")
_TRIPLE = re.compile(r"[\[(] ?(\d{1,2}) ?, ?(\d{1,2}) ?, ?(\d{1,2}) ?[\])]")
_SEPARATORS = re.compile(r"[\s,;.|\[\]()]+")
_ROW_NUMBER = re.compile(r"^ *\d ?\|", re.MULTILINE)
_FRAME = str.maketrans("", "", " \t\r\n,;|[]()+=-")
_SIGNS, _LETTERS = "0123456789._", "abcdefghi"


class Place(NamedTuple):
    """Where an answer applies: the level, its board now, and the board after the proposal, for a leading `+`."""

    level: Level
    board: str
    after_proposal: str


def parse_moves(action: str, limit: int, place: Place) -> MoveList:
    """Returns the moves (words) that an answer asks for. Never raises; linear in the text's length."""
    table = placements(place.level.width)
    if len(action) <= 8 * limit:  # the form small policies write, at full speed
        words = action.split()
        continues = words[:1] == [CONTINUE]
        if continues:
            del words[0]
        if (words or continues) and all(map(table.__contains__, words)):
            return MoveList(tuple(words[:limit]), continues)
    text, _ = clip_action(action)
    answer = _answer(without_thinking(text)).translate(_QUOTES).strip()
    inner = answer.lstrip("[( ")
    continues = inner.startswith(CONTINUE) and not inner.startswith("+-")  # +--- is the frame of a grid
    if continues:
        answer = answer.replace(CONTINUE, " ", 1).strip()
    signs = _grid(answer, place.level.width)
    if signs is not None:
        board = place.after_proposal if continues else place.board
        return _from_grid(signs, limit, place.level, board, continues)
    return _from_cells(_SPACED.sub(" ", answer.lower()), limit, place.level.width, continues)


def _answer(text: str) -> str:
    """Returns the part of a reply that is to be read."""
    found = [after for after in (after_marker(text, marker) for marker in MARKERS) if after is not None]
    if found:
        return _beginning(min(found, key=len).lstrip("* \t\r\n"))
    fenced = last_fenced(text)
    if fenced is not None:
        return fenced
    lines = text.rstrip().split("\n")
    first = len(lines)
    while first and _is_row(lines[first - 1]):
        first -= 1
    if len(lines) - first > 1:
        return "\n".join(lines[first:])
    end = text.rfind("]")
    depth = 0
    for start in range(end, -1, -1):
        depth += (text[start] == "]") - (text[start] == "[")
        if not depth:
            return text[start : end + 1]
    return lines[-1]


def _beginning(text: str) -> str:
    """Returns the answer with which a text begins: a fenced block, the rows of a grid, a list in brackets, a line."""
    if text.startswith("```"):
        return last_fenced(text[: text.find("```", 3) + 3]) or text.partition("\n")[2]
    lines = text.split("\n")
    count = 0
    while count < len(lines) and _is_row(lines[count]):
        count += 1
    if count > 1:
        return "\n".join(lines[:count])
    depth = 0
    for place, sign in enumerate(text if "[" in lines[0] else ""):
        depth += (sign == "[") - (sign == "]")
        if sign == "]" and not depth and not text[place + 1 : place + 9].lstrip().startswith(","):
            return text[: place + 1]
    return lines[0]


def _is_row(line: str) -> bool:
    """Says whether a line can be one of a drawn grid: digits, gaps and lines between them, or letters over them."""
    signs = line.translate(_FRAME)
    return not signs.strip(_SIGNS) or _LETTERS.startswith(signs.lower())


def _grid(answer: str, side: int) -> str | None:
    """Returns the signs of a grid, `.` for cells that it leaves open; None where the answer is no grid."""
    if _TRIPLE.search(answer) is not None:
        return None
    for text in (answer, _ROW_NUMBER.sub("", answer)):  # a drawn board has numbers before its rows
        signs = text.translate(_FRAME).lower().removeprefix(_LETTERS[:side]).replace("0", EMPTY).replace("_", EMPTY)
        if len(signs) == side * side and not signs.strip(EMPTY + DIGITS[:side]):
            return signs
    return None


def _from_grid(signs: str, limit: int, level: Level, board: str, continues: bool) -> MoveList:
    """Returns the moves that make the board what a grid says."""
    side, words = level.width, move_words(level.width)
    emptied: list[str] = []
    written: list[str] = []
    for cell, (sign, given, here) in enumerate(zip(signs, level.givens, board, strict=True)):
        if sign in (EMPTY, here):
            continue
        if given != EMPTY:
            name = cell_words("", side, side)[cell]
            return MoveList(
                (), error=f"The grid has {sign} at {name}, which is given as {given}. Givens never change. {_EXAMPLE}"
            )
        if here != EMPTY:
            emptied.append(words[cell])
        written.append(words[cell + (1 + DIGITS.index(sign)) * side * side])
    return MoveList((*emptied, *written)[:limit], continues)


def _from_cells(answer: str, limit: int, side: int, continues: bool) -> MoveList:
    """Returns the moves of a list of cells."""
    table, moves, end = placements(side), list[str](), 0
    pattern = _TRIPLE if _TRIPLE.search(answer) else _CELL
    for found in pattern.finditer(answer):
        if len(moves) >= limit or _SEPARATORS.sub("", answer[end : found.start()]):
            break
        word = _word(found)
        if word not in table:
            return MoveList((), error=f"{found[0]!r} is no cell with a digit from 1 to {side} (or 0). {_EXAMPLE}")
        moves.append(word)
        end = found.end()
    rest = next(filter(None, _SEPARATORS.split(answer[end:])), "")
    if rest and len(moves) < limit:
        return MoveList((), error=f"{rest[:20]!r} is no move. {_EXAMPLE}")
    if not moves and not continues and answer.replace(" ", "") != "[]":
        return MoveList((), error=_NOTHING)
    return MoveList(tuple(moves), continues)


def _word(found: re.Match[str]) -> str:
    """Returns the word of a cell and its digit, be they on the board or not."""
    row, column, *named, digit = found.groups()
    if row is None:
        letter, row = named
        return f"{letter}{int(row)}={int(digit)}"
    return f"{chr(96 + int(column))}{int(row)}={int(digit)}"
