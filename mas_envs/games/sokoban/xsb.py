"""Reading a level in XSB characters, the customary text format of Sokoban levels.

`#` wall, `$` box, `.` goal, `*` box on a goal, `@` player, `+` player on a goal; space, `-` or `_` for free floor.
Finding levels in a text that holds more than their rows is done in `mas_envs.games.sokoban.levels`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.games.sokoban.bitboard import mask_of
from mas_envs.games.sokoban.layout import Board, Layout
from mas_envs.grid.cells import neighbours

MAX_SIDE = 64
"""Rows and columns that a level may have."""
SIGNS = "#@+$*. -_"
ALLOWED = "# @ + $ * . - _ and spaces"

_WALL, _PLAYERS, _BOXES, _GOALS = "#", "@+", "$*", ".+*"
_SPACES = str.maketrans("-_", "  ")


class Line(NamedTuple):
    """One row of a level, and the number (from 1) of the line of the text on which it stands."""

    number: int
    text: str


def parse_rows(lines: Sequence[Line]) -> tuple[Layout, Board]:
    """Returns the layout and the board of a level.

    Rows hold nothing but SIGNS, and may be of any length. Cells that the player can never come to are walls, and so
    are boxes on goals there; there may be more goals than boxes. Raises UsageError, naming the line, unless the level
    is closed and has one player and for every box a goal.
    """
    rows = _without_margin(lines)
    width, height = max(map(len, rows)), len(rows)
    first = lines[0].number
    if width > MAX_SIDE or height > MAX_SIDE:
        raise UsageError(
            f"Line {first}: the level is {width}x{height} cells; at most {MAX_SIDE}x{MAX_SIDE} are allowed."
        )
    places: dict[str, list[int]] = {sign: [] for sign in SIGNS}
    for number, row in enumerate(rows):
        for column, sign in enumerate(row):
            places[sign].append(number * width + column)
    players, boxes, goals = (sorted(c for sign in kind for c in places[sign]) for kind in (_PLAYERS, _BOXES, _GOALS))
    if len(players) != 1:
        where = f", the second on line {lines[players[1] // width].number}" if players else ""
        raise UsageError(f"Line {first}: the level has {len(players)} players (@ or +){where}; it must have one.")
    floor = _closed_floor({*places[_WALL]}, players[0], width, lines)
    for box in boxes:
        if box not in floor and box not in goals:
            raise UsageError(f"Line {lines[box // width].number}: the level has a box that the player can never reach.")
    boxes, goals = ([cell for cell in cells if cell in floor] for cells in (boxes, goals))
    if not boxes or len(boxes) > len(goals):
        raise UsageError(
            f"Line {first}: the level has {len(boxes)} boxes and {len(goals)} goals that the player can come to; "
            "it needs a box, and a goal for every one."
        )
    walls = (1 << width * height) - 1 ^ mask_of(floor)
    return Layout(width, height, walls, mask_of(goals)), Board(players[0], mask_of(boxes))


def _without_margin(lines: Sequence[Line]) -> list[str]:
    """Returns the rows with spaces for all free floor, and without the space around that all have."""
    rows = [line.text.translate(_SPACES).rstrip() for line in lines]
    indent = min(len(row) - len(row.lstrip()) for row in rows)
    return [row[indent:] for row in rows]


def _closed_floor(walls: set[int], player: int, width: int, lines: Sequence[Line]) -> set[int]:
    """Returns the cells that the player can come to if boxes are no hindrance; raises where it can walk out."""
    around = neighbours(width, len(lines))
    floor, queue = {player}, [player]
    for cell in queue:
        if len(around[cell]) < 4:
            raise UsageError(
                f"The level is open: on line {lines[cell // width].number} the player can walk out of it. Add walls."
            )
        for to in around[cell].values():
            if to not in walls and to not in floor:
                floor.add(to)
                queue.append(to)
    return floor
