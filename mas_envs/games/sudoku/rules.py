"""Sudoku: every row, column and box holds each digit once. A move writes a digit into a cell that is not given.

A board is a string, a digit or `.` (empty) for every cell in reading order. A move is a word: `b3=4` writes 4 into
column b, row 3; `b3=0` empties the cell.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from operator import itemgetter, ne
from struct import Struct
from typing import Any

from mas_envs.games.sudoku.shape import FIELD, Shape, shape_of
from mas_envs.games.sudoku.solver import DIGITS, EMPTY
from mas_envs.grid.cells import cell_words

_LOOKS = 1024
"""Boards of one level of which is kept what was found out."""


@dataclass(frozen=True)
class Level:
    """One puzzle and its only solution, both as boards.

    grade: what it takes, one of `solver.GRADES`. nodes: positions that the solver's search met; 1 where singles
    suffice. All but the givens follow from them, so they count for nothing in comparisons. What is found out about
    boards is kept with the level, and left out of pickles and copies.
    """

    givens: str
    solution: str = field(compare=False)
    grade: str = field(compare=False)
    nodes: int = field(compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return Level, (self.givens, self.solution, self.grade, self.nodes)

    @cached_property
    def shape(self) -> Shape:
        return shape_of(int(len(self.givens) ** 0.5))

    @property
    def width(self) -> int:
        return self.shape.side

    @property
    def height(self) -> int:
        return self.shape.side

    @property
    def clues(self) -> int:
        """How many cells are given."""
        return len(self.givens) - self.givens.count(EMPTY)

    @cached_property
    def open_cells(self) -> tuple[int, ...]:
        """The cells that are not given."""
        return tuple(cell for cell, sign in enumerate(self.givens) if sign == EMPTY)

    @cached_property
    def given_words(self) -> tuple[str, ...]:
        """The word of every given cell, `a1=3`; "" for the others."""
        words = cell_words("", self.width, self.height)
        return tuple("" if s == EMPTY else f"{word}={s}" for word, s in zip(words, self.givens, strict=True))

    @cached_property
    def seen(self) -> dict[str, tuple[int, ...]]:
        """What `shown` found for boards that were looked at: prompts and legal moves need it, K candidates share it."""
        return {}

    @cached_property
    def legal(self) -> dict[str, tuple[str, ...]]:
        """Legal moves of boards that were looked at."""
        return {}

    def text(self) -> str:
        """Returns the puzzle in one line, as `tasks.read_task` takes it."""
        return self.givens


@cache
def placements(side: int) -> dict[str, tuple[int, str]]:
    """Returns every move of a board: word -> (cell, sign), first those that empty a cell, then digit by digit."""
    words = cell_words("", side, side)
    return {
        f"{word}={number}": (cell, sign)
        for number, sign in enumerate(EMPTY + DIGITS[:side])
        for cell, word in enumerate(words)
    }


@cache
def move_words(side: int) -> tuple[str, ...]:
    """Returns the words of `placements`: that of a candidate is at `side * side + candidate`, emptying at its cell."""
    return tuple(placements(side))


@cache
def _peer_signs(side: int) -> tuple[Callable[[str], tuple[str, ...]], ...]:
    """Returns, for every cell, what gives the signs of its peers on a board."""
    return tuple(itemgetter(*peers) for peers in shape_of(side).peers)


def walk(level: Level, board: str, moves: tuple[str, ...]) -> tuple[str, int]:
    """Carries out moves up to the first illegal one or until solved; returns the board and how many.

    A move is illegal when it changes a given, or writes a digit that its row, column or box shows already. Writing
    what stands there changes nothing and is legal, even of a given.
    """
    givens, solution = level.givens, level.solution
    if board == solution:
        return board, 0
    table, seen = placements(level.width), _peer_signs(level.width)
    for count, move in enumerate(moves):
        cell, sign = table[move]
        if board[cell] == sign:
            continue
        if givens[cell] != EMPTY or (sign != EMPTY and sign in seen[cell](board)):
            return board, count
        board = board[:cell] + sign + board[cell + 1 :]
        if board == solution:
            return board, count + 1
    return board, len(moves)


def why_illegal(level: Level, board: str, move: str) -> str:
    """Returns the rule that `move` would break on `board`, in words."""
    cell, sign = placements(level.width)[move]
    shape, words = level.shape, cell_words("", level.width, level.height)
    if level.givens[cell] != EMPTY:
        return f"{words[cell]} is given as {level.givens[cell]}, and givens never change"
    other = next(peer for peer in shape.peers[cell] if board[peer] == sign)
    if cell // shape.side == other // shape.side:
        unit = f"row {cell // shape.side + 1}"
    elif cell % shape.side == other % shape.side:
        unit = f"column {words[cell].rstrip('0123456789')}"
    else:
        unit = "its box"
    return f"{unit} has a {sign} already, at {words[other]}"


def shown(level: Level, board: str) -> tuple[int, ...]:
    """Returns, for every cell, the digits that its row, column and box show elsewhere, as a set (bit 0 for a 1)."""
    found = level.seen.get(board)
    if found is None:
        shape, bits = level.shape, 0
        cells, shows = shape.cells, shape.shows
        for cell, sign in enumerate(board):
            if sign != EMPTY:
                bits |= shows[(ord(sign) - 49) * cells + cell]
        found = _unpacker(cells)(bits.to_bytes(cells * FIELD // 8, "little"))
        if len(level.seen) < _LOOKS:
            level.seen[board] = found
    return found


@cache
def _unpacker(cells: int) -> Callable[[bytes], tuple[int, ...]]:
    return Struct(f"<{cells}H").unpack


@cache
def digits_left(side: int) -> tuple[tuple[str, ...], ...]:
    """Returns the digits that are not in a set, for every set of digits."""
    return tuple(tuple(DIGITS[digit] for digit in range(side) if not found >> digit & 1) for found in range(1 << side))


def legal(level: Level, board: str) -> tuple[str, ...]:
    """Returns the legal moves that change something, cell by cell, emptying it first; none once solved."""
    found = level.legal.get(board)
    if found is None:
        moves: list[str] = []
        if board != level.solution:
            words, seen = cell_words("", level.width, level.height), shown(level, board)
            table = _writings(level.width)
            for cell in level.open_cells:
                sign = board[cell]
                if sign == EMPTY:
                    moves += table[cell][seen[cell]]
                else:
                    moves.append(f"{words[cell]}=0")
                    moves += table[cell][seen[cell] | 1 << DIGITS.index(sign)]
        found = tuple(moves)
        if len(level.legal) < _LOOKS:
            level.legal[board] = found
    return found


class _Writings(dict[int, list[str]]):
    """For one cell: a set of digits -> the moves that write one of the others."""

    def __init__(self, word: str, side: int):
        self._word, self._left = word, digits_left(side)

    def __missing__(self, seen: int) -> list[str]:
        self[seen] = [f"{self._word}={digit}" for digit in self._left[seen]]
        return self[seen]


@cache
def _writings(side: int) -> tuple[_Writings, ...]:
    return tuple(_Writings(word, side) for word in cell_words("", side, side))


def own_cells(level: Level, board: str) -> list[int]:
    """Returns the cells that were written and can still be changed; none once solved."""
    if board == level.solution:
        return []
    return [cell for cell in level.open_cells if board[cell] != EMPTY]


def missing(level: Level, board: str) -> int:
    """Returns how many cells are not as in the solution."""
    return sum(map(ne, board, level.solution))


def draw(level: Level, board: str) -> str:
    """Returns the board with lines around its boxes, letters over the columns and numbers before the rows."""
    side, (high, wide) = level.width, level.shape.box
    names = [word[:-1] for word in cell_words("", side, 1)]

    def row(signs: list[str], border: str) -> str:
        groups = [" ".join(signs[left : left + wide]) for left in range(0, side, wide)]
        return f"{border} " + f" {border} ".join(groups) + f" {border}"

    line = "  +" + ("-" * (2 * wide + 1) + "+") * (side // wide)
    lines = ["  " + row(names, " ").rstrip()]
    for number in range(side):
        if number % high == 0:
            lines.append(line)
        lines.append(f"{number + 1} " + row([*board[number * side : (number + 1) * side]], "|"))
    return "\n".join([*lines, line])


def rows(board: str) -> str:
    """Returns the signs of a board, a row on each line."""
    side = int(len(board) ** 0.5)
    return "\n".join([board[at : at + side] for at in range(0, len(board), side)])


def why_clash(shape: Shape, board: str) -> str:
    """Returns two cells in which a digit breaks the rules, in words; "" where none does."""
    words = cell_words("", shape.side, shape.side)
    for cell, sign in enumerate(board):
        for peer in shape.peers[cell]:
            if sign != EMPTY and board[peer] == sign:
                return f"{words[cell]} and {words[peer]} are both {sign}"
    return ""
