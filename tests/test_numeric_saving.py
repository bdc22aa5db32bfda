"""Every numeric view goes on identically from any moment, however it was saved or copied."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs.core.errors import StateError
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.sokoban import Sokoban
from mas_envs.gymnasium_env import SingleEnv
from mas_envs.pettingzoo_env import OrderEnforced, TeamAECEnv, TeamParallelEnv
from tests.fakes import play_on, seen

GAMES = [game(action_type="discrete", turns=4) for game in (PlanPath, Sokoban)]
VIEWS = st.sampled_from(["text", "flat", "masked"])
NUMBERS = st.lists(st.integers(0, 4), max_size=14)


def listed(value):
    """Returns what was seen with arrays as lists (and their types), which == compares."""
    if isinstance(value, dict):
        return {key: listed(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [listed(part) for part in value]
    return [str(value.dtype), value.tolist()] if isinstance(value, np.ndarray) else value


def twins_of(env, make):
    fresh = make()
    fresh.unwrapped.set_state(json.loads(json.dumps(env.unwrapped.get_state())))
    return [fresh, copy.deepcopy(env), pickle.loads(pickle.dumps(env))]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(GAMES), VIEWS, st.integers(0, 50), NUMBERS, NUMBERS)
def test_a_wrapped_environment_goes_on_identically_from_any_moment(game, view, seed, before, after):
    def make():
        return OrderEnforced(TeamAECEnv(game, alpha=0.5, observation_type=view))

    env = make()
    env.reset(seed=seed)
    play_on(env, before)
    everyone = [*twins_of(env, make), OrderEnforced(env.unwrapped.clone()), env]
    assert len({one.unwrapped.state_hash() for one in everyone}) == 1
    assert all(one.unwrapped.get_state() == env.unwrapped.get_state() for one in everyone)
    traces = [listed([seen(one), *play_on(one, after)]) for one in everyone]
    assert all(trace == traces[-1] for trace in traces)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([TeamParallelEnv, SingleEnv]), st.sampled_from(GAMES), VIEWS, st.integers(0, 50), NUMBERS)
def test_parallel_and_single_agent_environments_go_on_identically_from_any_moment(shell, game, view, seed, numbers):
    def make():
        return shell(game, observation_type=view)

    env = make()
    env.reset(seed=seed)
    for number in numbers:
        everyone = [env, *twins_of(env, make), env.clone()]
        assert len({one.state_hash() for one in everyone}) == 1
        if env._over:
            steps = [one.reset() for one in everyone]
        else:
            steps = [one.step(number if shell is SingleEnv else dict.fromkeys(one.agents, number)) for one in everyone]
        assert all(listed(step) == listed(steps[0]) for step in steps)


@pytest.mark.parametrize("shell", [TeamAECEnv, TeamParallelEnv, SingleEnv])
def test_a_saved_state_says_its_view_and_another_one_refuses_it(shell):
    env = shell(GAMES[0], observation_type="masked")
    env.reset(seed=1)
    data = env.get_state()
    assert data["observation_type"] == "masked" and data["game"]["settings"]["action_type"] == "discrete"
    with pytest.raises(StateError, match="observation_type 'masked', this environment has 'flat'"):
        shell(GAMES[0]).set_state(data)
    with pytest.raises(StateError, match="the same settings"):
        shell(PlanPath(turns=4), observation_type="text").set_state({**data, "observation_type": "text"})


def test_a_level_that_is_too_large_cannot_be_smuggled_in_by_a_saved_state():
    game = Sokoban(action_type="discrete")
    text = TeamAECEnv(game, observation_type="text")
    text.reset(options={"task": "#######\n#@$. ##\n#   ###\n#   ###\n#######"})
    with pytest.raises(StateError, match="The level has 7x5 cells"):
        TeamAECEnv(game).set_state({**text.get_state(), "observation_type": "flat"})
