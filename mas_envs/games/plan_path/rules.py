"""Plan-Path: walk from the start to the goal around obstacles, one cell up, down, left or right at a time."""

from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from mas_envs.grid.cells import STEP_ROWS_COLUMNS, cell_word, cell_words

WALL, FREE, GOAL, AGENT = "#", ".", "G", "@"
KEPT = 2**23
"""Cells in all the distance tables that one map keeps (4 bytes each): those of the goals asked for last."""
_Turn = tuple[bool, bool, bool]
"""How a map is turned: rows and columns exchanged, then upside down, then left to right."""
_OPEN = bytes(sign == ord(FREE) for sign in range(256))


class Place(NamedTuple):
    """One cell as its visitors need it: the legal moves and where they lead, their letters, the compact words."""

    moves: dict[str, int]
    legal: str
    words: str


class _Places(dict[int, Place]):
    """Every cell's Place, made when it is first asked for: of a large map few cells are ever visited."""

    def __init__(self, width: int, height: int, cells: str):
        super().__init__()
        self._map = width, height, cells

    def __missing__(self, cell: int) -> Place:
        width, height, cells = self._map
        row, column = divmod(cell, width)
        moves: dict[str, int] = {}
        for move, (rows, columns) in STEP_ROWS_COLUMNS.items():
            if 0 <= row + rows < height and 0 <= column + columns < width:
                to = cell + rows * width + columns
                if cells[to] == FREE:
                    moves[move] = to
        legal = "".join(moves)
        self[cell] = place = Place(moves, legal, f"{cell_word(AGENT, cell, width)} [{legal}]")
        return place


@dataclass(frozen=True)
class Terrain:
    """A map without start and goal, which many levels may share. `cells` holds a character for every cell in reading
    order, `#` for a wall and `.` for a free one. What is worked out about it is kept with it, and left out of
    pickles and copies.
    """

    width: int
    height: int
    cells: str

    def __reduce__(self) -> tuple[Any, ...]:
        return Terrain, (self.width, self.height, self.cells)

    @cached_property
    def walls(self) -> frozenset[int]:
        return frozenset(cell for cell, sign in enumerate(self.cells) if sign == WALL)

    @cached_property
    def places(self) -> dict[int, Place]:
        """Cell -> Place, for every cell of the map."""
        return _Places(self.width, self.height, self.cells)

    @cached_property
    def wall_words(self) -> str:
        words = cell_words(WALL, self.width, self.height)
        return " ".join([words[cell] for cell, sign in enumerate(self.cells) if sign == WALL])

    @cached_property
    def _tables(self) -> "dict[int, array[int]]":
        return {}

    def distances(self, goal: int) -> "array[int]":
        """Returns, for every cell, the fewest moves to `goal`; -1 where there is no way (as from walls)."""
        tables = self._tables
        found = tables.pop(goal, None)
        if found is None:
            while tables and (len(tables) + 1) * len(self.cells) > KEPT:
                tables.pop(next(iter(tables)))
            found = self._search(goal)
        tables[goal] = found  # behind those that were asked for earlier
        return found

    def _search(self, goal: int) -> "array[int]":
        wide = self.width + 1
        found = array("i", [-1]) * (wide * (self.height + 2))
        flood(self.fenced(), wide, goal + goal // self.width + wide, found)
        rows = range(wide, wide * (self.height + 1), wide)
        return array("i", b"".join([found[row : row + self.width].tobytes() for row in rows]))

    def fenced(self) -> bytearray:
        """Returns 1 for every free cell and 0 for walls, with a row of walls above and below, and one wall at the
        right end of each row, which is also the left neighbour of the next."""
        width, cells = self.width, self.cells
        rows = [cells[at : at + width] for at in range(0, len(cells), width)]
        fence = WALL * (width + 1)
        return bytearray(f"{fence}{WALL.join(rows)}{WALL}{fence}".encode().translate(_OPEN))

    @cached_property
    def _canonical(self) -> tuple[str, list[_Turn]]:
        """The cells of the walls in the one of the map's symmetric positions that sorts first, as text; and the turns
        that bring the map there (several where the map is symmetric itself)."""
        positions = _turned(self.cells, self.width, self.height)
        first = min(positions.values())  # "#" sorts before ".": the same order as of lists of walls
        walls = tuple([cell for cell, sign in enumerate(first) if sign == WALL])
        return repr(walls), [turn for turn, cells in positions.items() if cells == first]

    def layout(self, goal: int) -> str:
        """Returns the canonical form of walls and goal: the same for rotated and mirrored maps, whatever the start."""
        walls, turns = self._canonical
        row, column = divmod(goal, self.width)
        cells: list[int] = []
        for transpose, up, left in turns:
            r, c = (column, row) if transpose else (row, column)
            cells.append((self.height - 1 - r if up else r) * self.width + (self.width - 1 - c if left else c))
        return f"({self.width}, {self.height}, ({walls}, ({min(cells)},)))"


def _turned(cells: str, width: int, height: int) -> dict[_Turn, str]:
    """Returns the map rotated and reflected: 8 times for a square, 4 times for another rectangle."""
    found: dict[_Turn, str] = {}
    for transpose in (False, True) if width == height else (False,):
        if transpose:
            cells = "".join([cells[column::width] for column in range(width)])
        up = "".join([cells[row : row + width] for row in range(len(cells) - width, -1, -width)])
        found[transpose, False, False], found[transpose, True, True] = cells, cells[::-1]
        found[transpose, True, False], found[transpose, False, True] = up, up[::-1]
    return found


def flood(unseen: bytearray, wide: int, start: int, found: "array[int]") -> int:
    """Writes the fewest moves from `start` into `found` for every cell that can be reached; returns a farthest cell.

    Args:
        unseen: a fenced map with rows of `wide` cells; what is reached is set to 0.
        start: a cell of the fenced map, as all cells here.
    """
    unseen[start] = found[start] = 0
    queue = [start]
    add = queue.append
    for cell in queue:
        steps = found[cell] + 1  # the four directions are written out: a loop over them takes twice as long
        to = cell - wide
        if unseen[to]:
            unseen[to] = 0
            found[to] = steps
            add(to)
        to = cell + wide
        if unseen[to]:
            unseen[to] = 0
            found[to] = steps
            add(to)
        to = cell - 1
        if unseen[to]:
            unseen[to] = 0
            found[to] = steps
            add(to)
        to = cell + 1
        if unseen[to]:
            unseen[to] = 0
            found[to] = steps
            add(to)
    return queue[-1]


@dataclass(frozen=True)
class Level:
    """A task's content: from cell `start` to cell `goal` of a map. Cells count in reading order."""

    terrain: Terrain
    start: int
    goal: int

    @property
    def width(self) -> int:
        return self.terrain.width

    @property
    def height(self) -> int:
        return self.terrain.height

    @property
    def walls(self) -> frozenset[int]:
        return self.terrain.walls

    @property
    def distances(self) -> "array[int]":
        """Fewest moves to the goal from every cell; -1 where it cannot be reached."""
        return self.terrain.distances(self.goal)

    @cached_property
    def steps(self) -> int:
        """Fewest moves from the start to the goal; -1 where there is no way."""
        return self.distances[self.start]

    @cached_property
    def fixed_words(self) -> str:
        """The compact words of walls and goal."""
        goal = cell_word("*", self.goal, self.width)
        return f"{self.terrain.wall_words} {goal}" if WALL in self.terrain.cells else goal

    def text(self) -> str:
        """Returns the map as rows of characters, as `maps.parse_level` reads them."""
        return draw(self, self.start)


def walk(level: Level, cell: int, moves: str) -> tuple[int, int]:
    """Carries out moves up to the first illegal one or to the goal; returns the cell reached and how many."""
    places, goal = level.terrain.places, level.goal
    count = 0
    for move in moves:
        if cell == goal or move not in (here := places[cell].moves):
            break
        cell = here[move]
        count += 1
    return cell, count


def shortest(level: Level, cell: int) -> str:
    """Returns a shortest list of moves to the goal, ties in the order U, D, L, R; "" where there is none."""
    distances, places, moves = level.distances, level.terrain.places, list[str]()
    for left in range(distances[cell] - 1, -1, -1):
        move, cell = next((m, to) for m, to in places[cell].moves.items() if distances[to] == left)
        moves.append(move)
    return "".join(moves)


def draw(level: Level, cell: int) -> str:
    """Returns the map with the agent on `cell`; on the goal the agent hides it only in the drawing of a solved map."""
    signs, width = level.terrain.cells, level.width
    for at, sign in ((level.goal, GOAL), (cell, AGENT)):
        signs = f"{signs[:at]}{sign}{signs[at + 1 :]}"
    return "\n".join([signs[row : row + width] for row in range(0, len(signs), width)])
