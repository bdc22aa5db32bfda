"""Math-verify's settings, saved states and recorded episodes, and what happens when the infrastructure fails."""

import json
from dataclasses import replace

import pytest

from mas_envs import make_game, math_verify_v0
from mas_envs.agents import ExpertAgent, play
from mas_envs.core.errors import ActionError, StateError, UsageError
from mas_envs.core.game import Result
from mas_envs.games.math_verify.runner import RunAndGrade
from mas_envs.vector import step_all

TOOL = "tool_0"
EXPERTS = {"tool": ExpertAgent(), "reasoner": ExpertAgent()}


def begin():
    """Returns a game of products, and the states before and after a program that prints 7."""
    game = make_game("math_verify", families="products")
    state = game.initial(game.task("test", 0))
    (made,) = step_all(game, [(state, {TOOL: program("print(7)")})], None)
    return game, state, made.state


def program(text):
    return f"```python\n{text}\n```"


# ---- settings and saving --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"difficulty": "eazy"}, "Did you mean 'easy'"),
        ({"families": "product"}, "Did you mean 'products'"),
        ({"families": "dice"}, "begins at difficulty 'hard'"),
        ({"roles": "planner"}, "Allowed: team, tool, single"),
        ({"order": "random"}, "Allowed: sequential, simultaneous"),
        ({"turns": 0}, "whole number from 1"),
        ({"seconds": 0}, "0.05 to 600"),
        ({"seconds": float("nan")}, "0.05 to 600"),
        ({"source": "gsm8k"}, "file:PATH"),
        ({"style": "short"}, "compact, full"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_allowed_is_refused_in_words(settings, message):
    with pytest.raises(UsageError, match=message):
        make_game("math_verify", **settings)


def test_a_task_is_named_by_its_split_and_number_and_a_foreign_one_is_refused():
    game, state, _ = begin()
    assert game.task_from("test/0") == state.task == game.task_from(state.task)
    env = math_verify_v0.env(families="products")
    env.reset(options={"task": "test/0"})
    assert env.unwrapped.get_state()["game"]["state"]["task"]["id"] == "test/0"
    for wrong in ("test", "test/x", "test/-1", "exam/0", "", "test/²", make_game("math_verify").task("test", 0)):
        with pytest.raises(UsageError):
            game.task_from(wrong)
    with pytest.raises(UsageError):
        game.task_from(replace(state.task, content=replace(state.problem, answers=("7",))))


def test_a_missing_action_and_one_that_is_no_string_are_refused_before_anything_runs():
    game, state, _ = begin()
    for actions, error in (({}, UsageError), ({"reasoner_0": "x"}, UsageError), ({TOOL: 3}, ActionError)):
        with pytest.raises(error):
            game.effects(state, actions)


def test_step_without_the_results_of_its_effects_says_what_to_do():
    game, state, _ = begin()
    with pytest.raises(UsageError, match="step_all"):
        game.step(state, {TOOL: program("print(1)")})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("turn", 9),
        ("turn", "1"),
        ("right", True),
        ("right", 1),
        ("waiting", False),
        ("ended", "agreed"),
        ("run", None),
        ("run", {"program": ""}),
        ("answer", "5"),
        ("task", {"source": "elsewhere", "id": "test/0", "digest": ""}),
        ("task", {"source": "math_verify/easy/products", "id": "test/1", "digest": "0"}),
    ],
)
def test_a_damaged_state_is_refused(key, value):
    game, _, state = begin()
    saved = game.save(state)
    assert game.load(json.loads(json.dumps(saved))).run.output == "7\n"
    saved["state"][key] = value
    with pytest.raises(StateError):
        game.load(saved)


def test_a_run_that_claims_to_be_right_is_refused():
    game, _, state = begin()
    saved = game.save(state)
    saved["state"]["run"]["right"] = True
    with pytest.raises(StateError, match="grade"):
        game.load(saved)


# ---- the world ------------------------------------------------------------------------------------------------------
def test_a_recorded_episode_is_replayed_without_running_anything():
    game = make_game("math_verify", style="compact", order="simultaneous")
    task = game.task("test", 1)
    (episode,) = play(game, EXPERTS, [task])
    state = game.initial(task)
    for moment in episode.moments:
        results = [Result(value) for value in json.loads(json.dumps(moment.results))]
        state, reward, *_, info = game.step(state, moment.actions, results)
        assert {agent: reward.of(agent) for agent in game.agents} == moment.rewards
        assert info == moment.info
    assert state.right and episode.success


@pytest.mark.parametrize("lost", ["program", "answer"])
def test_what_the_infrastructure_lost_is_masked_and_no_reward_of_0(lost):
    game, state, _ = begin()

    def runner(effects):
        failing = RunAndGrade if lost == "program" else object
        return [
            Result(failed=True) if isinstance(effect, failing) else game.effect_runner()([effect])[0]
            for effect in effects
        ]

    (made,) = step_all(game, [(state, {TOOL: program("print(1)")})], runner)
    assert made is None
    env = math_verify_v0.parallel_env(effect_runner=runner)
    env.reset(seed=1)
    _, rewards, terminated, truncated, infos = env.step({TOOL: program("print(1)")})
    assert set(rewards.values()) == {0.0} and all(truncated.values()) and not any(terminated.values())
    assert all(info["mask_sample"] for info in infos.values())
