"""What one moment of a board game is."""

from typing import Generic, Literal, NamedTuple, TypeVar

from mas_envs.core.game import Task
from mas_envs.grid.moves import Moves

B = TypeVar("B")
Outcome = Literal["", "solved", "lost", "out_of_turns"]


class Proposal(NamedTuple, Generic[B]):
    """What the planner proposed and what it would do.

    legal: its moves up to the first illegal one; blocked: that move, or ""; after: the board after the legal ones;
    value: what the team would earn by it.
    """

    legal: Moves
    blocked: str
    after: B
    value: float


class BoardState(NamedTuple, Generic[B]):
    """One moment of one task.

    turn: turns completed so far; potential: phi of the board; proposal: set while the executor is to act;
    feedback: in the full style, what came of the last moves carried out, in words; outcome: "" while the episode
    goes on.
    """

    task: Task
    board: B
    turn: int
    potential: float
    proposal: Proposal[B] | None = None
    feedback: str = ""
    outcome: Outcome = ""
