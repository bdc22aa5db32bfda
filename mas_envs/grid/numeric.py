"""The numeric view of a board on which one agent walks: moves by number, cells as planes.

What every agent sees are planes of the board's shape, all values in [0, 1]. Planner and executor see planes of the
same meaning, so one network can play both:

    walls, goals, boxes, player   the board; a game without boxes has no plane for them
    boxes_after, player_after     the board after the planner's proposal; empty where there is none
    U, D, L, R                    the first move that the planner proposes, also a blocked one: that plane is all 1
    decides                       all 1 for the executor and the solver, whose moves are carried out
    acts                          all 1 while it is this agent's turn
    time                          share of the turns used

A mask allows the moves that are possible; doing nothing (0) is allowed where there is none, and to an agent that
does not act.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mas_envs.core.errors import UsageError
from mas_envs.core.game import AgentID
from mas_envs.core.numeric import NOOP, NumericView
from mas_envs.grid.moves import MOVES
from mas_envs.grid.rules import BoardRules
from mas_envs.grid.state import BoardState

PLANNER = "planner_0"


class WalkingView(NumericView):
    """Planes and masks of a game whose moves are U, D, L and R. A subclass says where things are.

    Args:
        game: the rules, which say what is possible.
        rows, columns: shape of the planes. A smaller board is in their upper left corner, with walls around; a larger
            one is a UsageError.

    Attributes set by the subclass:
        fixed_planes, moving_planes: the names of what `fixed` and `moving` return; the first are the walls.
    """

    actions = ("[]", *MOVES)
    fixed_planes: tuple[str, ...]
    moving_planes: tuple[str, ...]

    def __init__(self, game: BoardRules[Any], rows: int, columns: int):
        self._game = game
        after = tuple(f"{name}_after" for name in self.moving_planes)
        self.names = (*self.fixed_planes, *self.moving_planes, *after, *MOVES, "decides", "acts", "time")
        self.shape = (len(self.names), rows, columns)
        self._latest: tuple[Any, NDArray[np.float32]] | None = None  # a level and its planes, which play shares

    @abstractmethod
    def fixed(self, level: Any) -> Sequence[Iterable[int]]:
        """Returns the cells of what never moves, for every name in `fixed_planes`."""

    @abstractmethod
    def moving(self, board: Any) -> Sequence[Iterable[int]]:
        """Returns the cells of what moves, for every name in `moving_planes`."""

    def planes(self, state: BoardState[Any], agent: AgentID) -> NDArray[np.float32]:
        proposal, size = state.proposal, self.shape[1] * self.shape[2]
        level = state.task.content
        planes = self._of_level(level).copy()
        at, width, beyond = len(self.fixed_planes) * size, level.width, self.shape[2] - level.width
        for board in (state.board,) if proposal is None else (state.board, proposal.after):
            for cells in self.moving(board):
                for cell in cells:
                    planes[at + cell + cell // width * beyond] = 1.0
                at += size
        rows = planes.reshape(len(self.names), size)
        if proposal is not None:
            first = (proposal.legal + proposal.blocked)[:1]
            if first in self.actions:
                rows[MOVES.index(first) - len(MOVES) - 3] = 1.0
        rows[-3] = agent != PLANNER
        rows[-2] = agent in self._game.acting(state)
        rows[-1] = state.turn / self._game.turns
        return planes.reshape(self.shape)

    def mask(self, state: BoardState[Any], agent: AgentID) -> NDArray[np.int8]:
        mask = np.zeros(len(self.actions), np.int8)
        for move in self._game.legal_actions(state, agent):
            mask[self.actions.index(move)] = 1
        if not mask.any():
            mask[NOOP] = 1
        return mask

    def _of_level(self, level: Any) -> NDArray[np.float32]:
        """Returns the planes of an empty board of `level`, flat; the caller must not change them."""
        latest = self._latest
        if latest is not None and latest[0] is level:
            return latest[1]
        _, rows, columns = self.shape
        if level.height > rows or level.width > columns:
            raise UsageError(
                f"The level has {level.width}x{level.height} cells, the numeric view of this {self._game.name} has "
                f"{columns}x{rows}. Make the game with a size that fits, or take observation_type='text'."
            )
        planes = np.zeros((len(self.names), rows, columns), np.float32)
        planes[0, level.height :] = planes[0, :, level.width :] = 1.0  # around a small level are walls
        for plane, cells in zip(planes, self.fixed(level), strict=False):
            plane[np.divmod(np.fromiter(cells, np.intp), level.width)] = 1.0
        self._latest = (level, planes.reshape(-1))
        return self._latest[1]
