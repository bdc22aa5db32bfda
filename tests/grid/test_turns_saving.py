"""Saved states of the board games: equal when loaded, refused when damaged."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs.core.errors import StateError
from tests.grid.turns_played import (
    actions_strategy,
    every_game,
)


@every_game
@settings(deadline=None, max_examples=40)
@given(index=st.integers(0, 20), said=actions_strategy, stop=st.integers(0, 9))
def test_a_state_saved_at_any_moment_loads_equal_and_goes_on_identically(game, index, said, stop):
    state, answers = game.initial(game.task("test", index)), iter(said)
    for _ in range(stop):
        if agents := game.acting(state):
            state = game.step(state, {agents[0]: next(answers)}).state
    loaded = game.load(json.loads(json.dumps(game.save(state))))
    assert loaded == state and game.acting(loaded) == game.acting(state)
    while agents := game.acting(state):
        action = next(answers)
        one, two = game.step(state, {agents[0]: action}), game.step(loaded, {agents[0]: action})
        assert one == two
        assert game.observe(one.state, agents[0]) == game.observe(two.state, agents[0])
        state, loaded = one.state, two.state


DAMAGES = {
    "board": [None, "x", -1, 10**9, [1], {}],
    "turn": [None, -1, 99, "1", 1.5, True],
    "feedback": [None, 3],
    "outcome": [None, "won", "solved", "lost", 3],
    "proposal": [[], ["U"], "UD", [1, 2], ["x", ""], ["", "x"], ["U" * 99, ""], 5, ["UDLRUDLR" * 9, "U"]],
    "task": [None, {}, {"level": "###", "digest": "0", "source": "a", "id": "b"}, []],
}


@every_game
@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in DAMAGES.items() for value in values])
def test_a_damaged_state_is_refused(game, key, value):
    saved = json.loads(json.dumps(game.save(game.initial(game.task("train", 0)))))
    saved["state"][key] = value
    with pytest.raises(StateError):
        game.load(saved)


@every_game
@pytest.mark.parametrize("key", ["board", "turn", "feedback", "outcome", "proposal", "task"])
def test_a_state_without_one_of_its_parts_is_refused(game, key):
    saved = game.save(game.initial(game.task("train", 0)))
    del saved["state"][key]
    with pytest.raises(StateError, match="damaged"):
        game.load(saved)


@every_game
def test_a_state_of_another_game_version_setting_or_level_is_refused(game):
    saved = game.save(game.initial(game.task("train", 0)))
    for change in ({"game": "chess"}, {"version": 99}, {"settings": {}}):
        with pytest.raises(StateError, match=next(iter(change))):
            game.load({**saved, **change})
    for nothing in (None, 3, "state", [], {}):
        with pytest.raises(StateError, match="no saved state"):
            game.load(nothing)
    other = game.save(game.initial(game.task("train", 1)))["state"]["task"]["level"]
    saved["state"]["task"]["level"] = other
    with pytest.raises(StateError, match="digest"):
        game.load(saved)


@every_game
def test_a_state_with_a_proposal_after_the_end_is_refused(game):
    state = game.initial(game.task("train", 0))
    while agents := game.acting(state):
        state = game.step(state, {agents[0]: game.expert(state, agents[0])}).state
    saved = game.save(state)
    assert game.load(saved) == state
    saved["state"]["proposal"] = ["", ""]
    with pytest.raises(StateError, match="nobody can have proposed"):
        game.load(saved)
