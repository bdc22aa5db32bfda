"""What PPO needs beside a policy: a critic, generalised advantage estimation and the clipped value loss.

PPO is arXiv 1707.06347, the estimator arXiv 1506.02438, and their use on language models arXiv 2203.02155.
"""

from collections.abc import Sequence
from random import Random
from typing import Protocol

import torch

from trainers.rl.batch import Batch, Row
from trainers.rl.update import Optimizer, Trainable, batches, dealt


class Values(Protocol):
    """The part of a critic that is trained here."""

    def values(self, batch: Batch) -> torch.Tensor:
        """Returns what is expected to come, before each response token, with gradients, shape (N,)."""
        ...


def gae(
    rewards_T: Sequence[float], values_T: Sequence[float], gamma: float = 1.0, lam: float = 0.95
) -> tuple[list[float], list[float]]:
    """Returns each token's advantage and return (advantage + value) along one line of tokens.

    A_t = sum over l of (gamma lam)^l delta_{t+l}, delta_t = r_t + gamma V_{t+1} - V_t; after the last token V is 0.
    """
    advantages, following, after = [0.0] * len(rewards_T), 0.0, 0.0
    for t in reversed(range(len(rewards_T))):
        following = rewards_T[t] + gamma * after - values_T[t] + gamma * lam * following
        advantages[t], after = following, values_T[t]
    return advantages, [advantage + value for advantage, value in zip(advantages, values_T, strict=True)]


def value_loss(values_N: torch.Tensor, batch: Batch, clip: float) -> torch.Tensor:
    """Returns half the mean squared error to the returns, of the worse of the value and its move cut to +- clip."""
    clipped_N = batch.values_N + (values_N - batch.values_N).clamp(-clip, clip)
    worse_N = torch.maximum((values_N - batch.returns_N) ** 2, (clipped_N - batch.returns_N) ** 2)
    return 0.5 * (batch.weights_N * worse_N).sum() / batch.weights_N.sum()


def update_critic(
    critic: Values,
    policy: Trainable,
    optimizer: Optimizer,
    rows: Sequence[Row],
    clip: float,
    shuffler: Random,
    minibatch_samples: int,
    max_places: int,
    scale: float = 1.0,
    epochs: int = 1,
) -> dict[str, float]:
    """Fits the critic to the rows' returns; returns its mean loss, and the share of the returns' variance explained.

    That share (1 - variance of what is missed / variance of the returns, 0 where the returns do not vary) is of the
    values before the update.
    """
    sums, steps = 0.0, 0
    for part in dealt(rows, minibatch_samples, shuffler, epochs):
        total, steps = sum(row.trained_tokens for row in part), steps + 1
        for some, batch in batches(policy, part, max_places):
            loss = value_loss(critic.values(batch), batch, clip) * (sum(row.trained_tokens for row in some) / total)
            loss.backward()  # pyright: ignore[reportUnknownMemberType] (torch leaves it partly untyped)
            sums += loss.item()
        optimizer.step(scale, 1.0)
    old = torch.tensor([v for row in rows for branch in row.branches for v in branch.values])
    came = torch.tensor([r for row in rows for branch in row.branches for r in branch.returns])
    spread = came.var().item() if len(came) > 1 else 0.0
    explained = 1 - (came - old).var().item() / spread if spread > 1e-8 else 0.0
    return {"value_loss": sums / steps, "explained_variance": explained}
