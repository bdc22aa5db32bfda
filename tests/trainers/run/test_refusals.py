"""Bad input ends with exit status 2 and a message that says what is allowed; never with a traceback."""

import shutil
from dataclasses import fields, replace

import pytest

pytest.importorskip("torch")

from tests.trainers.run.runs import command, run
from trainers.run.config import ATGRPO, SFT
from trainers.run.reading import parse


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done") / "run"
    assert run(command(folder)) == 0
    return folder


@pytest.fixture
def copy(done, tmp_path):
    """A copy of a run that stopped after iteration 2 of 4, as far as its files tell."""
    folder = tmp_path / "copy"
    shutil.copytree(done, folder)
    (folder / "summary.json").unlink()
    return folder


def refused(arguments, capsys, *words):
    capsys.readouterr()
    assert run(arguments) == 2
    captured = capsys.readouterr()
    said = " ".join("".join(c for c in captured.err if c not in "│╭╮╰╯─").split())  # tyro draws a box around it
    assert "Traceback" not in said
    for word in words:
        assert word in said
    return said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--num-generations", "1"], ["--num-generations is 1", "from 2 to 1024"]),
        (["--demos", "5000"], ["--demos is 5000", "from 0 to 1000"]),
        (["--iterations", "-1"], ["--iterations is -1"]),
        (["--iterations", "x"], ["--iterations"]),
        (["--limit", "0"], ["--limit is 0"]),
        (["--max-prompt-tokens", "-1"], ["--max-prompt-tokens is -1", "from 0"]),
        (["--best-share", "1.5"], ["--best-share is 1.5", "a share from 0 to 1"]),
        (["--demo-noise", "-0.1"], ["--demo-noise is -0.1", "a share from 0 to 1"]),
        (["--temperature", "0"], ["--temperature is 0.0", "above 0"]),
        (["--learning-rate", "inf"], ["--learning-rate is inf", "above 0"]),
        (["--learning-rate", "nan"], ["--learning-rate is nan", "above 0"]),
        (["--clip-low", "-1"], ["--clip-low is -1.0", "at least 0"]),
        (["--alpha", "nan"], ["--alpha is nan", "a number"]),
        (["--preset", "x"], ["--preset", "tiny", "paper"]),
        (["--policies", "x"], ["--policies", "shared", "per-role"]),
        (["--style", "x"], ["--style", "compact", "full"]),
        (["--optimizer", "sgd"], ["--optimizer", "muon", "adamw"]),
        (["--nonsense", "3"], ["--nonsense"]),
        (["--settings", "size"], ["--settings has 'size'", "name=value"]),
        (["--settings", "size=[1"], ["--settings has 'size=[1'", "YAML"]),
        (["--settings", "size=abc"], ["size is 'abc'", "whole number"]),
        (["--settings", "sise=7"], ["no setting 'sise'", "size"]),
        (["--settings", "size=5", "boxes=40"], ["boxes"]),
        (["--roles", "trio"], ["roles", "team, single"]),
        (["--settings", "roles=single"], ["--roles"]),
        (["--kl", "-0.1"], ["--kl is -0.1", "at least 0"]),
        (["--group-by", "team"], ["team", "agent-turn"]),
        (["--resample", "-1"], ["--resample is -1", "from 0 to 100"]),
        (["--model", "/nowhere/at/all"], ["No model", "/nowhere/at/all", "checkpoint directory"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("--") else "",
)
def test_wrong_values_are_refused_with_what_is_allowed(tmp_path, capsys, arguments, words):
    refused(["--env", "sokoban", "--output-dir", str(tmp_path / "run"), *arguments], capsys, *words)
    assert not (tmp_path / "run").exists()


def test_an_unknown_environment_is_refused_with_the_one_that_was_meant(tmp_path, capsys):
    refused(command(tmp_path / "run", env="sokobann"), capsys, "Unknown env 'sokobann'", "Did you mean 'sokoban'?")


def test_the_environment_has_to_be_named(capsys):
    refused([], capsys, "Give --env")


def test_an_output_folder_below_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    refused(command(tmp_path / "file" / "run"), capsys, "cannot be written", "another folder")


def test_an_output_folder_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    refused(command(tmp_path / "file"), capsys, "cannot be written")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_that_holds_a_run_is_refused_without_resume(copy, capsys):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    refused(command(copy), capsys, "holds a run", "--resume", "--output-dir")
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_resuming_where_there_is_no_run_is_refused(tmp_path, capsys):
    refused(command(tmp_path / "run", "--resume"), capsys, "no run to resume")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 1}, ["--seed 0, not 1"]),
        ({"env": "plan_path"}, ["--env 'sokoban', not 'plan_path'"]),
        ({"num_generations": 8}, ["--num-generations 4, not 8"]),
        ({"policies": "per-role"}, ["--policies 'shared', not 'per-role'"]),
        ({"learning_rate": 0.5}, ["--learning-rate", "not 0.5"]),
    ],
)
def test_resuming_with_other_settings_is_refused(copy, capsys, changes, words):
    before = (copy / "config.yaml").read_bytes()
    refused(command(copy, "--resume", **changes), capsys, "The run was started with", *words, "same settings")
    assert (copy / "config.yaml").read_bytes() == before


def test_a_run_from_before_a_setting_was_there_goes_on_with_its_default(copy, capsys):
    text = (copy / "config.yaml").read_text()
    assert "max_prompt_tokens: 0\n" in text
    (copy / "config.yaml").write_text(text.replace("max_prompt_tokens: 0\n", ""))
    refused(command(copy, "--resume", max_prompt_tokens=9), capsys, "started with --max-prompt-tokens 0, not 9")
    assert run(command(copy, "--resume")) == 0


def test_a_resumed_run_may_have_more_iterations(copy):
    assert run(command(copy, "--resume", iterations=6)) == 0
    assert (copy / "checkpoints" / "step-000006").is_dir()


# ---- damaged files --------------------------------------------------------------------------------------------------
def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "name", ["trainer.pt", "shared/model.safetensors", "shared/tokenizer.json", "shared/config.json"]
)
def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_can_be_used(copy, capsys, name):
    last = copy / "checkpoints" / "step-000004"
    cut_in_half(last / name)
    refused(command(copy, "--resume"), capsys, "error: The checkpoint", str(last))
    shutil.rmtree(last)  # what the message advises
    assert run(command(copy, "--resume")) == 0
    assert (copy / "summary.json").exists()


def test_a_checkpoint_without_its_trainer_state_is_refused(copy, capsys):
    (copy / "checkpoints" / "step-000004" / "trainer.pt").unlink()
    refused(command(copy, "--resume"), capsys, "is damaged", "Move it elsewhere to resume from one before")


def test_a_damaged_model_folder_is_refused_and_leaves_no_run_behind(done, tmp_path, capsys):
    shutil.copytree(done / "start" / "shared", tmp_path / "model")
    cut_in_half(tmp_path / "model" / "model.safetensors")
    arguments = command(tmp_path / "run", model=tmp_path / "model")
    refused(arguments, capsys, "error: The checkpoint", str(tmp_path / "model"), "cannot be read")
    refused(arguments, capsys, "cannot be read")  # not: "holds a run"


@pytest.mark.parametrize("text", ["", "env: sokoban", "{", "- 1", "env: sokoban\nsettings: []\nnonsense: 3"])
def test_a_damaged_configuration_is_refused(copy, capsys, text):
    (copy / "config.yaml").write_text(text)
    refused(command(copy, "--resume"), capsys, "config.yaml", "cannot be read as a configuration")


# ---- help -----------------------------------------------------------------------------------------------------------
def test_help_shows_every_flag_with_its_default(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    flags = [field.name.replace("_", "-") for field in fields(ATGRPO)]
    for flag, following in zip(flags, [*flags[1:], ""], strict=True):
        begin = next(at for name in (f"--{flag}", f"--{flag},") if (at := said.find(f"{name} ")) >= 0)
        end = said.find(f"--{following} ", begin) if following else len(said)
        assert "(default:" in said[begin:end], flag


@pytest.mark.parametrize("env", ["sokoban", "plan_path", "sudoku"])
@pytest.mark.parametrize("kind", [ATGRPO, SFT])
def test_the_long_preset_is_the_tiny_one_with_more_iterations(env, kind):
    tiny, long = (parse(["--env", env, "--preset", preset], kind) for preset in ("tiny", "long"))
    assert long.iterations == 7 * tiny.iterations
    assert replace(long, preset="tiny", iterations=tiny.iterations) == tiny
    assert parse(["--env", env, "--preset", "long", "--iterations", "3"], kind).iterations == 3


def test_the_paper_preset_has_the_papers_settings(capsys):
    assert run(["--help", "--preset", "paper"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "K: candidates sampled from each prompt, or episodes played of each task. (default: 4)" in said
