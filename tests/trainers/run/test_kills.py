"""A run that is killed at any moment resumes, and ends byte for byte as one that nothing disturbed."""

import json
import multiprocessing
import os
import random
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from tests.trainers.run.runs import command, leftovers, run

KILLS = 3
"""Of each of the seven kinds of runs: 21 in all. The middle one is inside the writing of a checkpoint."""
SIZE = {"iterations": 6, "save_every": 1, "eval_every": 3, "limit": 2, "validation_tasks": 2, "roles": "team"}
KINDS = [
    pytest.param(trainer, policies, marks=pytest.mark.needs("peft") if policies == "lora" else [])
    for trainer, policies in [
        ("atgrpo", "shared"),
        ("atgrpo", "per-role"),
        ("atgrpo", "lora"),
        ("grpo", "shared"),
        ("reinforce", "shared"),
        ("ppo", "per-role"),
        ("sft", "shared"),
    ]
]
# A server that has imported everything forks a process for each run: torch is imported once, not forty times.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.trainers.run.runs"])


def quietly(arguments, trainer):
    """Runs a trainer; what a process does that is to be killed."""
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)
    os._exit(run(arguments, trainer))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A checkpoint that adapters can be trained for."""
    folder = tmp_path_factory.mktemp("model") / "run"
    assert run(command(folder, iterations=0, demos=0, limit=1, validation_tasks=1)) == 0
    return folder / "start" / "shared"


def begin(folder, trainer, settings):
    """Starts a run, or goes on with the one that is there."""
    again = ("--resume",) if (folder / "config.yaml").exists() else ()
    process = PROCESSES.Process(target=quietly, args=(command(folder, *again, trainer=trainer, **settings), trainer))
    process.start()
    return process


def wait_for_a_checkpoint_that_is_half_written(folder, process):
    while process.is_alive() and not list(folder.glob("checkpoints/.step-*.part")):
        time.sleep(0.0005)


def without_times(record):
    return {
        name: without_times(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if not name.endswith(("_s", "command", "tracker_id"))
    }


def end_of(folder):
    """Returns everything that a run leaves, without what the clock and the name of the folder put there."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safetensors")}
    last = sorted((folder / "checkpoints").glob("step-*"))[-1]
    state = torch.load(last / "trainer.pt", weights_only=True)
    state["progress"] = without_times(state["progress"])
    metrics = [without_times(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    groups, summary = (folder / "groups.jsonl").read_text(), json.loads((folder / "summary.json").read_text())
    return {**found, "state": plain(state), "metrics": metrics, "groups": groups, "summary": without_times(summary)}


def plain(value):
    """Returns a state with bytes instead of tensors, which can be compared."""
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


@pytest.mark.slow
@pytest.mark.parametrize(("trainer", "policies"), KINDS)
def test_a_run_that_is_killed_again_and_again_ends_like_an_undisturbed_one(tmp_path, model, trainer, policies):
    settings = {**SIZE, "policies": policies, **({"model": model, "learning_rate": 0.01} if policies == "lora" else {})}
    started = time.monotonic()
    undisturbed = begin(tmp_path / "undisturbed", trainer, settings)
    undisturbed.join()
    took = time.monotonic() - started
    assert undisturbed.exitcode == 0
    draw, folder, kills, in_checkpoints = random.Random(f"{trainer}, {policies}"), tmp_path / "run-0", 0, 0
    while kills < KILLS:
        process = begin(folder, trainer, settings)
        if kills == 1:
            wait_for_a_checkpoint_that_is_half_written(folder, process)
        else:
            process.join(draw.uniform(0.05, 0.7) * took)
        process.kill()
        process.join()
        if process.exitcode == 0:  # it was done before that; another one takes its place
            folder = Path(f"{folder}'")
        else:
            kills += 1
            in_checkpoints += bool(list(folder.glob("checkpoints/.step-*.part")))
    assert in_checkpoints  # what was half written lies there
    last = begin(folder, trainer, settings)
    last.join()
    assert last.exitcode == 0
    assert leftovers(folder) == []
    expected = end_of(tmp_path / "undisturbed")
    assert len(expected) > 6
    assert end_of(folder) == expected
