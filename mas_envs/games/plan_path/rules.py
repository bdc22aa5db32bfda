"""Plan-Path: walk from the start to the goal around obstacles, one cell up, down, left or right at a time."""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

from mas_envs.core.errors import UsageError
from mas_envs.grid.cells import canonical, neighbours

WALL, FREE, GOAL, AGENT = "#", ".", "G", "@"


@dataclass(frozen=True)
class Level:
    """One map. Cells count in reading order; `walls` is a frozenset of cells."""

    width: int
    height: int
    walls: frozenset[int]
    start: int
    goal: int

    @cached_property
    def moves(self) -> tuple[dict[str, int], ...]:
        """For every cell, the legal moves and where they lead."""
        walls = self.walls
        return tuple(
            {move: to for move, to in here.items() if to not in walls} for here in neighbours(self.width, self.height)
        )

    @cached_property
    def legal(self) -> tuple[str, ...]:
        """For every cell, the letters of its legal moves; none on the goal, where the walk ends."""
        return tuple("" if cell == self.goal else "".join(here) for cell, here in enumerate(self.moves))

    @cached_property
    def distances(self) -> dict[int, int]:
        """Fewest moves to the goal, for every cell from which it can be reached."""
        found = {self.goal: 0}
        queue = deque([self.goal])
        while queue:
            cell = queue.popleft()
            step = found[cell] + 1
            for to in self.moves[cell].values():
                if to not in found:
                    found[to] = step
                    queue.append(to)
        return found

    @cached_property
    def layout_digest(self) -> str:
        """Canonical form of walls and goal: the same for rotated and mirrored maps, whatever the start."""
        return repr((self.width, self.height, canonical([sorted(self.walls), [self.goal]], self.width, self.height)))

    def text(self) -> str:
        """Returns the map as rows of characters, as `parse_level` reads them."""
        return draw(self, self.start)


def walk(level: Level, cell: int, moves: str) -> tuple[int, int]:
    """Carries out moves up to the first illegal one or to the goal; returns the cell reached and how many."""
    table, goal = level.moves, level.goal
    count = 0
    for move in moves:
        if cell == goal or move not in (here := table[cell]):
            break
        cell = here[move]
        count += 1
    return cell, count


def shortest(level: Level, cell: int) -> str:
    """Returns a shortest list of moves to the goal, ties in the order U, D, L, R; "" where there is none."""
    distances, moves = level.distances, ""
    if cell not in distances:
        return ""
    while cell != level.goal:
        move, cell = next((m, to) for m, to in level.moves[cell].items() if distances[to] < distances[cell])
        moves += move
    return moves


def draw(level: Level, cell: int) -> str:
    """Returns the map with the agent on `cell`; on the goal the agent hides it only in the drawing of a solved map."""
    signs = [WALL if i in level.walls else FREE for i in range(level.width * level.height)]
    signs[level.goal] = GOAL
    signs[cell] = AGENT
    return "\n".join("".join(signs[row : row + level.width]) for row in range(0, len(signs), level.width))


def parse_level(text: str) -> Level:
    """Returns the level of rows made of `#`, `.`, one `@` (start) and one `G` (goal); errors name the line."""
    rows = [row.rstrip() for row in text.strip("\n").splitlines()]
    if not rows or not rows[0]:
        raise UsageError("The map is empty; give rows of # (wall), . (free), @ (start) and G (goal).")
    width, walls = len(rows[0]), set[int]()
    places: dict[str, list[int]] = {AGENT: [], GOAL: []}
    for number, row in enumerate(rows):
        if len(row) != width:
            raise UsageError(f"Line {number + 1} of the map has {len(row)} characters, line 1 has {width}.")
        for column, sign in enumerate(row):
            cell = number * width + column
            if sign == WALL:
                walls.add(cell)
            elif sign in places:
                places[sign].append(cell)
            elif sign != FREE:
                raise UsageError(f"Line {number + 1} of the map has {sign!r}; allowed are # . @ and G.")
    for sign, found in places.items():
        if len(found) != 1:
            raise UsageError(f"The map has {len(found)} {sign!r}; it must have exactly one.")
    level = Level(width, len(rows), frozenset(walls), places[AGENT][0], places[GOAL][0])
    if level.start not in level.distances:
        raise UsageError("The goal of the map cannot be reached from the start.")
    return level
