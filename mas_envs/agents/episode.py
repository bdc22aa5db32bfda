"""What is kept of an episode that was played."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mas_envs.core.game import AgentID, Prompt, TaskRef


@dataclass(frozen=True, slots=True)
class Moment:
    """One joint step: what the agents that acted read and wrote, and what came of it.

    rewards: every agent's reward, alpha * team + local; None where the infrastructure failed.
    info: the game's own report (`success`, `errors`, ...); of a moment that failed because no answer came, `failures`:
        agent -> why.
    results: what came of the moment's effects, as JSON values, so that a replay has nothing to run.
    """

    prompts: Mapping[AgentID, Prompt]
    actions: Mapping[AgentID, str]
    rewards: Mapping[AgentID, float] | None
    info: Mapping[str, Any]
    results: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Episode:
    """One task played to its end.

    attempt: 0 for the first time the task was played in one call of `play`, 1 for the second, ...
    success: None when the infrastructure failed; such an episode is masked, it counts neither way.
    returns: every agent's sum of rewards, None when masked.
    turns: turns completed.
    """

    task: TaskRef
    attempt: int
    moments: tuple[Moment, ...]
    success: bool | None
    returns: Mapping[AgentID, float] | None
    turns: int

    @property
    def masked(self) -> bool:
        """Says whether a fault of the infrastructure cut the episode short."""
        return self.success is None
