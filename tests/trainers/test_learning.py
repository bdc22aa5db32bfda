"""AT-GRPO's parts together learn a toy game from rewards alone, and do not where the rewards say nothing."""

import random

import pytest

pytest.importorskip("torch")

from dataclasses import replace

from mas_envs.core.game import role_of
from tests.fakes import Letters
from tests.trainers.small import assert_same, tiny_policy, weights
from trainers.policies.policy import make_team
from trainers.rl.advantage import baseline_samples, chain_samples, tree_samples
from trainers.rl.batch import pack
from trainers.rl.chains import collect_chains
from trainers.rl.loss import LossConfig
from trainers.rl.rollout import collect_tree
from trainers.rl.update import Optimizer, update

ITERATIONS, TASKS, CANDIDATES = 100, 24, 8


def shuffled(trees, draw):
    """Returns the trees with the rewards of every group dealt out anew among its candidates."""

    def deal(group):
        return replace(group, rewards_K=tuple(draw.sample(group.rewards_K, len(group.rewards_K))))

    return [replace(tree, groups=tuple(map(deal, tree.groups))) for tree in trees]


def zeroed(trees, draw):
    """Returns the trees with rewards that make no difference."""
    return [replace(t, groups=tuple(replace(g, rewards_K=(0.5,) * CANDIDATES) for g in t.groups)) for t in trees]


def from_trees(game, tasks, players, i, change):
    """Returns the rewards of all candidates, and the samples of AT-GRPO."""
    trees = collect_tree(game, tasks, players, CANDIDATES, seed=i)
    rewards = [reward for tree in trees for group in tree.groups for reward in group.rewards_K]
    return rewards, tree_samples(change(trees, random.Random(i)) if change else trees)


def from_chains(credit):
    """Returns what collects the returns of all agents in whole episodes, and the samples by `credit`."""

    def collect(game, tasks, players, i, change):
        chains_K = collect_chains(game, tasks, players, CANDIDATES, seed=i)
        returns = [chain.return_of(agent) for chains in chains_K for chain in chains for agent in game.agents]
        return returns, credit(chains_K)

    return collect


def train(policies="shared", change=None, iterations=ITERATIONS, collect=from_trees):
    """Returns the mean reward of each iteration's candidates, and the policies."""
    game = Letters(turns=1)
    team = make_team(["hinter", "teller"], policies)
    by_name = {name: tiny_policy(game.vocabulary(), max_new_tokens=2) for name in dict.fromkeys(team.values())}
    optimizers = {name: Optimizer(policy.model, "adamw", 3e-3) for name, policy in by_name.items()}
    players = {role: by_name[name] for role, name in team.items()}
    rewards = []
    for i in range(iterations):
        tasks = [game.task("train", TASKS * i + n) for n in range(TASKS)]
        found, samples = collect(game, tasks, players, i, change)
        rewards.append(sum(found) / len(found))
        for name, policy in by_name.items():
            rows = pack([sample for sample in samples if team[role_of(sample.agent)] == name])
            if rows:
                update(policy, optimizers[name], rows, LossConfig(), random.Random(i), 64, 10**6)
    return rewards, by_name


def late(rewards):
    return sum(rewards[-5:]) / 5


@pytest.mark.parametrize("policies", ["shared", "per-role"])
def test_at_grpo_improves_from_random_weights_without_demonstrations(policies):
    rewards, _ = train(policies)
    assert rewards[0] < 0.0  # at first almost every answer is wrong
    assert late(rewards) > 0.6  # 1.0 is the best: 0.5 for a right hint, 1.5 for a right answer after it


@pytest.mark.parametrize("credit", [chain_samples, baseline_samples], ids=["GRPO", "REINFORCE"])
def test_whole_episodes_improve_a_team_too(credit):
    rewards, _ = train(collect=from_chains(credit))
    assert rewards[0] < 0.2
    assert late(rewards) > rewards[0] + 0.4


def test_shuffled_rewards_teach_nothing():
    rewards, _ = train(change=shuffled)
    assert late(rewards) < 0.1


def test_equal_rewards_leave_the_weights_as_they_were():
    _, trained = train(change=zeroed, iterations=3)
    _, fresh = train(iterations=0)
    assert_same(weights(trained["shared"].model), weights(fresh["shared"].model))


def test_training_depends_on_its_seeds_alone():
    (rewards, one), (same, other) = train(iterations=5), train(iterations=5)
    assert rewards == same
    assert_same(weights(one["shared"].model), weights(other["shared"].model))
