r"""Reading math-verify's replies: programs, boxes, compact words; and strings made to break that."""

import time
from random import Random

import pytest

from mas_envs import make_game
from mas_envs.games.math_verify.parse import answer_of, joined, printed_answer, program_of, spaced
from mas_envs.vector import step_all
from tests.hostile import hostile

FENCE = "```"


@pytest.mark.parametrize(
    ("reply", "program"),
    [
        (f"So:\n{FENCE}python\nprint(1)\n{FENCE}", "print(1)"),
        (f"{FENCE}python\nprint(1)\n{FENCE}\nIt prints\n{FENCE}\n1\n{FENCE}", "print(1)"),
        (f"{FENCE}python\nprint(1)\n{FENCE}\nBetter:\n{FENCE}Python3 \nprint(2)\n{FENCE}", "print(2)"),
        (f"{FENCE}\nprint(1)\n{FENCE}", "print(1)"),
        (f"{FENCE}py\r\nprint(1)\n{FENCE}", "print(1)"),
        (f"<think>{FENCE}python\nprint(0)\n{FENCE}</think>{FENCE}python\nprint(1)\n{FENCE}", "print(1)"),
        (f"{FENCE}python\nprint(1)", ""),
        ("print(1)", ""),
        (f"{FENCE}python\n \n{FENCE}", ""),
        ("", ""),
    ],
)
def test_the_program_is_the_last_block_that_says_python(reply, program):
    assert program_of(reply, compact=False) == program


def test_a_compact_reply_is_the_program_with_its_digits_joined():
    assert program_of("print ( ( 3 4 + 5 ) * 2 )", compact=True) == "print ( ( 34 + 5 ) * 2 )"
    assert program_of("print ( 1 , 2 )", compact=True) == "print ( 1 , 2 )"
    assert program_of(f"{FENCE}python\nprint ( 1 2 )\n{FENCE}", compact=True) == "print ( 12 )"
    assert joined("F ( 1 2 , 3 4 5 ) ** 6 7\n8") == "F ( 12 , 345 ) ** 67\n8"


@pytest.mark.parametrize(
    ("reply", "compact", "answer"),
    [
        (r"It is \boxed{\frac{7}{12}}.", False, r"\frac{7}{12}"),
        (r"\boxed{1}, no: then we see that it must be \boxed{2}", False, "2"),
        (r"\boxed{}", False, None),
        ("boxed 7 8", False, None),
        ("boxed 7 8", True, "78"),
        ("boxed 7 / 1 2", True, "7 / 12"),
        ("boxed - 3", True, "- 3"),
        ("boxed 1 boxed 2 2", True, "22"),
        (r"\boxed{7 8}", True, "7 8"),
        ("boxed", True, None),
        ("7 8", True, None),
    ],
)
def test_the_answer_is_what_the_box_holds(reply, compact, answer):
    assert answer_of(reply, compact) == answer


@pytest.mark.parametrize("answer", ["78", "-3", "7/12", "-65/4", "0"])
def test_an_answer_survives_the_way_through_compact_words(answer):
    game = make_game("math_verify", style="compact", roles="tool")
    (made,) = step_all(game, [(game.initial(game.task("test", 0)), {"tool_0": f"print ( '{answer}' )"})], None)
    assert made is not None and made.state.run.answer == answer
    assert answer_of(f"boxed {spaced(answer)}", compact=True).replace(" ", "") == answer


def test_words_are_names_single_digits_and_signs():
    assert spaced("x1=F(34,5)**2!=7") == "x 1 = F ( 3 4 , 5 ) ** 2 != 7"
    assert spaced("\u00b2\u0661") == "\u00b2 \u0661"


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("42\n", "42"),
        (" 42 \n\n", "42"),
        ("1\n2\n", None),
        ("", None),
        ("\n", None),
        ("9" * 2001, None),
        ("1\x0b2", None),
    ],
)
def test_a_program_has_printed_an_answer_if_it_printed_one_short_line(output, answer):
    assert printed_answer(output) == answer


ANSWERS = (
    "9" * 3000, "1e999999999", "10**10**10", "9^9^9^9", "\\frac{1}{0}", "0/0", "1/0", "nan", "inf", "-inf", "1_000",
    "__import__('os').system('x')", "{" * 1500, "((((" * 400, "\\sqrt{" * 400, "1," * 900, "\\boxed{1}", "0x10",
    "\u0661\u0662", "\u00bd", "\x00", "\ud800", "1" + "0" * 1999, "0." + "3" * 1990, "1!" + "!" * 300, "2^{100000}",
    "%%%%", "5%", "\\infty", "1/3/3/3", "1:2:3", "=", "x = x = x", "\\text{" * 300, "output", "?", "lambda: 0", "[1, 2",
    "1 2 3", "one", "- - 3", "+-+-+3", "1e3", "1.5.2", "\\left(" * 200, "$" * 999, "a" * 1999, "\n\n", "\\pm 2",
)  # fmt: skip


@pytest.mark.parametrize("style", ["full", "compact"])
def test_hostile_answers_and_outputs_are_graded_in_time_and_earn_nothing(style):
    game = make_game("math_verify", style=style, order="simultaneous", turns=1)
    state = game.initial(game.task("test", 0))
    assert state.problem.answers[0] not in ANSWERS
    for answer in ANSWERS:
        code = f"print({answer!a})"
        said = {
            "tool_0": code if style == "compact" else f"{FENCE}python\n{code}\n{FENCE}",
            "reasoner_0": f"\\boxed{{{answer}}}" if style == "full" else f"boxed {answer}",
        }
        begun = time.process_time()
        (made,) = step_all(game, [(state, said)], None)
        assert time.process_time() - begun < 1
        assert made is not None and not made.info["success"] and made.reward.team == 0
        assert not made.state.run.right


@pytest.mark.parametrize("roles", ["team", "tool", "single"])
@pytest.mark.parametrize("style", ["full", "compact"])
def test_any_string_is_an_action(style, roles):
    game, draw = make_game("math_verify", style=style, roles=roles, seconds=0.05), Random(5)
    state = game.initial(game.task("test", 0))
    for _ in range(60):
        said = {agent: hostile(draw, game.example_actions())[:60_000] for agent in game.acting(state)}
        (made,) = step_all(game, [(state, said)], None)
        assert made is not None
        state = made.state if game.acting(made.state) else game.initial(game.task("test", 0))
        assert game.load(game.save(state)) == state
