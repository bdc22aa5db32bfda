"""The policy loss: the clipped ratio, token by token, and the numbers that say whether training is healthy."""

from dataclasses import dataclass
from typing import Literal

import torch

from trainers.rl.batch import Batch


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Which variant of the clipped loss is used. The defaults are GRPO's, as in the paper.

    clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high] (asymmetric: "clip-higher").
    entropy: weight of the entropy bonus.
    normalise: "token" averages over all tokens of the minibatch, "sequence" first over each completion's tokens.
    kl: weight of the divergence from a reference policy, by the k3 estimator ((1/x) - 1 + log x, as in GRPO; 0 in
        the paper).
    """

    clip_low: float = 0.2
    clip_high: float = 0.2
    entropy: float = 0.0
    normalise: Literal["token", "sequence"] = "token"
    kl: float = 0.0


def policy_loss(
    logprobs_N: torch.Tensor,
    entropy_N: torch.Tensor,
    batch: Batch,
    config: LossConfig,
    reference_N: torch.Tensor | None = None,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Returns the loss (to be minimised) and metrics: ratio, clip_fraction, kl (k3, against the sampler), entropy.

    Each token's term is min(rho A, clip(rho) A), rho the ratio of its probability now to when it was sampled.
    With the reference policy's log-probabilities, `config.kl` times the divergence from it is added, and the metric
    kl_reference.
    """
    share_N = batch.weights_N if config.normalise == "token" else batch.weights_N / batch.lengths_N
    share_N = share_N / share_N.sum()
    log_ratio_N = logprobs_N - batch.logprobs_N
    ratio_N = log_ratio_N.exp()
    clipped_N = ratio_N.clamp(1 - config.clip_low, 1 + config.clip_high)
    surrogate_N = torch.minimum(ratio_N * batch.advantages_N, clipped_N * batch.advantages_N)
    loss = -(share_N * surrogate_N).sum() - config.entropy * (share_N * entropy_N).sum()
    with torch.no_grad():
        metrics = {
            "loss": loss.item(),
            "ratio": (share_N * ratio_N).sum().item(),
            "clip_fraction": (share_N * (ratio_N != clipped_N)).sum().item(),
            "kl": (share_N * (ratio_N - 1 - log_ratio_N)).sum().item(),
            "entropy": (share_N * entropy_N).sum().item(),
        }
    if reference_N is not None:
        k3_N = (reference_N - logprobs_N).exp() - 1 - (reference_N - logprobs_N)
        divergence = (share_N * k3_N).sum()
        loss = loss + config.kl * divergence
        metrics |= {"loss": loss.item(), "kl_reference": divergence.item()}
    return loss, metrics


def imitation_loss(logprobs_N: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Returns the mean negative log-likelihood of the branches' tokens: the supervised warm start."""
    return -(batch.weights_N * logprobs_N).sum() / batch.weights_N.sum()
