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
        """Remembers the present weights if `score` is above all before; returns whether it is."""
        if score <= self.score:
            return False
        self.score = score
        self._weights = {
            name: {key: tensor.detach().clone() for key, tensor in policy.model.state_dict().items()}
            for name, policy in self._policies.items()
        }
        return True

    def restore(self) -> None:
        """Puts the best weights back."""
        for name, weights in self._weights.items():
            self._policies[name].model.load_state_dict(weights)
