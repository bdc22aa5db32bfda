"""Sudoku's tasks: random puzzles with exactly one solution, graded, split up to symmetry; and puzzles from files.

A full board is drawn, then cells are emptied in a random order, each only where a proof says that the solution stays
the only one, until as many clues are left as asked for. Where the puzzle falls into another split, or has another
grade, one clue after another is exchanged (with the same proof) for a while, then a new board is drawn.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from random import Random

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.files import Entry, FileTasks, read_file
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.sudoku.rules import Level, why_clash
from mas_envs.games.sudoku.shape import BOXES, Shape, shape_of
from mas_envs.games.sudoku.solver import DIGITS, EMPTY, GRADES, NODE_BUDGET, grade, random_grid, solve

CLUES = {4: (5, 12), 6: (9, 30), 9: (24, 70)}
"""Least and most clues of generated puzzles, by side. With fewer there are none, or too few for three splits; with
4 clues on a 4x4 board, for instance, all are symmetric to one of 13 puzzles."""
DEFAULT_CLUES = {
    4: {None: 8, "easy": 8},
    6: {None: 16, "easy": 16, "medium": 12, "hard": 12},
    9: {None: 40, "easy": 40, "medium": 32, "hard": 28},
}
"""Clues where none are asked for, by side and difficulty. Naked singles solve every 4x4 puzzle, so all are easy."""
EXCHANGES = 60
"""Clues that are exchanged before a new board is drawn."""
MAX_DRAWS = 400
"""Boards drawn for one task before it is given up (half a minute at the worst)."""
_COMMENTS = ("#", ";", "%", "//")
_FRAME = str.maketrans("", "", " \t|+-")


def check_settings(side: int, clues: int | None, difficulty: str | None) -> int:
    """Returns how many clues generated puzzles have; raises UsageError where there are no such puzzles."""
    if isinstance(side, bool | float) or side not in tuple(BOXES):  # a tuple, for what has no hash
        raise UsageError(f"size is {side!r}; it must be 4, 6 or 9.")
    defaults = DEFAULT_CLUES[side]
    if difficulty is not None:
        one_of("difficulty", difficulty, GRADES)
        if difficulty not in defaults:
            raise UsageError(
                f"difficulty is {difficulty!r}, but naked singles solve every {side}x{side} puzzle: all are 'easy'. "
                "Take fewer clues, or size 6 or 9."
            )
    return defaults[difficulty] if clues is None else in_range(f"clues of size {side}", clues, *CLUES[side])


def make_task(side: int, clues: int, difficulty: str | None, split: str, index: int) -> Task:
    """Returns task `index` of a split.

    Puzzles are drawn from a stream of their own until one falls into the split; which one it belongs to the puzzle
    decides itself (see `family`), so none is in two, not even turned, mirrored or with other digits. Raises
    UsageError where puzzles of this kind are so few that none turns up.
    """
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    source = f"sudoku/{side}x{side}/{clues}" + (f"/{difficulty}" if difficulty else "")
    generator, shape = rng(source, split, index), shape_of(side)
    for _ in range(MAX_DRAWS):
        solution = random_grid(shape, generator)
        puzzle = _emptied(generator, shape, solution, clues)
        for _ in range(EXCHANGES if puzzle else 0):
            if split_of(derive(family(shape, puzzle))) == split and difficulty in (None, grade(shape, puzzle)):
                return Task(TaskRef(source, f"{split}/{index}", digest(puzzle)), certified(shape, puzzle))
            puzzle = _exchanged(generator, shape, solution, puzzle)
    raise UsageError(
        f"In {MAX_DRAWS} draws there was no {difficulty or ''} {side}x{side} puzzle with {clues} clues in the split "
        f"{split!r}. Take {'more' if difficulty == 'easy' else 'fewer' if difficulty else 'other'} clues."
    )


def _emptied(generator: Random, shape: Shape, solution: str, clues: int) -> str:
    """Returns a puzzle with that solution and as many clues; "" where the order drawn leads to none."""
    order = generator.sample(range(shape.cells), shape.cells)
    puzzle, at = solution, 0
    while (excess := shape.cells - puzzle.count(EMPTY) - clues) and at < shape.cells:
        puzzle = _empty_as_many(shape, puzzle, order[at : at + excess])
        at += excess
    return "" if excess else puzzle


def _empty_as_many(shape: Shape, puzzle: str, cells: Sequence[int]) -> str:
    """Returns the puzzle without those of the clues in `cells` that its solution does not need to be the only one.

    Halves of the cells are tried together: most of them can go, and one proof does for all.
    """
    fewer = _without(puzzle, cells)
    if _is_unique(shape, fewer):
        return fewer
    if len(cells) == 1:
        return puzzle
    half = len(cells) // 2
    return _empty_as_many(shape, _empty_as_many(shape, puzzle, cells[:half]), cells[half:])


def _exchanged(generator: Random, shape: Shape, solution: str, puzzle: str) -> str:
    """Returns the puzzle with another clue for one of its own; unchanged where that has several solutions."""
    empty = [cell for cell, sign in enumerate(puzzle) if sign == EMPTY]
    given = [cell for cell, sign in enumerate(puzzle) if sign != EMPTY]
    into, out = generator.choice(empty), generator.choice(given)
    other = _without(puzzle[:into] + solution[into] + puzzle[into + 1 :], [out])
    return other if _is_unique(shape, other) else puzzle


def _without(puzzle: str, cells: Sequence[int]) -> str:
    signs = list(puzzle)
    for cell in cells:
        signs[cell] = EMPTY
    return "".join(signs)


def _is_unique(shape: Shape, puzzle: str) -> bool:
    found = solve(shape, puzzle)
    return found.complete and len(found.solutions) == 1


def family(shape: Shape, puzzle: str) -> str:
    """Returns the same for puzzles that are one another under the symmetries of Sudoku.

    These are: other names for the digits, other orders of the rows in a band, of the bands, of the columns in a stack
    and of the stacks, and rows exchanged for columns; with them every rotation and reflection. What stays the same
    is, for each digit, how many givens the rows, columns and boxes of its cells have.
    """
    side = shape.side
    given = [(sign, cell // side, cell % side, shape.boxes[cell]) for cell, sign in enumerate(puzzle) if sign != EMPTY]
    rows, columns, boxes = [0] * side, [0] * side, [0] * side
    for _, row, column, box in given:
        rows[row] += 1
        columns[column] += 1
        boxes[box] += 1
    by_digit: dict[str, list[tuple[int, int, int]]] = {}
    for sign, row, column, box in given:
        by_digit.setdefault(sign, []).append((rows[row], columns[column], boxes[box]))
    upright = sorted(sorted(counts) for counts in by_digit.values())
    turned = sorted(sorted((column, row, box) for row, column, box in counts) for counts in by_digit.values())
    return repr((side, min(upright, turned)))


def certified(shape: Shape, puzzle: str, where: str = "The puzzle", budget: int = NODE_BUDGET) -> Level:
    """Returns the level of a puzzle; raises UsageError unless it is proved to have exactly one solution."""
    found = solve(shape, puzzle, budget=budget)
    if len(found.solutions) > 1:
        raise UsageError(f"{where} has several solutions. Give one with more clues.")
    if not found.complete:
        raise UsageError(f"{where}: the solver gave up after {found.nodes} positions. Give one with more clues.")
    if not found.solutions:
        raise UsageError(f"{where} has no solution.")
    return Level(puzzle, found.solutions[0], grade(shape, puzzle), found.nodes)


def read_puzzle(text: str, side: int, where: str = "The puzzle") -> str:
    """Returns the puzzle of a text: its signs in reading order, in one line or in rows, with or without a frame.

    Empty cells are `.`, `0` or `_`. Raises UsageError where it cannot be played, naming what is wrong.
    """
    lines = [line for line in text.splitlines() if not line.strip().startswith(_COMMENTS)]
    signs = "".join(lines).translate(_FRAME).replace("0", EMPTY).replace("_", EMPTY)
    wrong = signs.strip(DIGITS[:side] + EMPTY)[:1]
    if len(signs) != side * side:
        fits = [f"; make the game with size={n}" for n in BOXES if n * n == len(signs)]
        raise UsageError(
            f"{where} has {len(signs)} cells; a {side}x{side} puzzle has {side * side}: digits, and 0 or . for an "
            f"empty cell{fits[0] if fits else ''}."
        )
    if wrong:
        raise UsageError(f"{where} has {wrong!r}; allowed are the digits 1 to {side}, and 0 . or _ for an empty cell.")
    if EMPTY not in signs:
        raise UsageError(f"{where} has no empty cell; there is nothing to solve.")
    clash = why_clash(shape_of(side), signs)
    if clash:
        raise UsageError(f"{where} breaks the rules: {clash}.")
    return signs


@lru_cache(maxsize=1024)  # a saved state holds its level as text; loading the next one need not solve it again
def read_task(text: str, side: int) -> Task:
    """Returns the task of a puzzle's text (see `read_puzzle`); raises UsageError unless it has exactly one solution."""
    puzzle = read_puzzle(text, side)
    name = digest(puzzle)
    return Task(TaskRef("sudoku/text", name, name), certified(shape_of(side), puzzle))


def read_tasks(source: str, side: int) -> FileTasks:
    """Returns the tasks of "file:PATH": one puzzle a line; empty lines and comments (# ; % //) are passed over.

    Raises UsageError, naming the line, for one that cannot be read; whether a puzzle has exactly one solution shows
    when its task is taken.
    """
    name, text = read_file(source)
    shape, entries = shape_of(side), list[Entry]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.strip().startswith(_COMMENTS):
            continue
        where = f"Line {number} of {name}"
        puzzle = read_puzzle(line, side, where)
        ref = TaskRef(f"file:{name}", f"line/{number}", digest(puzzle))
        entries.append(
            Entry(split_of(derive(family(shape, puzzle))), partial(_task_of_line, ref, shape, puzzle, where))
        )
    return FileTasks(name, entries)


def _task_of_line(ref: TaskRef, shape: Shape, puzzle: str, where: str) -> Task:
    return Task(ref, certified(shape, puzzle, where))


def digest(puzzle: str) -> str:
    """Returns 16 hexadecimal digits that name the puzzle."""
    return f"{derive(puzzle):016x}"
