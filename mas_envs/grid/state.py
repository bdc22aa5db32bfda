"""What one moment of a board game is."""

from typing import Generic, Literal, NamedTuple, TypeVar

from mas_envs.core.game import Task
from mas_envs.grid.moves import Moves

B = TypeVar("B")
Outcome = Literal["", "solved", "lost", "out_of_turns"]


class Proposal(NamedTuple, Generic[B]):
    """What the first role proposed (the planner, or the tool user's program) and what it would do.

    legal: its moves up to the first illegal one; blocked: that move, or ""; after: the board after the legal ones;
    value: what the team would earn by it.
    """

    legal: Moves
    blocked: str
    after: B
    value: float


class Run(NamedTuple):
    """A program of the tool user, and what came of it.

    verdict: as the sandbox's ("ok", "runtime_error", "time_limit", ...), or "no_program" where the reply held none;
    output: what it printed; fault: what was wrong, in words its author can act on, or "".
    """

    program: str
    verdict: str
    output: str = ""
    fault: str = ""


class BoardState(NamedTuple, Generic[B]):
    """One moment of one task.

    turn: turns completed so far; potential: phi of the board; proposal: set while the second role is to act;
    feedback: in the full style, what came of the last moves carried out, in words; outcome: "" while the episode
    goes on; run: the tool user's latest program, where there is a tool user.
    """

    task: Task
    board: B
    turn: int
    potential: float
    proposal: Proposal[B] | None = None
    feedback: str = ""
    outcome: Outcome = ""
    run: Run | None = None
