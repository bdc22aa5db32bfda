"""Collecting experience: tree sampling, which yields AT-GRPO's groups (paper section 4, algorithm 1).

All tasks are played in lockstep. At each moment every acting agent gets one prompt, its policy samples K candidates
from it, every candidate is stepped from the same state and rewarded, and the episode goes on from one candidate.
In simultaneous play every candidate of an agent is scored against the same fixed actions of its partners (their
candidate 0), and the episode goes on from the joint step of each agent's chosen candidate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mas_envs.core.game import AgentID, Game, Prompt, Step, Task, role_of
from mas_envs.core.seeding import derive, rng
from mas_envs.effects import EffectRunner
from mas_envs.vector import step_all
from trainers.rl.types import Candidates, Group, Sampler, names_of

Actions = Mapping[AgentID, str]


@dataclass(frozen=True, slots=True)
class Tree:
    """What one rollout of one task left: its groups in order of play, and how it ended.

    success is of the tree, in which the best of K candidates may go on at every step: it is far above what the
    policy reaches on its own, and never to be reported as the policy's. None: the infrastructure failed.
    """

    groups: tuple[Group, ...]
    success: bool | None


@dataclass(slots=True)
class _Live:
    """A task under way: where it stands, and at this moment who reads what and the candidates they wrote."""

    task: Task
    name: str
    state: Any
    chooser: Random
    prompts: dict[AgentID, Prompt] = field(default_factory=dict[AgentID, Prompt])
    candidates: dict[AgentID, Candidates] = field(default_factory=dict[AgentID, Candidates])
    groups: list[Group] = field(default_factory=list[Group])
    moment: int = 0
    success: bool | None = False


def collect_tree(
    game: Game[Any],
    tasks: Sequence[Task],
    team: Mapping[str, Sampler],
    k: int,
    seed: int,
    alpha: float = 1.0,
    best_share: float = 1.0,
    effect_runner: EffectRunner | None = None,
) -> list[Tree]:
    """Plays every task once with K candidates at each step; returns the trees in the order of `tasks`.

    Args:
        team: role name -> policy; each policy is asked once per moment, for all prompts that are its own.
        k: candidates per prompt.
        seed: of this rollout; all sampling and tie-breaking derives from it, the task and the moment.
        alpha: weight of the team reward in r = alpha * team + local.
        best_share: probability that the episode goes on from the best candidate (1 in the paper); else from a
            random one, so that the policy also sees the states that it reaches on its own.
        effect_runner: carries out what the candidates want done in the world, those of all tasks in one batch.
    """
    trees = [
        _Live(task, name, game.initial(task), rng("choose", seed, i, task.ref.id))
        for i, (task, name) in enumerate(zip(tasks, names_of(tasks), strict=True))
    ]
    live = [one for one in trees if game.acting(one.state)]
    while live:
        for one in live:
            one.prompts = {agent: game.observe(one.state, agent) for agent in game.acting(one.state)}
        _sample(live, team, k, seed)
        live = [one for one in live if not _lost(one)]
        _advance(game, live, alpha, best_share, effect_runner)
        live = [one for one in live if one.success is not None and game.acting(one.state)]
    return [Tree(tuple(one.groups), one.success) for one in trees]


def _sample(live: Sequence[_Live], team: Mapping[str, Sampler], k: int, seed: int) -> None:
    """Fills in the candidates of this moment, with one call per policy."""
    asked: dict[int, list[tuple[_Live, AgentID]]] = {}
    for one in live:
        one.candidates = {}
        for agent in one.prompts:
            asked.setdefault(id(team[role_of(agent)]), []).append((one, agent))
    for members in asked.values():
        policy = team[role_of(members[0][1])]
        prompts = [one.prompts[agent] for one, agent in members]
        seeds = [derive("sample", seed, one.name, one.moment, agent) for one, agent in members]
        for (one, agent), found in zip(members, policy.sample(prompts, k, seeds), strict=True):
            one.candidates[agent] = found


def _lost(one: _Live) -> bool:
    """Says whether the infrastructure lost candidates of this moment; then the task ends here, its groups masked."""
    if not any(completion.failed for found in one.candidates.values() for completion in found.completions_K):
        return False
    for agent, found in one.candidates.items():
        where = (one.task.ref, agent, one.moment, one.state.turn, one.prompts[agent])
        one.groups.append(Group(*where, found, (None,) * len(found.completions_K), 0))
    one.success = None
    return True


def _advance(
    game: Game[Any], live: Sequence[_Live], alpha: float, best_share: float, effect_runner: EffectRunner | None
) -> None:
    """Scores all candidates of this moment, records the groups, and moves every task on."""
    # Equal texts are stepped once: a step is a pure function of state and actions.
    wanted = [
        (one, agent, text)
        for one in live
        for agent in one.prompts
        for text in dict.fromkeys(c.text for c in one.candidates[agent].completions_K)
    ]
    joint = [(one.state, {**_first(one), agent: text}) for one, agent, text in wanted]
    stepped = dict(
        zip(((id(one), agent, text) for one, agent, text in wanted), step_all(game, joint, effect_runner), strict=True)
    )
    chosen: list[Actions] = []
    for one in live:
        actions: dict[AgentID, str] = {}
        for agent, found in one.candidates.items():
            steps_K = [stepped[id(one), agent, completion.text] for completion in found.completions_K]
            rewards_K = tuple(None if step is None else step.reward.of(agent, alpha) for step in steps_K)
            best = _choose(rewards_K, best_share, one.chooser)
            where = (one.task.ref, agent, one.moment, one.state.turn, one.prompts[agent])
            invalid = sum(step is not None and agent in step.info["errors"] for step in steps_K)
            one.groups.append(Group(*where, found, rewards_K, best, invalid))
            actions[agent] = found.completions_K[best].text
        chosen.append(actions)
    _move_on(game, live, chosen, stepped, effect_runner)


def _first(one: _Live) -> Actions:
    return {agent: found.completions_K[0].text for agent, found in one.candidates.items()}


def _move_on(
    game: Game[Any],
    live: Sequence[_Live],
    chosen: Sequence[Actions],
    stepped: Mapping[tuple[int, AgentID, str], Step[Any] | None],
    effect_runner: EffectRunner | None,
) -> None:
    """Takes every task to the state that its chosen actions lead to together."""
    several = [i for i, actions in enumerate(chosen) if len(actions) > 1]
    joint = step_all(game, [(live[i].state, chosen[i]) for i in several], effect_runner)
    together = dict(zip(several, joint, strict=True))
    for i, (one, actions) in enumerate(zip(live, chosen, strict=True)):
        agent, text = next(iter(actions.items()))
        step = together[i] if i in together else stepped[id(one), agent, text]
        one.moment += 1
        if step is None:
            one.success = None
        else:
            one.state, one.success = step.state, bool(step.info["success"])


def _choose(rewards_K: Sequence[float | None], best_share: float, chooser: Random) -> int:
    """Returns the candidate that the episode goes on from: the best one or (1 - best_share) a random one.

    Ties are broken at random; failed candidates are chosen only where all failed.
    """
    known = {k: reward for k, reward in enumerate(rewards_K) if reward is not None}
    if not known:
        return 0
    if best_share < 1.0 and chooser.random() >= best_share:
        return chooser.choice(list(known))
    best = max(known.values())
    return chooser.choice([k for k, reward in known.items() if reward == best])
