import io
import random
from math import exp

import pytest

pytest.importorskip("torch")

import torch

from tests.trainers.small import (
    assert_same,
    family_policy,
    gradients,
    prompts_of,
    random_rows,
    stir,
    stirred_tiny,
    tiny_policy,
    weights,
)
from trainers.rl.batch import Branch, Row, collate
from trainers.rl.loss import LossConfig, policy_loss
from trainers.rl.update import Optimizer, TrainingError, dealt, divergence, imitate, update

EVERYTHING = 10**6


class Recorder(Optimizer):
    """Keeps the gradients that it is given at each step, and changes nothing."""

    def __init__(self, model):
        super().__init__(model, "adamw", 1e-3)
        self.model, self.seen = model, []

    def step(self, scale, max_norm):
        self.seen.append(gradients(self.model))
        self.model.zero_grad()
        return 1.0


def recorded(policy, rows, config, minibatch_rows, max_places):
    recorder = Recorder(policy.model)
    metrics = update(policy, recorder, rows, config, random.Random(0), minibatch_rows, max_places)
    return recorder.seen, metrics


@pytest.mark.parametrize("normalise", ["token", "sequence"])
@pytest.mark.parametrize("max_places", [64, 25, 1])
def test_gradients_accumulated_in_small_parts_equal_those_of_one_batch(normalise, max_places):
    policy, rows = stirred_tiny(), random_rows(1, count=9)
    config = LossConfig(entropy=0.1, normalise=normalise)
    (whole,), metrics = recorded(policy, rows, config, EVERYTHING, EVERYTHING)
    (parts,), of_parts = recorded(policy, rows, config, EVERYTHING, max_places)
    largest = max(float(g.abs().max()) for g in whole.values())
    assert_same(parts, whole, atol=1e-6 * max(1.0, largest))
    assert of_parts == pytest.approx(metrics, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("normalise", ["token", "sequence"])
def test_the_gradient_is_that_of_the_loss_over_all_rows(normalise):
    policy, rows, config = stirred_tiny(), random_rows(2, count=5), LossConfig(normalise=normalise)
    (found,), metrics = recorded(policy, rows, config, EVERYTHING, 30)
    batch = collate(rows, policy.pad, bidirectional_prompt=True)
    loss, _ = policy_loss(*policy.logprobs(batch), batch, config)
    loss.backward()
    assert metrics["loss"] == pytest.approx(loss.item(), abs=1e-6)
    largest = max(float(g.abs().max()) for g in found.values())
    assert_same(found, gradients(policy.model), atol=1e-6 * max(1.0, largest))


@pytest.mark.parametrize(("count", "size"), [(9, 20), (10, 12), (11, 15), (2, 64), (12, 1000)])
def test_rows_are_dealt_into_minibatches_of_about_as_many_samples_each_row_once(count, size):
    rows = random_rows(3, count)
    parts = list(dealt(rows, size, random.Random(1), 1))
    assert sorted(map(id, (row for part in parts for row in part))) == sorted(map(id, rows))
    counts = [sum(row.samples for row in part) for part in parts]
    assert len(parts) == max(1, round(sum(counts) / size))
    assert max(counts) - min(counts) <= 2 * max(row.samples for row in rows)


def test_as_many_completions_make_as_many_steps_whether_or_not_they_share_their_prompts():
    shared = [Row((3,), tuple(Branch((4 + i,), (-1.0,), 1.0) for i in range(16))) for _ in range(4)]
    apart = [Row((3,), (branch,)) for row in shared for branch in row.branches]
    assert len(list(dealt(shared, 32, random.Random(0), 1))) == len(list(dealt(apart, 32, random.Random(0), 1))) == 2


def test_every_epoch_deals_all_rows_anew():
    policy, rows = tiny_policy(), random_rows(3, 8)
    once, _ = recorded(policy, rows, LossConfig(), 16, EVERYTHING)
    recorder = Recorder(policy.model)
    metrics = update(policy, recorder, rows, LossConfig(), random.Random(0), 16, EVERYTHING, epochs=3)
    assert metrics["optimizer_steps"] == len(recorder.seen) == 3 * len(once)
    assert_same(recorder.seen[0], once[0])
    orders = list(dealt(rows, 16, random.Random(0), 3))
    third = len(orders) // 3
    assert orders[:third] != orders[third : 2 * third]
    for epoch in range(3):
        part = [id(row) for minibatch in orders[epoch * third : (epoch + 1) * third] for row in minibatch]
        assert sorted(part) == sorted(map(id, rows))


def test_the_divergence_from_the_start_is_the_k3_estimate_per_token():
    policy, start, rows = stirred_tiny(), stirred_tiny(), random_rows(5)
    assert divergence(policy, rows, 40) == 0.0  # no start is kept
    policy.reference = start.model
    assert divergence(policy, rows, 40) == pytest.approx(0.0, abs=1e-6)
    stir(start.model, seed=3)
    batch = collate(rows, policy.pad, bidirectional_prompt=True)
    now, then = policy.logprobs(batch)[0].tolist(), start.logprobs(batch)[0].tolist()
    terms = [exp(b - a) - 1 - (b - a) for a, b in zip(now, then, strict=True)]
    weights = batch.weights_N.tolist()
    expected = sum(w * t for w, t in zip(weights, terms, strict=True)) / sum(weights)
    assert divergence(policy, rows, 40) == pytest.approx(expected, rel=1e-4)
    assert expected > 0.1


def test_the_shuffle_decides_the_minibatches():
    policy, rows = tiny_policy(), random_rows(3, 8)
    found = []
    for seed in (1, 1, 2):
        recorder = Recorder(policy.model)
        update(policy, recorder, rows, LossConfig(), random.Random(seed), 2, EVERYTHING)
        found.append(recorder.seen[0]["model.norm.weight"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


# ---- the optimiser ------------------------------------------------------------------------------------------------
def names_by_part(model, optimizer):
    names = {id(p): name for name, p in model.named_parameters()}
    found = {type(part).__name__: set() for part in optimizer.parts}
    for part in optimizer.parts:
        for group in part.param_groups:
            found[type(part).__name__] |= {names[id(p)] for p in group["params"]}
    return found


@pytest.mark.parametrize(
    "make", [tiny_policy, lambda: family_policy("llama", True), lambda: family_policy("llama", False)]
)
def test_muon_takes_matrices_and_never_embeddings_or_norms(make):
    model = make().model
    parts = names_by_part(model, Optimizer(model, "muon", 1e-3))
    inside = {name for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name}
    assert inside and inside <= parts["Muon"]
    assert not any("embed" in name or "norm" in name or "head" in name for name in parts["Muon"])
    assert parts["Muon"] | parts["AdamW"] == {name for name, _ in model.named_parameters()}
    assert not parts["Muon"] & parts["AdamW"]


def test_adamw_takes_everything():
    model = tiny_policy().model
    assert names_by_part(model, Optimizer(model, "adamw", 1e-3)) == {"AdamW": {n for n, _ in model.named_parameters()}}


def test_learning_rates_are_the_given_one_adamws_share_of_it_and_the_scale():
    model = tiny_policy().model
    optimizer = Optimizer(model, "muon", 0.01, adamw_share=0.25)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    for scale in (0.1, 0.5):  # the second does not build on the first
        optimizer.step(scale, max_norm=1.0)
        rates = {type(part).__name__: part.param_groups[0]["lr"] for part in optimizer.parts}
        assert rates == pytest.approx({"AdamW": 0.0025 * scale, "Muon": 0.01 * scale})
        for p in model.parameters():
            p.grad = torch.ones_like(p)


def test_gradients_are_clipped_to_the_norm_and_the_norm_before_is_returned():
    model = torch.nn.Linear(3, 1, bias=False)
    optimizer = Optimizer(model, "adamw", 1e-3)
    seen = []
    optimizer.parts[0].register_step_pre_hook(lambda *_: seen.append(model.weight.grad.clone()))
    model.weight.grad = torch.tensor([[3.0, 0.0, 4.0]])
    assert optimizer.step(1.0, max_norm=1.0) == pytest.approx(5.0)
    assert seen[0].tolist() == [pytest.approx([0.6, 0.0, 0.8], abs=1e-5)]
    assert model.weight.grad is None


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_an_optimizer_goes_on_exactly_from_its_saved_state(name):
    rows = random_rows(4, count=6)

    def step(policy, optimizer, seed):
        update(policy, optimizer, rows, LossConfig(), random.Random(seed), 3, EVERYTHING, scale=0.5)

    whole = stirred_tiny()
    optimizer = Optimizer(whole.model, name, 1e-2)
    step(whole, optimizer, 0)
    halfway, state = {n: w.clone() for n, w in whole.model.state_dict().items()}, optimizer.state_dict()
    again = stirred_tiny()
    again.model.load_state_dict(halfway)
    resumed = Optimizer(again.model, name, 1e-2)
    resumed.load_state_dict(torch.load(saved(state), weights_only=True))
    step(whole, optimizer, 1)
    step(again, resumed, 1)
    assert_same(weights(again.model), weights(whole.model))


def saved(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_gradient_that_is_no_number_raises_and_leaves_the_weights_untouched(bad, name):
    policy = stirred_tiny()
    before = weights(policy.model)
    rows = [Row((3, 4), (Branch((5,), (-1.0,), bad), Branch((6,), (-1.0,), 1.0)))]
    with pytest.raises(TrainingError, match="gradient's norm is (nan|inf)"):
        update(policy, Optimizer(policy.model, name, 1e-2), rows, LossConfig(), random.Random(0), 4, EVERYTHING)
    assert_same(weights(policy.model), before)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_an_update_makes_good_completions_likelier_and_bad_ones_less_likely(name):
    policy = stirred_tiny()
    (found,) = policy.sample(prompts_of("a b c"), 4, [1])
    good, bad = sorted({c.tokens: c for c in found.completions_K}.values(), key=lambda c: c.tokens)[:2]
    row = Row(found.prompt_tokens, (Branch(good.tokens, good.logprobs, 1.0), Branch(bad.tokens, bad.logprobs, -1.0)))
    batch = collate([row], policy.pad, bidirectional_prompt=True)
    before = policy.logprobs(batch)[0].detach()
    update(policy, Optimizer(policy.model, name, 1e-3), [row], LossConfig(), random.Random(0), 4, EVERYTHING)
    change = policy.logprobs(batch)[0].detach() - before
    assert change[: len(good.tokens)].sum() > 0 > change[len(good.tokens) :].sum()


@pytest.mark.parametrize("max_places", [EVERYTHING, 20])
def test_imitation_returns_the_mean_loss_and_lowers_it(max_places):
    policy, rows = tiny_policy(), random_rows(5, count=6)
    optimizer = Optimizer(policy.model, "adamw", 1e-2)
    losses = [imitate(policy, optimizer, rows, max_places, 1.0) for _ in range(30)]
    size = len(policy.tokenizer)
    assert losses[0] == pytest.approx(torch.tensor(float(size)).log().item(), abs=0.2)  # almost uniform at first
    assert losses[-1] < losses[0] - 0.3
