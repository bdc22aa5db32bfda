from math import exp

import pytest

pytest.importorskip("torch")

import torch

from tests.trainers.small import (
    assert_same,
    gpt2_policy,
    gradients,
    group_of,
    merge,
    random_rows,
    stirred_tiny,
    unmerged,
)
from trainers.rl.advantage import group_advantages
from trainers.rl.batch import Branch, Row, collate
from trainers.rl.loss import LossConfig, imitation_loss, policy_loss

CONFIGS = [
    LossConfig(),
    LossConfig(clip_low=0.1, clip_high=0.4),
    LossConfig(entropy=0.3),
    LossConfig(normalise="sequence"),
    LossConfig(0.1, 0.4, 0.3, "sequence"),
]


def slow_loss(rows, logprobs, entropies, config):
    """Goes through rows, branches and tokens one by one, each sample that a branch stands for on its own."""
    samples, place = [], 0
    for row in rows:
        for branch in row.branches:
            terms = []
            for old in branch.logprobs:
                ratio = exp(float(logprobs[place]) - old)
                low, high = 1 - config.clip_low, 1 + config.clip_high
                clipped = low if ratio < low else high if ratio > high else ratio
                surrogate = min(ratio * branch.advantage, clipped * branch.advantage)
                k3 = ratio - 1 - (float(logprobs[place]) - old)
                terms.append((surrogate, float(entropies[place]), ratio, float(ratio != clipped), k3))
                place += 1
            samples += [terms] * int(branch.weight)
    if config.normalise == "token":
        tokens = [term for terms in samples for term in terms]
        means = [sum(column) / len(tokens) for column in zip(*tokens, strict=True)]
    else:
        each = [[sum(column) / len(terms) for column in zip(*terms, strict=True)] for terms in samples]
        means = [sum(column) / len(samples) for column in zip(*each, strict=True)]
    surrogate, entropy, ratio, clipped, k3 = means
    loss = -surrogate - config.entropy * entropy
    return {"loss": loss, "entropy": entropy, "ratio": ratio, "clip_fraction": clipped, "kl": k3}


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_metrics_equal_a_slow_loop_over_tokens(config, seed):
    rows = random_rows(seed)
    batch = collate(rows, pad=0)
    generator = torch.Generator().manual_seed(seed)
    shift = torch.randn(len(batch.targets_N), generator=generator) * 0.5
    logprobs, entropies = batch.logprobs_N + shift, torch.rand(len(shift), generator=generator)
    loss, metrics = policy_loss(logprobs, entropies, batch, config)
    expected = slow_loss(rows, logprobs, entropies, config)
    assert loss.item() == pytest.approx(expected["loss"], rel=1e-5, abs=1e-6)
    assert metrics == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert 0 < metrics["clip_fraction"] < 1  # otherwise the clips would not be tested


@pytest.mark.parametrize(
    ("ratio", "advantage", "surrogate", "learns"),
    [
        (1.5, 1.0, 1.2, False),  # above the clip, good: no further
        (1.5, -1.0, -1.5, True),  # above the clip, bad: all the way back
        (0.5, 1.0, 0.5, True),  # below the clip, good: all the way back
        (0.5, -1.0, -0.8, False),  # below the clip, bad: no further
        (1.1, -2.0, -2.2, True),
        (1.0, 3.0, 3.0, True),
    ],
)
def test_one_tokens_term_and_gradient_are_those_worked_by_hand(ratio, advantage, surrogate, learns):
    batch = collate([Row((3,), (Branch((4,), (-2.0,), advantage),))], pad=0)
    logprobs = (torch.tensor([-2.0]) + torch.tensor([ratio]).log()).requires_grad_()
    loss, metrics = policy_loss(logprobs, torch.zeros(1), batch, LossConfig())
    loss.backward()
    assert loss.item() == pytest.approx(-surrogate, abs=1e-5)
    assert logprobs.grad.item() == pytest.approx(-ratio * advantage if learns else 0.0, abs=1e-5)
    assert metrics["clip_fraction"] == float(not 0.8 <= ratio <= 1.2)


def test_kl_is_the_k3_estimate_and_zero_on_policy():
    batch = collate([Row((3,), (Branch((4, 5), (-1.0, -2.0), 1.0),))], pad=0)
    _, metrics = policy_loss(torch.tensor([-1.3, -1.9]), torch.zeros(2), batch, LossConfig())
    expected = ((exp(-0.3) - 1 + 0.3) + (exp(0.1) - 1 - 0.1)) / 2
    assert metrics["kl"] == pytest.approx(expected, abs=1e-6)
    _, metrics = policy_loss(batch.logprobs_N, torch.zeros(2), batch, LossConfig())
    assert metrics["kl"] == 0.0
    assert metrics["ratio"] == 1.0


def test_an_entropy_bonus_pulls_towards_entropy():
    batch = collate([Row((3,), (Branch((4,), (-1.0,), 0.0),))], pad=0)
    entropy = torch.tensor([0.7], requires_grad=True)
    loss, _ = policy_loss(torch.tensor([-1.0]), entropy, batch, LossConfig(entropy=0.5))
    loss.backward()
    assert loss.item() == pytest.approx(-0.35)
    assert entropy.grad.item() == -0.5


def test_sequence_normalisation_gives_a_short_completion_the_weight_of_a_long_one():
    branches = (Branch((4,), (-1.0,), 1.0), Branch((5,) * 9, (-1.0,) * 9, -1.0))
    batch = collate([Row((3,), branches)], pad=0)
    by_token, _ = policy_loss(batch.logprobs_N, torch.zeros(10), batch, LossConfig(normalise="token"))
    by_sequence, _ = policy_loss(batch.logprobs_N, torch.zeros(10), batch, LossConfig(normalise="sequence"))
    assert by_token.item() == pytest.approx(0.8)
    assert by_sequence.item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("config", CONFIGS)
def test_identical_candidates_merged_give_the_loss_and_gradients_of_all_of_them(config):
    rewards = [1.0, 0.0, 1.0, 0.5, 1.0, None, 0.0]
    completions = [(4, 5, 1), (6, 1), (4, 5, 1), (7, 7, 7, 1), (4, 5, 1), (8, 1), (6, 1)]
    row = merge(group_of((3, 4, 5), completions, rewards), group_advantages(rewards))
    assert [branch.weight for branch in row.branches] == [3.0, 2.0, 1.0]
    policy = stirred_tiny()
    found = []
    for rows in ([row], [unmerged(row)]):
        policy.model.zero_grad()
        batch = collate(rows, policy.pad, bidirectional_prompt=True)
        loss, metrics = policy_loss(*policy.logprobs(batch), batch, config)
        loss.backward()
        found.append((metrics, gradients(policy.model)))
    (merged, merged_gradients), (whole, whole_gradients) = found
    assert merged == pytest.approx(whole, abs=1e-6, rel=1e-5)
    largest = max(float(g.abs().max()) for g in whole_gradients.values())
    assert_same(merged_gradients, whole_gradients, atol=1e-6 * max(1.0, largest))


def test_imitation_loss_is_the_mean_negative_log_likelihood_of_all_tokens():
    rows = [Row((3,), (Branch((4, 5, 1), (0.0,) * 3, 0.0),)), Row((3,), (Branch((1,), (0.0,), 0.0, weight=2.0),))]
    batch = collate(rows, pad=0)
    assert imitation_loss(torch.tensor([-1.0, -2.0, -3.0, -4.0]), batch).item() == pytest.approx((1 + 2 + 3 + 8) / 5)


@pytest.mark.parametrize("config", [*CONFIGS, LossConfig(kl=0.4), LossConfig(0.1, 0.4, 0.3, "sequence", 0.4)])
def test_the_gradient_equals_finite_differences(config):
    policy = gpt2_policy()  # GPT-2 computes in its weights' own precision throughout; newer norms do in float32
    policy.model.double()
    batch = collate(random_rows(7, count=2), policy.pad)
    reference = (batch.logprobs_N * 1.3).double() if config.kl else None

    def loss():
        logits = policy.model(
            input_ids=batch.tokens_BL,
            attention_mask=torch.where(batch.mask_B1LL, 0.0, -1e9).double(),
            position_ids=batch.positions_BL,
        ).logits[batch.rows_N, batch.before_N]
        logp = logits.log_softmax(-1)
        picked = logp.gather(1, batch.targets_N[:, None])[:, 0]
        return policy_loss(picked, -(logp.exp() * logp).sum(-1), batch, config, reference)[0].item()

    found, _ = policy_loss(*policy.logprobs(batch), batch, config, reference)
    found.backward()
    assert found.item() == pytest.approx(loss(), abs=1e-6)
    step = 1e-5
    for name, weight in policy.model.named_parameters():
        place = int(weight.grad.abs().flatten().argmax())
        flat = weight.data.view(-1)
        before = flat[place].item()
        flat[place] = before + step
        above = loss()
        flat[place] = before - step
        below = loss()
        flat[place] = before
        gradient = weight.grad.view(-1)[place].item()
        assert gradient == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=1e-6), name


def test_the_reference_term_is_the_k3_estimate_worked_by_hand_and_pulls_towards_the_reference():
    batch = collate([Row((3,), (Branch((4, 5), (-1.0, -2.0), 0.0),))], pad=0)
    now = torch.tensor([-1.0, -2.0], requires_grad=True)
    reference = torch.tensor([-1.0 + 0.5, -2.0 - 0.25])
    loss, metrics = policy_loss(now, torch.zeros(2), batch, LossConfig(kl=0.1), reference)
    # k3 of log ratios 0.5 and -0.25 (reference less present): e^x - 1 - x, averaged over two tokens
    expected = ((exp(0.5) - 1.5) + (exp(-0.25) - 1 + 0.25)) / 2
    assert metrics["kl_reference"] == pytest.approx(expected)
    assert loss.item() == pytest.approx(0.1 * expected)
    loss.backward()
    assert now.grad[0] < 0 < now.grad[1]  # descending raises the first, which the reference likes better
