"""What never changes in a level, with the tables that follow from it, and what a position is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from mas_envs.games.sokoban.bitboard import MoveTable, Row, Ways, bits, mask_of, move_table, push_rows, ways_on
from mas_envs.grid.cells import canonical, cell_words


class Board(NamedTuple):
    """A position: the player's cell, and the boxes as a set of cells (bit `cell` of the int)."""

    player: int
    boxes: int


@dataclass(frozen=True)
class Layout:
    """Walls and goals of a level, as sets of cells (ints); cells count in reading order.

    The floor (every cell that is no wall) is connected and touches no edge of the board. What is worked out about the
    layout is kept with it, and left out of pickles and copies.
    """

    width: int
    height: int
    walls: int
    goals: int

    def __reduce__(self) -> tuple[Any, ...]:
        return Layout, (self.width, self.height, self.walls, self.goals)

    @cached_property
    def floor(self) -> int:
        return ~self.walls & (1 << self.width * self.height) - 1

    @cached_property
    def ways(self) -> Ways:
        """For every floor cell, the moves that no wall stops, and where they lead."""
        return ways_on(self.floor, self.width)

    @cached_property
    def looks(self) -> dict[Board, tuple[str, str]]:
        """Texts of boards that were looked at, kept here by the game."""
        return {}

    @cached_property
    def efforts(self) -> dict[int, list[tuple[int, int]]]:
        """For several boxes: boxes -> (cells that the player can walk about in, `effort_left`), kept as they turn up.

        Pushes alone change what a board still takes; most moves only walk.
        """
        return {}

    @cached_property
    def fewest_moves(self) -> MoveTable:
        """For a level with one box: fewest moves to solve it, by (box, player)."""
        return move_table(self.floor, self.goals, self.width, self.width * self.height)

    @cached_property
    def pushes(self) -> dict[int, list[tuple[int, Row]]]:
        """For a box on every floor cell, alone on the floor: (cells from which the player sees it, its `Row`).

        There is an entry for every part of the floor that the box leaves; a row without goals means that a box
        there, with the player in that part, is lost whatever the other boxes do: they only take freedom away.
        """
        return push_rows(self.floor, self.goals, self.width)

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
    def drawn(self) -> bytes:
        """The walls and goals as rows of XSB characters, a line break after each row but the last."""
        signs = ["#" if self.walls >> cell & 1 else " " for cell in range(self.width * self.height)]
        for cell in bits(self.goals):
            signs[cell] = "."
        rows = ("".join(signs[row : row + self.width]) for row in range(0, len(signs), self.width))
        return "\n".join(rows).encode()

    @cached_property
    def box_words(self) -> tuple[str, ...]:
        return cell_words("$", self.width, self.height)

    @cached_property
    def player_words(self) -> tuple[str, ...]:
        return cell_words("@", self.width, self.height)
