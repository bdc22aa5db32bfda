"""Group-relative advantages: how much better a candidate is than the others sampled from the same prompt."""

from collections.abc import Sequence
from math import sqrt


def group_advantages(rewards_K: Sequence[float | None], eps: float = 1e-6, std: bool = True) -> list[float | None]:
    """Returns (r - mean) / (std + eps) inside one group (paper section 4, as in GRPO).

    Failed candidates (None) stay None and count in neither mean nor standard deviation (the biased one, over the
    group itself). A group whose rewards are all equal gives exact zeros. Without `std`, only the mean is taken off.
    """
    known = [r for r in rewards_K if r is not None]
    if not known or min(known) == max(known):
        return [None if r is None else 0.0 for r in rewards_K]
    mean = sum(known) / len(known)
    scale = sqrt(sum((r - mean) ** 2 for r in known) / len(known)) + eps if std else 1.0
    return [None if r is None else (r - mean) / scale for r in rewards_K]
