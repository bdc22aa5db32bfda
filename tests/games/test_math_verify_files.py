"""Math-verify's problems from files: GSM8K, MATH, MATH-500, AIME and OlympiadBench as JSON lines."""

import gzip
import json

import pytest

from mas_envs import make_game
from mas_envs.agents import ExpertAgent, play
from mas_envs.core.errors import MissingExtraError, StateError, UsageError
from mas_envs.testing import check_game
from mas_envs.vector import step_all

pytestmark = pytest.mark.needs("math")
GSM8K = {"question": "2 and 3?", "answer": "2 + 3 = <<2+3=5>>5\n#### 1,005"}
MATH = {
    "problem": "Half?",
    "solution": "first \\boxed{2}. Then\n\\boxed{\\frac{1}{2}}",
    "type": "Algebra",
    "level": "Level 1",
}
MATH500 = {"problem": "Where?", "answer": "\\left( 3, \\frac{\\pi}{2} \\right)", "subject": "Geometry", "level": 2}
AIME = {"ID": "2024-I-1", "Problem": "How many?", "Solution": "033", "Answer": 33}
OLYMPIAD = {
    "id": 1,
    "context": "Let $n = 2$.",
    "question": "Find $n$.",
    "final_answer": ["$\\frac{1}{2}$"],
    "is_multiple_answer": False,
    "unit": None,
    "error": None,
    "subfield": "Geometry",
}
ALL = (GSM8K, MATH, MATH500, AIME, OLYMPIAD)


def write(folder, *lines, name="set.jsonl"):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return f"file:{path}"


def problems(source, **settings):
    return [task.content for task in make_game("math_verify", source=source, **settings).listed()]


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz"])
def test_every_kind_of_file_is_read(tmp_path, name):
    found = problems(write(tmp_path, *ALL[:2], "", *ALL[2:], "", name=name))
    assert [problem.answers for problem in found] == [
        ("1,005",),
        ("\\frac{1}{2}",),
        ("\\left( 3, \\frac{\\pi}{2} \\right)",),
        ("33",),
        ("$\\frac{1}{2}$",),
    ]
    assert [problem.question for problem in found][3:] == ["How many?", "Let $n = 2$.\nFind $n$."]
    assert [problem.family for problem in found] == ["set", "Algebra", "Geometry", "set", "Geometry"]
    assert [problem.difficulty for problem in found] == ["", "Level 1", "2", "", ""]


def said(game, state, answer):
    (made,) = step_all(game, [(state, {"reasoner_0": f"\\boxed{{{answer}}}"})], None)
    assert made is not None
    return made.info["success"]


@pytest.mark.parametrize(
    ("fields", "right", "wrong"),
    [
        ({"answer": ["2", "3"]}, ("2", "3"), ("2, 3", "4")),
        ({"final_answer": ["2", "3"], "is_multiple_answer": True}, ("3, 2",), ("2", "3")),
        ({"final_answer": ["2.5"], "error": "0.1"}, ("2.45", "2.6"), ("2.7", "2.39")),
        ({"final_answer": ["2.5"], "error": "1e-1,1e-2"}, ("2.505",), ("2.45",)),
        ({"final_answer": ["10"], "unit": "cm"}, ("10", "10 \\text{ cm}"), ("10.1",)),
        ({"answer": 0.5}, ("1/2", "50\\%"), ("5",)),
    ],
    ids=str,
)
def test_what_a_line_allows_is_right(tmp_path, fields, right, wrong):
    game = make_game("math_verify", roles="single", source=write(tmp_path, {"problem": "?", **fields}))
    state = game.initial(game.task_from("1"))
    assert ("cm" in game.observe(state, "reasoner_0").situation) == ("unit" in fields)
    assert all(said(game, state, answer) for answer in right)
    assert not any(said(game, state, answer) for answer in wrong)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Line 2 of set.jsonl is no JSON"),
        ("[" * 100_000, "Line 2 of set.jsonl is no JSON"),
        ("[1]", "Line 2 of set.jsonl is no JSON object"),
        ({"answer": "2"}, "Line 2 of set.jsonl has no problem or question"),
        ({"problem": "  ", "answer": "2"}, "has no problem or question"),
        ({"problem": ["x"], "answer": "2"}, "has no problem or question"),
        ({"problem": "x"}, "Line 2 of set.jsonl has no answer, final_answer or solution"),
        ({"problem": "x", "answer": ""}, "has an empty answer"),
        ({"problem": "x", "answer": True}, "has an empty answer"),
        ({"problem": "x", "answer": []}, "has an empty answer"),
        ({"problem": "x", "answer": ["1", None]}, "has an empty answer"),
        ({"problem": "x", "final_answer": ["1", ""], "is_multiple_answer": True}, "has an empty answer"),
        ({"problem": "x", "solution": "no box"}, "without \\\\boxed"),
        ({"problem": "x", "answer": "1", "error": "few"}, "has the error 'few'"),
        ({"problem": "x", "answer": "1", "error": "-1"}, "has the error '-1'"),
        ({"problem": "x", "answer": "1", "error": "nan"}, "has the error 'nan'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_malformed_line_is_named(tmp_path, line, message):
    with pytest.raises(UsageError, match=message):
        make_game("math_verify", source=write(tmp_path, MATH, line))


def test_a_file_that_cannot_be_read_is_refused_in_words(tmp_path):
    for name, data in (
        ("a.jsonl", b"\xff\xfe"),
        ("b.jsonl.gz", b"no gzip"),
        ("c.jsonl.gz", gzip.compress(b"x" * 99)[:-9]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError):
            make_game("math_verify", source=f"file:{tmp_path / name}")
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(b"\xff\xfe"))
    missing = "(?i)no such file"
    for name, message in (("d.jsonl.gz", "UTF-8"), ("none.jsonl.gz", missing), ("none.jsonl", missing)):
        with pytest.raises(UsageError, match=message):
            make_game("math_verify", source=f"file:{tmp_path / name}")
    with pytest.raises(UsageError, match="no task"):
        make_game("math_verify", source=write(tmp_path, "", "  "))


def test_a_packed_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("mas_envs.core.files.MAX_BYTES", 100)
    with pytest.raises(UsageError, match="more than 100 bytes"):
        make_game("math_verify", source=write(tmp_path, MATH, " " * 1000, name="big.jsonl.gz"))


def test_a_file_refuses_what_chooses_among_generated_problems(tmp_path):
    source = write(tmp_path, MATH)
    for settings in ({"difficulty": "easy"}, {"families": "trained"}):
        with pytest.raises(UsageError, match="leave them out"):
            make_game("math_verify", source=source, **settings)


def test_a_state_of_a_file_is_restored_from_the_file_and_holds_no_answer(tmp_path):
    source = write(tmp_path, *ALL)
    game = make_game("math_verify", source=source)
    task = game.task_from("2")
    saved = json.dumps(game.save(game.initial(task)))
    assert "frac" not in saved and "Half" not in saved
    assert game.load(json.loads(saved)).task == task
    write(tmp_path, GSM8K, {**MATH, "problem": "A third?"}, *ALL[2:])
    with pytest.raises(StateError, match="digest"):
        make_game("math_verify", source=source).load(json.loads(saved))
    with pytest.raises(UsageError, match="line '9'"):
        game.task_from("9")


def test_a_file_is_refused_at_once_where_the_extra_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("mas_envs.games.math_verify.files.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="mas-envs.math"):
        make_game("math_verify", source=write(tmp_path, MATH))
    assert make_game("math_verify").task("test", 0)


def test_an_answer_that_needs_algebra_is_graded_by_workers(tmp_path):
    game = make_game("math_verify", source=write(tmp_path, {"problem": "Root of 8?", "answer": "2\\sqrt{2}"}))
    state = game.initial(game.task_from("1"))
    program = "```python\nprint('8**(1/2)')\n```"
    (made,) = step_all(game, [(state, {"tool_0": program})], None)
    assert made is not None and made.state.run.right
    (made,) = step_all(game, [(made.state, {"reasoner_0": "\\boxed{\\sqrt{8}}"})], None)
    assert made is not None and made.info["success"]


@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_contract_holds_and_the_experts_solve_a_file(tmp_path, style):
    lines = [{"problem": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(40)]
    game = make_game("math_verify", source=write(tmp_path, *lines), style=style)
    check_game(game)
    agents = {"tool": ExpertAgent(), "reasoner": ExpertAgent()}
    assert all(episode.success for episode in play(game, agents, game.listed()))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("math_gsm8k/test.jsonl.gz", 660),
        ("math_math500/math500.jsonl.gz", 250),
        ("math_math_test/test_without_math500.jsonl.gz", 2250),
    ],
)
def test_real_files_are_read_and_their_own_answers_are_right(test_data, name, count):
    game = make_game("math_verify", roles="single", source=f"file:{test_data / name}")
    tasks = game.listed()
    assert len(tasks) == count
    episodes = play(game, {"reasoner": ExpertAgent()}, tasks[:150])
    assert sum(bool(episode.success) for episode in episodes) >= 147
