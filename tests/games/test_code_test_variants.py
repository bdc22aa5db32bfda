"""The tester's expert where a problem is not generated: variants of what the statement shows, proven by programs."""

from dataclasses import replace

import pytest

from mas_envs import make_game
from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.expert import cases
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.variants import MOST, inputs, proven
from tests.games.code_test_played import CODER, FIRST, RIGHT, SECRET_IN, SUM, TESTER, ZERO, answers, step, terms

LARGEST = Problem(
    statement="Line 1 has n, line 2 has n integers. Print the largest.",
    samples=(Case("3\n4 9 2", "9"),),
    hidden=(Case("2\n1 5", "5"),),
    accepted=("n = int(input())\nx = list(map(int, input().split()))\nassert len(x) == n\nprint(max(x))",),
    has_reference=True,
    wrong=("input()\nprint(input().split()[1])",),
)
POWER = Problem(
    statement="Write power(a, b).\n>>> power(2, 3)\n8\n>>> power(3, 2)\n9",
    kind="function",
    entry_point="power",
    asserts=("assert power(5, 2) == 25",),
    accepted=("def power(a, b):\n    return a ** b",),
    has_reference=True,
    wrong=("def power(a, b):\n    return a * b",),
)


def earned(problem, program=RIGHT):
    """Returns the tester's case terms where its expert plays one turn beside that program."""
    game = CodeTest(turns=1)
    state = game.initial(game.task_from(problem))
    one = step(game, state, {CODER: answers(program)[CODER], TESTER: game.expert(state, TESTER)})
    return terms([one], TESTER, "valid"), terms([one], TESTER, "kills")


def test_its_cases_are_right_new_and_kill_what_is_known_to_be_wrong():
    assert earned(SUM) == (pytest.approx(0.3), pytest.approx(0.4))  # both known wrong programs, of three
    assert earned(SUM, ZERO) == (pytest.approx(0.3), pytest.approx(0.6))  # and the coder's own
    valid, kills = earned(LARGEST, LARGEST.reference)
    assert (valid, kills) == (pytest.approx(0.3), pytest.approx(0.3))
    assert earned(POWER, POWER.reference) == (pytest.approx(0.3), pytest.approx(0.3))


def test_what_the_reference_crashes_on_is_no_case():
    assert any(not text.startswith("3") for text in inputs(LARGEST))  # another n, which the second line does not fit
    assert proven(LARGEST) and all(case.input.startswith("3\n") for case, _ in proven(LARGEST))
    for case, _ in proven(LARGEST):
        assert case.output == str(max(map(int, case.input.split()[1:])))


def test_without_a_reference_two_accepted_programs_have_to_agree():
    alone = replace(SUM, has_reference=False)
    assert proven(alone) == () and cases(CodeTest().initial(CodeTest().task_from(alone))) == SUM.samples
    pair = replace(alone, accepted=(RIGHT, "a, b = map(int, input().split())\nprint(a + b)"))
    assert {case.key for case, _ in proven(pair)} and earned(pair)[0] == pytest.approx(0.3)
    disagreeing = replace(alone, accepted=(RIGHT, FIRST))
    assert proven(disagreeing) == ()


def test_variants_come_from_what_is_shown_and_never_from_hidden_tests():
    found = inputs(SUM)
    assert 0 < len(found) <= MOST and "1 2" not in found and found == inputs(replace(SUM, hidden=(Case("7", "7"),)))
    assert not {SECRET_IN, "5", "-3 1"} & set(found)
    assert {text.replace(" ", "") for text in found} <= {f"{a}{b}" for a in (1, 2) for b in (1, 2)}
    assert inputs(POWER) and all(len(text.split(", ")) == 2 for text in inputs(POWER))
    assert inputs(replace(SUM, samples=())) == [] == inputs(replace(SUM, samples=(Case("x" * 400, "0"),)))
    assert len({Case(text, "").key for text in found}) == len(found)


def test_where_nothing_tells_anything_it_gives_a_sample_which_earns_nothing():
    nothing = replace(SUM, samples=(Case("+ +", "0"),), accepted=("print(0)",), wrong=())
    assert earned(nothing, "print(0)") == (0.0, 0.0)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["code_mbpp/mbpp", "code_humaneval/HumanEval"])
def test_it_earns_something_on_nearly_every_problem_of_a_collection(test_data, name):
    game = make_game("code_test", source=f"file:{test_data / name}.jsonl.gz", turns=1)
    known = [task.content for task in game.listed()][::12]
    assert sum(bool(proven(problem)) for problem in known) >= 0.8 * len(known)
