"""Sokoban: push every box onto a goal. Boxes are pushed, never pulled, and one at a time.

A `Layout` is what never changes in a level (walls and goals) with the tables that follow from it; a `Level` adds
the position in which it begins and what its solver found; a `Board` is a position.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from mas_envs.games.sokoban.bitboard import (
    Row,
    Steps,
    bits,
    cheapest_matching,
    components,
    mask_of,
    move_distances,
    push_distances,
    steps_on,
)
from mas_envs.grid.cells import canonical, cell_words

MATCHED_BOXES = 6
"""Up to so many boxes the bound on the pushes is an exact matching; beyond, every box takes its nearest goal."""


class Board(NamedTuple):
    """A position: the player's cell, and the boxes as a set of cells (bit `cell` of the int)."""

    player: int
    boxes: int


@dataclass(frozen=True)
class Layout:
    """Walls and goals of a level, as sets of cells (ints); cells count in reading order.

    The floor (every cell that is no wall) is connected and touches no edge of the board.
    """

    width: int
    height: int
    walls: int
    goals: int

    @cached_property
    def floor(self) -> int:
        return ~self.walls & (1 << self.width * self.height) - 1

    @cached_property
    def steps(self) -> Steps:
        """For every floor cell, the moves that no wall stops, and where they lead."""
        return steps_on(self.floor, self.width)

    @cached_property
    def looks(self) -> dict[Board, tuple[str, str]]:
        """Texts of boards that were looked at, kept here by the game."""
        return {}

    @cached_property
    def exits(self) -> dict[int, tuple[int, str, list[tuple[str, int, int]]]]:
        """For every floor cell: the cells around it, the moves to them, and (move, cell it leads to, cell behind).

        Cells are sets of one; behind a cell before a wall stands that cell itself, so that a box there never moves.
        """
        found: dict[int, tuple[int, str, list[tuple[str, int, int]]]] = {}
        for cell, steps in self.steps.items():
            ways = [(move, 1 << to, 1 << self.steps[to].get(move, to)) for move, to in steps.items()]
            found[cell] = (sum(to for _, to, _ in ways), "".join(steps), ways)
        return found

    @cached_property
    def fewest_moves(self) -> list[int]:
        """For a level with one box: fewest moves to solve it, at [box * cells + player]; -1 where it is lost."""
        return move_distances(self.steps, self.goals.bit_length() - 1, self.width * self.height)

    @cached_property
    def pushes(self) -> dict[int, list[tuple[int, Row]]]:
        """For a box on every floor cell, alone on the floor: (cells from which the player sees it, its `Row`).

        There is an entry for every part of the floor that the box leaves; a row without goals means that a box
        there, with the player in that part, is lost whatever the other boxes do: they only take freedom away.
        """
        floor, width = self.floor, self.width
        sides = {box: components(floor ^ 1 << box, width) for box in bits(floor)}
        reached = [push_distances(floor, sides, goal, width) for goal in bits(self.goals)]
        return {
            box: [
                (part, tuple((1 << i, to[box, side]) for i, to in enumerate(reached) if (box, side) in to))
                for side, part in enumerate(parts)
            ]
            for box, parts in sides.items()
        }

    @cached_property
    def dead(self) -> int:
        """The floor cells from which a box reaches no goal."""
        return mask_of(box for box, rows in self.pushes.items() if not any(row for _, row in rows))

    @cached_property
    def between_dead(self) -> tuple[int, int]:
        """The cells with dead cells or walls on both sides, left and right; above and below."""
        useless = self.dead | self.walls
        return useless << 1 & useless >> 1, useless << self.width & useless >> self.width

    @cached_property
    def canonical_form(self) -> str:
        """The same for layouts that are rotations or reflections of one another, different for all others."""
        layers = [list(bits(self.floor)), list(bits(self.goals))]
        return repr((self.width, self.height, canonical(layers, self.width, self.height)))

    @cached_property
    def fixed_words(self) -> str:
        """Compact words of the walls, the board's outer ring left out, then of the goals."""
        width, height = self.width, self.height
        walls, goals = cell_words("#", width, height), cell_words(".", width, height)
        inner = [cell for cell in bits(self.walls) if 0 < cell % width < width - 1 and 0 < cell // width < height - 1]
        return " ".join([*(walls[cell] for cell in inner), *(goals[cell] for cell in bits(self.goals))])

    @cached_property
    def box_words(self) -> tuple[str, ...]:
        return cell_words("$", self.width, self.height)

    @cached_property
    def player_words(self) -> tuple[str, ...]:
        return cell_words("@", self.width, self.height)


@dataclass(frozen=True)
class Level:
    """A layout, the board on which play begins, and its certificate.

    pushes: fewest pushes that solve it. moves: with one box the fewest moves that solve it (another solution than
    the one with fewest pushes may need them); with several, the moves of the solver's solution in `pushes` pushes.
    Both follow from the rest, so they count for nothing in comparisons.
    """

    layout: Layout
    start: Board
    pushes: int = field(compare=False)
    moves: int = field(compare=False)

    @property
    def width(self) -> int:
        return self.layout.width

    @property
    def height(self) -> int:
        return self.layout.height

    @cached_property
    def effort(self) -> int:
        """`effort_left` of the start; at least 1."""
        return effort_left(self.layout, self.start)

    def text(self) -> str:
        """Returns the level in XSB characters, as `xsb.parse` reads them."""
        return draw(self.layout, self.start)


def walk(layout: Layout, board: Board, moves: str) -> tuple[Board, int]:
    """Carries out moves up to the first illegal one or until solved; returns the board and how many.

    A move is illegal when a wall is in the way, or a box with a wall or a second box behind it.
    """
    steps, goals = layout.steps, layout.goals
    player, boxes = board
    count = 0
    if boxes == goals:
        return board, 0
    for move in moves:
        to = steps[player].get(move)
        if to is None:
            break
        if boxes >> to & 1:
            behind = steps[to].get(move)
            if behind is None or boxes >> behind & 1:
                break
            boxes ^= 1 << to | 1 << behind
            if boxes == goals:
                return Board(to, boxes), count + 1
        player = to
        count += 1
    return (Board(player, boxes), count) if count else (board, 0)


def legal(layout: Layout, board: Board) -> str:
    """Returns the letters of the moves that are legal now, in the order U, D, L, R; none once solved."""
    player, boxes = board
    if boxes == layout.goals:
        return ""
    around, moves, ways = layout.exits[player]
    if not boxes & around:
        return moves
    return "".join([move for move, to, behind in ways if not (boxes & to and boxes & behind)])


def push_bound(layout: Layout, board: Board) -> int:
    """Returns a number of pushes below which no solution comes, or -1 where there can be none.

    The cheapest matching of boxes and goals, each box pushed as if it were alone on the floor; exact for one box.
    With more than MATCHED_BOXES boxes it is the sum of every box's way to its nearest goal.
    """
    player, boxes = board
    rows: list[Row] = []
    for box in bits(boxes):
        for part, row in layout.pushes[box]:
            if part >> player & 1:
                rows.append(row)
    if len(rows) <= MATCHED_BOXES:
        return cheapest_matching(rows)
    return sum(min(pushes for _, pushes in row) for row in rows) if all(rows) else -1


def frozen(layout: Layout, boxes: int) -> int:
    """Returns boxes that can never be moved again on the way to a solution.

    A box is stuck along a line if a wall or a stuck box is beside it, or no cell beside it leads to a goal. What is
    left once all that are free along a line have been taken out holds itself in place: the first of them to move
    would have to do so while all others are still there.
    """
    width, walls = layout.width, layout.walls
    across, along = layout.between_dead
    while True:
        solid = walls | boxes
        stuck = boxes & (solid << 1 | solid >> 1 | across) & (solid << width | solid >> width | along)
        if stuck == boxes:
            return stuck
        boxes = stuck


def effort_left(layout: Layout, board: Board) -> int:
    """Returns what a board still takes, 0 where it is solved, or -1 where it is known to be lost.

    With one box that is the fewest moves that solve it, and lost is whatever cannot be solved; with several it is
    `push_bound`, and lost is what can be seen to be: a board called lost never has a solution.
    """
    player, boxes = board
    if not boxes & boxes - 1:
        return layout.fewest_moves[(boxes.bit_length() - 1) * layout.width * layout.height + player]
    if boxes & layout.dead or frozen(layout, boxes) & ~layout.goals:
        return -1
    return push_bound(layout, board)


def draw(layout: Layout, board: Board) -> str:
    """Returns the board in XSB characters: # wall, $ box, . goal, @ player, * box on goal, + player on goal."""
    player, boxes = board
    signs = ["#" if layout.walls >> cell & 1 else " " for cell in range(layout.width * layout.height)]
    for cell in bits(layout.goals):
        signs[cell] = "."
    for cell in bits(boxes):
        signs[cell] = "*" if layout.goals >> cell & 1 else "$"
    signs[player] = "+" if layout.goals >> player & 1 else "@"
    return "\n".join("".join(signs[row : row + layout.width]) for row in range(0, len(signs), layout.width))
