"""An exact solver: singles by whole-board arithmetic, search where they do not suffice, and the grade of a puzzle.

Two techniques suffice for most puzzles: a cell with one candidate left (a naked single), and a digit with one place
left in a row, column or box (a hidden single). What they leave open is searched, the cell with fewest candidates
first. Finding a second solution, or none, is a proof: every branch was closed.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from mas_envs.games.sudoku.shape import Shape

EMPTY = "."
DIGITS = "123456789"
GRADES = ("easy", "medium", "hard")
"""What a puzzle takes: naked singles alone; hidden singles too; more than singles."""
NODE_BUDGET = 200_000
"""Positions that a search may meet before it gives up: some seconds. Hard 9x9 puzzles take up to a few thousand."""


class Solved(NamedTuple):
    """What a search found.

    solutions: at most two, rows of digits in one string. nodes: positions met; 1 where singles sufficed. complete:
    the search ended within its budget, or at a second solution.
    """

    solutions: tuple[str, ...]
    nodes: int
    complete: bool


def bits(number: int) -> Iterator[int]:
    """Yields the places of the set bits of a number, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def candidates(shape: Shape, board: str) -> int:
    """Returns what can still stand in every cell, by the digits of `board` alone; these stay the only ones there.

    A digit that another one rules out leaves its cell without any candidate.
    """
    left, cells, keep = shape.all_candidates, shape.cells, shape.keep
    fixed = [(ord(sign) - 49) * cells + cell for cell, sign in enumerate(board) if sign != EMPTY]
    for candidate in fixed:
        left &= keep[candidate]
    return left


def naked_singles(shape: Shape, left: int) -> int:
    """Returns the candidates that are alone in their cell; -1 where a cell has none."""
    cells, full = shape.cells, shape.all_cells
    once = twice = 0
    for shift in range(0, shape.side * cells, cells):
        here = left >> shift
        twice |= once & here
        once |= here
    if ~once & full:
        return -1
    return (once & ~twice & full) * shape.repeat & left


def hidden_singles(shape: Shape, left: int) -> int:
    """Returns the candidates that are their digit's last in a row, column or box; -1 where a digit has no place."""
    found = 0
    for firsts, offsets, spread in shape.units:
        once = twice = 0
        for offset in offsets:
            here = left >> offset
            twice |= once & here
            once |= here
        if ~once & firsts:
            return -1
        found |= (once & ~twice & firsts) * spread & left
    return found


def settle(shape: Shape, left: int, done: int = 0, hidden: bool = True) -> tuple[int, int]:
    """Carries out all singles; returns the candidates left (-1: a contradiction) and those carried out."""
    keep = shape.keep
    while True:
        singles = naked_singles(shape, left)
        if singles < 0:
            return -1, done
        new = singles & ~done
        if not new:
            if not hidden or singles == left:
                return left, done
            singles = hidden_singles(shape, left)
            if singles < 0:
                return -1, done
            new = singles & ~done
            if not new:
                return left, done
        for candidate in bits(new):
            left &= keep[candidate]
        done |= new


def solve(shape: Shape, board: str, limit: int = 2, budget: int = NODE_BUDGET) -> Solved:
    """Returns up to `limit` solutions of a board, and whether the search ended."""
    return _search(shape, candidates(shape, board), limit, budget, None)


def random_grid(shape: Shape, generator: Random) -> str:
    """Returns a full board that keeps all rules, drawn at random."""
    return _search(shape, shape.all_candidates, 1, NODE_BUDGET, generator).solutions[0]


def _search(shape: Shape, left: int, limit: int, budget: int, generator: Random | None) -> Solved:
    """Searches depth first; with a generator, digits are tried in an order that it draws."""
    found: list[str] = []
    stack, nodes = [(left, 0)], 0
    while stack:
        if nodes >= budget:
            return Solved(tuple(found), nodes, False)
        nodes += 1
        left, done = settle(shape, *stack.pop())
        if left < 0:
            continue
        cell = _narrowest(shape, left)
        if cell < 0:
            found.append(as_text(shape, left))
            if len(found) >= limit:
                break
            continue
        choices = [
            candidate for candidate in range(cell, shape.side * shape.cells, shape.cells) if left >> candidate & 1
        ]
        if generator is not None:
            generator.shuffle(choices)
        stack.extend((left & shape.keep[candidate], done | 1 << candidate) for candidate in choices)
    return Solved(tuple(found), nodes, True)


def _narrowest(shape: Shape, left: int) -> int:
    """Returns a cell with fewest candidates among those with several, or -1 where there is none."""
    cells, full = shape.cells, shape.all_cells
    at_least = [0] * (shape.side + 2)  # at_least[k]: the cells with k candidates or more
    for shift in range(0, shape.side * cells, cells):
        here = left >> shift & full
        for count in range(shape.side, 0, -1):
            at_least[count + 1] |= at_least[count] & here
        at_least[1] |= here
    for count in range(2, shape.side + 1):
        exactly = at_least[count] & ~at_least[count + 1]
        if exactly:
            return (exactly & -exactly).bit_length() - 1
    return -1


def as_text(shape: Shape, left: int) -> str:
    """Returns the board of a set of candidates with one in every cell."""
    signs = [""] * shape.cells
    for candidate in bits(left):
        digit, cell = divmod(candidate, shape.cells)
        signs[cell] = DIGITS[digit]
    return "".join(signs)


def grade(shape: Shape, board: str) -> str:
    """Returns the grade of a board with exactly one solution: one of GRADES."""
    left = candidates(shape, board)
    for name, hidden in (("easy", False), ("medium", True)):
        settled, _ = settle(shape, left, 0, hidden)
        if naked_singles(shape, settled) == settled:
            return name
    return "hard"
