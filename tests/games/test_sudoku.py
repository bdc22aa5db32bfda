"""Rules, rewards and ends of Sudoku; its expert; saving; settings."""

import json
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs.core.errors import StateError, UsageError
from mas_envs.games.sudoku import Sudoku
from mas_envs.games.sudoku.rules import walk
from mas_envs.testing import check_game
from tests.games.sudoku_by_brute_force import PUZZLE, SOLUTION, is_solution_of, keeps_the_rules
from tests.grid.turns_played import EXECUTOR, PLANNER, SOLVER, play, returns, team_return

OPEN = {0: "a1", 5: "b2", 6: "c2", 9: "b3", 10: "c3", 11: "d3", 14: "c4", 15: "d4"}
ALL = [f"{word}={SOLUTION[cell]}" for cell, word in OPEN.items()]
GAMES = {
    "team": Sudoku(),
    "single": Sudoku(roles="single", turns=3),
    "6x6": Sudoku(size=6, clues=14),
    "9x9, compact": Sudoku(size=9, style="compact"),
    "few moves": Sudoku(max_moves=3),
    "discrete": Sudoku(action_type="discrete"),
}
every_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
moves_4x4 = st.builds("{}{}={}".format, st.sampled_from("abcd"), st.integers(1, 4), st.integers(0, 4))
answers = st.one_of(
    st.lists(moves_4x4, max_size=8).map(" ".join),
    st.lists(moves_4x4, max_size=4).map(lambda moves: " ".join(["+", *moves])),
    st.text("1234.", min_size=16, max_size=16),
    st.text(max_size=8),
)


def level_of(puzzle):
    return Sudoku(size=int(len(puzzle) ** 0.5)).task_from(puzzle).content


@every_game
def test_every_kind_of_sudoku_keeps_the_contract_of_a_game(game):
    check_game(game)


# ---- rules ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("moves", "changes", "count"),
    [
        ("a1=1", {0: "1"}, 1),
        ("a1=1 b2=4 d4=1", {0: "1", 5: "4", 15: "1"}, 3),
        ("c3=1", {10: "1"}, 1),  # wrong, but nothing on the board says so
        ("c3=1 c3=4", {10: "4"}, 2),  # own digits can be overwritten
        ("c3=1 c3=0", {}, 2),  # and emptied
        ("c3=1 b3=1 a1=1", {10: "1"}, 1),  # 1 stands in the row
        ("c3=1 c2=1", {10: "1"}, 1),  # and in the column
        ("c3=1 d4=1", {10: "1"}, 1),  # and in the box
        ("a1=3", {}, 0),  # a given in the row has it
        ("b1=1 a1=1", {}, 0),  # a given never changes
        ("b1=0", {}, 0),  # nor is it emptied
        ("b1=3 a1=1", {0: "1"}, 2),  # saying what is there is no fault
        ("a1=0 a1=1 a1=1", {0: "1"}, 3),
        ("", {}, 0),
    ],
)
def test_moves_do_what_the_rules_say(moves, changes, count):
    expected = "".join(changes.get(cell, sign) for cell, sign in enumerate(PUZZLE))
    assert walk(level_of(PUZZLE), PUZZLE, tuple(moves.split())) == (expected, count)


def test_moves_after_the_solution_are_neither_made_nor_faulted():
    assert walk(level_of(PUZZLE), PUZZLE, (*ALL, "a1=0", "b1=1")) == (SOLUTION, len(ALL))
    assert walk(level_of(PUZZLE), SOLUTION, ("a1=0",)) == (SOLUTION, 0)
    game = Sudoku(roles="single")
    step = game.step(game.initial(game.task_from(PUZZLE)), {SOLVER: " ".join([*ALL, "b1=1"])})
    assert step.terminated and step.info == {"success": True, "errors": {}}
    assert step.reward.local_terms == {SOLVER: {}} and game.legal_actions(step.state, SOLVER) == ()


@settings(max_examples=300, deadline=None)
@given(moves=st.lists(moves_4x4, max_size=40))
def test_no_board_ever_breaks_a_rule_or_loses_a_given(moves):
    board, count = walk(level_of(PUZZLE), PUZZLE, tuple(moves))
    assert keeps_the_rules(board) and all(p in (".", b) for p, b in zip(PUZZLE, board, strict=True))
    assert count <= len(moves) and walk(level_of(PUZZLE), PUZZLE, tuple(moves[:count])) == (board, count)


@every_game
def test_legal_actions_are_the_moves_that_change_something(game):
    generator = random.Random(3)
    state = game.initial(game.task("train", 3))
    for _ in range(3):
        (agent,) = game.acting(state)
        level, legal = state.task.content, game.legal_actions(state, agent)
        columns, digits = "abcdefghi"[: game.size], range(game.size + 1)
        for move in (f"{c}{r}={d}" for c in columns for r in range(1, game.size + 1) for d in digits):
            board, count = walk(level, state.board, (move,))
            assert (move in legal) == (board != state.board), move
            assert count == 1 or board == state.board
        assert len(set(legal)) == len(legal) and game.legal_actions(state, "nobody_0") == ()
        for agent in game.agents:
            state = game.step(state, {agent: generator.choice(legal)}).state


@pytest.mark.parametrize(
    ("move", "why"),
    [
        ("b1=1", "b1 is given as 3, and givens never change"),
        ("a1=3", "row 1 has a 3 already, at b1"),
        ("d4=3", "column d has a 3 already, at d2"),
        ("b3=4", "its box has a 4 already, at a4"),
    ],
)
def test_a_blocked_move_is_explained(move, why):
    game = Sudoku(roles="single", turns=2)
    step = game.step(game.initial(game.task_from(PUZZLE)), {SOLVER: f"c3=1 {move} a1=1"})
    error = f"Move {move} is blocked: {why}; it and the moves after it are left out."
    assert step.info["errors"] == {SOLVER: error}
    assert step.state.feedback == f"carried out c3=1; then {move} was blocked: {why}"
    assert step.reward.local_terms == {SOLVER: {"illegal": -0.02}}


# ---- rewards -------------------------------------------------------------------------------------------------------
def test_the_rewards_of_a_turn_worked_by_hand():
    # eight cells are open; the proposal gets two right and one wrong, and is then blocked
    game = Sudoku()
    state = game.initial(game.task_from(PUZZLE))
    step = game.step(state, {PLANNER: "a1=1 b2=4 c3=1 b1=1"})
    assert dict(step.reward.team_terms) == {} and step.state.board == PUZZLE
    assert step.reward.local_terms == {PLANNER: {"proposal": 2 / 8, "illegal": -0.02}}
    assert step.state.proposal[:2] == (("a1=1", "b2=4", "c3=1"), "b1=1")
    after = game.step(step.state, {EXECUTOR: "+ c3=4 c2=1"})
    assert dict(after.reward.team_terms) == {"progress": 4 / 8, "success": 0.0}
    assert after.reward.local_terms == {EXECUTOR: {}, PLANNER: {"proposal": -2 / 8}}
    dropped = game.step(step.state, {EXECUTOR: "c3=4"})
    assert dropped.state.board == PUZZLE[:10] + "4" + PUZZLE[11:] and dropped.reward.team == 1 / 8
    wrong = game.step(after.state, {PLANNER: "c3=1"})
    assert wrong.reward.local_terms == {PLANNER: {"proposal": 0.0, "illegal": -0.02}}, "c2 has the 1 of the column"
    worse = game.step(after.state, {PLANNER: "c2=0 a1=0"})
    assert worse.reward.local_terms == {PLANNER: {"proposal": -2 / 8}}


def test_the_proposals_moves_count_among_the_executors():
    game = Sudoku(max_moves=3)
    state = game.step(game.initial(game.task_from(PUZZLE)), {PLANNER: "a1=1 b2=4"}).state
    assert game.step(state, {EXECUTOR: "+ c2=1 d4=1"}).state.feedback == "carried out a1=1 b2=4 c2=1"
    assert game.step(state, {EXECUTOR: "+"}).state.feedback == "carried out a1=1 b2=4"
    assert game.step(state, {EXECUTOR: "[]"}).state.feedback == "carried out no move"


@settings(max_examples=150, deadline=None)
@given(index=st.integers(0, 30), said=st.lists(answers, min_size=8, max_size=8))
def test_progress_telescopes_advances_cancel_and_every_reward_keeps_its_bounds(index, said):
    game, lines = GAMES["team"], iter(said)
    task = game.task("train", index)
    steps = play(game, task, lambda state, agent: next(lines))
    end = steps[-1].state
    right = sum(a == b for a, b in zip(end.board, task.content.solution, strict=True)) - task.content.clues
    progress = sum(step.reward.team_terms.get("progress", 0.0) for step in steps)
    assert progress == pytest.approx(right / (16 - task.content.clues))
    assert sum(step.reward.local_terms.get(PLANNER, {}).get("proposal", 0.0) for step in steps) == pytest.approx(0)
    for step in steps:
        assert game.team_range[0] <= step.reward.team <= game.team_range[1]
        assert all(game.local_range[0] <= step.reward.local(agent) <= game.local_range[1] for agent in game.agents)
        json.dumps(step.info)
    assert (end.outcome == "solved") == is_solution_of(end.board, task.content.givens)


def erase_and_write_again(state, agent):
    """Writes a right digit, and empties it in the next turn: progress that is taken back."""
    level = state.task.content
    cell = next(cell for cell, sign in enumerate(level.givens) if sign == ".")
    return f"{'abcd'[cell % 4]}{cell // 4 + 1}={level.solution[cell] if state.turn % 2 == 0 else 0}"


EXPLOITS = {
    "nothing": lambda state, agent: "[]",
    "noise": lambda state, agent: "I would rather not.",
    "writing the givens again": lambda state, agent: "Grid: " + state.task.content.givens,
    "breaking the rules": lambda state, agent: "a1=1 a1=2 b1=1 b1=2 c1=1 d1=1 a2=1 b2=1",
    "write and erase": erase_and_write_again,
    "all talk": lambda state, agent: " ".join(ALL) if agent == PLANNER else "[]",
}


@pytest.mark.parametrize("name", EXPLOITS)
def test_no_exploit_earns_more_than_what_stands_on_the_board_at_the_end(name):
    game = Sudoku()
    for index in range(30):
        steps = play(game, game.task("train", index), EXPLOITS[name])
        level, board = steps[-1].state.task.content, steps[-1].state.board
        right = sum(a == b for a, b in zip(board, level.solution, strict=True)) - level.clues
        earned = right / (16 - level.clues)
        assert team_return(steps) == pytest.approx(earned)
        assert all(value <= earned + 1e-9 for value in returns(game, steps).values())
        assert steps[-1].state.outcome == "out_of_turns"


# ---- the expert ----------------------------------------------------------------------------------------------------
@every_game
def test_the_expert_solves_every_task_whatever_its_partner_proposes(game):
    generator = random.Random(1)
    examples = game.example_actions()
    for index in range(15):
        partner = lambda: " ".join(generator.sample(examples, 6))  # noqa: E731
        steps = play(
            game,
            game.task("validation", index),
            lambda s, a, p=partner: p() if a == PLANNER and s.turn == 0 else game.expert(s, a),
        )
        assert steps[-1].state.outcome == "solved" and team_return(steps) == pytest.approx(2)


@settings(max_examples=200, deadline=None)
@given(moves=st.lists(moves_4x4, max_size=30))
def test_the_expert_repairs_any_board(moves):
    game, level = Sudoku(), level_of(PUZZLE)
    board = PUZZLE
    for move in moves:
        board, _ = walk(level, board, (move,))
    path = game.solve(level, board)
    assert walk(level, board, path) == (SOLUTION, len(path)) and (path or board == SOLUTION)


# ---- saving and settings -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("board", None),
        ("board", "1" * 16),
        ("board", PUZZLE[:-1]),
        ("board", "1" + PUZZLE[1:9] + "1" + PUZZLE[10:15] + "5"),
        ("board", "." * 16),
        ("board", PUZZLE[:5] + "2" + PUZZLE[6:]),
        ("board", list(PUZZLE)),
        ("outcome", "solved"),
        ("proposal", ["a1=9", ""]),
        ("proposal", ["a1=1", "b2=4"]),
        ("proposal", [["a1=1"], ""]),
        ("proposal", ["Moves: a1=1", ""]),
    ],
)
def test_a_damaged_state_is_refused(key, value):
    game = Sudoku()
    state = game.step(game.initial(game.task_from(PUZZLE)), {PLANNER: "a1=1 b1=4"}).state
    saved = json.loads(json.dumps(game.save(state)))
    assert game.load(saved) == state
    saved["state"][key] = value
    with pytest.raises(StateError, match="damaged"):
        game.load(saved)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 5}, "size is 5; it must be 4, 6 or 9"),
        ({"size": "9"}, "size is '9'"),
        ({"size": True}, "size is True"),
        ({"size": 4.0}, "size is 4.0"),
        ({"size": [4]}, "size is .4.; it must be 4, 6 or 9"),
        ({"clues": 4}, "clues of size 4 is 4; it must be a whole number from 5 to 12"),
        ({"size": 9, "clues": 81}, "clues of size 9 is 81"),
        ({"difficulty": "heard"}, "Did you mean 'hard'"),
        ({"difficulty": "hard"}, "naked singles solve every 4x4 puzzle"),
        ({"source": "puzzles.txt"}, "source is 'puzzles.txt'; give 'file:PATH'"),
        ({"source": "file:nowhere.txt"}, "cannot be read"),
        ({"source": "file:x", "clues": 8}, "leave them out with a file"),
        ({"roles": "boss"}, "Unknown roles 'boss'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        Sudoku(**arguments)


def test_an_answer_may_fill_the_board_and_a_discrete_episode_has_a_turn_for_every_cell():
    assert (Sudoku().turns, Sudoku().max_moves) == (4, 16)
    assert (Sudoku(9, roles="single").turns, Sudoku(9, roles="single").max_moves) == (1, 81)
    assert (Sudoku(action_type="discrete").turns, Sudoku(action_type="discrete").max_moves) == (16, 1)


def test_pickles_of_a_puzzle_hold_nothing_that_was_found_out_about_its_boards():
    game = Sudoku()
    task = game.task("train", 0)
    bare = pickle.dumps(task)
    game.legal_actions(game.initial(task), PLANNER)
    assert task.content.seen and pickle.dumps(task) == bare and pickle.loads(bare) == task
