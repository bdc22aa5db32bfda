import random
from dataclasses import replace

import pytest

from mas_envs.games.sokoban.bitboard import bits, flood, mask_of
from mas_envs.games.sokoban.bounds import effort_left, frozen, push_bound
from mas_envs.games.sokoban.layout import Board
from mas_envs.games.sokoban.levels import find_levels
from mas_envs.games.sokoban.rules import draw, walk
from mas_envs.games.sokoban.solver import solve
from mas_envs.games.sokoban.tasks import make_task
from mas_envs.games.sokoban.xsb import parse_rows
from tests.games.sokoban_by_brute_force import all_positions, as_board, fewest, parse, replayed, task


@pytest.mark.parametrize("index", range(12))
def test_with_one_box_every_position_has_its_exact_distance_and_lost_is_exactly_unsolvable(index):
    layout = task(7 if index % 3 == 0 else 6, 1, "train", index).content.layout
    for state, (moves, pushes) in all_positions(layout, 1).items():
        board = as_board(layout, state)
        assert effort_left(layout, board) == (-1 if moves is None else moves)
        assert push_bound(layout, board) == (-1 if pushes is None else pushes)
        found = solve(layout, board)
        assert (found.outcome, len(found.moves)) == (("unsolvable", 0) if moves is None else ("solved", moves))


def with_goals(layout, count):
    """The layout with some more goals, up to `count`."""
    spare = list(bits(layout.floor & ~layout.goals))[:: 1 + layout.floor.bit_count() // 8]
    return replace(layout, goals=layout.goals | mask_of(spare[: count - layout.goals.bit_count()]))


@pytest.mark.parametrize("index", range(4))
def test_with_goals_to_spare_one_box_has_its_exact_distance_too(index):
    layout = with_goals(task(6, 1, "train", index).content.layout, 2 + index % 2)
    for state, (moves, pushes) in all_positions(layout, 1).items():
        board = as_board(layout, state)
        assert effort_left(layout, board) == (-1 if moves is None else moves)
        assert push_bound(layout, board) == (-1 if pushes is None else pushes)
        assert len(solve(layout, board).moves) == (moves or 0)


@pytest.mark.parametrize(
    ("size", "boxes", "goals", "index"),
    [*((6, 2, 2, i) for i in range(14)), *((6, 3, 3, i) for i in range(6)), (7, 2, 2, 0), (6, 2, 3, 1), (6, 2, 4, 2)],
)
def test_a_board_called_lost_is_unsolvable_and_the_bound_is_never_too_high(size, boxes, goals, index):
    layout = with_goals(task(size, boxes, "train", index).content.layout, goals)
    seen_lost = 0
    for state, (moves, pushes) in all_positions(layout, boxes).items():
        left = effort_left(layout, as_board(layout, state))
        if left < 0:
            assert moves is None, draw(layout, as_board(layout, state))
            seen_lost += 1
        elif pushes is not None:
            assert left <= pushes
    assert seen_lost


def test_with_two_boxes_hardly_any_lost_board_goes_unseen():
    lost = unseen = 0
    for index in range(12):
        layout = task(6, 2, "train", index).content.layout
        boards = [as_board(layout, state) for state, (moves, _) in all_positions(layout, 2).items() if moves is None]
        lost += len(boards)
        unseen += sum(effort_left(layout, board) >= 0 for board in boards)
    assert lost > 5000 and unseen / lost < 0.005


def test_boxes_that_are_hemmed_in_are_lost_and_those_with_one_way_out_are_not():
    text = "######\n##  ##\n#  ..#\n# $$ #\n#  @ #\n######"  # either can be pushed, but then the other is in the way
    layout, board = parse(text)
    after, _ = walk(layout, board, "RLUDRLLU")
    assert push_bound(layout, after) > 0 and not frozen(layout, after.boxes) and effort_left(layout, after) == -1
    assert effort_left(layout, board) > 0


@pytest.mark.parametrize(("boxes", "index"), [(2, 0), (2, 1), (2, 2), (3, 0)])
def test_from_any_position_the_search_finds_fewest_pushes_or_proves_that_there_are_none(boxes, index):
    layout = task(6, boxes, "validation", index).content.layout
    positions = all_positions(layout, boxes)
    for state in random.Random(index).sample(sorted(positions, key=repr), 150):
        pushes = positions[state][1]
        board = as_board(layout, state)
        found = solve(layout, board)
        assert found.outcome == ("unsolvable" if pushes is None else "solved")
        if pushes is not None:
            _, pushed, solved = replayed(draw(layout, board), found.moves)
            assert solved and pushed == found.pushes == pushes


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("######\n#@   #\n#$   #\n#  . #\n######", True),  # a wall line without a goal (one box, exact)
        ("#######\n#@    #\n# $$  #\n# $$  #\n#     #\n#.. ..#\n#######", True),  # a square of boxes
        ("#######\n#@    #\n# **  #\n# **  #\n#     #\n#######", False),  # the same on its goals
        ("#######\n# .  .#\n#@ $$##\n#     #\n#######", False),
        ("########\n#  $$  #\n#@     #\n#   ..$#\n#.######\n########", True),  # side by side against a wall
    ],
)
def test_known_deadlocks_are_seen(text, lost):
    assert (effort_left(*parse(text)) < 0) == lost


def test_boxes_that_hold_one_another_are_frozen_and_a_free_one_frees_its_neighbour():
    layout, board = parse("########\n#@     #\n#  $   #\n#  $$  #\n#   $  #\n#.... ##\n########")
    assert frozen(layout, board.boxes) == 0
    layout, board = parse("########\n#@  $$ #\n#      #\n#..    #\n########")
    assert frozen(layout, board.boxes) == board.boxes


@pytest.mark.parametrize(
    ("text", "pushes"),  # levels on which a search that trusts its bound too much finds two pushes more
    [
        ("#######\n#     #\n#.$# ##\n#@$   #\n# $  .#\n# # . #\n#######", 10),
        ("#######\n#  ####\n#.  # #\n# . * #\n# $ $ #\n# @   #\n#######", 6),
        ("#######\n#     #\n#.. $ #\n# $ # #\n##@ $ #\n#.  # #\n#######", 8),
        ("#######\n# $  .#\n# .  .#\n#  ## #\n# $$ ##\n# @   #\n#######", 11),
    ],
)
def test_the_search_is_optimal_where_a_greedier_one_is_not(text, pushes):
    found = solve(*parse(text))
    assert replayed(text, found.moves)[1:] == (found.pushes, True)
    assert found.pushes == fewest(text, count_walks=0) == pushes


def test_two_boxes_nearest_to_one_goal_are_bounded_by_a_goal_each():
    layout, board = parse("#########\n#@      #\n# $. $ .#\n#       #\n#########")
    assert push_bound(layout, board) == 1 + 2
    layout, board = parse("#########\n#@      #\n#.    . #\n# $ $   #\n#       #\n#########")
    assert push_bound(layout, board) == 2 + 3


def test_boxes_of_which_two_have_one_goal_alone_are_lost():
    # along the left wall there is one goal; a box there cannot come away from it
    assert effort_left(*parse("######\n#.  ##\n#$ . #\n#    #\n#$   #\n#@   #\n######")) == -1
    assert effort_left(*parse("######\n#.  ##\n#$ . #\n#  $ #\n#    #\n#@   #\n######")) == 2


def test_with_more_boxes_than_are_matched_the_bound_and_the_solver_still_hold():
    text = "###########\n#@        #\n# $$$$$$$ #\n# ......  #\n#.#########\n###########"
    layout, board = parse(text)
    found = solve(layout, board)
    assert found.outcome == "solved"
    state, pushes, solved = replayed(text, found.moves)
    assert solved and pushes == found.pushes >= push_bound(layout, board) > 6
    assert push_bound(layout, as_board(layout, state)) == 0


def test_a_search_that_spends_its_budget_says_so():
    level = make_task(10, 4, "train", 2).content
    assert solve(level.layout, level.start, budget=3).outcome == "gave_up"


def pushes_of(layout, board):
    """The pushes of the solution from a board: the boxes after each."""
    after_each, boxes = [], board.boxes
    for move in solve(layout, board).moves:
        board, _ = walk(layout, board, move)
        if board.boxes != boxes:
            boxes = board.boxes
            after_each.append(boxes)
    return after_each


def test_wherever_the_player_has_walked_to_the_pushes_ahead_are_the_same():
    for index in range(8):
        level = make_task(7, 3, "train", index).content
        near = flood(1 << level.start.player, level.layout.floor ^ level.start.boxes, 7)
        plans = {tuple(pushes_of(level.layout, Board(cell, level.start.boxes))) for cell in bits(near)}
        assert len(plans) == 1


def test_a_team_that_walks_part_of_the_way_is_told_the_same_pushes_again():
    level = make_task(8, 3, "train", 1).content
    board, whole = level.start, solve(level.layout, level.start)
    for _ in range(len(whole.moves)):
        board, _ = walk(level.layout, board, solve(level.layout, board).moves[:1])
    assert board.boxes == level.layout.goals


@pytest.mark.slow
@pytest.mark.data
def test_every_boxoban_level_is_solved_within_a_hundred_thousand_positions(test_data):
    solved = 0
    for path in sorted((test_data / "sokoban_boxoban").rglob("*.txt")):
        for written in find_levels(path.read_text()):
            layout, board = parse_rows(written.rows)
            found = solve(layout, board, budget=100_000)
            _, pushes, done = replayed(draw(layout, board), found.moves)
            assert done and pushes == found.pushes >= push_bound(layout, board)
            solved += 1
    assert solved == 3666
