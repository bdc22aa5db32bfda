"""A tool user and a planner where something fails, is saved, is replayed or is refused."""

import json
import subprocess
import sys
import warnings

import pytest

from mas_envs import make_game
from mas_envs.agents import ExpertAgent, RandomAgent, play
from mas_envs.agents.playing import replay
from mas_envs.core.errors import ActionError, StateError, UsageError
from mas_envs.core.game import Result
from mas_envs.grid.tools import ProgramRunner
from mas_envs.pettingzoo_env import make_env
from mas_envs.sandbox import Result as Ran
from mas_envs.sandbox import Verdict
from mas_envs.vector import step_all
from tests.games.tool_planner_played import TOOL, every_name, every_style, made, on_map, program, step


# ---- the infrastructure ---------------------------------------------------------------------------------------------
def lost(effects):
    return [Result(failed=True) for _ in effects]


def test_a_sandbox_that_was_lost_masks_the_episode_and_is_no_penalty():
    game = made()
    tasks = [game.task("test", index) for index in range(3)]
    experts = {"tool": ExpertAgent(), "planner": ExpertAgent()}
    for episode in play(game, experts, tasks, effect_runner=lost):
        assert episode.success is None and episode.moments[0].rewards is None
    env = make_env("plan_path", roles="tool-planner", effect_runner=lost)
    env.reset(seed=3)
    env.step(program("print('D')"))
    assert env.infos[TOOL]["mask_sample"] and all(env.truncations.values()) and set(env.rewards.values()) == {0.0}


def test_a_reply_without_a_program_needs_no_sandbox():
    game, state = on_map()
    assert game.effects(state, {TOOL: "no program"}) == ()
    (done,) = step_all(game, [(state, {TOOL: "no program"})], lost)
    assert done.reward.local(TOOL) == -0.02


class Broken:
    """A sandbox that is lost under every other program."""

    def run_many(self, jobs):
        return [Ran(Verdict.INFRASTRUCTURE if number % 2 else Verdict.OK, out=b"D\n") for number, _ in enumerate(jobs)]


def test_the_runner_tells_a_lost_sandbox_from_what_a_program_did():
    game, state = on_map()
    effects = game.effects(state, {TOOL: program("print('D')")}) * 2
    assert [result.failed for result in ProgramRunner(Broken())(effects)] == [False, True]
    with pytest.raises(UsageError, match="RunProgram alone"):
        ProgramRunner(Broken())([object()])


def test_a_step_without_the_result_of_its_program_is_refused():
    game, state = on_map()
    with pytest.raises(UsageError, match="0 results where effects.. names 1"):
        game.step(state, {TOOL: program("print('D')")})
    with pytest.raises(UsageError, match="1 results where effects.. names 0"):
        game.step(state, {TOOL: "no program"}, [Result({})])
    with pytest.raises(ActionError):
        game.effects(state, {TOOL: 3})


# ---- replay and saving ----------------------------------------------------------------------------------------------
@every_name
@every_style
def test_episodes_replay_exactly_from_what_was_recorded_and_nothing_runs(name, style, monkeypatch):
    game = made(name, style=style)
    tasks = [game.task("train", index) for index in range(4)]
    for agent in (ExpertAgent(), RandomAgent()):
        episodes = play(game, {"tool": agent, "planner": agent}, tasks)
        with monkeypatch.context() as patch:
            patch.setattr("mas_envs.sandbox.shared.shared_sandbox", lambda: pytest.fail("a program ran"))
            assert [replay(game, task, episode) for task, episode in zip(tasks, episodes, strict=True)] == episodes


def saved_states(name="plan_path"):
    """Returns a game and saved states: before a program, after one that is read, after the planner's moves."""
    game = made(name)
    states = [game.initial(game.task("train", 0))]
    states.append(step(game, states[0], tool=game.expert(states[0], TOOL)).state)
    states.append(step(game, states[1], planner="Moves: []").state)
    return game, states


@every_name
def test_states_survive_json_with_the_program_and_what_it_printed(name):
    game, states = saved_states(name)
    for state in states:
        assert game.load(json.loads(json.dumps(game.save(state)))) == state
    assert states[1].run.verdict == "ok" and states[2].run == states[1].run


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"run": {"program": "pass", "verdict": "ok", "output": "D", "fault": ""}}),
        (1, {"run": None}),
        (1, {"run": {"program": "pass", "verdict": "ok", "output": "D", "fault": ""}}),
        (1, {"run": {"program": "", "verdict": "ok", "output": "D", "fault": ""}}),
        (1, {"run": {"program": "pass", "verdict": "runtime_error", "output": "D", "fault": ""}}),
        (1, {"run": {"program": 3, "verdict": "ok", "output": "D", "fault": ""}}),
        (1, {"run": {"program": "pass"}}),
        (1, {"run": "pass"}),
        (1, {"proposal": ["U", ""]}),
        (1, {"proposal": None}),
        (2, {"run": None}),
        (2, {"proposal": ["", ""]}),
    ],
)
def test_a_state_whose_program_cannot_be_so_is_refused(number, change):
    game, states = saved_states()
    saved = game.save(states[number])
    saved["state"].update(change)
    with pytest.raises(StateError):
        game.load(saved)


# ---- settings -------------------------------------------------------------------------------------------------------
@every_name
def test_programs_are_text_so_there_are_no_numbers_in_this_form(name):
    with pytest.raises(UsageError, match=r"tool-planner.*action_type='text'"):
        made(name, action_type="discrete")
    assert made(name).numeric() is None and make_game(name).numeric() is not None
    with pytest.raises(UsageError, match="numeric view"):
        make_env(name, roles="tool-planner", observation_type="flat")


@every_name
def test_seconds_belong_to_programs(name):
    assert (made(name).seconds, made(name, style="compact").seconds) == (4.0, 0.5)
    assert made(name, seconds=2).settings()["seconds"] == 2.0
    assert "seconds" not in make_game(name).settings()
    for wrong in (0, 601, True, "1", float("nan")):
        with pytest.raises(UsageError, match="from 0.05 to 600"):
            made(name, seconds=wrong)
    with pytest.raises(UsageError, match="seconds is what a program may take"):
        make_game(name, seconds=2)


def test_an_environment_can_be_copied_and_goes_on():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = make_env("sokoban", roles="tool-planner").unwrapped
    env.reset(seed=5)
    env.step(env.game.expert(env._state, TOOL))
    twin = env.clone()
    for each in (env, twin):
        each.step("Moves: +")
    assert env.state_hash() == twin.state_hash() and env.rewards == twin.rewards


def test_boards_are_played_without_importing_the_sandbox():
    code = "import sys, mas_envs\nfor name in ('plan_path', 'sokoban', 'sudoku'):\n    mas_envs.make_game(name)\n"
    code += "print([name for name in sys.modules if name.startswith('mas_envs.sandbox')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
