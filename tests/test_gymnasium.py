import copy
import json
import pickle
import warnings
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs import make_game, registered
from mas_envs.core.errors import ActionError, StateError, UsageError
from mas_envs.gymnasium_env import SingleEnv
from mas_envs.registry import registration
from tests.fakes import HINTER, TELLER, FlakyRunner, Letters

TASK = {"task": "abcd"}
BUILT_IN = [name for name in registered() if name in ("plan_path", "sokoban")]


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("roles", ["single", "team"])
@pytest.mark.parametrize("style", ["full", "compact"])
def test_gymnasiums_check_passes_without_a_warning(name, roles, style, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(registration(name).gymnasium_id, roles=roles, style=style, render_mode="ansi")
        check_env(env.unwrapped)
    assert not caplog.records


def test_a_single_agents_reward_is_its_own_and_its_observation_the_prompt():
    env: Any = gymnasium.make("mas_envs/Sokoban-v0", style="compact").unwrapped
    assert env.game.agents == ("solver_0",) and env.game.turns == 4
    observation, info = env.reset(seed=5)
    assert set(observation) == {"text"} and info["agent"] == "solver_0"
    game = make_game("sokoban", style="compact", roles="single", turns=4)
    state = game.initial(game.task_for_seed(5))
    assert observation["text"] == game.observe(state, "solver_0").text
    action = game.expert(state, "solver_0")
    _, reward, terminated, _, info = env.step(action)
    assert reward == pytest.approx(game.step(state, {"solver_0": action}).reward.of("solver_0"))
    assert terminated and info["success"]


def test_for_a_team_the_caller_plays_each_agent_in_turn():
    env = SingleEnv(Letters(turns=2), alpha=2.0)
    observation, info = env.reset(options=TASK)
    assert observation == {"text": "a b c d hinter", "agent": HINTER} and info["agent"] == HINTER
    assert observation in env.observation_space
    observation, reward, *_ = env.step("a")
    assert observation == {"text": "a b c d a teller", "agent": TELLER} and reward == 0.5
    observation, reward, terminated, truncated, info = env.step("a")
    assert (reward, terminated, truncated) == (2.0 * 1.0 + 0.5, True, False)
    assert observation["agent"] == info["agent"] == TELLER, "at the end, who acted last"


def test_simultaneous_actors_speak_in_turn_and_nothing_moves_before_the_last():
    env = SingleEnv(Letters(simultaneous=True))
    env.reset(options=TASK)
    before = env.state()
    observation, reward, *_ = env.step("a")
    assert observation["agent"] == TELLER and reward == 0.0 and env.state() == before
    _, reward, terminated, _, _ = env.step("a")
    assert reward == 1.0 + 0.5 + 0.5 and terminated


def test_an_infrastructure_failure_truncates_with_zero_reward_and_a_mask():
    env = SingleEnv(Letters(graded=True), effect_runner=FlakyRunner(2))
    env.reset(options=TASK)
    _, reward, terminated, truncated, info = env.step("a")
    assert (reward, terminated, truncated, info["mask_sample"]) == (0.0, False, True, True)


@settings(max_examples=25, deadline=None)
@given(st.booleans(), st.integers(0, 9), st.lists(st.sampled_from("abx"), max_size=9))
def test_a_saved_cloned_copied_or_pickled_environment_goes_on_identically(simultaneous, seed, texts):
    env = SingleEnv(Letters(simultaneous=simultaneous))
    env.reset(seed=seed)
    for text in texts:
        fresh = SingleEnv(Letters(simultaneous=simultaneous))
        fresh.set_state(json.loads(json.dumps(env.get_state())))
        everyone = [env, fresh, env.clone(), copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
        assert len({one.state_hash() for one in everyone}) == 1
        over = env._terminated or env._truncated
        steps = [one.reset() if over else one.step(text) for one in everyone]
        assert all(step == steps[0] for step in steps)


def test_mistakes_are_named():
    env = SingleEnv(Letters(turns=1))
    with pytest.raises(UsageError, match=r"step\(\) before reset\(\)"):
        env.step("a")
    env.reset(options=TASK)
    with pytest.raises(ActionError, match="The action of hinter_0 is a int; it must be a str"):
        env.step(3)  # pyright: ignore[reportArgumentType]
    data = env.get_state()
    data["game"]["version"] = 5
    with pytest.raises(StateError, match="version 5"):
        env.set_state(data)
    env.step("a")
    env.step("a")
    with pytest.raises(UsageError, match=r"The episode is over; call reset\(\)"):
        env.step("a")
