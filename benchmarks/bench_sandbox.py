"""How fast programs run in the sandbox, beside a bare interpreter: `python -m pytest benchmarks/bench_sandbox.py`.

The floor is what a harness without any sandbox does: `subprocess.run([python, "-I", "-S", file])`. All run the same
tiny program, take turns in short rounds, and of each the fastest round counts (see `rounds.py`), so that ratios hold on
a machine that others use too. Latency is of single runs, one after the other.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import pytest

from benchmarks.rounds import Contender, percentile, rates_of
from mas_envs.sandbox import Limits, RunProgram, Sandbox
from mas_envs.sandbox.sandbox import cores

PROGRAMS = 200
ROUNDS = 20
TINY = "print(1)"
NUMPY = "import numpy as np\nprint(int(np.arange(2).sum()))"
FASTER, TWO_WORKERS, WITH_NUMPY = 3.5, 1.6, 2.0
"""Least ratio to the floor, least gain by a second worker, most that a program with numpy may take longer."""
TRAINER = 3 << 30
"""Bytes of a trainer that a sandbox must not be slowed down by."""


def in_a_box(sandbox: Sandbox, program: str, count: int) -> Contender:
    """Returns a contender that runs a program `count` times in a sandbox, as a batch."""
    jobs = [RunProgram(program)] * count

    def run(_: None) -> int:
        results = sandbox.run_many(jobs)
        assert all(result.stdout == "1\n" for result in results)
        return len(results)

    return Contender(lambda: None, run)


def bare(file: Path, count: int, at_once: int) -> Contender:
    """Returns a contender that starts an interpreter `count` times."""

    def one(_: int) -> None:
        result = subprocess.run([sys.executable, "-I", "-S", str(file)], capture_output=True, check=True)
        assert result.stdout == b"1\n"

    def run(_: None) -> int:
        with ThreadPoolExecutor(at_once) as threads:
            return len(list(threads.map(one, range(count))))

    return Contender(lambda: None, run)


def latency(run: Callable[[], object], count: int) -> tuple[float, float]:
    """Returns the 50th and the 99th percentile of single runs, in milliseconds."""
    taken: list[float] = []
    for _ in range(count):
        start = perf_counter()
        run()
        taken.append(1000 * (perf_counter() - start))
    return percentile(taken, 50), percentile(taken, 99)


def test_sandbox_is_several_times_as_fast_as_starting_an_interpreter(tmp_path, capsys):
    file = tmp_path / "tiny.py"
    file.write_text(TINY)
    a_round = PROGRAMS // ROUNDS
    with Sandbox(1) as one, Sandbox(2) as two:
        rates = rates_of(
            {
                "python -I -S, one by one (the floor)": bare(file, a_round, 1),
                "sandbox, one worker": in_a_box(one, TINY, a_round),
                "sandbox, one worker, numpy": in_a_box(one, NUMPY, a_round),
                "python -I -S, two at once": bare(file, a_round, 2),
                "sandbox, two workers": in_a_box(two, TINY, 2 * a_round),
            },
            ROUNDS,
        )
        p50, p99 = latency(lambda: one.run(TINY), PROGRAMS)
        level = one.level
    floor, single, with_numpy, _, double = rates.values()
    with capsys.disabled():
        print(f"\n\n{f'level {level}, fastest of {ROUNDS} rounds in turns':40}{'programs/s':>12}{'of the floor':>15}")
        for name, rate in rates.items():
            print(f"{name:40}{rate:12,.0f}{rate / floor:15.2f}")
        print(f"{'two workers, of one':40}{'':12}{double / single:15.2f}")
        print(f"{'time of numpy, of tiny':40}{'':12}{single / with_numpy:15.2f}")
        print(f"{'one run: p50, p99 in ms':40}{p50:12.2f}{p99:15.2f}")
    assert single >= FASTER * floor
    assert single <= WITH_NUMPY * with_numpy
    if cores() > 1:
        assert double >= TWO_WORKERS * single


def test_sandbox_of_a_large_trainer_is_as_fast_as_that_of_a_small_one(capsys):
    a_round = PROGRAMS // ROUNDS
    start = perf_counter()
    with Sandbox(2) as small:
        before = perf_counter() - start
        trainer = bytearray(TRAINER)
        for page in range(0, TRAINER, 4096):
            trainer[page] = 1
        start = perf_counter()
        with Sandbox(2) as large:
            after = perf_counter() - start
            rates = rates_of({"small": in_a_box(small, TINY, a_round), "large": in_a_box(large, TINY, a_round)}, ROUNDS)
    del trainer
    with capsys.disabled():
        print(f"\n\nstart: {before:.2f} s in a small trainer, {after:.2f} s in one of {TRAINER >> 30} GiB")
        print(f"programs/s: {rates['small']:,.0f} and {rates['large']:,.0f}")
    assert rates["large"] >= 0.8 * rates["small"]
    assert min(before, after) < 1.0


@pytest.mark.parametrize("program", [TINY, NUMPY], ids=["tiny", "numpy"])
def test_one_run(benchmark, program):
    with Sandbox(1) as sandbox:
        results = benchmark.pedantic(lambda: sandbox.run(program), rounds=100, warmup_rounds=5)
        assert results.stdout == "1\n"


def test_cpu_time_of_a_program(capsys):
    with Sandbox(1) as sandbox:
        used = [sandbox.run(TINY, limits=Limits()).cpu_s for _ in range(PROGRAMS)]
    with capsys.disabled():
        print(f"\n\nCPU time of a tiny program, box included: median {1000 * statistics.median(used):.2f} ms")
