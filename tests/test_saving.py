import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs import make_game, sokoban_v0
from mas_envs.core.errors import StateError
from mas_envs.pettingzoo_env import OrderEnforced, TeamAECEnv, TeamParallelEnv, make_raw_env
from tests.fakes import HINTER, TELLER, Letters, play_on, seen

TASK = {"task": "abcd"}
GAMES = {
    "letters": Letters(),
    "simultaneous": Letters(simultaneous=True),
    "sokoban": make_game("sokoban", style="compact"),
    "plan_path": make_game("plan_path", style="full", size=5),
}
TEXTS = st.lists(st.one_of(st.sampled_from(["a", "b", "U", "L D R", "+", "U U L"]), st.text(max_size=8)), max_size=14)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(GAMES)), st.integers(0, 50), TEXTS, TEXTS)
def test_a_saved_copied_or_pickled_environment_goes_on_identically_from_any_moment(name, seed, before, after):
    env = OrderEnforced(TeamAECEnv(GAMES[name], alpha=0.5))
    env.reset(seed=seed)
    play_on(env, before)
    fresh = OrderEnforced(TeamAECEnv(GAMES[name], alpha=0.5))
    fresh.unwrapped.set_state(json.loads(json.dumps(env.unwrapped.get_state())))
    twins = [
        fresh,
        OrderEnforced(env.unwrapped.clone()),
        pickle.loads(pickle.dumps(env)),
        copy.deepcopy(env),
    ]
    assert all(twin.unwrapped.get_state() == env.unwrapped.get_state() for twin in twins)
    assert {twin.unwrapped.state_hash() for twin in twins} == {env.unwrapped.state_hash()}
    assert all(seen(twin) == seen(env) for twin in twins)
    traces = [play_on(one, after) for one in (*twins, env)]
    assert all(trace == traces[-1] for trace in traces)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(GAMES)), st.integers(0, 50), st.lists(st.sampled_from(["a", "U", "L D"]), max_size=8))
def test_a_saved_parallel_environment_goes_on_identically_from_any_moment(name, seed, texts):
    env = TeamParallelEnv(GAMES[name])
    env.reset(seed=seed)
    for text in texts:
        twins = [TeamParallelEnv(GAMES[name]), env.clone(), copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
        twins[0].set_state(json.loads(json.dumps(env.get_state())))
        if env.agents:
            steps = [one.step(dict.fromkeys(one.agents, text)) for one in (env, *twins)]
        else:
            steps = [one.reset() for one in (env, *twins)]
        assert all(step == steps[0] for step in steps)


def test_a_wrapped_environment_that_was_never_reset_is_played_after_set_state():
    env = sokoban_v0.env(style="compact")
    env.reset(seed=2)
    env.step("U")
    fresh = sokoban_v0.env(style="compact")
    with pytest.raises(AttributeError, match="before reset"):
        fresh.agents  # noqa: B018
    fresh.unwrapped.set_state(env.unwrapped.get_state())
    count = 0
    for _ in fresh.agent_iter():
        _, _, terminated, truncated, _ = fresh.last()
        fresh.step(None if terminated or truncated else "U")
        count += 1
    assert count == 2 * fresh.unwrapped.game.turns - 1 + 2


def test_a_clone_is_independent():
    env = TeamAECEnv(Letters(simultaneous=True))
    env.reset(options=TASK)
    env.step("b")
    before = seen(env)
    twin = env.clone()
    twin.step("a")
    twin.infos[HINTER]["reward_components"]["local"]["mine"] = 1
    assert seen(env) == before


def test_state_hash_tells_states_apart_and_forgets_how_they_were_reached():
    env = make_raw_env("plan_path", style="compact")
    env.reset(seed=1)
    start = env.state_hash()
    assert len(start) == 32 and start == env.clone().state_hash()
    env.step("U")
    assert env.state_hash() != start
    toy = TeamAECEnv(Letters(simultaneous=True))
    toy.reset(options=TASK)
    waiting = toy.state_hash()
    toy.step("a")
    assert toy.state_hash() != waiting, "what was said but not yet carried out decides the future too"


def saved(env):
    env.reset(options=TASK)
    env.step("a")
    return env.get_state()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["game"].update(version=9), "version 9, this environment has 0"),
        (lambda data: data["game"].update(game="chess"), "game 'chess'"),
        (lambda data: data["game"]["settings"].update(turns=9), "the same settings"),
        (lambda data: data.update(format=7), "format 7"),
        (lambda data: data.update(api="parallel"), "api 'parallel', this environment has 'aec'"),
        (lambda data: data.update(alpha=3.0), "alpha 3.0"),
        (lambda data: data.pop("format"), "format None"),
        (lambda data: data.pop("books"), "damaged"),
        (lambda data: data["game"]["state"].pop("task"), "damaged"),
        (lambda data: data["game"].pop("state"), "needs the keys"),
        (lambda data: data["books"].update(agents=[TELLER]), "agents are"),
        (lambda data: data["books"]["rewards"].update(hinter_0="much"), "is no number"),
        (lambda data: data.update(pending=["a"]), "1 actions are pending where 1 agents act"),
        (lambda data: data.update(ending=[True, False, False]), "disagree on whether the episode is over"),
        (lambda data: data.update(generator=["x", 0]), "'x' is no int"),
        (lambda data: data["report"].update(errors={"nobody_0": ""}), "Unknown agent 'nobody_0'"),
    ],
)
def test_a_foreign_or_damaged_state_is_refused_and_changes_nothing(change, message):
    env = TeamAECEnv(Letters())
    data = json.loads(json.dumps(saved(env)))
    change(data)
    env.step("b")
    before = seen(env)
    with pytest.raises(StateError) as caught:
        env.set_state(data)
    assert message in str(caught.value)
    assert seen(env) == before


@pytest.mark.parametrize("data", [None, "x", 3, [], {}])
def test_what_is_no_state_at_all_is_refused(data):
    with pytest.raises(StateError):
        TeamAECEnv(Letters()).set_state(data)


def test_what_get_state_returned_is_the_callers_own():
    env = TeamAECEnv(Letters())
    data = saved(env)
    untouched = json.dumps(data)
    env.step("x")
    assert json.dumps(data) == untouched
    other = TeamAECEnv(Letters())
    other.set_state(data)
    before = seen(other)
    data["report"]["errors"]["hinter_0"] = "changed"
    data["report"]["info"]["errors"]["hinter_0"] = "changed"
    assert seen(other) == before
