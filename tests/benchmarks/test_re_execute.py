"""Effects that are carried out again: what was recorded falsely is found, what depends on the machine is told apart."""

import shutil

import pytest

pytest.importorskip("tyro")

from benchmarks import agents, evaluate
from benchmarks.re_execute import _kind, re_execute
from benchmarks.verify import Difference, load, main, verify
from mas_envs.agents import CallableAgent, ExpertAgent
from mas_envs.games.math_verify.game import MathVerify
from tests.benchmarks.sites import lines_of, sealed, write_lines


def evaluated(folder, env, agent="expert", *more):
    words = ["--env", env, "--agent", agent, "--limit", "3", "--out", str(folder), *more]
    assert evaluate.main(words) == 0
    return folder


@pytest.fixture(scope="module")
def math(tmp_path_factory):
    return evaluated(tmp_path_factory.mktemp("entries") / "math", "math_verify")


@pytest.mark.parametrize("env", ["math_verify", "code_test", "sokoban"])
def test_what_was_honestly_recorded_comes_out_again(tmp_path, env, capsys):
    evaluated(tmp_path / "entry", env)
    assert main(["--re-execute", str(tmp_path / "entry")]) == 0
    said = capsys.readouterr().out
    assert "verified" in said and ("no programs" if env == "sokoban" else "effects came out as recorded") in said


def test_what_a_program_never_printed_is_found(math, tmp_path, capsys):
    copy = shutil.copytree(math, tmp_path / "copy")
    lines = lines_of(copy)
    lines[1]["moments"][0]["results"][0]["stderr"] = "nothing depends on this but the record"
    write_lines(copy, lines)
    with pytest.raises(Difference, match="Digest"):
        verify(copy)
    assert verify(sealed(copy))["success"] == 1.0, "replaying alone believes who makes the digest fit, too"
    assert main(["--re-execute", str(copy), str(math)]) == 1
    said = capsys.readouterr().out
    assert "RunAndGrade at moment 0 of episode 2 (line 2), different" in said and f"{math}: verified" in said


def others(folder):
    loaded = load(folder)
    return re_execute(loaded.game, loaded.tasks, loaded.lines).others


def test_a_verdict_by_a_limit_is_told_apart(math, tmp_path):
    copy = shutil.copytree(math, tmp_path / "copy")
    lines = lines_of(copy)
    lines[0]["moments"][0]["results"][0] |= {"verdict": "time_limit", "detail": "used up its 0.5 s of CPU time"}
    write_lines(copy, lines)
    [other] = others(copy)
    assert other.kind == "limit" and other.found["verdict"] == "ok"


WRONG = {"verdict": "ok", "detail": "", "stdout": "1\n", "stderr": "", "answer": "1", "grade": "incorrect"}
RIGHT = {**WRONG, "grade": "correct"}
SLOW = {**WRONG, "verdict": "time_limit", "stdout": "", "answer": None, "grade": None}
OTHER = {**WRONG, "stdout": "2\n", "answer": "2"}


@pytest.mark.parametrize(
    ("recorded", "found", "kind"),
    [
        (RIGHT, [WRONG] * 3, "different"),
        ({**RIGHT, "verdict": "time_limit"}, [WRONG] * 3, "different"),
        ({**RIGHT, "grades": ["time_limit"]}, [WRONG] * 3, "different"),
        ({**WRONG, "grades": ["time_limit"]}, [WRONG] * 3, "different"),
        (RIGHT, [SLOW] * 3, "unconfirmed"),
        (RIGHT, [WRONG, OTHER, WRONG], "unconfirmed"),
        (RIGHT, [SLOW, RIGHT, SLOW], "limit"),
        (SLOW, [WRONG] * 3, "limit"),
        (WRONG, [SLOW] * 3, "limit"),
        (OTHER, [WRONG, OTHER, WRONG], "unstable"),
        ("correct", ["grader_timeout"] * 3, "unconfirmed"),
        ("grader_timeout", ["correct"] * 3, "limit"),
        ("correct", ["incorrect"] * 3, "different"),
        ({"grades": ["accepted", "time_limit"]}, [{"grades": ["wrong_answer", "time_limit"]}] * 3, "different"),
        ({"grades": ["accepted", "time_limit"]}, [{"grades": ["accepted", "wrong_answer"]}] * 3, "limit"),
        ({"grades": ["time_limit"]}, [{"grades": ["accepted"] * 2}] * 3, "different"),
        ([{"valid": True, "kills": [1]}], [[{"valid": False, "kills": []}]] * 3, "different"),
        ([{"valid": True, "kills": [1]}], [[{"valid": True, "kills": []}]] * 3, "different"),
        ("time_limit", [WRONG] * 3, "different"),
    ],
)
def test_a_limit_excuses_no_success_and_nothing_beside_it(recorded, found, kind):
    assert _kind(recorded, [(value,) for value in found]) == kind


def test_a_wrong_answer_recorded_as_right_by_a_limit_is_found(tmp_path, monkeypatch):
    monkeypatch.setitem(agents.ALONE, "random", lambda: CallableAgent(lambda prompt: "```python\nprint(1)\n```"))
    folder = evaluated(tmp_path / "entry", "math_verify", "random", "--settings", "roles=tool")
    lines = lines_of(folder)
    for line in lines:
        line["moments"][0]["results"][0] |= {"verdict": "time_limit", "grade": "correct"}
    write_lines(folder, lines)
    assert {other.kind for other in others(folder)} == {"different"}


def test_a_program_that_prints_a_limits_name_is_not_excused(math, tmp_path):
    copy = shutil.copytree(math, tmp_path / "copy")
    lines = lines_of(copy)
    lines[0]["moments"][0]["results"][0]["stdout"] = "time_limit"
    write_lines(copy, lines)
    assert [other.kind for other in others(copy)] == ["different"]


def test_a_program_that_draws_at_random_is_unstable(tmp_path, monkeypatch, capsys):
    program = "```python\nimport random\nprint(random.SystemRandom().getrandbits(64))\n```"
    monkeypatch.setitem(agents.ALONE, "random", lambda: CallableAgent(lambda prompt: program))
    folder = evaluated(tmp_path / "entry", "math_verify", "random", "--settings", "roles=tool")
    assert {other.kind for other in others(folder)} == {"unstable"}
    assert main(["--re-execute", str(folder)]) == 0
    assert "otherwise every time" in capsys.readouterr().out


def test_what_the_infrastructure_loses_now_is_not_held_against_the_entry(math, monkeypatch, capsys):
    from mas_envs.core.game import Result

    monkeypatch.setattr(MathVerify, "effect_runner", lambda game: lambda effects: [Result(failed=True)] * len(effects))
    assert {other.kind for other in others(math)} == {"lost"}
    assert main(["--re-execute", str(math)]) == 0
    assert "lost by the infrastructure" in capsys.readouterr().out


def test_only_re_execute_runs_anything(math, monkeypatch):
    monkeypatch.setattr(MathVerify, "effect_runner", None)
    monkeypatch.setattr(ExpertAgent, "act", None)
    assert main([str(math)]) == 0
