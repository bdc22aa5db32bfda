"""Collecting experience without a tree: K whole episodes of every task, each going its own way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mas_envs.core.game import AgentID, Game, Prompt, Task, role_of
from mas_envs.core.seeding import derive
from mas_envs.effects import EffectRunner
from mas_envs.vector import step_all
from trainers.rl.types import Sampled, Sampler, TokenIds, names_of


class Said(NamedTuple):
    """What one agent read, also as the policy's tokens, and what the policy sampled."""

    prompt: Prompt
    prompt_tokens: TokenIds
    completion: Sampled


class ChainMoment(NamedTuple):
    """One joint step: who said what with `turn` turns completed, and what every agent earned by it.

    rewards: r = alpha * team + local of every agent of the game; None where the infrastructure failed. invalid: how
    many of those who spoke the game found something wrong with.
    """

    turn: int
    said: Mapping[AgentID, Said]
    rewards: Mapping[AgentID, float] | None
    invalid: int = 0


@dataclass(slots=True)
class Chain:
    """One episode: its moments, and whether the team succeeded (None: the infrastructure failed).

    name: of its task in this rollout, for seeds.
    """

    task: Task
    number: int
    state: Any = field(repr=False)
    moments: list[ChainMoment] = field(default_factory=list[ChainMoment])
    success: bool | None = False
    name: str = ""

    def return_of(self, agent: AgentID, since: int = 0) -> float | None:
        """Returns what an agent earned from moment `since` on, or None where the infrastructure failed."""
        if self.success is None:
            return None
        return sum(moment.rewards[agent] for moment in self.moments[since:] if moment.rewards is not None)

    def said_by(self, agent: AgentID) -> list[Said]:
        """Returns an agent's prompts and completions, in order."""
        return [moment.said[agent] for moment in self.moments if agent in moment.said]


def collect_chains(
    game: Game[Any],
    tasks: Sequence[Task],
    team: Mapping[str, Sampler],
    k: int,
    seed: int,
    alpha: float = 1.0,
    effect_runner: EffectRunner | None = None,
) -> list[list[Chain]]:
    """Plays every task k times, all in lockstep; returns each task's chains, in the order of `tasks`.

    Args:
        team: role name -> policy; each policy is asked once per moment, for all prompts that are its own.
        seed: of this rollout; all sampling derives from it, the task, the chain's number and the moment.
        alpha: weight of the team reward in r = alpha * team + local.
    """
    names = names_of(tasks)
    chains_K = [
        [Chain(task, number, game.initial(task), name=name) for number in range(k)]
        for task, name in zip(tasks, names, strict=True)
    ]
    live = [chain for chains in chains_K for chain in chains if game.acting(chain.state)]
    while live:
        said = _speak(game, live, team, seed)
        live, said = _answered(live, said)
        texts = [{agent: words.completion.text for agent, words in by_agent.items()} for by_agent in said]
        steps = step_all(game, [(chain.state, text) for chain, text in zip(live, texts, strict=True)], effect_runner)
        for chain, by_agent, step in zip(live, said, steps, strict=True):
            rewards = None if step is None else {agent: step.reward.of(agent, alpha) for agent in game.agents}
            invalid = 0 if step is None else sum(agent in step.info["errors"] for agent in by_agent)
            chain.moments.append(ChainMoment(chain.state.turn, by_agent, rewards, invalid))
            if step is None:
                chain.success = None
            else:
                chain.state, chain.success = step.state, bool(step.info["success"])
        live = [chain for chain in live if chain.success is not None and game.acting(chain.state)]
    return chains_K


def _answered(
    live: Sequence[Chain], said: Sequence[Mapping[AgentID, Said]]
) -> tuple[list[Chain], list[Mapping[AgentID, Said]]]:
    """Returns the chains that go on, and what was said in them; where an answer was lost, the chain ends, masked."""
    going: list[tuple[Chain, Mapping[AgentID, Said]]] = []
    for chain, by_agent in zip(live, said, strict=True):
        if any(words.completion.failed for words in by_agent.values()):
            chain.moments.append(ChainMoment(chain.state.turn, by_agent, None))
            chain.success = None
        else:
            going.append((chain, by_agent))
    return [chain for chain, _ in going], [by_agent for _, by_agent in going]


def _speak(game: Game[Any], live: Sequence[Chain], team: Mapping[str, Sampler], seed: int) -> list[dict[AgentID, Said]]:
    """Returns what every chain's acting agents say; the chains of a task that read the same share one prompt."""
    asked: dict[int, list[tuple[list[int], AgentID]]] = {}  # policy -> (places in `live`, agent) of each prompt
    by_prompt: dict[Any, list[int]] = {}
    for place, chain in enumerate(live):
        for agent in game.acting(chain.state):
            # Before the first moment all K read the same; later a chain has a prompt of its own.
            key = (chain.task.ref, agent, place - chain.number if not chain.moments else place)
            if key not in by_prompt:
                by_prompt[key] = []
                asked.setdefault(id(team[role_of(agent)]), []).append((by_prompt[key], agent))
            by_prompt[key].append(place)
    said: list[dict[AgentID, Said]] = [{} for _ in live]
    for members in asked.values():
        policy, k = team[role_of(members[0][1])], len(members[0][0])
        heads = [live[places[0]] for places, _ in members]
        prompts = [game.observe(chain.state, agent) for chain, (_, agent) in zip(heads, members, strict=True)]
        seeds = [
            derive("chain", seed, chain.name, chain.number, len(chain.moments), agent)
            for chain, (_, agent) in zip(heads, members, strict=True)
        ]
        for (places, agent), prompt, found in zip(members, prompts, policy.sample(prompts, k, seeds), strict=True):
            for place, completion in zip(places, found.completions_K, strict=True):
                said[place][agent] = Said(prompt, found.prompt_tokens, completion)
    return said
