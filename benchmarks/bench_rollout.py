"""What a rollout costs beside the generation in it: `python -m pytest benchmarks/bench_rollout.py`.

AT-GRPO's tree sampling on Sokoban with the embedded policy, 32 tasks and K = 8, untrained, so that answers are as long
as they may be. The floor samples from the very prompts that the rollout asked for, in the same batches with the same
seeds, and does nothing else; both count the tokens that were made. What is missing to 1 is the game's: prompts, steps,
rewards, groups, and the policy's change from text to tokens. One thread.
"""

from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.rounds import Contender, rates_of
from mas_envs import make_game
from mas_envs.core.game import Prompt
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.tiny import TinyConfig, make_model, make_tokenizer
from trainers.rl.rollout import collect_tree
from trainers.rl.types import Candidates

ROUNDS, TASKS, CANDIDATES = 4, 32, 8
LEAST = 0.75
"""Share of the bare generation's rate that a rollout must reach."""

Batch = tuple[Sequence[Prompt], int, Sequence[int]]


class Remembering:
    """A policy that notes what it was asked for."""

    def __init__(self, policy: HuggingFacePolicy):
        self.policy, self.batches = policy, list[Batch]()

    def sample(self, prompts: Sequence[Prompt], k: int, seeds: Sequence[int]) -> list[Candidates]:
        self.batches.append((prompts, k, seeds))
        return self.policy.sample(prompts, k, seeds)


def tokens_of(found: Sequence[Candidates]) -> int:
    return sum(len(completion.tokens) for candidates in found for completion in candidates.completions_K)


def test_a_rollout_takes_little_more_time_than_its_generation(capsys, ratios):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rates = rates_of(contenders(), ROUNDS)
    finally:
        torch.set_num_threads(threads)
    bare, rollout = rates.values()
    with capsys.disabled():
        print(f"\n\n{f'fastest of {ROUNDS} rounds in turns':42}{'tokens/s':>14}{'of the floor':>15}")
        for name, rate in rates.items():
            print(f"{name:42}{rate:14,.0f}{rate / bare:15.2f}")
    ratios["rollout, of its bare generation"] = rollout / bare
    assert rollout >= LEAST * bare


def contenders() -> dict[str, Contender]:
    """Returns what is timed: the bare generation, then the rollout."""
    game = make_game("sokoban", style="compact")
    tokenizer = make_tokenizer(game.vocabulary())
    policy = HuggingFacePolicy(make_model(tokenizer, TinyConfig(), seed=0), tokenizer, 8)
    tasks, remembering = [game.task("train", number) for number in range(TASKS)], Remembering(policy)

    def rollout(sampler: Any) -> int:
        trees = collect_tree(game, tasks, dict.fromkeys(("planner", "executor"), sampler), CANDIDATES, seed=0)
        return tokens_of([group.candidates for tree in trees for group in tree.groups])

    made = rollout(remembering)
    batches = remembering.batches
    assert sum(tokens_of(policy.sample(*batch)) for batch in batches) == made
    return {
        "generation alone": Contender(lambda: None, lambda _: sum(tokens_of(policy.sample(*one)) for one in batches)),
        "rollout": Contender(lambda: policy, rollout),
    }
