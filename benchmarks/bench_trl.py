"""Our update beside TRL's GRPOTrainer: `python -m benchmarks.bench_trl` (extra `trl`).

Both get the same random Qwen3 of about a million parameters, the same prompts of 512 tokens, K = 8 and 32 new tokens of
each, float32 on one thread of a CPU: GRPO's whole step, from prompts to new weights (generation, rewards, advantages,
the clipped loss with one pass, AdamW), without checkpoints, logs and evaluation. TRL's trainer runs as it is; ours
takes its turn at the end of each of TRL's steps, so that the ratio holds on a machine that others use too. Token
budgets of what is encoded at once are the same: TRL's per_device_train_batch_size is the number of sequences that
ours, `max_places`, has room for. Memory is measured in two further processes, one for each.

    samples/s   completions generated and learned from; median of the steps, and of the steps' ratios
    memory      peak resident set, and how far it rises above what is there before the first step

Ours is not TRL's in this: a prompt is encoded once for its K candidates, in generation and in the update.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, PrinterCallback, Qwen3Config, Qwen3ForCausalLM, TrainerCallback

from benchmarks.rounds import fewer
from mas_envs.core.game import Prompt
from mas_envs.core.seeding import rng
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.advantage import group_advantages
from trainers.rl.batch import pack
from trainers.rl.loss import LossConfig
from trainers.rl.types import Candidates, Sample
from trainers.rl.update import Optimizer, update

WORDS, PROMPT, NEW, K = 1024, 512, 32, 8
PROMPTS, STEPS = 8, max(3, fewer(6))
"""Prompts of a step, and steps, of which the first is not counted."""
AT_ONCE = 8
"""Sequences that TRL encodes at once in its update."""
PLACES = AT_ONCE * (PROMPT + NEW)
RATE = 1e-5
TARGET = 3.0
PHASES = ("generation", "credit and packing", "update")
TRL, OURS = "TRL's GRPOTrainer", "ours"


def make_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {"<pad>": 0, "<eos>": 1, "<unk>": 2, **{f"w{i}": i for i in range(3, WORDS)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def make_model() -> Qwen3ForCausalLM:
    config: Any = {"eos_token_id": 1, "pad_token_id": 0, "bos_token_id": None, "tie_word_embeddings": True}
    config |= {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "max_position_embeddings": 1024}
    config |= {"num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 32, "vocab_size": WORDS}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Qwen3ForCausalLM(Qwen3Config(**config))


def make_prompts(count: int) -> list[str]:
    draw = Random(1)
    return [" ".join(f"w{i}" for i in draw.choices(range(3, WORDS), k=PROMPT)) for _ in range(count)]


def reward_of(text: str) -> float:
    return float(sum(map(int, text.replace("w", "").split())) % 7)


# ---- ours -----------------------------------------------------------------------------------------------------------
class Ours:
    """The step of trainers/atgrpo.py on given prompts, with a clock for each of its phases."""

    def __init__(self) -> None:
        self.policy = HuggingFacePolicy(make_model(), make_tokenizer(), NEW)
        self.policy.eos = -1  # never drawn: all completions have the same length
        self.optimizer = Optimizer(self.policy.model, "adamw", RATE)
        self.prompts, self.done = make_prompts(PROMPTS * STEPS), 0
        self.seconds: dict[str, list[float]] = {phase: [] for phase in PHASES}
        self._spy("forward passes of the update", self.policy, "logprobs")
        self._spy("optimiser", self.optimizer, "step")

    def _spy(self, phase: str, owner: Any, name: str) -> None:
        """Adds the time that a method takes to the phase of the step under way."""
        method = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            found = method(*args, **kwargs)
            self.seconds[phase][-1] += perf_counter() - start
            return found

        setattr(owner, name, timed)
        self.seconds[phase] = []

    def step(self) -> int:
        """Makes one step; returns its samples."""
        for seconds in self.seconds.values():
            seconds.append(0.0)
        texts = self.prompts[self.done * PROMPTS : (self.done + 1) * PROMPTS]
        times = [perf_counter()]
        found = self.policy.sample([Prompt(text) for text in texts], K, range(PROMPTS))
        times.append(perf_counter())
        rows = pack([sample for i, group in enumerate(found) for sample in self._credited(i, group)])
        times.append(perf_counter())
        how = (LossConfig(), rng("shuffle", self.done), PROMPTS * K, PLACES)
        update(self.policy, self.optimizer, rows, *how)
        times.append(perf_counter())
        for phase, start, end in zip(PHASES, times, times[1:], strict=False):
            self.seconds[phase][-1] = end - start
        self.done += 1
        return PROMPTS * K

    @staticmethod
    def _credited(number: int, group: Candidates) -> list[Sample]:
        rewards_K: list[float | None] = [reward_of(completion.text) for completion in group.completions_K]
        advantages = group_advantages(rewards_K)
        return [
            Sample("solver_0", group.prompt_tokens, completion, advantage, number)
            for completion, advantage in zip(group.completions_K, advantages, strict=True)
        ]


# ---- TRL's ----------------------------------------------------------------------------------------------------------
def run_trl(folder: str, steps: int, after_step: Callable[[float, int], None]) -> None:
    """Lets TRL's trainer make its steps; calls `after_step` with the seconds and the samples of each."""
    datasets: Any = import_module("datasets")
    trl: Any = import_module("trl")
    lengths: list[int] = []

    def reward(completions: Sequence[str], completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
        lengths.extend(map(len, completion_ids))
        return [reward_of(text) for text in completions]

    class Clock(TrainerCallback):
        start = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start = perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            seconds = perf_counter() - self.start
            assert lengths == [NEW] * (PROMPTS * K), "TRL's completions are not of the same length"
            after_step(seconds, len(lengths))
            lengths.clear()

    settings: dict[str, Any] = {
        "output_dir": folder, "max_steps": steps, "num_generations": K, "max_completion_length": NEW,
        "per_device_train_batch_size": AT_ONCE, "gradient_accumulation_steps": PROMPTS * K // AT_ONCE,
        "learning_rate": RATE, "lr_scheduler_type": "constant", "use_cpu": True, "bf16": False,
        "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no", "logging_strategy": "no",
        "disable_tqdm": True, "generation_kwargs": {"min_new_tokens": NEW},
    }  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=make_model(),
        reward_funcs=reward,
        args=trl.GRPOConfig(**settings),
        train_dataset=datasets.Dataset.from_dict({"prompt": make_prompts(PROMPTS * steps)}),
        processing_class=make_tokenizer(),
        callbacks=[Clock()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


# ---- what is measured -----------------------------------------------------------------------------------------------
def compare() -> tuple[dict[str, list[float]], Ours]:
    """Returns the samples per second of every step of both, and ours with its clocks."""
    ours, rates = Ours(), {TRL: list[float](), OURS: list[float]()}

    def take_turns(seconds: float, samples: int) -> None:
        rates[TRL].append(samples / seconds)
        start = perf_counter()
        rates[OURS].append(ours.step() / (perf_counter() - start))

    with tempfile.TemporaryDirectory() as folder:
        run_trl(folder, STEPS, take_turns)
    return {name: found[1:] for name, found in rates.items()}, ours


def resident_mib(which: str) -> float:
    """Returns the process's resident set now (VmRSS) or at its peak (VmHWM); getrusage counts the parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{which}:")[2].split()[0]) / 1024


def memory_of(who: str) -> tuple[float, float]:
    """Returns the peak resident set of a process that makes a few steps, and its rise during them, in MiB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.bench_trl", who]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    before, peak = map(float, found.stdout.split()[-2:])
    return peak, peak - before


def measure_memory(who: str) -> None:
    """Makes three steps and prints the resident set before the first and its peak."""
    if who == OURS:
        ours = Ours()
        gc.collect()
        before = resident_mib("VmRSS")
        for _ in range(3):
            ours.step()
    else:
        at = list[float]()
        begin = torch.optim.AdamW.__init__  # TRL makes its optimiser when all else is there

        def noted(self: Any, *args: Any, **kwargs: Any) -> None:
            at.append(resident_mib("VmRSS"))
            begin(self, *args, **kwargs)

        torch.optim.AdamW.__init__ = noted  # pyright: ignore[reportAttributeAccessIssue]
        with tempfile.TemporaryDirectory() as folder:
            run_trl(folder, 3, lambda seconds, samples: None)
        before = at[0]
    print(before, resident_mib("VmHWM"))


def report() -> tuple[float, dict[str, tuple[float, float]]]:
    """Measures and prints all; returns the ratio of the rates, and the memory of both."""
    memory = {TRL: memory_of("trl"), OURS: memory_of(OURS)}
    rates, ours = compare()
    theirs, mine = rates.values()
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    parameters = sum(p.numel() for p in ours.policy.model.parameters())
    print(f"\n{parameters:,} parameters, {PROMPTS} prompts of {PROMPT} tokens, K = {K}, {NEW} new tokens, float32, CPU")
    print(
        f"{'medians of ' + str(STEPS - 1) + ' interleaved steps':34}{'samples/s':>11}{'peak MiB':>11}{'rise MiB':>11}"
    )
    for name, found in rates.items():
        print(f"{name:34}{statistics.median(found):11.1f}{memory[name][0]:11.0f}{memory[name][1]:11.0f}")
    print(f"{'ratio':34}{ratio:11.2f}\n\nwhere our time goes, in the fastest step")
    whole, number = min((sum(ours.seconds[phase][i] for phase in PHASES), i) for i in range(1, STEPS))
    clocks = {phase: seconds[number] for phase, seconds in ours.seconds.items()}
    rest = clocks["update"] - clocks["forward passes of the update"] - clocks["optimiser"]
    parts = {name: clocks[name] for name in ("generation", "credit and packing", "forward passes of the update")}
    for name, seconds in {**parts, "backward passes and batches": rest, "optimiser": clocks["optimiser"]}.items():
        print(f"{name:34}{seconds:9.3f} s{seconds / whole:11.0%}")
    return ratio, memory


def test_a_step_has_three_times_trls_samples_per_second_in_no_more_memory(capsys, ratios) -> None:
    pytest.importorskip("trl", reason="needs the extra `trl`")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with capsys.disabled():
            ratio, memory = report()
    finally:
        torch.set_num_threads(threads)
    ratios["GRPO's step, samples per second, of TRL's"] = ratio
    assert ratio >= TARGET
    assert memory[OURS] <= memory[TRL]


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:]:
        measure_memory(sys.argv[1])
    else:
        report()
