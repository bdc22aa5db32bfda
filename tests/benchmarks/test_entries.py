"""An entry that was made verifies; a killed evaluation ends as if it was not; what cannot be played is refused."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("tyro")

import mas_envs
from benchmarks import evaluate, locks, tasksets
from benchmarks.entries import read_entry
from benchmarks.verify import Difference, verify
from tests.benchmarks.sites import edit, lines_of, write_lines

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


def test_the_wall_time_is_that_of_all_sittings(tmp_path, monkeypatch):
    assert evaluated(tmp_path / "entry") == 0
    first = read(tmp_path / "entry", "summary.json")["wall_s"]
    assert evaluated(tmp_path / "entry") == 0
    assert read(tmp_path / "entry", "summary.json")["wall_s"] == first > 0, "nothing was left to play"
    write(tmp_path / "entry", "clock.json", {"wall_s": 1000.0})
    write_lines(tmp_path / "entry", lines_of(tmp_path / "entry")[:5])
    assert evaluated(tmp_path / "entry") == 0
    assert read(tmp_path / "entry", "summary.json")["wall_s"] > 1000
    assert evaluated(tmp_path / "entry", "--force") == 0
    assert read(tmp_path / "entry", "summary.json")["wall_s"] < 1000


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


def test_two_evaluations_in_one_folder_do_not_write_into_each_other(entry, capsys, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    before = (entry / "episodes.jsonl").read_bytes()
    with locks.only_one(entry, "--out"):
        assert evaluated(entry, "--attempts", "2", "--force") == 2
    assert "Another process works in" in capsys.readouterr().err
    assert (entry / "episodes.jsonl").read_bytes() == before


def test_a_result_without_its_episodes_is_not_overwritten(entry, tmp_path, capsys):
    shutil.copytree(entry, tmp_path / "copy")
    (tmp_path / "copy" / "episodes.jsonl").unlink()
    assert evaluated(tmp_path / "copy", "--seed", "1") == 2
    assert "another entry" in capsys.readouterr().err
    assert read_entry(tmp_path / "copy").seed == 0


def test_a_clock_without_a_time_begins_at_none(entry, tmp_path):
    shutil.copytree(entry, tmp_path / "copy")
    write(tmp_path / "copy", "clock.json", {})
    assert evaluated(tmp_path / "copy", "--attempts", "2") == 0


@pytest.mark.parametrize("content", ["[]", "{", '{"wall_s": "long"}', '{"wall_s": -1}', '{"wall_s": NaN}'])
def test_a_damaged_clock_is_refused_and_said_to_be_no_loss(entry, tmp_path, capsys, content):
    shutil.copytree(entry, tmp_path / "copy")
    (tmp_path / "copy/clock.json").write_text(content)
    assert evaluated(tmp_path / "copy", "--attempts", "2") == 2
    assert "Delete it" in capsys.readouterr().err
    (tmp_path / "copy/clock.json").unlink()
    assert evaluated(tmp_path / "copy", "--attempts", "2") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"number": 77},
        {"number": None},
        {"attempt": 1},
        {"moments": [{}]},
        {"moments": 3},
        {"usage": {}},
        {"turns": "x"},
    ],
)
def test_records_that_are_not_the_entrys_are_not_gone_on_from(entry, tmp_path, capsys, change):
    shutil.copytree(entry, tmp_path / "copy")
    path = tmp_path / "copy/episodes.jsonl"
    first, *lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([json.dumps({**json.loads(first), **change}) + "\n", *lines[:-1]]))
    before = (tmp_path / "copy/summary.json").read_bytes()
    assert evaluated(tmp_path / "copy", "--attempts", "2") == 2
    said = capsys.readouterr().err
    assert "episodes.jsonl does not hold what this command has recorded" in said and "--force" in said
    assert (tmp_path / "copy/summary.json").read_bytes() == before and len(path.read_text().splitlines()) >= 2


def killed(command, file, random):
    """Kills a process at a random moment after it has recorded something more; says whether it was still running."""
    before = file.stat().st_size if file.exists() else 0
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None and not (file.exists() and file.stat().st_size > before):
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.01))
    process.kill()
    return process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_an_evaluation_killed_twenty_times_while_it_plays_ends_with_the_same_episodes(tmp_path):
    words = ["--env", "sudoku", "--agent", "random", "--limit", "400", "--chunk", "2"]
    command, random = [sys.executable, "-m", "benchmarks.evaluate", *words, "--out"], Random(0)
    path = tmp_path / "killed/episodes.jsonl"
    assert all(killed([*command, str(path.parent)], path, random) for _ in range(20))
    assert len(path.read_text().splitlines()) < 400, "it was never killed in between"
    for name in ("killed", "whole"):
        assert subprocess.run([*command, str(tmp_path / name)], cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
    assert path.read_bytes() == (tmp_path / "whole/episodes.jsonl").read_bytes()
    assert verify(tmp_path / "killed")["episodes"] == 400


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
        (["--settings", "turns=["], "quote it"),
        (["--alpha", "nan"], "--alpha is nan"),
        (["--temperature", "nan"], "from 0 (greedy)"),
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
    edit(tmp_path / "entry" / "entry.json", env_settings=lambda found: {**found, "size": 8})
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


def test_a_file_is_the_same_set_in_any_folder_and_in_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for path in ("one.xsb", "sub/one.xsb"):
        (tmp_path / path).write_text("#####\n#@$.#\n#####\n")
    found = {tasksets.load(f"file:{path}", "sokoban", {}).full_name for path in ("one.xsb", "sub/one.xsb")}
    [name] = found | {tasksets.load(f"file:{tmp_path / 'one.xsb'}", "sokoban", {}).full_name}
    assert name.startswith("file:one.xsb@")


def test_a_set_that_is_made_of_settings_that_nobody_can_read_is_refused(capsys):
    assert tasksets.main(["--make", "sokoban/mine", "size=["]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_set_of_the_test_split_can_be_of_a_file_too(tmp_path):
    game = mas_envs.make_game("sokoban")
    boards = [game.render(game.initial(game.task("test", i))) for i in range(5)]
    (tmp_path / "many.xsb").write_text("\n\n".join(boards) + "\n")
    more = ["--tasks", "sokoban/test", "--settings", f"source=file:{tmp_path / 'many.xsb'}"]
    assert evaluated(tmp_path / "entry", *more, agent="expert", limit=3) == 0
    assert verify(tmp_path / "entry")["episodes"] == 3


@pytest.mark.parametrize("name", tasksets.names())
def test_a_frozen_set_is_what_the_game_makes_now(name):
    tasks = tasksets.load(name, name.partition("/")[0], {})
    game = mas_envs.make_game(tasks.game, **tasks.settings)
    assert len(tasks.digests) >= 200
    for number in (0, 1, len(tasks.digests) - 1):
        assert tasks.task(game, number).ref.digest == tasks.digests[number]
