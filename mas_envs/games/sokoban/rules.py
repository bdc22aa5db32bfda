"""Sokoban: push every box onto a goal. Boxes are pushed, never pulled, and one at a time.

A `Layout` is what never changes (walls and goals), a `Board` is a position, a `Level` adds to a layout the position
in which it begins and what its solver found. There may be more goals than boxes: solved is a board with no box off
a goal.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mas_envs.games.sokoban.bounds import effort_left
from mas_envs.games.sokoban.layout import Board, Layout

_BOX, _BOX_ON_GOAL, _PLAYER, _PLAYER_ON_GOAL = b"$*@+"


@dataclass(frozen=True)
class Level:
    """A layout, the board on which play begins, and its certificate.

    pushes: fewest pushes that solve it. moves: with one box the fewest moves that solve it (another solution than
    the one with fewest pushes may need them); with several, the moves of the solver's solution in `pushes` pushes.
    Both are None where the solver gave up: nobody knows whether the level can be solved. They follow from the rest,
    so they count for nothing in comparisons.
    """

    layout: Layout
    start: Board
    pushes: int | None = field(compare=False)
    moves: int | None = field(compare=False)

    def __reduce__(self) -> tuple[Any, ...]:  # without what is kept of boards, as the layout
        return Level, (self.layout, self.start, self.pushes, self.moves)

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

    @cached_property
    def potentials(self) -> dict[Board, float]:
        """Potentials of boards that were met, kept here by the game: each is asked for when it is proposed, carried
        out and looked at again."""
        return {}

    def text(self) -> str:
        """Returns the level in XSB characters, as `xsb.parse` reads them."""
        return draw(self.layout, self.start)


def solved(layout: Layout, board: Board) -> bool:
    """Says whether every box is on a goal."""
    return not board.boxes & ~layout.goals


def walk(layout: Layout, board: Board, moves: str) -> tuple[Board, int]:
    """Carries out moves up to the first illegal one or until solved; returns the board and how many.

    A move is illegal when a wall is in the way, or a box with a wall or a second box behind it.
    """
    ways, off_goal = layout.ways, ~layout.goals
    player, boxes = board
    count = 0
    if not boxes & off_goal:
        return board, 0
    for move in moves:
        way = ways[player].get(move)
        if way is None:
            break
        to, ahead, behind = way
        if boxes & ahead:
            if boxes & behind:
                break
            boxes ^= ahead | behind
            if not boxes & off_goal:
                return Board(to, boxes), count + 1
        player = to
        count += 1
    return (Board(player, boxes), count) if count else (board, 0)


def legal(layout: Layout, board: Board) -> str:
    """Returns the letters of the moves that are legal now, in the order U, D, L, R; none once solved."""
    player, boxes = board
    if not boxes & ~layout.goals:
        return ""
    ways = layout.ways[player].items()
    return "".join([move for move, (_, ahead, behind) in ways if not (boxes & ahead and boxes & behind)])


def draw(layout: Layout, board: Board) -> str:
    """Returns the board in XSB characters: # wall, $ box, . goal, @ player, * box on goal, + player on goal."""
    player, boxes = board
    width, goals, rows = layout.width, layout.goals, bytearray(layout.drawn)
    while boxes:
        box = boxes.bit_length() - 1
        rows[box + box // width] = _BOX_ON_GOAL if goals >> box & 1 else _BOX
        boxes ^= 1 << box
    rows[player + player // width] = _PLAYER_ON_GOAL if goals >> player & 1 else _PLAYER
    return rows.decode()
