from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.rl.advantage import group_advantages

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
