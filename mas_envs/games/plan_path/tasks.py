"""Plan-Path's tasks: random maps whose start and goal are connected, split by the layout of walls and goal."""

from array import array
from random import Random
from typing import Any, NamedTuple

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.plan_path.maps import parse_level
from mas_envs.games.plan_path.rules import FREE, WALL, Level, Terrain

MAX_DRAWS = 10_000
"""Maps drawn for one task before it is given up: of tiny maps there may be none in a split."""
MOVES_PER_SIDE = 4
"""Moves of an episode, for every cell of the map's longer side; no drawn task needs more."""
_DRAWS_PER_TRY = 20
"""Maps drawn, at most, for each that falls into the split (of ten, one does at least) and is searched."""


class Length(NamedTuple):
    """Fewest moves from start to goal that a drawn task may take: from `low` to `high`, both included."""

    low: int
    high: int


def make_task(size: int, obstacles: float, length: Length | None, split: str, index: int) -> Task:
    """Returns task `index` of a split.

    Maps are drawn from a stream of their own until one falls into the split and is connected; which split a map
    belongs to is decided by its layout (walls and goal up to rotation and reflection), so no layout is in two.
    With `length` the start is drawn among the cells from which the way is as long as that. Raises UsageError where
    maps of this kind are so few that none is in the split, or none with such a way turns up.
    """
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    kind = f"plan_path/{size}x{size}/{obstacles:g}"
    source = f"{kind}/{length.low}-{length.high}" if length else kind
    generator = rng(source, split, index)
    walls = round(size * size * obstacles)
    limit = length or Length(1, MOVES_PER_SIDE * size)
    longest, tried, most = 0, 0, tries(size * size)
    for _ in range(_DRAWS_PER_TRY * most if length else MAX_DRAWS):
        start, goal, *blocked = generator.sample(range(size * size), walls + 2)
        terrain = Terrain(size, size, _cells(size, blocked))
        if split_of(derive(terrain.layout(goal))) != split:
            continue
        level = draw_start(generator, terrain, goal, length) if length else Level(terrain, start, goal)
        if level is not None and limit.low <= level.steps <= limit.high:
            return Task(TaskRef(source, f"{split}/{index}", digest(level)), level)
        if length:
            longest, tried = max(longest, *terrain.distances(goal)), tried + 1
            if tried == most:
                break
    if length and tried:
        raise UsageError(_no_such_way(f"{size}x{size} maps with obstacles {obstacles:g}", length, longest, tried))
    raise UsageError(
        f"Of {size}x{size} maps with obstacles {obstacles:g} there are so few that the split {split!r} has none "
        f"(in {MAX_DRAWS} draws). Take a larger size or more obstacles."
    )


def _cells(size: int, walls: list[int]) -> str:
    signs = [FREE] * (size * size)
    for cell in walls:
        signs[cell] = WALL
    return "".join(signs)


def draw_start(generator: Random, terrain: Terrain, goal: int, length: Length | None) -> Level | None:
    """Draws a start from which the way to `goal` is as long as asked for; returns None where there is none."""
    low, high = length or (1, len(terrain.cells))
    starts = [cell for cell, steps in enumerate(terrain.distances(goal)) if low <= steps <= high]
    return Level(terrain, generator.choice(starts), goal) if starts else None


def tries(cells: int) -> int:
    """Returns how many maps are searched for a start with a way of some length before it is given up, seconds later."""
    return min(4000, max(50, 1_500_000 // cells))


class MapTasks:
    """Tasks drawn on one map: goal and start from (split, index), split by the layout as generated maps are.

    Args:
        name: the file's name, for references and messages.
        longest: a number of moves that no shortest path on the map exceeds.
    """

    def __init__(self, name: str, terrain: Terrain, length: Length | None, longest: int):
        if longest == 0:
            raise UsageError(f"{name} has no two free cells with a way between them.")
        if length and length.low > longest:
            raise UsageError(_no_such_way(name, length, longest, 0))
        self.name, self._terrain, self._length = name, terrain, length
        self._stream = f"{derive(terrain.width, terrain.height, terrain.cells):016x}"
        self._free = array("i", [cell for cell, sign in enumerate(terrain.cells) if sign == FREE])

    def task(self, split: str, index: int) -> Task:
        """Returns task `index` of a split, always the same one; raises UsageError where there is none."""
        one_of("split", split, SPLITS)
        return self._draw(split, (split,), in_range("index", index, 0, 2**63))

    def for_seed(self, index: int) -> Task:
        """Returns a training task; on a map that is too small to have one, any task."""
        try:
            return self._draw("train", ("train",), index)
        except UsageError:
            return self._draw("any", SPLITS, index)

    def all(self) -> tuple[Task, ...]:
        """Returns nothing: as many are drawn as are asked for."""
        return ()

    def _draw(self, part: str, splits: tuple[str, ...], index: int) -> Task:
        terrain, length = self._terrain, self._length
        generator = rng("plan_path/map", self._stream, *(length or ()), part, index)
        longest, tried, most = 0, 0, tries(len(terrain.cells))
        for _ in range(_DRAWS_PER_TRY * most if length else MAX_DRAWS):
            goal = generator.choice(self._free)
            if split_of(derive(terrain.layout(goal))) not in splits:
                continue
            level = draw_start(generator, terrain, goal, length)
            if level is not None:
                return Task(TaskRef(f"file:{self.name}", f"{part}/{index}", digest(level)), level)
            longest, tried = max(longest, *terrain.distances(goal)), tried + 1
            if length and tried == most:
                break
        if length and longest:
            raise UsageError(_no_such_way(self.name, length, longest, tried))
        raise UsageError(
            f"{self.name} has so few places for a goal that the split {part!r} has none (in {MAX_DRAWS} draws). "
            "Take another split or a larger map."
        )


def _no_such_way(where: str, length: Length, longest: int, tried: int) -> str:
    seen = f"in {tried} draws the longest had {longest}" if tried else f"the longest has at most {longest}"
    return (
        f"There is no shortest path of {length.low} to {length.high} moves on {where}: {seen}. "
        "Take shorter lengths, a wider range or a larger map."
    )


def read_task(text: str) -> Task:
    """Returns the task that a drawn map describes."""
    level = parse_level(text)
    name = digest(level)
    return Task(TaskRef("plan_path/text", name, name), level)


def digest(level: Level) -> str:
    """Returns 16 hexadecimal digits that name the level's content."""
    return f"{derive(level.text()):016x}"


def check_kind(size: int, obstacles: float) -> None:
    """Raises UsageError unless a map of this kind can be drawn."""
    in_range("size", size, 2, 64)
    if isinstance(obstacles, bool) or not isinstance(obstacles, int | float) or not 0 <= obstacles <= 0.5:
        raise UsageError(f"obstacles is {obstacles!r}; it must be a share from 0 to 0.5 of the cells.")
    if size * size - round(size * size * obstacles) < 2:
        raise UsageError(f"size {size} with obstacles {obstacles:g} leaves no room for a start and a goal.")


def read_length(length: Any, free: int = 2**20) -> Length | None:
    """Returns the setting `length`: None, or two whole numbers, on maps with at most `free` free cells.

    Raises UsageError for anything else.
    """
    if length is None:
        return None
    if not isinstance(length, tuple | list) or len(length) != 2:
        raise UsageError(f"length is {length!r}; give the least and the most moves of a shortest path, as in (8, 12).")
    low, high = (in_range("length", each, 1, 2**20) for each in length)
    if low > high:
        raise UsageError(f"length is {length!r}; the first number must not be larger than the second.")
    if low >= free:
        raise UsageError(f"length is {length!r}, but on {free} free cells no way has more than {free - 1} moves.")
    return Length(low, high)
