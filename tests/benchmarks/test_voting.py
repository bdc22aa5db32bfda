"""Majority votes, worked by hand, and pass at k, counted."""

import json
from itertools import combinations
from random import Random
from statistics import mean

import pytest

pytest.importorskip("tyro")

from benchmarks import evaluate
from benchmarks.entries import pass_at
from benchmarks.voting import Vote, has_votes, majority_at
from mas_envs import make_game, registered

RIGHT, OTHER = Vote("1/2", True), Vote("3", False)


@pytest.mark.parametrize(
    ("votes", "k", "expected"),
    [
        ([RIGHT, OTHER, RIGHT], 3, 1.0),
        ([OTHER, OTHER, RIGHT], 3, 0.0),
        ([RIGHT, Vote("0.5", True), OTHER, OTHER, Vote(r"\frac{1}{2}", True)], 5, 1.0),
        ([RIGHT, OTHER], 2, 0.5),
        ([RIGHT, OTHER, Vote("4", False)], 3, 1 / 3),
        ([Vote(None, False), Vote(None, False), RIGHT], 3, 1.0),
        ([Vote(None, False)], 1, 0.0),
        ([RIGHT, RIGHT, OTHER, OTHER, OTHER], 2, 0.5),
    ],
)
def test_the_answer_that_most_give_counts(votes, k, expected):
    assert majority_at(k, {0: votes}) == pytest.approx(expected)


def test_of_more_attempts_than_any_task_has_nothing_is_said():
    lost = [{"number": 0, "success": success} for success in (True, None)]
    assert majority_at(2, {0: [RIGHT]}) is None and pass_at(2, lost) is None
    assert pass_at(1, lost) == 1.0


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_pass_at_k_is_the_share_of_all_choices_of_k_attempts_that_have_a_success(k):
    random = Random(0)
    found = {number: [random.choice([True, False, False]) for _ in range(6)] for number in range(5)}
    lines = [{"number": number, "success": each} for number, outcomes in found.items() for each in outcomes]
    shares = [mean(any(chosen) for chosen in combinations(outcomes, k)) for outcomes in found.values()]
    assert pass_at(k, lines) == pytest.approx(mean(shares))


def test_tasks_are_averaged_over_their_blocks():
    assert majority_at(1, {0: [RIGHT], 1: [OTHER], 2: [RIGHT], 3: [RIGHT]}) == 0.75


def test_only_games_with_answers_to_compare_have_votes():
    assert [name for name in registered() if has_votes(make_game(name))] == ["math_verify"]


@pytest.mark.parametrize("env", ["math_verify", "sokoban"])
def test_samples_gives_pass_and_majority_at_k(tmp_path, env):
    words = ["--agent", "random", "--samples", "4", "--temperature", "1", "--limit", "3", "--out", str(tmp_path)]
    assert evaluate.main(["--env", env, *words]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary["pass_at"]) == ["1", "2", "4"]
    assert list(summary["majority_at"]) == (["1", "2", "4"] if env == "math_verify" else [])
