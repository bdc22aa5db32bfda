"""States and episodes of code_test: saved without what is private, restored from the source, replayed exactly."""

import json
from dataclasses import replace

import pytest

from mas_envs import code_test_v0, make_game
from mas_envs.agents import ExpertAgent, RandomAgent, ReplayAgent, play, replay
from mas_envs.animation import frames
from mas_envs.core.errors import StateError, UsageError
from mas_envs.games.code_test import CodeTest
from mas_envs.sandbox import shared
from tests.games.code_test_played import CODER, FIRST, RIGHT, SUM, TESTER, answers, step

BOTH = ("coder", "tester")


class RefusedError(Exception):
    """Something was run that should not."""


def refuse(*given, **named):
    raise RefusedError(given)


@pytest.fixture
def no_sandbox(monkeypatch):
    """Whatever is run in the shared sandbox raises."""
    monkeypatch.setattr(shared, "Sandbox", refuse)
    monkeypatch.setattr(shared, "_shared", {})


@pytest.fixture(scope="module")
def played():
    """Tasks, and episodes of them by agents that are right, wrong and unreadable."""
    game = CodeTest(style="compact", turns=3, difficulty="medium")
    tasks = [game.task("test", i) for i in range(6)]
    episodes = play(game, {"coder": RandomAgent(), "tester": ExpertAgent()}, tasks, seed=3)
    episodes += play(game, {"coder": ExpertAgent(), "tester": RandomAgent()}, tasks, seed=4)
    return game, tasks * 2, episodes


@pytest.mark.usefixtures("no_sandbox")
def test_an_episode_replays_exactly_without_running_anything(played):
    game, tasks, episodes = played
    assert any(len(episode.moments) > 1 for episode in episodes)
    with pytest.raises(RefusedError):
        play(game, dict.fromkeys(BOTH, ExpertAgent()), tasks[:1])
    assert [replay(game, task, episode) for task, episode in zip(tasks, episodes, strict=True)] == episodes


@pytest.mark.usefixtures("no_sandbox")
def test_pictures_of_an_episode_take_its_results(played):
    game, tasks, episodes = played
    assert len(frames(game, tasks[0], episodes[0], refuse)) == len(episodes[0].moments) + 1


def test_what_was_said_gives_the_same_episode_when_everything_runs_again(played):
    game, tasks, episodes = played
    again = play(game, dict.fromkeys(BOTH, ReplayAgent(episodes[:6])), tasks[:6])
    assert again == episodes[:6]


def test_results_survive_json(played):
    for episode in played[2]:
        for moment in episode.moments:
            assert moment.results and json.loads(json.dumps(moment.results)) == list(moment.results)


def test_an_episode_of_another_task_or_cut_short_is_refused(played):
    game, tasks, episodes = played
    with pytest.raises(UsageError, match="give the task it played"):
        replay(game, tasks[1], episodes[0])
    long = next(i for i, episode in enumerate(episodes) if len(episode.moments) > 1)
    with pytest.raises(UsageError, match="ends before its game does"):
        replay(game, tasks[long], replace(episodes[long], moments=episodes[long].moments[:1]))


@pytest.mark.parametrize(
    "settings", [{}, {"order": "sequential", "difficulty": "hard"}, {"roles": "single", "turns": 3}], ids=str
)
def test_a_generated_problem_is_made_anew_from_its_reference(settings):
    game, other = CodeTest(**settings), CodeTest(**settings)
    state = game.initial(game.task("test", 3))
    while acting := game.acting(state):
        for saved in (game.save(state), json.loads(json.dumps(game.save(state)))):
            assert other.load(saved) == state
        text = json.dumps(game.save(state))
        assert state.problem.statement not in text and state.problem.hidden[0].output + '"]' not in text
        said = {CODER: "print(1)", TESTER: "in 1 out 5 in 2 3 out 7"}
        state = step(game, state, {agent: said[agent] for agent in acting}).state
    assert other.load(game.save(state)) == state


def test_a_problem_of_ones_own_has_to_be_given_where_a_state_of_it_is_loaded():
    game = CodeTest()
    state = step(game, game.initial(game.task_from(SUM)), answers(FIRST, ("7 1", "8"))).state
    saved = game.save(state)
    assert game.load(saved) == state
    other = CodeTest()
    with pytest.raises(StateError, match=r"has not been given.*reset\(options="):
        other.load(saved)
    other.initial(other.task_from(SUM))
    assert other.load(saved) == state


def test_an_environment_goes_on_from_a_saved_state_as_if_nothing_had_been():
    envs = [code_test_v0.raw_env(), code_test_v0.raw_env()]
    envs[0].reset(seed=5)
    said = [answers("print(1)", ("1", "1"))[CODER], "in 3 out 9", answers("print(2)")[CODER], "in 3 out 8"]
    for number, text in enumerate(said):
        envs[1].set_state(json.loads(json.dumps(envs[0].get_state())))
        for env in envs:
            env.step(text)
        assert envs[0].infos == envs[1].infos and envs[0].rewards == envs[1].rewards, number
        assert envs[0].state_hash() == envs[1].state_hash()


def test_damaged_states_are_refused():
    game = CodeTest()
    saved = game.save(step(game, game.initial(game.task("test", 0)), answers(FIRST, ("7 1", "8"))).state)
    for path, value in (
        (("turn",), 5), (("turn",), 2), (("turn",), "1"), (("spoken",), True), (("spoken",), 0),
        (("outcome",), "agreed"), (("program",), None), (("rounds",), []), (("rounds", 0), ["x"]),
        (("task", 2), "0" * 16), (("task", 1), "test/1"), (("task", 1), "nowhere/1"), (("task", 0), "code_test/easy"),
        (("task", 0), "elsewhere"), (("standing", "passed"), 7), (("standing", "good"), 2),
        (("standing", "killed"), [99]), (("standing", "killed"), [1, 0]), (("standing", "cases"), 2.0),
        (("standing", "faults"), [0, 1]), (("standing",), None),
    ):  # fmt: skip
        damaged = json.loads(json.dumps(saved))
        place = damaged["state"]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(StateError):
            game.load(damaged)


def test_the_version_and_settings_of_a_state_are_checked():
    game = CodeTest()
    saved = game.save(game.initial(game.task("test", 0)))
    with pytest.raises(StateError, match="Make the environment with the same settings"):
        CodeTest(turns=7).load(saved)
    with pytest.raises(StateError, match="has game 'code_test'"):
        make_game("sokoban").load(saved)


def test_the_right_program_in_a_loaded_state_still_succeeds():
    game = CodeTest(order="sequential")
    first = step(game, game.initial(game.task_from(SUM)), answers(RIGHT)).state
    last = step(game, game.load(game.save(first)), answers(None, ("4 5", "9")))
    assert last.info["success"]
