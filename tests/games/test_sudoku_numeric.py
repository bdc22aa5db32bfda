"""Sudoku as numbers: every plane and action of a worked example, and masks that agree with the rules."""

import random

import numpy as np
import pytest

from mas_envs.games.sudoku import Sudoku
from tests.games.sudoku_by_brute_force import PUZZLE
from tests.grid.turns_played import EXECUTOR, PLANNER


def names_of(game):
    return {name: number for number, name in enumerate(game.numeric().names)}


def test_every_plane_of_a_worked_example():
    game = Sudoku(turns=4)
    view, state = game.numeric(), game.initial(game.task_from(PUZZLE))
    state = game.step(game.step(state, {PLANNER: "[]"}).state, {EXECUTOR: "c3=1 a1=1"}).state
    state = game.step(state, {PLANNER: "c3=0 b2=4 b1=1"}).state
    board, plane = state.board, names_of(game)
    assert view.shape == (len(plane), 4, 4) == (14, 4, 4)
    planes = view.planes(state, EXECUTOR)
    assert planes.dtype == np.float32 and planes.shape == view.shape
    for digit in "1234":
        assert planes[plane[digit]].ravel().tolist() == [float(sign == digit) for sign in board]
    assert planes[plane["given"]].ravel().tolist() == [float(sign != ".") for sign in PUZZLE]
    for what, cells in (("proposed 0", [10]), ("proposed 4", [5]), ("proposed 1", []), ("blocked", [1])):
        assert np.flatnonzero(planes[plane[what]]).tolist() == cells, what
    assert (planes[plane["decides"]] == 1).all() and (planes[plane["acts"]] == 1).all()
    assert (planes[plane["time"]] == 0.25).all()
    other = view.planes(state, PLANNER)
    assert (other[plane["decides"]] == 0).all() and (other[plane["acts"]] == 0).all()
    assert (other[: plane["decides"]] == planes[: plane["decides"]]).all()


@pytest.mark.parametrize("size", [4, 6, 9])
def test_a_mask_allows_exactly_the_legal_actions(size):
    game, generator = Sudoku(size=size, action_type="discrete"), random.Random(2)
    view, state = game.numeric(), game.initial(game.task("train", 1))
    assert len(view.actions) == 1 + size * size * (size + 1) == len(set(view.actions))
    for _ in range(12):
        (agent,) = game.acting(state)
        allowed = [view.actions[number] for number in np.flatnonzero(view.mask(state, agent))]
        assert set(allowed) == set(game.legal_actions(state, agent)) and len(allowed) > 1
        for other in game.agents:
            if other != agent:
                assert np.flatnonzero(view.mask(state, other)).tolist() == [0]
        state = game.step(state, {agent: generator.choice(allowed)}).state


def test_every_action_is_legal_text_and_the_first_does_nothing():
    game = Sudoku(action_type="discrete")
    view, state = game.numeric(), game.initial(game.task_from(PUZZLE))
    step = game.step(state, {PLANNER: view.actions[0]})
    assert step.info["errors"] == {} and step.reward.local(PLANNER) == 0 and step.state.board == PUZZLE
    after = step.state
    for number, action in enumerate(view.actions):
        step = game.step(after, {EXECUTOR: action})
        assert "No moves" not in str(step.info["errors"]) and "is no" not in str(step.info["errors"])
        if view.mask(after, EXECUTOR)[number] and number:
            assert step.info["errors"] == {} and step.state.board != PUZZLE


def test_playing_the_right_action_at_every_cell_solves_the_puzzle():
    game = Sudoku(roles="single", action_type="discrete")
    state = game.initial(game.task("test", 0))
    view = game.numeric()
    while agents := game.acting(state):
        action = game.expert(state, agents[0]).removeprefix('Moves: ["').removesuffix('"]')
        assert view.mask(state, agents[0])[view.actions.index(action)]
        state = game.step(state, {agents[0]: action}).state
    assert state.outcome == "solved" and state.turn == 8
    assert np.flatnonzero(view.mask(state, "solver_0")).tolist() == [0]
