import json
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.core.errors import StateError, UsageError
from mas_envs.games.sokoban import Sokoban
from mas_envs.games.sokoban.rules import draw, walk
from mas_envs.games.sokoban.tasks import make_task
from tests.games.sokoban_by_brute_force import OPEN, after, as_board, level_of, parse, read, replayed, task


@pytest.mark.parametrize(
    ("before", "moves", "count", "expected"),
    [
        ("######\n#@$ .#\n######", "R", 1, "######\n# @$.#\n######"),  # a push
        ("######\n#@$ .#\n######", "RR", 2, "######\n#  @*#\n######"),  # onto the goal
        ("######\n#@$ .#\n######", "RRLL", 2, "######\n#  @*#\n######"),  # no further once it is solved
        ("######\n#@$ .#\n######", "L", 0, "######\n#@$ .#\n######"),  # a wall
        ("######\n#@$ .#\n######", "RLL", 2, "######\n#@ $.#\n######"),  # no pulling; the third move is illegal
        ("#######\n#@$$..#\n#######", "R", 0, "#######\n#@$$..#\n#######"),  # not two at a time
        ("######\n#. $@#\n#    #\n######", "LLL", 2, "######\n#*@  #\n#    #\n######"),
        ("#####\n#@* #\n#$  #\n#.  #\n#####", "R", 1, "#####\n# +$#\n#$  #\n#.  #\n#####"),  # off its goal
    ],
)
def test_moves_do_what_the_rules_say(before, moves, count, expected):
    layout, board = parse(before)
    reached, done = walk(layout, board, moves)
    assert (draw(layout, reached), done) == (expected, count)


@given(seed=st.integers(0, 200), boxes=st.integers(1, 3), moves=st.text("UDLR", max_size=40))
def test_walking_agrees_with_the_independent_rules(seed, boxes, moves):
    level = task(6, boxes, "train", seed).content
    reached, count = walk(level.layout, level.start, moves)
    state, _, solved = replayed(level.text(), moves[:count])
    assert as_board(level.layout, state) == reached
    if count < len(moves):
        assert solved or after(read(level.text())[0], state, moves[count]) is None


def test_a_level_is_equal_and_hashed_by_its_content():
    one, two = make_task(6, 2, "train", 3).content, make_task(6, 2, "train", 3).content
    assert one is not two and one == two and hash(one) == hash(two)
    assert one != make_task(6, 2, "train", 4).content


@given(index=st.integers(0, 300), boxes=st.integers(1, 3))
def test_a_level_written_as_text_reads_back_equal(index, boxes):
    made = task(6, boxes, "train", index)
    read_back = Sokoban(boxes=boxes).task_from(made.content.text())
    assert read_back.content == made.content and read_back.ref.digest == made.ref.digest
    assert (read_back.content.pushes, read_back.content.moves) == (made.content.pushes, made.content.moves)


def test_ragged_rows_and_every_free_sign_and_blank_lines_around_are_read():
    text = "\n\n    ####\n  ###  ##\n  #-@$_.#\n  #  ####\n  ####\n\n"
    level = level_of(text)
    assert (level.width, level.height, level.pushes, level.moves) == (7, 5, 2, 2)
    assert level_of(level.text()) == level


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("   \n \n", "empty"),
        ("######\n# $ .#\n######", "0 players"),
        ("######\n#@$ .#\n# @  #\n######", "2 players.*second on line 3"),
        ("######\n#@$$.#\n######", "2 boxes and 1 goals"),
        ("######\n#@   #\n######", "0 boxes"),
        ("######\n#@$ .#\n#x   #\n######", "Line 3.*'x'"),
        ("\n######\n#@$ .#\n#x   #\n######", "Line 4.*'x'"),
        ("######\n#@$ .#\n#### #\n#    #\n### ##", "open: on line 5"),
        ("######\n#@$ .\n######", "open: on line 2"),
        ("#########\n#@$ .#$.#\n#########", "Line 2.*box that the player can never reach"),
        ("#####\n#@* #\n#####", "solved already"),
        ("#####\n#$ @#\n# . #\n#####", "cannot be solved"),
        ("#######\n#$   .#\n#@    #\n#$   .#\n#######", "cannot be solved"),
        ("#" * 65 + "\n#@$.#", "65x2"),
    ],
)
def test_a_level_that_cannot_be_played_is_refused_with_what_is_wrong(text, message):
    with pytest.raises(UsageError, match=message):
        level_of(text)


@given(text=st.one_of(st.text(max_size=80), st.text("#@$. \n", max_size=60).map(lambda t: f"######\n{t}\n######")))
def test_any_text_is_a_level_or_a_usage_error(text):
    try:
        level = level_of(text)
    except UsageError:
        return
    assert level_of(level.text()) == level and level.pushes >= 1


def test_a_box_on_a_goal_out_of_reach_is_scenery():
    assert level_of("########\n#@$ .#*#\n########").layout.goals.bit_count() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size is 0.*5 to 32"),
        ({"size": 33}, "size is 33"),
        ({"size": "6"}, "size is '6'"),
        ({"boxes": 0}, "boxes is 0.*1 to 8"),
        ({"size": 6, "boxes": 5}, "5 boxes are too many for size 6.*at most 4"),
        ({"size": 6, "boxes": 100}, "boxes is 100"),
        ({"roles": "boss"}, "Unknown roles 'boss'"),
        ({"style": "compct"}, "Did you mean 'compact'"),
        ({"turns": 0}, "turns is 0"),
        ({"max_moves": -1}, "max_moves is -1"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        Sokoban(**arguments)


def test_the_moves_of_an_episode_are_shared_out_over_its_turns():
    assert (Sokoban().turns, Sokoban().max_moves) == (4, 6)
    assert (Sokoban(roles="single").turns, Sokoban(roles="single").max_moves) == (1, 24)
    assert Sokoban(size=10, boxes=4).max_moves == 40
    assert Sokoban(**Sokoban(7, 2, None, None, "single", 3, 9, "compact").settings()).settings()["max_moves"] == 9


def test_a_lost_board_ends_the_episode_and_costs_what_was_gained():
    game = Sokoban(roles="single", turns=4)
    state = game.initial(game.task_from(OPEN))
    closer = game.step(state, {"solver_0": "R"})
    assert (gained := closer.reward.team) > 0
    step = game.step(closer.state, {"solver_0": "RRDLLL"})  # into the left wall's column, where no goal is
    assert step.terminated and not step.truncated and step.state.outcome == "lost"
    assert dict(step.reward.team_terms) == {"progress": -gained, "success": 0.0}
    assert game.acting(step.state) == () and step.info["success"] is False
    assert game.step(state, {"solver_0": "RRRDLLL"}).reward.team == 0  # nothing gained, nothing to lose


def test_every_compact_word_is_in_the_vocabulary():
    for boxes in (1, 3):
        game = Sokoban(boxes=boxes, style="compact")
        words = set(game.vocabulary())
        assert len(words) == len(game.vocabulary())
        for index in range(30):
            state = game.initial(game.task("train", index))
            while agents := game.acting(state):
                action = random.Random(index).choice(["UURD", "LLD", "+ R", "", "RRR", "@b2", "+ @c3 @z9"])
                assert set(game.observe(state, agents[0]).text.split()) <= words
                state = game.step(state, {agents[0]: action}).state


@pytest.mark.parametrize(
    "board",
    [
        None,
        5,
        [7],
        [7, [14, 15]],
        [14, [14]],
        [0, [14]],
        [7, [0]],
        [7, [99]],
        [-1, [14]],
        [7.0, [14]],
        [7, ["14"]],
        [7, [-1]],
    ],
)
def test_a_damaged_board_is_refused(board):
    game = Sokoban()
    saved = json.loads(json.dumps(game.save(game.initial(game.task_from(OPEN)))))
    assert game.load(saved) == game.initial(game.task_from(OPEN))._replace(task=game.load(saved).task)
    saved["state"]["board"] = board
    with pytest.raises(StateError, match="damaged"):
        game.load(saved)


def test_pickles_of_a_level_hold_nothing_that_was_found_out_about_its_boards():
    game = Sokoban(size=7, boxes=2)
    level = game.task("train", 0).content
    layout = type(level.layout)(level.width, level.height, level.layout.walls, level.layout.goals)
    fresh = type(level)(layout, level.start, level.pushes, level.moves)
    bare = pickle.dumps(fresh)
    assert game.legal(fresh, fresh.start) and game.potential(fresh, fresh.start) == -1 and layout.looks
    assert pickle.dumps(fresh) == bare and pickle.loads(bare) == level
