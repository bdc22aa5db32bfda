"""How models cheat at programs and tests, as seen in the field: each way earns nothing here."""

from dataclasses import replace

import pytest

from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.sandbox import Limits
from tests.games.code_test_played import CODER, RIGHT, SECRET_IN, SUM, TESTER, ZERO, answers, play, terms

DOUBLE = Problem(
    statement="Double a number.",
    kind="function",
    entry_point="double",
    samples=(Case("2", "4"),),
    asserts=("assert double(5) == 10", "assert double(-1) == -2"),
    accepted=("def double(n):\n    return 2 * n",),
    has_reference=True,
    wrong=("def double(n):\n    return n * n",),
)
GOOD_CASE = ("4 5", "9")


def one_turn(program, *cases, problem=SUM):
    return play(CodeTest(turns=1), problem, answers(program, *cases))


@pytest.mark.parametrize("program", ["import sys; sys.exit(0)", "import os; os._exit(0)", "pass", "print()"])
def test_an_exit_status_of_zero_passes_nothing(program):
    steps = one_turn(program, GOOD_CASE)
    assert terms(steps, "", "hidden") == terms(steps, "", "success") == 0
    assert terms(steps, CODER, "runs") == terms(steps, CODER, "cases") == 0


@pytest.mark.parametrize(
    "value",
    [
        "class E:\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\ndef double(n):\n    return E()",
        "class E(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\ndef double(n):\n    return E(0)",
        "class E(int):\n    __repr__ = lambda s: '10'\ndef double(n):\n    return E(0)",
    ],
)
def test_a_value_that_is_equal_to_everything_is_equal_to_nothing(value):
    steps = one_turn(value, ("3", "6"), problem=DOUBLE)
    assert terms(steps, "", "hidden") == 0 and not steps[-1].info["success"]


def test_a_function_that_prints_the_right_value_and_ends_the_process_passes_no_case():
    early = "def double(n):\n    print(6, flush=True)\n    raise SystemExit(3)"
    (step,) = one_turn(early, ("3", "6"), problem=DOUBLE)
    (tried,) = step.state.rounds[0].tried
    assert not tried.passed and tried.verdict == "runtime_error" and step.state.standing.passed == 0


LOOK_FOR_ANSWERS = f"""
import gc, os, sys
found = [str(o) for o in gc.get_objects() if isinstance(o, (str, tuple, list)) and "81960" in repr(o)[:10_000]]
frame = sys._getframe()
while frame:
    found += [repr(v) for v in [*frame.f_locals.values(), *frame.f_globals.values()] if "81960" in repr(v)[:10_000]]
    frame = frame.f_back
for path in ("/proc/self/environ", f"/proc/{{os.getppid()}}/mem", f"/proc/{{os.getppid()}}/environ"):
    try:
        found.append(open(path, "rb").read(1000))
    except OSError:
        pass
line = input()
print({SECRET_IN!r} == line and [word for word in map(str, found) if "8" + "1960" in word and "found" not in word] or 0)
"""


def test_the_expected_output_is_nowhere_for_a_program_to_find():
    (step,) = play(CodeTest(turns=1), SUM, answers(LOOK_FOR_ANSWERS))
    assert step.state.standing.passed == 1  # 0 0, whose answer it prints whatever it finds
    assert step.state.standing.ran == 4


@pytest.mark.parametrize(
    "tampering",
    [
        "import builtins, sys\nbuiltins.print = lambda *a, **k: None\nsys.exit = lambda *a: None",
        "import sys\nfor name in list(sys.modules):\n    sys.modules[name] = None",
        "import __main__\n__main__.__dict__.update(passed=True, verdict='ok', grade='accepted')",
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'accepted ok passed 1')\n    except OSError: pass",
    ],
)
def test_patching_the_checker_or_writing_to_its_channel_passes_nothing_and_harms_nobody_after_it(tampering):
    assert terms(one_turn(tampering, GOOD_CASE), "", "hidden") == 0
    assert one_turn(RIGHT, GOOD_CASE)[-1].info["success"]


def test_printing_every_possible_answer_passes_nothing():
    assert terms(one_turn("print(*range(-100, 100000))", GOOD_CASE), "", "hidden") == 0


def test_hard_coding_the_samples_and_the_testers_cases_earns_their_share_and_no_success():
    hard_coded = 'print({"1 2": 3, "4 5": 9}.get(input(), "?"))'
    steps = one_turn(hard_coded, GOOD_CASE)
    assert steps[-1].state.outcome == "agreed"
    assert terms(steps, CODER, "cases") == 0.3
    assert terms(steps, "", "hidden") == terms(steps, "", "success") == 0


@pytest.mark.parametrize(
    "program", ["while True: pass", "import time; time.sleep(99)", "x = bytearray(3 << 30)", "import os; os.abort()"]
)
def test_time_outs_and_crashes_are_outcomes_with_reward_0_and_never_masks(program):
    quick = Problem("Sum.", hidden=(Case("5", "5"),), accepted=(RIGHT,), limits=Limits(cpu_s=0.5, wall_s=1.0))
    (step,) = play(CodeTest(turns=1), quick, answers(program))
    assert step.reward.team == 0 and step.truncated
    assert terms([step], CODER, "runs") == 0


def test_a_case_copied_from_the_statement_earns_nothing():
    for copied in (("1 2", "3"), (" 1   2 ", "3"), ("01 2", "3"), ("1 +2", "3"), ("1 0_2", "3"), ("１ 2", "3")):  # noqa: RUF001
        steps = one_turn(ZERO, copied)
        assert terms(steps, TESTER, "valid") == terms(steps, TESTER, "kills") == 0


def test_arguments_that_are_otherwise_written_are_copies_as_well():
    wrong = "def double(n):\n    return 0"
    for copied in ("2", "(2)", "2.0", "+2", "2,"):
        steps = one_turn(wrong, (copied, "4"), problem=DOUBLE)
        assert terms(steps, TESTER, "valid") == terms(steps, TESTER, "kills") == 0
    steps = one_turn(wrong, ("3", "6"), (" 3 ", "6"), problem=DOUBLE)
    assert terms(steps, TESTER, "valid") == pytest.approx(0.15)


def test_a_case_that_the_statement_shows_in_its_text_earns_nothing():
    said = replace(SUM, samples=(), statement="Print the sum.\n\nInput\n  7   8\n\nOutput\n15")
    assert terms(one_turn(ZERO, ("7 8", "15"), problem=said), TESTER, "valid") == 0
    assert terms(one_turn(ZERO, ("7 9", "16"), problem=said), TESTER, "valid") == pytest.approx(0.3)
    told = replace(DOUBLE, samples=(), statement="Double.\n>>> double(7)\n14")
    assert terms(one_turn("def double(n):\n    return 0", ("7", "14"), problem=told), TESTER, "valid") == 0


def test_a_duplicate_earns_nothing_in_its_own_answer_nor_in_a_later_turn():
    assert terms(one_turn(ZERO, GOOD_CASE, GOOD_CASE), TESTER, "valid") == pytest.approx(0.15)
    first, again = play(CodeTest(), SUM, answers(ZERO, GOOD_CASE), answers(ZERO, GOOD_CASE))
    assert terms([first], TESTER, "valid") == pytest.approx(0.3)
    assert terms([again], TESTER, "valid") == pytest.approx(-0.15)
    assert terms([again], TESTER, "kills") == 0


def test_a_trivial_case_which_every_wrong_program_passes_earns_nothing():
    steps = one_turn(RIGHT, ("0", "0"))
    assert steps[-1].state.outcome == "agreed"
    assert terms(steps, TESTER, "valid") == terms(steps, TESTER, "kills") == 0


def test_a_wrong_case_that_matches_the_partners_wrong_program_ends_the_episode_and_earns_nobody_anything():
    steps = play(CodeTest(), SUM, answers("print(7)", ("4 5", "7"), ("1", "7")))
    assert steps[-1].state.outcome == "agreed" and not steps[-1].info["success"]
    assert terms(steps, CODER, "cases") == terms(steps, TESTER, "valid") == terms(steps, TESTER, "kills") == 0
    assert terms(steps, "", "hidden") == terms(steps, "", "success") == 0


def test_wrong_outputs_for_every_input_cost_the_coder_nothing_and_earn_the_tester_nothing():
    steps = one_turn(RIGHT, ("4 5", "10"), ("4 4", "9"))
    assert terms(steps, TESTER, "valid") == terms(steps, TESTER, "kills") == 0
    assert terms(steps, CODER, "cases") == 0 and terms(steps, "", "success") == 1


def test_nothing_is_earned_by_prolonging_an_episode():
    long = play(
        CodeTest(turns=4), SUM, *[answers(program, (str(i), "x")) for i, program in enumerate([RIGHT, ZERO] * 2)]
    )
    short = play(CodeTest(turns=1), SUM, answers(ZERO, ("3", "x")))
    for agent, names in (("", ("hidden", "success")), (CODER, ("format", "runs", "cases"))):
        for name in names:
            assert terms(long, agent, name) == pytest.approx(terms(short, agent, name)), name
