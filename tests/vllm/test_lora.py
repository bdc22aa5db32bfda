"""One vLLM engine samples for every role of a team by its own adapter, as peft does."""

import random

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.trainers.small import random_rows
from tests.vllm.test_engine import BUDGET, assert_as_hugging_face, causal_policy, greedy, tokens
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.lora import make_lora_team
from trainers.policies.vllm import make_samplers
from trainers.rl.loss import LossConfig
from trainers.rl.update import Optimizer, update

pytestmark = [pytest.mark.vllm, pytest.mark.needs("lora")]

ROLES = ("planner", "executor", "critic")


def learn(policy, seed):
    optimizer = Optimizer(policy.model, "adamw", 0.05, only=policy.trained().values())
    for i in range(3):
        update(policy, optimizer, random_rows(seed), LossConfig(), random.Random(i), 64, 10**6)


def test_every_role_samples_with_its_own_adapter_and_what_is_learned_is_taken_over(tmp_path):
    causal_policy(tied=True).save(tmp_path)
    base = HuggingFacePolicy.load(tmp_path, BUDGET)
    team = make_lora_team(base, ROLES, rank=4, seeds={role: i for i, role in enumerate(ROLES)})
    samplers = make_samplers(team, base=tmp_path)
    engine = samplers["planner"].engine
    assert all(sampler.engine is engine for sampler in samplers.values())
    for seed in range(2):
        for number, role in enumerate(ROLES):
            learn(team[role], 10 * seed + number)
            assert_as_hugging_face(samplers[role])
        said = [tokens(greedy(samplers[role])) for role in ROLES]
        assert all(one != other for i, one in enumerate(said) for other in said[:i])
    # Old versions are gone: one adapter a role is all that is held.
    assert len(engine._llm.llm_engine.list_loras()) == len(ROLES)
    engine.stop()
    for role in ROLES:
        assert_as_hugging_face(samplers[role])
    engine.stop()
