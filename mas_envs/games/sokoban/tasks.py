"""Sokoban's tasks: random levels and those of files, split by their layout of walls and goals."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.files import PREFIX, Entry, FileTasks, read_file
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.sokoban import solver
from mas_envs.games.sokoban.generator import Range, draw_graded_level, draw_layout, draw_level
from mas_envs.games.sokoban.layout import Board, Layout
from mas_envs.games.sokoban.levels import Written, find_levels
from mas_envs.games.sokoban.rules import Level, solved
from mas_envs.games.sokoban.xsb import parse_rows

MAX_DRAWS = 10_000
"""Layouts drawn for one task before it is given up."""
SEARCHED = 4_000_000
"""Cells times boxes of the layouts that are searched, in all, for one level that takes a given number of pushes: half a
minute at the worst."""
MAX_PUSHES = 1_000
"""Pushes that may be asked for."""
MOVES_PER_SIDES = 4
"""Moves of an episode on a level of a file, for every box and every row and column."""


def check_size(size: int, boxes: int) -> None:
    """Raises UsageError unless levels of this kind can be drawn."""
    in_range("size", size, 5, 32)
    in_range("boxes", boxes, 1, 8)
    if boxes > (size - 2) ** 2 // 4:
        raise UsageError(
            f"{boxes} boxes are too many for size {size}, which has {(size - 2) ** 2} cells inside its walls; "
            f"at most {(size - 2) ** 2 // 4} are allowed."
        )


def read_pushes(pushes: Sequence[int] | None) -> Range | None:
    """Returns the setting `pushes`; raises UsageError unless it is None or (least, most), from 1 on."""
    if pushes is None:
        return None
    if isinstance(pushes, str) or not isinstance(pushes, Sequence) or len(pushes) != 2:
        raise UsageError(f"pushes is {pushes!r}; give (least, most), as in (8, 12), or None for any.")
    low = in_range("the least of pushes", pushes[0], 1, MAX_PUSHES)
    return Range(low, in_range("the most of pushes", pushes[1], low, MAX_PUSHES))


def make_task(size: int, boxes: int, split: str, index: int, pushes: Range | None = None) -> Task:
    """Returns task `index` of a split.

    Layouts are drawn from a stream of their own until one falls into the split and gives a level; which split one
    belongs to it decides itself (up to rotation and reflection), so no layout is in two. Raises UsageError where
    levels of this kind are so few that none turns up in the split.
    """
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    kind = f"{size}x{size}/{boxes}" + (f"/{pushes.low}-{pushes.high}" if pushes else "")
    generator, most, searched, draws = rng(f"sokoban/{kind}", split, index), 0, 0, 0
    while draws < MAX_DRAWS and searched * size * size * boxes < SEARCHED:
        draws += 1
        layout = draw_layout(generator, size, boxes)
        if layout is not None and split_of(derive(layout.canonical_form)) == split:
            if pushes is None:
                level = draw_level(generator, layout, boxes)
            else:
                level, seen = draw_graded_level(generator, layout, boxes, pushes)
                most, searched = max(most, seen), searched + 1
            if level is not None:
                return Task(TaskRef(f"sokoban/{kind}", f"{split}/{index}", digest(level)), level)
    what = f"No {size}x{size} level with {boxes} {'box' if boxes == 1 else 'boxes'}"
    where = f"turned up in the split {split!r} in {draws} draws"
    if pushes is None:
        raise UsageError(f"{what} {where}. Take a larger size or fewer boxes.")
    raise UsageError(
        f"{what} that takes {pushes.low} to {pushes.high} pushes {where}. The most pushes that were seen are {most}. "
        "Ask for fewer, or take a larger size or more boxes."
    )


@lru_cache(maxsize=256)  # a saved state holds its level as text; loading the next one need not solve it again
def read_task(text: str) -> Task:
    """Returns the task that a level in XSB characters describes; raises UsageError if it cannot be solved."""
    found = find_levels(text)
    if not found:
        what = "holds no level" if text.strip() else "is empty"
        raise UsageError(f"The text {what}; give rows of # (wall), $ (box), . (goal), @ (player) and spaces.")
    if len(found) > 1:
        raise UsageError(
            f"The text holds {len(found)} levels, the second on line {found[1].line}; give one, or a file of them by "
            "source='file:PATH'."
        )
    level = certified(found[0])
    name = digest(level)
    return Task(TaskRef("sokoban/text", name, name), level)


class LevelFile(NamedTuple):
    """The levels of a file: their tasks, the most columns, rows and boxes that one has, and moves that are enough."""

    tasks: FileTasks
    width: int
    height: int
    boxes: int
    moves: int


def load_file(source: str) -> LevelFile:
    """Returns the levels of the file that "file:PATH" names. A level is solved when its task is made, not before.

    Raises UsageError, naming the line, where one is malformed; making a task raises it where one cannot be solved.
    """
    name, text = read_file(source)
    try:
        found = [(written, *unsolved(written)) for written in find_levels(text)]
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    entries, sizes, names = list[Entry](), list[tuple[int, int, int]](), set[str]()
    for number, (written, layout, start) in enumerate(found, 1):
        called = written.name or str(number)
        names.add(called := called if called not in names else f"{called} (number {number})")
        split = split_of(derive(layout.canonical_form))
        entries.append(Entry(split, partial(_file_task, name, called, written)))
        sizes.append((layout.width, layout.height, start.boxes.bit_count()))
    tasks = FileTasks(name, entries)
    width, height, boxes = map(max, zip(*sizes, strict=True))
    return LevelFile(tasks, width, height, boxes, max(MOVES_PER_SIDES * (w + h) * n for w, h, n in sizes))


def _file_task(file: str, name: str, written: Written) -> Task:
    try:
        level = certified(written)
    except UsageError as error:
        raise UsageError(f"{file}: {error} Take it out of the file.") from error
    return Task(TaskRef(PREFIX + file, name, digest(level)), level)


def unsolved(written: Written) -> tuple[Layout, Board]:
    """Returns what a level describes; raises UsageError, naming the line, if it is malformed or solved already."""
    layout, start = parse_rows(written.rows)
    if solved(layout, start):
        raise UsageError(f"Line {written.line}: the level is solved already; put a box off its goal.")
    return layout, start


def certified(written: Written) -> Level:
    """Returns a level with its certificate; raises UsageError, naming the line, if it is malformed or unsolvable."""
    layout, start = unsolved(written)
    proved = solver.certificate(layout, start, solver.BUDGET)
    if proved == "unsolvable":
        raise UsageError(f"Line {written.line}: the level cannot be solved.")
    return Level(layout, start, *((None, None) if isinstance(proved, str) else proved))


def digest(level: Level) -> str:
    """Returns 16 hexadecimal digits that name the level's content."""
    return f"{derive(level.text()):016x}"
