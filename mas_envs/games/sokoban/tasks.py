"""Sokoban's tasks: random levels, certified by the solver, split by the layout of walls and goals.

Walls are strewn over the inner cells, the largest connected floor is kept and goals are put on it. With one box the
start is drawn from all positions from which the level can be solved; with several, boxes are pulled off the goals at
random and the solver makes sure. Of a few such draws the one with most pushes is taken, since random positions are
easy. A level is never solved at its start, and the solver's solution fits into an episode's moves.
"""

from functools import lru_cache
from random import Random

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.sokoban.bitboard import bits, components, flood, mask_of
from mas_envs.games.sokoban.rules import Board, Layout, Level, push_bound
from mas_envs.games.sokoban.solver import certificate
from mas_envs.games.sokoban.xsb import parse

WALL_SHARE = (1 / 8, 5 / 16)
"""Least and most of the inner cells that are walls, before what lies apart is filled up: nearly empty floors are few
up to symmetry, and would come again and again; crowded ones leave little to push."""
DRAWS = 3
"""Starts that are drawn with one box; the one with most pushes is taken."""
PULLS_PER_BOX = 12
"""Pulls that are made with several boxes, for every box; of the positions on the way the hardest is taken."""
SEARCH_BUDGET = 2_000
"""Positions that the solver may meet before a level with several boxes is dropped as too hard to certify."""
MAX_DRAWS = 10_000
"""Layouts drawn for one task before it is given up."""
_MOVES_PER_SIDE = 4


def moves_in_all(size: int, boxes: int) -> int:
    """Returns the moves of an episode, 4 times the side for every box."""
    return _MOVES_PER_SIDE * size * boxes


def check_size(size: int, boxes: int) -> None:
    """Raises UsageError unless levels of this kind can be drawn."""
    in_range("size", size, 5, 32)
    in_range("boxes", boxes, 1, 8)
    if boxes > (size - 2) ** 2 // 4:
        raise UsageError(
            f"{boxes} boxes are too many for size {size}, which has {(size - 2) ** 2} cells inside its walls; "
            f"at most {(size - 2) ** 2 // 4} are allowed."
        )


def make_task(size: int, boxes: int, split: str, index: int) -> Task:
    """Returns task `index` of a split.

    Layouts are drawn from a stream of their own until one falls into the split and gives a level; which split one
    belongs to it decides itself (up to rotation and reflection), so no layout is in two. Raises UsageError where
    levels of this kind are so few that none is in the split.
    """
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    source = f"sokoban/{size}x{size}/{boxes}"
    generator = rng(source, split, index)
    for _ in range(MAX_DRAWS):
        layout = draw_layout(generator, size, boxes)
        if layout is not None and split_of(derive(layout.canonical_form)) == split:
            level = draw_level(generator, layout, boxes)
            if level is not None:
                return Task(TaskRef(source, f"{split}/{index}", digest(level)), level)
    raise UsageError(
        f"No {size}x{size} level with {boxes} boxes turned up in the split {split!r} in {MAX_DRAWS} draws. "
        "Take a larger size or fewer boxes."
    )


def draw_layout(generator: Random, size: int, boxes: int) -> Layout | None:
    """Draws walls and goals; returns None where the floor is too small for the boxes to move."""
    inner = [row * size + column for row in range(1, size - 1) for column in range(1, size - 1)]
    walls = generator.sample(inner, generator.randint(*(int(share * len(inner)) for share in WALL_SHARE)))
    floor = max(components(mask_of(inner) ^ mask_of(walls), size), key=int.bit_count)
    if floor.bit_count() < 2 * boxes + 2:
        return None
    goals = mask_of(generator.sample(list(bits(floor)), boxes))
    return Layout(size, size, (1 << size * size) - 1 ^ floor, goals)


def draw_level(generator: Random, layout: Layout, boxes: int) -> Level | None:
    """Draws a start; returns None where the layout has none that will do."""
    start = _start_of_one(generator, layout) if boxes == 1 else _start_of_several(generator, layout, boxes)
    if start is None:
        return None
    certified = certificate(layout, start, SEARCH_BUDGET)
    if isinstance(certified, str) or certified[1] > moves_in_all(layout.width, boxes):
        return None
    return Level(layout, start, *certified)


def _start_of_one(generator: Random, layout: Layout) -> Board | None:
    """Draws a box and the part of the floor that the player is in, then the player's cell."""
    positions = [
        (row[0][1], 1 << box, part) for box, rows in layout.pushes.items() for part, row in rows if row and row[0][1]
    ]
    if not positions:
        return None
    _, box, part = max(generator.choice(positions) for _ in range(DRAWS))
    return Board(generator.choice(list(bits(part))), box)


def _start_of_several(generator: Random, layout: Layout, boxes: int) -> Board | None:
    """Pulls boxes off the goals, and keeps of the positions on the way the one with the highest push bound.

    Returns None where that is less than a push per box.
    """
    width, floor, placed = layout.width, layout.floor, layout.goals
    if not floor & ~placed:
        return None
    reach = flood(1 << generator.choice(list(bits(floor & ~placed))), floor & ~placed, width)
    best, start = 0, None
    for _ in range(PULLS_PER_BOX * boxes):
        pulls = [
            (box, delta)
            for box in bits(placed)
            for delta in (-width, width, -1, 1)
            if reach >> box + delta & 1 and (floor & ~placed) >> box + 2 * delta & 1
        ]
        if not pulls:
            break
        box, delta = generator.choice(pulls)
        placed ^= 1 << box | 1 << box + delta
        player = box + 2 * delta
        reach = flood(1 << player, floor & ~placed, width)
        bound = push_bound(layout, Board(player, placed))
        if bound > best:
            best, start = bound, Board(player, placed)
    return start if best >= boxes else None


@lru_cache(maxsize=256)  # a saved state holds its level as text; loading the next one need not solve it again
def read_task(text: str) -> Task:
    """Returns the task that a level in XSB characters describes; raises UsageError unless it can be solved."""
    layout, start = parse(text)
    if start.boxes == layout.goals:
        raise UsageError("The level is solved already; put a box off its goal.")
    certified = certificate(layout, start)
    if certified == "unsolvable":
        raise UsageError("The level cannot be solved.")
    if isinstance(certified, str):
        raise UsageError("The solver gave up on the level before it found a solution; give a smaller one.")
    level = Level(layout, start, *certified)
    name = digest(level)
    return Task(TaskRef("sokoban/text", name, name), level)


def digest(level: Level) -> str:
    """Returns 16 hexadecimal digits that name the level's content."""
    return f"{derive(level.text()):016x}"
