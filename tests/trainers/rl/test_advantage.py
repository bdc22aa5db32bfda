from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.core.game import Prompt, Task, TaskRef
from trainers.rl.advantage import baseline_samples, chain_samples, group_advantages, tree_samples
from trainers.rl.chains import Chain, ChainMoment, Said
from trainers.rl.rollout import Tree
from trainers.rl.types import Candidates, Group, Sampled

REWARDS = st.lists(st.one_of(st.none(), st.floats(-10, 10)), min_size=1, max_size=12)


def test_advantages_are_those_worked_by_hand():
    # mean 2, deviations -2, -1, 0, 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
    expected = [-2 / sqrt(3.5), -1 / sqrt(3.5), 0.0, 3 / sqrt(3.5)]
    assert group_advantages([0.0, 1.0, 2.0, 5.0], eps=0.0) == pytest.approx(expected)


def test_eps_is_added_to_the_standard_deviation():
    # mean 0, standard deviation 1
    assert group_advantages([-1.0, 1.0], eps=0.25) == pytest.approx([-0.8, 0.8])


def test_without_std_only_the_mean_is_taken_off():
    assert group_advantages([0.0, 1.0, 2.0, 5.0], eps=0.25, std=False) == [-2.0, -1.0, 0.0, 3.0]


def test_failed_candidates_stay_none_and_count_in_neither_mean_nor_deviation():
    assert group_advantages([None, -1.0, None, 1.0], eps=0.0) == [None, -1.0, None, 1.0]


@pytest.mark.parametrize("reward", [0.1, -0.1, 1 / 3, 1e-20, 1e20])
@pytest.mark.parametrize("std", [True, False])
def test_constant_group_gives_exact_zeros(reward, std):
    # The mean of three 0.1 is not 0.1 in floating point; divided by a tiny eps the rest would shout.
    assert group_advantages([reward, None, reward, reward], eps=1e-30, std=std) == [0.0, None, 0.0, 0.0]


@pytest.mark.parametrize(
    ("rewards", "expected"), [([None, None], [None, None]), ([0.7], [0.0]), ([0.7, None], [0.0, None])]
)
def test_a_group_of_one_or_none_has_nothing_to_compare(rewards, expected):
    assert group_advantages(rewards) == expected


@given(REWARDS, st.sampled_from([1e-6, 0.2]), st.booleans())
def test_advantages_equal_a_slow_loop(rewards, eps, std):
    known = [r for r in rewards if r is not None]
    found = group_advantages(rewards, eps, std)
    for reward, advantage in zip(rewards, found, strict=True):
        if reward is None:
            assert advantage is None
            continue
        mean = sum(known) / len(known)
        deviation = sqrt(sum((r - mean) ** 2 for r in known) / len(known))
        scale = deviation + eps if std else 1.0
        assert advantage == pytest.approx((reward - mean) / scale, abs=1e-6)


REF = TaskRef("made up", "0", "0")


def sampled(token):
    return Sampled(str(token), (token,), (-1.0,))


def tree(*groups):
    """Returns a tree of groups (agent, moment, turn, rewards) whose completions are numbered on."""
    number, made = 10, []
    for agent, moment, turn, rewards in groups:
        completions = tuple(sampled(number + i) for i in range(len(rewards)))
        number += len(rewards)
        made.append(Group(REF, agent, moment, turn, Prompt(""), Candidates((moment,), completions), rewards, 0))
    return Tree(tuple(made), True)


TREE = tree(
    ("planner_0", 0, 0, (0.0, 2.0)),
    ("executor_0", 1, 0, (4.0, 4.0)),
    ("planner_0", 2, 1, (5.0, None)),
)


@pytest.mark.parametrize(
    ("group_by", "expected", "groups"),
    [
        ("agent-turn", [-1.0, 1.0, 0.0, 0.0, 0.0, None], 3),
        ("agent", [-7 / 3, -1 / 3, 0.0, 0.0, 8 / 3, None], 2),  # the planner's mean is 7/3
        ("turn", [-2.5, -0.5, 1.5, 1.5, 0.0, None], 2),  # the first turn's mean is 2.5
        ("none", [-3.0, -1.0, 1.0, 1.0, 2.0, None], 1),
    ],
)
def test_candidates_are_compared_within_what_they_are_grouped_by(group_by, expected, groups):
    samples = tree_samples([TREE], std=False, group_by=group_by)
    assert [sample.completion.tokens for sample in samples] and len({sample.group for sample in samples}) == groups
    by_token = {sample.completion.tokens[0]: sample.advantage for sample in samples}
    assert [by_token[token] for token in sorted(by_token)] == pytest.approx(expected)


def test_trees_are_never_compared_with_each_other():
    samples = tree_samples([TREE, tree(("planner_0", 0, 0, (9.0, 9.0)))], std=False, group_by="none")
    assert [sample.advantage for sample in samples][-2:] == [0.0, 0.0]


def chain(number, *moments, success=False):
    """Returns a chain of moments (turn, agent, token, rewards)."""
    made = [ChainMoment(t, {a: Said(Prompt(""), (0,), sampled(token))}, rewards) for t, a, token, rewards in moments]
    return Chain(Task(REF, None), number, None, made, success)


CHAINS = [
    chain(0, (0, "a_0", 10, {"a_0": 1.0, "b_0": 0.0}), (0, "b_0", 11, {"a_0": 2.0, "b_0": 5.0})),
    chain(1, (0, "a_0", 12, {"a_0": 0.0, "b_0": 1.0}), (1, "a_0", 13, {"a_0": 1.0, "b_0": 0.0})),
    chain(2, (0, "a_0", 14, None), success=None),
]


def test_every_completion_of_a_chain_has_the_advantage_of_its_agents_whole_return():
    # a_0 earns 3 and 1, mean 2; b_0 earns 5 and 1, mean 3, and speaks in the first chain alone
    found = {sample.completion.tokens[0]: sample.advantage for sample in chain_samples([CHAINS], std=False)}
    assert found == {10: 1.0, 12: -1.0, 13: -1.0, 14: None, 11: 2.0}


def test_reinforces_baseline_is_the_mean_return_of_the_others_from_the_same_turn_on():
    other = chain(0, (0, "a_0", 15, {"a_0": 5.0, "b_0": 0.0}))
    found = {sample.completion.tokens[0]: sample.advantage for sample in baseline_samples([CHAINS, [other]])}
    # from turn 0 on a_0 earned 3, 1 and 5: others' means are 3, 4 and 2; turn 1 and b_0 have nobody to compare with
    assert found == {10: 0.0, 12: -3.0, 14: None, 15: 3.0, 13: 0.0, 11: 0.0}


@pytest.mark.parametrize("earned", [0.1, -1 / 3, 1e20])
def test_equal_returns_give_reinforce_exact_zeros(earned):
    chains = [chain(i, (0, "a_0", 10 + i, {"a_0": earned})) for i in range(3)]
    assert [sample.advantage for sample in baseline_samples([chains])] == [0.0, 0.0, 0.0]
