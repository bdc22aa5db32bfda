"""Math-verify's play: who acts, what ends an episode, and what it is worth."""

from random import Random

import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from mas_envs import make_game, math_verify_v0
from mas_envs.agents import ExpertAgent, play
from mas_envs.testing import check_game
from mas_envs.vector import step_all

TOOL, REASONER = "tool_0", "reasoner_0"
EXPERTS = {"tool": ExpertAgent(), "reasoner": ExpertAgent()}


def step(game, state, **said):
    """Returns the step of what "tool" and "reasoner" say, programs and answers carried out."""
    (made,) = step_all(game, [(state, {f"{role}_0": text for role, text in said.items()})], None)
    assert made is not None
    return made


def program(text):
    return f"```python\n{text}\n```"


def begin(**settings):
    """Returns a game of products, the state of its first test task, and that task's answer."""
    game = make_game("math_verify", families="products", **settings)
    state = game.initial(game.task("test", 0))
    return game, state, state.problem.answers[0]


SETTINGS = [
    {},
    {"style": "compact"},
    {"style": "compact", "difficulty": "hard"},
    {"families": "held_out", "difficulty": "medium"},
    {"order": "simultaneous"},
    {"order": "simultaneous", "style": "compact", "turns": 2},
    {"roles": "tool"},
    {"roles": "single"},
    {"roles": "single", "turns": 3, "style": "compact"},
]


# ---- conformance ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_contract_of_a_game_holds(settings):
    check_game(make_game("math_verify", **settings))


@pytest.mark.filterwarnings("ignore::UserWarning")  # PettingZoo advises number observations
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_pettingzoos_checks_pass(settings):
    api_test(math_verify_v0.env(**settings), num_cycles=20)
    parallel_api_test(math_verify_v0.parallel_env(**settings), num_cycles=20)
    seed_test(lambda: math_verify_v0.env(**settings), num_cycles=5)
    parallel_seed_test(lambda: math_verify_v0.parallel_env(**settings), num_cycles=5)


# ---- rewards and ends -----------------------------------------------------------------------------------------------
def test_a_right_answer_that_is_copied_earns_one_and_ends_the_episode():
    game, state, answer = begin()
    assert game.acting(state) == (TOOL,)
    first = step(game, state, tool=program(f"print({answer})"))
    assert first.reward.team_terms == {}
    assert first.reward.local_terms == {TOOL: {"format": 0.02, "runs": 0.02, "answer": 0.02, "advance": 1.0}}
    assert (first.terminated, first.info["success"], first.state.turn) == (False, False, 0)
    assert game.acting(first.state) == (REASONER,)
    second = step(game, first.state, reasoner=f"It printed it: \\boxed{{{answer}}}")
    assert second.reward.team_terms == {"correct": 1.0}
    assert second.reward.local_terms == {REASONER: {"format": 0.02}, TOOL: {"advance": -1.0}}
    assert (second.terminated, second.truncated, second.info["success"]) == (True, False, True)
    assert game.acting(second.state) == ()


def test_a_wrong_answer_on_which_both_agree_ends_the_episode_too():
    game, state, _ = begin()
    state = step(game, state, tool=program("print(7)")).state
    made = step(game, state, reasoner="\\boxed{7.0}")
    assert (made.terminated, made.info["success"], made.reward.team) == (True, False, 0.0)


def test_agents_who_disagree_go_on_until_the_turns_are_spent_and_the_last_answer_counts():
    game, state, answer = begin(turns=3)
    for turn, said in enumerate(("1", answer, "2")):
        state = step(game, state, tool=program("print(3)")).state
        made = step(game, state, reasoner=f"\\boxed{{{said}}}")
        state = made.state
        assert made.reward.team == (0.0, 1.0, -1.0)[turn]
        assert (made.terminated, made.truncated, made.info["success"]) == (False, turn == 2, turn == 1)


def test_a_reply_without_an_answer_takes_the_last_one_back():
    game, state, answer = begin()
    state = step(game, state, tool=program("")).state
    state = step(game, state, reasoner=f"\\boxed{{{answer}}}").state
    assert state.right
    made = step(game, step(game, state, tool="no program").state, reasoner="I am not sure any more.")
    assert made.reward.team == -1.0
    assert made.reward.local(REASONER) == -0.02
    assert "\\boxed{42}" in made.info["errors"][REASONER]


@pytest.mark.parametrize("settings", [s for s in SETTINGS if s.get("roles", "team") == "team"], ids=str)
def test_the_sum_of_an_episodes_rewards_depends_on_its_end_alone(settings):
    game = make_game("math_verify", **settings)
    draw = Random(3)
    for index in range(12):
        state = game.initial(game.task("train", index))
        team, own = 0.0, dict.fromkeys(game.agents, 0.0)
        while agents := game.acting(state):
            said = {}
            for agent in agents:
                choices = (game.expert(state, agent), *draw.choices(game.example_actions(), k=2), "nonsense(", "")
                said[agent] = draw.choice(choices)
            (made,) = step_all(game, [(state, said)], None)
            assert made is not None
            team += made.reward.team
            for agent in game.agents:
                own[agent] += made.reward.local(agent)
            state = made.state
        run = state.run
        form = 0.02 * ((run.verdict != "no_program") + (run.verdict == "ok") + (run.answer is not None))
        assert team == float(state.right)
        assert own[REASONER] == pytest.approx(0.02 * (state.answer is not None))
        simultaneous = settings.get("order") == "simultaneous"
        assert own[TOOL] == pytest.approx(form + (run.right if simultaneous else 0.0))


def test_output_in_a_box_is_what_the_program_printed():
    game, state, answer = begin()
    state = step(game, state, tool=program(f"print({answer})")).state
    made = step(game, state, reasoner="\\boxed{output}")
    assert (made.terminated, made.reward.team, made.state.answer) == (True, 1.0, answer)
    assert game.passive_action("reasoner") == "\\boxed{output}"
    failed = step(game, step(game, game.initial(state.task), tool=program("1/0")).state, reasoner="\\boxed{output}")
    assert not failed.terminated and not failed.info["success"]


@pytest.mark.parametrize(
    ("text", "verdict", "form", "told"),
    [
        ("print(7)", "ok", 0.06, ""),
        ("print(7)\nprint(8)", "ok", 0.04, "more than one short line"),
        ("print('7' * 3000)", "ok", 0.04, "more than one short line"),
        ("pass", "ok", 0.04, "nothing"),
        ("print(7)\n1/0", "runtime_error", 0.02, "ZeroDivisionError"),
        ("print(", "runtime_error", 0.02, "SyntaxError"),
        ("while True: pass", "time_limit", 0.02, "stopped: it used up its 0.2 s"),
        ("print('x' * 10**7)", "output_limit", 0.02, "stopped: it wrote more than 64 KiB of output."),
        ("a = [0] * 10**9", "memory_limit", 0.02, "stopped"),
    ],
)
def test_what_a_program_did_decides_its_form_and_is_said_in_words(text, verdict, form, told):
    game, state, _ = begin(seconds=0.2)
    made = step(game, state, tool=program(text))
    assert made.state.run.verdict == verdict
    assert made.reward.local(TOOL) == pytest.approx(form)
    assert told in made.info["errors"].get(TOOL, "")
    assert bool(told) == (TOOL in made.info["errors"])


def test_a_program_cannot_read_the_reference_from_its_input_or_from_files():
    game, state, answer = begin()
    spy = "import sys, os\nfound = sys.stdin.read() + str(sys.argv) + str(dict(os.environ))\nprint(len(found), found)"
    made = step(game, state, tool=program(spy))
    assert answer not in made.state.run.output


# ---- other teams ----------------------------------------------------------------------------------------------------
def test_in_simultaneous_play_both_act_at_once_and_see_each_other_in_the_next_turn():
    game, state, answer = begin(order="simultaneous")
    assert game.acting(state) == (TOOL, REASONER)
    first = step(game, state, tool=program(f"print({answer})"), reasoner="\\boxed{7}")
    assert first.reward.local_terms[TOOL]["right"] == 1.0
    assert "advance" not in first.reward.local_terms[TOOL]
    for agent in (TOOL, REASONER):
        read = game.observe(first.state, agent).situation
        assert f"```\n{answer}\n```" in read and "answered: 7" in read
    second = step(game, first.state, tool=program(f"print({answer})"), reasoner="\\boxed{output}")
    assert (second.terminated, second.reward.team, second.reward.local_terms[TOOL]["right"]) == (True, 1.0, 0.0)


def test_a_tool_user_alone_ends_with_the_first_answer_that_its_program_prints():
    game, state, answer = begin(roles="tool")
    assert game.agents == (TOOL,) and game.turns == 4
    made = step(game, state, tool=program("print(1)\nprint(2)"))
    assert not made.terminated
    made = step(game, made.state, tool=program(f"print({answer})"))
    assert (made.terminated, made.reward.team, made.info["success"]) == (True, 1.0, True)


def test_a_reasoner_alone_has_one_turn_and_no_program():
    game, state, answer = begin(roles="single")
    assert (game.agents, game.turns) == ((REASONER,), 1)
    made = step(game, state, reasoner=f"\\boxed{{{answer}}}")
    assert (made.terminated, made.reward.team) == (True, 1.0)
    assert step(game, state, reasoner="who knows?").truncated


@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_problems_own_expression_is_no_answer_to_it(style):
    copied = make_game("math_verify", families="products", roles="single", style=style)
    state = copied.initial(copied.task("test", 0))
    box = "boxed {}" if style == "compact" else "\\boxed{{{}}}"
    assert not step(copied, state, reasoner=box.format(state.problem.words)).info["success"]
    tool = make_game("math_verify", families="products", roles="tool")
    made = step(tool, tool.initial(tool.task("test", 0)), tool=program(f"print({state.problem.words!r})"))
    assert not made.info["success"] and made.reward.team == 0


def test_the_experts_solve_every_difficulty_and_send_a_wrong_program_back():
    for difficulty in ("easy", "medium", "hard"):
        game = make_game("math_verify", difficulty=difficulty, style="compact")
        episodes = play(
            game, {"tool": ExpertAgent(), "reasoner": ExpertAgent()}, [game.task("test", i) for i in range(40)]
        )
        assert all(episode.success and episode.turns == 1 for episode in episodes)
    state = step(game, game.initial(game.task("test", 0)), tool="print ( 1 + 1 - 3 )").state
    assert game.expert(state, REASONER) == "boxed ?"
    assert not step(game, state, reasoner="boxed ?").terminated
