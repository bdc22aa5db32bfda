"""The faults of published Sudoku environments, each of which must not be here."""

import pickle
import random

import numpy as np
import pytest

from mas_envs.core.errors import UsageError
from mas_envs.games.sudoku import Sudoku
from tests.games.sudoku_by_brute_force import PUZZLE, SOLUTION, is_solution_of
from tests.grid.turns_played import EXECUTOR, PLANNER, SOLVER, play, returns, team_return


@pytest.mark.parametrize(
    "answer", ["b1=1 c1=1", "Grid: 1124241331424231", "[[1,1,2,4],[2,4,1,3],[3,1,4,2],[4,2,3,1]]", "b1=0 b1=1"]
)
def test_no_answer_overwrites_a_given(answer):
    game = Sudoku(roles="single", turns=2)
    step = game.step(game.initial(game.task_from(PUZZLE)), {SOLVER: answer})
    assert step.state.board == PUZZLE and step.info["errors"] and step.reward.team == 0
    assert step.reward.local(SOLVER) == -0.02


@pytest.mark.parametrize("full", ["1" * 16, "1234341221434321", "4321214314323214"])
def test_a_full_grid_that_solves_another_puzzle_solves_nothing(full):
    game = Sudoku(roles="single")
    step = game.step(game.initial(game.task_from(PUZZLE)), {SOLVER: f"Grid: {full}"})
    assert not step.info["success"] and step.state.board == PUZZLE and step.reward.team == 0


@pytest.mark.parametrize(
    ("puzzle", "message"),
    [
        ("123....4........", "has no solution"),
        ("." * 16, "has several solutions"),
        (SOLUTION, "no empty cell"),
        ("11" + "." * 14, "a1 and b1 are both 1"),
        ("1" + "." * 80, "has 81 cells; a 4x4 puzzle has 16.*make the game with size=9"),
        ("123", "has 3 cells"),
        ("5" + "." * 15, "has '5'; allowed are the digits 1 to 4"),
        ("", "has 0 cells"),
    ],
)
def test_a_puzzle_without_exactly_one_solution_is_refused(puzzle, message):
    with pytest.raises(UsageError, match=message):
        Sudoku().task_from(puzzle)


def test_making_and_playing_leaves_the_global_generators_alone():
    states = random.getstate(), pickle.dumps(np.random.get_state())
    for settings_ in ({}, {"size": 9}, {"size": 6, "difficulty": "medium"}):
        game = Sudoku(**settings_)
        play(game, game.task("test", 123_456), game.expert)
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == states


def test_what_breaks_a_rule_again_and_again_is_never_paid():
    game = Sudoku()
    steps = play(game, game.task_from(PUZZLE), lambda state, agent: "b1=4")
    assert team_return(steps) == 0 and all(value < 0 for value in returns(game, steps).values())


def test_every_prompt_is_of_the_state_that_the_answer_is_carried_out_on():
    game = Sudoku()
    state = game.initial(game.task_from(PUZZLE))
    proposed = game.step(state, {PLANNER: "a1=1 b2=4"})
    assert game.draw(state.task.content, proposed.state.board) in game.observe(proposed.state, EXECUTOR).situation
    assert game.draw(state.task.content, proposed.state.proposal.after) in game.observe(proposed.state, EXECUTOR).text
    candidates = [game.step(proposed.state, {EXECUTOR: answer}) for answer in ("+ c2=1", "c2=1", "+ c2=1")]
    assert candidates[0] == candidates[2] != candidates[1]
    assert [step.reward.team for step in candidates] == [3 / 8, 1 / 8, 3 / 8]
    assert game.observe(candidates[0].state, PLANNER).situation.count("1 | 1 3 | 2 4 |") == 1


def test_no_generated_puzzle_is_solved_already_or_has_another_solution():
    for size, clues in ((4, 12), (6, 30), (9, 70)):
        game = Sudoku(size=size, clues=clues)
        for index in range(10):
            state = game.initial(game.task("train", index))
            assert game.acting(state) and state.potential == -1
            assert is_solution_of(state.task.content.solution, state.board) and "." in state.board
