"""vLLM in this process gives what Hugging Face's model code gives, whatever happens to the weights."""

import weakref
from collections.abc import Iterator

import pytest

pytest.importorskip("torch")

import torch

from mas_envs.core.errors import UsageError
from tests.trainers.small import GlobalGenerators, family_policy, plain_logprobs, prompts_of, stir, stirred_tiny
from trainers.policies.engine import EngineError, EnginePolicy
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.vllm import LocalEngine, make_samplers
from trainers.rl.types import Candidates, Sampled
from trainers.rl.update import Optimizer

pytestmark = pytest.mark.vllm

BUDGET = 8
# Two share their first 32 tokens with another: what the prefix cache is for.
PROMPTS = prompts_of("a b c d e f g h " * 5, "b", "c d", "h g " * 20, "a b c d e f g h " * 5 + "a b")
SEEDS = list(range(len(PROMPTS)))


def causal_policy(tied: bool) -> HuggingFacePolicy:
    """Returns a random Qwen3 with heads of 32, the smallest that vLLM's attention on CPUs has."""
    return family_policy("qwen3", tied, BUDGET, head_dim=32)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def policy(request: pytest.FixtureRequest) -> HuggingFacePolicy:
    return causal_policy(request.param)


@pytest.fixture(scope="module")
def sampler(policy: HuggingFacePolicy) -> Iterator[EnginePolicy]:
    (made,) = make_samplers({"shared": policy}).values()
    yield made
    made.close()


def greedy(sampler) -> list[Candidates]:
    return sampler.sample(PROMPTS, 1, SEEDS, 0.0)


def tokens(candidates: list[Candidates]) -> list[list[tuple[int, ...]]]:
    return [[completion.tokens for completion in one.completions_K] for one in candidates]


def assert_as_hugging_face(sampler: EnginePolicy) -> None:
    ours, theirs = greedy(sampler), greedy(sampler.policy)
    assert tokens(ours) == tokens(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.prompt_tokens == other.prompt_tokens
        a, b = one.completions_K[0], other.completions_K[0]
        assert (a.text, a.cut, a.failed) == (b.text, b.cut, False)
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)


def test_greedy_completions_equal_hugging_faces_before_and_after_every_update(sampler, policy):
    stir(policy.model, seed=1)
    assert_as_hugging_face(sampler)
    first = tokens(greedy(sampler))
    for optimizer in ("adamw", "muon"):  # an optimiser's step is noticed, whatever its kernels
        steps = Optimizer(policy.model, optimizer, 0.3)
        for weight in policy.model.parameters():
            weight.grad = torch.ones_like(weight)
        steps.step(1.0, 1.0)
        assert_as_hugging_face(sampler)
    stir(policy.model, seed=2)
    assert_as_hugging_face(sampler)
    assert tokens(greedy(sampler)) != first


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_log_probabilities_are_those_of_a_forward_pass_at_the_sampling_temperature(sampler, policy, temperature):
    stir(policy.model, seed=3)
    policy.temperature = temperature
    for one in sampler.sample(PROMPTS, 3, SEEDS):
        for completion in one.completions_K:
            expected = plain_logprobs(policy, one.prompt_tokens, completion.tokens).tolist()
            assert completion.logprobs == pytest.approx(expected, abs=1e-4)
    policy.temperature = 1.0


def test_k_completions_come_of_one_request_and_depend_on_their_prompts_seed_alone(sampler, policy):
    stir(policy.model, seed=4)
    all_of_them = sampler.sample(PROMPTS, 4, SEEDS)
    assert [len(one.completions_K) for one in all_of_them] == [4] * len(PROMPTS)
    assert any(len(set(k)) > 1 for k in tokens(all_of_them))
    assert tokens(sampler.sample(PROMPTS[2:3], 4, SEEDS[2:3])) == tokens(all_of_them[2:3])
    assert tokens(sampler.sample(PROMPTS, 4, [seed + 1000 for seed in SEEDS])) != tokens(all_of_them)
    ends = [(c.tokens[-1] == policy.eos, c.cut) for one in all_of_them for c in one.completions_K]
    assert set(ends) <= {(True, False), (False, True)}


def test_greedy_candidates_are_k_copies(sampler):
    assert [len(set(k)) for k in tokens(sampler.sample(PROMPTS, 3, SEEDS, 0.0))] == [1] * len(PROMPTS)
    assert [len(k) for k in tokens(sampler.sample(PROMPTS, 3, SEEDS, 0.0))] == [3] * len(PROMPTS)


def test_without_emptying_the_prefix_cache_old_weights_answer(sampler, policy, monkeypatch):
    stir(policy.model, seed=5)
    greedy(sampler)
    monkeypatch.setattr(LocalEngine, "_forget_prompts", lambda self: None)
    stir(policy.model, seed=6)
    stale = tokens(greedy(sampler))
    assert stale != tokens(greedy(policy))
    monkeypatch.undo()
    stir(policy.model, seed=6)
    assert_as_hugging_face(sampler)


@pytest.mark.parametrize("policy", [True], indirect=True, ids=["tied"])
def test_without_the_tied_head_a_reload_leaves_the_old_one(sampler, policy, monkeypatch):
    state = policy.model.state_dict
    monkeypatch.setattr(policy.model, "state_dict", lambda: {n: w for n, w in state().items() if n != "lm_head.weight"})
    stir(policy.model, seed=7)
    assert tokens(greedy(sampler)) != tokens(greedy(policy))
    monkeypatch.undo()
    stir(policy.model, seed=7)
    assert_as_hugging_face(sampler)


def test_weights_that_vllm_does_not_know_are_an_error_with_its_reason(sampler, policy, monkeypatch):
    greedy(sampler)
    state = policy.model.state_dict
    monkeypatch.setattr(policy.model, "state_dict", lambda: state() | {"model.layers.0.mlp.router": torch.ones(2)})
    stir(policy.model, seed=10)
    with pytest.raises(UsageError, match=r"vLLM refuses weights or prompts of this model \(.*router.*--rollout hf"):
        greedy(sampler)
    monkeypatch.undo()
    assert_as_hugging_face(sampler)


def test_a_dead_engine_starts_again_with_the_weights_of_the_moment(sampler, policy, monkeypatch, caplog):
    import vllm
    from vllm.v1.engine.exceptions import EngineDeadError

    def die_once(*args, **kwargs):
        monkeypatch.undo()
        raise EngineDeadError

    greedy(sampler)
    before, old = sampler.engine.life, weakref.ref(sampler.engine._llm)
    monkeypatch.setattr(vllm.LLM, "generate", die_once)
    stir(policy.model, seed=8)
    assert_as_hugging_face(sampler)
    assert sampler.engine.life == before + 1
    assert old() is None  # nor is its memory taken any more
    assert "started again" in caplog.text


def test_an_engine_that_does_not_start_again_is_a_fault_and_comes_back_later(sampler, policy, monkeypatch):
    import vllm

    def fail(**settings):
        raise ValueError("no memory")

    sampler.engine.stop()
    monkeypatch.setattr(vllm, "LLM", fail)
    assert all(c.failed for one in greedy(sampler) for c in one.completions_K)
    monkeypatch.undo()
    assert_as_hugging_face(sampler)


def test_a_model_that_vllm_cannot_run_is_refused_with_its_reason(monkeypatch):
    import vllm

    def fail(**settings):
        raise ValueError("no memory")

    (sampler,) = make_samplers({"shared": family_policy("qwen3", head_dim=8)}).values()
    with pytest.raises(EngineError, match=r"head_dim=8.*--rollout hf"):
        greedy(sampler)
    monkeypatch.setattr(vllm, "LLM", fail)
    (sampler,) = make_samplers({"shared": causal_policy(True)}).values()
    with pytest.raises(UsageError, match=r"vLLM cannot run this model here \(no memory.*--rollout hf"):
        greedy(sampler)


def test_two_policies_have_an_engine_each_and_no_global_generator_is_changed():
    policies = {"planner": causal_policy(True), "executor": causal_policy(False)}
    stir(policies["executor"].model, seed=9)
    samplers = make_samplers(policies)
    generators = GlobalGenerators()
    for sampler in samplers.values():
        assert_as_hugging_face(sampler)
    assert generators.untouched()
    assert tokens(greedy(samplers["planner"])) != tokens(greedy(samplers["executor"]))
    for sampler in samplers.values():
        sampler.close()


def test_a_prompt_that_does_not_fit_is_not_read_and_the_others_are(sampler):
    long, short = sampler.sample(prompts_of("a " * 125, "a b"), 2, [0, 1])
    assert long.completions_K == (Sampled("", (), (), unread=True),) * 2
    assert all(one.tokens and not one.unread for one in short.completions_K)


def test_a_policy_that_reads_prompts_in_both_directions_is_refused():
    with pytest.raises(ValueError, match="both directions"):
        make_samplers({"shared": stirred_tiny()})
