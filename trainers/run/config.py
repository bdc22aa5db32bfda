"""The settings of a run: what reinforcement learning takes, what each trainer has of its own, and all by name."""

from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import ClassVar, Literal

from mas_envs.core.errors import UsageError
from trainers.rl.advantage import GroupBy
from trainers.rl.loss import LossConfig
from trainers.run.base_config import TINY, Config


@dataclass(frozen=True)
class RL(Config):
    """What every trainer takes that learns from rewards."""

    tasks_per_iteration: int = 64
    """Fresh training tasks per iteration."""
    num_generations: int = 16
    """K: candidates sampled from each prompt, or episodes played of each task."""
    alpha: float = 1.0
    """Weight of the team reward: r = alpha * team + local."""
    temperature: float = 1.0
    """Of sampling in training. Evaluation is greedy."""
    epochs: int = 1
    """Passes over each iteration's samples."""
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

    warm_start_steps: int = 200
    """Supervised steps on the demonstrations, of which the weights that are best on validation stay."""
    warm_start_rate: float = 4e-3
    """Learning rate of the warm start, falling to zero over its second half."""
    control: bool = True
    """Train a second copy on the demonstrations for as long as RL takes, for comparison (a second process)."""

    rollout: str = "auto"
    """What samples: hf (the model's own code), vllm, or server:URL; "auto" is vllm on a GPU that has it, else hf."""
    rollout_memory: float = 0.4
    """Share of a GPU's memory for the engines of --rollout vllm; training needs the rest."""
    importance_cap: float | None = None
    """Truncated importance sampling: weigh tokens by the trainer's probability over the sampler's, up to this."""

    def __post_init__(self) -> None:
        super().__post_init__()
        limits = {"tasks_per_iteration": (1, 10**5), "epochs": (1, 100), "warm_start_steps": (1, 10**6)}
        self._check_range({**limits, "num_generations": (1, 1024)})
        for name in ("warm_start_rate", "temperature"):
            self._check(name, 0 < getattr(self, name) < inf, "a number above 0")
        for name in ("clip_low", "clip_high", "entropy", "kl"):
            self._check(name, 0 <= getattr(self, name) < inf, "a number of at least 0")
        self._check("alpha", isfinite(self.alpha), "a number")
        server = self.rollout.startswith("server:")
        self._check("rollout", server or self.rollout in ("auto", "hf", "vllm"), "auto, hf, vllm or server:URL")
        if server and self.model == TINY:
            raise UsageError("--rollout server:URL needs --model: the checkpoint directory that the server runs.")
        self._check("rollout_memory", 0 < self.rollout_memory < 1, "a share between 0 and 1")
        cap = self.importance_cap
        self._check("importance_cap", cap is None or cap > 0, "a number above 0, or None")

    @property
    def keeps_start(self) -> bool:
        """Says whether the policy that RL began with is kept: where that is asked for, or costs nothing."""
        return self.kl > 0 or self.model == TINY

    @property
    def minibatch_samples(self) -> int:
        """Completions per optimiser step."""
        return self.minibatch_rows * self.num_generations

    @property
    def loss(self) -> LossConfig:
        """The loss that these settings ask for."""
        return LossConfig(self.clip_low, self.clip_high, self.entropy, self.normalise, self.kl)


@dataclass(frozen=True)
class Grouped(RL):
    """What those take that compare the rewards of a group."""

    advantage_eps: float = 0.2
    """Added to a group's standard deviation."""
    advantage_std: bool = True
    """Divide by the group's standard deviation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_range({"num_generations": (2, 1024)})
        self._check("advantage_eps", 0 <= self.advantage_eps < inf, "a number of at least 0")


@dataclass(frozen=True)
class ATGRPO(Grouped):
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
        self._check_range({"resample": (0, 100)})
        self._check("best_share", 0 <= self.best_share <= 1, "a share from 0 to 1")


@dataclass(frozen=True)
class GRPO(Grouped):
    """GRPO: compares whole episodes; of a single agent (the default) or of a team."""

    trainer = "grpo"
    title = "GRPO"
    made_for = "single"


@dataclass(frozen=True)
class Reinforce(RL):
    """REINFORCE: each completion's return from there on, less the mean of the others by that agent at that turn."""

    trainer = "reinforce"
    title = "REINFORCE"
    made_for = "single"


@dataclass(frozen=True)
class PPO(RL):
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


@dataclass(frozen=True)
class SFT(Config):
    """SFT: supervised steps on what experts do, or on what was recorded."""

    trainer = "sft"
    title = "SFT"
    presets: ClassVar = {
        "tiny": {"iterations": 400, "learning_rate": 4e-3},
        "paper": {"iterations": 400, "learning_rate": 1e-5, "demos": 500},
    }

    episodes: tuple[str, ...] = ()
    """Folders of recorded episodes (entries of benchmarks.evaluate) to imitate instead of --demos."""
    successful_only: bool = True
    """Leave out recorded episodes that did not succeed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for folder in self.episodes:
            self._check("episodes", (Path(folder) / "entry.json").is_file(), "folders that benchmarks.evaluate wrote")


CONFIGS: dict[str, type[Config]] = {config.trainer: config for config in (ATGRPO, GRPO, Reinforce, PPO, SFT)}
