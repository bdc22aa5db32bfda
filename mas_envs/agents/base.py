"""The standard agent API: one method, a batch of requests in, one completion each out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mas_envs.core.game import AgentID, Game, Prompt, TaskRef


@dataclass(frozen=True, slots=True)
class Completion:
    """What an agent wrote. Token ids, their log-probabilities and the stop reason are there where they are known."""

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    stop_reason: str = ""


class Request(NamedTuple):
    """One agent asked to act once.

    A language model reads `prompt` and draws by `seed`; the rest is for agents that are no language model.

    prompt: what the agent reads now.
    seed: of this action alone; it depends on nothing else in the batch.
    agent: who is asked, e.g. "planner_0".
    game, state: the rules and the moment, for scripted agents.
    task, attempt, moment: which task, 0 for the first time it is played, joint steps so far.
    """

    prompt: Prompt
    seed: int
    agent: AgentID
    game: Game[Any]
    state: Any
    task: TaskRef
    attempt: int = 0
    moment: int = 0


@runtime_checkable
class Agent(Protocol):
    """Anything that can play: `act` answers every request of a batch, in order."""

    def act(self, requests: Sequence[Request]) -> list[Completion]: ...
