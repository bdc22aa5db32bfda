"""Playing many tasks at once: in lockstep, one call per agent object and moment."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mas_envs.agents.base import Agent, Completion, Request
from mas_envs.agents.episode import Episode, Moment
from mas_envs.agents.scripted import as_agent
from mas_envs.core.errors import UsageError, did_you_mean
from mas_envs.core.game import AgentID, Game, Prompt, Result, Step, Task
from mas_envs.core.seeding import derive
from mas_envs.core.text import clip_action
from mas_envs.effects import EffectRunner
from mas_envs.vector import step_with_results


def play(
    game: Game[Any],
    agents: Mapping[str, Agent | Callable[[str], str]],
    tasks: Iterable[Task],
    seed: int = 0,
    alpha: float = 1.0,
    effect_runner: EffectRunner | None = None,
) -> list[Episode]:
    """Plays every task to its end and returns the episodes in the order of `tasks`.

    All tasks advance together; in each moment every agent object is asked once, for all that it has to say. What
    comes of one task does not depend on the others in the batch: seeds derive from (seed, task, attempt, agent,
    moment). A task that is listed n times is played n times, as attempts 0 to n - 1. Where an agent's answer failed to
    come (`Completion.failure`), the episode ends there, masked; the others go on.

    Args:
        agents: role name or agent id -> agent (an id wins over its role); plain functions str -> str are accepted.
        alpha: weight of the team's reward in each agent's.
        effect_runner: carries out what the game wants done in the world; by default the game's own does.
    """
    players = _players(game, agents)
    attempts: Counter[Any] = Counter()
    running: list[_Running] = []
    for task in tasks:
        running.append(_Running(task, game.initial(task), attempts[task.ref]))
        attempts[task.ref] += 1
    live = [one for one in running if game.acting(one.state)]
    while live:
        for one in live:
            one.prompts = {agent: game.observe(one.state, agent) for agent in game.acting(one.state)}
        _ask(game, players, live, seed)
        answered = [one for one in live if not one.failures]
        steps = step_with_results(game, [(one.state, one.actions) for one in answered], effect_runner)
        for one, (step, results) in zip(answered, steps, strict=True):
            _advance(game, one, step, results, alpha)
        for one in live:
            if one.failures:
                _advance(game, one, None, (), alpha)
        live = [one for one in live if not one.over]
    return [_episode(game, one) for one in running]


def replay(game: Game[Any], task: Task, episode: Episode, alpha: float = 1.0) -> Episode:
    """Returns the episode that comes of the actions and results of `episode`; nobody is asked, and nothing runs.

    It is equal to `episode` where game, task and alpha are the same. Raises UsageError where the task is another, or
    the game goes on where the episode ends.
    """
    if task.ref != episode.task:
        raise UsageError(f"The episode is of task {episode.task.id}, not of {task.ref.id}; give the task it played.")
    one = _Running(task, game.initial(task), episode.attempt)
    for moment in episode.moments:
        one.prompts = {agent: game.observe(one.state, agent) for agent in game.acting(one.state)}
        one.actions, one.failures = dict(moment.actions), moment.info.get("failures", {})
        masked = moment.rewards is None
        step = None if masked else game.step(one.state, moment.actions, [Result(value) for value in moment.results])
        _advance(game, one, step, moment.results, alpha)
    if not one.over and game.acting(one.state):
        raise UsageError(f"The episode of task {task.ref.id} ends before its game does; was the game another one?")
    return _episode(game, one)


@dataclass(slots=True)
class _Running:
    """A task being played: where it stands, and the moment under way."""

    task: Task
    state: Any
    attempt: int
    moments: list[Moment] = field(default_factory=list)
    prompts: dict[AgentID, Prompt] = field(default_factory=dict)
    actions: dict[AgentID, str] = field(default_factory=dict)
    failures: Mapping[AgentID, str] = field(default_factory=dict)
    success: bool | None = False
    over: bool = False


def _players(game: Game[Any], agents: Mapping[str, Agent | Callable[[str], str]]) -> dict[AgentID, Agent]:
    """Returns who plays each agent id; raises UsageError for ids without a player and for unknown names."""
    known = [*game.agents, *(role.name for role in game.roles)]
    for name in agents:
        if name not in known:
            raise UsageError(f"{game.name} has no {name!r}.{did_you_mean(name, known)} It has: {', '.join(known)}.")
    # A function given for two roles becomes one agent object, so that it stays one call.
    made = {id(given): as_agent(given) for given in agents.values()}
    players: dict[AgentID, Agent] = {}
    for role in game.roles:
        for agent in role.agents:
            key = agent if agent in agents else role.name
            if key not in agents:
                raise UsageError(f"Nobody plays {agent}; give an agent for {agent!r} or {role.name!r}.")
            players[agent] = made[id(agents[key])]
    return players


def _ask(game: Game[Any], players: Mapping[AgentID, Agent], live: Sequence[_Running], seed: int) -> None:
    """Fills in the actions of the moment, with one call per agent object."""
    batches: dict[int, list[tuple[_Running, Request]]] = {}
    for one in live:
        one.actions = {}
        ref, moment = one.task.ref, len(one.moments)
        for agent, prompt in one.prompts.items():
            own = derive("play", seed, ref.source, ref.id, ref.digest, one.attempt, agent, moment)
            request = Request(prompt, own, agent, game, one.state, ref, one.attempt, moment)
            batches.setdefault(id(players[agent]), []).append((one, request))
    for batch in batches.values():
        player = players[batch[0][1].agent]
        completions = player.act([request for _, request in batch])
        if len(completions) != len(batch):
            kind = type(player).__name__
            raise UsageError(f"{kind}.act returned {len(completions)} completions for {len(batch)} requests.")
        for (one, request), completion in zip(batch, completions, strict=True):
            if not isinstance(completion, Completion):
                kind = type(player).__name__
                raise UsageError(f"{kind}.act returned {type(completion).__name__}; it must return Completions.")
            one.actions[request.agent] = clip_action(completion.text)[0]
            if completion.failure:
                one.failures = {**one.failures, request.agent: completion.failure}
    for one in live:  # in the order in which the game lists them, whoever was asked first
        one.actions = {agent: one.actions[agent] for agent in one.prompts}


def _advance(game: Game[Any], one: _Running, step: Step[Any] | None, results: tuple[Any, ...], alpha: float) -> None:
    """Takes one task one joint step on; None where the infrastructure failed."""
    if step is None:
        one.moments.append(Moment(one.prompts, one.actions, None, {"failures": one.failures} if one.failures else {}))
        one.success, one.over = None, True
        return
    rewards = {agent: step.reward.of(agent, alpha) for agent in game.agents}
    one.moments.append(Moment(one.prompts, one.actions, rewards, step.info, results))
    one.state, one.success, one.over = step.state, bool(step.info["success"]), step.terminated or step.truncated


def _episode(game: Game[Any], one: _Running) -> Episode:
    returns: dict[AgentID, float] | None = None
    if one.success is not None:
        returns = dict.fromkeys(game.agents, 0.0)
        for moment in one.moments:
            for agent, reward in (moment.rewards or {}).items():
                returns[agent] += reward
    return Episode(one.task.ref, one.attempt, tuple(one.moments), one.success, returns, one.state.turn)
