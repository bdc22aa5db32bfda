"""The table of what the embedded policy learns: made by ordinary commands, in parts, and never twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from benchmarks import learning
from benchmarks.paper import work

SMALL = "--demos 8 --warm-start-steps 2 --iterations 2 --eval-every 1 --tasks-per-iteration 2 --num-generations 4"
SMALL += " --validation-tasks 2 --limit 4"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Returns a maker of the table with runs of seconds; it returns the exit status."""
    small = {name: row._replace(flags=(*row.flags, *SMALL.split())) for name, row in learning.ROWS.items()}
    monkeypatch.setattr(learning, "ROWS", small)

    def call(*words):
        return learning.main([*words, "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")])

    return call


def rows(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]


def test_parts_add_up_and_what_is_there_is_not_made_again(make, tmp_path, monkeypatch):
    assert make("--games", "sokoban", "--rows", "grpo-single", "--seeds", "1") == 0
    begun = []
    real = work.start
    monkeypatch.setattr(work, "start", lambda step, *more: begun.append(step.name) or real(step, *more))
    assert make("--games", "sokoban", "--rows", "grpo-single", "--seeds", "0", "1") == 0
    assert begun == ["sokoban-grpo-single-seed0"]
    assert make("--games", "sokoban", "--rows", "atgrpo", "--seeds", "0") == 0
    made = rows(tmp_path)
    assert [(row["row"], row["seed"]) for row in made] == [("atgrpo", 0), ("grpo-single", 0), ("grpo-single", 1)]
    summary = json.loads((tmp_path / "work" / "sokoban-atgrpo-seed0" / "summary.json").read_text())
    for kind in ("before", "warm_start_only", "after", "after_without_executor", "rl_cpu_s"):
        assert made[0][kind] == summary[kind]
    assert [point[1] for point in made[0]["curve"]] == [
        line["validation"]["success"]
        for line in map(json.loads, (tmp_path / "work/sokoban-atgrpo-seed0/metrics.jsonl").read_text().splitlines())
        if "validation" in line
    ]
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(table) == 2 + 3 + 2
    assert "{:.3f} [{:.3f}, {:.3f}]".format(summary["after"]["success"], *summary["after"]["ci95"]) in table[2]
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_row_of_other_settings_is_made_anew(make, tmp_path, monkeypatch):
    assert make("--games", "plan_path", "--rows", "long", "--seeds", "0") == 0
    before = rows(tmp_path)[0]
    assert before["warm_start_only"] is None
    row = learning.ROWS["long"]
    monkeypatch.setitem(learning.ROWS, "long", row._replace(flags=(*row.flags, "--entropy", "0.5")))
    assert make("--games", "plan_path", "--rows", "long", "--seeds", "0") == 0
    assert "--entropy 0.5" in rows(tmp_path)[0]["command"] != before["command"]


def test_a_command_that_fails_is_named_and_the_others_are_kept(make, tmp_path, monkeypatch, capsys):
    row = learning.ROWS["grpo-single"]
    monkeypatch.setitem(learning.ROWS, "grpo-single", row._replace(flags=(*row.flags, "--iterations", "-1")))
    assert make("--games", "sokoban", "--rows", "grpo-single", "long", "--seeds", "0") == 1
    assert "sokoban-grpo-single-seed0" in capsys.readouterr().err
    assert [row["row"] for row in rows(tmp_path)] == ["long"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--games", "sudoku"), "game"),
        (("--rows", "nothing"), "row"),
        (("--seeds", "-1"), "--seeds"),
        (("--jobs", "0"), "--jobs"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(make, tmp_path, capsys, words, said):
    assert make(*words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def finished(seed, game="sokoban", row="grpo-single", folder="elsewhere"):
    """Returns the line of a finished row whose run lay in another folder."""
    step = learning.step_of((game, row, seed), learning.Options(work=Path(folder)))
    score = {"success": 0.5, "ci95": [0.2, 0.8], "n": 4, "masked": 0}
    made = dict.fromkeys(("before", "warm_start_only", "after"), score) | {"rl_cpu_s": 60.0, "wall_s": 90.0}
    made |= {"iterations": 2, "versions": {}, "start": {"cpu_s": 6.0, "validation": 0.1}, "curve": [[1.0, 0.4]]}
    return {"game": game, "row": row, "seed": seed, **made, "command": work.command_of(step), "code": "abc"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: {"game": "sokoban"},
        lambda row: {name: row[name] for name in ("game", "row", "seed")},
        lambda row: [],
        lambda row: row | {"game": "chess"},
        lambda row: row | {"seed": "0"},
        lambda row: row | {"after": None},
        lambda row: row | {"start": 3},
    ],
)
def test_damaged_rows_are_refused_before_anything_is_run_and_kept(make, tmp_path, capsys, monkeypatch, damage):
    text = json.dumps(damage(finished(0)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rows.jsonl").write_text(text + "\n")
    monkeypatch.setattr(work, "run_all", lambda *given: pytest.fail("something was run"))
    assert make("--games", "plan_path") == 2
    assert "damaged" in capsys.readouterr().err
    assert (tmp_path / "out" / "rows.jsonl").read_text() == text + "\n"


def test_a_row_that_another_process_adds_meanwhile_is_kept(make, tmp_path, monkeypatch):
    path = tmp_path / "out" / "rows.jsonl"

    def run_all(steps, folder, code, jobs, done, say):
        path.write_text(json.dumps(finished(1)) + "\n")
        for step in steps:
            done(step)
        return []

    monkeypatch.setattr(work, "run_all", run_all)
    monkeypatch.setattr(learning, "record", lambda key, *more: finished(key[2]))
    assert make("--games", "sokoban", "--rows", "grpo-single", "--seeds", "0") == 0
    assert [row["seed"] for row in rows(tmp_path)] == [0, 1]
    assert sum("Sokoban" in line for line in (tmp_path / "out" / "table.md").read_text().splitlines()) == 2


def test_runs_in_another_folder_make_no_row_anew(make, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rows.jsonl").write_text(json.dumps(finished(0)) + "\n")
    monkeypatch.setattr(work, "start", lambda *given: pytest.fail("it was made anew"))
    assert make("--games", "sokoban", "--rows", "grpo-single", "--seeds", "0") == 0


def test_the_default_rows_are_those_of_the_table():
    command = [sys.executable, "-m", "benchmarks.learning", "--list"]
    root = Path(__file__).parents[2]
    found = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, check=True).stdout
    assert len(found.splitlines()) == 2 * 3 * 2
    assert "OMP_NUM_THREADS=1 python -m trainers.atgrpo --env sokoban --seed 0 --output-dir" in found
