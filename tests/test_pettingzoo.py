import json
import pickle
import random

import numpy as np
import pytest
from pettingzoo import ParallelEnv
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.test.state_test import state_test
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from mas_envs import make_game, plan_path_v0, registered, sokoban_v0
from mas_envs.core.errors import UsageError
from mas_envs.pettingzoo_env import (
    OrderEnforced,
    TeamAECEnv,
    TeamParallelEnv,
    make_env,
    make_parallel_env,
    make_raw_env,
)
from tests.fakes import HINTER, TELLER, Letters, play_on, run_grades, seen

# PettingZoo's checks advise number observations and actions; text environments have neither.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SHAPES = [(style, roles) for style in ("compact", "full") for roles in ("team", "single")]
ALL = [(name, style, roles) for name in registered() if name in ("plan_path", "sokoban") for style, roles in SHAPES]
TASK = {"task": "abcd"}
INFO_KEYS = {
    "turn",
    "team_reward",
    "local_reward",
    "reward_components",
    "success",
    "error",
    "legal_actions",
    "mask_sample",
}


# ---- PettingZoo's own checks -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "style", "roles"), ALL)
def test_pettingzoos_checks_pass_wrapped_raw_and_parallel(name, style, roles):
    kwargs = {"game": name, "style": style, "roles": roles}
    api_test(make_env(**kwargs), num_cycles=50)
    api_test(make_raw_env(**kwargs), num_cycles=50)
    parallel_api_test(make_parallel_env(**kwargs), num_cycles=50)
    seed_test(lambda: make_env(**kwargs), num_cycles=20)
    parallel_seed_test(lambda: make_parallel_env(**kwargs), num_cycles=20)
    state_test(make_env(**kwargs), make_parallel_env(**kwargs))


@pytest.mark.parametrize("simultaneous", [False, True])
def test_pettingzoos_checks_pass_for_a_toy_game_with_simultaneous_agents_and_effects(simultaneous):
    game = Letters(turns=4, simultaneous=simultaneous, graded=True)
    for env in (TeamAECEnv(game, effect_runner=run_grades), OrderEnforced(TeamAECEnv(game, effect_runner=run_grades))):
        api_test(env, num_cycles=50)
    parallel_api_test(TeamParallelEnv(game, effect_runner=run_grades), num_cycles=50)


def test_env_is_order_enforced_raw_env_is_not_and_parallel_env_is_native():
    for module in (plan_path_v0, sokoban_v0):
        assert isinstance(module.env(), OrderEnforcingWrapper)
        assert isinstance(module.raw_env(), TeamAECEnv)
        assert isinstance(module.parallel_env(), ParallelEnv) and type(module.parallel_env()) is TeamParallelEnv
    assert str(sokoban_v0.env()) == str(sokoban_v0.parallel_env()) == "sokoban_v0"


# ---- seeds and tasks ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "style", "roles"), ALL)
def test_a_seed_decides_everything_for_many_episodes(name, style, roles):
    """Stricter than PettingZoo 1.27's parallel_seed_test, which stops after one step."""
    texts = random.Random(5).choices(make_game(name, roles=roles).example_actions(), k=60)
    traces = []
    for _ in range(2):
        env = make_raw_env(name, style=style, roles=roles)
        env.reset(seed=11)
        traces.append([seen(env), *play_on(env, texts)])
    assert traces[0] == traces[1]


def test_parallel_episodes_with_one_seed_are_the_same_to_the_end():
    def trace():
        env = make_parallel_env("sokoban", style="compact")
        generator = random.Random(3)
        out: list[object] = [env.reset(seed=4)]
        for _ in range(5):
            while env.agents:
                out.append(env.step({agent: generator.choice(["U", "L D", "R R", "x"]) for agent in env.agents}))
            out.append(env.reset())
        return out

    assert trace() == trace()


def test_seeds_give_the_same_task_in_every_shell_and_different_tasks_for_different_seeds():
    aec, parallel = make_env("sokoban"), make_parallel_env("sokoban")
    texts = set()
    for seed in range(20):
        aec.reset(seed=seed)
        assert aec.observe("planner_0") == parallel.reset(seed=seed)[0]["planner_0"]
        texts.add(aec.unwrapped.observe("planner_0")["text"])
    assert len(texts) > 15


def test_without_a_seed_the_environment_draws_a_new_task_each_time():
    env, other = make_raw_env("plan_path"), make_raw_env("plan_path")
    texts = set()
    for _ in range(5):
        env.reset()
        other.reset()
        texts |= {env.state(), other.state()}
    assert len(texts) == 10


def test_a_numpy_seed_is_the_same_as_an_int():
    env = make_raw_env("plan_path")
    env.reset(seed=np.int64(7))  # pyright: ignore[reportArgumentType]
    first = env.state()
    env.reset(seed=7)
    assert env.state() == first


def test_options_name_the_task_as_text_as_task_or_by_split_and_index():
    env = TeamAECEnv(Letters())
    env.reset(options=TASK)
    assert env.observe(HINTER)["text"] == "a b c d hinter"
    env.reset(seed=3, options={"task": env.game.task("test", 4), "something else": 1})
    by_task = env.state()
    env.reset(options={"split": "test", "index": 4})
    assert env.state() == by_task


@pytest.mark.parametrize(
    ("seed", "options", "message"),
    [
        (None, {"split": "test"}, "options has one of split and index; give both"),
        (None, {"split": "tset", "index": 0}, "Unknown split 'tset'. Did you mean 'test'?"),
        (None, {"split": "test", "index": -1}, "index is -1"),
        (None, {"task": 3}, "A task of letters is int"),
        (None, [1], "options is a list"),
        ("x", None, "seed is 'x'; it must be a whole number or None"),
    ],
)
def test_bad_reset_arguments_are_refused_and_change_nothing(seed, options, message):
    env = TeamAECEnv(Letters())
    env.reset(options=TASK)
    env.step("a")
    before = seen(env)
    with pytest.raises(UsageError) as caught:
        env.reset(seed=seed, options=options)
    assert message in str(caught.value)
    assert seen(env) == before


def test_no_global_generator_is_touched():
    before = random.getstate(), pickle.dumps(np.random.get_state())
    env = make_raw_env("sokoban")
    env.reset()
    play_on(env, ["U", "L"] * 10)
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == before


# ---- what agents get ---------------------------------------------------------------------------------------------
def test_rewards_are_the_weighted_team_reward_and_the_agents_own():
    env = TeamAECEnv(Letters(), alpha=2.0)
    env.reset(options=TASK)
    env.step("a")
    assert env.rewards == {HINTER: 0.5, TELLER: 0.0}
    env.step("a")
    assert env.rewards == {HINTER: 2.0, TELLER: 2.5}
    assert env.last()[1:4] == (2.5, True, False)  # the hinter's sum since its own action: 0.5 then 2.0
    for agent, info in env.infos.items():
        assert env.rewards[agent] == 2.0 * info["team_reward"] + info["local_reward"]


def test_infos_say_what_is_documented_and_survive_json():
    env = TeamAECEnv(Letters())
    env.reset(options=TASK)
    assert env.infos[HINTER]["legal_actions"] == list("abcd") and env.infos[TELLER]["legal_actions"] == []
    env.step("no idea")
    assert set(env.infos[HINTER]) == INFO_KEYS
    assert env.infos[HINTER]["error"] == "say one of abcd" and env.infos[TELLER]["error"] == ""
    assert env.infos[HINTER]["reward_components"] == {"team": {}, "local": {"wrong": -0.1}}
    env.step("a")
    info = env.last()[4]
    assert (env.agent_selection, info["turn"], info["success"]) == (HINTER, 1, False)
    assert info["error"] == "say one of abcd", "what was wrong with its latest action still stands when it acts again"
    assert json.loads(json.dumps(env.infos)) == env.infos
    env.step("a")
    assert env.infos[HINTER]["error"] == ""


def test_a_terminated_episode_and_one_out_of_turns_are_told_apart():
    env = TeamAECEnv(Letters(turns=1))
    for text, ends in (("a", (True, False)), ("b", (False, True))):
        env.reset(options=TASK)
        env.step("a")
        env.step(text)
        assert [(env.terminations[agent], env.truncations[agent]) for agent in env.agents] == [ends, ends]
        assert env.infos[TELLER]["success"] is ends[0]
        env.step(None)
        env.step(None)
        assert env.agents == [] and list(env.agent_iter()) == []


def test_simultaneous_actors_are_buffered_until_the_last_has_spoken():
    env = TeamAECEnv(Letters(simultaneous=True))
    env.reset(options=TASK)
    before = [env.observe(agent) for agent in env.agents], env.state()
    env.step("a")
    assert env.agent_selection == TELLER
    assert ([env.observe(agent) for agent in env.agents], env.state()) == before
    assert set(env.rewards.values()) == {0.0} and env.last()[1] == 0.0
    env.step("b")
    assert env.rewards == {HINTER: 0.5, TELLER: -0.1} and env.infos[HINTER]["turn"] == 1


def test_parallel_steps_one_acting_set_and_ignores_the_others():
    env = TeamParallelEnv(Letters(turns=2))
    _, infos = env.reset(options=TASK)
    assert [infos[agent]["acting"] for agent in (HINTER, TELLER)] == [True, False]
    _, rewards, _, _, infos = env.step({HINTER: "a", TELLER: None})
    assert rewards == {HINTER: 0.5, TELLER: 0.0}
    assert [infos[agent]["acting"] for agent in (HINTER, TELLER)] == [False, True]
    _, rewards, terminations, _, infos = env.step({TELLER: "a", HINTER: "ignored"})
    assert terminations == {HINTER: True, TELLER: True} and env.agents == []
    assert rewards == {HINTER: 1.0, TELLER: 1.5}
    assert not any(info["acting"] for info in infos.values())


def test_simultaneous_actors_of_a_parallel_environment_step_together():
    env = TeamParallelEnv(Letters(simultaneous=True))
    env.reset(options=TASK)
    observations, rewards, terminations, _, _ = env.step({HINTER: "a", TELLER: "a"})
    assert (
        rewards == {HINTER: 1.5, TELLER: 1.5} and all(terminations.values()) and set(observations) == {HINTER, TELLER}
    )


@pytest.mark.parametrize("make", [TeamAECEnv, TeamParallelEnv])
def test_spaces_are_the_same_object_each_time_and_take_any_string(make):
    env = make(Letters())
    for agent in env.possible_agents:
        assert env.action_space(agent) is env.action_space(agent) is env.action_spaces[agent]
        assert env.observation_space(agent) is env.observation_space(agent) is env.observation_spaces[agent]
        assert all(env.action_space(agent).contains(text) for text in ("", "\n", "é\ud800😀", "x" * 65_536))
        assert env.action_space(agent).sample() in "abcd"


@pytest.mark.parametrize("simultaneous", [False, True])
def test_of_an_action_that_is_too_long_the_end_counts(simultaneous):
    env = TeamAECEnv(Letters(simultaneous=simultaneous))
    env.reset(options=TASK)
    env.step("x" + " " * 65_535 + "a")
    env.step("a")
    assert env.infos[HINTER]["success"] is True
    assert env.infos[HINTER]["truncated_action"] is True and "truncated_action" not in env.infos[TELLER]


def test_truncated_action_speaks_of_the_latest_action_only():
    env = TeamAECEnv(Letters())
    env.reset(options=TASK)
    env.step("x" * 70_000)
    env.step("b")
    assert "truncated_action" in env.infos[HINTER]
    env.step("b")
    assert "truncated_action" not in env.infos[HINTER]


def test_render_and_state_show_the_board():
    env = make_raw_env("sokoban", render_mode="ansi")
    env.reset(seed=1)
    assert env.render() == env.state() == env.game.render(env._state)
    quiet = make_raw_env("sokoban")
    quiet.reset(seed=1)
    assert quiet.render() is None
