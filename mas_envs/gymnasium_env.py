"""Any game as a `gymnasium.Env`: the single-agent view, in which the one caller plays every agent in turn."""

from collections.abc import Mapping
from typing import Any, Self

import gymnasium
from gymnasium import spaces

from mas_envs.core.errors import UsageError, one_of
from mas_envs.core.game import AgentID
from mas_envs.core.text import AnyText
from mas_envs.effects import EffectRunner
from mas_envs.registry import make_game
from mas_envs.shell import Shell
from mas_envs.views import OBSERVATION_LENGTH, Action, Observation

_AGENT_LENGTH = 64


class SingleEnv(Shell, gymnasium.Env[Observation, Action]):
    """A game for one caller. With one agent the observation is `{"text": ...}`; for a team it also has `"agent"`,
    whose prompt it is and whose action the next one is. With numbers for text (see `mas_envs.views`) a plane says so.

    The reward of a step is alpha * team + the sum of all agents' local rewards: the team's counts once, and with
    one agent it is that agent's reward. Actors of one moment speak in turn; until the last of them has, nothing
    moves and rewards are zero. `info` is that of the agent to act (see `Shell._info`) with its name in `agent`.

    `reset(seed, options)` chooses tasks as the PettingZoo environments do: the same seed, the same task.
    """

    api = "gymnasium"

    def _prepare(self) -> None:
        self.metadata = self._rendering()
        self.observation_space = self.view.observation_space()
        self.action_space = self.view.action_space()
        self._names_agent = self.view.shows_text and len(self.game.agents) > 1
        if self._names_agent:
            agent = AnyText(_AGENT_LENGTH, self.game.agents)
            self.observation_space = spaces.Dict({"text": AnyText(OBSERVATION_LENGTH), "agent": agent})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        gymnasium.Env.reset(self, seed=seed)
        self._begin(seed, options)
        self._last_actor = self._acting[0]
        return self._look()

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self._need_begun("step()")
        if self._over:
            raise UsageError("The episode is over; call reset().")
        self._submit(self._actor, action)
        if not self._over:
            self._last_actor = self._actor
        local = sum(sum(terms.values()) for terms in self._reward.local_terms.values())
        observation, info = self._look()
        return observation, float(self.alpha * self._reward.team + local), self._terminated, self._truncated, info

    @property
    def _actor(self) -> AgentID:
        """Who acts now; at the end, who acted last."""
        return self._acting[len(self._pending)] if self._acting else self._last_actor

    def _look(self) -> tuple[Observation, dict[str, Any]]:
        agent = self._actor
        observation = self.view.observe(self._state, agent)
        if self._names_agent:
            observation["agent"] = agent
        return observation, {"agent": agent, **self._info(agent)}

    def _dump_books(self) -> dict[str, Any]:
        return {"last_actor": self._last_actor}

    def _read_books(self, data: Mapping[str, Any]) -> None:
        self._last_actor = one_of("agent", data["last_actor"], self.game.agents)

    def _adopt(self, other: Self) -> None:
        super()._adopt(other)
        self._last_actor = other._last_actor


def make_single_env(
    game: str,
    render_mode: str | None = None,
    alpha: float = 1.0,
    effect_runner: EffectRunner | None = None,
    observation_type: str | None = None,
    info_type: str | None = None,
    alone: Mapping[str, Any] | None = None,
    **settings: Any,
) -> SingleEnv:
    """Returns the single-agent view of a registered game; `settings` are the game's own.

    Where they leave it open, `gymnasium.make` plays alone, four answers long if those are texts (the registration's
    `alone`); with action_type="discrete" an episode has as many turns as the game gives it moves.
    """
    alone = {} if alone is None else dict(alone)
    if settings.get("action_type") == "discrete":
        alone.pop("turns", None)
    settings = {**alone, **settings}
    return SingleEnv(make_game(game, **settings), alpha, effect_runner, render_mode, observation_type, info_type)
