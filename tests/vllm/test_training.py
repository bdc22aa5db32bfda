"""Whole runs of the main job with vLLM: killed engines, and learning as with Hugging Face's rollout."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from threading import Timer

import pytest

pytest.importorskip("torch")

from mas_envs import make_game
from tests.trainers.run.runs import ROOT, command, run, wait_for
from tests.trainers.small import family_policy
from trainers.policies.engine import EngineFault
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.tiny import CAUSAL, make_model, make_tokenizer
from trainers.policies.vllm import LocalEngine

pytestmark = pytest.mark.vllm


def metrics(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def engine_of(process: int) -> int:
    """Returns the process id of the engine that a process has started for itself."""
    import psutil

    (engine,) = [child for child in psutil.Process(process).children(recursive=True) if "EngineCore" in child.name()]
    return engine.pid


def give_weights_to_an_engine_that_dies_meanwhile() -> None:
    """Ends if that is noticed; for a process of its own (this file, run as a script)."""
    policy = family_policy("qwen3", True, 8, head_dim=32)
    engine = LocalEngine(policy, 0.4)
    engine.take(policy)
    child = engine_of(os.getpid())
    os.kill(child, signal.SIGSTOP)  # so it reads nothing of what it is told from now on
    Timer(2, os.kill, (child, signal.SIGKILL)).start()
    with pytest.raises(EngineFault):
        engine.take(policy)
    engine.stop()


def test_a_killed_engine_is_started_again_and_the_run_loses_nothing(tmp_path):
    arguments = command(tmp_path / "run", iterations=12, rollout="vllm", demos=0, eval_every=12)
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainers.atgrpo", *arguments],
            cwd=ROOT,
            env=os.environ | {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"},
            stdout=log,
            stderr=log,
            text=True,
        )
        wait_for(tmp_path / "run/metrics.jsonl", 2, process, seconds=400)
        os.kill(engine_of(process.pid), signal.SIGKILL)
        assert process.wait(400) == 0, (tmp_path / "log").read_text()[-4000:]
    assert "it is started again" in (tmp_path / "log").read_text()
    assert [record["iteration"] for record in metrics(tmp_path / "run")] == list(range(1, 13))
    assert all(record["masked_share"] == 0 for record in metrics(tmp_path / "run"))
    assert all(record["shared"]["sampler_gap_max"] < 1e-3 for record in metrics(tmp_path / "run") if "shared" in record)


def test_an_engine_that_dies_while_it_is_given_weights_is_noticed():
    separate = os.environ | {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.vllm.test_training"], cwd=ROOT, env=separate, timeout=200, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]


def test_sokoban_is_learned_as_with_hugging_faces_rollout(tmp_path):
    # Both begin with the same policy, which has seen few demonstrations and mostly writes what cannot be read.
    size = {"limit": 4, "validation_tasks": 4, "eval_every": 100, "save_every": 100, "max_new_tokens": 0}
    warm = command(
        tmp_path / "warm", rollout="vllm", iterations=0, demos=100, warm_start_steps=40, minibatch_rows=64, **size
    )
    assert run(warm) == 0
    size |= {"iterations": 16, "tasks_per_iteration": 16, "num_generations": 8, "minibatch_rows": 16}
    curves = {}
    for rollout in ("hf", "vllm"):
        flags = {"model": tmp_path / "warm/start/shared", "preset": "tiny", "demos": 0, "learning_rate": 0.003, **size}
        assert run(command(tmp_path / rollout, rollout=rollout, **flags)) == 0
        records = metrics(tmp_path / rollout)
        curves[rollout] = {name: [record[name] for record in records] for name in ("reward", "invalid_share")}
        for name, better in (("reward", 1), ("invalid_share", -1)):
            values = curves[rollout][name]
            assert better * (fmean(values[-6:]) - fmean(values[:3])) > {"reward": 0.01, "invalid_share": 0.1}[name]
    # From one iteration to the next the reward jumps by about 0.04 and the share by about 0.05.
    for name, noise in (("reward", 0.05), ("invalid_share", 0.15)):
        assert fmean(curves["hf"][name][-6:]) == pytest.approx(fmean(curves["vllm"][name][-6:]), abs=noise), name
    gaps = [record["shared"]["sampler_gap_max"] for record in metrics(tmp_path / "vllm")]
    assert max(gaps) < 1e-3


@pytest.mark.needs("lora")
@pytest.mark.parametrize("policies", ["per-role", "lora"])
def test_every_kind_of_team_trains_and_goes_on(tmp_path, policies):
    tokenizer = make_tokenizer(make_game("sokoban", style="compact").vocabulary())
    HuggingFacePolicy(make_model(tokenizer, CAUSAL, seed=0), tokenizer, 8).save(tmp_path / "model")
    flags = {"model": tmp_path / "model", "preset": "tiny", "policies": policies, "rollout": "vllm", "demos": 0}
    for iterations, more in ((2, ()), (3, ("--resume",))):
        arguments = command(tmp_path / "run", *more, iterations=iterations, importance_cap=2.0, **flags)
        assert run(arguments) == 0
    records = metrics(tmp_path / "run")
    assert [record["iteration"] for record in records] == [1, 2, 3]
    found = [record[role] for record in records for role in ("planner", "executor") if role in record]
    assert found
    assert all(one["sampler_gap_max"] < 1e-3 for one in found)
    assert all(one["importance"] == pytest.approx(1.0, abs=1e-3) for one in found)


if __name__ == "__main__":
    give_weights_to_an_engine_that_dies_meanwhile()
