"""The settings that every trainer takes, as a flat frozen dataclass; trainers/run/config.py has each trainer's own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from mas_envs.core.errors import UsageError, in_range
from trainers.rl.update import OptimizerName

TINY = "tiny"


def flag(name: str) -> str:
    """Returns a setting's name as the command line has it."""
    return "--" + name.replace("_", "-")


@dataclass(frozen=True)
class Config:
    """What every trainer takes."""

    trainer: ClassVar[str]
    """Module of the trainer: python -m trainers.NAME."""
    title: ClassVar[str]
    made_for: ClassVar[str] = "team"
    """The roles that play where nobody says otherwise."""
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    """What this trainer's presets have that no other's have: preset -> its settings."""

    env: str
    """Registered environment, e.g. sokoban or plan_path; has to be given."""
    model: str = TINY
    """"tiny" for the embedded policy, or a local Hugging Face checkpoint directory."""
    policies: Literal["shared", "per-role", "lora"] = "shared"
    """One policy for all roles, one per role (full weights each), or one --model with a LoRA adapter per role."""
    lora_rank: int = 16
    """Rank of the adapters of --policies lora."""
    preset: Literal["tiny", "long", "paper"] = "tiny"
    """Where the defaults come from; without this flag, "paper" when --model is a directory. "long" is "tiny" for about
    an hour."""
    seed: int = 0
    """Decides weights, sampling and training tasks. Held-out tasks never depend on it."""
    roles: str = ""
    """Who plays, where the environment has the choice: "team", "single", on boards "tool-planner"; "" is what the
    trainer is made for."""
    settings: tuple[str, ...] = ()
    """Other settings of the environment, as name=value: --settings size=7 boxes=2 turns=4."""
    style: Literal["auto", "compact", "full"] = "auto"
    """Prompts: "compact" for small policies, "full" for LLMs; "auto" is what the model was made for."""

    iterations: int = 350
    """Iterations of rollout and update; of SFT, steps."""
    demos: int = 500
    """Expert episodes to imitate (RL: in the warm start), at most 1,000; 0 for none."""
    demo_noise: float = 0.5
    """Share of a demonstration's actions that are carried out as random ones."""
    demo_symmetries: bool = True
    """Show every demonstration on all rotations and reflections of its board, where the environment has such."""
    max_new_tokens: int = 0
    """Budget of one completion, its end included; 0 takes what the environment's longest useful answer needs."""

    max_prompt_tokens: int = 0
    """Budget of a prompt; 0 takes what the model leaves room for. A longer one is not read, and its answer is empty."""

    optimizer: OptimizerName = "muon"
    """"muon" for the matrices and AdamW for the rest, or AdamW for all."""
    learning_rate: float = 1e-3
    """Of Muon, or of AdamW where that is the optimiser; SFT's falls to zero over the second half."""
    minibatch_rows: int = 64
    """Per optimiser step: groups (of K completions; trainers without groups count K as one), or demonstrations."""
    max_places: int = 3072
    """Tokens (padding included) that an update encodes at once; generation caches eight times as many, as it keeps
    less of each. A bound on memory, without effect on the result."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic. "bfloat16" is mixed precision: what is trained, and its optimiser, stays float32."""
    gradient_checkpointing: bool = False
    """Keep one activation per layer for the backward pass and compute the others again: less memory, more time."""

    limit: int = 400
    """Held-out tasks (the first N of the test split) for the success before and after."""
    validation_tasks: int = 200
    """Tasks of the validation split, for the curve and for stopping the warm start."""
    eval_every: int = 25
    """Iterations between validations."""
    save_every: int = 10
    """Iterations between checkpoints."""
    keep_checkpoints: int = 2
    """Checkpoints that stay; the policies that did best on validation are in best/ beside them."""
    report_to: tuple[str, ...] = ("jsonl",)
    """Where metrics go: jsonl (always), tensorboard, wandb, trackio."""
    output_dir: str = ""
    """Folder of the run; by default runs/ENV-TRAINER-POLICIES-seedN."""
    resume: bool = False
    """Go on from the last checkpoint of the output folder."""

    def __post_init__(self) -> None:
        limits = {
            "iterations": (0, 10**6), "max_new_tokens": (0, 10**6), "max_prompt_tokens": (0, 10**7),
            "minibatch_rows": (1, 10**6), "max_places": (64, 10**9), "lora_rank": (1, 1024), "demos": (0, 1000),
            "limit": (1, 10**6), "validation_tasks": (1, 10**6), "eval_every": (1, 10**6), "save_every": (1, 10**6),
            "keep_checkpoints": (1, 10**6), "seed": (0, 2**62),
        }  # fmt: skip
        self._check_range(limits)
        if self.policies == "lora" and self.model == TINY:
            raise UsageError(
                "--policies lora adapts a model that is there: give --model, a local Hugging Face checkpoint directory "
                "(one of an earlier run with --policies shared will do)."
            )
        self._check("demo_noise", 0 <= self.demo_noise <= 1, "a share from 0 to 1")
        self._check("learning_rate", 0 < self.learning_rate < inf, "a number above 0")

    def _check(self, name: str, good: bool, allowed: str) -> None:
        if not good:
            raise UsageError(f"{flag(name)} is {getattr(self, name)!r}; it must be {allowed}.")

    def _check_range(self, limits: Mapping[str, tuple[int, int]]) -> None:
        for name, (low, high) in limits.items():
            in_range(flag(name), getattr(self, name), low, high)

    @property
    def folder(self) -> Path:
        """The run's output folder."""
        roles = f"-{self.roles}" if self.roles not in ("", self.made_for) else ""
        return Path(self.output_dir or f"runs/{self.env}-{self.trainer}{roles}-{self.policies}-seed{self.seed}")

    @property
    def keeps_start(self) -> bool:
        """Says whether the policy that training began with is kept beside the one that is trained."""
        return False

    @property
    def env_settings(self) -> dict[str, Any]:
        """The environment's settings as a dict; values are read as YAML."""
        found: dict[str, Any] = {}
        for item in self.settings:
            name, equals, value = item.partition("=")
            if not equals:
                raise UsageError(f"--settings has {item!r}; it must be name=value, e.g. size=7.")
            if name in ("style", "roles"):
                raise UsageError(f"--settings has {item!r}; {name} has a flag of its own: --{name}.")
            try:
                found[name] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise UsageError(f"--settings has {item!r}, whose value cannot be read as YAML.") from error
        return found

    def to_yaml(self) -> str:
        """Returns the settings as YAML."""
        values = {"trainer": self.trainer, **asdict(self)}
        values |= {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        return yaml.safe_dump(values, sort_keys=False)
