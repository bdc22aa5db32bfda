"""An entry that was made verifies; one that was tampered with does not; a killed evaluation ends as if it was not."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tyro")

import mas_envs
from benchmarks import evaluate, tasksets
from benchmarks.entries import read_entry
from benchmarks.verify import Difference, verify
from mas_envs.core.errors import StateError

ROOT = Path(__file__).parents[2]


def evaluated(folder, *more, agent="random", env="sokoban", limit=12):
    words = ["--env", env, "--agent", agent, "--out", str(folder), "--limit", str(limit), "--chunk", "5", *more]
    return evaluate.main(words)


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("entries") / "random"
    assert evaluated(folder, "--attempts", "2") == 0
    return folder


def read(folder, name):
    return json.loads((folder / name).read_text())


def write(folder, name, value):
    (folder / name).write_text(json.dumps(value))


def lines_of(folder):
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


def write_lines(folder, lines):
    (folder / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("env", mas_envs.registered())
@pytest.mark.parametrize("agent", ["expert", "random"])
def test_what_was_evaluated_verifies(tmp_path, monkeypatch, env, agent):
    assert evaluated(tmp_path / "entry", agent=agent, env=env) == 0
    monkeypatch.setattr(type(mas_envs.make_game(env)), "effect_runner", None)  # verifying runs nothing
    summary = verify(tmp_path / "entry")
    assert summary["success"] == 1.0 if agent == "expert" else summary["success"] < 1.0
    assert summary["episodes"] == 12 and summary["masked"] == 0
    low, high = summary["ci95"]
    assert low <= summary["success"] <= high


def test_the_summary_counts_attempts_terms_and_errors(entry):
    summary, lines = verify(entry), lines_of(entry)
    assert len(lines) == 24 and [line["attempt"] for line in lines[:4]] == [0, 1, 0, 1]
    solved = {number: [line["success"] for line in lines if line["number"] == number] for number in range(12)}
    assert summary["pass_at"]["1"] == pytest.approx(sum(map(sum, solved.values())) / 24, abs=1e-6)
    assert summary["pass_at"]["2"] == pytest.approx(sum(map(any, solved.values())) / 12, abs=1e-6)
    wrong = sum(bool(moment["errors"]) for line in lines for moment in line["moments"])
    assert summary["invalid_actions"] == pytest.approx(wrong / sum(len(line["moments"]) for line in lines), abs=1e-6)
    returns = sum(line["returns"]["planner_0"] for line in lines) / 24
    parts = [v for name, v in summary["rewards"].items() if name.startswith(("team/", "planner_0/"))]
    assert sum(parts) == pytest.approx(returns, abs=1e-5)


def edit_line(change, at=3):
    def tamper(folder):
        lines = lines_of(folder)
        lines[at] = change(lines[at]) or lines[at]
        write_lines(folder, lines)

    return tamper


def edit_moment(change, at=3):
    return edit_line(lambda line: change(line["moments"][0]), at)


def edit_all(change):
    def tamper(folder):
        write_lines(folder, change(lines_of(folder)))

    return tamper


def edit_json(name, **changes):
    def tamper(folder):
        write(folder, name, {**read(folder, name), **changes})

    return tamper


def put(key, value):
    return lambda record: record.__setitem__(key, value(record[key]) if callable(value) else value)


def first_agent(change):
    return lambda found: {agent: change(v) if i == 0 else v for i, (agent, v) in enumerate(found.items())}


def cut_off(folder):
    path = folder / "episodes.jsonl"
    path.write_text(path.read_text()[:-20])


def swap(lines):
    lines[2], lines[4] = lines[4], lines[2]
    return lines


TAMPERED = {
    "an action": edit_moment(put("actions", first_agent(lambda text: text + " U" if text != "U" else "D"))),
    "an action that does nothing, and its hash left": edit_moment(put("actions", first_agent(lambda _: "nonsense"))),
    "an action of nobody": edit_moment(put("actions", lambda found: {**found, "judge_0": "yes"})),
    "a missing action": edit_moment(put("actions", {})),
    "a reward": edit_moment(put("rewards", first_agent(lambda reward: reward + 0.01))),
    "a tiny reward": edit_moment(put("rewards", first_agent(lambda reward: reward + 1e-6))),
    "a missing reward": edit_moment(put("rewards", {})),
    "a moment said to be lost": edit_moment(put("rewards", None)),
    "an error left out": edit_all(
        lambda lines: [{**line, "moments": [{**m, "errors": {}} for m in line["moments"]]} for line in lines]
    ),
    "an error made up": edit_moment(put("errors", lambda found: {**found, "planner_0": "it was drunk"})),
    "a prompt": edit_moment(put("prompts", first_agent(lambda _: "0" * 16))),
    "a result made up": edit_moment(put("rewards", "many")),
    "success": edit_line(put("success", lambda success: not success)),
    "success as a number": edit_line(put("success", int)),
    "success said to be lost": edit_line(put("success", None)),
    "returns": edit_line(put("returns", first_agent(lambda value: value + 1))),
    "turns": edit_line(put("turns", lambda turns: turns + 1)),
    "tokens below nothing": edit_line(put("tokens", -1)),
    "the last moment left out": edit_line(put("moments", lambda moments: moments[:-1])),
    "a moment repeated": edit_line(put("moments", lambda moments: [moments[0], *moments])),
    "no moments": edit_line(put("moments", [])),
    "the task's digest": edit_line(put("task", lambda task: {**task, "digest": "0" * 16})),
    "the task's id": edit_line(put("task", lambda task: {**task, "id": "test/99"})),
    "the number": edit_line(put("number", 7)),
    "the attempt": edit_line(put("attempt", 5)),
    "an episode left out": edit_all(lambda lines: lines[:-1]),
    "an episode repeated": edit_all(lambda lines: [*lines, lines[-1]]),
    "an episode in another's place": edit_all(lambda lines: [*lines[:3], lines[5], *lines[4:]]),
    "two episodes exchanged": edit_all(swap),
    "another entry's episode": edit_all(lambda lines: [lines[0], *lines[:-1]]),
    "a line that is no record": lambda folder: (folder / "episodes.jsonl").write_text("{}\n" * 24),
    "a line cut off": cut_off,
    "the summary's success": edit_json("summary.json", success=0.99),
    "the summary's interval": edit_json("summary.json", ci95=[0.9, 1.0]),
    "the summary's number of episodes": edit_json("summary.json", episodes=1000),
    "the summary's masked": edit_json("summary.json", masked=3),
    "the summary's rewards": edit_json("summary.json", rewards={}),
    "the summary's pass at k": edit_json("summary.json", pass_at={"1": 1.0, "2": 1.0}),
    "the summary's tokens": edit_json("summary.json", tokens=1),
    "the summary's decoding": edit_json("summary.json", decoding="sampled at temperature 1"),
    "the limit": edit_json("entry.json", limit=11),
    "a limit past the set": edit_json("entry.json", limit=100_000),
    "the attempts": edit_json("entry.json", attempts=1),
    "the set": edit_json("entry.json", tasks="sokoban/two-boxes@00000000"),
    "the set's hash": edit_json("entry.json", tasks="sokoban/standard@00000000"),
    "alpha": edit_json("entry.json", alpha=0.5),
    "the environment": edit_json("entry.json", env="plan_path"),
    "the version": edit_json("entry.json", env_version=7),
    "the format": edit_json("entry.json", format=0),
    "the temperature": edit_json("entry.json", temperature=0.7),
    "who played": edit_json("entry.json", agents={"planner": "hf:gold"}),
    "no summary": lambda folder: (folder / "summary.json").unlink(),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_caught(entry, tmp_path, what):
    shutil.copytree(entry, tmp_path / "copy")
    verify(tmp_path / "copy")
    TAMPERED[what](tmp_path / "copy")
    with pytest.raises((Difference, StateError)) as caught:
        verify(tmp_path / "copy")
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("setting", ["turns", "max_moves", "size", "style"])
def test_a_setting_that_was_changed_is_caught(entry, tmp_path, setting):
    shutil.copytree(entry, tmp_path / "copy")
    settings = read(tmp_path / "copy", "entry.json")["env_settings"]
    other = {"turns": 2, "max_moves": 1, "size": 7, "style": "full"}
    edit_json("entry.json", env_settings={**settings, setting: other[setting]})(tmp_path / "copy")
    with pytest.raises(Difference):
        verify(tmp_path / "copy")


def test_verify_says_what_it_found_and_exits_accordingly(entry, tmp_path, capsys):
    from benchmarks.verify import main

    shutil.copytree(entry, tmp_path / "copy")
    assert main([str(entry)]) == 0
    TAMPERED["a reward"](tmp_path / "copy")
    assert main([str(entry), str(tmp_path / "copy")]) == 1
    assert main([str(tmp_path / "nothing"), str(entry)]) == 2
    said = capsys.readouterr().out
    assert "verified" in said and "does NOT verify" in said and "rewards of moment 0 of episode 4" in said


def test_an_entry_goes_on_from_its_last_whole_chunk_and_another_one_is_not_overwritten(entry, tmp_path, capsys):
    whole = (entry / "episodes.jsonl").read_text().splitlines(keepends=True)
    shutil.copytree(entry, tmp_path / "copy")
    (tmp_path / "copy" / "summary.json").unlink()
    (tmp_path / "copy" / "episodes.jsonl").write_text("".join(whole[:13]) + whole[13][:40])
    assert evaluated(tmp_path / "copy", "--attempts", "2") == 0
    assert (tmp_path / "copy" / "episodes.jsonl").read_text() == "".join(whole)
    assert evaluated(tmp_path / "copy", "--seed", "1", "--attempts", "2") == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "copy" / "episodes.jsonl").read_text() == "".join(whole)
    assert evaluated(tmp_path / "copy", "--seed", "1", "--attempts", "2", "--force") == 0
    assert read_entry(tmp_path / "copy").seed == 1
    assert (tmp_path / "copy" / "episodes.jsonl").read_text() != "".join(whole)


@pytest.mark.slow
def test_an_evaluation_killed_again_and_again_ends_with_the_same_episodes(tmp_path):
    words = ["--env", "sudoku", "--agent", "random", "--limit", "200", "--chunk", "4"]
    command = [sys.executable, "-m", "benchmarks.evaluate", *words, "--out"]
    kills = 0
    for wait in (0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9):
        process = subprocess.Popen([*command, str(tmp_path / "killed")], cwd=ROOT, stdout=subprocess.DEVNULL)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills > 0
    for name in ("killed", "whole"):
        assert subprocess.run([*command, str(tmp_path / name)], cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
    assert (tmp_path / "killed/episodes.jsonl").read_bytes() == (tmp_path / "whole/episodes.jsonl").read_bytes()
    assert verify(tmp_path / "killed")["episodes"] == 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "sokoban/standart"], "Did you mean 'sokoban/standard'"),
        (["--tasks", "sokoban/standard@12345678"], "another version"),
        (["--tasks", "file:nowhere.xsb"], "nowhere.xsb"),
        (["--agent", "gpt"], "hf:PATH"),
        (["--agent", "planner=random"], "nobody for executor"),
        (["--agent", "planner=random,executer=expert"], "Did you mean 'executor'"),
        (["--agent", "hf:/nowhere"], "config.json"),
        (["--agent", "run:/nowhere"], "no checkpoint"),
        (["--limit", "9999"], "from 1 to 400"),
        (["--attempts", "2", "--agent", "expert"], "--temperature"),
        (["--settings", "size=7"], "size, fixed by the task set"),
        (["--settings", "turns"], "name=value"),
        (["--env", "sokban"], "Did you mean 'sokoban'"),
    ],
)
def test_bad_input_is_refused_with_what_is_allowed(tmp_path, capsys, words, said):
    base = {"--env": "sokoban", "--agent": "random", "--out": str(tmp_path / "entry")}
    base |= dict(zip(words[::2], words[1::2], strict=True))
    assert evaluate.main([word for pair in base.items() for word in pair]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "entry" / "episodes.jsonl").exists()


def test_a_team_of_different_agents_plays(tmp_path):
    assert evaluated(tmp_path / "mixed", agent="planner=random,executor=expert") == 0
    assert verify(tmp_path / "mixed")["success"] > 0.5  # the expert executor drops what does not help
    assert read_entry(tmp_path / "mixed").agents == {"planner": "random", "executor": "expert"}


def test_a_set_of_nobodys_making_is_the_test_split_with_the_given_settings(tmp_path):
    more = ["--tasks", "sokoban/test", "--settings", "size=7", "roles=single"]
    assert evaluated(tmp_path / "entry", *more, agent="expert") == 0
    assert verify(tmp_path / "entry")["success"] == 1.0
    settings = read(tmp_path / "entry", "entry.json")["env_settings"]
    edit_json("entry.json", env_settings={**settings, "size": 8})(tmp_path / "entry")
    with pytest.raises(Difference, match="task set"):
        verify(tmp_path / "entry")


def test_a_file_is_a_task_set(tmp_path):
    game_text = "#####\n#@$.#\n#####\n\n######\n#@ $.#\n######\n"
    (tmp_path / "two.xsb").write_text(game_text)
    assert evaluated(tmp_path / "entry", "--tasks", f"file:{tmp_path / 'two.xsb'}", agent="expert", limit=2) == 0
    assert verify(tmp_path / "entry")["success"] == 1.0
    (tmp_path / "two.xsb").write_text(game_text.replace("@ $", "@$ "))
    with pytest.raises(Difference, match="task set"):
        verify(tmp_path / "entry")


@pytest.mark.parametrize("name", tasksets.names())
def test_a_frozen_set_is_what_the_game_makes_now(name):
    tasks = tasksets.load(name, name.partition("/")[0], {})
    game = mas_envs.make_game(tasks.game, **tasks.settings)
    assert len(tasks.digests) >= 200
    for number in (0, 1, len(tasks.digests) - 1):
        assert tasks.task(game, number).ref.digest == tasks.digests[number]
