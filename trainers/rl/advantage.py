"""Credit: how much better a completion did than those it is compared with.

`tree_samples` is AT-GRPO's, `chain_samples` that of trajectory-level GRPO, `baseline_samples` REINFORCE's.
"""

from collections.abc import Callable, Hashable, Sequence
from math import sqrt
from typing import Literal

from mas_envs.core.game import AgentID
from trainers.rl.chains import Chain
from trainers.rl.rollout import Tree
from trainers.rl.types import Group, Sample

GroupBy = Literal["agent-turn", "agent", "turn", "none"]
"""What is compared with each other inside one task: the candidates of one agent at one turn (the paper's), those of
one agent at all its turns, those of one turn whoever spoke, or all."""

_KEYS: dict[GroupBy, Callable[[Group], Hashable]] = {
    "agent-turn": lambda group: (group.agent, group.moment),
    "agent": lambda group: group.agent,
    "turn": lambda group: group.turn,
    "none": lambda group: None,
}


def group_advantages(rewards_K: Sequence[float | None], eps: float = 1e-6, std: bool = True) -> list[float | None]:
    """Returns (r - mean) / (std + eps) inside one group (paper section 4, as in GRPO).

    Failed candidates (None) stay None and count in neither mean nor standard deviation (the biased one, over the
    group itself). A group whose rewards are all equal gives exact zeros. Without `std`, only the mean is taken off.
    """
    known = [r for r in rewards_K if r is not None]
    if not known or min(known) == max(known):
        return [None if r is None else 0.0 for r in rewards_K]
    mean = sum(known) / len(known)
    scale = sqrt(sum((r - mean) ** 2 for r in known) / len(known)) + eps if std else 1.0
    return [None if r is None else (r - mean) / scale for r in rewards_K]


def tree_samples(
    trees: Sequence[Tree], eps: float = 1e-6, std: bool = True, group_by: GroupBy = "agent-turn"
) -> list[Sample]:
    """Returns every candidate with its advantage among those that `group_by` compares it with (paper section 4)."""
    samples: list[Sample] = []
    for number, tree in enumerate(trees):
        compared: dict[Hashable, list[Group]] = {}
        for group in tree.groups:
            compared.setdefault(_KEYS[group_by](group), []).append(group)
        for key, groups in compared.items():
            advantages = iter(group_advantages([r for group in groups for r in group.rewards_K], eps, std))
            for group in groups:
                tokens = group.candidates.prompt_tokens
                samples += [
                    Sample(group.agent, tokens, completion, next(advantages), (number, key))
                    for completion in group.candidates.completions_K
                ]
    return samples


def chain_samples(chains_K: Sequence[Sequence[Chain]], eps: float = 1e-6, std: bool = True) -> list[Sample]:
    """Returns every completion with its chain's advantage: each agent's return among those of the task's K chains."""
    samples: list[Sample] = []
    for number, chains in enumerate(chains_K):
        for agent in dict.fromkeys(agent for chain in chains for moment in chain.moments for agent in moment.said):
            advantages = group_advantages([chain.return_of(agent) for chain in chains], eps, std)
            for chain, advantage in zip(chains, advantages, strict=True):
                for _, prompt_tokens, completion in chain.said_by(agent):
                    samples.append(Sample(agent, prompt_tokens, completion, advantage, (number, agent)))
    return samples


def baseline_samples(chains_K: Sequence[Sequence[Chain]]) -> list[Sample]:
    """Returns every completion with its return from there on, less the mean of all others by that agent at that turn.

    Leaving itself out keeps the baseline unbiased (RLOO, arXiv 2402.14740, over the whole batch). Completions that
    nobody can be compared with get 0, those of a chain that failed None.
    """
    peers: dict[tuple[AgentID, int], list[tuple[Chain, int, float | None]]] = {}
    for chain in (chain for chains in chains_K for chain in chains):
        for i, moment in enumerate(chain.moments):
            for agent in moment.said:
                peers.setdefault((agent, moment.turn), []).append((chain, i, chain.return_of(agent, i)))
    samples: list[Sample] = []
    for (agent, turn), members in peers.items():
        known = [r for _, _, r in members if r is not None]
        total, others = sum(known), len(known) - 1
        if known and min(known) == max(known):
            others = 0  # nothing differs: exact zeros, not what rounding leaves of them
        for chain, i, r in members:
            _, prompt_tokens, completion = chain.moments[i].said[agent]
            advantage = None if r is None else r - (total - r) / others if others else 0.0
            samples.append(Sample(agent, prompt_tokens, completion, advantage, (agent, turn)))
    return samples
