import random
from inspect import signature

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from tests.trainers.run.runs import TRAINERS, command, forget_the_end, run
from tests.trainers.small import assert_same, family_policy, prompts_of, random_rows, stirred_tiny, tiny_policy
from trainers.policies.critic import Critic
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.lora import load_lora_team, make_lora_team
from trainers.rl.batch import collate
from trainers.rl.loss import LossConfig
from trainers.rl.update import Optimizer, update

ROLES, SEEDS = ("planner", "executor"), {"planner": 1, "executor": 2}
BASES = [stirred_tiny, lambda: family_policy("llama"), lambda: family_policy("qwen3", tied=False)]


def trained_weights(policy):
    return {name: weight.detach().clone() for name, weight in policy.trained().items()}


def learn(policy, seed=0):
    optimizer = Optimizer(policy.model, "adamw", 0.01, only=policy.trained().values())
    for i in range(3):
        update(policy, optimizer, random_rows(seed), LossConfig(), random.Random(i), 64, 10**6)


def logprobs(policy, rows):
    return policy.logprobs(collate(rows, policy.pad, "cpu", policy.bidirectional_prompt))[0].detach()


@pytest.mark.parametrize("make", BASES)
def test_new_adapters_change_nothing_and_a_trained_one_changes_its_own_role_alone(make):
    rows = random_rows(1)
    expected, base = logprobs(make(), rows), make()
    before = {name: weight.detach().clone() for name, weight in base.model.named_parameters()}
    team = make_lora_team(base, ROLES, 4, SEEDS)
    for role in ROLES:
        torch.testing.assert_close(logprobs(team[role], rows), expected)
    idle = trained_weights(team["executor"])
    learn(team["planner"])
    assert (logprobs(team["planner"], rows) - expected).abs().max() > 0.01
    torch.testing.assert_close(logprobs(team["executor"], rows), expected)
    assert_same(trained_weights(team["executor"]), idle)
    after = dict(team["planner"].peft.named_parameters())
    kept = {name: after["base_model.model." + name.replace(".weight", ".base_layer.weight")] for name in before
            if "base_model.model." + name.replace(".weight", ".base_layer.weight") in after}  # fmt: skip
    assert len(kept) > 5
    assert all(torch.equal(weight, before[name]) for name, weight in kept.items())


def test_a_role_samples_within_the_budgets_and_settings_of_its_base():
    how = {"temperature": 0.7, "max_places": 99, "dtype": torch.bfloat16, "checkpointing": True, "max_prompt_tokens": 4}
    assert {"self", "model", "tokenizer", "max_new_tokens", *how} == {*signature(HuggingFacePolicy.__init__).parameters}
    for policy in make_lora_team(tiny_policy(**how), ROLES, 4, SEEDS).values():
        assert {name: getattr(policy, name) for name in how} == how
        (over,) = policy.sample(prompts_of("a b c d e"), 1, [0])
        assert over.completions_K[0].unread


def test_adapters_depend_on_their_seeds_alone():
    one, other = (make_lora_team(tiny_policy(), ROLES, 4, SEEDS) for _ in range(2))
    assert_same(trained_weights(one["planner"]), trained_weights(other["planner"]))
    same = zip(trained_weights(one["planner"]).values(), trained_weights(one["executor"]).values(), strict=True)
    assert any(not torch.equal(a, b) for a, b in same)


def test_what_is_saved_is_what_peft_loads_and_what_this_loads(tmp_path):
    base = stirred_tiny(bidirectional=False)
    base.save(tmp_path / "base")
    team = make_lora_team(HuggingFacePolicy.load(tmp_path / "base", 5), ROLES, 4, SEEDS)
    for i, role in enumerate(ROLES):
        learn(team[role], seed=i)
        team[role].save(tmp_path / role)
    again = load_lora_team(HuggingFacePolicy.load(tmp_path / "base", 5), {role: tmp_path / role for role in ROLES})
    rows = random_rows(4)
    for role in ROLES:
        again[role].bidirectional_prompt = team[role].bidirectional_prompt = False
        assert torch.equal(logprobs(again[role], rows), logprobs(team[role], rows))
        peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "base"), str(tmp_path / role))
        plain = HuggingFacePolicy(peft, team[role].tokenizer, 5)
        plain.bidirectional_prompt = False
        torch.testing.assert_close(logprobs(plain, rows), logprobs(team[role], rows))


def test_the_reference_is_the_adapter_that_was_saved(tmp_path):
    team = make_lora_team(stirred_tiny(), ROLES, 4, SEEDS)
    learn(team["planner"])
    team["planner"].save(tmp_path / "planner")
    rows = random_rows(2)
    start = logprobs(team["planner"], rows)
    team["planner"].keep_reference(tmp_path / "planner")
    learn(team["planner"], seed=5)
    batch = collate(rows, team["planner"].pad, "cpu", True)
    torch.testing.assert_close(team["planner"].reference_logprobs(batch), start)
    assert (logprobs(team["planner"], rows) - start).abs().max() > 0.01


def test_a_critic_of_an_adapter_is_a_network_of_its_own_that_learns():
    team = make_lora_team(stirred_tiny(), ROLES, 4, SEEDS)
    critic = Critic(team["planner"])
    batch = collate(random_rows(2), 0, "cpu", True)
    critic.head.data += 1
    critic.values(batch).sum().backward()
    assert all(weight.grad is not None for name, weight in critic.named_parameters() if "lora" not in name)
    assert all(weight.grad is None for weight in team["planner"].model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_team_of_adapters_trains_and_a_resumed_run_ends_as_an_undisturbed_one(tmp_path, trainer):
    assert run(command(tmp_path / "first", iterations=1)) == 0
    model = tmp_path / "first/checkpoints/step-000001/shared"
    changes = {"model": model, "policies": "lora", "roles": "team", "learning_rate": 0.01}
    changes |= {} if trainer == "sft" else {"kl": 0.01}
    arguments = command(tmp_path / "run", trainer=trainer, **changes)
    assert run(arguments, trainer) == 0

    def last():
        folder = sorted((tmp_path / "run/checkpoints").glob("step-*"))[-1]
        return {role: (folder / role / "adapter_model.safetensors").read_bytes() for role in ROLES}

    weights = last()
    assert weights["planner"] != weights["executor"]
    forget_the_end(tmp_path / "run")
    assert run([*arguments, "--resume"], trainer) == 0
    assert last() == weights


def test_adapters_need_a_model_and_peft(tmp_path, capsys, monkeypatch):
    assert run(command(tmp_path / "run", policies="lora")) == 2
    assert "--model" in capsys.readouterr().err
    monkeypatch.setattr("trainers.run.setup.find_spec", lambda name: None)
    tiny_policy().save(tmp_path / "model")
    assert run(command(tmp_path / "run", policies="lora", model=tmp_path / "model", style="compact")) == 2
    assert 'pip install -e ".[lora]"' in capsys.readouterr().err
