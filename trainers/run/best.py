"""Keeping the weights that did best on validation."""

from collections.abc import Mapping

import torch

from trainers.policies.huggingface import HuggingFacePolicy


class Best:
    """Remembers the policies' weights at their best score so far."""

    def __init__(self, policies: Mapping[str, HuggingFacePolicy]):
        self._policies = policies
        self._weights: dict[str, dict[str, torch.Tensor]] = {}
        self.score = -1.0

    def offer(self, score: float) -> bool:
        """Remembers the present weights if `score` is above all before, or perfect again; returns whether it does.

        A greedy player may be perfect long before its samples are: of several perfect ones the last is kept.
        """
        if score <= self.score and score < 1:
            return False
        self.score = score
        self._weights = {n: {k: w.detach().clone() for k, w in p.trained().items()} for n, p in self._policies.items()}
        return True

    @torch.no_grad()
    def restore(self) -> None:
        """Puts the best weights back."""
        for name, weights in self._weights.items():
            for key, weight in self._policies[name].trained().items():
                weight.copy_(weights[key])
