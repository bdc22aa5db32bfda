"""Cells of a board as numbers and as words.

A board of `width` columns has cells 0, 1, ... in reading order: cell = row * width + column. A cell's word is a
column letter and a row number from 1, as on a chess board counted from the top: cell 0 is `a1`, the one right of
it `b1`, the one below it `a2`. Columns past `z` go on with `aa`, `ab`, ...
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache

STEP_ROWS_COLUMNS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}
_MOVES = {step: move for move, step in STEP_ROWS_COLUMNS.items()}
_WORD = re.compile(r"([a-z]{1,4})([1-9][0-9]{0,5})")
_LONGEST_WORD = 16


@cache
def column_name(column: int) -> str:
    """Returns the letters of a column: 0 -> a, 25 -> z, 26 -> aa."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(97 + rest) + letters
    return letters


def cell_word(mark: str, cell: int, width: int) -> str:
    """Returns `mark` + the word of one cell, without the table of all that `cell_words` keeps."""
    row, column = divmod(cell, width)
    return f"{mark}{column_name(column)}{row + 1}"


@cache
def cell_words(mark: str, width: int, height: int) -> tuple[str, ...]:
    """Returns `mark` + cell word for every cell: cell_words("@", 10, 10)[0] is "@a1"."""
    return tuple(f"{mark}{column_name(c)}{r + 1}" for r in range(height) for c in range(width))


def cell_number(word: str, mark: str, width: int, height: int) -> int | None:
    """Returns the cell that `mark` + its word names; None for a word that names no cell of the board."""
    if len(word) > _LONGEST_WORD or not word.startswith(mark):  # nothing long is kept
        return None
    return _cell_named(word[len(mark) :], width, height)


@lru_cache(maxsize=2**13)
def _cell_named(word: str, width: int, height: int) -> int | None:
    match = _WORD.fullmatch(word)
    if match is None:
        return None
    column, row = 0, int(match[2])
    for letter in match[1]:
        column = 26 * column + ord(letter) - 96
    return (row - 1) * width + column - 1 if column <= width and row <= height else None


def move_between(cell: int, to: int, width: int) -> str | None:
    """Returns the letter of the move that leads from a cell to its neighbour; None where they are no neighbours."""
    return _MOVES.get((to // width - cell // width, to % width - cell % width))


def moved(cell: int, move: str, width: int, height: int) -> int:
    """Returns where a letter leads on an empty board; the cell itself at the edge, and for every other character."""
    rows, columns = STEP_ROWS_COLUMNS.get(move, (0, 0))
    row, column = cell // width + rows, cell % width + columns
    return row * width + column if 0 <= row < height and 0 <= column < width else cell


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
