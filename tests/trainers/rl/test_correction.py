"""Truncated importance sampling, by numbers worked by hand and by what it must not change."""

from math import e, exp, log

import pytest

pytest.importorskip("torch")

import torch

from tests.trainers.small import random_rows, stirred_tiny
from trainers.rl.batch import Branch, Row, collate
from trainers.rl.correction import corrected
from trainers.rl.loss import LossConfig, policy_loss


class Told:
    """A policy whose log-probability of every response token is told: by the token itself."""

    pad, bidirectional_prompt, device = 0, False, torch.device("cpu")

    def __init__(self, by_token):
        self.by_token = by_token

    def logprobs(self, batch):
        own_N = torch.tensor([self.by_token[token] for token in batch.targets_N.tolist()], dtype=torch.float64)
        return own_N, torch.zeros_like(own_N)

    def reference_logprobs(self, batch):
        return None


# One prompt; the first completion (drawn 3 times) is 5 6, the second 7. The trainer gives 5, 6, 7 the probabilities
# 0.6, 0.1, 0.8; the sampler gave 0.2, 0.2, 0.4: the ratios are 3, 1/2, 2.
TRAINER = Told({5: log(0.6), 6: log(0.1), 7: log(0.8)})
ROW = Row((1, 2), (Branch((5, 6), (log(0.2), log(0.2)), 2.0, weight=3.0), Branch((7,), (log(0.4),), -1.0)))


def test_weights_are_the_ratios_cut_at_the_cap_and_multiply_the_advantages():
    (row,), found = corrected(TRAINER, [ROW], 2.5, 1000)
    first, second = row.branches
    assert first.advantage == pytest.approx((2.5 * 2.0, 0.5 * 2.0))
    assert second.advantage == pytest.approx((2.0 * -1.0,))
    assert first.logprobs == pytest.approx((log(0.6), log(0.1)))
    assert second.logprobs == pytest.approx((log(0.8),))
    assert (row.prompt_tokens, first.tokens, first.weight) == (ROW.prompt_tokens, (5, 6), 3.0)
    # 7 tokens: three times 3 and 1/2, once 2.
    assert found["sampler_gap"] == pytest.approx((3 * log(3) + 3 * log(2) + log(2)) / 7)
    assert found["sampler_gap_max"] == pytest.approx(log(3))
    assert found["importance"] == pytest.approx((3 * 2.5 + 3 * 0.5 + 2.0) / 7)


def test_without_a_cap_rows_are_as_they_were_and_only_measured():
    rows, found = corrected(TRAINER, [ROW], None, 1000)
    assert rows == [ROW]
    assert found == pytest.approx({"sampler_gap": (3 * log(3) + 4 * log(2)) / 7, "sampler_gap_max": log(3)})


def test_the_loss_of_corrected_rows_is_the_weighed_loss_of_the_papers():
    # L = -sum w min(rho A, clip(rho) A) / 7 with rho = new / trainer; new gives 5, 6, 7 probability 0.9, 0.1, 0.4.
    (row,), _ = corrected(TRAINER, [ROW], 2.5, 1000)
    batch = collate([row], pad=0)
    new_N = torch.tensor([log(0.9), log(0.1), log(0.4)])
    loss, _ = policy_loss(new_N, torch.zeros(3), batch, LossConfig(0.2, 0.2))
    by_hand = 3 * 2.5 * (1.2 * 2.0) + 3 * 0.5 * (1.0 * 2.0) + 2.0 * (0.8 * -1.0)
    assert loss.item() == pytest.approx(-by_hand / 7, rel=1e-6)


def test_a_trainer_that_agrees_with_the_sampler_changes_nothing():
    policy = stirred_tiny(bidirectional=False)
    rows = random_rows(3, count=6)
    own, _ = corrected(policy, rows, 2.0, 40)  # small parts: rows come back in their order
    again, found = corrected(policy, own, 2.0, 10**6)
    assert [row.prompt_tokens for row in again] == [row.prompt_tokens for row in rows]
    assert found == pytest.approx({"sampler_gap": 0.0, "sampler_gap_max": 0.0, "importance": 1.0}, abs=1e-5)
    for one, other in zip(own, again, strict=True):
        for a, b in zip(one.branches, other.branches, strict=True):
            assert b.advantages == pytest.approx(a.advantages, abs=1e-4)
    for row, given in zip(own, rows, strict=True):
        for a, b in zip(row.branches, given.branches, strict=True):
            weights = [min(2.0, exp(new - old)) for new, old in zip(a.logprobs, b.logprobs, strict=True)]
            assert a.advantages == pytest.approx([w * x for w, x in zip(weights, b.advantages, strict=True)], rel=1e-4)


def test_advantages_of_each_token_are_weighed_token_by_token():
    row = Row((1,), (Branch((5, 6), (log(0.6 / e), log(0.1)), (1.0, -3.0)),))
    ((done,), _) = corrected(TRAINER, [row], 10.0, 1000)
    assert done.branches[0].advantage == pytest.approx((e, -3.0))
