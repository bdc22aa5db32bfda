"""What one iteration costs as it grows: `python -m benchmarks.bench_scaling`.

    time     of AT-GRPO's iteration (rollout, credit, update) on Sokoban with the embedded policy: CPU seconds at three
             numbers of tasks and at three K, fastest of some rounds in which all take their turn. Linear means that
             twice as much takes twice as long, apart from what does not depend on it.
    memory   peak resident set of a process that makes one iteration, at 1, 2 and 4 times the tasks with one token
             budget, and its rise over what is there before.

Everything runs on one thread of a CPU.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import process_time

import torch

from mas_envs import make_game
from mas_envs.core.seeding import derive, rng
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.tiny import TinyConfig, make_model, make_tokenizer
from trainers.rl.advantage import tree_samples
from trainers.rl.batch import pack
from trainers.rl.loss import LossConfig
from trainers.rl.rollout import collect_tree
from trainers.rl.types import Sampler
from trainers.rl.update import Optimizer, update

TASKS, CANDIDATES = (16, 32, 64), (4, 8, 16)
ROUNDS = 3
MEMORY_TASKS = (32, 64, 128)
PLACES = 3072
LINEAR = 1.25
"""A doubled size may cost this much more than twice as much."""
RISE = 1.35
"""Four times the tasks may raise the peak by this much more: the samples themselves, which are text and numbers."""


def make_iteration() -> Callable[[int, int], None]:
    """Returns what makes one iteration on so many tasks with so many candidates; all that it keeps is the weights."""
    game = make_game("sokoban", style="compact")
    tokenizer = make_tokenizer(game.vocabulary())
    policy = HuggingFacePolicy(make_model(tokenizer, TinyConfig(), seed=0), tokenizer, 12, max_places=PLACES)
    optimizer = Optimizer(policy.model, "muon", 1e-9)  # so small that every round finds the same policy
    team: dict[str, Sampler] = {"planner": policy, "executor": policy}

    def iteration(tasks: int, k: int) -> None:
        chosen = [game.task("train", derive("scaling", i)) for i in range(tasks)]
        rows = pack(tree_samples(collect_tree(game, chosen, team, k, seed=0)))
        update(policy, optimizer, rows, LossConfig(), rng("scaling"), 64 * k, PLACES)

    return iteration


def seconds_of(sizes: list[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """Returns the CPU seconds of an iteration of each size, (tasks, K): of the fastest of some rounds."""
    iteration, found = make_iteration(), dict.fromkeys(sizes, float("inf"))
    iteration(*sizes[0])
    for _ in range(ROUNDS):
        for size in sizes:
            gc.collect()
            start = process_time()
            iteration(*size)
            found[size] = min(found[size], process_time() - start)
    return found


def growth() -> dict[str, list[tuple[int, float]]]:
    """Returns the seconds at three numbers of tasks (K = 8) and at three K (32 tasks)."""
    by_tasks, by_k = [(n, 8) for n in TASKS], [(32, k) for k in CANDIDATES]
    found = seconds_of(list(dict.fromkeys([*by_tasks, *by_k])))
    return {"tasks": [(s[0], found[s]) for s in by_tasks], "K": [(s[1], found[s]) for s in by_k]}


def resident_mib(which: str) -> float:
    """Returns the process's resident set now (VmRSS) or at its peak (VmHWM); getrusage counts the parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{which}:")[2].split()[0]) / 1024


def memory_of(tasks: int) -> tuple[float, float]:
    """Returns the peak resident set, in MiB, of a process that makes one iteration, and its rise during that."""
    command = [sys.executable, "-m", "benchmarks.bench_scaling", str(tasks)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    before, peak = map(float, found.stdout.split()[-2:])
    return peak, peak - before


def measure_memory(tasks: int) -> None:
    """Makes one iteration and prints the resident set before it and its peak."""
    iteration = make_iteration()
    iteration(2, 2)  # what is loaded and compiled when first used
    before = resident_mib("VmRSS")
    iteration(tasks, 16)
    print(before, resident_mib("VmHWM"))


def report() -> tuple[dict[str, list[tuple[int, float]]], dict[int, tuple[float, float]]]:
    """Measures and prints all."""
    seconds, memory = growth(), {tasks: memory_of(tasks) for tasks in MEMORY_TASKS}
    print(f"\n{'':14}{'size':>8}{'CPU s':>10}{'ms each':>10}{'to the size before':>22}")
    for name, found in seconds.items():
        for i, (size, taken) in enumerate(found):
            ratio = f"{taken / found[i - 1][1]:.2f} times" if i else ""
            print(f"{name:14}{size:8}{taken:10.3f}{1000 * taken / size:10.2f}{ratio:>22}")
    print(f"\n{'':14}{'tasks':>8}{'peak MiB':>10}{'rise MiB':>10}")
    for tasks, (peak, rise) in memory.items():
        print(f"{'K = 16':14}{tasks:8}{peak:10.0f}{rise:10.0f}")
    return seconds, memory


def test_an_iteration_costs_in_proportion_and_memory_follows_the_token_budget() -> None:
    torch.set_num_threads(1)
    seconds, memory = report()
    for found in seconds.values():
        for (_, small), (_, large) in pairwise(found):
            assert large <= 2 * small * LINEAR
    first, last = memory[MEMORY_TASKS[0]][1], memory[MEMORY_TASKS[-1]][1]
    assert last <= first * RISE


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:]:
        measure_memory(int(sys.argv[1]))
    else:
        report()
