import os
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest

from mas_envs.games.sokoban import Sokoban
from mas_envs.games.sokoban.bitboard import bits
from mas_envs.games.sokoban.layout import Board, Layout
from mas_envs.games.sokoban.rules import draw
from mas_envs.games.sokoban.solver import solve
from mas_envs.games.sokoban.tasks import make_task
from tests.games.sokoban_by_brute_force import fewest, parse, read, replayed


@pytest.mark.parametrize(
    ("size", "boxes", "count"),
    [
        (6, 1, 7500),
        (5, 1, 300),
        (7, 1, 500),
        (8, 1, 200),
        (5, 2, 200),
        (6, 2, 1000),
        (7, 2, 200),
        (6, 3, 80),
        (6, 4, 20),
    ],
)
def test_generated_levels_are_solvable_and_certified_with_the_optimum(size, boxes, count):
    for number in range(count):
        level = make_task(size, boxes, ("train", "validation", "test")[number % 3], number // 3).content
        text = level.text()
        assert level.start.boxes != level.layout.goals, "solved at its start"
        assert level.start.boxes.bit_count() == level.layout.goals.bit_count() == boxes
        assert level.moves <= 4 * size * boxes, "no episode is long enough"
        assert level.pushes == fewest(text, count_walks=0)
        found = solve(level.layout, level.start)
        assert replayed(text, found.moves)[2] and len(found.moves) == level.moves
        if boxes == 1:
            assert level.moves == fewest(text, count_walks=1)


@pytest.mark.parametrize(("size", "boxes"), [(10, 4), (8, 3), (12, 2), (7, 6)])
def test_larger_levels_are_solved_by_their_certified_pushes_and_moves(size, boxes):
    for index in range(10):
        level = make_task(size, boxes, "test", index).content
        found = solve(level.layout, level.start)
        _, pushes, solved = replayed(level.text(), found.moves)
        assert solved and (pushes, len(found.moves)) == (level.pushes, level.moves)


def test_levels_ask_for_several_pushes_more_often_than_not():
    pushes = [make_task(6, 1, "train", index).content.pushes for index in range(1000)]
    assert sum(count >= 2 for count in pushes) > 600 and max(pushes) >= 4


def turned(layout):
    """The layout in its eight positions, as sets of (row, column)."""
    views, size = [], layout.width
    walls, goals, _ = read(draw(layout, Board(next(bits(layout.floor & ~layout.goals)), layout.goals)))
    for flip in (False, True):
        for turns in range(4):
            moved = []
            for cells in (walls, goals):
                for _ in range(turns):
                    cells = {(c, size - 1 - r) for r, c in cells}
                moved.append(tuple(sorted((r, size - 1 - c) if flip else (r, c) for r, c in cells)))
            views.append(tuple(moved))
    return min(views)


@pytest.mark.parametrize("boxes", [1, 2])
def test_no_layout_is_in_two_splits_however_it_is_turned(boxes):
    seen = {
        split: {turned(make_task(6, boxes, split, index).content.layout) for index in range(400)}
        for split in ("train", "validation", "test")
    }
    assert all(len(layouts) > 150 for layouts in seen.values())
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["validation"]
    assert not seen["test"] & seen["validation"]


def test_rotations_and_reflections_share_a_canonical_form_and_others_do_not():
    one = parse("######\n#@  ##\n#    #\n# $ .#\n######\n######")[0]
    mirrored = parse("######\n##  @#\n#    #\n#. $ #\n######\n######")[0]
    turned_once = parse("######\n###  #\n###  #\n##$  #\n##.@##\n######")[0]
    other = parse("######\n#@  ##\n#    #\n# $. #\n######\n######")[0]
    assert one.canonical_form == mirrored.canonical_form != other.canonical_form
    assert one.canonical_form != turned_once.canonical_form
    assert isinstance(turned_once, Layout)


def test_a_task_is_the_same_in_a_fresh_process_with_other_hashes():
    script = (
        "from mas_envs.games.sokoban import Sokoban\n"
        "for size, boxes in ((6, 1), (8, 3)):\n"
        "    for split in ('train', 'test'):\n"
        "        task = Sokoban(size, boxes).task(split, 7)\n"
        "        print(task.ref, task.content.pushes, task.content.moves)"
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
    here = [Sokoban(size, boxes).task(split, 7) for size, boxes in ((6, 1), (8, 3)) for split in ("train", "test")]
    expected = "".join(f"{task.ref} {task.content.pushes} {task.content.moves}\n" for task in here)
    assert runs == [expected, expected]


def test_making_tasks_leaves_the_global_generators_alone():
    states = random.getstate(), pickle.dumps(np.random.get_state())
    for boxes in (1, 3):
        make_task(7, boxes, "test", 11)
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == states
