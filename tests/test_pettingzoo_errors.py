import json

import pytest

from mas_envs.core.errors import ActionError, UsageError
from mas_envs.core.game import Result
from mas_envs.pettingzoo_env import TeamAECEnv, TeamParallelEnv, make_env
from tests.fakes import HINTER, TELLER, FlakyRunner, Letters, run_grades, seen

TASK = {"task": "abcd"}


# ---- mistakes of the caller --------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", [None, 3, b"U", ["U"]])
def test_an_action_that_is_no_string_is_refused_and_changes_nothing(action):
    for simultaneous in (False, True):
        env = TeamAECEnv(Letters(simultaneous=simultaneous))
        env.reset(options=TASK)
        env.step("a")
        before = seen(env)
        with pytest.raises(ActionError, match="The action of teller_0 is a .*; it must be a str. Any string is legal"):
            env.step(action)
        assert seen(env) == before
    parallel = TeamParallelEnv(Letters(simultaneous=True))
    parallel.reset(options=TASK)
    before = parallel.get_state()
    with pytest.raises(TypeError, match="The action of teller_0"):
        parallel.step({HINTER: "a", TELLER: action})
    assert parallel.get_state() == before


def test_a_missing_action_of_an_acting_agent_is_named():
    env = TeamParallelEnv(Letters())
    env.reset(options=TASK)
    with pytest.raises(UsageError, match=r"No action for hinter_0, who acts now; got actions for \['teller_0'\]"):
        env.step({TELLER: "a"})


@pytest.mark.parametrize("make", [TeamAECEnv, TeamParallelEnv])
def test_nothing_works_before_reset_and_the_error_says_so(make):
    env = make(Letters())
    calls = [lambda: env.step("a"), lambda: env.observe(HINTER), env.state, env.render, env.get_state, env.clone]
    if make is TeamAECEnv:
        calls += [env.last, env.agent_iter]
    for call in calls:
        with pytest.raises(UsageError, match=r"before reset\(\); call reset\(\) first"):
            call()


def test_a_finished_episode_takes_only_none_then_asks_for_a_reset():
    env = TeamAECEnv(Letters(turns=1))
    env.reset(options=TASK)
    env.step("a")
    env.step("a")
    with pytest.raises(ValueError, match="The episode is over: hinter_0 can only step None"):
        env.step("a")
    env.step(None)
    env.step(None)
    with pytest.raises(UsageError, match=r"every agent is gone; call reset\(\)"):
        env.step(None)
    parallel = TeamParallelEnv(Letters(turns=1))
    parallel.reset(options=TASK)
    parallel.step({HINTER: "a"})
    parallel.step({TELLER: "a"})
    with pytest.raises(UsageError, match=r"The episode is over; call reset\(\)"):
        parallel.step({})


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"render_mode": "human"}, "Unknown render_mode 'human'. Allowed: ansi"),
        ({"alpha": float("nan")}, "alpha is nan; it must be a finite number"),
        ({"boxs": 1}, "has no setting 'boxs'"),
    ],
)
def test_bad_construction_is_refused_with_what_is_allowed(kwargs, message):
    with pytest.raises(UsageError) as caught:
        make_env("sokoban", **kwargs)
    assert message in str(caught.value)
    with pytest.raises(UsageError, match="is no game; give one"):
        TeamAECEnv("sokoban")  # pyright: ignore[reportArgumentType]


# ---- effects -----------------------------------------------------------------------------------------------------
def test_an_effect_that_fails_once_is_tried_again_unnoticed():
    env = TeamAECEnv(Letters(graded=True), effect_runner=FlakyRunner(1))
    env.reset(options=TASK)
    env.step("a")
    assert env.rewards == {HINTER: 0.5, TELLER: 0.0} and not env.infos[HINTER]["mask_sample"]


@pytest.mark.parametrize("simultaneous", [False, True])
def test_an_infrastructure_failure_truncates_all_with_zero_reward_and_a_mask(simultaneous):
    game = Letters(graded=True, simultaneous=simultaneous)
    env = TeamAECEnv(game, effect_runner=FlakyRunner(2))
    env.reset(options=TASK)
    for _ in game.acting(env._state):
        env.step("a")
    assert set(env.rewards.values()) == {0.0} and all(env.truncations.values()) and not any(env.terminations.values())
    assert all(info["mask_sample"] for info in env.infos.values())
    restored = TeamAECEnv(game, effect_runner=run_grades)
    restored.set_state(json.loads(json.dumps(env.get_state())))
    assert seen(restored) == seen(env)
    env.step(None)
    env.step(None)
    assert env.agents == []
    env.effect_runner = run_grades
    env.reset(options=TASK)
    assert not env.infos[HINTER]["mask_sample"] and not any(env.truncations.values())
    parallel = TeamParallelEnv(game, effect_runner=lambda effects: [Result(failed=True) for _ in effects])
    parallel.reset(options=TASK)
    _, rewards, _, truncations, infos = parallel.step({HINTER: "a", TELLER: "a"})
    assert rewards == {HINTER: 0.0, TELLER: 0.0} and all(truncations.values()) and infos[TELLER]["mask_sample"]


def test_effects_without_a_runner_or_with_too_few_results_say_what_to_do():
    for runner, message in ((None, "give effect_runner="), (lambda _: [], "returned 0 results for 1 effects")):
        env = TeamAECEnv(Letters(graded=True), effect_runner=runner)
        env.reset(options=TASK)
        with pytest.raises(UsageError, match=message):
            env.step("a")
        assert env.agent_selection == HINTER and not env._pending


def test_a_parallel_step_that_could_not_be_carried_out_changes_nothing():
    env = TeamParallelEnv(Letters(graded=True, simultaneous=True), effect_runner=run_grades)
    env.reset(options=TASK)
    env.step({HINTER: "a", TELLER: "b"})
    before = env.get_state()
    env.effect_runner = None
    with pytest.raises(UsageError, match="give effect_runner="):
        env.step({HINTER: "x" * 70_000, TELLER: "a"})
    assert env.get_state() == before
