from collections.abc import Iterator

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.grading.asserts import Report, grade_asserts
from mas_envs.sandbox import Limits, Result, RunProgram, Sandbox, Verdict
from mas_envs.sandbox.inside import driver

TESTS = ["assert add(1, 2) == 3", "assert add(-1, 1) == 0"]
LIMITS = Limits(cpu_s=1, wall_s=2)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(1) as it:
        yield it


def graded(sandbox: Sandbox, program: str, tests: list[str] = TESTS, function: str = "add", setup: str = "") -> Report:
    return grade_asserts(sandbox.serve, program, function, tests, setup, LIMITS)


def test_right_function_is_accepted(sandbox: Sandbox) -> None:
    report = graded(sandbox, "def add(a, b): return a + b")
    assert (report.grade, report.outcomes, report.passed, report.valid) == ("accepted", ("", ""), 2, True)


def test_each_test_counts_for_itself(sandbox: Sandbox) -> None:
    report = graded(sandbox, "def add(a, b): return 3")
    assert (report.grade, report.passed) == ("wrong_answer", 1)
    assert report.outcomes[0] == ""
    assert "AssertionError" in report.outcomes[1]


CHEATS = {
    "equal to everything": "class E:\n    def __eq__(s, o): return True\n    __hash__ = None\n"
    "def add(a, b): return E()",
    "an int equal to everything": "class E(int):\n    def __eq__(s, o): return True\ndef add(a, b): return E(7)",
    "never unequal": "class E:\n    def __ne__(s, o): return False\ndef add(a, b): return E()",
    "patches the driver": "import sys\nfor m in list(sys.modules.values()):\n"
    "    for n in ('encode', 'check', 'call'):\n"
    "        if hasattr(m, n): setattr(m, n, lambda *a: True)\ndef add(a, b): return 7",
    "writes answers of its own": "import os\nfor fd in range(12):\n    try: os.write(fd, b'{\"value\": 3}\\n')\n"
    "    except OSError: pass\ndef add(a, b): return 7",
    "writes what the checker writes": "import os\nfor fd in range(12):\n"
    '    try: os.write(fd, b\'{"calls": [], "outcomes": ["", ""], "waiting": false}\\n\')\n'
    "    except OSError: pass\ndef add(a, b): return 7",
    "leaves with 0": "import os\nos._exit(0)",
    "leaves with 0 when called": "import os\ndef add(a, b): os._exit(0)",
    "raises SystemExit": "def add(a, b): raise SystemExit(0)",
    "looks for the expected value in its frames": "import sys\ndef add(a, b):\n    f = sys._getframe()\n    while f:\n"
    "        for v in f.f_locals.values():\n            if v == 3: return 3\n        f = f.f_back\n    return 7",
    "patches assert's exception": "import builtins\nbuiltins.AssertionError = None\ndef add(a, b): return 7",
    "no such function": "def sub(a, b): return a - b",
    "not a function": "add = 3",
    "nan": "def add(a, b): return float('nan')",
    "a huge value": "def add(a, b): return [0] * 10**7",
    "a deep value": "def add(a, b):\n    x = []\n    for _ in range(10**5): x = [x]\n    return x",
    "colliding hashes": "def add(a, b): return set((2**61 - 1) * i for i in range(10**5))",
    "no JSON": "import os\ndef add(a, b):\n    for fd in range(3, 12):\n"
    "        try: os.write(fd, b'[' * 10**5 + b'\\n')\n        except OSError: pass\n    return 7",
}


@pytest.mark.parametrize("program", CHEATS.values(), ids=CHEATS)
def test_cheating_function_is_not_accepted(sandbox: Sandbox, program: str) -> None:
    report = graded(sandbox, program, ["assert add(1, 2) == 30", "assert add(1, 1) != 31 and add(1, 2) == 30"])
    assert report.grade not in ("accepted", "infrastructure"), report
    assert report.valid
    assert report.passed == 0


def test_value_is_its_plain_self_on_both_sides(sandbox: Sandbox) -> None:
    values = (
        "[(1, 2), {3}, frozenset([4]), {5: [6.5, None]}, 1j, b'7', 2**200, -2**70, float('inf'), True, 'ä\\ud800', '']"
    )
    report = graded(sandbox, "def same(x): return x", [f"assert same({values}) == {values}"], "same")
    assert report.grade == "accepted", report


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("from collections import Counter\ndef f(): return Counter('aab')", "{'a': 2, 'b': 1}"),
        ("from collections import namedtuple\ndef f(): return namedtuple('P', 'x y')(1, 2)", "(1, 2)"),
        ("import numpy\ndef f(): return numpy.float64(0.5)", "0.5"),
        ("import numpy\ndef f(): return numpy.arange(3)[2]", "2"),
        ("import enum\nclass E(enum.IntEnum):\n    A = 3\ndef f(): return E.A", "3"),
    ],
)
def test_kin_of_a_plain_type_is_returned_as_that_type(sandbox: Sandbox, program: str, expected: str) -> None:
    assert graded(sandbox, program, [f"assert f() == {expected}"], "f").grade == "accepted"


def test_calls_that_depend_on_earlier_answers_are_made_in_turn(sandbox: Sandbox) -> None:
    tests = ["x = 1\nfor _ in range(5): x = double(x)\nassert x == 32"]
    assert graded(sandbox, "def double(x): return 2 * x", tests, "double").grade == "accepted"


def test_function_that_expects_an_exception_can_be_tested(sandbox: Sandbox) -> None:
    tests = [
        "try:\n    f(0)\n    assert False\nexcept RuntimeError as error:\n    assert 'ZeroDivisionError' in str(error)"
    ]
    assert graded(sandbox, "def f(x): return 1 // x", tests, "f").grade == "accepted"


def test_function_that_raises_is_a_runtime_error(sandbox: Sandbox) -> None:
    report = graded(sandbox, "def add(a, b): return 1 // 0")
    assert report.grade == "runtime_error"
    assert "ZeroDivisionError" in report.outcomes[0]


def test_method_and_objects_of_the_program_can_be_tested(sandbox: Sandbox) -> None:
    program = (
        "class Pair:\n    def __init__(s, a, b): s.sum = a + b\ndef total(pairs): return sum(p.sum for p in pairs)"
    )
    assert graded(sandbox, program, ["assert total([Pair(1, 2), Pair(3, 4)]) == 10"], "total").grade == "accepted"
    assert graded(sandbox, program, ["assert total([p]) == 3"], "total", "p = Pair(1, 2)").grade == "accepted"
    method = "class Solution:\n    def solve(self, x): return x + 1"
    assert graded(sandbox, method, ["assert candidate(1) == 2"], "Solution.solve").grade == "accepted"


def test_types_and_keywords_go_over(sandbox: Sandbox) -> None:
    program = "def of(values, kind=str): return [v for v in values if isinstance(v, kind)]"
    tests = [
        "assert of([1, 'a'], int) == [1]",
        "assert of([1, 'a'], kind=int) == [1]",
        "assert of(values=[1, 'a']) == ['a']",
    ]
    assert graded(sandbox, program, tests, "of").grade == "accepted"


def test_program_may_print_and_read_nothing(sandbox: Sandbox) -> None:
    program = (
        "import sys\nprint('{\"value\": 3}')\ndef add(a, b):\n    print('x')\n    return a + b + len(sys.stdin.read())"
    )
    assert graded(sandbox, program).grade == "accepted"


def test_time_limit_keeps_what_was_answered_before(sandbox: Sandbox) -> None:
    program = "def add(a, b):\n    while a < 0: pass\n    return a + b"
    report = graded(sandbox, program)
    assert (report.grade, report.outcomes[0], report.passed) == ("time_limit", "", 1)


@pytest.mark.parametrize("tests", [["while True: pass"], ["import os\nos._exit(1)"]])
def test_tests_that_do_not_run_say_nothing_of_the_program(sandbox: Sandbox, tests: list[str]) -> None:
    assert not graded(sandbox, "def add(a, b): return a + b", tests).valid


def test_test_that_is_no_python_fails(sandbox: Sandbox) -> None:
    report = graded(sandbox, "def add(a, b): return a + b", ["assert add(1, 2) ==", TESTS[0]])
    assert (report.passed, "SyntaxError" in report.outcomes[0]) == (1, True)


def test_infrastructure_is_reported_as_such() -> None:
    failed = Result(Verdict.INFRASTRUCTURE)
    assert grade_asserts(lambda job: failed, "def add(a, b): pass", "add", TESTS).grade == "infrastructure"


def test_fault_in_the_programs_run_is_infrastructure(sandbox: Sandbox) -> None:
    def run(job: RunProgram) -> Result:
        return Result(Verdict.INFRASTRUCTURE) if "caller" in str(job.stdin)[:20] else sandbox.serve(job)

    assert grade_asserts(run, "def add(a, b): return a + b", "add", TESTS).grade == "infrastructure"


def test_expected_values_never_enter_the_programs_box(sandbox: Sandbox) -> None:
    jobs: list[RunProgram] = []

    def run(job: RunProgram) -> Result:
        jobs.append(job)
        return sandbox.serve(job)

    grade_asserts(run, "def add(a, b): return 7", "add", ["assert add(1, 2) == 987654321"], limits=LIMITS)
    of_program = [job for job in jobs if '"role": "caller"' in str(job.stdin)]
    assert of_program
    assert all("987654321" not in str(job.stdin) + job.program for job in of_program)
    assert any("987654321" in str(job.stdin) for job in jobs)


@pytest.mark.parametrize("name", ["", "a b", "f()", "a..b", "__import__('os')"])
def test_function_needs_a_name(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(UsageError, match="it must be a name"):
        graded(sandbox, "", TESTS, name)


def test_opaque_value_compares_with_nothing() -> None:
    with pytest.raises(TypeError, match="no plain value"):
        assert driver.Opaque("deque") == 1
