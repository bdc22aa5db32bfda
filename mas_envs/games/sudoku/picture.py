"""Sudoku as a picture: givens, what was written, and what the planner proposes, each in a colour of its own."""

from typing import Any

import numpy as np

from mas_envs.core.game import Game
from mas_envs.games.sudoku.rules import Level, placements
from mas_envs.games.sudoku.solver import EMPTY
from mas_envs.grid.cells import column_name
from mas_envs.grid.font import text_width, write
from mas_envs.grid.pictures import COLOURS, ENDED, Picture, cross, tile_size, titled
from mas_envs.grid.state import BoardState
from mas_envs.grid.tiles import FLOOR, INK, LINE, PAPER, Colour

OWN: Colour = (22, 118, 92)
PROPOSED_GROUND: Colour = (222, 233, 247)
EDGE = 20
"""Pixels left of the board and above it, for the names of rows and columns."""
_CAPITAL = 7
"""Pixels of a digit's height at scale 1."""


def picture_of(game: Game[Any], state: BoardState[str]) -> Picture:
    """Returns a state as a picture; a cross marks the cell in which the proposal would be blocked."""
    level, proposal = state.task.content, state.proposal
    after = state.board if proposal is None else proposal.after
    blocked = placements(level.width)[proposal.blocked][0] if proposal is not None and proposal.blocked else None
    return titled(draw_board(level, state.board, after, blocked), game, state, state.outcome)


def draw_board(level: Level, board: str, after: str, blocked: int | None) -> Picture:
    """Returns the board with the names of rows and columns; where `after` differs, that is what is proposed."""
    side, (high, wide) = level.width, level.shape.box
    size = tile_size(side, side)
    canvas = np.full((EDGE + side * size + 2, EDGE + side * size + 2, 3), PAPER, np.uint8)
    for number in range(side):
        middle = EDGE + number * size + size // 2
        _centred(canvas, column_name(number), EDGE // 2 - 1, middle, ENDED, 1)
        _centred(canvas, str(number + 1), middle, EDGE // 2 - 1, ENDED, 1)
    for cell, sign in enumerate(board):
        top, left = EDGE + cell // side * size, EDGE + cell % side * size
        given, proposed = level.givens[cell] != EMPTY, after[cell] != sign
        canvas[top : top + size, left : left + size] = FLOOR if given else PROPOSED_GROUND if proposed else 255
        shown = after[cell] if proposed else sign
        colour = INK if given else COLOURS["planner"] if proposed else OWN
        y, x = top + size // 2, left + size // 2
        if shown != EMPTY:
            _centred(canvas, shown, y, x, colour, max(1, round(0.6 * size) // _CAPITAL))
        if cell == blocked:
            cross(canvas, y, x, size // 4, max(1, size // 14))
    cells = slice(EDGE - 1, EDGE + side * size + 2)
    for colour, half, rows, columns in ((LINE, 0, 1, 1), (INK, 1, high, wide)):  # thick ones last, over the thin ones
        for at in range(EDGE, EDGE + side * size + 1, rows * size):
            canvas[at - half : at + half + 1, cells] = colour
        for at in range(EDGE, EDGE + side * size + 1, columns * size):
            canvas[cells, at - half : at + half + 1] = colour
    return canvas


def _centred(canvas: Picture, text: str, y: int, x: int, colour: Colour, scale: int) -> None:
    write(canvas, text, y - _CAPITAL * scale // 2, x - text_width(text, scale) // 2, colour, scale)
