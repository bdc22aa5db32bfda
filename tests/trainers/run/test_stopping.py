"""A run that is stopped or killed goes on from its last checkpoint, to the same weights."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.trainers.run.runs import ROOT, command, last_weights, leftovers, run, start, wait_for

LONG = {"iterations": 16, "save_every": 4, "eval_every": 5}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert run(command(folder, **LONG)) == 0
    return folder


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def iterations_of(folder):
    return [record["iteration"] for record in lines_of(folder / "metrics.jsonl")]


def finish(folder, undisturbed, *more, **changes):
    """Resumes a run and compares its end with that of one that nothing disturbed."""
    assert run(command(folder, "--resume", *more, **{**LONG, **changes})) == 0
    assert last_weights(folder) == last_weights(undisturbed)
    assert iterations_of(folder) == iterations_of(undisturbed)
    assert leftovers(folder) == []
    ours, theirs = (json.loads((each / "summary.json").read_text()) for each in (folder, undisturbed))
    for key in ("before", "after", "after_without_executor", "tokens_generated", "tokens_trained"):
        assert ours[key] == theirs[key]
    assert lines_of(folder / "groups.jsonl") == lines_of(undisturbed / "groups.jsonl")


@pytest.mark.slow
def test_a_run_killed_in_the_middle_resumes_to_bitwise_the_same_weights(tmp_path, undisturbed):
    process = start(command(tmp_path / "run", **LONG))
    wait_for(tmp_path / "run" / "metrics.jsonl", 6, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "run" / "summary.json").exists()
    finish(tmp_path / "run", undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_a_checkpoint_from_which_it_goes_on(tmp_path, undisturbed, number):
    folder = tmp_path / "run"
    process = start(command(folder, **LONG))
    wait_for(folder / "metrics.jsonl", 3, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Stopping after this step" in errors and "--resume goes on from there" in errors
    assert "Traceback" not in errors
    last = sorted((folder / "checkpoints").iterdir())[-1]
    assert last.name == f"step-{iterations_of(folder)[-1]:06d}"  # nothing that was done is lost
    assert leftovers(folder) == []
    finish(folder, undisturbed)


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_the_run_and_its_control_without_a_traceback(tmp_path):
    folder = tmp_path / "run"
    slow = {"iterations": 2000, "tasks_per_iteration": 60}  # a step takes longer than the control would to notice
    process = start(command(folder, "--control", **{**LONG, **slow}))
    wait_for(folder / "metrics.jsonl", 1, process)
    os.killpg(process.pid, signal.SIGINT)  # a terminal tells all processes of the foreground job
    _, errors = process.communicate(timeout=60)  # returns when the control, which writes there too, has ended
    assert process.returncode == 128 + signal.SIGINT, errors
    assert "Traceback" not in errors, errors


@pytest.mark.slow
def test_a_signal_in_the_warm_start_ends_it_and_resume_begins_it_again(tmp_path, undisturbed):
    folder = tmp_path / "run"
    process = start(command(folder, **{**LONG, "warm_start_steps": 5000}))
    wait_for(folder / "config.yaml", 5, process)
    process.stdout.readline()  # "warm start on ... expert episodes"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped in the warm start" in errors and "Traceback" not in errors
    assert not (folder / "checkpoints").exists()
    (folder / "config.yaml").write_text((undisturbed / "config.yaml").read_text())  # fewer steps, for the test's sake
    finish(folder, undisturbed)


class Killed(BaseException):
    """The process is gone."""


class Reaper:
    """Ends the run at the n-th time that something is moved into place or deleted, before or in the middle of it."""

    def __init__(self, monkeypatch):
        self.left = 10**9
        self.replace, self.rmtree = Path.replace, shutil.rmtree
        monkeypatch.setattr(Path, "replace", lambda path, to: (self.count(), self.replace(path, to))[1])
        monkeypatch.setattr(shutil, "rmtree", self.delete)

    def count(self):
        self.left -= 1
        if self.left == 0:
            raise Killed

    def delete(self, path, **settings):
        if Path(path).exists():
            try:
                self.count()
            except Killed:
                for file in sorted(p for p in Path(path).rglob("*") if p.is_file())[::2]:
                    file.unlink()
                raise
        self.rmtree(path, **settings)


@pytest.mark.slow
def test_a_run_that_dies_between_any_two_changes_of_its_files_resumes_to_the_same(tmp_path, monkeypatch):
    short = {"iterations": 3, "save_every": 1, "eval_every": 2, "limit": 2, "validation_tasks": 2}
    assert run(command(tmp_path / "undisturbed", **short)) == 0
    expected = last_weights(tmp_path / "undisturbed")
    reaper = Reaper(monkeypatch)
    deaths = 0
    while True:
        folder = tmp_path / f"died-{deaths + 1}"
        reaper.left = deaths + 1
        try:
            assert run(command(folder, **short)) == 0
            break  # it has fewer changes than that
        except Killed:
            deaths += 1
        reaper.left = 10**9
        again = ("--resume",) if (folder / "config.yaml").exists() else ()
        assert run(command(folder, *again, **short)) == 0, deaths
        assert last_weights(folder) == expected, deaths
        assert iterations_of(folder) == [1, 2, 3], deaths
        assert leftovers(folder) == [], deaths
    # config, two logs, start, four checkpoints, two deletions, curve, summary
    assert deaths >= 12


LIMITED = """
import resource, signal, sys
from trainers import atgrpo
from trainers.run import checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit fails as on a full disk
written = checkpoint.save_checkpoint
def save_checkpoint(*arguments):
    if arguments[3].iteration == 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    written(*arguments)
checkpoint.save_checkpoint = save_checkpoint
sys.exit(atgrpo.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_disk_that_is_full_ends_the_run_with_the_last_checkpoint_intact(tmp_path):
    folder = tmp_path / "run"
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, *command(folder)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr and "cannot be written" in ended.stderr and "--resume" in ended.stderr
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step-000000", "step-000002"]
    assert run(command(folder, "--resume")) == 0
    assert run(command(tmp_path / "whole")) == 0
    assert last_weights(folder) == last_weights(tmp_path / "whole")
