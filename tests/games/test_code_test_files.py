"""Problems from files: every form that is documented, malformed lines by name, and real collections."""

import gzip
import json
import re
from collections import Counter
from dataclasses import replace

import pytest

from mas_envs.agents import ExpertAgent
from mas_envs.agents import play as play_all
from mas_envs.core.errors import StateError, UsageError
from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.problem import Case
from mas_envs.games.code_test.schemas import read_problem
from tests.games.code_test_played import CODER, RIGHT, TESTER, ZERO, answers, play, step, terms

OWN = {"statement": "Add.", "samples": [["1 2", "3"]], "hidden": [["4 5", "9"]], "accepted": [RIGHT],
       "has_reference": True, "wrong": [ZERO], "tolerance": 0.01}  # fmt: skip
ARCHIVE = {
    "id": "round/add", "statement": "Add.", "output_validator_flags": "float_tolerance 1e-6",
    "tests": [{"name": "sample/1", "input": "1 2\n", "output": "3\n"},
              {"name": "secret/1", "input": "4", "output": "4"}],
}  # fmt: skip
APPS = {
    "description": "Add.", "difficulty": "interview", "starter_code": "",
    "sample_io": [{"input": "1 2", "output": ["3\n"]}],
    "test_list": [{"input": "1 2", "output": ["3\n"]}, {"input": "4 5", "output": ["9\n"]}],
}  # fmt: skip
APPS_FUNCTION = {
    "description": "Add.", "starter_code": "\ndef add(a, b):\n\t", "sample_io": [{"input": "1\n2", "output": [3]}],
    "test_list": [{"input": "1\n2", "output": [3]}, {"input": '"x"\ny', "output": ["xy"]}],
}  # fmt: skip
APPS_ORIGINAL = {
    "problem_id": 7, "question": "Add.", "input_output": json.dumps({"inputs": ["4 5\n"], "outputs": ["9\n"]}),
    "solutions": json.dumps([RIGHT, "a = input().split(); print(int(a[0]) + int(a[1]))"]),
}  # fmt: skip
APPS_ORIGINAL_METHOD = {
    "question": "Add.", "starter_code": "class Solution:\n    def add(self, a: int, b: int) -> int:\n        ",
    "input_output": json.dumps({"fn_name": "add", "inputs": [[4, 5], [1, 1]], "outputs": [[9], [2]]}),
}  # fmt: skip
CONTESTS = {
    "name": "add", "description": "Add.", "time_limit": {"seconds": 2, "nanos": 500_000_000},
    "public_tests": {"input": ["1 2"], "output": ["3"]}, "private_tests": {"input": ["4 5"], "output": ["9"]},
    "generated_tests": {"input": ["6", "1  2"], "output": ["6", "3"]},
    "solutions": {"language": [3, 2], "solution": [RIGHT, "int main() {}"]},
    "incorrect_solutions": {"language": [3], "solution": [ZERO]},
}  # fmt: skip
HUMAN_EVAL = {
    "task_id": "HumanEval/x", "prompt": 'def add(a, b):\n    """Adds."""\n', "canonical_solution": "    return a + b\n",
    "entry_point": "add",
    "test": "META = 1\ndef check(candidate):\n    assert candidate(1, 2) == 3\n    assert META\n"
            "    assert candidate(META, 1) == 2\n",
}  # fmt: skip
MBPP = {
    "task_id": 3, "text": "Add.", "code": "def other():\n    pass\ndef add(a, b):\n    return a + b",
    "test_list": ["assert add(1, 2) == 3", "assert add(4, 5) == 9", "assert str(add(1, 1)) == '2'"],
    "test_setup_code": "",
}  # fmt: skip
STDIN = (OWN, ARCHIVE, APPS, APPS_ORIGINAL, CONTESTS)
FUNCTIONS = (APPS_FUNCTION, APPS_ORIGINAL_METHOD, HUMAN_EVAL, MBPP)


def written(path, *lines):
    """Writes lines, objects or texts, into a file; returns the source that names it."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return f"file:{path}"


# ---- forms ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("line", STDIN, ids=["own", "archive", "apps", "apps_original", "contests"])
def test_forms_of_programs_that_read_stdin(line):
    problem = read_problem(line)
    assert problem.statement == "Add." and problem.kind == "stdin"
    assert [case.key for case in problem.samples] == ([] if line is APPS_ORIGINAL else ["1 2"])
    keys = [case.key for case in problem.hidden]
    assert keys == (
        ["4 5"]
        if line in (OWN, APPS_ORIGINAL)
        else ["1 2", "4"]
        if line is ARCHIVE
        else ["1 2", "4 5", "6"][: len(keys)]
    )
    (only,) = play(CodeTest(roles="single"), problem, answers(RIGHT))
    assert only.info["success"]
    (only,) = play(CodeTest(roles="single"), problem, answers(ZERO))
    assert not only.info["success"]


def test_what_a_form_says_beside_its_tests_is_read():
    assert read_problem(OWN).tolerance == 0.01 and read_problem(OWN).has_reference
    assert read_problem(ARCHIVE).tolerance == 1e-6
    assert read_problem(APPS).difficulty == "interview"
    assert len(read_problem(APPS_ORIGINAL).accepted) == 2 and read_problem(APPS_ORIGINAL).has_reference
    contests = read_problem(CONTESTS)
    assert (contests.accepted, contests.wrong, contests.limits.cpu_s) == ((RIGHT,), (ZERO,), 2.5)
    assert not contests.has_reference  # solutions that were accepted there, not one that its author vouches for
    assert read_problem({**MBPP, "wrong": ["def add(a, b): pass"]}).wrong == ("def add(a, b): pass",)


@pytest.mark.parametrize(
    ("line", "entry", "program"),
    [
        (APPS_FUNCTION, "add", "def add(a, b): return a + b"),
        (APPS_ORIGINAL_METHOD, "Solution.add", "class Solution:\n    def add(self, a, b): return a + b"),
        (HUMAN_EVAL, "add", "def add(a, b): return a + b"),
        (MBPP, "add", "def add(a, b): return a + b"),
    ],
    ids=["apps", "apps_original", "human_eval", "mbpp"],
)
def test_forms_of_functions(line, entry, program):
    problem = read_problem(line)
    assert (problem.kind, problem.entry_point) == ("function", entry)
    case = ("1, 8", "9")
    (right,) = play(CodeTest(turns=1), problem, answers(program, case))
    assert right.info["success"] and right.state.outcome == "agreed"
    (wrong,) = play(CodeTest(turns=1), problem, answers(program.replace("+", "-"), case))
    assert not wrong.info["success"] and wrong.state.rounds[0].tried[0].printed == "-7"
    assert entry.split(".")[-1] in CodeTest().observe(right.state, CODER).text


def test_a_functions_tests_are_taken_apart_and_what_tests_nothing_is_left_out():
    assert read_problem(HUMAN_EVAL).asserts == ("assert candidate(1, 2) == 3", "assert candidate(META, 1) == 2")
    mbpp = read_problem(MBPP)
    assert mbpp.samples == (Case("1, 2", "3"),) and len(mbpp.asserts) == 3
    assert read_problem(APPS_FUNCTION).asserts == ("assert add(1, 2) == 3", "assert add('x', 'y') == 'xy'")
    looping = {
        **HUMAN_EVAL,
        "test": "def check(candidate):\n    for i in range(3):\n        assert candidate(i, 1) == i + 1\n",
    }
    problem = read_problem(looping)
    assert len(problem.asserts) == 1
    (only,) = play(CodeTest(roles="single"), problem, answers("def add(a, b): return a + b"))
    assert only.info["success"]


def test_a_case_about_a_function_is_checked_by_its_reference_and_known_wrong_programs():
    problem = replace(read_problem(MBPP), wrong=("def add(a, b):\n    return a * b",))
    (only,) = play(
        CodeTest(turns=1),
        problem,
        answers("def add(a, b): return a + b", ("2, 2", "4"), ("1, 5", "6"), ("1, 5.0", "7")),
    )
    assert [one.passed for one in only.state.rounds[0].tried] == [True, True, False]
    assert terms([only], TESTER, "valid") == pytest.approx(0.1)  # 2, 2 tells nothing; 7 is wrong
    assert only.state.standing.killed == (0,)


# ---- files ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["problems.jsonl", "problems.jsonl.gz"])
def test_problems_of_a_file_are_played_saved_and_restored(tmp_path, name):
    lines = [{**OWN, "id": i, "statement": f"Add, {i}."} for i in range(30)]
    game = CodeTest(source=written(tmp_path / name, *lines, ""))
    assert len(game.listed()) == 30
    splits = [game.task(split, 0).ref for split in ("train", "validation", "test")]
    assert len(set(splits)) == 3 and splits[0].source == f"file:{name}"
    state = game.initial(game.task("test", 0))
    state = step(game, state, answers(RIGHT, ("1", "2"))).state
    assert CodeTest(**game.settings()).load(json.loads(json.dumps(game.save(state)))) == state
    assert "9" not in json.dumps(game.dump(state)["rounds"])
    written(tmp_path / name, *[{**line, "hidden": [["8", "8"]]} for line in lines])
    with pytest.raises(StateError, match="its source has changed"):
        CodeTest(**game.settings()).load(game.save(state))


def test_the_experts_of_a_file_know_its_reference_and_agree_on_a_new_case(tmp_path):
    game = CodeTest(source=written(tmp_path / "a.jsonl", OWN))
    (episode,) = play_all(game, dict.fromkeys(("coder", "tester"), ExpertAgent()), game.listed())
    assert episode.success and episode.turns == 1
    coder, tester = 0.1 + 0.3, 0.3 + 0.6 / 2  # one of two wrong programs: the coder's own is right
    assert sum(episode.moments[0].rewards.values()) == pytest.approx(2 * 2 + coder + tester)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: Expecting"),
        ("[1]", "line 2: it is a list, not an object"),
        ({"task": 1}, r"line 2: its keys task fit no known form \(statement \+ hidden; "),
        ({**OWN, "hidden": []}, "line 2: A problem needs at least one hidden test"),
        ({**OWN, "hidden": [["1"]]}, "line 2: a value of its form"),
        ({**OWN, "hidden": [[1, 2]]}, "1 is no text"),
        ({**OWN, "statement": None}, "None is no text"),
        ({**OWN, "accepted": "print(1)"}, "no list of texts"),
        ({**APPS_ORIGINAL, "input_output": "{"}, "line 2: "),
        ({**MBPP, "code": "x = 1"}, "calls none of the functions"),
        ({**HUMAN_EVAL, "test": "def"}, "line 2: invalid syntax"),
        ("[" * 100_000, "line 2: "),
    ],
)
def test_a_malformed_line_is_named_with_what_is_wrong(tmp_path, line, message):
    with pytest.raises(UsageError, match=f"b.jsonl, {message}" if message.startswith("line") else message):
        CodeTest(source=written(tmp_path / "b.jsonl", OWN, line))


def test_an_empty_or_damaged_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no task"):
        CodeTest(source=written(tmp_path / "c.jsonl", ""))
    (tmp_path / "d.jsonl.gz").write_bytes(b"no archive")
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(b"{}" * 1000)[:-9])
    for name in ("d", "e"):
        with pytest.raises(UsageError, match="cannot be read"):
            CodeTest(source=f"file:{tmp_path / name}.jsonl.gz")


# ---- real collections -----------------------------------------------------------------------------------------------
def collection(test_data, name, **settings):
    return CodeTest(source=f"file:{test_data / name}.jsonl.gz", roles="single", **settings)


@pytest.mark.data
def test_real_collections_load_whole(test_data):
    kinds = {}
    for name in (
        "code_google_archive/problems",
        "code_apps150_mapcoder/apps_selected150",
        "code_humaneval/HumanEval",
        "code_mbpp/mbpp",
    ):
        listed = collection(test_data, name).listed()
        kinds[name] = Counter(task.content.kind for task in listed)
        assert all(task.content.statement.strip() and task.content.tests for task in listed)
    assert [dict(kind) for kind in kinds.values()] == [
        {"stdin": 218}, {"stdin": 26, "function": 49}, {"function": 82}, {"function": 487}
    ]  # fmt: skip


MUTATIONS = (
    (r"\breturn\b ?(?!None$)(.+)", r"return (\1, 0)"),
    (r"print\((.*)\)", r"print(0, \1)"),
)


def mutated(program):
    """Returns a program that gives a little more than it should, wherever it gives something."""
    for pattern, replacement in MUTATIONS:
        program = re.sub(pattern, replacement, program, flags=re.M)
    return program


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["code_humaneval/HumanEval", "code_mbpp/mbpp"])
def test_references_of_functions_succeed_and_their_mutations_do_not(test_data, name):
    game = collection(test_data, name)
    tasks = [task for task in game.listed() if task.ref.id != "123"]  # takes many seconds
    assert all(one.success for one in play_all(game, {"coder": ExpertAgent()}, tasks))
    sampled = [task for task in tasks[::5] if "return" in task.content.reference]
    programs = {task.content.statement.strip(): mutated(task.content.reference) for task in sampled}
    broken = {text: program for text, program in programs.items() if program.count("(") > 0}

    def coder(prompt):
        return next(f"```python\n{program}\n```" for text, program in broken.items() if text in prompt)

    episodes = play_all(game, {"coder": coder}, sampled)
    assert not [task.ref.id for task, one in zip(sampled, episodes, strict=True) if one.success]


@pytest.mark.data
@pytest.mark.slow
def test_accepted_answers_to_apps_succeed_and_their_mutations_and_the_refused_ones_do_not(test_data):
    game = collection(test_data, "code_apps150_mapcoder/apps_selected150")
    problems = {task.ref.id: task.content for task in game.listed() if task.content.kind == "stdin"}
    with gzip.open(test_data / "code_apps150_mapcoder/llm_responses_stdin.jsonl.gz", "rt") as file:
        responses = [json.loads(line) for line in file]
    known = [each for each in responses if str(each["id"]) in problems]
    accepted = [each for each in known if each["verdict_rerun"] == "AC"]
    refused = [each for each in known if each["verdict_rerun"] in ("WA", "RE")][::4]
    assert len(accepted) >= 10 and len(refused) >= 10

    def succeeds(each, program):
        (one,) = play(game, problems[str(each["id"])], answers(program))
        return one.info["success"]

    assert [each["id"] for each in accepted if not succeeds(each, each["source_code"])] == []
    assert [each["id"] for each in accepted if succeeds(each, mutated(each["source_code"]))] == []
    assert [each["id"] for each in refused if succeeds(each, each["source_code"])] == []
