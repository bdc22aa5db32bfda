"""Reading a run's settings: presets and the command line, or the config.yaml of a run that goes on."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import tyro
import yaml

from mas_envs.core.errors import UsageError
from trainers.run.base_config import TINY, Config, flag
from trainers.run.config import CONFIGS

# What the paper says (K, T through the environment, alpha, tree from the best) is the paper's; what it leaves open
# (batch, learning rate, clipping) is the published code's or GRPO's usual.
_PAPER: dict[str, Any] = {
    "preset": "paper", "iterations": 150, "tasks_per_iteration": 32, "num_generations": 4, "best_share": 1.0,
    "max_new_tokens": 2048, "optimizer": "adamw", "learning_rate": 1e-6, "max_places": 32_768,
    "advantage_eps": 1e-6, "clip_high": 0.2, "entropy": 0.0, "critic_rate": 1e-5, "demos": 0, "control": False,
}  # fmt: skip

# What of --preset tiny suits one environment, or one value of --roles, better than the defaults above: a run of it ends
# within 15 minutes. (A tool user's program is a hundred words long: it is sampled colder, so that some are right.)
_TINY: dict[str, dict[str, Any]] = {
    "sokoban": {"iterations": 700, "demos": 200, "warm_start_steps": 300},
    "plan_path": {"iterations": 250, "demos": 100, "warm_start_steps": 300, "entropy": 0.0},
    "sudoku": {"iterations": 120},
    "math_verify": {"iterations": 60},
    "code_test": {"iterations": 60, "demos": 300, "warm_start_steps": 200},
    "tool-planner": {"iterations": 40, "tasks_per_iteration": 16, "num_generations": 8, "demos": 150,
                     "temperature": 0.7, "entropy": 0.0},
}  # fmt: skip
_LONG = 7
"""Times as many iterations as those of --preset tiny: on Plan-Path 38 CPU minutes of RL."""


def parse(argv: Sequence[str], kind: type[Config]) -> Config:
    """Returns the configuration that a command line asks for; raises UsageError for values that are not allowed."""
    preset = _value(argv, "preset") or ("paper" if _value(argv, "model") not in ("", TINY) else "tiny")
    known = {field.name for field in fields(kind)}
    wanted = _PAPER if preset == "paper" else _TINY.get(_value(argv, "roles")) or _TINY.get(_value(argv, "env"), {})
    wanted = wanted | kind.presets.get("tiny" if preset == "long" else preset, {})
    if preset == "long":
        wanted |= {"preset": preset, "iterations": _LONG * wanted.get("iterations", kind.iterations)}
    default = kind(env="", **{name: value for name, value in wanted.items() if name in known})
    # tyro takes a default of "" for given; the environment has to be named.
    if not _value(argv, "env") and not {"-h", "--help"} & set(argv):
        raise UsageError("Which environment? Give --env, e.g. --env sokoban; mas_envs.registered() lists them.")
    return tyro.cli(kind, args=list(argv), default=default, prog=f"python -m trainers.{kind.trainer}")


def _value(argv: Sequence[str], name: str) -> str:
    """Returns the value given for a flag, or ""."""
    for i, word in enumerate(argv):
        if word == f"--{name}" and i + 1 < len(argv):
            return argv[i + 1]
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return ""


def read(path: Path) -> Config:
    """Returns the configuration of a run's config.yaml."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind = CONFIGS[values["trainer"]]
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return kind(**{name: value for name, value in settings.items() if name != "trainer"})
    except (OSError, TypeError, KeyError, yaml.YAMLError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{path} cannot be read as a configuration ({reason}). Start the run anew.") from error


def check_same(saved: Config, given: Config) -> None:
    """Raises UsageError where a resumed run was started with other settings (more iterations are allowed)."""
    if saved.trainer != given.trainer:
        raise UsageError(f"The run is one of trainers.{saved.trainer}; resume it with that, or choose another folder.")
    changeable = ("resume", "iterations", "output_dir", "report_to", "keep_checkpoints", "rollout", "rollout_memory")
    for field in fields(given):
        old, new = getattr(saved, field.name), getattr(given, field.name)
        if old != new and field.name not in changeable:
            raise UsageError(
                f"The run was started with {flag(field.name)} {old!r}, not {new!r}. "
                "Resume with the same settings, or start another run with another --output-dir."
            )
