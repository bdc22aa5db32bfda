"""Every trainer does the whole of a run: files, resume, refusals."""

import json

import pytest

pytest.importorskip("torch")

import torch

from mas_envs import make_game
from tests.trainers.run.runs import TRAINERS, command, forget_the_end, last_weights, run
from trainers.run.config import CONFIGS


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_trainer_has_its_settings_and_its_tests():
    assert CONFIGS.keys() == TRAINERS.keys()


@pytest.mark.parametrize("trainer", ["grpo", "reinforce", "ppo"])
@pytest.mark.parametrize("roles", [[], ["--roles", "team"]], ids=["single", "team"])
def test_a_baseline_trains_and_a_resumed_run_ends_as_an_undisturbed_one(tmp_path, trainer, roles):
    folder, arguments = tmp_path / "run", command(tmp_path / "run", *roles, "--settings", "turns=2")
    assert run(arguments, trainer) == 0
    weights, started = last_weights(folder), (folder / "start" / "shared" / "model.safetensors").read_bytes()
    assert weights["shared"] != started
    forget_the_end(folder)
    assert run([*arguments, "--resume"], trainer) == 0
    assert last_weights(folder) == weights
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["trainer"] == trainer and summary["command"].startswith(f"python -m trainers.{trainer} ")
    assert summary["env_settings"]["roles"] == ("team" if roles else "single")
    records = lines_of(folder / "metrics.jsonl")
    assert all(
        {"reward", "sampled_success", "tokens_generated", "tokens_trained"} <= record.keys() for record in records
    )
    (first, *_) = lines_of(folder / "groups.jsonl")
    assert {"task", "chain", "agent", "moment", "prompt", "text", "reward"} <= first.keys()


@pytest.mark.slow
@pytest.mark.parametrize("trainer", TRAINERS)
def test_with_a_policy_per_role_a_resumed_run_ends_as_an_undisturbed_one(tmp_path, trainer):
    arguments = command(tmp_path / "run", trainer=trainer, policies="per-role", roles="team")
    assert run(arguments, trainer) == 0
    weights = last_weights(tmp_path / "run")
    assert weights.keys() == {"planner", "executor"} and weights["planner"] != weights["executor"]
    forget_the_end(tmp_path / "run")
    assert run([*arguments, "--resume"], trainer) == 0
    assert last_weights(tmp_path / "run") == weights


def test_a_run_is_resumed_by_its_own_trainer_alone(tmp_path, capsys):
    assert run(command(tmp_path / "run", iterations=0), "reinforce") == 0
    assert run(command(tmp_path / "run", "--resume", iterations=0), "grpo") == 2
    assert "trainers.reinforce" in capsys.readouterr().err


def test_kl_keeps_near_the_start_and_a_resumed_run_compares_with_the_same_start(tmp_path):
    changes = {"kl": 5.0, "learning_rate": 0.01, "save_every": 1}
    assert run(command(tmp_path / "run", **changes)) == 0
    records = lines_of(tmp_path / "run" / "metrics.jsonl")
    divergences = [record["shared"]["kl_reference"] for record in records if "shared" in record]
    assert len(divergences) > 1 and divergences[-1] > 0
    assert run(command(tmp_path / "free", **{**changes, "kl": 0.0})) == 0
    free = lines_of(tmp_path / "free" / "metrics.jsonl")
    assert 0 < records[-1]["shared"]["kl_start"] < free[-1]["shared"]["kl_start"]
    weights = last_weights(tmp_path / "run")
    forget_the_end(tmp_path / "run")
    assert run(command(tmp_path / "run", "--resume", **changes)) == 0
    assert last_weights(tmp_path / "run") == weights


def test_resampling_plays_further_tasks_until_enough_groups_tell_something(tmp_path):
    assert run(command(tmp_path / "one", iterations=1)) == 0
    assert run(command(tmp_path / "more", iterations=1, resample=3)) == 0
    (one,), (more,) = (lines_of(tmp_path / name / "metrics.jsonl") for name in ("one", "more"))
    assert more["groups"] > one["groups"]
    assert more["groups"] * (1 - more["constant_share"]) > one["groups"] * (1 - one["constant_share"])


def test_ppo_saves_its_critic_and_reports_how_it_fits(tmp_path):
    assert run(command(tmp_path / "run", policies="per-role", roles="team"), "ppo") == 0
    records = lines_of(tmp_path / "run" / "metrics.jsonl")
    for role in ("planner", "executor"):
        fits = [record[f"critic of {role}"] for record in records]
        assert all(fit["value_loss"] >= 0 and fit["explained_variance"] <= 1 for fit in fits)
    last = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))[-1]
    parts = torch.load(last / "trainer.pt", weights_only=True)["parts"]
    assert parts.keys() == {f"{part}{role}{end}" for role in ("planner", "executor") for part, end in PARTS}
    assert parts["critic of planner"]["head"].abs().sum() > 0  # it began as zeros


PARTS = (("critic of ", ""), ("optimizer of ", "'s critic"))


@pytest.mark.parametrize(("group_by", "groups"), [("none", 3), ("agent", 6)])
def test_candidates_are_grouped_as_asked_for(tmp_path, group_by, groups):
    assert run(command(tmp_path / "run", iterations=1, group_by=group_by)) == 0
    (record,) = lines_of(tmp_path / "run" / "metrics.jsonl")
    assert record["groups"] == groups  # of three tasks and two agents


def test_a_file_of_few_tasks_is_scored_and_sampled_without_repeating_itself(tmp_path):
    rows = ["#" * (6 + i) + "\n#@$" + " " * i + ".#\n" + "#" * (6 + i) for i in range(40)]
    (tmp_path / "levels.xsb").write_text("\n\n".join(rows) + "\n")
    settings = ["--settings", f"source=file:{tmp_path / 'levels.xsb'}"]
    assert run(command(tmp_path / "run", *settings, iterations=1, limit=30, validation_tasks=30)) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    game = make_game("sokoban", source=f"file:{tmp_path / 'levels.xsb'}")
    assert summary["after"]["n"] == len({game.task("test", i).ref for i in range(30)}) < 30
