"""Where metrics go beside metrics.jsonl: TensorBoard, Weights & Biases, trackio. Each is imported when asked for."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mas_envs.core.errors import UsageError

REPORTERS = ("jsonl", "tensorboard", "wandb", "trackio")
PROJECT = "mas-envs"


class TensorBoard:
    """Event files in the run's folder, under tensorboard/."""

    def __init__(self, folder: Path, iteration: int):
        writer = _import("torch.utils.tensorboard").SummaryWriter
        self._writer = writer(str(folder / "tensorboard"), purge_step=iteration + 1)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, iteration)

    def close(self) -> None:
        self._writer.close()


class Tracker:
    """Weights & Biases, or trackio, which has the same interface; set up by their own environment variables.

    A run that is resumed goes on under its name, at W&B under an id of its own.
    """

    def __init__(self, package: str, folder: Path, config: Mapping[str, Any], run_id: str, iteration: int):
        self._package = _import(package)
        where = {"dir": str(folder), "id": run_id} if package == "wandb" else {}
        resume = "allow" if iteration else "never"
        self._package.init(project=PROJECT, name=folder.name, config=dict(config), resume=resume, **where)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self._package.log(dict(metrics), step=iteration)

    def close(self) -> None:
        self._package.finish()


Reporter = TensorBoard | Tracker
"""Records each iteration's numbers by `log`, names joined by /; `close` makes sure that all is written."""


def check_reporters(names: Sequence[str]) -> None:
    """Raises UsageError for a name that is none, or whose package is absent."""
    for name in names:
        if name not in REPORTERS:
            raise UsageError(f"--report-to has {name!r}; allowed are {', '.join(REPORTERS)}.")
        if name != "jsonl":
            _import(name)


def open_reporters(
    names: Sequence[str], folder: Path, config: Mapping[str, Any], run_id: str, iteration: int
) -> list[Reporter]:
    """Returns a reporter for every name but jsonl, which every run has; they go on after `iteration`."""
    check_reporters(names)
    found: list[Reporter] = []
    for name in dict.fromkeys(names):
        if name == "tensorboard":
            found.append(TensorBoard(folder, iteration))
        elif name != "jsonl":
            found.append(Tracker(name, folder, config, run_id, iteration))
    return found


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Returns a record's numbers by name, nested names joined by /."""
    found: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = float(value)
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise UsageError(f"--report-to {package} needs the package {package}: pip install {package}.") from error
