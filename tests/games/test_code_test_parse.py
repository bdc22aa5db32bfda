"""Reading programs and test cases from answers: many forms, any string, no time."""

import json
from itertools import product
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.core.text import MAX_LENGTH
from mas_envs.games.code_test.parse import LONGEST_CASE, MOST_CASES, parse_cases, parse_program
from mas_envs.games.code_test.problem import Problem
from mas_envs.games.code_test.rules import read_cases


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("```python\nprint(1)\n```", "print(1)"),
        ("Like this:\n```\nprint(1)\n```\nDone.", "print(1)"),
        ("```python\nfirst\n```\nNo:\n```py\nprint(2)\n```", "print(2)"),
        ("```python\nprint(1)\n", "print(1)"),
        ("```python\nfirst\n```\nBetter:\n```python\nprint(2)", "print(2)"),
        ("  ```python\n  x = 1\n  ```", "  x = 1"),
        ("```print(3)```", "print(3)"),
        ("print(4)", "print(4)"),
        ("<think>```python\nno\n```</think>\nprint(5)", "print(5)"),
        ("```python\na = '''\n``` x\n'''\n```", "a = '''\n``` x\n'''"),
    ],
)
def test_the_program_is_the_last_block_or_the_whole_text(text, program):
    assert parse_program(text) == (program, "")


@pytest.mark.parametrize("text", ["", " \n", "```python\n\n```", "``````", "<think>print(1)</think>"])
def test_an_answer_without_a_program_says_what_to_do(text):
    program, error = parse_program(text)
    assert program == "" and "```python block" in error


CASES = (("3 4", "7"), ("5", "5"))


@pytest.mark.parametrize(
    "text",
    [
        "Input:\n3 4\nOutput:\n7\n\nInput:\n5\nOutput:\n5",
        "Input: 3 4\nOutput: 7\nInput: 5\nOutput: 5",
        "**Input:** 3 4\n**Output:** 7\n\n**Input 2:**\n```\n5\n```\n**Output 2:**\n```\n5\n```\nThat is all.",
        "### Input 1:\n```\n3 4\n```\n### Output 1:\n```\n7\n```\nnow\n- input: 5\n- output: 5",
        "```\nInput:\n3 4\nOutput:\n7\n```\n```\nInput:\n5\nOutput:\n5\n```",
        '[{"input": "3 4", "output": "7"}, {"input": "5\\n", "output": 5}]',
        'Here:\n```json\n[["3 4", "7"], ["5", "5"]]\n```',
        '{"cases": [{"input": [3, 4], "output": 7}, {"input": 5, "output": 5}]}',
        "in 3 4 out 7 in 5 out 5",
        "in 3 4 out 7 in 9 in 5 out 5 in 8",
    ],
)
def test_cases_are_read_in_every_form_that_is_documented(text):
    found = parse_cases(text)
    assert found.error == "" and tuple(map(tuple, found.cases)) == CASES


def test_cases_of_several_lines_keep_them():
    (case,) = parse_cases("Input:\n2\n3 4\n\nOutput:\n7\n8").cases
    assert case == ("2\n3 4", "7\n8") and case.key == "2 3 4"


def test_long_numbers_in_words_are_joined():
    assert parse_cases("in 12 ~34 -5 ~60 ~07 out ~1 3 ~5").cases == (("1234 -56007", "~1 35"),)


def test_at_most_four_cases_count_and_none_that_is_too_long():
    many = json.dumps([[str(i), "1"] for i in range(10)])
    assert len(parse_cases(many).cases) == MOST_CASES == 4
    long = parse_cases(f"in {'7 ' * LONGEST_CASE} out 1")
    assert long.cases == () and "too long" in long.error
    assert len(parse_cases(f"Input:\n{'7 ' * LONGEST_CASE}\nOutput:\n1\nInput:\n2\nOutput:\n3").cases) == 1


@pytest.mark.parametrize(
    "text", ["", "no cases", "Output:\n3", "Input:\n3", "[]", '{"input": 3}', "[[1]]", "out 3 in 4"]
)
def test_an_answer_without_a_case_says_what_to_do(text):
    found = parse_cases(text)
    assert found.cases == () and "Input:" in found.error


def test_cases_of_a_function_are_literals():
    problem = Problem("f", kind="function", entry_point="f", asserts=("assert f(1) == 1",))
    good = "Input: [1, 2], 'a'\nOutput: {'b': None}"
    assert len(read_cases(problem, good).cases) == 1
    for bad in ("Input: open('x')\nOutput: 1", "Input: 1) or (1\nOutput: 1", "Input: 1\nOutput: print(1)",
                f"Input: {'[' * 3000}\nOutput: 1", f"Input: {'-' * 3000}1\nOutput: 1"):  # fmt: skip
        found = read_cases(problem, bad)
        assert found.cases == () and "literals" in found.error


PIECES = (
    "```",
    "```\n",
    "Input:",
    "\nInput:\n",
    "Output:\n",
    "in ",
    "out ",
    "~1 ",
    "[",
    '{"input": ',
    "\n",
    " ",
    "*",
    "#",
)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40).map("".join))
def test_no_string_raises(text):
    program, error = parse_program(text)
    assert bool(program) != bool(error)
    cases, error = parse_cases(text)
    assert bool(cases) != bool(error)


def test_no_two_pieces_repeated_as_often_as_fits_take_long():
    for first, second in product(PIECES, repeat=2):
        text = (first * MAX_LENGTH)[: MAX_LENGTH // 2] + (second * MAX_LENGTH)[: MAX_LENGTH // 2]
        took = []
        for _ in range(3):
            begun = process_time()
            parse_program(text)
            parse_cases(text)
            took.append(process_time() - begun)
        assert min(took) < 0.1, (first, second)
