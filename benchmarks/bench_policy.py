"""What candidates save by sharing a prompt, on the embedded policy: `python -m pytest benchmarks/bench_policy.py`.

Generation is compared with Hugging Face `generate`, which encodes and caches a prompt once per candidate; the
training step with a plain forward and backward pass of the same model over one sequence per candidate, with the same
loss. Both on one thread. Ratios come from rounds that take turns within one run, so that they hold on a machine that
others use too; the figures of pytest-benchmark beside them are absolute.
"""

import gc
import statistics
from collections.abc import Callable, Iterator
from random import Random
from time import perf_counter
from typing import Any

import pytest
import torch

from benchmarks.rounds import fewer
from mas_envs import make_game
from mas_envs.core.game import Prompt
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.tiny import TinyConfig, make_model, make_tokenizer
from trainers.rl.batch import Batch, Branch, Row, collate
from trainers.rl.loss import LossConfig, policy_loss

ROUNDS = 7
CANDIDATES = 8
GENERATED, GENERATION_PROMPTS, GENERATION_PROMPT_LENGTH, GENERATION_TARGET = 16, 48, 110, 2.5
RESPONSE, TRAINING_ROWS, TRAINING_PROMPT_LENGTH, TRAINING_TARGET = 8, 32, 112, 4.0
PLACES = 3072
"""Places that the packed step encodes at once, and the unpacked one too."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_policy() -> HuggingFacePolicy:
    """Returns the embedded policy of Sokoban; its prompts are read causally, as plain Hugging Face code reads them."""
    tokenizer = make_tokenizer(make_game("sokoban", style="compact").vocabulary())
    policy = HuggingFacePolicy(make_model(tokenizer, TinyConfig(), seed=0), tokenizer, GENERATED)
    policy.bidirectional_prompt = False
    policy.eos = -1  # never drawn: all completions have the same length
    return policy


def draw_tokens(policy: HuggingFacePolicy, count: int, length: int, seed: int) -> list[tuple[int, ...]]:
    generator = Random(seed)
    return [tuple(generator.choices(range(3, len(policy.tokenizer)), k=length)) for _ in range(count)]


# ---- generation ---------------------------------------------------------------------------------------------------
def generators(policy: HuggingFacePolicy) -> dict[str, Callable[[], int]]:
    """Returns what is timed: name -> a round of generation, which returns how many tokens it made."""
    tokens = draw_tokens(policy, GENERATION_PROMPTS, GENERATION_PROMPT_LENGTH, seed=1)
    prompts = [Prompt(policy.tokenizer.decode(list(ids))) for ids in tokens]  # pyright: ignore[reportArgumentType]
    assert policy.encode(prompts) == tokens
    ids = torch.tensor(tokens)
    model: Any = policy.model
    model.generation_config.eos_token_id = None
    settings = {"do_sample": True, "num_return_sequences": CANDIDATES, "max_new_tokens": GENERATED, "top_k": 0}

    def unshared() -> int:
        with torch.inference_mode():
            found = model.generate(ids, attention_mask=torch.ones_like(ids), **settings)
        return found[:, GENERATION_PROMPT_LENGTH:].numel()

    def shared() -> int:
        found = policy.sample(prompts, CANDIDATES, range(len(prompts)))
        return sum(len(completion.tokens) for candidates in found for completion in candidates.completions_K)

    return {"Hugging Face generate": unshared, "shared prefix": shared}


def test_a_shared_prefix_generates_at_two_and_a_half_times_the_rate_of_generate(capsys, ratios):
    runs = generators(make_policy())
    assert {run() for run in runs.values()} == {GENERATION_PROMPTS * CANDIDATES * GENERATED}
    ratios["generation with a shared prefix, of Hugging Face generate"] = ratio = compare(capsys, runs, "tokens/s")
    assert ratio >= GENERATION_TARGET


# ---- the training step ----------------------------------------------------------------------------------------------
def trainers(policy: HuggingFacePolicy) -> dict[str, Callable[[], int]]:
    """Returns what is timed: name -> a forward and backward pass over all groups, which returns its sequences."""
    rows = make_rows(policy)

    def packed() -> int:
        for part in cut(rows, PLACES // rows[0].length):
            batch = collate(part, policy.pad)
            loss, _ = policy_loss(*policy.logprobs(batch), batch, LossConfig())
            (loss * len(part) / len(rows)).backward()
        return len(rows) * CANDIDATES

    def unpacked() -> int:
        sequences = [(row, branch) for row in rows for branch in row.branches]
        for part in cut(sequences, PLACES // (TRAINING_PROMPT_LENGTH + RESPONSE)):
            batch = collate([Row(row.prompt_tokens, (branch,)) for row, branch in part], policy.pad)
            loss, _ = policy_loss(*plain_logprobs(policy, batch), batch, LossConfig())
            (loss * len(part) / len(sequences)).backward()
        return len(sequences)

    return {"Hugging Face, one sequence each": unpacked, "packed": packed}


def make_rows(policy: HuggingFacePolicy) -> list[Row]:
    prompts = draw_tokens(policy, TRAINING_ROWS, TRAINING_PROMPT_LENGTH, seed=2)
    responses = iter(draw_tokens(policy, TRAINING_ROWS * CANDIDATES, RESPONSE, seed=3))
    logprobs = (-5.0,) * RESPONSE
    return [
        Row(prompt, tuple(Branch(next(responses), logprobs, k - 3.5) for k in range(CANDIDATES))) for prompt in prompts
    ]


def cut(items: list[Any], size: int) -> list[list[Any]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def plain_logprobs(policy: HuggingFacePolicy, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns what `policy.logprobs` does for rows of one branch, by the model's own causal attention."""
    logits = policy.model(input_ids=batch.tokens_BL, logits_to_keep=RESPONSE + 1, use_cache=False).logits[:, :-1]
    logp_NV = logits.flatten(0, 1).log_softmax(-1)
    return logp_NV.gather(1, batch.targets_N[:, None])[:, 0], -(logp_NV.exp() * logp_NV).sum(-1)


def gradients(policy: HuggingFacePolicy, run: Callable[[], int]) -> torch.Tensor:
    policy.model.zero_grad()
    run()
    return torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None])


def test_the_packed_training_step_is_four_times_as_fast_and_gives_the_same(capsys, ratios):
    policy = make_policy()
    runs = trainers(policy)
    unpacked, packed = (gradients(policy, run) for run in runs.values())
    torch.testing.assert_close(packed, unpacked, rtol=1e-4, atol=1e-5)
    for row in make_rows(policy)[:4]:
        plain = plain_logprobs(policy, collate([Row(row.prompt_tokens, (b,)) for b in row.branches], policy.pad))
        for ours, theirs in zip(policy.logprobs(collate([row], policy.pad)), plain, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    ratios["packed training step, of one sequence each"] = ratio = compare(capsys, runs, "sequences/s")
    assert ratio >= TRAINING_TARGET


# ---- measuring ------------------------------------------------------------------------------------------------------
def per_second(run: Callable[[], int]) -> float:
    start = perf_counter()
    done = run()
    return done / (perf_counter() - start)


def compare(capsys: Any, runs: dict[str, Callable[[], int]], unit: str) -> float:
    """Times both in turn, prints a table, and returns the median ratio of the second's rate to the first's."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    for _ in range(fewer(ROUNDS)):
        for name, run in runs.items():
            rates[name].append(per_second(run))
    floor = next(iter(rates.values()))
    ratios = {
        name: statistics.median(a / b for a, b in zip(found, floor, strict=True)) for name, found in rates.items()
    }
    with capsys.disabled():
        print(f"\n\n{f'medians of {fewer(ROUNDS)} interleaved rounds':40}{unit:>15}{'ratio':>15}")
        for name, found in rates.items():
            print(f"{name:40}{statistics.median(found):15,.0f}{ratios[name]:15.2f}")
    return ratios[list(runs)[1]]


@pytest.mark.parametrize("name", ["Hugging Face generate", "shared prefix"])
def test_generation(benchmark, name):
    tokens = benchmark.pedantic(generators(make_policy())[name], rounds=3, warmup_rounds=1)
    benchmark.extra_info["tokens_per_second"] = round(tokens / benchmark.stats.stats.median)


@pytest.mark.parametrize("name", ["Hugging Face, one sequence each", "packed"])
def test_training_step(benchmark, name):
    sequences = benchmark.pedantic(trainers(make_policy())[name], rounds=3, warmup_rounds=1)
    benchmark.extra_info["sequences_per_second"] = round(sequences / benchmark.stats.stats.median)
