"""What one iteration costs as it grows: `python -m benchmarks.bench_scaling`.

    time     of AT-GRPO's iteration (rollout, credit, update) on Sokoban with the embedded policy: CPU seconds at three
             numbers of tasks and at three K, fastest of some rounds in which all take their turn. Linear means that
             twice as much takes twice as long, apart from what does not depend on it. With K there is more to it: of
             more candidates fewer groups are constant, which are dropped, so that more than twice as many tokens are
             trained. The table has them beside, and what the update takes for one of them.
    memory   peak resident set of a process that makes one iteration, at 1, 2 and 4 times the tasks with one token
             budget, and its rise over what is there before.

Everything runs on one thread of a CPU.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import NamedTuple

import torch

from benchmarks.rounds import fewer
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
"""A doubled size may cost this much more than twice as much, or than its trained places say."""
RISE = 1.35
"""Four times the tasks may raise the peak by this much more: the samples themselves, which are text and numbers."""


class Cost(NamedTuple):
    """What one iteration took, in CPU seconds. update: the part of it that trained, on so many distinct places."""

    seconds: float
    update: float
    places: int


def make_iteration() -> Callable[[int, int], Cost]:
    """Returns what makes one iteration on so many tasks with so many candidates; all that it keeps is the weights."""
    game = make_game("sokoban", style="compact")
    tokenizer = make_tokenizer(game.vocabulary())
    policy = HuggingFacePolicy(make_model(tokenizer, TinyConfig(), seed=0), tokenizer, 12, max_places=PLACES)
    optimizer = Optimizer(policy.model, "muon", 1e-9)  # so small that every round finds the same policy
    team: dict[str, Sampler] = {"planner": policy, "executor": policy}

    def iteration(tasks: int, k: int) -> Cost:
        times = [process_time()]
        chosen = [game.task("train", derive("scaling", i)) for i in range(tasks)]
        rows = pack(tree_samples(collect_tree(game, chosen, team, k, seed=0)))
        times.append(process_time())
        update(policy, optimizer, rows, LossConfig(), rng("scaling"), 64 * k, PLACES)
        times.append(process_time())
        return Cost(times[2] - times[0], times[2] - times[1], sum(row.length for row in rows))

    return iteration


def costs_of(sizes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Cost]:
    """Returns the cost of an iteration of each size, (tasks, K): of the fastest of some rounds."""
    iteration, found = make_iteration(), dict[tuple[int, int], Cost]()
    iteration(*sizes[0])
    for _ in range(fewer(ROUNDS)):
        for size in sizes:
            gc.collect()
            cost = iteration(*size)
            found[size] = min(found.get(size, cost), cost)
    return found


def growth() -> dict[str, list[tuple[int, Cost]]]:
    """Returns the costs at three numbers of tasks (K = 8) and at three K (32 tasks)."""
    by_tasks, by_k = [(n, 8) for n in TASKS], [(32, k) for k in CANDIDATES]
    found = costs_of(list(dict.fromkeys([*by_tasks, *by_k])))
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


def report() -> tuple[dict[str, list[tuple[int, Cost]]], dict[int, tuple[float, float]]]:
    """Measures and prints all."""
    costs, memory = growth(), {tasks: memory_of(tasks) for tasks in MEMORY_TASKS}
    heads = (
        f"{'CPU s':>9}{'of before':>11}",
        f"{'places trained':>17}{'of before':>11}",
        f"{'update, us a place':>20}",
    )
    print(f"\n{'':8}{'size':>6}{''.join(heads)}")
    for name, found in costs.items():
        for i, (size, cost) in enumerate(found):
            before = found[i - 1][1]
            times, more = (
                (f"{cost.seconds / before.seconds:.2f}", f"{cost.places / before.places:.2f}") if i else ("", "")
            )
            place = 1e6 * cost.update / cost.places
            print(f"{name:8}{size:6}{cost.seconds:9.3f}{times:>11}{cost.places:17,}{more:>11}{place:20.1f}")
    print(f"\n{'':14}{'tasks':>8}{'peak MiB':>10}{'rise MiB':>10}")
    for tasks, (peak, rise) in memory.items():
        print(f"{'K = 16':14}{tasks:8}{peak:10.0f}{rise:10.0f}")
    return costs, memory


def test_an_iteration_costs_in_proportion_and_memory_follows_the_token_budget(capsys, ratios) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with capsys.disabled():
            costs, memory = report()
    finally:
        torch.set_num_threads(threads)
    (least, small), *_, (most, large) = costs["tasks"]
    ratios[f"iteration of {most} tasks, per task, of one of {least}"] = most / large.seconds / (least / small.seconds)
    (least, small), *_, (most, large) = costs["K"]
    ratios[f"update with K = {most}, per place, of that with K = {least}"] = (
        large.places / large.update / (small.places / small.update)
    )
    for found in costs.values():
        for (_, small), (_, large) in pairwise(found):
            assert large.seconds <= LINEAR * small.seconds * max(2, large.places / small.places)
    first, last = memory[MEMORY_TASKS[0]][1], memory[MEMORY_TASKS[-1]][1]
    assert last <= first * RISE


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:]:
        measure_memory(int(sys.argv[1]))
    else:
        report()
