"""Warning signs: numbers that leave their range before the reward shows that training is going wrong.

docs/metrics.md explains each, and what to do.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Range(NamedTuple):
    """Where a metric should be, and what a value outside says."""

    low: float
    high: float
    says: str


RANGES = {
    "entropy": Range(0.01, 5.0, "the policy hardly varies (or writes noise): raise --entropy or --temperature"),
    "kl": Range(-0.001, 0.1, "the policy moved far within one iteration: lower --learning-rate"),
    "kl_start": Range(-0.001, 10.0, "the policy is far from where RL began: give --kl, or lower --learning-rate"),
    "clip_fraction": Range(0.0, 0.3, "many tokens are clipped: lower --learning-rate or --epochs"),
    "sampler_gap": Range(
        0.0, 0.05, "the sampler's probabilities are not the trainer's: give --importance-cap 2, or see to its weights"
    ),
    "sampler_gap_max": Range(0.0, 5.0, "a token is far likelier to the sampler or to the trainer: as for sampler_gap"),
    "grad_norm": Range(0.0, 100.0, "gradients are large: lower --learning-rate"),
    "constant_share": Range(0.0, 0.95, "most groups teach nothing: raise --num-generations or --temperature"),
    "cut_share": Range(0.0, 0.25, "many completions are cut: raise --max-new-tokens"),
    "unread_share": Range(0.0, 0.02, "prompts are longer than their budget: raise --max-prompt-tokens, or fewer turns"),
    "invalid_share": Range(
        0.0, 0.75, "most actions cannot be read or are illegal: start from a better model, or --demos"
    ),
    "masked_share": Range(
        0.0, 0.05, "the infrastructure fails often: look at its messages; these samples are left out"
    ),
}


class Health:
    """Says once when a metric leaves its range, and again when it comes back and leaves it anew."""

    def __init__(self) -> None:
        self._outside: set[str] = set()

    def warnings(self, record: Mapping[str, Any]) -> list[str]:
        """Returns what there is to say about an iteration's record, a policy's own metrics (nested) included."""
        found = {name: value for name, value in record.items() if name in RANGES}
        for policy, metrics in record.items():
            if isinstance(metrics, Mapping):
                found |= {f"{policy} {name}": value for name, value in metrics.items() if name in RANGES}
        lines: list[str] = []
        for name, value in found.items():
            low, high, says = RANGES[name.rpartition(" ")[2]]
            if low <= value <= high:
                self._outside.discard(name)
            elif name not in self._outside:
                self._outside.add(name)
                lines.append(f"warning: {name} is {value:.4g}, outside [{low:g}, {high:g}]: {says} (docs/metrics.md)")
        return lines
