"""Ranks, and which differences are more than chance: numbers worked by hand or by counting every case."""

from dataclasses import replace
from itertools import product
from math import comb
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tyro")

from benchmarks import ranking
from benchmarks.entries import Entry
from benchmarks.ranking import Verified, boards_of, compare
from benchmarks.verify import Loaded


def row(name, wins, attempts=1, limit=None, masked=0, tasks="sokoban/standard@e1bd3082"):
    """An entry whose tasks were solved so many times each."""
    limit = limit or len(wins)
    lines = [
        {"number": number, "success": attempt < won}
        for number, won in enumerate(wins)
        for attempt in range(attempts)
    ]  # fmt: skip
    for line in lines[-masked:] if masked else ():
        line["success"] = None
    share = sum(line["success"] is True for line in lines) / len(lines)
    entry = Entry("sokoban", 0, {}, tasks, limit, {"solver": name}, attempts, 0.0, 1.0, 0, {}, 0, 1.0, 1)
    summary = {"with_masked_as_failures": {"success": share, "ci95": [0.0, 1.0]}}
    return Verified(name, Path(), Loaded(entry, None, [], lines), summary)


def test_one_attempt_each_is_mcnemars_exact_test():
    both, neither = [1] * 30, [0] * 8
    p = compare([1] * 10 + [0] * 2 + both + neither, [0] * 10 + [1] * 2 + both + neither)
    assert p == pytest.approx(2 * sum(comb(12, i) for i in range(3)) / 2**12)


def test_the_permutation_test_counts_every_flip_of_signs():
    random = Random(0)
    for _ in range(20):
        wins = [random.randint(0, 3) for _ in range(6)]
        others = [random.randint(0, 2) for _ in range(6)]
        differences = [2 * one - 3 * other for one, other in zip(wins, others, strict=True)]
        sums = [
            abs(sum(sign * d for sign, d in zip(signs, differences, strict=True)))
            for signs in product((1, -1), repeat=6)
        ]
        expected = sum(found >= abs(sum(differences)) for found in sums) / len(sums)
        assert compare(wins, others, 3, 2) == pytest.approx(expected)


def test_equal_entries_do_not_differ_and_opposite_ones_do():
    assert compare([1, 0, 1], [1, 0, 1]) == 1.0
    assert compare([1] * 20, [0] * 20) == pytest.approx(2 / 2**20)


def test_where_counting_would_take_long_the_normal_sum_says_nearly_the_same(monkeypatch):
    random = Random(1)
    wins, others = ([random.randint(0, 8) for _ in range(200)] for _ in range(2))
    wins = [min(8, one + (random.random() < 0.2)) for one in wins]
    exact = compare(wins, others, 8, 8)
    monkeypatch.setattr(ranking, "MOST_COUNTED", 10)
    assert compare(wins, others, 8, 8) == pytest.approx(exact, abs=0.01)


def test_p_values_are_corrected_for_all_pairs_of_a_board():
    wins = {"best": [1] * 20, "close": [1] * 15 + [0] * 5, "far": [1] * 10 + [0] * 10}
    [board] = boards_of(row(name, each) for name, each in wins.items())
    found = [place.p for place in board.places]
    assert found == [None, *(pytest.approx(3 * compare(wins["best"], wins[name])) for name in ("close", "far"))]


def test_of_equally_good_entries_hardly_any_board_has_a_worse_one():
    random, boards = Random(2), 100
    wrong = 0
    for _ in range(boards):
        rows = [row(str(i), [int(random.random() < 0.5) for _ in range(60)]) for i in range(12)]
        [board] = boards_of(rows)
        wrong += not all(place.as_good for place in board.places)
    assert wrong <= 0.08 * boards


def test_an_entry_is_as_good_as_the_best_where_chance_explains_the_difference():
    best, close = row("z, the best", [1] * 18 + [0] * 2), row("close", [1] * 16 + [0] * 4)
    far = row("a, far", [1] * 2 + [0] * 18)
    [board] = boards_of([far, close, best])
    assert [(place.rank, place.row.name, place.as_good) for place in board.places] == [
        (1, "z, the best", True),
        (2, "close", True),
        (3, "a, far", False),
    ]
    assert board.places[0].p is None and board.places[2].p < 0.001


def test_equal_successes_share_a_rank():
    [board] = boards_of([row("b", [1, 0]), row("a", [0, 1]), row("c", [0, 0])])
    assert [(place.rank, place.row.name) for place in board.places] == [(1, "a"), (1, "b"), (3, "c")]


def test_entries_of_other_tasks_stand_on_another_board():
    boards = boards_of([row("a", [1, 1]), row("b", [1]), row("c", [1, 1], tasks="sokoban/hard@00000000")])
    assert [(board.tasks, board.limit, len(board.places)) for board in boards] == [
        ("sokoban/hard@00000000", 2, 1),
        ("sokoban/standard@e1bd3082", 2, 1),
        ("sokoban/standard@e1bd3082", 1, 1),
    ]


def played(name, agent, temperature=0.0, **settings):
    found = row(name, [1, 1])
    entry = replace(found.entry, agents={"solver": agent}, temperature=temperature, env_settings=settings)
    return replace(found, loaded=found.loaded._replace(entry=entry))


def test_a_board_says_in_what_its_entries_differ_and_how_models_answered():
    rows = [
        played("a", "random", roles="team", turns=4, size=6),
        played("b", "hf:x", roles="single", turns=4, size=6),
        played("c", "hf:x", 0.7, roles="single", turns=4, size=6),
    ]
    [board] = boards_of(rows)
    assert board.ways == {
        "a": "roles=team",
        "b": "roles=single, greedy",
        "c": "roles=single, sampled at temperature 0.7",
    }
    [alone] = boards_of(rows[:1])
    assert alone.ways == {"a": ""}


def test_a_masked_episode_is_no_success():
    assert row("a", [1, 1, 1], masked=1).wins == [1, 1, 0]


def test_models_that_were_asked_otherwise_are_told_apart():
    one, other, expert = row("one", [1, 0]), row("other", [0, 1]), row("expert", [1, 1])
    how = {"max_new_tokens": 512, "extra_body": {"top_k": 20}}
    others = [replace(each, loaded=each.loaded._replace(entry=entry)) for each, entry in (
        (one, replace(one.entry, agents={"solver": "hf:a"})),
        (other, replace(other.entry, agents={"solver": "hf:a"}, **how)),
        (expert, replace(expert.entry, agents={"solver": "expert"})),
    )]  # fmt: skip
    [board] = boards_of(others)
    assert board.ways == {
        "one": "greedy, max_new_tokens=0, extra_body={}",
        "other": "greedy, max_new_tokens=512, extra_body={'top_k': 20}",
        "expert": "",
    }
