"""Boards as pictures, (height, width, 3) in RGB: tiles, the planner's proposal over them, and a line on top."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mas_envs.core.game import Game, role_of
from mas_envs.grid.cells import STEP_ROWS_COLUMNS
from mas_envs.grid.font import HEIGHT, text_width, write
from mas_envs.grid.state import BoardState
from mas_envs.grid.tiles import INK, PAPER, Colour, tile
from mas_envs.grid.walking import WalkingGame

Picture = NDArray[np.uint8]

BOARD_PIXELS = 400
"""Length of a board's longer side, nearly: tiles shrink as there are more of them, down to one pixel."""
LARGEST_TILE = 56
MARGIN, HEADER, NARROWEST = 12, 40, 280
"""Around the board; above it, for the line; width of a picture at least, so that the line has room."""
MARKER = 9
"""Pixels a side of what has to be found on a board with tiles too small for a figure."""

COLOURS: Mapping[str, Colour] = {"planner": (47, 111, 191), "executor": (196, 104, 28), "solver": (18, 128, 116)}
"""Of the roles; every other role is written in OTHER_ROLE."""
OTHER_ROLE: Colour = (104, 84, 160)
OUTCOMES: Mapping[str, Colour] = {"solved": (62, 132, 48), "lost": (192, 52, 52)}
"""Of the ways in which an episode ends; every other is written in ENDED."""
ENDED: Colour = (110, 110, 110)
WARNING: Colour = (214, 48, 48)
_MOVERS = ("box", "box home", "player", "player home", "player at finish")
_TRAIL_INK, _GHOST_INK = 0.8, 0.5


def tile_size(rows: int, columns: int) -> int:
    """Returns the pixels a side of the tiles of a board, from 1 to LARGEST_TILE."""
    return max(1, min(LARGEST_TILE, BOARD_PIXELS // max(rows, columns)))


def of_walker(game: WalkingGame[Any], state: BoardState[Any], tiles: Mapping[str, str]) -> Picture:
    """Returns the picture of a game in which one figure walks: board, proposal (its path, faintly what it would move,
    and a cross where it would be blocked), and the line on top.

    Args:
        tiles: character of the drawn board -> name of its tile.
    """
    level, proposal = state.task.content, state.proposal
    drawn = game.draw(level, state.board).split("\n")
    board = lay(drawn, tiles)
    if proposal is not None:
        after = game.draw(level, proposal.after).split("\n")
        _ghosts(board, drawn, after, tiles)
        row, column = divmod(game.cell(state.board), level.width)
        _trail(board, len(board) // len(drawn), row, column, proposal.legal, proposal.blocked)
    return titled(board, game, state, state.outcome)


def lay(rows: Sequence[str], tiles: Mapping[str, str]) -> Picture:
    """Returns the board that rows of characters draw, one tile for each."""
    size = tile_size(len(rows), max(map(len, rows)))
    signs = {sign: number for number, sign in enumerate(sorted(set("".join(rows))))}
    kinds = np.array([[signs[sign] for sign in row] for row in rows])
    pictures = np.stack([tile(tiles[sign], size) for sign in signs])
    high, wide = kinds.shape
    board = pictures[kinds].transpose(0, 2, 1, 3, 4).reshape(high * size, wide * size, 3)
    if size < MARKER:
        for sign, number in signs.items():
            if tiles[sign].startswith(("player", "finish")):
                for row, column in np.argwhere(kinds == number):
                    _square(board, row * size + size // 2, column * size + size // 2, tile(tiles[sign], 1)[0, 0])
    return board


def _square(board: Picture, y: int, x: int, colour: Any) -> None:
    half = MARKER // 2
    board[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = colour


def _ghosts(board: Picture, before: Sequence[str], after: Sequence[str], tiles: Mapping[str, str]) -> None:
    """Shows faintly what would come to stand where nothing stands now, in place."""
    size = len(board) // len(before)
    for y, (old, new) in enumerate(zip(before, after, strict=True)):
        for x, sign in enumerate(new):
            if tiles[sign] in _MOVERS and tiles[old[x]] not in _MOVERS:
                cell = board[y * size : (y + 1) * size, x * size : (x + 1) * size]
                cell[:] = np.rint(cell * (1 - _GHOST_INK) + tile(tiles[sign], size) * _GHOST_INK)


def _trail(board: Picture, size: int, row: int, column: int, legal: str, blocked: str) -> None:
    """Draws the path of a proposal up to its last cell, and a cross where it would be blocked, in place."""
    high, wide = board.shape[:2]
    half = max(1, size // 14)
    path = np.zeros((high, wide), np.bool_)
    y, x = row * size + size // 2, column * size + size // 2
    path_y, path_x = y, x
    for number, move in enumerate(legal, 1):
        down, right = STEP_ROWS_COLUMNS[move]
        length = size if number < len(legal) else size // 2  # the figure in the last cell stays visible
        y, x = y + down * size, x + right * size
        to_y, to_x = path_y + down * length, path_x + right * length
        rows = slice(max(0, min(path_y, to_y) - half), max(path_y, to_y) + half + 1)
        path[rows, max(0, min(path_x, to_x) - half) : max(path_x, to_x) + half + 1] = True
        path_y, path_x = to_y, to_x
    path[row * size : (row + 1) * size, column * size : (column + 1) * size] = False  # so does the one in the first
    if legal:
        path |= _head(path.shape, path_y, path_x, legal[-1], max(3, size // 5))
    board[path] = np.rint(board[path] * (1 - _TRAIL_INK) + np.array(COLOURS["planner"]) * _TRAIL_INK)
    if blocked in STEP_ROWS_COLUMNS:
        down, right = STEP_ROWS_COLUMNS[blocked]
        cross(board, y + down * size // 2, x + right * size // 2, max(3, size // 7), half)


def _head(shape: tuple[int, ...], y: int, x: int, move: str, length: int) -> NDArray[np.bool_]:
    """Returns where the head of an arrow is whose tip is a little past (y, x)."""
    ys, xs = np.ogrid[: shape[0], : shape[1]]
    down, right = STEP_ROWS_COLUMNS[move]
    along = (ys - y) * down + (xs - x) * right
    aside = np.abs((ys - y) * right) + np.abs((xs - x) * down)
    return (along >= -length // 2) & (along + aside <= length // 2)


def cross(board: Picture, y: int, x: int, arm: int, half: int) -> None:
    """Draws a cross in the colour of warnings around (y, x), with arms and strokes of that many pixels, in place."""
    ys, xs = np.ogrid[: board.shape[0], : board.shape[1]]
    near = (np.abs(ys - y) <= arm) & (np.abs(xs - x) <= arm)
    strokes = (np.abs((ys - y) - (xs - x)) <= half + 1) | (np.abs((ys - y) + (xs - x)) <= half + 1)
    board[near & strokes] = WARNING


def titled(board: Picture, game: Game[Any], state: Any, outcome: str) -> Picture:
    """Returns a board with a margin and a line on top: the turn, and whose it is or how the episode ended.

    Height and width are even, as video encoders ask for.
    """
    high, wide = board.shape[:2]
    width = max(NARROWEST, wide + 2 * MARGIN)
    canvas = np.full((-(-(high + HEADER + MARGIN) // 2) * 2, -(-width // 2) * 2, 3), PAPER, np.uint8)
    left = (canvas.shape[1] - wide) // 2
    canvas[HEADER - 2 : HEADER + high + 2, left - 2 : left + wide + 2] = INK
    canvas[HEADER : HEADER + high, left : left + wide] = board
    roles = list(dict.fromkeys(map(role_of, game.acting(state))))
    words = outcome.replace("_", " ") if outcome else " + ".join(roles)
    colour = OUTCOMES.get(outcome, ENDED) if outcome else COLOURS.get(roles[0], OTHER_ROLE)
    turn = f"turn {min(state.turn + (not outcome), game.turns)} of {game.turns}"
    room = canvas.shape[1] - 2 * MARGIN
    scale = 2 if text_width(f"{turn}  {words}", 2) + MARGIN <= room else 1
    top = (HEADER - HEIGHT * scale) // 2
    write(canvas, turn, top, MARGIN, INK, scale)
    start = canvas.shape[1] - MARGIN - text_width(words, scale)
    canvas[top - 4 : top + 7 * scale + 4, start - 6 : canvas.shape[1] - MARGIN + 6] = colour
    write(canvas, words, top, start, PAPER, scale)
    return canvas
