"""What a run leaves behind."""

import json

import pytest

pytest.importorskip("torch")

from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.trainers.run.runs import command, last_weights, leftovers, run, start
from tests.trainers.small import assert_same, random_policy, weights
from trainers.policies.tiny import make_tokenizer
from trainers.run import reading
from trainers.run.config import ATGRPO
from trainers.run.run import Run
from trainers.run.scores import Score


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "deep" / "one"
    assert run(command(folder)) == 0
    return folder


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_nothing_else_is_left_and_nothing_half_written(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "config.yaml",
        "demonstrations.json",
        "metrics.jsonl",
        "groups.jsonl",
        "best",
        "checkpoints",
        "start",
        "summary.json",
        "curve.png",
    }
    assert leftovers(folder) == []
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step-000002", "step-000004"]


def test_the_summary_scores_before_and_after_on_the_same_tasks(folder):
    summary = summary_of(folder)
    for key in ("before", "after", "after_without_executor"):
        score = summary[key]
        assert {"success", "ci95", "n"} <= score.keys()
        assert score["n"] == 6
        low, high = score["ci95"]
        assert 0 <= low <= score["success"] <= high <= 1
    assert "warm_start_only" not in summary
    assert "after_without_planner" not in summary  # a planner has no way to let its partner have its way


def test_the_summary_says_how_many_winning_answers_the_warm_start_had_shown_word_for_word(tmp_path):
    warmed, cold = tmp_path / "warmed", tmp_path / "cold"
    # Plans of Sokoban's 6x6 boards with one box are few words, so that what works has been seen.
    assert run(command(warmed, demos=200, warm_start_steps=120, iterations=0, limit=40)) == 0
    after = summary_of(warmed)["after"]
    assert after["success"] > 0 and after["copied"].keys() == {"planner", "executor"}
    assert 0 < after["copied"]["executor"] <= 1
    shown = json.loads((warmed / "demonstrations.json").read_text())
    assert shown["executor"] == sorted(set(shown["executor"])) and "  " not in "".join(shown["executor"])
    assert run(command(cold, demos=0, iterations=0)) == 0
    assert "copied" not in summary_of(cold)["after"] and not (cold / "demonstrations.json").exists()


def test_the_summary_says_how_it_came_about(folder):
    summary, records = summary_of(folder), lines_of(folder / "metrics.jsonl")
    assert summary["env"] == "sokoban" and summary["env_settings"]["style"] == "compact"
    assert summary["seed"] == 0 and summary["iterations"] == 4 and summary["decoding"] == "greedy"
    assert summary["wall_s"] > summary["rl_cpu_s"] * 0.5 > 0
    assert summary["tokens_generated"] == sum(record["tokens_generated"] for record in records) > 0
    assert summary["tokens_trained"] == sum(record["tokens_trained"] for record in records) > 0
    assert {"python", "mas-envs", "torch", "transformers", "numpy", "gymnasium", "pettingzoo"} <= summary[
        "versions"
    ].keys()
    assert "trainers.atgrpo" in summary["command"]


def test_metrics_have_one_line_per_iteration_and_validation_where_asked(folder):
    records = lines_of(folder / "metrics.jsonl")
    assert [record["iteration"] for record in records] == [1, 2, 3, 4]
    assert [record["iteration"] for record in records if "validation" in record] == [2, 4]
    for record in records:
        assert {"reward", "groups", "constant_share", "invalid_share", "masked_share", "rl_cpu_s"} <= record.keys()
        assert 0 <= record["constant_share"] <= 1 and 0 < record["invalid_share"] <= 1
        assert record["masked_share"] == record["unread_share"] == 0
        if "shared" in record:
            assert {"loss", "ratio", "clip_fraction", "kl", "entropy", "grad_norm"} <= record["shared"].keys()
    assert any("shared" in record for record in records)


def test_groups_can_be_read_and_hold_prompt_candidates_rewards_and_choice(folder):
    records = lines_of(folder / "groups.jsonl")
    assert {record["iteration"] for record in records} == {2, 4}
    for record in records:
        assert record["prompt"].endswith(record["agent"].removesuffix("_0"))
        assert len(record["candidates"]) == 4
        assert all({"text", "reward", "cut"} <= candidate.keys() for candidate in record["candidates"])
        assert 0 <= record["chosen"] < 4


def test_the_configuration_reads_back_as_it_was(folder):
    saved = reading.read(folder / "config.yaml")
    assert saved == reading.parse(command(folder), ATGRPO)


def test_an_optimiser_step_is_taken_for_every_minibatch_of_groups(folder):
    for record in lines_of(folder / "metrics.jsonl"):
        telling = round(
            record["groups"] * (1 - record["constant_share"])
        )  # of four candidates each, four to a minibatch
        steps = record["shared"]["optimizer_steps"] if "shared" in record else 0
        assert steps == (max(1, round(telling / 4)) if telling else 0)


def test_checkpoints_load_in_any_hugging_face_program(folder):
    path = folder / "checkpoints" / "step-000004" / "shared"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    assert model.config.vocab_size == len(tokenizer)
    started = AutoModelForCausalLM.from_pretrained(folder / "start" / "shared")
    assert any(not w.equal(weights(started)[name]) for name, w in weights(model).items())  # it was trained


def test_the_curve_is_a_picture(folder):
    picture = (folder / "curve.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000


def test_a_run_depends_on_its_seed_alone(folder, tmp_path):
    assert run(command(tmp_path / "same")) == run(command(tmp_path / "other", seed=1)) == 0
    assert last_weights(tmp_path / "same") == last_weights(folder) != last_weights(tmp_path / "other")
    same, summary = summary_of(tmp_path / "same"), summary_of(folder)
    for key in ("before", "after", "after_without_executor", "tokens_generated", "tokens_trained"):
        assert same[key] == summary[key]


def test_a_run_that_is_done_stands(folder, capsys):
    before = (folder / "summary.json").read_bytes()
    assert run(command(folder, "--resume")) == 0
    assert "is done" in capsys.readouterr().out
    assert (folder / "summary.json").read_bytes() == before


def test_with_a_policy_per_role_each_is_trained_and_saved(tmp_path):
    assert run(command(tmp_path / "run", policies="per-role")) == 0
    saved = last_weights(tmp_path / "run")
    assert saved.keys() == {"planner", "executor"}
    assert saved["planner"] != saved["executor"]
    records = lines_of(tmp_path / "run" / "metrics.jsonl")
    assert any("planner" in record for record in records) and any("executor" in record for record in records)
    assert summary_of(tmp_path / "run")["parameters"].keys() == {"planner", "executor"}


def test_a_single_solver_trains_on_plan_path(tmp_path):
    settings = ("--roles", "single", "--settings", "size=5", "turns=2")
    assert run(command(tmp_path / "run", *settings, env="plan_path", iterations=2)) == 0
    summary = summary_of(tmp_path / "run")
    assert summary["env_settings"]["roles"] == "single" and summary["env_settings"]["turns"] == 2
    assert not any(key.startswith("after_without") for key in summary)


def test_training_goes_on_from_a_checkpoint_given_as_the_model(folder, tmp_path):
    checkpoint = folder / "checkpoints" / "step-000004" / "shared"
    assert run(command(tmp_path / "run", model=checkpoint, iterations=1, demos=0, temperature=1.0)) == 0
    summary = summary_of(tmp_path / "run")
    assert summary["env_settings"]["style"] == "compact"  # what the checkpoint was made for
    assert summary["before"] == summary_of(folder)["after"]
    started, given = (
        AutoModelForCausalLM.from_pretrained(path) for path in (tmp_path / "run/start/shared", checkpoint)
    )
    assert_same(weights(started), weights(given))


def test_any_causal_checkpoint_with_a_chat_template_trains(tmp_path):
    from transformers import LlamaConfig

    tokenizer = make_tokenizer(())
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        tie_word_embeddings=False,
    )  # fmt: skip
    random_policy(config, tokenizer, 4).save(tmp_path / "llama")
    changes = {"iterations": 1, "tasks_per_iteration": 2, "limit": 2, "validation_tasks": 1, "max_new_tokens": 3}
    arguments = command(tmp_path / "run", model=tmp_path / "llama", demos=0, learning_rate=0.01, **changes)
    assert run(arguments) == 0
    summary = summary_of(tmp_path / "run")
    assert summary["env_settings"]["style"] == "full"  # an LLM reads natural language
    assert reading.read(tmp_path / "run" / "config.yaml").preset == "paper"
    (first, *_) = lines_of(tmp_path / "run" / "groups.jsonl")
    assert "The board:" in first["prompt"]
    AutoModelForCausalLM.from_pretrained(tmp_path / "run/checkpoints/step-000001/shared")


@pytest.mark.slow
def test_with_the_control_the_summary_says_what_imitation_alone_would_have_given(tmp_path):
    process = start(command(tmp_path / "run", "--control"))
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    summary = summary_of(tmp_path / "run")
    control = summary["warm_start_only"]
    assert {"success", "ci95", "n"} <= control.keys() and control["n"] == 6
    assert control["cpu_s"] >= summary["rl_cpu_s"] > 0
    assert f"--output-dir {tmp_path / 'run'}" in summary["command"]
    for name in ("before", "warm_start_only", "after"):
        assert name in output


def test_the_policies_that_did_best_on_validation_are_kept_beside_the_last_checkpoints(tmp_path, monkeypatch):
    # three validations in the warm start, then one an iteration
    successes = iter([0.0, 0.1, 0.1, 0.05, 1 / 3, 0.2, 1 / 3])
    monkeypatch.setattr(Run, "validate", lambda run: Score(next(successes), (0.0, 1.0), 5))
    assert run(command(tmp_path / "run", eval_every=1, save_every=1, keep_checkpoints=3)) == 0
    assert summary_of(tmp_path / "run")["best"] == {"iteration": 2, "validation": 0.3333}
    steps = sorted(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    assert steps == ["step-000002", "step-000003", "step-000004"]
    AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "best" / "shared")
    saved = (tmp_path / "run/best/shared/model.safetensors").read_bytes()
    assert saved == (tmp_path / "run/checkpoints/step-000002/shared/model.safetensors").read_bytes()
    assert saved != (tmp_path / "run/checkpoints/step-000003/shared/model.safetensors").read_bytes()


def test_a_run_that_only_gets_worse_keeps_what_it_began_with_as_its_best(tmp_path, monkeypatch):
    successes = iter([0.9, 0.9, 0.9, 0.5, 0.5])
    monkeypatch.setattr(Run, "validate", lambda run: Score(next(successes), (0.0, 1.0), 5))
    assert run(command(tmp_path / "run")) == 0
    assert summary_of(tmp_path / "run")["best"] == {"iteration": 0, "validation": 0.9}
    best, start = (tmp_path / "run" / name / "shared/model.safetensors" for name in ("best", "start"))
    assert best.read_bytes() == start.read_bytes()
