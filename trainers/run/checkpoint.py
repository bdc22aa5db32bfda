"""Checkpoints: one folder per saved iteration, whole or not there, with what is needed to go on exactly.

    checkpoints/step-000010/<policy>/     the layout of save_pretrained: any Hugging Face program can load it
    checkpoints/step-000010/trainer.pt    optimisers, iteration and totals, and what else a trainer has (a critic)

Seeds are derived from the run's seed and the iteration, so there is no generator to save.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from mas_envs.core.errors import StateError, UsageError
from mas_envs.core.game import Game
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.policy import Team
from trainers.rl.update import Optimizer
from trainers.run import setup
from trainers.run.base_config import Config
from trainers.run.files import remove_folder, write_folder


@dataclass
class Progress:
    """How far a run is: iterations done, CPU seconds of RL (evaluation apart), and what it counted.

    best: the iteration that did best on validation, and how well. tracker_id: of the run at W&B.
    """

    iteration: int = 0
    rl_cpu_s: float = 0.0
    wall_s: float = 0.0
    tokens_generated: int = 0
    tokens_trained: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    warm_start: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Any] = field(default_factory=dict)
    tracker_id: str = ""


def save_checkpoint(
    folder: Path,
    policies: Mapping[str, HuggingFacePolicy],
    optimizers: Mapping[str, Optimizer],
    progress: Progress,
    parts: Mapping[str, Any],
    keep: int,
) -> None:
    """Writes the checkpoint of `progress.iteration` and removes all but the last `keep`.

    `parts` are the states of what a trainer has of its own, a critic for example.
    """

    def fill(path: Path) -> None:
        save_policies(path, policies)
        saved = {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
        state = {"optimizers": saved, "progress": asdict(progress), "parts": dict(parts)}
        torch.save(state, path / "trainer.pt")

    write_folder(folder / f"step-{progress.iteration:06d}", fill)
    for left_by_a_kill in folder.glob(".step-*"):
        shutil.rmtree(left_by_a_kill)
    for old in steps(folder)[:-keep]:
        remove_folder(old)


def save_policies(path: Path, policies: Mapping[str, HuggingFacePolicy]) -> None:
    """Writes each policy into a folder of its name."""
    for name, policy in policies.items():
        policy.save(path / name)


def steps(folder: Path) -> list[Path]:
    """Returns the complete checkpoints of a folder, oldest first."""
    return sorted(folder.glob("step-*"))


def load_policies(config: Config, game: Game[Any], team: Team, path: Path) -> dict[str, HuggingFacePolicy]:
    """Returns the policies of a checkpoint; raises StateError if it is damaged."""
    try:
        return setup.load_policies(config, game, {name: path / name for name in team.values()})
    except UsageError as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, reason: str) -> StateError:
    """Returns the error that says what to do about a damaged checkpoint."""
    return StateError(
        f"The checkpoint '{path}' is damaged, or of old code ({reason}). Move it elsewhere to resume from one before."
    )


def load_trainer_state(path: Path, optimizers: Mapping[str, Optimizer]) -> tuple[Progress, dict[str, Any]]:
    """Restores the optimisers; returns the progress and the other parts of a checkpoint.

    Raises StateError if it is damaged.
    """
    try:
        state = torch.load(path / "trainer.pt", map_location="cpu", weights_only=True)
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        return Progress(**state["progress"]), state["parts"]
    except Exception as error:  # a damaged file fails in many ways, all with one meaning
        raise damaged(path, type(error).__name__) from error
