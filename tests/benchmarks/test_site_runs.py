"""What a run left beside its checkpoints, on the page of an entry: its curve, and some of its groups."""

import json

import pytest

pytest.importorskip("tyro")

from benchmarks.site.episodes import Film
from benchmarks.site.runs import curve_of, run_of, trees_of
from benchmarks.verify import load
from tests.benchmarks.sites import built, data_of, evaluated, of_run, run_folder


def test_an_entry_of_a_run_has_its_curve_and_its_groups(tmp_path):
    policy = run_folder(tmp_path / "run")
    entry = of_run(evaluated(tmp_path / "results/learned", "random"), policy)
    assert run_of(load(entry).entry) == tmp_path / "run"
    assert curve_of(tmp_path / "run") == [(0.0, 0.125), (1.0, 0.25), (2.0, 0.5)]
    assert built(tmp_path / "results", tmp_path / "site") == 0
    assert "<polyline" in (tmp_path / "site/index.html").read_text()
    data = data_of(tmp_path / "site/entries/learned.html")
    trees = [each for each in data["episodes"] if each["outcome"] == "tree"]
    assert [tree["name"] for tree in trees] == ["iteration 10", "iteration 20"]
    for tree in trees:
        assert len(tree["boards"]) == len(tree["steps"]) + 1
        for step in tree["steps"]:
            [group], [said] = step["groups"], step["said"]
            chosen = group["candidates"][group["chosen"]]
            assert chosen["text"] == said["text"] and len(group["candidates"]) == 6
            assert step["rewards"][said["agent"]] == pytest.approx(chosen["reward"])


def test_groups_of_a_game_with_effects_come_without_boards(tmp_path):
    run_folder(tmp_path / "run", "math_verify", (10,))
    [tree] = trees_of(Film(), tmp_path / "run")
    assert len(tree["boards"]) <= 1 and all("groups" in step for step in tree["steps"])


@pytest.mark.parametrize(
    "content",
    ["not JSON\n", '{"iteration": 1, "candidates": 3}\n', "[1]\n", '{"candidates": []}\n', "", "[" * 100_000 + "\n"],
)
def test_files_that_are_no_records_of_a_run_give_nothing(tmp_path, content):
    run_folder(tmp_path / "run")
    (tmp_path / "run/groups.jsonl").write_text(content)
    (tmp_path / "run/metrics.jsonl").write_text(content)
    (tmp_path / "run/summary.json").write_text(content)
    assert trees_of(Film(), tmp_path / "run") == [] and curve_of(tmp_path / "run") == []


@pytest.mark.parametrize("alpha", [".nan", "-.inf", "much", "[1]"])
def test_a_run_whose_alpha_is_no_number_gives_no_trees(tmp_path, alpha):
    run_folder(tmp_path / "run")
    assert trees_of(Film(), tmp_path / "run")
    (tmp_path / "run/config.yaml").write_text(f"alpha: {alpha}\n")
    assert trees_of(Film(), tmp_path / "run") == []


def test_groups_whose_prompts_are_not_the_games_come_without_boards(tmp_path):
    run_folder(tmp_path / "run")
    path = tmp_path / "run/groups.jsonl"
    lines = [{**json.loads(line), "prompt": "made up"} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert all(tree["boards"] == [] for tree in trees_of(Film(), tmp_path / "run"))
