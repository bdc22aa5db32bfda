"""The calculator's terms against real ones: exact for weights, gradients, moments and caches, close for activations."""

import json
import re
import shlex
import sys
import weakref
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoModelForCausalLM, Qwen3Config

from tests.trainers.small import family_policy, prompts_of, tiny_policy
from trainers import memory
from trainers.memory import Options, estimate, kv_cache, parameters, read_config, shape_of, weights
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.batch import Branch, Row, collate
from trainers.rl.loss import LossConfig, policy_loss
from trainers.rl.update import Optimizer
from trainers.run.config import ATGRPO
from trainers.run.reading import parse

PROMPT, K, RESPONSE, ROWS = 48, 4, 24, 4


def size(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def rows_of(vocabulary):
    branch = Branch(tuple(i % vocabulary for i in range(RESPONSE)), (-1.0,) * RESPONSE, 1.0)
    branches = tuple(Branch((k, *branch.tokens[1:]), branch.logprobs, 1.0) for k in range(K))
    return [Row(tuple(i % vocabulary for i in range(PROMPT)), branches)] * ROWS


def backward(policy):
    batch = collate(rows_of(policy.model.config.vocab_size), policy.pad, policy.device)
    loss, _ = policy_loss(*policy.logprobs(batch), batch, LossConfig(0.2, 0.2, 0.01, "token", 0.0))
    loss.backward()


def measured(policy):
    """Takes one AdamW step; returns the bytes of trained weights, their gradients, and AdamW's moments."""
    trained = list(policy.trained().values())
    optimizer = Optimizer(policy.model, "adamw", 1e-3, only=trained)
    backward(policy)
    gradients = size(weight.grad for weight in trained)
    optimizer.step(1.0, 1.0)
    moments = [
        state[name]
        for part in optimizer.parts
        for state in part.state_dict()["state"].values()
        for name in ("exp_avg", "exp_avg_sq")
    ]
    return size(trained), gradients, size(moments)


def of(tmp_path, policy, **settings):
    policy.model.config.save_pretrained(tmp_path)
    return Options(str(tmp_path), **settings)


@pytest.mark.parametrize("family", ["qwen3", "llama", "mistral"])
@pytest.mark.parametrize("tied", [True, False])
def test_weights_gradients_and_moments_are_exact(tmp_path, family, tied):
    policy = family_policy(family, tied)
    found = measured(policy)
    full = parameters(read_config(of(tmp_path, policy).model))
    for policies, copies in (("shared", 1), ("per-role", 2)):
        options = of(tmp_path, policy, policies=policies)
        terms = (weights(full, 0, options), memory.gradients(full), memory.optimizer_states(full, options))
        assert terms == (copies * found[0], found[1], copies * found[2])
    assert weights(full, 0, of(tmp_path, policy, kl=True)) == 2 * found[0]


@pytest.mark.needs("peft")
def test_those_of_adapters_are_exact(tmp_path):
    from trainers.policies.lora import make_lora_team

    base = family_policy("qwen3", tied=False)
    options = of(tmp_path, base, policies="lora", lora_rank=3, roles=2)
    full, total = (parameters(read_config(options.model), rank) for rank in (0, 3))
    team = make_lora_team(base, ["planner", "executor"], 3, {"planner": 1, "executor": 2})
    assert size(team["planner"].peft.parameters()) == weights(full, total - full, options)
    found = [measured(policy) for policy in team.values()]
    assert found[0] == found[1] and found[0][0] == 4 * (total - full)
    assert found[0][1] == memory.gradients(total - full)
    assert 2 * found[0][2] == memory.optimizer_states(total - full, options)


def test_the_cache_of_generation_is_exact():
    policy = family_policy("qwen3")
    encoded = policy.encode(prompts_of("a b c d", "b c d e"))
    cache, *_ = policy._prefill(encoded)
    found = size(tensor for layer in cache.layers for tensor in (layer.keys, layer.values))
    assert found == kv_cache(shape_of(policy.model.config), sum(map(len, encoded)), 4)


def middling(vocabulary, **how):
    """Returns a policy large enough that activations are more than their surroundings."""
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=96,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng():
        model = AutoModelForCausalLM.from_config(config)
    return HuggingFacePolicy(model, tiny_policy().tokenizer, RESPONSE, **how)


class Peak(TorchDispatchMode):
    """Counts the bytes of all storages that live, from those given on, and keeps the most that lived at once."""

    def __init__(self, tensors):
        super().__init__()
        self._sizes, self._now, self.bytes = {}, 0, 0
        for tensor in tensors:
            self._add(tensor.untyped_storage())

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(found):
            if isinstance(leaf, torch.Tensor):
                self._add(leaf.untyped_storage())
        return found

    def _add(self, storage):
        if storage._cdata not in self._sizes:
            self._sizes[storage._cdata] = storage.nbytes()
            self._now += storage.nbytes()
            self.bytes = max(self.bytes, self._now)
            weakref.finalize(storage, self._gone, storage._cdata)

    def _gone(self, key):
        self._now -= self._sizes.pop(key)


def peak_of(policy, model):
    backward(policy)  # gradients are there from the first minibatch of a step on
    peak = Peak([tensor for weight in model.parameters() for tensor in (weight, weight.grad) if tensor is not None])
    with peak:
        backward(policy)
    return peak.bytes


def estimated(tmp_path, config, **settings):
    config.save_pretrained(tmp_path)
    sizes = {"prompt_tokens": PROMPT, "num_generations": K, "max_new_tokens": RESPONSE}
    (one,) = estimate(Options(str(tmp_path), max_places=ROWS * (PROMPT + K * RESPONSE), **sizes, **settings))
    return one.always["weights"] + one.phases["update: gradients and activations"]


@pytest.mark.parametrize("vocabulary", [64, 4000])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_updates_peak_is_met_within_a_tenth(tmp_path, vocabulary, checkpointing, dtype):
    policy = middling(vocabulary, dtype=getattr(torch, dtype), checkpointing=checkpointing)
    found = estimated(tmp_path, policy.model.config, dtype=dtype, gradient_checkpointing=checkpointing)
    assert found == pytest.approx(peak_of(policy, policy.model), rel=0.1)


@pytest.mark.needs("peft")
@pytest.mark.parametrize("vocabulary", [64, 4000])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_that_of_adapters_is_met_or_in_float32_up_to_a_fifth_less(tmp_path, vocabulary, checkpointing, dtype):
    from trainers.policies.lora import make_lora_team

    base = middling(vocabulary, dtype=getattr(torch, dtype), checkpointing=checkpointing)
    base.model.to(getattr(torch, dtype))
    settings = {"policies": "lora", "lora_rank": 4, "dtype": dtype, "gradient_checkpointing": checkpointing}
    found = estimated(tmp_path, base.model.config, **settings)
    policy = make_lora_team(base, ["planner", "executor"], 4, {"planner": 1, "executor": 2})["planner"]
    peak = peak_of(policy, policy.peft)
    assert 0.95 * peak <= found <= (1.2 if dtype == "float32" else 1.1) * peak


def test_known_shapes_have_the_published_numbers_of_weights():
    assert parameters(read_config("qwen3-1.7b")) == 1_720_574_976
    assert parameters(read_config("qwen3-8b")) == 8_190_735_360


def test_flags_and_defaults_are_those_of_the_trainers():
    paper = parse(["--env", "plan_path", "--preset", "paper"], ATGRPO)
    mine = vars(Options("qwen3-8b"))
    same = {"tasks_per_iteration", "num_generations", "max_new_tokens", "max_places", "limit", "lora_rank", "policies"}
    same |= {"dtype", "gradient_checkpointing"}
    assert {name: mine[name] for name in same} == {name: getattr(paper, name) for name in same}


def test_it_says_of_every_gpu_whether_it_fits(capsys):
    small = ["--model", "qwen3-1.7b", "--prompt-tokens", "64", "--max-new-tokens", "64", "--max-places", "1024"]
    assert memory.main([*small, "--limit", "32"]) == 0
    said = capsys.readouterr().out
    assert "GPU 0: trains and generates" in said and "fits into 79 GiB" in said and "NOT" not in said
    assert memory.main([*small, "--gpu-memory", "8"]) == 0
    assert "does NOT fit into 8 GiB" in capsys.readouterr().out
    assert memory.main([*small, "--gpus", "8", "--rollout", "server"]) == 0
    said = capsys.readouterr().out
    assert "GPUs 1 to 4, each: serves, --tensor-parallel-size 4" in said and "GPU 5 and above: nothing to do" in said


def test_the_peak_is_what_is_always_there_and_the_largest_of_the_rest():
    (one,) = estimate(Options("qwen3-1.7b", rollout="vllm", rollout_memory=0.25, gpu_memory=100.0))
    assert one.always["vLLM's share"] == 25 * memory.GIB and "rollout" not in one.phases
    assert one.peak == sum(one.always.values()) + one.phases["update: gradients and activations"]


def blocks(language):
    text = (Path(__file__).parents[2] / "docs/recipes.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.mark.parametrize("block", blocks("console"))
def test_the_recipes_say_what_the_calculator_says(capsys, block):
    command, _, said = block.partition("\n")
    assert memory.main(shlex.split(command)[4:]) == 0
    assert capsys.readouterr().out == said


def test_the_recipes_commands_are_taken_with_the_papers_settings():
    text = "".join(blocks("bash")).replace("\\\n", " ").replace("$seed", "1")
    commands = re.findall(r"-m trainers\.atgrpo ([^&\n]*)", text)
    assert len(commands) == 5
    for command in commands:
        config = parse(shlex.split(command), ATGRPO)
        assert (config.num_generations, config.env_settings["turns"], config.alpha, config.best_share) == (4, 4, 1, 1)
        assert (config.preset, config.demos, config.gradient_checkpointing) == ("paper", 0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "qwen3-8"], "Did you mean 'qwen3-8b'"),
        (["--model", "/nowhere"], "local checkpoint directory"),
        (["--model", "qwen3-8b", "--gpus", "0"], "--gpus is 0"),
        (["--model", "qwen3-8b", "--max-places", "0"], "--max-places is 0"),
        (["--model", "qwen3-8b", "--rollout-memory", "2"], "a share between 0 and 1"),
        (["--model", "qwen3-8b", "--rollout", "server"], "--gpus 2"),
    ],
)
def test_bad_input_is_refused_with_what_is_allowed(capsys, words, said):
    with pytest.raises(SystemExit) as caught:  # tyro's own way, where a value is refused
        raise SystemExit(memory.main(words))
    assert caught.value.code == 2
    found = " ".join(capsys.readouterr().err.split())
    assert said in found and "huggingface.co" not in found  # a name is never looked for there


def test_adapters_are_counted_without_peft(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    # Of each layer: queries and output 2048 x 2048, keys and values 2048 x 1024, three of 2048 x 6144.
    each = 2 * (2048 + 2048) + 2 * (2048 + 1024) + 3 * (2048 + 6144)
    config = read_config("qwen3-1.7b")
    assert parameters(config, 16) - parameters(config) == 16 * 28 * each


@pytest.mark.parametrize("kind", ["gpt2", "qwen3_moe", "mixtral", "gpt_oss", "starcoder2"])
def test_a_model_that_the_formulas_are_not_of_is_refused(tmp_path, capsys, kind):
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = AutoConfig.for_model(kind, **({} if kind == "gpt2" else sizes), num_hidden_layers=2, vocab_size=96)
    config.save_pretrained(tmp_path)
    assert memory.main(["--model", str(tmp_path)]) == 2
    assert "dense decoders" in capsys.readouterr().err


@pytest.mark.parametrize("change", [{"hidden_size": "a"}, {"vocab_size": None}, {"num_attention_heads": 0}])
def test_a_damaged_config_is_refused(tmp_path, capsys, change):
    family_policy("qwen3").model.config.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert memory.main(["--model", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
