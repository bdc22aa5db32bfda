"""The numeric view of Sudoku: writing a digit into a cell by number, boards as planes.

Actions: 0 does nothing, then come the moves of `rules.placements`: each cell emptied, 1 in each cell, 2 in each cell,
and so on, cells in reading order. Planes, all values 0 or 1 but for the last:

    1, 2, ...            the digits on the board, a plane each
    given                the cells that never change
    proposed 0, 1, ...   cells that the planner's proposal would change, by what it would write (0: it empties them)
    blocked              the cell of the proposal's blocked move
    decides              all 1 for the executor and the solver, whose moves are carried out
    acts                 all 1 while it is this agent's turn
    time                 share of the turns used

A mask allows digits that clash with none on the board, in cells that are not given, and emptying own cells; doing
nothing where there is no such move, and to an agent that does not act.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mas_envs.core.game import AgentID
from mas_envs.core.numeric import NOOP, NumericView
from mas_envs.games.sudoku.rules import move_words, placements, shown
from mas_envs.games.sudoku.solver import DIGITS, EMPTY
from mas_envs.grid.numeric import PLANNER
from mas_envs.grid.state import BoardState

if TYPE_CHECKING:
    from mas_envs.games.sudoku.game import Sudoku


class SudokuView(NumericView):
    """Planes and masks of `Sudoku`."""

    def __init__(self, game: "Sudoku"):
        self._game, self._side = game, game.size
        digits = tuple(DIGITS[: game.size])
        proposed = tuple(f"proposed {sign}" for sign in ("0", *digits))
        self.names = (*digits, "given", *proposed, "blocked", "decides", "acts", "time")
        self.shape = (len(self.names), game.size, game.size)
        self.actions = ("[]", *move_words(game.size))

    def planes(self, state: BoardState[str], agent: AgentID) -> NDArray[np.float32]:
        side, level, proposal = self._side, state.task.content, state.proposal
        planes = np.zeros((len(self.names), side * side), np.float32)
        planes[: side + 1] = _one_hot(state.board, side)[[*range(1, side + 1), 0]]
        planes[side] = [sign != EMPTY for sign in level.givens]
        if proposal is not None:
            changed = _signs(proposal.after) != _signs(state.board)
            planes[side + 1 : 2 * side + 2] = _one_hot(proposal.after, side) & changed
            if proposal.blocked:
                planes[-4, placements(side)[proposal.blocked][0]] = 1.0
        planes[-3] = agent != PLANNER
        planes[-2] = agent in self._game.acting(state)
        planes[-1] = state.turn / self._game.turns
        return planes.reshape(self.shape)

    def mask(self, state: BoardState[str], agent: AgentID) -> NDArray[np.int8]:
        level = state.task.content
        mask = np.zeros(len(self.actions), np.int8)
        if agent in self._game.acting(state) and state.board != level.solution:
            seen, signs = np.array(shown(level, state.board)), _signs(state.board)
            free = _signs(level.givens) == ord(EMPTY)
            digits = np.arange(self._side)[:, None]
            writes = (seen >> digits & 1 == 0) & (signs != digits + ord("1")) & free
            mask[1:] = np.concatenate([(signs != ord(EMPTY)) & free, writes.ravel()])
        if not mask.any():
            mask[NOOP] = 1
        return mask


def _signs(board: str) -> NDArray[np.uint8]:
    return np.frombuffer(board.encode(), np.uint8)


def _one_hot(board: str, side: int) -> NDArray[np.bool_]:
    """Returns where the board has each of `.`, 1, 2, ...: an array (side + 1, cells)."""
    return _signs(board) == np.frombuffer((EMPTY + DIGITS[:side]).encode(), np.uint8)[:, None]
