"""Code-test: how it is played, what is earned, when it ends, and what nobody may see."""

import copy
import json
import pickle
from dataclasses import replace

import gymnasium
import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.test.state_test import state_test

from mas_envs import code_test_v0, make_game
from mas_envs.agents import ExpertAgent, RandomAgent
from mas_envs.agents import play as play_all
from mas_envs.core.errors import UsageError
from mas_envs.core.game import Task, TaskRef
from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.runner import CodeRunner
from mas_envs.testing import check_game
from mas_envs.vector import VectorEnv
from tests.games.code_test_played import (
    CODER,
    FIRST,
    RIGHT,
    SECRET_IN,
    SECRET_OUT,
    SUM,
    TESTER,
    ZERO,
    answers,
    play,
    step,
    terms,
)

SETTINGS = (
    {},
    {"style": "compact"},
    {"roles": "single", "turns": 3, "style": "compact"},
    {"order": "sequential", "difficulty": "any"},
    {"difficulty": "expert", "families": "held_out"},
)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_it_conforms(settings):
    check_game(CodeTest(**settings))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("settings", SETTINGS[:4], ids=str)
def test_pettingzoos_checks_pass_wrapped_raw_and_parallel(settings):
    api_test(code_test_v0.env(**settings), num_cycles=30)
    api_test(code_test_v0.raw_env(**settings), num_cycles=30)
    parallel_api_test(code_test_v0.parallel_env(**settings), num_cycles=30)
    seed_test(lambda: code_test_v0.env(**settings), num_cycles=10)
    parallel_seed_test(lambda: code_test_v0.parallel_env(**settings), num_cycles=10)
    state_test(code_test_v0.env(**settings), code_test_v0.parallel_env(**settings))


# ---- play -----------------------------------------------------------------------------------------------------------
def test_both_speak_at_once_and_the_moment_moves_when_both_have_spoken():
    env = code_test_v0.raw_env()
    env.reset(options={"task": SUM})
    before = env.observe(TESTER)
    said = answers(RIGHT, ("4 5", "9"))
    env.step(said[CODER])
    assert env.agent_selection == TESTER and env.observe(TESTER) == before
    env.step(said[TESTER])
    assert env.terminations == {CODER: True, TESTER: True} and env.infos[CODER]["success"]


def test_the_parallel_form_takes_both_answers_in_one_step():
    env = code_test_v0.parallel_env()
    env.reset(options={"task": SUM})
    _, rewards, terminated, _, infos = env.step(answers(RIGHT, ("4 5", "9")))
    assert all(terminated.values()) and infos[TESTER]["success"]
    assert rewards == {CODER: pytest.approx(2 + 0.1 + 0.3), TESTER: pytest.approx(2 + 0.3 + 0.6 * 2 / 3)}


def test_many_environments_and_the_single_agent_view_run_programs_without_another_word():
    envs = VectorEnv(CodeTest(), 3)
    asked = envs.reset(tasks=[SUM] * 3)
    said = answers(RIGHT, ("4 5", "9"))
    assert envs.step([said[ask.agent] for ask in asked]).infos["success"].all()
    env = gymnasium.make("mas_envs/CodeTest-v0")
    env.reset(options={"task": SUM})
    assert env.step(said[CODER])[4]["success"]


def test_in_sequence_the_tester_reads_the_program_that_was_just_written():
    game = CodeTest(order="sequential")
    state = game.initial(game.task_from(SUM))
    assert game.acting(state) == (CODER,)
    assert RIGHT not in game.observe(state, TESTER).text
    first = step(game, state, answers(RIGHT))
    assert game.acting(first.state) == (TESTER,) and first.state.turn == 0 and not first.truncated
    assert RIGHT in game.observe(first.state, TESTER).text
    second = step(game, first.state, answers(None, ("4 5", "9")))
    assert second.terminated and second.info["success"] and second.state.turn == 1


def test_a_single_coder_is_run_on_the_samples():
    game = CodeTest(roles="single", turns=3)
    wrong, right = play(game, SUM, answers("print(3 if input() == '' else 4)"), answers(RIGHT))
    assert "Input:\n1 2\nExpected by the tester:\n3" not in wrong.state.rounds
    assert [one.passed for one in wrong.state.rounds[-1].tried] == [False] and not wrong.terminated
    assert right.terminated and right.info["success"] and terms([wrong, right], CODER, "cases") == pytest.approx(0.3)


def test_experts_solve_every_generated_problem_at_once_and_random_agents_hardly_any():
    for difficulty in ("easy", "medium", "hard", "expert"):
        game = CodeTest(difficulty=difficulty, families="all", style="compact")
        tasks = [game.task("test", i) for i in range(15)]
        experts = play_all(game, dict.fromkeys(("coder", "tester"), ExpertAgent()), tasks)
        assert all(one.success and one.turns == 1 for one in experts)
        assert min(one.returns[TESTER] for one in experts) > 2.5  # its cases tell most of the wrong programs
    luck = play_all(game, dict.fromkeys(("coder", "tester"), RandomAgent()), tasks)
    assert sum(bool(one.success) for one in luck) < 3


def test_an_unreadable_answer_is_an_error_in_words_and_leaves_the_program_standing():
    first, second = play(CodeTest(), SUM, answers(RIGHT, ("4 5", "10")), answers(None))
    assert first.info["errors"] == {}
    assert second.info["errors"].keys() == {CODER, TESTER}
    assert second.state.program == RIGHT and terms([first, second], "", "hidden") == 1
    assert terms([second], CODER, "format") == terms([second], TESTER, "format") == pytest.approx(-0.1)
    assert "Your last answer could not be used." in CodeTest().observe(second.state, CODER).text


# ---- rewards, worked by hand ----------------------------------------------------------------------------------------
def test_the_terms_of_two_turns_are_those_worked_by_hand():
    # FIRST passes "5" and none of "40961 40999", "0 0" (0), "-3 1": of four hidden tests two, "5" and "0 0".
    game = CodeTest(turns=2)
    first, second = play(game, SUM, answers(FIRST, ("7 1", "8"), ("9", "9"), ("2 2", "5")), answers(RIGHT, ("6", "6")))
    assert first.reward.team_terms == {"hidden": 0.5, "success": 0.0}
    assert first.reward.local_terms[CODER] == pytest.approx({"format": 0, "runs": 0.1, "cases": 0.15})
    # Valid, new and not trivial: "7 1" (both wrong programs and the coder's fail) and "9" (ZERO fails); not "2 2".
    assert first.reward.local_terms[TESTER] == pytest.approx({"format": 0, "valid": 0.2, "kills": 0.6})
    assert second.reward.team_terms == {"hidden": 0.5, "success": 1.0}
    assert second.reward.local_terms[CODER] == pytest.approx({"format": 0, "runs": 0, "cases": 0.15})
    assert second.reward.local_terms[TESTER] == pytest.approx({"format": 0, "valid": 0.3 * 3 / 4 - 0.2, "kills": 0})


def test_a_case_that_catches_an_earlier_program_of_the_coder_counts_as_one_more_kill():
    unseen = 'x = input(); print(-3 if x == "-4 1" else sum(map(int, x.split())) if x[0] != "-" else 1)'
    turns = [answers(unseen, ("4 5", "10")), answers(RIGHT, ("-9 2", "-7"))]
    first, second = play(CodeTest(turns=2), SUM, *turns)
    assert first.state.suspect == unseen
    assert second.state.standing.killed == (0, 1, 2)  # both known ones and, run again, the coder's earlier one


def test_where_no_reference_is_known_several_accepted_programs_have_to_agree():
    unknown = replace(SUM, accepted=(), has_reference=False)
    one = replace(SUM, has_reference=False)
    quirky = 'x = input(); print(0 if x == "8 8" else sum(map(int, x.split())))'
    two = replace(SUM, accepted=(RIGHT, quirky), has_reference=False)
    for problem, case, worth in ((unknown, ("4 5", "9"), 0), (one, ("4 5", "9"), 0), (two, ("4 5", "9"), 0.3),
                                 (two, ("8 8", "16"), 0)):  # fmt: skip
        (only,) = play(CodeTest(turns=1), problem, answers(ZERO, case))
        assert terms([only], TESTER, "valid") == pytest.approx(worth)


# ---- the end, and what nobody may see -------------------------------------------------------------------------------
def test_neither_the_end_nor_what_agents_read_depends_on_hidden_tests():
    other = replace(SUM, hidden=tuple(case._replace(output="999") for case in SUM.hidden))
    turns = [answers(FIRST, ("7 1", "8")), answers(RIGHT, ("7 1", "9")), answers(RIGHT, ("6", "6"))]
    for game in (CodeTest(), CodeTest(order="sequential")):
        seen = []
        for problem in (SUM, other):
            state = game.initial(Task(TaskRef("test", "same", "same"), problem))
            trace = []
            for said in turns * 2:
                if not game.acting(state):
                    break
                now = {agent: said[agent] for agent in game.acting(state)}
                done = step(game, state, now)
                state = done.state
                trace.append(([game.observe(state, agent) for agent in game.agents], done[2:4], game.render(state)))
            seen.append(trace)
        assert seen[0] == seen[1] and len(seen[0]) >= 3


def test_success_is_said_at_the_end_alone():
    first, last = play(CodeTest(turns=2), SUM, answers(RIGHT, ("4 5", "10")), answers(RIGHT, ("4 5", "11")))
    assert not first.info["success"] and last.info["success"] and last.truncated


def test_hidden_tests_and_known_programs_are_in_nothing_that_is_shown_or_kept():
    private = [SECRET_IN, SECRET_OUT, "sum(map(int", "int(input().split()[0])"]
    said = answers("print(1)", ("7 1", "8"), ("2", "1"))

    def says(prompt: str) -> str:
        return said[TESTER if "you write test cases" in prompt else CODER]

    for settings in ({}, {"order": "sequential"}, {"roles": "single"}):
        game = CodeTest(turns=2, **settings)
        task = game.task_from(SUM)
        (episode,) = play_all(game, dict.fromkeys([role.name for role in game.roles], says), [task])
        shown = [repr(episode), json.dumps([moment.results for moment in episode.moments])]
        env = code_test_v0.raw_env(turns=2, render_mode="ansi", **settings)
        env.reset(options={"task": SUM})
        while env.agents:
            over = env.terminations[env.agent_selection] or env.truncations[env.agent_selection]
            shown += [repr([env.observe(agent) for agent in env.agents]), repr(env.infos), env.state(), env.render()]
            shown += [
                json.dumps(env.get_state()),
                repr(env._state),
                repr(game.effects(env._state, said)) if not over else "",
            ]
            env.step(None if over else said[env.agent_selection])
        for text in shown:
            assert not [one for one in private if one in text]
    assert any(word in repr(SUM.hidden) for word in private)  # the search finds what there is to find


def test_a_history_too_long_keeps_the_newest_failures_and_of_each_the_essential_lines():
    game = CodeTest(turns=30)
    wide = " ".join(["7"] * 900)
    turns = [answers(f"print({i}, {wide!r})", (f"{i} {wide}", "1"), (f"{i} 5", "2")) for i in range(20)]
    text = game.observe(play(game, SUM, *turns)[-1].state, CODER).situation
    assert len(text) < 9000
    for part in ("Turn 20: the program passed 0 of 2 cases.", "19 5", "characters left out", "more cases that failed"):
        assert part in text
    assert "Input:\n0 5\n" not in text


def test_a_copied_or_pickled_environment_carries_no_sandbox_and_goes_on_as_before():
    env = code_test_v0.raw_env()
    env.reset(options={"task": SUM})
    env.step(answers(FIRST)[CODER])
    env.step(answers(None, ("7 1", "8"))[TESTER])
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env)), env.clone()]
    for one in (env, *twins):
        one.step(answers(RIGHT)[CODER])
        one.step(answers(None, ("7 2", "9"))[TESTER])
    assert all(twin.infos == env.infos and twin.rewards == env.rewards for twin in twins)
    assert env.infos[CODER]["success"]


def test_a_task_of_another_game_or_without_words_is_refused_with_what_to_do():
    sokoban = make_game("sokoban")
    with pytest.raises(UsageError, match="no problem of code_test"):
        CodeTest().initial(sokoban.task("test", 0))
    with pytest.raises(UsageError, match="take style='full'"):
        CodeTest(style="compact").initial(CodeTest().task_from(SUM))
    with pytest.raises(UsageError, match="give that game's own runner"):
        CodeRunner()([object()])  # pyright: ignore[reportArgumentType]
