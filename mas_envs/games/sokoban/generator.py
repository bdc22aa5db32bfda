"""Random levels: walls strewn over the inner cells, the largest connected floor, goals on it, and a start.

With one box the start is drawn from all positions from which the level can be solved; with several, boxes are pulled
off the goals at random and the solver makes sure. Of a few such draws the one with most pushes is taken, since random
positions are easy. A level is never solved at its start, and the solver's solution fits into an episode's moves.

Levels that are to take a given number of pushes are drawn in another way, since random pulls do not lead far (12 to
14 pushes on 10x10 with four boxes): most pulls go to where the bound on the pushes is highest.
"""

from random import Random
from typing import NamedTuple

from mas_envs.games.sokoban.bitboard import bits, components, flood, mask_of
from mas_envs.games.sokoban.bounds import push_bound
from mas_envs.games.sokoban.layout import Board, Layout
from mas_envs.games.sokoban.rules import Level
from mas_envs.games.sokoban.solver import certificate

WALL_SHARE = (1 / 8, 5 / 16)
"""Least and most of the inner cells that are walls, before what lies apart is filled up: nearly empty floors are few
up to symmetry, and would come again and again; crowded ones leave little to push."""
DRAWS = 3
"""Starts that are drawn with one box; the one with most pushes is taken."""
PULLS_PER_BOX = 12
"""Pulls that are made with several boxes, for every box; of the positions on the way the hardest is taken. With a
given number of pushes, pulls that are made without coming to a harder position before the walk ends."""
SEARCH_BUDGET = 2_000
"""Positions that the solver may meet before a level with several boxes is dropped as too hard to certify."""
GRADED_BUDGET = 5_000
"""The same for a level that is to take a given number of pushes."""
ASTRAY = 0.3
"""Share of the pulls to a random position, not to a hardest one, so that boxes get into each other's way."""
MOVES_PER_SIDE = 4
MOVES_PER_PUSH = 8


class Range(NamedTuple):
    """The least and the most pushes that a level may take."""

    low: int
    high: int


def moves_in_all(size: int, boxes: int, pushes: Range | None = None) -> int:
    """Returns the moves of an episode: 4 times the side for every box, or 8 for every push that is asked for at least,
    whichever is more.
    """
    return max(MOVES_PER_SIDE * size * boxes, MOVES_PER_PUSH * pushes.low if pushes else 0)


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
    return None if start is None else _certified(layout, start, moves_in_all(layout.width, boxes), SEARCH_BUDGET)


def draw_graded_level(generator: Random, layout: Layout, boxes: int, pushes: Range) -> tuple[Level | None, int]:
    """Draws a start whose fewest pushes are in a range; returns None where the layout shows none.

    The second value is the most pushes that were seen on the layout, or a little less than that.
    """
    moves = moves_in_all(layout.width, boxes, pushes)
    if boxes == 1:
        starts = _starts_of_one(layout)
        fitting = [each for each in starts if pushes.low <= each[0] <= pushes.high]
        most = max(starts, default=(0,))[0]
        start = _placed(generator, *generator.choice(fitting)) if fitting else None
        return start and _certified(layout, start, moves, GRADED_BUDGET), most
    aim = generator.randint(*pushes)
    path = _pulled(generator, layout, boxes, aim)
    most = push_bound(layout, path[-1]) if path else 0
    level = None
    while most >= pushes.low:  # with fewer, the solver would seldom find that boxes in the way make up for it
        level = _certified(layout, path[-1], moves, GRADED_BUDGET)
        taken = level.pushes if level else None
        if taken is None or taken <= pushes.high:
            break
        # A pull adds one push or none, or even takes some away: this many pulls before, it took `aim` pushes or more.
        del path[aim - taken :]
    return level, most


def _certified(layout: Layout, start: Board, moves: int, budget: int) -> Level | None:
    """Returns the level; None where its solver gives up, or where its solution takes more moves than given."""
    found = certificate(layout, start, budget)
    return None if isinstance(found, str) or found[1] > moves else Level(layout, start, *found)


def _starts_of_one(layout: Layout) -> list[tuple[int, int, int]]:
    """Returns all starts with one box: (fewest pushes, at least one; the box; the cells that the player is among)."""
    return [
        (row[0][1], 1 << box, part) for box, rows in layout.pushes.items() for part, row in rows if row and row[0][1]
    ]


def _placed(generator: Random, _pushes: int, box: int, part: int) -> Board:
    return Board(generator.choice(list(bits(part))), box)


def _start_of_one(generator: Random, layout: Layout) -> Board | None:
    """Draws a box and the part of the floor that the player is in, then the player's cell."""
    starts = _starts_of_one(layout)
    return _placed(generator, *max(generator.choice(starts) for _ in range(DRAWS))) if starts else None


def _start_of_several(generator: Random, layout: Layout, boxes: int) -> Board | None:
    """Pulls boxes off the goals, and keeps of the positions on the way the one with the highest push bound.

    Returns None where that is less than a push per box.
    """
    board, best, start = _finish(generator, layout), 0, None
    for _ in range(PULLS_PER_BOX * boxes):
        pulls = _pulls(layout, board) if board else []
        if not pulls:
            break
        board = generator.choice(pulls)
        bound = push_bound(layout, board)
        if bound > best:
            best, start = bound, board
    return start if best >= boxes else None


def _pulled(generator: Random, layout: Layout, boxes: int, aim: int) -> list[Board]:
    """Pulls boxes off the goals until the push bound is `aim`, or does not rise any more.

    Returns the positions on the way up to the one with the highest bound, the solved one first; none where the boxes
    leave the player no room.
    """
    board = _finish(generator, layout)
    path = [board] if board else []
    best, length = 0, len(path)
    while path and best < aim and len(path) - length < PULLS_PER_BOX * boxes:
        pulls = _pulls(layout, path[-1])
        if not pulls:
            break
        if generator.random() >= ASTRAY:
            bounds = [push_bound(layout, each) for each in pulls]
            pulls = [each for each, bound in zip(pulls, bounds, strict=True) if bound == max(bounds)]
        path.append(generator.choice(pulls))
        bound = push_bound(layout, path[-1])
        if bound > best:
            best, length = bound, len(path)
    return path[:length]


def _finish(generator: Random, layout: Layout) -> Board | None:
    """Draws a solved position; returns None where the player has no room in it."""
    free = list(bits(layout.floor & ~layout.goals))
    return Board(generator.choice(free), layout.goals) if free else None


def _pulls(layout: Layout, board: Board) -> list[Board]:
    """Returns the positions in which the player has pulled a box: a push leads from each of them to `board`."""
    width, free = layout.width, layout.floor & ~board.boxes
    reach = flood(1 << board.player, free, width)
    return [
        Board(box + 2 * delta, board.boxes ^ (1 << box | 1 << box + delta))
        for box in bits(board.boxes)
        for delta in (-width, width, -1, 1)
        if reach >> box + delta & 1 and free >> box + 2 * delta & 1
    ]
