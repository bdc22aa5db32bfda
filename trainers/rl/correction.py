"""Importance correction: what to do where the sampler's log-probabilities are not the trainer's.

An inference engine computes a token's probability by other kernels, often in another precision, so that what looks
like on-policy learning is not quite. Truncated importance sampling (Ionides 2008; for this purpose Yao et al. 2025,
"Your Efficient RL Framework Secretly Brings You Off-Policy RL Training") weighs every token by

    w = min(cap, pi_trainer(token) / pi_sampler(token)),    both before this iteration's update

and takes the clipped ratio of the loss between the trainer's own probabilities. w is positive, so that it can stand
inside both sides of the loss's minimum: it multiplies the advantage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import torch

from trainers.rl.batch import Branch, Row
from trainers.rl.update import Trainable, batches


@torch.no_grad()
def corrected(
    policy: Trainable, rows: Sequence[Row], cap: float | None, max_places: int
) -> tuple[list[Row], dict[str, float]]:
    """Returns the rows with the trainer's log-probabilities and weighed advantages, and how far the two are apart.

    The metrics, over tokens (a merged sample counts as all that it stands for): sampler_gap, the mean of
    |log pi_trainer - log pi_sampler| in nats; sampler_gap_max; importance, the mean of w.

    Args:
        policy: as it sampled, not yet updated.
        cap: above 0. None only measures: the rows are as they were, and there is no `importance`.
        max_places: bounds the memory, see `update`.
    """
    done: dict[int, Branch] = {}  # by the branch as it was: rows may come in pieces
    gap, widest, weight, tokens = 0.0, 0.0, 0.0, 0.0
    for part, batch in batches(policy, rows, max_places):
        own_N = policy.logprobs(batch)[0]
        apart_N = own_N - batch.logprobs_N
        gap += (batch.weights_N * apart_N.abs()).sum().item()
        widest = max(widest, apart_N.abs().max().item())
        tokens += batch.weights_N.sum().item()
        if cap is not None:
            w_N = apart_N.exp().clamp(max=cap)
            weight += (batch.weights_N * w_N).sum().item()
            each = _floats(own_N), _floats(w_N)
            done |= {id(branch): _weighed(branch, *each) for row in part for branch in row.branches}
    found = {"sampler_gap": gap / tokens, "sampler_gap_max": widest}
    if cap is None:
        return list(rows), found
    again = [replace(row, branches=tuple(done[id(branch)] for branch in row.branches)) for row in rows]
    return again, found | {"importance": weight / tokens}


def _weighed(branch: Branch, own: Iterator[float], weights: Iterator[float]) -> Branch:
    n = len(branch.tokens)
    advantages = tuple(a * w for a, w in zip(branch.advantages, islice(weights, n), strict=True))
    return replace(branch, logprobs=tuple(islice(own, n)), advantage=advantages)


def _floats(values_N: torch.Tensor) -> Iterator[float]:
    floats: Any = values_N.tolist()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return iter(floats)
