"""Any game as a PettingZoo environment: `TeamAECEnv` (agents in turn) and `TeamParallelEnv` (one acting set a step).

Observations are `{"text": ...}`, actions any string; both may also be numbers (see `mas_envs.views`). What is in
`infos` says `Shell._info`; the parallel environment adds `acting`. An episode ends for all agents at once:
`terminations` when it is solved or lost, `truncations` when the turns are spent or the infrastructure failed
(`infos[agent]["mask_sample"]`).

`reset(seed, options)`: a seed decides the task and everything after it; without one the environment's own generator
draws the next task. `options` may hold `{"task": ...}` or `{"split": ..., "index": ...}`; other keys are ignored.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self

from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from mas_envs.core.errors import UsageError
from mas_envs.core.game import AgentID
from mas_envs.effects import EffectRunner
from mas_envs.registry import make_game
from mas_envs.saved import number
from mas_envs.shell import Shell
from mas_envs.views import Action, Observation

Space = spaces.Space[Any]


class _TeamShell(Shell):
    """The spaces and names that both PettingZoo shells have."""

    def _prepare(self) -> None:
        # Not parallelizable in PettingZoo's sense: one agent's action changes what the next one reads.
        name = f"{self.game.name}_v{self.game.version}"
        self.metadata = {"name": name, "is_parallelizable": False, **self._rendering()}
        self.possible_agents = list(self.game.agents)
        self.agents: list[AgentID] = []

    # Spaces are made when they are first asked for: a search that clones thousands of environments asks for none.
    @cached_property
    def observation_spaces(self) -> dict[AgentID, Space]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return {agent: self.view.observation_space() for agent in self.possible_agents}

    @cached_property
    def action_spaces(self) -> dict[AgentID, Space]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return {agent: self.view.action_space() for agent in self.possible_agents}

    @cached_property
    def state_space(self) -> Space:
        """The space of `state()`: any text, or the vector of a flat observation."""
        return self.view.state_space()

    def observation_space(self, agent: AgentID) -> Space:
        return self.observation_spaces[agent]

    def action_space(self, agent: AgentID) -> Space:
        return self.action_spaces[agent]

    def observe(self, agent: AgentID) -> Observation:
        """Returns what `agent` sees now."""
        if self._state is None:
            self._need_begun("observe()")
        if self.view.shows_text:  # the usual case takes no way round
            return {"text": self.game.observe(self._state, agent).text}
        return self.view.observe(self._state, agent)


class TeamAECEnv(_TeamShell, AECEnv[AgentID, Observation, Action]):
    """A game as an AECEnv. Actors of one moment speak in turn; until the last of them has, nothing moves.

    `rewards` and the reward entries of `infos` are of the latest step; `last()` gives the sum since the agent's own
    latest action, as in all of PettingZoo.
    """

    api = "aec"

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._begin(seed, options)
        self.agents = agents = self.possible_agents.copy()
        self.rewards = dict.fromkeys(agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(agents, 0.0)
        self.terminations = dict.fromkeys(agents, False)
        self.truncations = dict.fromkeys(agents, False)
        self._infos: dict[AgentID, dict[str, Any]] = {}
        self.agent_selection = self._acting[0]

    @property
    def infos(self) -> dict[AgentID, dict[str, Any]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Every living agent's info. Built when looked at, since most loops look at one agent's alone."""
        return {agent: self._cached_info(agent) for agent in self.agents}

    def _cached_info(self, agent: AgentID) -> dict[str, Any]:
        info = self._infos.get(agent)
        if info is None:
            info = self._infos[agent] = self._info(agent)
        return info

    def last(self, observe: bool = True) -> tuple[Observation | None, float, bool, bool, dict[str, Any]]:
        if self._state is None:
            self._need_begun("last()")
        agent = self.agent_selection
        info = self._infos.get(agent)
        if info is None:
            info = self._infos[agent] = self._info(agent)
        seen = self.observe(agent) if observe else None
        return seen, self._cumulative_rewards[agent], self.terminations[agent], self.truncations[agent], info

    def step(self, action: Action) -> None:
        if self._state is None:
            self._need_begun("step()")
        if self._terminated or self._truncated:
            self._bury(action)
            return
        agent = self.agent_selection
        self._submit(agent, action)
        reward, rewards, cumulative = self._reward, self.rewards, self._cumulative_rewards
        cumulative[agent] = 0.0
        self._infos = {}
        team_terms, local_terms = reward
        shared = self.alpha * sum(team_terms.values()) if team_terms else 0.0
        for name in rewards:
            terms = local_terms.get(name)
            rewards[name] = value = shared + sum(terms.values()) if terms else shared
            cumulative[name] += value
        if self._terminated or self._truncated:
            self.terminations = dict.fromkeys(self.agents, self._terminated)
            self.truncations = dict.fromkeys(self.agents, self._truncated)
            self.agent_selection = self.agents[0]
        else:
            self.agent_selection = self._acting[len(self._pending)]

    def _bury(self, action: Action) -> None:
        """Takes the None of an agent whose episode is over, and removes it."""
        if not self.agents:
            raise UsageError("The episode is over and every agent is gone; call reset().")
        agent = self.agent_selection
        if action is not None:
            raise UsageError(f"The episode is over: {agent} can only step None, then call reset().")
        for book in (self.rewards, self._cumulative_rewards, self.terminations, self.truncations):
            del book[agent]
        self._infos.pop(agent, None)
        self.agents.remove(agent)
        if self.agents:
            self.agent_selection = self.agents[0]
            self.rewards = dict.fromkeys(self.agents, 0.0)

    def agent_iter(self, max_iter: int = 2**63) -> Iterator[AgentID]:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._need_begun("agent_iter()")
        return self._turns(max_iter)

    def _turns(self, left: int) -> Iterator[AgentID]:
        """Yields who is to step, at most `left` times: PettingZoo's own iterator, as a generator, which is faster."""
        for _ in range(min(left, sys.maxsize)):
            if not self.agents:
                return
            yield self.agent_selection

    def _dump_books(self) -> dict[str, Any]:
        return {
            "agents": list(self.agents),
            "rewards": dict(self.rewards),
            "cumulative_rewards": dict(self._cumulative_rewards),
        }

    def _read_books(self, data: Mapping[str, Any]) -> None:
        self.agents = _agents_left(self, data["agents"])
        self.rewards = {agent: number(data["rewards"][agent]) for agent in self.agents}
        self._cumulative_rewards = {agent: number(data["cumulative_rewards"][agent]) for agent in self.agents}
        self._select()

    def _select(self) -> None:
        """Sets what follows from the rest of the books."""
        self.terminations = dict.fromkeys(self.agents, self._terminated)
        self.truncations = dict.fromkeys(self.agents, self._truncated)
        self._infos = {}
        if self._over:
            self.agent_selection = (self.agents or self.possible_agents)[0]
        else:
            self.agent_selection = self._acting[len(self._pending)]

    def _adopt(self, other: Self) -> None:
        super()._adopt(other)
        self.agents = other.agents.copy()
        self.rewards = other.rewards.copy()
        self._cumulative_rewards = other._cumulative_rewards.copy()
        self._select()


class TeamParallelEnv(_TeamShell, ParallelEnv[AgentID, Observation, Action]):
    """A game as a ParallelEnv: each step carries out one acting set.

    `infos[agent]["acting"]` says whose action counts in the next step; other agents' actions are ignored and may be
    None or absent.
    """

    api = "parallel"

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[AgentID, Observation], dict[AgentID, dict[str, Any]]]:
        self._begin(seed, options)
        self.agents = self.possible_agents.copy()
        return {agent: self.observe(agent) for agent in self.agents}, self._infos_of(self.agents)

    def step(
        self, actions: Mapping[AgentID, Action]
    ) -> tuple[
        dict[AgentID, Observation],
        dict[AgentID, float],
        dict[AgentID, bool],
        dict[AgentID, bool],
        dict[AgentID, dict[str, Any]],
    ]:
        self._need_begun("step()")
        if self._over:
            raise UsageError("The episode is over; call reset().")
        if not isinstance(actions, Mapping):
            raise UsageError(f"actions is a {type(actions).__name__}; it must be a dict, agent -> action.")
        agents = self.agents
        self._carry_out(self.view.texts(self._acting, actions))
        if self._over:
            self.agents = []
        return (
            {agent: self.observe(agent) for agent in agents},
            {agent: self._reward.of(agent, self.alpha) for agent in agents},
            dict.fromkeys(agents, self._terminated),
            dict.fromkeys(agents, self._truncated),
            self._infos_of(agents),
        )

    def _infos_of(self, agents: list[AgentID]) -> dict[AgentID, dict[str, Any]]:
        infos = {agent: self._info(agent) for agent in agents}
        for agent, info in infos.items():
            info["acting"] = agent in self._acting
        return infos

    def _read_books(self, data: Mapping[str, Any]) -> None:
        self.agents = [] if self._over else self.possible_agents.copy()

    def _adopt(self, other: Self) -> None:
        super()._adopt(other)
        self.agents = other.agents.copy()


def _agents_left(env: TeamAECEnv, saved: list[AgentID]) -> list[AgentID]:
    """Returns the agents that have not yet stepped None; all of them while the episode goes on."""
    everyone = env.possible_agents
    expected = everyone[len(everyone) - len(saved) :] if env._over else everyone
    if saved != expected:
        raise ValueError(f"agents are {saved!r}, expected {expected!r}")
    return list(saved)


class OrderEnforced(OrderEnforcingWrapper[AgentID, Observation, Action]):
    """PettingZoo's OrderEnforcingWrapper, which `set_state` on the environment inside counts as a reset for."""

    env: TeamAECEnv

    @property
    def unwrapped(self) -> TeamAECEnv:
        return self.env

    @property
    def _has_reset(self) -> bool:
        return self.env.begun

    @_has_reset.setter
    def _has_reset(self, value: bool) -> None:
        """PettingZoo's own flag, which only it sets; the environment inside knows better."""

    def agent_iter(self, max_iter: int = 2**63) -> Any:
        self._has_updated = True  # a new loop begins where the environment stands, also after set_state
        return super().agent_iter(max_iter)

    def __str__(self) -> str:
        return str(self.env)


def make_raw_env(
    game: str,
    render_mode: str | None = None,
    alpha: float = 1.0,
    effect_runner: EffectRunner | None = None,
    observation_type: str | None = None,
    info_type: str | None = None,
    **settings: Any,
) -> TeamAECEnv:
    """Returns the AECEnv of a registered game without wrappers; `settings` are the game's own."""
    return TeamAECEnv(make_game(game, **settings), alpha, effect_runner, render_mode, observation_type, info_type)


def make_env(
    game: str,
    render_mode: str | None = None,
    alpha: float = 1.0,
    effect_runner: EffectRunner | None = None,
    observation_type: str | None = None,
    info_type: str | None = None,
    **settings: Any,
) -> OrderEnforced:
    """Returns the AECEnv of a registered game, wrapped as usual; `settings` are the game's own."""
    return OrderEnforced(make_raw_env(game, render_mode, alpha, effect_runner, observation_type, info_type, **settings))


def make_parallel_env(
    game: str,
    render_mode: str | None = None,
    alpha: float = 1.0,
    effect_runner: EffectRunner | None = None,
    observation_type: str | None = None,
    info_type: str | None = None,
    **settings: Any,
) -> TeamParallelEnv:
    """Returns the ParallelEnv of a registered game; `settings` are the game's own."""
    return TeamParallelEnv(make_game(game, **settings), alpha, effect_runner, render_mode, observation_type, info_type)
