"""Evaluating what is behind an endpoint: no episode is lost or mislabelled, whatever the server does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tyro")

import mas_envs
from benchmarks import evaluate
from benchmarks.entries import read_entry
from benchmarks.verify import Difference, verify
from mas_envs.agents import openai
from mas_envs.core.seeding import derive
from tests.stub_endpoint import completion, drop, drop_in_the_middle, error, hang, no_http, say, serving

ROOT = Path(__file__).parents[2]
EXAMPLES = mas_envs.make_game("plan_path", style="full").example_actions()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(openai, "FIRST_PAUSE", 0.001)


def some_answer(body, nth):
    """Returns an action that depends on what is asked alone."""
    return EXAMPLES[derive(json.dumps(body, sort_keys=True)) % len(EXAMPLES)]


def evaluated(folder, stub, *more, agent="", limit=10):
    spec = agent or f"openai:m@{stub.url}"
    words = ["--env", "plan_path", "--agent", spec, "--out", str(folder), "--limit", str(limit), "--chunk", "4"]
    return evaluate.main([*words, "--price", "1/10", *more])


def lines_of(folder):
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


def without_tries(lines):
    return [{**line, "usage": {**line["usage"], "tries": 0}} for line in lines]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """What comes of a server without faults; the stub's answers do not depend on its URL."""
    folder = tmp_path_factory.mktemp("quiet") / "entry"
    with serving(some_answer) as stub:
        assert evaluated(folder, stub) == 0
    return folder


def test_an_endpoints_entry_verifies_and_counts_tokens_and_cost(quiet):
    summary, entry = verify(quiet), read_entry(quiet)
    actions = sum(len(moment["actions"]) for line in lines_of(quiet) for moment in line["moments"])
    assert summary["episodes"] == 10 and summary["masked"] == 0 and actions > 20
    assert summary["tokens"] == 5 * actions
    assert summary["usage"] == {
        "completions": actions,
        "cut": 0,
        "failed": 0,
        "tries": actions,
        "prompt_tokens": 10 * actions,
        "cost": pytest.approx(actions * 60e-6),
    }
    assert entry.env_settings["style"] == "full"  # prompts for a chat model
    assert summary["ci95"] == summary["with_masked_as_failures"]["ci95"]


FAULTS = (
    say(429, error("slow down"), Retry_After="0"),
    say(500, error("oops")),
    say(502, b"<html>"),
    drop,
    drop_in_the_middle,
    no_http,
    say(200, b'{"choices": ['),
    say(200, {"choices": [{"index": 0, "finish_reason": "stop"}]}),
    say(200, error("overloaded")),
    hang(3.0),
)


def test_a_server_that_fails_all_the_time_loses_no_episode_and_changes_none(quiet, tmp_path):
    def behave(body, nth):
        draw = derive("fault", json.dumps(body, sort_keys=True), nth)
        if draw % 100 < 40:
            return FAULTS[draw // 100 % len(FAULTS)]
        time.sleep(0.02 * (draw // 100 % 3))
        return some_answer(body, nth)

    with serving(behave) as stub:
        assert evaluated(tmp_path / "entry", stub, "--retries", "20", "--timeout", "1.5") == 0
    assert without_tries(lines_of(tmp_path / "entry")) == without_tries(lines_of(quiet))
    summary = verify(tmp_path / "entry")
    assert summary["masked"] == 0 and summary["usage"]["tries"] > 1.3 * summary["usage"]["completions"]


def test_calls_that_fail_for_good_mask_their_episodes_and_no_other(quiet, tmp_path):
    def lost(body):
        return derive("lost", json.dumps(body, sort_keys=True)) % 12 == 0

    def behave(body, nth):
        return say(500, error("down")) if lost(body) else some_answer(body, nth)

    with serving(behave) as stub:
        assert evaluated(tmp_path / "entry", stub, "--retries", "1") == 0
        failed = sum(map(lost, stub.bodies)) // 2
    lines, undisturbed = lines_of(tmp_path / "entry"), lines_of(quiet)
    masked = [line["success"] is None for line in lines]
    assert 0 < sum(masked) < len(lines)
    for one, line, whole in zip(masked, lines, undisturbed, strict=True):
        if one:
            assert line["returns"] is None and line["moments"][-1]["rewards"] is None
            assert "down" in json.dumps(line["moments"][-1]["failures"])
            assert line["moments"][:-1] == whole["moments"][: len(line["moments"]) - 1]
        else:
            assert line == whole
    summary = verify(tmp_path / "entry")
    solved = sum(bool(line["success"]) for line in lines)
    assert summary["masked"] == sum(masked) and summary["usage"]["failed"] == failed
    assert summary["success"] == pytest.approx(solved / (len(lines) - sum(masked)), abs=1e-6)
    assert summary["with_masked_as_failures"]["success"] == pytest.approx(solved / len(lines), abs=1e-6)


@pytest.mark.parametrize("attempts", [1, 3])
def test_masked_episodes_are_played_again_and_no_other(tmp_path, capsys, attempts):
    def lost(body):
        return down and derive("lost", json.dumps(body, sort_keys=True)) % 24 == 0

    def behave(body, nth):
        return say(500, error("down")) if lost(body) else some_answer(body, nth)

    more = ["--retries", "0", "--attempts", str(attempts), "--temperature", "1"]
    with serving(behave) as stub:
        down = False
        assert evaluated(tmp_path / "whole", stub, *more) == 0
        calls, down = len(stub.bodies), True
        assert evaluated(tmp_path / "entry", stub, *more) == 0
        assert "--replay-masked plays those again" in capsys.readouterr().out
        masked = [line["success"] is None for line in lines_of(tmp_path / "entry")]
        assert 0 < sum(masked) < len(masked) == 10 * attempts
        down, stub.bodies = False, []
        assert evaluated(tmp_path / "entry", stub, *more, "--replay-masked") == 0
        assert verify(tmp_path / "entry")["masked"] == 0 and f"{sum(masked)} masked" in capsys.readouterr().out
        asked = sum(len(one["actions"]) for line, again in zip(lines_of(tmp_path / "entry"), masked, strict=True)
                    for one in line["moments"] if again)  # fmt: skip
        assert len(stub.bodies) == asked < calls / 2
        assert lines_of(tmp_path / "entry") == lines_of(tmp_path / "whole")


def test_playing_masked_episodes_again_may_be_broken_off(quiet, tmp_path):
    folder = tmp_path / "entry"

    def breaks_off(body, nth):
        revoked = any(line["success"] is not None for line in lines_of(folder))
        return say(401, error("revoked")) if revoked else some_answer(body, nth)

    with serving(lambda body, nth: say(500, error("down")) if stub.bodies[1:] else some_answer(body, nth)) as stub:
        assert evaluated(folder, stub, "--retries", "0") == 0
        assert all(line["success"] is None for line in lines_of(folder))
        stub.behave = breaks_off
        assert evaluated(folder, stub, "--retries", "0", "--replay-masked") == 2
        assert [line["success"] is None for line in lines_of(folder)] == [False] * 4 + [True] * 6
        assert not (folder / "summary.json").exists()  # which said something else
        assert evaluated(folder, stub) == 0
        assert verify(folder)["masked"] == 6
        stub.behave = some_answer
        assert evaluated(folder, stub, "--replay-masked") == 0
    assert lines_of(folder) == lines_of(quiet) and verify(folder)["masked"] == 0


def test_a_cut_completion_is_counted(tmp_path):
    def behave(body, nth):
        return say(200, completion(some_answer(body, nth), "length" if body["seed"] % 2 else "stop"))

    with serving(behave) as stub:
        assert evaluated(tmp_path / "entry", stub) == 0
        odd = sum(body["seed"] % 2 for body in stub.bodies)
    assert verify(tmp_path / "entry")["usage"]["cut"] == odd > 0


def test_what_the_usage_says_is_checked(quiet, tmp_path):
    changes = {
        "a completion more": lambda line: line["usage"].update(completions=line["usage"]["completions"] + 1),
        "a failure nobody sees": lambda line: line["usage"].update(failed=1),
        "a failure of an answer that counted": lambda line: line["moments"][0].update(failures={"planner_0": "no"}),
        "a cost below nothing": lambda line: line["usage"].update(cost=-1.0),
        "half a token": lambda line: line["usage"].update(prompt_tokens=0.5),
        "no usage": lambda line: line.update(usage={}),
    }
    for what, change in changes.items():
        lines = lines_of(quiet)
        change(lines[2])
        copy = tmp_path / what
        copy.mkdir()
        for name in ("entry.json", "summary.json"):
            (copy / name).write_bytes((quiet / name).read_bytes())
        (copy / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(Difference, match="episode 3"):
            verify(copy)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (say(401, error("bad key")), "bad key"),
        (say(404, error("no model m")), "Is 'm' a model of that server"),
        (say(500, error("always")), "Nothing was answered"),
    ],
)
def test_a_wrong_set_up_ends_the_evaluation_before_anything_is_recorded(tmp_path, capsys, answer, said):
    with serving(lambda body, nth: answer) as stub:
        assert evaluated(tmp_path / "entry", stub, "--retries", "1") == 2
    assert said in capsys.readouterr().err
    assert lines_of(tmp_path / "entry") == []
    with serving(some_answer) as stub:  # so nothing is in the way of the right one
        assert evaluated(tmp_path / "entry", stub, limit=1) == 0


def test_sampling_settings_are_sent_recorded_and_not_mixed(tmp_path, capsys):
    how = ["--temperature", "0.8", "--top-p", "0.9", "--max-new-tokens", "64", "--extra-body", '{"min_p": 0.1}']
    with serving(some_answer) as stub:
        assert evaluated(tmp_path / "entry", stub, *how, "--seed", "3", limit=2) == 0
        body = stub.bodies[0]
        assert (body["temperature"], body["top_p"], body["max_tokens"], body["min_p"]) == (0.8, 0.9, 64, 0.1)
        entry = read_entry(tmp_path / "entry")
        assert (entry.temperature, entry.top_p, entry.max_new_tokens, entry.seed) == (0.8, 0.9, 64, 3)
        assert entry.extra_body == {"min_p": 0.1}
        assert verify(tmp_path / "entry")["decoding"] == "sampled at temperature 0.8 and top_p 0.9"
        assert evaluated(tmp_path / "entry", stub, *how[:4], "--seed", "3", limit=2) == 2
    assert "another entry" in capsys.readouterr().err


def test_a_temperature_that_is_not_sent_is_not_called_greedy(tmp_path):
    with serving(some_answer) as stub:
        assert evaluated(tmp_path / "entry", stub, "--extra-body", '{"temperature": null}', limit=2) == 0
    assert verify(tmp_path / "entry")["decoding"] == "greedy; endpoints: temperature as they choose"


# ---- kills, interrupts, people ----------------------------------------------------------------------------------
def command(folder, agent, *more):
    words = ["--env", "plan_path", "--agent", agent, "--limit", "10", "--chunk", "2", "--out", str(folder), *more]
    return [sys.executable, "-m", "benchmarks.evaluate", *words]


def test_an_evaluation_that_is_killed_goes_on_and_ends_with_the_same_episodes(tmp_path):
    def slow(body, nth):
        time.sleep(0.05)
        return some_answer(body, nth)

    with serving(slow) as stub:
        assert evaluated(tmp_path / "whole", stub, "--price", "0/0") == 0
        words = command(tmp_path / "killed", f"openai:m@{stub.url}")
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
        path, end = tmp_path / "killed/episodes.jsonl", time.monotonic() + 60
        while (not path.exists() or path.read_bytes().count(b"\n") < 4) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert 4 <= path.read_bytes().count(b"\n") < 10
        assert subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
    assert lines_of(tmp_path / "killed") == lines_of(tmp_path / "whole")
    assert verify(tmp_path / "killed")["episodes"] == 10


def test_ctrl_c_ends_an_evaluation_that_waits_for_a_server(tmp_path):
    with serving(lambda body, nth: hang(60.0)) as stub:
        words = command(tmp_path / "entry", f"openai:m@{stub.url}")
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not stub.bodies and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130 and "goes on from the last whole chunk" in said


def test_a_person_plays_at_the_terminal_and_may_leave_and_come_back(tmp_path):
    words = command(tmp_path / "entry", "human", "--limit", "2", "--settings", "turns=1")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}

    def play(typed):
        return subprocess.run(words, cwd=ROOT, input=typed, capture_output=True, text=True, env=environment)

    first = play('Moves: ["U"]\nMoves: ["+"]\nMoves: ["R"]\n')
    assert first.returncode == 130 and "goes on from the last whole chunk" in first.stderr
    assert "planner_0, your answer (one line)" in first.stdout and "task 1 of 2: not solved" in first.stdout
    assert len(lines_of(tmp_path / "entry")) == 1
    assert play('Moves: ["D"]\n+\n').returncode == 0
    said = [[*moment["actions"].values()] for line in lines_of(tmp_path / "entry") for moment in line["moments"]]
    assert said == [['Moves: ["U"]'], ['Moves: ["+"]'], ['Moves: ["D"]'], ["+"]]
    assert verify(tmp_path / "entry")["episodes"] == 2 and read_entry(tmp_path / "entry").chunk == 1
