"""The numeric view of a game, for RL code that knows no text: actions by number, observations as planes."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mas_envs.core.game import AgentID

NOOP = 0
"""The action that does nothing."""


class NumericView(ABC):
    """What numbers stand for in one game.

    Attributes set by the subclass:
        actions: what each action says, as the text that `Game.step` takes; `actions[NOOP]` does nothing, and costs
            nothing but the turn.
        shape: (planes, rows, columns) of an observation, the same for all agents.
    """

    actions: tuple[str, ...]
    shape: tuple[int, int, int]

    @abstractmethod
    def planes(self, state: Any, agent: AgentID) -> NDArray[np.float32]:
        """Returns what `agent` sees: an array of `shape`, every value in [0, 1]."""

    @abstractmethod
    def mask(self, state: Any, agent: AgentID) -> NDArray[np.int8]:
        """Returns 1 for every action that makes sense for `agent` now, 0 for the others; never all 0.

        An agent that does not act, or has no legal move, can only do nothing.
        """
