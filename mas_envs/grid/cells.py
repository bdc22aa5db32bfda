"""Cells of a board as numbers and as words.

A board of `width` columns has cells 0, 1, ... in reading order: cell = row * width + column. A cell's word is a
column letter and a row number from 1, as on a chess board counted from the top: cell 0 is `a1`, the one right of
it `b1`, the one below it `a2`. Columns past `z` go on with `aa`, `ab`, ...
"""

from collections.abc import Sequence
from functools import cache

STEP_ROWS_COLUMNS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


def column_name(column: int) -> str:
    """Returns the letters of a column: 0 -> a, 25 -> z, 26 -> aa."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(97 + rest) + letters
    return letters


@cache
def cell_words(mark: str, width: int, height: int) -> tuple[str, ...]:
    """Returns `mark` + cell word for every cell: cell_words("@", 10, 10)[0] is "@a1"."""
    return tuple(f"{mark}{column_name(c)}{r + 1}" for r in range(height) for c in range(width))


@cache
def cell_numbers(mark: str, width: int, height: int) -> dict[str, int]:
    """Returns the cell of each word in `cell_words`."""
    return {word: cell for cell, word in enumerate(cell_words(mark, width, height))}


@cache
def neighbours(width: int, height: int) -> tuple[dict[str, int], ...]:
    """Returns, for every cell, its neighbours on the board: letter of the move -> cell."""
    table: list[dict[str, int]] = []
    for row in range(height):
        for column in range(width):
            here: dict[str, int] = {}
            for move, (dr, dc) in STEP_ROWS_COLUMNS.items():
                if 0 <= row + dr < height and 0 <= column + dc < width:
                    here[move] = (row + dr) * width + column + dc
            table.append(here)
    return tuple(table)


@cache
def symmetries(width: int, height: int) -> tuple[tuple[int, ...], ...]:
    """Returns the rotations and reflections of a board as cell maps: 8 for a square, 4 for another rectangle.

    Each map gives, for every cell, the cell that it comes to lie on. Maps of a square keep its shape; of a
    rectangle only those that do not exchange width and height are listed.
    """
    maps: list[tuple[int, ...]] = []
    for transpose in (False, True) if width == height else (False,):
        for flip_rows in (False, True):
            for flip_columns in (False, True):
                cells: list[int] = []
                for row in range(height):
                    for column in range(width):
                        r, c = (column, row) if transpose else (row, column)
                        r = height - 1 - r if flip_rows else r
                        c = width - 1 - c if flip_columns else c
                        cells.append(r * width + c)
                maps.append(tuple(cells))
    return tuple(maps)


def canonical(layers: Sequence[Sequence[int]], width: int, height: int) -> tuple[tuple[int, ...], ...]:
    """Returns the sets of cells in `layers` in the one of their symmetric positions that sorts first.

    Boards that are rotations or reflections of one another have the same canonical form.
    """
    return min(
        tuple(tuple(sorted(cells[cell] for cell in layer)) for layer in layers) for cells in symmetries(width, height)
    )
