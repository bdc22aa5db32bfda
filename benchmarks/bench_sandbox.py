"""How fast programs run in the sandbox, beside a bare interpreter: `python -m pytest benchmarks/bench_sandbox.py`.

The floor is what a harness without any sandbox does: `subprocess.run([python, "-I", "-S", file])`. All run the same
tiny program, take turns in short rounds, and of each the fastest round counts (see `rounds.py`), so that ratios hold on
a machine that others use too. Latency is of single runs, one after the other.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time

import pytest

import mas_envs
from benchmarks.rounds import Contender, percentile, rates_of
from mas_envs.effects import run_effects
from mas_envs.games.code_test import expert
from mas_envs.games.code_test.prompts import answer_with_cases, answer_with_program
from mas_envs.games.code_test.runner import CodeRunner
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
STEPS = 100
"""Least agent steps of code_test per second of processor time, of this process and of all that runs for it."""
EPISODES, EPISODE_ROUNDS = 2, 40


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


def test_sandbox_is_several_times_as_fast_as_starting_an_interpreter(tmp_path, capsys, ratios):
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
    ratios["sandbox, one worker, of starting an interpreter"] = single / floor
    ratios["sandbox, two workers, of one"] = double / single
    ratios["sandbox, a program with numpy, of a tiny one"] = with_numpy / single
    assert single >= FASTER * floor
    assert single <= WITH_NUMPY * with_numpy
    if cores() > 1:
        assert double >= TWO_WORKERS * single


def test_sandbox_of_a_large_trainer_is_as_fast_as_that_of_a_small_one(capsys, ratios):
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
    ratios["sandbox of a large trainer, of a small one's"] = rates["large"] / rates["small"]
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


# ---- code_test ------------------------------------------------------------------------------------------------------
class Counting(Sandbox):
    """A sandbox that counts the programs that it was given."""

    programs = 0

    def run_many(self, jobs):
        jobs = list(jobs)
        self.programs += len(jobs)
        return super().run_many(jobs)


def play_turn(game, state, actions, runner):
    return game.step(state, actions, run_effects(runner, game.effects(state, actions))).state


def scripted(game, number):
    """Returns a task of code_test and what its scripted agents say: a wrong program in the first turn, the right one in
    the second; in each turn cases that tell as many wrong programs from the right one as two can."""
    task, runner = game.task("train", number), CodeRunner()
    state, said = game.initial(task), list[dict[str, str]]()
    for program in (state.problem.wrong[0], state.problem.reference):
        if game.acting(state):
            cases = answer_with_cases(expert.cases(state), "full")
            said.append({"coder_0": answer_with_program(program, "full"), "tester_0": cases})
            state = play_turn(game, state, said[-1], runner)
    return task, said


def processor_time():
    """Returns the seconds that this process and all that it started, zygotes and programs, have run."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    ours, before = {os.getpid()}, 0
    while len(ours) > before:
        before = len(ours)
        ours |= {process for process, found in fields.items() if int(found[1]) in ours}
    started = sum(sum(map(int, fields[process][11:15])) for process in ours - {os.getpid()})
    return process_time() + started / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads processor time from /proc")
def test_code_test_makes_a_hundred_agent_steps_a_second_on_a_core(capsys, ratios):
    game = mas_envs.make_game("code_test", turns=2)
    scripts = [scripted(game, number) for number in range(EPISODES)]
    sandbox = Counting(1)
    with sandbox:
        runner = CodeRunner(sandbox)

        def episodes(_: None) -> int:
            for task, said in scripts:
                state = game.initial(task)
                for actions in said:
                    state = play_turn(game, state, actions, runner)
            return sum(len(actions) for _, said in scripts for actions in said)

        steps_made = episodes(None)
        programs = sandbox.programs / steps_made
        tiny = in_a_box(sandbox, TINY, PROGRAMS // ROUNDS)
        rates = rates_of({"steps": Contender(lambda: None, episodes), "tiny": tiny}, ROUNDS)
        before = processor_time()
        per_core = sum(episodes(None) for _ in range(EPISODE_ROUNDS)) / (processor_time() - before)
    steps = rates["steps"]
    with capsys.disabled():
        print(f"\n\ncode_test, one worker, no cache: {steps:.0f} agent steps/s, {programs:.1f} programs for each")
        print(f"agent steps per second of processor time: {per_core:.0f}")
        print(f"programs/s in these steps {steps * programs:.0f}, of the tiny program alone {rates['tiny']:.0f}")
    ratios["code_test, its programs, of tiny ones"] = steps * programs / rates["tiny"]
    assert max(steps, per_core) >= STEPS
