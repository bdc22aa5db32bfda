"""Mixed precision and gradient checkpointing: less memory, the same training as far as the arithmetic goes."""

import random

import pytest

pytest.importorskip("torch")

import torch

from tests.trainers.run.runs import command, forget_the_end, run
from tests.trainers.small import (
    FAMILIES,
    assert_same,
    family_policy,
    gpt2_policy,
    gradients,
    prompts_of,
    random_rows,
    stirred_tiny,
)
from trainers.policies.critic import Critic
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.batch import collate
from trainers.rl.loss import LossConfig
from trainers.rl.update import Optimizer, update

PROMPTS = prompts_of("a b c d", "h", "a c d e f g h b c d c")


def remade(policy, **settings):
    """Returns the same model as a policy with other settings."""
    return HuggingFacePolicy(policy.model, policy.tokenizer, policy.max_new_tokens, **settings)


def batch_of(policy):
    return collate(random_rows(3), policy.pad, bidirectional_prompt=policy.bidirectional_prompt)


def mlp_of(model):
    return next(module for module in model.modules() if type(module).__name__.endswith("MLP"))


def count_calls(model, calls):
    """Notes every time that a layer is computed. (The second time it may end before the layer's last product.)"""
    mlp_of(model).register_forward_pre_hook(lambda *_: calls.append(1))


def backward(policy, batch):
    policy.model.zero_grad()
    logprobs, entropy = policy.logprobs(batch)
    (logprobs.sum() + entropy.sum()).backward()
    return logprobs.detach(), gradients(policy.model)


@pytest.mark.parametrize("make", [*(lambda f=f: family_policy(f) for f in FAMILIES), stirred_tiny, gpt2_policy])
def test_checkpointing_changes_no_gradient_and_computes_layers_twice(make):
    policy = make()
    batch = batch_of(policy)
    expected, exact = backward(policy, batch)
    policy = remade(policy, checkpointing=True)
    found, again = backward(policy, batch)
    assert torch.equal(found, expected)  # in evaluation mode still: GPT-2 would drop out
    assert_same(again, exact, atol=1e-6)
    calls = []
    count_calls(policy.model, calls)
    backward(policy, batch)
    assert len(calls) == 2


def test_checkpointing_leaves_generation_its_cache():
    policy = stirred_tiny()
    expected = policy.sample(PROMPTS, 3, [1, 2, 3])
    policy = remade(policy, checkpointing=True)
    backward(policy, batch_of(policy))
    assert policy.sample(PROMPTS, 3, [1, 2, 3]) == expected


def test_a_critic_is_checkpointed_too():
    policy = remade(stirred_tiny(), checkpointing=True)
    critic, calls = Critic(policy), []
    count_calls(critic, calls)
    critic.head.data += 1
    critic.values(batch_of(policy)).sum().backward()
    assert len(calls) == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_in_bfloat16_weights_gradients_and_optimiser_stay_float32(family):
    policy = remade(family_policy(family), dtype=torch.bfloat16)
    optimizer = Optimizer(policy.model, "adamw", 1e-3)
    update(policy, optimizer, random_rows(1), LossConfig(), random.Random(0), 64, 10**6)
    kept = [*policy.model.parameters()]
    kept += [v for s in optimizer.parts[0].state.values() for v in s.values() if v.ndim]
    assert len(kept) > 20 and {tensor.dtype for tensor in kept} == {torch.float32}


@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_computes_in_bfloat16_and_comes_close(family):
    policy = family_policy(family)
    batch = batch_of(policy)
    expected, exact = backward(policy, batch)
    policy, types = remade(policy, dtype=torch.bfloat16), set()
    mlp_of(policy.model).register_forward_hook(lambda _, inputs, output: types.add(output.dtype))
    found, rough = backward(policy, batch)
    assert types == {torch.bfloat16}
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < 0.5
    flat, rough_flat = (torch.cat([g.flatten() for g in grads.values()]) for grads in (exact, rough))
    assert torch.nn.functional.cosine_similarity(flat, rough_flat, dim=0) > 0.95


def test_bfloat16_records_what_it_will_be_trained_on():
    policy = remade(stirred_tiny(), dtype=torch.bfloat16)
    found = policy.sample(PROMPTS, 3, [1, 2, 3])
    from tests.trainers.policies.test_huggingface import rows_of

    batch = collate(rows_of(found), policy.pad, bidirectional_prompt=policy.bidirectional_prompt)
    assert (policy.logprobs(batch)[0] - batch.logprobs_N).abs().max() < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("policies", ["shared", pytest.param("lora", marks=pytest.mark.needs("peft"))])
def test_a_run_in_mixed_precision_with_checkpointing_resumes_bitwise(tmp_path, policies):
    model = tmp_path / "model/start/shared"
    assert run(command(tmp_path / "model", iterations=0, demos=0)) == 0
    settings = ("--dtype", "bfloat16", "--gradient-checkpointing")
    arguments = command(tmp_path / "run", *settings, model=model, policies=policies, learning_rate=0.01)
    assert run(arguments) == 0
    weights = saved(tmp_path / "run")
    assert weights != saved(tmp_path / "run", step=0)
    forget_the_end(tmp_path / "run")
    assert run([*arguments, "--resume"]) == 0
    assert saved(tmp_path / "run") == weights


def saved(folder, step=-1):
    """Returns the weights or adapters of a checkpoint that is there, by default of the last."""
    path = sorted((folder / "checkpoints").glob("step-*"))[step]
    found = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*.safetensors")}
    assert found
    return found


@pytest.mark.needs("peft")
def test_what_is_frozen_is_kept_in_bfloat16_and_its_adapters_in_float32(tmp_path):
    from trainers.policies.lora import make_lora_team

    stirred_tiny().save(tmp_path)
    base = HuggingFacePolicy.load(tmp_path, 5, weights=torch.bfloat16, dtype=torch.bfloat16, checkpointing=True)
    team = make_lora_team(base, ("planner",), 4, {"planner": 1})
    types = {name: weight.dtype for name, weight in team["planner"].model.named_parameters()}
    assert {kind for name, kind in types.items() if "lora_" in name} == {torch.float32}
    assert {kind for name, kind in types.items() if "lora_" not in name} == {torch.bfloat16}
    policy = team["planner"]
    assert {weight.dtype for weight in Critic(policy).parameters()} == {torch.float32}  # all of it is trained
    optimizer = Optimizer(policy.model, "adamw", 0.01, only=policy.trained().values())
    before = policy.logprobs(batch_of(policy))[0].detach()
    update(policy, optimizer, random_rows(1), LossConfig(), random.Random(0), 64, 10**6)
    assert (policy.logprobs(batch_of(policy))[0] - before).abs().max() > 0.001
