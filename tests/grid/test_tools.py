"""Programs in replies and in words, and what is said of them: total, and the same program there and back."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs import make_game
from mas_envs.core.game import Result
from mas_envs.grid.state import Run
from mas_envs.grid.tools import from_words, program_of, run_of, to_words, told, told_in_words

NAMES = ("plan_path", "sokoban", "sudoku")


def code(text):
    """What Python makes of a program, without where things stand."""
    return ast.dump(ast.parse(text))


@pytest.mark.parametrize("name", NAMES)
def test_the_experts_program_is_the_same_in_words_and_every_word_is_known(name):
    game = make_game(name, roles="tool-planner", style="compact")
    words = game.expert(game.initial(game.task("test", 0)), "tool_0")
    assert "\n" not in words and set(words.split()) <= set(game.vocabulary())
    assert code(program_of(words, compact=True)) == code(game.expert_program)
    assert len(words.split()) < 230, "short enough for a small policy"


def test_a_word_of_a_line_begins_it_so_many_levels_deep():
    assert from_words('for c in "UD" : ;1 print ( c ) ;0 x = 1') == 'for c in "UD" :\n    print ( c )\nx = 1'
    assert to_words('for c in "UD":\n    print(c)\nx = 1.5') == 'for c in "UD" : ;1 print ( c ) ;0 x = 1.5'
    assert from_words("x = 1 ; y = 2") == "x = 1 ; y = 2"
    assert from_words("x;1 ;12") == "x;1 ;12", "no words of their own"


_TAG = "```python\nprint(1)\n```"


@pytest.mark.parametrize(
    ("reply", "full", "compact"),
    [
        (_TAG, "print(1)", "print(1)"),
        (f"{_TAG}\nthen\n```\nother\n```", "print(1)", "print(1)"),
        (f"<think>{_TAG}</think>```py\nprint(2)\n```", "print(2)", "print(2)"),
        ("```\nprint(3)\n```", "print(3)", "print(3)"),
        (f"{_TAG} or ```Python3\n  \n```", "", ""),
        ("1. So:\n   ```python\n   if 1:\n     print(5)\n   ```", "if 1:\n  print(5)", "if 1:\n  print(5)"),
        ("````python\nprint(6)\n````", "print(6)", "print(6)"),
        ("print ( 4 )", "", "print ( 4 )"),
        ("```python\nprint(1)", "", "```python\nprint(1)"),
        ("", "", ""),
        (" \n", "", ""),
    ],
)
def test_the_program_is_the_last_block_of_python_and_in_words_the_reply(reply, full, compact):
    assert program_of(reply, compact=False) == full
    assert program_of(reply, compact=True) == compact


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("`pyton \n;0123\"'x=.\u00e9\ud800"), max_size=200))
def test_reading_and_telling_never_raise(text):
    for compact in (True, False):
        program = program_of(text, compact)
        told(Run(program, "ok", text), "You")
        assert told_in_words(Run(program, "ok", text), frozenset()).startswith("program")
    assert from_words(to_words(text)) is not None


def test_what_was_wrong_is_said_in_words_that_the_author_can_act_on():
    def fault(verdict, detail="", error=""):
        value = {"verdict": verdict, "detail": detail, "stdout": "", "error": error}
        return run_of("pass", [Result(value)], compact=False).fault

    assert fault("ok") == ""
    assert fault("runtime_error", "exit status 3") == "The program failed: exit status 3."
    assert fault("runtime_error", "exit status 1", "KeyError: 4") == "The program failed: KeyError: 4."
    assert fault("output_limit", "wrote more than 16 KiB of output") == (
        "The program was stopped: it wrote more than 16 KiB of output."
    )
    assert "```python" in run_of("", [], compact=False).fault and "```" not in run_of("", [], compact=True).fault


def test_a_long_program_and_output_are_cut_in_the_middle_and_a_fence_in_them_ends_no_block():
    lines = told(Run("a" * 9000 + "z", "ok", "```" + "b" * 9000 + "y"), "The tool user")
    assert len("".join(lines)) < 9000
    assert "aaa\n... (5001 characters left out) ...\naaa" in lines[1] and lines[1].endswith("z\n```")
    assert lines[3].startswith("````\n```bbb") and lines[3].endswith("y\n````")


def test_words_that_are_not_known_and_those_past_the_budget_are_one_mark():
    known = frozenset(["print", "(", ")"])
    assert told_in_words(Run("print(secret)", "ok"), known) == "program print ( ~ ) ok"
    assert told_in_words(Run("", "no_program"), known) == "program nothing"
    assert told_in_words(Run("print" + " " * 900 + "()", "ok"), known) == "program print ~ ok"
    assert told_in_words(Run("print(" * 60, "time_limit"), known).split()[-3:] == ["(", "~", "slow"]
    assert told_in_words(Run("print", "memory_limit"), known) == "program print error"
