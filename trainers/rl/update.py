"""One policy's optimiser and its update from a list of rows: minibatches, gradient accumulation, clipping."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any, Literal, Protocol

import torch

from mas_envs.core.errors import MasEnvsError
from trainers.rl.batch import Batch, Row, collate, split, within
from trainers.rl.loss import LossConfig, imitation_loss, policy_loss

OptimizerName = Literal["adamw", "muon"]


class TrainingError(MasEnvsError, RuntimeError):
    """Training cannot go on: the loss or a gradient is no finite number."""


class Trainable(Protocol):
    """The part of a policy that an update needs."""

    pad: int
    bidirectional_prompt: bool

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        ...

    def logprobs(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns log-probability and entropy of each response token."""
        ...

    def reference_logprobs(self, batch: Batch) -> torch.Tensor | None:
        """Returns each response token's log-probability under the policy before RL, or None where none is kept."""
        ...


class Optimizer:
    """AdamW for everything, or Muon for the matrices and AdamW for embeddings, output head, norms and biases.

    Args:
        model: whose weights are trained; `only` those, where it is given.
        lr: AdamW's learning rate, or Muon's; with Muon, AdamW takes `lr * adamw_share`.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        name: OptimizerName,
        lr: float,
        adamw_share: float = 0.5,
        only: Iterable[torch.nn.Parameter] | None = None,
    ):
        trained = list(model.parameters() if only is None else only)
        ends = [m for m in model.modules() if isinstance(m, torch.nn.Embedding)]
        ends += [head] if (head := getattr(model, "get_output_embeddings", lambda: None)()) is not None else []
        words = {id(p) for m in ends for p in m.parameters()}
        matrices = [p for p in trained if p.ndim == 2 and id(p) not in words and name == "muon"]
        chosen = {id(p) for p in matrices}
        rest = [p for p in trained if id(p) not in chosen]
        adamw_lr = lr * adamw_share if name == "muon" else lr
        self.parts: list[torch.optim.Optimizer] = []
        if rest:
            self.parts.append(torch.optim.AdamW(rest, adamw_lr, betas=(0.9, 0.99), weight_decay=0))
        if matrices:
            self.parts.append(torch.optim.Muon(matrices, lr, weight_decay=0))
        self.base_lrs = [[group["lr"] for group in part.param_groups] for part in self.parts]
        self.parameters = [p for part in self.parts for group in part.param_groups for p in group["params"]]

    def step(self, scale: float, max_norm: float) -> float:
        """Clips the gradients to a total norm, steps at `scale` times the learning rate; returns the norm before."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, max_norm).item()
        if norm != norm or norm == float("inf"):
            raise TrainingError(
                f"The gradient's norm is {norm}: training went off. "
                "Start another run with a lower --learning-rate (of PPO's critic: --critic-rate)."
            )
        for part, base in zip(self.parts, self.base_lrs, strict=True):
            for group, lr in zip(part.param_groups, base, strict=True):
                group["lr"] = lr * scale
            part.step()
            part.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> list[dict[str, Any]]:
        """Returns the state of all parts."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, state: Sequence[dict[str, Any]]) -> None:
        """Restores what `state_dict` returned."""
        for part, saved in zip(self.parts, state, strict=True):
            part.load_state_dict(saved)


def update(
    policy: Trainable,
    optimizer: Optimizer,
    rows: Sequence[Row],
    config: LossConfig,
    shuffler: Random,
    minibatch_samples: int,
    max_places: int,
    scale: float = 1.0,
    max_norm: float = 1.0,
    epochs: int = 1,
) -> dict[str, float]:
    """Makes one optimiser step per minibatch of rows, `epochs` times; returns metrics averaged over the steps.

    The rows are shuffled, for every epoch anew, and dealt into minibatches of about `minibatch_samples` completions.
    Inside a minibatch rows of alike length are encoded together, at most `max_places` places at once; gradients add
    up to exactly those of the whole minibatch, each part counting by its share of the tokens.
    """
    sums: dict[str, float] = {}
    steps = 0
    for part in dealt(rows, minibatch_samples, shuffler, epochs):
        steps += 1
        for name, value in _accumulate(policy, part, config, max_places).items():
            sums[name] = sums.get(name, 0.0) + value
        sums["grad_norm"] = sums.get("grad_norm", 0.0) + optimizer.step(scale, max_norm)
    return {name: value / steps for name, value in sums.items()} | {"optimizer_steps": float(steps)}


@torch.no_grad()
def divergence(policy: Trainable, rows: Sequence[Row], max_places: int) -> float:
    """Returns the k3 estimate of the KL divergence per token, on some rows, from the policy before RL."""
    total, tokens = 0.0, 0.0
    for _, batch in batches(policy, rows, max_places):
        reference_N = policy.reference_logprobs(batch)
        if reference_N is not None:
            log_ratio_N = reference_N - policy.logprobs(batch)[0]
            total += (batch.weights_N * (log_ratio_N.exp() - 1 - log_ratio_N)).sum().item()
            tokens += batch.weights_N.sum().item()
    return total / max(1.0, tokens)


def dealt(rows: Sequence[Row], minibatch_samples: int, shuffler: Random, epochs: int) -> Iterator[list[Row]]:
    """Yields all rows in shuffled minibatches, `epochs` times.

    Minibatches are counted in samples, not in rows: a row is one prompt, and how many completions share one depends on
    the trainer. All have about the same number.
    """
    total = sum(row.samples for row in rows)
    steps = max(1, round(total / minibatch_samples))
    for _ in range(epochs):
        order = list(rows)
        shuffler.shuffle(order)
        parts: list[list[Row]] = [[] for _ in range(steps)]
        before = 0.0
        for row in order:
            parts[min(steps - 1, int((before + row.samples / 2) * steps / total))].append(row)
            before += row.samples
        yield from (part for part in parts if part)


def _accumulate(policy: Trainable, rows: Sequence[Row], config: LossConfig, max_places: int) -> dict[str, float]:
    total = sum(_weight(row, config) for row in rows)
    sums: dict[str, float] = {}
    for part, batch in batches(policy, rows, max_places):
        share = sum(_weight(row, config) for row in part) / total
        reference = policy.reference_logprobs(batch) if config.kl else None
        loss, metrics = policy_loss(*policy.logprobs(batch), batch, config, reference)
        (loss * share).backward()  # pyright: ignore[reportUnknownMemberType] (torch leaves it partly untyped)
        for name, value in metrics.items():
            sums[name] = sums.get(name, 0.0) + value * share
    return sums


def _weight(row: Row, config: LossConfig) -> float:
    return row.trained_tokens if config.normalise == "token" else row.samples


def imitate(
    policy: Trainable, optimizer: Optimizer, rows: Sequence[Row], max_places: int, scale: float, max_norm: float = 1.0
) -> float:
    """Makes one supervised step on the rows' branches; returns the mean loss per token before it."""
    total = sum(row.trained_tokens for row in rows)
    mean = 0.0
    for part, batch in batches(policy, rows, max_places):
        share = sum(row.trained_tokens for row in part) / total
        loss = imitation_loss(policy.logprobs(batch)[0], batch) * share
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        mean += loss.item()
    optimizer.step(scale, max_norm)
    return mean


def batches(policy: Trainable, rows: Sequence[Row], max_places: int) -> Iterator[tuple[list[Row], Batch]]:
    """Yields rows of alike length with their tensors, at most `max_places` places at once.

    A row that is longer comes in several (see `split`).
    """
    short = [part for row in rows for part in split(row, max_places)]
    for part in within(sorted(short, key=lambda row: row.length), lambda row: row.length, max_places):
        yield part, collate(part, policy.pad, policy.device, policy.bidirectional_prompt)
