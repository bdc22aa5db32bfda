"""Agents that need no language model: random, expert, replay, and any function."""

from collections.abc import Callable, Iterable, Sequence

from mas_envs.agents.base import Agent, Completion, Request
from mas_envs.agents.episode import Episode
from mas_envs.core.errors import ActionError, UsageError
from mas_envs.core.game import AgentID, TaskRef
from mas_envs.core.seeding import rng


class RandomAgent:
    """Draws one of the game's example actions, by the request's seed."""

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        return [Completion(self._draw(request)) for request in requests]

    @staticmethod
    def _draw(request: Request) -> str:
        examples = request.game.example_actions()
        return rng("random agent", request.seed).choice(examples) if examples else ""


class ExpertAgent:
    """Plays the game's own scripted solver."""

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        return [Completion(request.game.expert(request.state, request.agent)) for request in requests]


class ReplayAgent:
    """Repeats what was written in recorded episodes; the same tasks have to be played, in the same order."""

    def __init__(self, episodes: Iterable[Episode]):
        self._texts: dict[tuple[TaskRef, int, AgentID, int], str] = {
            (episode.task, episode.attempt, agent, number): text
            for episode in episodes
            for number, moment in enumerate(episode.moments)
            for agent, text in moment.actions.items()
        }

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        return [Completion(self._recorded(request)) for request in requests]

    def _recorded(self, request: Request) -> str:
        key = (request.task, request.attempt, request.agent, request.moment)
        if key not in self._texts:
            raise UsageError(
                f"Nothing is recorded for {request.agent} at moment {request.moment} of task {request.task.id} "
                f"(attempt {request.attempt}); replay the episodes that were given, with the same game."
            )
        return self._texts[key]


class CallableAgent:
    """Asks a function from prompt text to action text, one prompt at a time."""

    def __init__(self, function: Callable[[str], str]):
        self._function = function

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        return [Completion(self._ask(request)) for request in requests]

    def _ask(self, request: Request) -> str:
        text = self._function(request.prompt.text)
        if not isinstance(text, str):
            raise ActionError(f"The function that plays {request.agent} returned {type(text).__name__}; return a str.")
        return text


def as_agent(given: Agent | Callable[[str], str]) -> Agent:
    """Returns an Agent: `given` itself, or a plain function from prompt text to action text as one."""
    if isinstance(given, Agent) and not isinstance(given, type):
        return given
    if callable(given) and not isinstance(given, type):
        return CallableAgent(given)
    raise UsageError(
        f"{given!r} is no agent; give an object with act(requests) -> list[Completion], or a function str -> str."
    )
