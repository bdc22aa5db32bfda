"""Shapes of Sudoku boards: their units, and the masks by which sets of candidates are worked on as one number.

A board of side n has cells 0, 1, ... in reading order. A candidate is a digit (0 to n - 1 here) in a cell; a set of
candidates is an int with the bit `digit * cells + cell` for each. So what holds for every digit and every cell takes
a few operations on one int: this is what makes the solver fast.
"""

from dataclasses import dataclass, field
from functools import cache

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Rows and columns of a box, by the side of the board."""
FIELD = 16
"""Bits of one cell where a cell's digits lie together."""


@dataclass(frozen=True)
class Shape:
    """The tables of one side.

    boxes: the number of every cell's box. peers: for each cell, those that share a row, a column or a box with it.
    all_cells: every cell of one digit. repeat: one bit per digit, to copy a set of cells to all digits.
    clash: for each candidate, the same digit in the cell's peers. keep: for each candidate, all that can stand beside
    it, and itself. shows: as clash, at the bits `FIELD * cell + digit`, so that a cell's digits lie together.
    units: for rows, columns and boxes, (the first cell of each, for every digit; the offsets of its cells from there;
    the same as a set).
    """

    side: int
    cells: int
    box: tuple[int, int]
    boxes: tuple[int, ...]
    peers: tuple[tuple[int, ...], ...]
    all_cells: int
    all_candidates: int
    repeat: int = field(repr=False)
    clash: tuple[int, ...] = field(repr=False)
    keep: tuple[int, ...] = field(repr=False)
    shows: tuple[int, ...] = field(repr=False)
    units: tuple[tuple[int, tuple[int, ...], int], ...] = field(repr=False)


@cache
def shape_of(side: int) -> Shape:
    """Returns the shape of boards of that side: 4, 6 or 9."""
    high, wide = BOXES[side]
    cells = side * side
    boxes = tuple(cell // side // high * (side // wide) + cell % side // wide for cell in range(cells))
    kinds = [[cell // side for cell in range(cells)], [cell % side for cell in range(cells)], boxes]
    peers = tuple(
        tuple(other for other in range(cells) if other != cell and any(of[other] == of[cell] for of in kinds))
        for cell in range(cells)
    )
    repeat, everything = sum(1 << digit * cells for digit in range(side)), (1 << side * cells) - 1
    around = [sum(1 << peer for peer in peers[cell]) for cell in range(cells)]
    clash = tuple(around[cell] << digit * cells for digit in range(side) for cell in range(cells))
    keep = tuple(
        everything & ~(clash[candidate] | repeat << candidate % cells) | 1 << candidate
        for candidate in range(side * cells)
    )
    shows = tuple(
        sum(1 << FIELD * peer + digit for peer in peers[cell]) for digit in range(side) for cell in range(cells)
    )
    units: list[tuple[int, tuple[int, ...], int]] = []
    for of in kinds:
        of_kind = [[cell for cell in range(cells) if of[cell] == number] for number in range(side)]
        offsets = tuple(cell - of_kind[0][0] for cell in of_kind[0])
        firsts = repeat * sum(1 << unit[0] for unit in of_kind)
        units.append((firsts, offsets, sum(1 << offset for offset in offsets)))
    all_cells = (1 << cells) - 1
    return Shape(
        side, cells, (high, wide), boxes, peers, all_cells, everything, repeat, clash, keep, shows, tuple(units)
    )
