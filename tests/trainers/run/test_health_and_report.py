import re
import sys
import types

import pytest

pytest.importorskip("torch")

from mas_envs.core.errors import UsageError
from tests.trainers.run.runs import ROOT, command, run
from trainers.run.health import RANGES, Health
from trainers.run.report import check_reporters, flat

GOOD = {"constant_share": 0.2, "cut_share": 0.0, "invalid_share": 0.1, "shared": {"entropy": 0.5, "kl": 0.001}}


def test_a_healthy_record_says_nothing():
    assert Health().warnings(GOOD) == []


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("policy", ["", "planner"])
def test_a_metric_that_leaves_its_range_is_named_once_with_what_to_do(name, policy):
    health, low, high = Health(), *RANGES[name][:2]
    for value in (low - 1, high + 1):
        record = {policy: {name: value}} if policy else {name: value}
        (line,) = health.warnings(record)
        assert f"{policy} {name}".strip() in line and RANGES[name].says in line and f"{value:.4g}" in line
        assert health.warnings(record) == []  # said already
        middle = (low + high) / 2
        assert health.warnings({policy: {name: middle}} if policy else {name: middle}) == []


def test_every_metric_with_a_range_is_explained_in_the_docs():
    page = (ROOT / "docs/metrics.md").read_text()
    for name, (low, high, _) in RANGES.items():
        assert re.search(rf"\| `{name}` \|.*\| {low:g} to {high:g} \|", page), name


def test_a_run_warns_in_the_console(tmp_path, capsys):
    assert run(command(tmp_path / "run", max_new_tokens=1)) == 0  # every completion is cut
    assert capsys.readouterr().out.count("warning: cut_share is") == 1


def test_nested_numbers_are_named_by_their_path():
    record = {"iteration": 3, "shared": {"loss": 0.5, "deep": {"x": 1}}, "text": "no", "flag": True}
    assert flat(record) == {"iteration": 3.0, "shared/loss": 0.5, "shared/deep/x": 1.0}


@pytest.mark.parametrize("package", ["wandb", "trackio"])
def test_trackers_get_every_iteration_and_are_finished(tmp_path, monkeypatch, package):
    calls = []
    names = ("init", "log", "finish")
    fake = types.SimpleNamespace(**{name: lambda *a, _name=name, **k: calls.append((_name, a, k)) for name in names})
    monkeypatch.setitem(sys.modules, package, fake)
    assert run(command(tmp_path / "named", "--report-to", "jsonl", package)) == 0
    assert calls[0][0] == "init" and calls[0][2]["name"] == "named" and calls[0][2]["config"]["env"] == "sokoban"
    logged = [(arguments[0], more["step"]) for name, arguments, more in calls if name == "log"]
    assert [step for _, step in logged] == [1, 2, 3, 4]
    assert all("reward" in metrics and "shared/entropy" in metrics for metrics, _ in logged if "shared/loss" in metrics)
    assert calls[-1][0] == "finish"


@pytest.mark.needs("tensorboard")
def test_tensorboard_files_hold_the_metrics(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert run(command(tmp_path / "run", "--report-to", "tensorboard")) == 0
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("reward")] == [1, 2, 3, 4]


def test_an_unknown_or_missing_reporter_is_refused_with_what_to_do(tmp_path, capsys, monkeypatch):
    with pytest.raises(UsageError, match=r"'mlflow'; allowed are jsonl, tensorboard, wandb, trackio"):
        check_reporters(["mlflow"])
    monkeypatch.setitem(sys.modules, "trackio", None)  # as if it were not installed
    assert run(command(tmp_path / "run", "--report-to", "trackio")) == 2
    assert "pip install trackio" in capsys.readouterr().err
    assert run(command(tmp_path / "run", iterations=0)) == 0  # nothing of the refused run is in the way
