"""The standard agent API: one method, a batch of requests in, one completion each out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mas_envs.core.game import AgentID, Game, Prompt, TaskRef


class Usage(NamedTuple):
    """What one answer took, where whoever gave it says so (an endpoint does).

    prompt_tokens, completion_tokens: as the server counted them. cost: in the currency of the prices that the agent
    was given. tries: requests sent; more than 1 where some failed.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Completion:
    """What an agent wrote. Token ids, their log-probabilities and the stop reason are there where they are known.

    stop_reason: "length" where a token budget cut the answer, "prompt_length" where the prompt was longer than its own.
    failure: why no answer came, where the infrastructure failed and not the model; the episode is then masked.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    stop_reason: str = ""
    failure: str = ""
    usage: Usage | None = None


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
