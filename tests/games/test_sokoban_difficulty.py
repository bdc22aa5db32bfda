"""Levels that take a given number of pushes."""

import time

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.games.sokoban import Sokoban, tasks
from mas_envs.games.sokoban.solver import solve
from mas_envs.testing import check_game
from tests.games.sokoban_by_brute_force import fewest, replayed


@pytest.mark.parametrize(
    ("size", "boxes", "pushes", "count"),
    [(6, 1, (3, 3), 40), (6, 1, (1, 1), 20), (6, 2, (6, 7), 12), (7, 2, (8, 10), 20), (6, 3, (1, 4), 20)],
)
def test_small_levels_take_as_many_pushes_as_were_asked_for(size, boxes, pushes, count):
    game = Sokoban(size, boxes, pushes)
    for number in range(count):
        level = game.task(("train", "validation", "test")[number % 3], number).content
        assert pushes[0] <= level.pushes == fewest(level.text(), count_walks=0) <= pushes[1]
        assert level.start.boxes.bit_count() == boxes


@pytest.mark.parametrize(("size", "boxes", "pushes"), [(10, 4, (20, 30)), (8, 3, (14, 14)), (12, 1, (15, 20))])
def test_large_levels_take_as_many_pushes_as_were_asked_for_and_fit_into_an_episode(size, boxes, pushes):
    game = Sokoban(size, boxes, pushes)
    seen = set()
    for index in range(8):
        level = game.task("test", index).content
        _, taken, solved = replayed(level.text(), solve(level.layout, level.start).moves)
        assert solved and (taken == level.pushes or boxes == 1)  # with one box the moves are fewest, not the pushes
        assert pushes[0] <= level.pushes <= pushes[1] and level.moves <= game.turns * game.max_moves
        seen.add(level)
    assert len(seen) == 8


def test_an_episode_has_eight_moves_for_every_push_at_least():
    assert Sokoban(10, 4, (30, 40)).max_moves == 60
    assert Sokoban(10, 4, (1, 40)).max_moves == Sokoban(10, 4).max_moves == 40


def test_the_splits_share_no_layout_and_other_ranges_are_other_tasks():
    game = Sokoban(7, 2, (6, 9))
    layouts = {
        split: {game.task(split, i).content.layout.canonical_form for i in range(25)} for split in ("train", "test")
    }
    assert not layouts["train"] & layouts["test"]
    assert game.task("train", 0).ref.source == "sokoban/7x7/2/6-9"
    assert game.task("train", 0) != Sokoban(7, 2, (6, 8)).task("train", 0)


def test_a_game_of_given_pushes_keeps_the_contract_and_is_made_again_by_its_settings():
    game = Sokoban(7, 2, (5, 6), style="compact")
    check_game(game)
    assert Sokoban(**game.settings()).task("train", 5) == game.task("train", 5)
    assert game.settings()["pushes"] == [5, 6] and Sokoban().settings()["pushes"] is None


def test_without_a_range_the_tasks_are_what_they_were():
    digests = [Sokoban(6, boxes).task("train", 0).ref.digest for boxes in (1, 2)]
    digests.append(Sokoban(10, 4).task("test", 1).ref.digest)
    assert digests == ["5bd03b19eaa94fb3", "17ba54993c50ea6e", "38e53f471d2f6aa2"]


def test_pushes_that_no_level_takes_are_refused_with_the_most_that_turned_up(monkeypatch):
    monkeypatch.setattr(tasks, "MAX_DRAWS", 600)
    with pytest.raises(UsageError, match=r"6x6.*1 box that takes 9 to 12 pushes.*'train'.*most .* are [3-6]\.") as one:
        Sokoban(pushes=(9, 12)).task("train", 0)
    assert "larger size" in str(one.value)
    begin = time.process_time()
    with pytest.raises(UsageError, match=r"most pushes that were seen are \d\d\."):
        Sokoban(10, 4, (90, 95)).task("test", 0)
    assert time.process_time() - begin < 20


def test_on_large_boards_fewer_layouts_are_searched_so_that_no_refusal_takes_minutes(monkeypatch):
    monkeypatch.setattr(tasks, "SEARCHED", 5 * 24**2 * 4)
    with pytest.raises(UsageError, match=r"'train' in [5-9] draws"):
        Sokoban(24, 4, (900, 1000)).task("train", 0)


@pytest.mark.parametrize(
    ("pushes", "message"),
    [
        (5, "pushes is 5; give"),
        ("57", "pushes is '57'; give"),
        ((1, 2, 3), "give .least, most."),
        ((0, 3), "least of pushes is 0.*1 to 1000"),
        ((4, 3), "most of pushes is 3.*4 to 1000"),
        ((1.0, 3), "least of pushes is 1.0"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(pushes, message):
    with pytest.raises(UsageError, match=message):
        Sokoban(pushes=pushes)
