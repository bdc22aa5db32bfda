"""The settings of a run: one flat frozen dataclass, its presets, and reading it from the command line."""

from dataclasses import asdict, dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from mas_envs.core.errors import UsageError, in_range
from trainers.rl.advantage import GroupBy
from trainers.rl.loss import LossConfig
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

    env: str
    """Registered environment, e.g. sokoban or plan_path; has to be given."""
    model: str = TINY
    """"tiny" for the embedded policy, or a local Hugging Face checkpoint directory."""
    policies: Literal["shared", "per-role", "lora"] = "shared"
    """One policy for all roles, one per role (full weights each), or one --model with a LoRA adapter per role."""
    lora_rank: int = 16
    """Rank of the adapters of --policies lora."""
    preset: Literal["tiny", "paper"] = "tiny"
    """Where the defaults come from; without this flag, "paper" when --model is a directory."""
    seed: int = 0
    """Decides weights, sampling and training tasks. Held-out tasks never depend on it."""
    roles: str = ""
    """Who plays, where the environment has the choice: "team" or "single"; "" is what the trainer is made for."""
    settings: tuple[str, ...] = ()
    """Other settings of the environment, as name=value: --settings size=7 boxes=2 turns=4."""
    style: Literal["auto", "compact", "full"] = "auto"
    """Prompts: "compact" for small policies, "full" for LLMs; "auto" is what the model was made for."""

    iterations: int = 350
    """Iterations of rollout and update."""
    tasks_per_iteration: int = 64
    """Fresh training tasks per iteration."""
    num_generations: int = 16
    """K: candidates sampled from each prompt, or episodes played of each task."""
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
    """Groups (of K completions) per optimiser step; trainers without groups count K completions as one."""
    epochs: int = 1
    """Passes over each iteration's samples."""
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
    kl: float = 0.0
    """Weight of the k3 estimate of the KL divergence from the policy before RL; 0 keeps no copy of that."""

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
            "iterations": (0, 10**6), "tasks_per_iteration": (1, 10**5), "num_generations": (1, 1024),
            "max_new_tokens": (0, 10**6), "minibatch_rows": (1, 10**6), "epochs": (1, 100), "max_places": (64, 10**9),
            "lora_rank": (1, 1024), "demos": (0, 1000), "warm_start_steps": (1, 10**6), "limit": (1, 10**6),
            "validation_tasks": (1, 10**6), "eval_every": (1, 10**6), "save_every": (1, 10**6),
            "keep_checkpoints": (1, 10**6), "seed": (0, 2**62),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            in_range(flag(name), getattr(self, name), low, high)
        if self.policies == "lora" and self.model == TINY:
            raise UsageError(
                "--policies lora adapts a model that is there: give --model, a local Hugging Face checkpoint directory "
                "(one of an earlier run with --policies shared will do)."
            )
        self._check("demo_noise", 0 <= self.demo_noise <= 1, "a share from 0 to 1")
        for name in ("learning_rate", "warm_start_rate", "temperature"):
            self._check(name, 0 < getattr(self, name) < inf, "a number above 0")
        for name in ("clip_low", "clip_high", "entropy", "kl", "advantage_eps"):
            self._check(name, 0 <= getattr(self, name) < inf, "a number of at least 0")
        self._check("alpha", isfinite(self.alpha), "a number")

    def _check(self, name: str, good: bool, allowed: str) -> None:
        if not good:
            raise UsageError(f"{flag(name)} is {getattr(self, name)!r}; it must be {allowed}.")

    @property
    def folder(self) -> Path:
        """The run's output folder."""
        roles = f"-{self.roles}" if self.roles not in ("", self.made_for) else ""
        return Path(self.output_dir or f"runs/{self.env}-{self.trainer}{roles}-{self.policies}-seed{self.seed}")

    @property
    def minibatch_samples(self) -> int:
        """Completions per optimiser step."""
        return self.minibatch_rows * self.num_generations

    @property
    def loss(self) -> LossConfig:
        """The loss that these settings ask for."""
        return LossConfig(self.clip_low, self.clip_high, self.entropy, self.normalise, self.kl)

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


@dataclass(frozen=True)
class ATGRPO(Config):
    """AT-GRPO: trains a team of language-model agents with agent- and turn-wise grouped GRPO."""

    trainer = "atgrpo"
    title = "AT-GRPO"

    best_share: float = 0.5
    """How often the episode goes on from the best candidate; else from a random one. 1 in the paper."""
    group_by: GroupBy = "agent-turn"
    """Which candidates of a task are compared: of one agent at one turn (the paper's), or of a larger group."""
    resample: int = 0
    """Rollouts of further tasks at most, until as many groups differ in reward as the first rollout has groups."""

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("--resample", self.resample, 0, 100)
        in_range("--num-generations", self.num_generations, 2, 1024)
        self._check("best_share", 0 <= self.best_share <= 1, "a share from 0 to 1")


@dataclass(frozen=True)
class GRPO(Config):
    """GRPO: compares whole episodes; of a single agent (the default) or of a team."""

    trainer = "grpo"
    title = "GRPO"
    made_for = "single"

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("--num-generations", self.num_generations, 2, 1024)


@dataclass(frozen=True)
class Reinforce(Config):
    """REINFORCE: each completion's return from there on, less the mean of the others by that agent at that turn."""

    trainer = "reinforce"
    title = "REINFORCE"
    made_for = "single"


@dataclass(frozen=True)
class PPO(Config):
    """PPO as in RLHF, with the environment as the reward function and a critic for each policy."""

    trainer = "ppo"
    title = "PPO"
    made_for = "single"

    epochs: int = 2
    """Passes over each iteration's samples."""
    kl: float = 0.02
    """Price, in reward per token, of the log-probability ratio to the policy before RL; 0 keeps no copy of that."""
    critic_rate: float = 1e-3
    """Learning rate of the critic."""
    value_clip: float = 0.2
    """A value that moves further than this from what it was gains nothing by it."""
    gamma: float = 1.0
    """Discount, per token."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("gamma", "gae_lambda"):
            self._check(name, 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        for name in ("critic_rate", "value_clip"):
            self._check(name, 0 < getattr(self, name) < inf, "a number above 0")

    @property
    def loss(self) -> LossConfig:
        """The loss of the policy; the price of leaving the start is in the rewards."""
        return replace(super().loss, kl=0.0)


CONFIGS: dict[str, type[Config]] = {config.trainer: config for config in (ATGRPO, GRPO, Reinforce, PPO)}
