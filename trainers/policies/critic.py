"""A critic: a copy of a policy's network with one number at every place instead of logits."""

import copy

import torch

from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.batch import Batch


class Critic(torch.nn.Module):
    """Says what is expected to come before each response token. It begins as the policy's network, saying 0."""

    def __init__(self, policy: HuggingFacePolicy):
        super().__init__()
        self.body = copy.deepcopy(policy.body()).float().requires_grad_(True)  # float32, as all that is trained
        self.head = torch.nn.Parameter(torch.zeros(policy.model.config.get_text_config().hidden_size))
        self.bias = torch.nn.Parameter(torch.zeros(()))
        self.to(policy.device)
        self._policy = [policy]  # in a list: its weights are not the critic's

    def values(self, batch: Batch) -> torch.Tensor:
        """Returns the values before each response token, shape (N,), with gradients."""
        (policy,) = self._policy
        policy.recompute(self.body)
        with policy.arithmetic():
            hidden = self.body(
                input_ids=batch.tokens_BL,
                attention_mask=policy.scores(batch.mask_B1LL[:, 0]),
                position_ids=batch.positions_BL,
                use_cache=False,
            ).last_hidden_state
        return hidden[batch.rows_N, batch.before_N].float() @ self.head + self.bias
