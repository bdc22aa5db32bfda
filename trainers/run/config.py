"""The settings of a run: one flat frozen dataclass, its presets, and reading it from the command line."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import inf, isfinite
from pathlib import Path
from typing import Any, Literal

import tyro
import yaml

from mas_envs.core.errors import UsageError, in_range
from trainers.rl.update import OptimizerName

TINY = "tiny"


@dataclass(frozen=True)
class Config:
    """AT-GRPO: trains a team of language-model agents with agent- and turn-wise grouped GRPO."""

    env: str
    """Registered environment, e.g. sokoban or plan_path; has to be given."""
    model: str = TINY
    """"tiny" for the embedded policy, or a local Hugging Face checkpoint directory."""
    policies: Literal["shared", "per-role"] = "shared"
    """One policy for all roles, or one per role (full weights each)."""
    preset: Literal["tiny", "paper"] = "tiny"
    """Where the defaults come from; without this flag, "paper" when --model is a directory."""
    seed: int = 0
    """Decides weights, sampling and training tasks. Held-out tasks never depend on it."""
    settings: tuple[str, ...] = ()
    """Settings of the environment, as name=value: --settings size=7 boxes=2 turns=4."""
    style: Literal["auto", "compact", "full"] = "auto"
    """Prompts: "compact" for small policies, "full" for LLMs; "auto" is what the model was made for."""

    iterations: int = 350
    """Iterations of rollout and update."""
    tasks_per_iteration: int = 64
    """Fresh training tasks per iteration."""
    num_generations: int = 16
    """K, candidates sampled from each prompt."""
    best_share: float = 0.5
    """How often the episode goes on from the best candidate; else from a random one. 1 in the paper."""
    alpha: float = 1.0
    """Weight of the team reward: r = alpha * team + local."""
    temperature: float = 1.0
    """Of sampling in training. Evaluation is greedy."""
    max_new_tokens: int = 0
    """Budget of one completion, its end included; 0 takes what the environment's longest useful answer needs."""

    optimizer: OptimizerName = "muon"
    """"muon" for the matrices and AdamW for the rest, or AdamW for all."""
    learning_rate: float = 1e-3
    """Of Muon, or of AdamW where that is the optimiser."""
    minibatch_rows: int = 64
    """Groups per optimiser step."""
    max_places: int = 3072
    """Tokens (padding included) encoded at once: a bound on memory, without effect on the result."""
    advantage_eps: float = 0.2
    """Added to a group's standard deviation."""
    advantage_std: bool = True
    """Divide by the group's standard deviation."""
    normalise: Literal["token", "sequence"] = "token"
    """Average the loss over all tokens, or over each completion's tokens first."""
    clip_low: float = 0.2
    """The ratio is clipped from below at 1 - this."""
    clip_high: float = 0.28
    """The ratio is clipped from above at 1 + this."""
    entropy: float = 0.01
    """Weight of the entropy bonus."""

    demos: int = 500
    """Expert episodes of the warm start, at most 1,000; 0 for none."""
    demo_noise: float = 0.5
    """Share of a demonstration's actions that are carried out as random ones."""
    warm_start_steps: int = 200
    """Supervised steps, of which the weights that are best on validation stay."""
    warm_start_rate: float = 4e-3
    """Learning rate of the warm start, falling to zero over its second half."""
    control: bool = True
    """Train a second copy on the demonstrations for as long as RL takes, for comparison (a second process)."""

    limit: int = 400
    """Held-out tasks (the first N of the test split) for the success before and after."""
    validation_tasks: int = 200
    """Tasks of the validation split, for the curve and for stopping the warm start."""
    eval_every: int = 25
    """Iterations between validations."""
    save_every: int = 10
    """Iterations between checkpoints."""
    output_dir: str = ""
    """Folder of the run; by default runs/ENV-POLICIES-seedN."""
    resume: bool = False
    """Go on from the last checkpoint of the output folder."""

    def __post_init__(self) -> None:
        limits = {
            "iterations": (0, 10**6), "tasks_per_iteration": (1, 10**5), "num_generations": (2, 1024),
            "max_new_tokens": (0, 10**6), "minibatch_rows": (1, 10**6), "max_places": (64, 10**9),
            "demos": (0, 1000), "warm_start_steps": (1, 10**6), "limit": (1, 10**6),
            "validation_tasks": (1, 10**6), "eval_every": (1, 10**6), "save_every": (1, 10**6),
            "seed": (0, 2**62),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            in_range(_flag(name), getattr(self, name), low, high)
        for name in ("best_share", "demo_noise"):
            self._check(name, 0 <= getattr(self, name) <= 1, "a share from 0 to 1")
        for name in ("learning_rate", "warm_start_rate", "temperature"):
            self._check(name, 0 < getattr(self, name) < inf, "a number above 0")
        for name in ("clip_low", "clip_high", "entropy", "advantage_eps"):
            self._check(name, 0 <= getattr(self, name) < inf, "a number of at least 0")
        self._check("alpha", isfinite(self.alpha), "a number")

    def _check(self, name: str, good: bool, allowed: str) -> None:
        if not good:
            raise UsageError(f"{_flag(name)} is {getattr(self, name)!r}; it must be {allowed}.")

    @property
    def folder(self) -> Path:
        """The run's output folder."""
        return Path(self.output_dir or f"runs/{self.env}-{self.policies}-seed{self.seed}")

    @property
    def env_settings(self) -> dict[str, Any]:
        """The environment's settings as a dict; values are read as YAML."""
        found: dict[str, Any] = {}
        for item in self.settings:
            name, equals, value = item.partition("=")
            if not equals:
                raise UsageError(f"--settings has {item!r}; it must be name=value, e.g. size=7.")
            if name == "style":
                raise UsageError(f"--settings has {item!r}; the prompt style has a flag of its own: --style.")
            try:
                found[name] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise UsageError(f"--settings has {item!r}, whose value cannot be read as YAML.") from error
        return found

    def to_yaml(self) -> str:
        """Returns the settings as YAML."""
        values = {**asdict(self), "settings": list(self.settings)}
        return yaml.safe_dump(values, sort_keys=False)


# What the paper says (K, T through the environment, alpha, tree from the best) is the paper's; what it leaves open
# (batch, learning rate, clipping) is the published code's or GRPO's usual.
_PAPER: dict[str, Any] = {
    "preset": "paper", "iterations": 150, "tasks_per_iteration": 32, "num_generations": 4, "best_share": 1.0,
    "max_new_tokens": 2048, "optimizer": "adamw", "learning_rate": 1e-6, "max_places": 32_768,
    "advantage_eps": 1e-6, "clip_high": 0.2, "entropy": 0.0, "demos": 0, "control": False,
}  # fmt: skip

# What of --preset tiny suits one environment better than the defaults above: a run of it ends within 15 minutes.
_TINY: dict[str, dict[str, Any]] = {"plan_path": {"iterations": 120}}


def parse(argv: Sequence[str]) -> Config:
    """Returns the configuration that a command line asks for; raises UsageError for values that are not allowed."""
    preset = _value(argv, "preset") or ("paper" if _value(argv, "model") not in ("", TINY) else "tiny")
    default = Config(env="", **(_PAPER if preset == "paper" else _TINY.get(_value(argv, "env"), {})))
    # tyro takes a default of "" for given; the environment has to be named.
    if not _value(argv, "env") and not {"-h", "--help"} & set(argv):
        raise UsageError("Which environment? Give --env, e.g. --env sokoban; mas_envs.registered() lists them.")
    return tyro.cli(Config, args=list(argv), default=default, prog="python -m trainers.atgrpo")


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
        return Config(**{**values, "settings": tuple(values["settings"])})
    except (OSError, TypeError, KeyError, yaml.YAMLError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{path} cannot be read as a configuration ({reason}). Start the run anew.") from error


def check_same(saved: Config, given: Config) -> None:
    """Raises UsageError where a resumed run was started with other settings (more iterations are allowed)."""
    free = {"resume": given.resume, "iterations": given.iterations, "output_dir": given.output_dir}
    was = replace(saved, **free)
    for field in fields(Config):
        old, new = getattr(was, field.name), getattr(given, field.name)
        if old != new:
            raise UsageError(
                f"The run was started with {_flag(field.name)} {old!r}, not {new!r}. "
                "Resume with the same settings, or start another run with another --output-dir."
            )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
