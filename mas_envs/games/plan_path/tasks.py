"""Plan-Path's tasks: random maps whose start and goal are connected, split by the layout of walls and goal."""

from random import Random

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.plan_path.rules import Level, parse_level

MAX_DRAWS = 10_000
"""Maps drawn for one task before it is given up: of tiny maps there may be none in a split."""


def make_task(size: int, obstacles: float, split: str, index: int) -> Task:
    """Returns task `index` of a split.

    Maps are drawn from a stream of their own until one falls into the split and is connected; which split a map
    belongs to is decided by its layout (walls and goal up to rotation and reflection), so no layout is in two.
    Raises UsageError where maps of this kind are so few that none is in the split.
    """
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    source = f"plan_path/{size}x{size}/{obstacles:g}"
    generator = rng(source, split, index)
    for _ in range(MAX_DRAWS):
        level = draw_level(generator, size, obstacles)
        if level is not None and split_of(derive(level.layout_digest)) == split:
            return Task(TaskRef(source, f"{split}/{index}", digest(level)), level)
    raise UsageError(
        f"Of {size}x{size} maps with obstacles {obstacles:g} there are so few that the split {split!r} has none "
        f"(in {MAX_DRAWS} draws). Take a larger size or more obstacles."
    )


def draw_level(generator: Random, size: int, obstacles: float) -> Level | None:
    """Draws walls, start and goal; returns None where the goal cannot be reached."""
    cells = generator.sample(range(size * size), round(size * size * obstacles) + 2)
    level = Level(size, size, frozenset(cells[2:]), cells[0], cells[1])
    return level if level.start in level.distances else None


def read_task(text: str) -> Task:
    """Returns the task that a drawn map describes."""
    level = parse_level(text)
    name = digest(level)
    return Task(TaskRef("plan_path/text", name, name), level)


def digest(level: Level) -> str:
    """Returns 16 hexadecimal digits that name the level's content."""
    return f"{derive(level.text()):016x}"


def check_size(size: int, obstacles: float) -> None:
    """Raises UsageError unless a map of this kind can be drawn."""
    in_range("size", size, 2, 64)
    if isinstance(obstacles, bool) or not isinstance(obstacles, int | float) or not 0 <= obstacles <= 0.5:
        raise UsageError(f"obstacles is {obstacles!r}; it must be a share from 0 to 0.5 of the cells.")
    if size * size - round(size * size * obstacles) < 2:
        raise UsageError(f"size {size} with obstacles {obstacles:g} leaves no room for a start and a goal.")
