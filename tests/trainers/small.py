"""Random models of a few thousand weights, groups and rows for them, and slow ways to the same numbers."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen3Config,
)

from mas_envs.core.game import Prompt, TaskRef
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.tiny import TinyConfig, make_model, make_tokenizer
from trainers.rl.batch import Branch, Row, pack
from trainers.rl.types import Candidates, Group, Sample, Sampled

WORDS = tuple("abcdefgh")
TINY = TinyConfig(width=32, layers=2, heads=4, feed_forward=48)
FAMILIES = {
    "qwen3": Qwen3Config,
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "gemma2": Gemma2Config,  # soft-capped scores, so its attention is eager
    "gemma3": Gemma3TextConfig,
}


def stir(model: torch.nn.Module, seed: int = 0, std: float = 0.3) -> None:
    """Gives all matrices weights so large that every token's distribution is far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape, generator=generator) * std)


def tiny_policy(
    words: Sequence[str] = WORDS, max_new_tokens: int = 5, seed: int = 0, **kwargs: Any
) -> HuggingFacePolicy:
    """Returns the embedded policy, smaller."""
    tokenizer = make_tokenizer(tuple(words))
    return HuggingFacePolicy(make_model(tokenizer, TINY, seed), tokenizer, max_new_tokens, **kwargs)


def family_policy(
    family: str, tied: bool = True, max_new_tokens: int = 5, head_dim: int = 8, **settings: Any
) -> HuggingFacePolicy:
    """Returns a policy around a random model of a Hugging Face family."""
    tokenizer = make_tokenizer(WORDS)
    config = FAMILIES[family](
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=head_dim,
        max_position_embeddings=128,
        tie_word_embeddings=tied,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        **settings,
    )
    return random_policy(config, tokenizer, max_new_tokens)


def gpt2_policy() -> HuggingFacePolicy:
    """Returns a policy around a random GPT-2: learned positions, layer norms, biases."""
    tokenizer = make_tokenizer(WORDS)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=4, n_positions=64, eos_token_id=1, bos_token_id=None
    )
    return random_policy(config, tokenizer, 5)


def random_policy(config: Any, tokenizer: Any, max_new_tokens: int) -> HuggingFacePolicy:
    with torch.random.fork_rng():
        model = AutoModelForCausalLM.from_config(config).eval()
    stir(model)
    return HuggingFacePolicy(model, tokenizer, max_new_tokens)


def stirred_tiny(bidirectional: bool = True, **kwargs: Any) -> HuggingFacePolicy:
    """Returns the embedded policy with large weights, its prompts read in both directions or causally."""
    policy = tiny_policy(**kwargs)
    stir(policy.model)
    policy.bidirectional_prompt = bidirectional
    return policy


def plain_logprobs(policy: HuggingFacePolicy, prompt: Sequence[int], response: Sequence[int]) -> torch.Tensor:
    """Returns the response's log-probabilities by a forward pass over this one sequence, no padding, no cache."""
    ids = torch.tensor([[*prompt, *response]])
    mask = None
    if policy.bidirectional_prompt:
        hidden = torch.ones(ids.shape[1], ids.shape[1]).triu(1)
        hidden[: len(prompt), : len(prompt)] = 0
        mask = (hidden * -1e9)[None, None].to(policy.model.dtype)
    logits = policy.model(input_ids=ids, attention_mask=mask).logits[0].float() / (policy.temperature or 1.0)
    logp = logits.log_softmax(-1)
    return torch.stack([logp[len(prompt) - 1 + i, token] for i, token in enumerate(response)])


def prompts_of(*texts: str) -> list[Prompt]:
    return [Prompt(text) for text in texts]


def random_rows(seed: int, count: int = 4, vocabulary: int = 8) -> list[Row]:
    """Returns rows of different lengths with branches of different lengths, advantages and old log-probabilities."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        prompt = tuple(draw.choices(range(3, vocabulary + 3), k=draw.randint(1, 7)))
        branches = []
        for _ in range(draw.randint(1, 4)):
            tokens = tuple(draw.choices(range(1, vocabulary + 3), k=draw.randint(1, 5)))
            logprobs = tuple(draw.uniform(-3.5, -1.0) for _ in tokens)
            branches.append(Branch(tokens, logprobs, draw.uniform(-2, 2), float(draw.randint(1, 3))))
        rows.append(Row(prompt, tuple(branches)))
    return rows


def unmerged(row: Row) -> Row:
    """Returns the row with a branch of its own for every sample that a branch stands for."""
    return replace(row, branches=tuple(replace(b, weight=1.0) for b in row.branches for _ in range(int(b.weight))))


def group_of(prompt: Sequence[int], completions: Sequence[Sequence[int]], rewards: Sequence[float | None]) -> Group:
    """Returns a group of made-up candidates; their log-probabilities are -1, -2, ..."""
    sampled = tuple(
        Sampled(" ".join(map(str, c)), tuple(c), tuple(-float(i + 1) for i in range(len(c)))) for c in completions
    )
    ref = TaskRef("made up", "0", "0")
    return Group(ref, "planner_0", 0, 0, Prompt("p"), Candidates(tuple(prompt), sampled), tuple(rewards), 0)


def merge(group: Group, advantages_K: Sequence[float | None]) -> Row:
    """Returns the one row of a group."""
    completions_K = group.candidates.completions_K
    tokens = group.candidates.prompt_tokens
    (row,) = pack(
        [Sample(group.agent, tokens, c, a, "group") for c, a in zip(completions_K, advantages_K, strict=True)]
    )
    return row


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], atol: float = 0.0) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=0.0, atol=atol, msg=lambda m, name=name: f"{name}: {m}")


class GlobalGenerators:
    """What the global generators of random, numpy and torch would give next."""

    def __init__(self) -> None:
        self.before = self._states()

    @staticmethod
    def _states() -> tuple[Any, ...]:
        return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()

    def untouched(self) -> bool:
        return self._states() == self.before
