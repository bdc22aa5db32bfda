"""How many Boxoban levels the Sokoban solver solves with fewest pushes, and how fast:

    MAS_ENVS_TEST_DATA=<folder of data> python -m benchmarks.bench_sokoban_solver --budget 100000

Every level is read, its tables are made and it is solved within the clock, which counts this process's own time. A
node is a position that the search met; a level on which it met more than the budget is not solved. `--every 10` takes
one level of ten. `python -m pytest benchmarks/bench_sokoban_solver.py` asks for the figures that the solver is built
for: every level within 100,000 nodes.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple

import pytest

from mas_envs.games.sokoban.levels import Written, find_levels
from mas_envs.games.sokoban.solver import BUDGET, solve
from mas_envs.games.sokoban.xsb import parse_rows

SETS = ("unfiltered", "medium", "hard")
SHARES = (0.5, 0.9, 0.99, 1.0)


class Figures(NamedTuple):
    """What came of one set: levels, how many were solved, and of each the nodes, milliseconds and pushes, sorted."""

    levels: int
    solved: int
    nodes: Sequence[int]
    milliseconds: Sequence[float]
    pushes: Sequence[int]


def levels_of(folder: Path) -> Iterator[Written]:
    """Yields the levels of all files in a folder and those below it."""
    for path in sorted(folder.rglob("*.txt")):
        yield from find_levels(path.read_text())


def measure(levels: Sequence[Written], budget: int) -> Figures:
    nodes, milliseconds, pushes = list[int](), list[float](), list[int]()
    for level in levels:
        begin = process_time()
        found = solve(*parse_rows(level.rows), budget)
        milliseconds.append(1e3 * (process_time() - begin))
        nodes.append(found.positions)
        if found.outcome == "solved":
            pushes.append(found.pushes)
    return Figures(len(levels), len(pushes), sorted(nodes), sorted(milliseconds), sorted(pushes))


def quantiles(values: Sequence[float], digits: int) -> str:
    """Returns the values at SHARES of a sorted list, of eight characters each."""
    return "".join(f"{values[min(len(values) - 1, int(share * len(values)))]:8.{digits}f}" for share in SHARES)


def report(folder: Path, budget: int, every: int = 1) -> dict[str, Figures]:
    """Prints a table and returns what stands in it."""
    head = "".join(f"{'median' if share == 0.5 else f'p{share * 100:g}':>8}" for share in SHARES)
    print(f"\n{'at most ' + format(budget, ',') + ' nodes':22}{'solved':>12}   ms{head}   nodes{head}   pushes{head}")
    found: dict[str, Figures] = {}
    for name in SETS:
        levels = list(levels_of(folder / "sokoban_boxoban" / name))[::every]
        if not levels:
            raise FileNotFoundError(f"{folder / 'sokoban_boxoban' / name} holds no levels")
        found[name] = one = measure(levels, budget)
        solved = f"{one.solved}/{one.levels}"
        rest = f"     {quantiles(one.milliseconds, 1)}        {quantiles(one.nodes, 0)}"
        print(f"{name:22}{solved:>12}{rest}         {quantiles(one.pushes, 0) if one.pushes else ''}", flush=True)
    return found


def test_every_boxoban_level_is_solved_within_the_budget(capsys):
    if not (folder := os.environ.get("MAS_ENVS_TEST_DATA", "")):
        pytest.skip("no data: set MAS_ENVS_TEST_DATA to the folder that holds it")
    with capsys.disabled():
        found = report(Path(folder), BUDGET)
    assert all(one.solved == one.levels > 0 for one in found.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("MAS_ENVS_TEST_DATA"), help="the folder of data")
    parser.add_argument("--budget", type=int, default=BUDGET, help="nodes that the search may meet on one level")
    parser.add_argument("--every", type=int, default=1, help="take one level of so many")
    chosen = parser.parse_args()
    if chosen.data is None:
        parser.error("give --data, the folder that holds sokoban_boxoban, or set MAS_ENVS_TEST_DATA")
    report(chosen.data, chosen.budget, chosen.every)
