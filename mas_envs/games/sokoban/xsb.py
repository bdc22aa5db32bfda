"""Reading levels in XSB characters, the customary text format of Sokoban levels.

`#` wall, `$` box, `.` goal, `*` box on a goal, `@` player, `+` player on a goal; space, `-` or `_` for free floor.
"""

from mas_envs.core.errors import UsageError
from mas_envs.games.sokoban.bitboard import mask_of
from mas_envs.games.sokoban.rules import Board, Layout
from mas_envs.grid.cells import neighbours

MAX_SIDE = 64
"""Rows and columns that a level may have."""

_WALL, _PLAYERS, _BOXES, _GOALS, _FREE = "#", "@+", "$*", ".+*", " -_"
_SIGNS = "#@+$*." + _FREE


def parse(text: str) -> tuple[Layout, Board]:
    """Returns the layout and the board of a level.

    Rows may be of any length, and empty lines may stand around them. Cells that the player can never come to are
    walls, and so are boxes on goals there. Raises UsageError, naming the line where one is at fault.
    """
    rows, first = _rows(text)
    width, height = max(map(len, rows)), len(rows)
    places: dict[str, list[int]] = {sign: [] for sign in _SIGNS}
    for number, row in enumerate(rows):
        for column, sign in enumerate(row):
            if sign not in places:
                raise UsageError(
                    f"Line {first + number} of the level has {sign!r}; allowed are # @ + $ * . - _ and spaces."
                )
            places[sign].append(number * width + column)
    players, boxes, goals = (sorted(c for sign in kind for c in places[sign]) for kind in (_PLAYERS, _BOXES, _GOALS))
    if len(players) != 1:
        where = f", the second on line {first + players[1] // width}" if players else ""
        raise UsageError(f"The level has {len(players)} players (@ or +){where}; it must have exactly one.")
    floor = _closed_floor(set(places[_WALL]), players[0], width, height, first)
    for cell in sorted({*boxes} ^ {*goals}):
        if cell not in floor:
            kind = "box" if cell in boxes else "goal"
            raise UsageError(f"Line {first + cell // width} of the level has a {kind} that the player can never reach.")
    boxes, goals = ([cell for cell in cells if cell in floor] for cells in (boxes, goals))
    if not boxes or len(boxes) != len(goals):
        raise UsageError(f"The level has {len(boxes)} boxes and {len(goals)} goals; it needs as many, at least one.")
    walls = (1 << width * height) - 1 ^ mask_of(list(floor))
    return Layout(width, height, walls, mask_of(goals)), Board(players[0], mask_of(boxes))


def _rows(text: str) -> tuple[list[str], int]:
    """Returns the rows of a level without the empty space around them, and the line number of the first."""
    lines = [line.rstrip() for line in text.splitlines()]
    used = [number for number, line in enumerate(lines) if line]
    if not used:
        raise UsageError("The level is empty; give rows of # (wall), $ (box), . (goal), @ (player) and spaces.")
    lines = lines[used[0] : used[-1] + 1]
    indent = min(len(line) - len(line.lstrip(" ")) for line in lines if line)
    rows = [line[indent:] for line in lines]
    longest = max(map(len, rows))
    if longest > MAX_SIDE or len(rows) > MAX_SIDE:
        raise UsageError(f"The level is {longest}x{len(rows)} cells; at most {MAX_SIDE}x{MAX_SIDE} are allowed.")
    return rows, used[0] + 1


def _closed_floor(walls: set[int], player: int, width: int, height: int, first: int) -> set[int]:
    """Returns the cells that the player can come to if boxes are no hindrance; raises where it can walk out."""
    around = neighbours(width, height)
    floor, queue = {player}, [player]
    for cell in queue:
        if len(around[cell]) < 4:
            raise UsageError(
                f"The level is open: on line {first + cell // width} the player can walk out of it. Add walls."
            )
        for to in around[cell].values():
            if to not in walls and to not in floor:
                floor.add(to)
                queue.append(to)
    return floor
