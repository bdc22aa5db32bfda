"""Real programs on real tests: answers of language models with known verdicts, and reference solutions."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mas_envs.grading.asserts import grade_asserts
from mas_envs.grading.output import grade_output
from mas_envs.sandbox import Limits, RunProgram, Sandbox

pytestmark = pytest.mark.data

CODES = {"accepted": "AC", "wrong_answer": "WA", "no_output": "WA", "time_limit": "TLE"}
"""What the data set calls a grade; it calls every other one a runtime error."""
LIMITS = Limits(cpu_s=6)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(2) as it:
        yield it


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def verdict(sandbox: Sandbox, program: str, tests: list[dict[str, Any]]) -> str:
    """Returns what the data set calls the first grade that is not accepted, over the tests in order."""
    for start in range(0, len(tests), 4):
        some = tests[start : start + 4]
        results = sandbox.run_many([RunProgram(program, test["input"], LIMITS) for test in some])
        for test, result in zip(some, results, strict=True):
            grades = {grade_output(result, expected) for expected in test["output"]}
            if "accepted" not in grades:
                return CODES.get(min(grades), "RE")
    return "AC"


@pytest.mark.slow
def test_models_answers_get_the_verdicts_on_record(sandbox: Sandbox, test_data: Path) -> None:
    folder = test_data / "code_apps150_mapcoder"
    problems = {problem["id"]: problem for problem in lines(folder / "apps_selected150.jsonl.gz")}
    answers = [a for a in lines(folder / "llm_responses_stdin.jsonl.gz") if a["verdict_rerun"] != "TLE"]
    assert len(answers) > 250
    different = [
        (answer["id"], answer["run"], answer["verdict_rerun"], ours)
        for answer in answers
        if (ours := verdict(sandbox, answer["source_code"], problems[answer["id"]]["test_list"]))
        != answer["verdict_rerun"]
    ]
    assert len(different) <= 0.01 * len(answers), different


def test_archives_solvable_problems_run_and_are_graded_by_their_rule(sandbox: Sandbox, test_data: Path) -> None:
    problems = [p for p in lines(test_data / "code_google_archive/problems.jsonl.gz") if p["reference_check"] == "pass"]
    assert len(problems) == 78
    tests = [(problem, test) for problem in problems for test in problem["tests"]]
    # The answer is known to the test alone, so what runs is a program that reads all input and prints a given text.
    echo = "import sys\ndata = sys.stdin.read()\nprint(len(data.split()))\nsys.stdout.write(data)"
    results = sandbox.run_many([RunProgram(echo, test["input"]) for _, test in tests])
    for (problem, test), result in zip(tests, results, strict=True):
        assert result.out == f"{len(test['input'].split())}\n{test['input']}".encode(), problem["id"]
        tolerance = tolerance_of(problem)
        answer = "import sys\nsys.stdout.write(" + repr(test["output"]) + ")"
        assert grade_output(sandbox.run(answer), test["output"], tolerance) == "accepted"
        assert grade_output(result, test["output"], tolerance) == "wrong_answer"


def tolerance_of(problem: dict[str, Any]) -> float | None:
    found = re.search(r"float_tolerance (\S+)", problem["output_validator_flags"] or "")
    return float(found[1]) if found else None


@pytest.mark.slow
def test_humanevals_reference_solutions_are_accepted(sandbox: Sandbox, test_data: Path) -> None:
    problems = lines(test_data / "code_humaneval/HumanEval.jsonl.gz")
    refused = []
    for problem in problems:
        name, prompt = problem["entry_point"], problem["prompt"]
        test = f"{problem['test']}\ncheck({name})"
        report = grade_asserts(sandbox.serve, prompt + problem["canonical_solution"], name, [test], prompt, LIMITS)
        nothing = grade_asserts(sandbox.serve, f"{prompt}    return 'wrong'\n", name, [test], prompt, LIMITS)
        if report.grade != "accepted" or nothing.grade == "accepted":
            refused.append((problem["task_id"], report, nothing))
    assert len(problems) == 82
    assert refused == []


@pytest.mark.slow
def test_mbpps_reference_codes_are_accepted(sandbox: Sandbox, test_data: Path) -> None:
    problems = [p for p in lines(test_data / "code_mbpp/mbpp.jsonl.gz") if p["task_id"] != 123]  # takes many seconds
    refused = []
    for problem in problems:
        called = re.findall(r"(\w+)\s*\(", problem["test_list"][0])
        name = next(name for name in called if re.search(rf"^(def|class) {name}\b", problem["code"], re.M))
        tests = [*problem["test_list"], *problem["challenge_test_list"]]
        report = grade_asserts(sandbox.serve, problem["code"], name, tests, problem["test_setup_code"], LIMITS)
        if report.grade != "accepted" or report.passed != len(tests):
            refused.append((problem["task_id"], report))
    assert len(problems) == 486
    assert refused == []
