"""Difficulty: tasks whose shortest path is as long as asked for; and what makes drawing them cheap."""

import json
from random import Random

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.plan_path.rules import Terrain
from mas_envs.games.plan_path.tasks import make_task
from mas_envs.grid.cells import canonical


@pytest.mark.parametrize(
    ("settings", "length"),
    [({}, (1, 1)), ({}, (8, 12)), ({}, (18, 23)), ({"size": 32}, (45, 56)), ({"size": 16, "obstacles": 0.4}, (30, 33))],
)
def test_every_task_has_a_shortest_path_of_the_length_asked_for(settings, length):
    game = PlanPath(**settings, length=length)
    for split in ("train", "validation", "test"):
        found = [game.task(split, index) for index in range(8)]
        assert all(length[0] <= task.content.steps <= length[1] for task in found)
        assert len({task.ref.digest for task in found}) == 8
        assert len(found[0].content.walls) == round(game.size**2 * game.obstacles)
        assert found == [game.task(split, index) for index in range(8)]


def test_starts_are_drawn_from_all_that_are_so_far_away():
    lengths = {PlanPath(length=(5, 9)).task("train", index).content.steps for index in range(60)}
    assert lengths == {5, 6, 7, 8, 9}


def test_layouts_with_a_length_stay_in_the_split_that_their_content_decides():
    seen = {
        split: {
            task.content.terrain.layout(task.content.goal)
            for task in (PlanPath(size=4, obstacles=0.2, length=(2, 4)).task(split, index) for index in range(150))
        }
        for split in ("train", "validation", "test")
    }
    assert all(len(layouts) > 20 for layouts in seen.values())
    assert not seen["train"] & seen["test"] and not seen["validation"] & (seen["train"] | seen["test"])


def test_without_a_length_the_tasks_are_the_same_as_ever():
    for index, digest in enumerate(("55a30263aeb93dc0", "6793f878ad63d24e", "65763ffe2fd98814")):
        assert PlanPath().task("test", index).ref.digest == digest


def test_a_length_that_no_map_offers_is_refused_with_the_longest_that_was_seen():
    with pytest.raises(
        UsageError, match=r"no shortest path of 60 to 70 moves on 10x10 maps.*in \d+ draws the longest had"
    ):
        PlanPath(length=(60, 70)).task("train", 0)


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (5, "give the least and the most"),
        ("58", "give the least and the most"),
        ((5,), "give the least and the most"),
        ((0, 5), "length is 0"),
        ((2.5, 5), "length is 2.5"),
        ((9, 5), "must not be larger"),
        ((78, 90), "on 78 free cells no way has more than 77 moves"),
    ],
)
def test_a_length_that_makes_no_sense_is_refused(length, message):
    with pytest.raises(UsageError, match=message):
        PlanPath(length=length)


def test_a_length_is_a_setting_and_its_ways_fit_into_an_episode():
    game = PlanPath(size=10, obstacles=0.3, length=(3, 60))
    assert game.turns * game.max_moves >= 60
    settings = json.loads(json.dumps(game.settings()))
    assert settings["length"] == [3, 60] and PlanPath(**settings).task("test", 1) == game.task("test", 1)
    assert game.task("test", 1).ref.source == "plan_path/10x10/0.3/3-60"


def test_no_drawn_task_takes_more_moves_than_an_episode_has():
    assert max(make_task(6, 0.5, None, "train", index).content.steps for index in range(300)) <= 4 * 6


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4, 4), (5, 5), (2, 5), (6, 3)])
def test_the_layout_of_a_map_is_its_canonical_form_written_out(width, height):
    generator = Random(3)
    for share in (0.0, 0.2, 0.5):
        for _ in range(40):
            cells = "".join(generator.choices("#.", (share, 1 - share), k=width * height - 1)) + "."
            goal = generator.choice([cell for cell, sign in enumerate(cells) if sign == "."])
            walls = [cell for cell, sign in enumerate(cells) if sign == "#"]
            slow = (width, height, canonical([walls, [goal]], width, height))
            assert Terrain(width, height, cells).layout(goal) == repr(slow)
