"""SFT as a run of its own: from the experts, and from episodes that were recorded in an evaluation."""

import json
import shutil

import pytest

pytest.importorskip("torch")

from benchmarks import evaluate
from mas_envs import make_game
from tests.trainers.run.runs import command, forget_the_end, last_weights, run
from trainers.run.imitation import demonstrate, recorded

TASKS = 12


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def record(folder, *more, agent="expert", tasks="sokoban/train", env="sokoban"):
    arguments = ["--env", env, "--agent", agent, "--tasks", tasks, "--limit", str(TASKS), "--out", str(folder)]
    assert evaluate.main([*arguments, *more]) == 0
    return folder


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    return record(tmp_path_factory.mktemp("entries") / "expert")


@pytest.fixture
def copy(expert, tmp_path):
    """A copy of the experts' episodes that a test may damage."""
    return shutil.copytree(expert, tmp_path / "copy")


def change(folder, name, edit):
    """Rewrites the JSON lines of a file by `edit`."""
    path = folder / name
    values = [json.loads(path.read_text())] if name == "entry.json" else lines_of(path)
    path.write_text("".join(json.dumps(edit(value)) + "\n" for value in values))


def game(**settings):
    return make_game("sokoban", style="compact", **settings)


def test_a_run_trains_and_a_resumed_one_ends_as_an_undisturbed_one(tmp_path):
    folder, arguments = tmp_path / "run", command(tmp_path / "run", trainer="sft")
    assert run(arguments, "sft") == 0
    weights, metrics = last_weights(folder), lines_of(folder / "metrics.jsonl")
    assert weights["shared"] != (folder / "start/shared/model.safetensors").read_bytes()
    assert metrics[-1]["shared"]["loss"] < metrics[0]["shared"]["loss"]
    forget_the_end(folder)
    assert run([*arguments, "--resume"], "sft") == 0
    assert last_weights(folder) == weights
    again = lines_of(folder / "metrics.jsonl")
    assert [r["shared"] for r in again] == [r["shared"] for r in metrics]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["trainer"] == "sft" and summary["tokens_generated"] == 0
    assert summary["tokens_trained"] == sum(r["tokens_trained"] for r in metrics) > 0


def test_recorded_episodes_of_the_experts_teach_what_the_experts_do_without_noise(expert):
    assert recorded(game(), expert, True, ()) == demonstrate(game(), TASKS, 0.0)


def test_a_run_imitates_recorded_episodes(expert, tmp_path, capsys):
    assert run(command(tmp_path / "run", "--episodes", str(expert), trainer="sft"), "sft") == 0
    found = recorded(game(), expert, True, ())
    assert f"{len(found)} demonstrations to imitate" in capsys.readouterr().out


def test_prompts_have_the_style_of_the_game_that_is_trained_on(expert):
    full = recorded(make_game("sokoban", style="full"), expert, True, ())
    assert all("The board:" in one.prompt.text for one in full)
    assert [one.answer for one in full] == [one.answer for one in recorded(game(), expert, True, ())]


def test_what_failed_is_left_out_unless_asked_for(tmp_path):
    folder = record(tmp_path / "random", agent="random")
    successes = [line["success"] for line in lines_of(folder / "episodes.jsonl")]
    assert not all(successes)
    every, good = (recorded(game(), folder, successful_only, ()) for successful_only in (False, True))
    spoken = [sum(len(m["actions"]) for m in line["moments"]) for line in lines_of(folder / "episodes.jsonl")]
    assert len(every) == sum(spoken)
    assert len(good) == sum(n for n, success in zip(spoken, successes, strict=True) if success)


def test_held_out_tasks_are_never_trained_on(expert, tmp_path, capsys):
    held_out = [game().task("train", index) for index in range(1, TASKS)]
    first = demonstrate(game(), 1, 0.0)
    assert recorded(game(), expert, True, held_out)[: len(first)] == first
    assert recorded(game(), expert, True, [game().task("train", index) for index in range(TASKS)]) == []
    tests = record(tmp_path / "tests", tasks="sokoban/test")
    arguments = command(tmp_path / "run", "--episodes", str(tests), trainer="sft", limit=TASKS)
    assert run(arguments, "sft") == 2
    said = capsys.readouterr()
    assert "nothing to imitate" in said.err and "playing" not in said.out
    assert not (tmp_path / "run").exists()  # and it is refused before anything is played


def test_episodes_lost_to_the_infrastructure_are_left_out(copy):
    def lose(line):
        line["moments"][-1]["rewards"], line["success"], line["returns"] = None, None, None
        return line

    change(copy, "episodes.jsonl", lose)
    assert recorded(game(), copy, False, ()) == []


def test_a_file_of_levels_is_found_again(tmp_path):
    levels = ["#" * (6 + i) + "\n#@$" + " " * i + ".#\n" + "#" * (6 + i) for i in range(TASKS)]
    (tmp_path / "levels.xsb").write_text("\n\n".join(levels) + "\n")
    source = f"file:{tmp_path / 'levels.xsb'}"
    folder = record(tmp_path / "entry", tasks=source)
    assert len(recorded(game(source=source), folder, True, ())) == len(
        [agent for line in lines_of(folder / "episodes.jsonl") for m in line["moments"] for agent in m["actions"]]
    )


# ---- refusals -------------------------------------------------------------------------------------------------------
def other_return(line):
    line["returns"]["planner_0"] += 0.5
    return line


def other_action(line):
    line["moments"][-1]["actions"] = dict.fromkeys(line["moments"][-1]["actions"], "nonsense")
    return line


def other_task(line):
    line["task"]["digest"] = "0" * 16
    return line


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("episodes.jsonl", other_return, "task train/0 comes out otherwise"),
        ("episodes.jsonl", other_action, "task train/0"),
        ("episodes.jsonl", other_task, "no task train/0"),
        ("episodes.jsonl", lambda line: [], "TypeError"),
        ("entry.json", lambda entry: {**entry, "env": "sudoku"}, "of sudoku"),
        ("entry.json", lambda entry: {**entry, "env_version": 99}, "version 99 of sokoban"),
        ("entry.json", lambda entry: {"env": "sokoban"}, "KeyError"),
        ("entry.json", lambda entry: {**entry, "env_settings": {**entry["env_settings"], "turns": 9}}, "turns=9"),
    ],
)
def test_episodes_that_do_not_belong_here_are_refused_with_what_is_wrong(copy, tmp_path, capsys, name, edit, message):
    change(copy, name, edit)
    assert run(command(tmp_path / "run", "--episodes", str(copy), trainer="sft", limit=1), "sft") == 2
    said = capsys.readouterr().err
    assert "--episodes has" in said and message in said and "Traceback" not in said


def test_a_folder_without_episodes_is_refused_before_anything_is_written(tmp_path, capsys):
    assert run(command(tmp_path / "run", "--episodes", str(tmp_path / "nothing"), trainer="sft"), "sft") == 2
    said = " ".join(word for word in capsys.readouterr().err.split() if word != "│")  # of a box that tyro draws
    assert "folders that benchmarks.evaluate wrote" in said
    assert not (tmp_path / "run").exists()
