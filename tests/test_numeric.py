import warnings
from types import SimpleNamespace

import gymnasium
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test
from pettingzoo.test.state_test import state_test

from mas_envs import make_game, registered
from mas_envs.core.errors import ActionError, UsageError
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.sokoban import Sokoban
from mas_envs.gymnasium_env import SingleEnv
from mas_envs.pettingzoo_env import TeamAECEnv, TeamParallelEnv, make_env, make_parallel_env, make_raw_env
from mas_envs.registry import registration
from tests.fakes import Letters

NUMERIC = [name for name in registered() if make_game(name).numeric() is not None]
ALL = [(name, roles, seen) for name in NUMERIC for roles in ("team", "single") for seen in ("flat", "masked")]
DICT_ADVICE = "Observation (space for each agent probably should be gymnasium.spaces.box|is not a NumPy array)"
LEVEL = "#####\n#@$.#\n#   #\n#   #\n#####"
MAP = "@..\n#..\n..G"


def discrete(name, **settings):
    return make_raw_env(name, action_type="discrete", **settings)


# ---- other people's checks ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "roles", "seen"), ALL)
def test_pettingzoos_checks_pass_without_a_warning_that_can_be_avoided(name, roles, seen):
    kwargs = {"game": name, "roles": roles, "action_type": "discrete", "observation_type": seen}

    def shown(render_mode):  # PettingZoo's render_test begins with "human", whether or not metadata has it
        return make_env(render_mode=None if render_mode == "human" else render_mode, **kwargs)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if seen == "masked":  # a mask needs a Dict, as in PettingZoo's own games
            warnings.filterwarnings("ignore", message=DICT_ADVICE)
        api_test(make_env(**kwargs), num_cycles=100)
        api_test(make_raw_env(**kwargs), num_cycles=100)
        parallel_api_test(make_parallel_env(**kwargs), num_cycles=100)
        seed_test(lambda: make_env(**kwargs), num_cycles=40)
        parallel_seed_test(lambda: make_parallel_env(**kwargs), num_cycles=40)
        state_test(make_env(**kwargs), make_parallel_env(**kwargs))
        render_test(shown)


@pytest.mark.parametrize(("name", "roles", "seen"), ALL)
def test_gymnasiums_check_passes_without_a_warning(name, roles, seen, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = {"roles": roles, "action_type": "discrete", "observation_type": seen, "render_mode": "ansi"}
        check_env(gymnasium.make(registration(name).gymnasium_id, **made).unwrapped)
    assert not caplog.records


class FarAway(PlanPath):
    """The goal is further than the test's few moves."""

    def task_for_seed(self, seed):
        return self.task_from("@" + "." * 19 + "\n" + "." * 19 + "G")


def test_pettingzoos_check_of_the_cycles_passes_with_turns_for_cycles():
    def game(max_cycles):
        return FarAway(roles="single", turns=max_cycles, action_type="discrete")

    shells = {"env": TeamAECEnv, "parallel_env": TeamParallelEnv}
    made = {n: lambda max_cycles, s=s: s(game(max_cycles), observation_type="text") for n, s in shells.items()}
    max_cycles_test(SimpleNamespace(**made))


def test_registries_make_the_numeric_views():
    masked = {"action_type": "discrete", "observation_type": "masked"}
    for env in (
        pettingzoo.make("aec", "mas_envs/sokoban-v0", **masked),
        pettingzoo.make("aec", "mas_envs/plan_path-v0", **masked),
    ):
        env.reset(seed=1)
        assert set(env.last()[0]) == {"observation", "action_mask"}
    observations, _ = pettingzoo.make("parallel", "mas_envs/sokoban-v0", action_type="discrete").reset(seed=1)
    assert all(seen.dtype == np.float32 and seen.ndim == 1 for seen in observations.values())
    env = gymnasium.make("mas_envs/Sokoban-v0", action_type="discrete")
    assert isinstance(env.action_space, spaces.Discrete) and env.observation_space.contains(env.reset(seed=1)[0])
    assert env.unwrapped.game.agents == ("solver_0",) and env.unwrapped.game.turns == 24, "an answer is one move"
    assert gymnasium.make("mas_envs/Sokoban-v0", action_type="discrete", turns=5).unwrapped.game.turns == 5
    assert gymnasium.make("mas_envs/Sokoban-v0").unwrapped.game.turns == 4


# ---- what agents see ---------------------------------------------------------------------------------------------
def planes(env, agent):
    view = env.view.numeric
    return dict(zip(view.names, env.observe(agent).reshape(view.shape), strict=True))


def cells(plane):
    return [tuple(map(int, cell)) for cell in np.argwhere(plane)]


def test_the_planes_of_a_sokoban_level_by_hand():
    env = discrete("sokoban", size=5, turns=4)
    env.reset(options={"task": LEVEL})
    seen = planes(env, "planner_0")
    assert cells(seen["walls"]) == [(r, c) for r in range(5) for c in range(5) if {r, c} & {0, 4}]
    assert [cells(seen[name]) for name in ("goals", "boxes", "player")] == [[(1, 3)], [(1, 2)], [(1, 1)]]
    assert [float(seen[name].mean()) for name in ("U", "D", "L", "R", "decides", "acts", "time")] == [0] * 5 + [1, 0]
    assert not seen["boxes_after"].any() and not seen["player_after"].any()
    env.step(4)
    seen = planes(env, "executor_0")
    assert [cells(seen[name]) for name in ("boxes", "player")] == [[(1, 2)], [(1, 1)]]
    assert [cells(seen[name]) for name in ("boxes_after", "player_after")] == [[(1, 3)], [(1, 2)]]
    assert [float(seen[name].mean()) for name in ("U", "D", "L", "R", "decides", "acts", "time")] == [0] * 3 + [
        1
    ] * 3 + [0]
    waiting = planes(env, "planner_0")
    assert not waiting["acts"].any() and not waiting["decides"].any()
    assert all((waiting[name] == seen[name]).all() for name in seen if name not in ("acts", "decides"))
    env.step(2)
    seen = planes(env, "planner_0")
    assert cells(seen["player"]) == [(2, 1)] and (seen["time"] == np.float32(0.25)).all()


def test_the_planes_of_a_plan_path_map_by_hand():
    env = discrete("plan_path", size=3)
    env.reset(options={"task": MAP})
    env.step(2)
    seen = planes(env, "executor_0")
    assert list(seen) == ["walls", "goal", "player", "player_after", *"UDLR", "decides", "acts", "time"]
    assert [cells(seen[n]) for n in ("walls", "goal", "player", "player_after")] == [
        [(1, 0)],
        [(2, 2)],
        [(0, 0)],
        [(0, 0)],
    ]
    assert seen["D"].all(), "a blocked proposal is seen too, and leads nowhere"


def test_of_a_proposal_of_many_moves_the_first_and_the_end_are_seen():
    env = make_raw_env("plan_path", size=3, observation_type="flat")
    env.reset(options={"task": MAP})
    env.step("R D")
    seen = planes(env, "executor_0")
    assert seen["R"].all() and not any(seen[move].any() for move in "UDL") and cells(seen["player_after"]) == [(1, 1)]


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("make", [make_raw_env, make_parallel_env])
def test_spaces_are_the_same_for_all_agents_the_same_object_each_time_and_hold_all_that_is_seen(name, make):
    env = make(name, action_type="discrete", observation_type="masked")
    first, *others = env.possible_agents
    assert all(env.action_space(other) == env.action_space(first) for other in others)
    assert all(env.observation_space(other) == env.observation_space(first) for other in others)
    for agent in env.possible_agents:
        assert env.action_space(agent) is env.action_space(agent)
        assert env.observation_space(agent) is env.observation_space(agent)
    generator = np.random.default_rng(1)
    env.reset(seed=3)
    while env.agents:
        masks = []
        for agent in env.agents:
            seen = env.observe(agent)
            assert env.observation_space(agent).contains(seen) and seen["action_mask"].any()
            masks.append(seen["action_mask"])
        assert env.state_space.contains(env.state())
        chosen = [int(generator.choice(np.flatnonzero(mask))) for mask in masks]
        if make is make_raw_env:
            over = env.last()[2] or env.last()[3]
            env.step(None if over else chosen[env.agents.index(env.agent_selection)])
        else:
            env.step(dict(zip(env.agents, chosen, strict=True)))


def test_what_was_seen_is_the_callers_own():
    env = discrete("sokoban", observation_type="masked")
    env.reset(seed=1)
    seen = env.observe("planner_0")
    before = seen["observation"].copy(), seen["action_mask"].copy()
    seen["observation"][:] = 9
    seen["action_mask"][:] = 9
    again = env.observe("planner_0")
    assert (again["observation"] == before[0]).all() and (again["action_mask"] == before[1]).all()


@pytest.mark.parametrize("make", [TeamAECEnv, TeamParallelEnv, SingleEnv])
def test_beside_planes_infos_are_numbers_with_the_same_keys_at_each_step_and_in_full_if_asked_for(make):
    keys = {"turn", "team_reward", "local_reward", "success", "mask_sample"}
    more = {TeamAECEnv: set(), TeamParallelEnv: {"acting"}, SingleEnv: {"agent"}}[make]
    game = PlanPath(size=3, action_type="discrete")
    for seen, asked, found in (
        (None, None, keys),
        ("text", "numbers", keys),
        ("flat", "full", keys | {"reward_components", "error", "legal_actions"}),
    ):
        env = make(game, observation_type=seen, info_type=asked)
        env.reset(options={"task": MAP})
        step = env.step({"planner_0": 1} if make is TeamParallelEnv else 1)
        infos = env.clone().infos if make is TeamAECEnv else step[4] if make is TeamParallelEnv else {"": step[4]}
        assert all(set(info) == found | more for info in infos.values())
        if found == keys:
            numbers = [value for info in infos.values() for key, value in info.items() if key != "agent"]
            assert all(isinstance(value, bool | int | float) for value in numbers)


# ---- what agents do ----------------------------------------------------------------------------------------------
@settings(max_examples=60, deadline=None)
@given(st.sampled_from([PlanPath, Sokoban]), st.sampled_from(["team", "single"]), st.integers(0, 99), st.data())
def test_a_number_has_the_outcome_of_the_move_that_it_stands_for_and_a_mask_allows_the_legal_ones(
    game, roles, seed, data
):
    numbers = TeamAECEnv(game(roles=roles, action_type="discrete"), observation_type="masked", info_type="full")
    texts = TeamAECEnv(game(roles=roles, max_moves=1, turns=numbers.game.turns))
    numbers.reset(seed=seed)
    texts.reset(seed=seed)
    for action in data.draw(st.lists(st.integers(0, 4), max_size=12)):
        if numbers._over:
            break
        mask, legal = numbers.last()[0]["action_mask"], numbers.last()[4]["legal_actions"]
        assert [move for move, allowed in zip("UDLR", mask[1:], strict=True) if allowed] == legal
        assert mask[0] == (not legal)
        numbers.step(action)
        texts.step(["[]", *"UDLR"][action])
        assert (numbers.rewards, numbers.infos, numbers.terminations) == (
            texts.rewards,
            texts.infos,
            texts.terminations,
        )
        assert numbers.game.dump(numbers._state) == texts.game.dump(texts._state)


def test_doing_nothing_costs_a_turn_and_nothing_else_and_a_masked_move_is_a_blocked_one():
    env = discrete("plan_path", size=3, roles="single", observation_type="masked", info_type="full")
    env.reset(options={"task": MAP})
    env.step(0)
    assert env.rewards == {"solver_0": 0.0} and env.infos["solver_0"]["error"] == ""
    assert env.infos["solver_0"]["turn"] == 1
    assert list(env.last()[0]["action_mask"]) == [0, 0, 0, 0, 1]
    env.step(1)
    assert env.rewards == {"solver_0": -0.02} and env.infos["solver_0"]["error"].startswith("Move U is blocked")


@pytest.mark.parametrize("action", [4, np.int64(4), np.uint8(4), np.array(4), np.array(4, np.int32)])
def test_numpys_numbers_are_welcome(action):
    for env in (discrete("plan_path", size=3), TeamParallelEnv(PlanPath(size=3, action_type="discrete"))):
        env.reset(options={"task": MAP})
        env.step(action if isinstance(env, TeamAECEnv) else {"planner_0": action})
        assert env._state.proposal.legal == "R"


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (5, UsageError, "is 5; it must be a whole number from 0 (nothing) to 4"),
        (-1, UsageError, "is -1; it must be a whole number"),
        ("U", ActionError, "is a str ('U'); it must be a whole number"),
        (None, ActionError, "is a NoneType (None)"),
        (True, ActionError, "is a bool"),
        (2.0, ActionError, "is a float (2.0)"),
        (np.array([2]), ActionError, "is a ndarray"),
    ],
)
def test_what_is_no_number_of_a_move_is_refused_with_what_is_allowed_and_changes_nothing(action, error, message):
    game = PlanPath(size=3, action_type="discrete")
    for make, agent in ((TeamAECEnv, "planner_0"), (TeamParallelEnv, "planner_0"), (SingleEnv, "planner_0")):
        env = make(game)
        env.reset(options={"task": MAP})
        before = env.get_state()
        with pytest.raises(error) as caught:
            env.step({"planner_0": action} if make is TeamParallelEnv else action)
        assert f"The action of {agent} " in str(caught.value) and message in str(caught.value)
        assert env.get_state() == before
    parallel = TeamParallelEnv(game)
    parallel.reset(options={"task": MAP})
    with pytest.raises(UsageError, match="No action for planner_0, who acts now"):
        parallel.step({"executor_0": 1})


def test_in_a_parallel_environment_those_who_wait_can_only_do_nothing_and_are_not_heard():
    env = make_parallel_env("plan_path", size=3, action_type="discrete", observation_type="masked")
    observations, _ = env.reset(options={"task": MAP})
    assert [list(observations[agent]["action_mask"]) for agent in env.agents] == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]
    observations, rewards, *_ = env.step({"planner_0": 4, "executor_0": "not heard"})
    assert rewards["executor_0"] == 0.0 and env._state.board == 0
    assert [list(observations[agent]["action_mask"]) for agent in env.agents] == [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]


# ---- mistakes ----------------------------------------------------------------------------------------------------
def test_text_and_numbers_can_be_mixed_but_a_mask_needs_numbers():
    env = discrete("sokoban", observation_type="text")
    assert "text" in env.observation_space("planner_0").spaces and env.action_space("planner_0") == spaces.Discrete(5)
    env = make_raw_env("sokoban", observation_type="flat")
    assert env.observation_space("planner_0").shape == (13 * 36,) and env.action_space("planner_0").contains("U U")
    with pytest.raises(UsageError, match="Add action_type='discrete', or take observation_type='flat'"):
        make_env("sokoban", observation_type="masked")
    with pytest.raises(UsageError, match="Unknown observation_type 'flet'. Did you mean 'flat'?"):
        make_env("sokoban", observation_type="flet")
    with pytest.raises(UsageError, match="letters has no numeric view; take action_type='text'"):
        TeamAECEnv(Letters(), observation_type="flat")
    with pytest.raises(UsageError, match="All is text here"):
        TeamAECEnv(Letters()).view.numeric  # noqa: B018


@pytest.mark.parametrize("make", [TeamAECEnv, TeamParallelEnv, SingleEnv])
def test_a_level_that_is_too_large_is_refused_where_planes_are_seen_and_changes_nothing(make):
    game = Sokoban(size=5, action_type="discrete")
    large = Sokoban(size=6).task("test", 0).content.text()
    env = make(game)
    env.reset(seed=1)
    before = env.get_state()
    with pytest.raises(UsageError, match="The level has 6x6 cells, the numeric view of this sokoban has 5x5"):
        env.reset(options={"task": large})
    assert env.get_state() == before
    make(game, observation_type="text").reset(options={"task": large})
