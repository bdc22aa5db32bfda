import os
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest

from mas_envs.core.errors import UsageError
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.plan_path.maps import parse_level
from mas_envs.games.plan_path.rules import shortest, walk
from mas_envs.games.plan_path.tasks import make_task

STEPS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


def distances_to_goal(text):
    """An independent breadth-first search by rings, over sets of (row, column)."""
    cells = {(r, c): sign for r, row in enumerate(text.splitlines()) for c, sign in enumerate(row)}
    free = {at for at, sign in cells.items() if sign != "#"}
    ring, found, distance = {at for at in free if cells[at] == "G"}, {}, 0
    while ring:
        found.update(dict.fromkeys(ring, distance))
        ring = {(r + dr, c + dc) for r, c in ring for dr, dc in STEPS.values()} & free - found.keys()
        distance += 1
    return found


def test_moves_do_what_the_rules_say():
    level = parse_level("@.#\n..G\n#..")
    assert walk(level, 0, "DRR") == (5, 3)
    assert walk(level, 0, "DRRL") == (5, 3), "no further than the goal"
    assert walk(level, 0, "RRD") == (1, 1), "a wall"
    assert walk(level, 0, "U") == (0, 0), "the edge of the map"
    assert walk(level, 0, "") == (0, 0)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(("size", "obstacles"), [(10, 0.22), (6, 0.4), (4, 0.2), (16, 0.3)])
def test_maps_are_connected_with_true_distances_and_as_many_walls_as_asked_for(split, size, obstacles):
    for index in range(25):
        level = make_task(size, obstacles, None, split, index).content
        known = distances_to_goal(level.text())
        assert {divmod(cell, size): d for cell, d in enumerate(level.distances) if d >= 0} == known
        assert known[divmod(level.start, size)] > 0
        assert len(level.walls) == round(size * size * obstacles)
        path = shortest(level, level.start)
        assert walk(level, level.start, path) == (level.goal, len(path))
        assert len(path) == known[divmod(level.start, size)]


def test_shortest_paths_take_the_first_of_up_down_left_right():
    assert shortest(parse_level("@..\n...\n..G"), 0) == "DDRR"
    assert shortest(parse_level("G..\n...\n..@"), 8) == "UULL"


def turned(text):
    """The walls and goal of a square map in the first of its eight positions."""
    rows = [[sign.replace("@", ".") for sign in row] for row in text.splitlines()]
    views = []
    for _ in range(4):
        rows = [list(column) for column in zip(*rows[::-1], strict=True)]
        views += [rows, [row[::-1] for row in rows]]
    return min("\n".join(map("".join, view)) for view in views)


def test_no_layout_is_in_two_splits_however_it_is_turned():
    seen = {
        split: {turned(make_task(4, 0.2, None, split, index).content.text()) for index in range(400)}
        for split in ("train", "validation", "test")
    }
    assert all(len(layouts) > 50 for layouts in seen.values())
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["validation"]
    assert not seen["test"] & seen["validation"]


def test_a_task_is_the_same_in_a_fresh_process_with_other_hashes():
    script = (
        "from mas_envs.games.plan_path import PlanPath\n"
        "for split in ('train', 'validation', 'test'):\n"
        "    task = PlanPath().task(split, 5)\n"
        "    print(task.ref); print(task.content.text())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "4242")
    ]
    here = [PlanPath().task(split, 5) for split in ("train", "validation", "test")]
    expected = "".join(f"{task.ref}\n{task.content.text()}\n" for task in here)
    assert runs == [expected, expected]


def test_making_tasks_leaves_the_global_generators_alone():
    states = random.getstate(), pickle.dumps(np.random.get_state())
    make_task(10, 0.22, None, "test", 123_456)
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == states


def test_a_map_written_as_text_reads_back_equal():
    for index in range(20):
        task = make_task(7, 0.3, None, "train", index)
        again = PlanPath().task_from(task.content.text())
        assert again.content == task.content and again.ref.digest == task.ref.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("@.\n.G.", "Line 2"),
        ("@x\n.G", "Line 1.*'x'"),
        ("..\n.G", "0 '@'"),
        ("@@\n.G", "2 '@'"),
        ("@G\n.G", "2 'G'"),
        ("@#\n#G", "no way leads"),
    ],
)
def test_a_map_that_cannot_be_played_is_refused_with_what_is_wrong(text, message):
    with pytest.raises(UsageError, match=message):
        PlanPath().task_from(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": 65}, "size is 65"),
        ({"size": 2.5}, "size is 2.5"),
        ({"obstacles": -0.1}, "obstacles is -0.1"),
        ({"obstacles": 0.6}, "obstacles is 0.6"),
        ({"obstacles": "many"}, "obstacles is 'many'"),
        ({"obstacles": float("nan")}, "obstacles is nan"),
        ({"roles": "teem"}, "Did you mean 'team'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        PlanPath(**arguments)


@pytest.mark.parametrize(("split", "index"), [("tset", 0), ("train", -1), ("train", 1.0), ("train", True)])
def test_a_task_that_does_not_exist_is_refused(split, index):
    with pytest.raises(UsageError):
        PlanPath().task(split, index)


def test_a_split_that_has_no_map_of_a_tiny_kind_says_so():
    with pytest.raises(UsageError, match="split 'validation' has none"):
        PlanPath(size=3, obstacles=0.0).task("validation", 0)


@pytest.mark.parametrize("obstacles", [0.0, 0.25, 0.5])
def test_maps_of_two_by_two_are_drawn_or_refused(obstacles):
    if obstacles == 0.5:
        level = PlanPath(size=2, obstacles=obstacles).task("train", 0).content
        assert len(level.walls) == 2 and level.distances[level.start] == 1
    for split in ("train", "validation", "test"):
        try:
            level = PlanPath(size=2, obstacles=obstacles).task(split, 0).content
        except UsageError as error:
            assert "there are so few" in str(error)
        else:
            assert level.distances[level.start] > 0
