"""How fast tasks are made, and solved, beside an empty loop: `python -m pytest benchmarks/bench_tasks.py`.

The floor is `bench_envs.Bare`, an environment that does nothing, in PettingZoo's loop: its agent steps per second say
how fast this machine runs Python just now, so that ratios to it hold on a busy machine, and more or less on another.
Tasks are made in order, new ones in each round; what the solvers solve are the first tasks of a training split, the
same ones in each round, from copies that know nothing yet.
"""

import copy
from collections.abc import Callable
from itertools import count
from typing import Any

from benchmarks.bench_envs import BARE, Bare, play
from benchmarks.rounds import Contender, rates_of
from mas_envs import make_game
from mas_envs.core.game import Task
from mas_envs.games.sokoban.solver import solve as solve_sokoban
from mas_envs.games.sudoku.solver import solve as solve_sudoku

ROUNDS = 30
MADE: dict[str, tuple[str, dict[str, Any], int]] = {  # name -> game, settings, tasks of a round
    "Sokoban 6x6, one box": ("sokoban", {}, 20),
    "Sokoban 10x10, four boxes": ("sokoban", {"size": 10, "boxes": 4}, 4),
    "Plan-Path 10x10": ("plan_path", {}, 20),
    "Sudoku 4x4": ("sudoku", {}, 10),
    "Sudoku 9x9, 40 clues": ("sudoku", {"size": 9, "clues": 40}, 4),
    "Code-test": ("code_test", {}, 10),
    "Math-verify": ("math_verify", {}, 50),
}


def maker(game: str, settings: dict[str, Any], tasks: int) -> Contender:
    """Makes the next tasks of the training split."""
    made, numbers = make_game(game, **settings), count()

    def run(_: None) -> int:
        return len([made.task("train", next(numbers)) for _ in range(tasks)])

    return Contender(lambda: None, run)


def solver(game: str, settings: dict[str, Any], tasks: int, solved: Callable[[Any], bool]) -> Contender:
    """Solves the same tasks in each round."""
    found: list[Task] = [make_game(game, **settings).task("train", number) for number in range(tasks)]

    def run(levels: list[Any]) -> int:
        assert all(solved(level) for level in levels)
        return len(levels)

    return Contender(lambda: [copy.deepcopy(task.content) for task in found], run)


def contenders() -> dict[str, Contender]:
    """Returns what is timed, by name; the floor first."""
    bare = Bare()
    found = {BARE: Contender(lambda: [None] * 100, lambda resets: play(bare, resets))}
    found |= {f"task: {name}": maker(*what) for name, what in MADE.items()}
    boxes, clues = MADE["Sokoban 10x10, four boxes"], MADE["Sudoku 9x9, 40 clues"]
    found["solver: Sokoban 10x10, four boxes"] = solver(
        *boxes, lambda level: solve_sokoban(level.layout, level.start).outcome == "solved"
    )
    found["solver: Sudoku 9x9, 40 clues"] = solver(
        *clues, lambda level: solve_sudoku(level.shape, level.givens).solutions == (level.solution,)
    )
    return found


def test_tasks_and_solutions_beside_empty_steps(capsys, ratios):
    rates = rates_of(contenders(), ROUNDS)
    with capsys.disabled():
        print(f"\n\n{f'fastest of {ROUNDS} rounds in turns':42}{'per second':>14}{'bare steps each':>18}")
        for name, rate in rates.items():
            print(f"{name:42}{rate:14,.0f}{rates[BARE] / rate:18,.0f}")
    ratios |= {
        f"{name}, of 1,000 bare steps": 1000 * rate / rates[BARE] for name, rate in rates.items() if name != BARE
    }
    assert min(ratios.values()) > 0.02  # a task in the time of 50,000 empty steps holds up nobody's model
