"""The types that rollout, advantage, batch and loss share: the map of this folder.

Axes in names: _K candidates of one prompt, _G groups, _B sequences, _T tokens.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mas_envs.core.game import AgentID, Prompt, Task, TaskRef

TokenIds = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """One completion as it was sampled: token in, token out, never retokenised.

    tokens: the ids, ending with the end-of-sequence id unless the length budget cut it; logprobs: of each token
    under the policy that sampled it, at the sampling temperature; text: without special tokens. unread: the prompt was
    longer than its budget, so that nothing was sampled. failed: no completion came, for a fault of the infrastructure.
    """

    text: str
    tokens: TokenIds
    logprobs: tuple[float, ...]
    cut: bool = False
    unread: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """One prompt as the policy read it, and the K completions that were sampled from it."""

    prompt_tokens: TokenIds
    completions_K: tuple[Sampled, ...]


def unread(prompt_tokens: TokenIds, k: int) -> Candidates:
    """Returns what comes of a prompt that is longer than its budget: empty answers, from which nothing is learned."""
    return Candidates(prompt_tokens, (Sampled("", (), (), unread=True),) * k)


@dataclass(frozen=True, slots=True)
class Group:
    """One agent at one turn of one task: one prompt, K candidates, K rewards.

    All candidates share one state and one prompt by construction, so grouping by (task, agent, turn), the core of
    AT-GRPO (paper section 4), is this type. `moment` counts the joint steps of the episode, so each of an agent's
    turns has its own; `turn` the turns completed before. A reward is None where the infrastructure failed, never the
    model; `chosen` is the candidate whose state the episode went on from; `invalid` counts the candidates with which
    something was wrong (the game said so in `info["errors"]`).
    """

    task: TaskRef
    agent: AgentID
    moment: int
    turn: int
    prompt: Prompt
    candidates: Candidates
    rewards_K: tuple[float | None, ...]
    chosen: int
    invalid: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion and its credit: what groups and whole trajectories both become. Packing and loss know no more.

    advantage: None where the infrastructure failed, so that nothing is learned from it. group: what it was compared
    with; samples of one group that have the same prompt share one encoding of it.
    """

    agent: AgentID
    prompt_tokens: TokenIds
    completion: Sampled
    advantage: float | None
    group: Hashable


def names_of(tasks: Sequence[Task]) -> list[str]:
    """Returns a name for every task of a rollout, for its seeds: its id, and which copy it is where it is repeated."""
    copies: Counter[TaskRef] = Counter()
    names: list[str] = []
    for task in tasks:
        names.append(f"{task.ref.id}#{copies[task.ref]}" if copies[task.ref] else task.ref.id)
        copies[task.ref] += 1
    return names


class Sampler(Protocol):
    """The part of a policy that a rollout needs."""

    def sample(
        self, prompts: Sequence[Prompt], k: int, seeds: Sequence[int], temperature: float | None = None
    ) -> list[Candidates]:
        """Returns k completions for each prompt, drawn with that prompt's own seed at the policy's temperature.

        Another `temperature` may be given, 0 for greedy completions.
        """
        ...
