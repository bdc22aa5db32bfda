"""Sets of cells as ints (bit `cell` is set), and what can be known of a floor from them.

Every function here takes a floor that is closed in by walls: no floor cell lies on the edge of the board, so a
step is a shift by 1 or by the width and never wraps around.
"""

from collections.abc import Iterator, Mapping

Steps = Mapping[int, Mapping[str, int]]
"""For every floor cell, the moves (in the order U, D, L, R) that stay on the floor, and where they lead."""

Row = tuple[tuple[int, int], ...]
"""What one box has before it: (goal as a bit among the goals, fewest pushes to it), for the goals it can reach."""


def bits(mask: int) -> Iterator[int]:
    """Yields the cells of a set in order."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def mask_of(cells: Iterator[int] | list[int]) -> int:
    """Returns the set of some cells."""
    mask = 0
    for cell in cells:
        mask |= 1 << cell
    return mask


def flood(seed: int, free: int, width: int) -> int:
    """Returns the cells of `free` that are connected to those of `seed` (which lie in `free`), `seed` included."""
    while True:
        grown = (seed | seed << 1 | seed >> 1 | seed << width | seed >> width) & free
        if grown == seed:
            return seed
        seed = grown


def components(free: int, width: int) -> list[int]:
    """Returns the connected parts of `free`, the one with the lowest cell first."""
    parts: list[int] = []
    while free:
        part = flood(free & -free, free, width)
        parts.append(part)
        free ^= part
    return parts


def steps_on(floor: int, width: int) -> Steps:
    """Returns the steps that stay on the floor."""
    deltas = (("U", -width), ("D", width), ("L", -1), ("R", 1))
    return {cell: {move: cell + delta for move, delta in deltas if floor >> cell + delta & 1} for cell in bits(floor)}


def move_distances(steps: Steps, goal: int, cells: int) -> list[int]:
    """Returns the fewest moves that bring a lone box to `goal`, at [box * cells + player]; -1 where none do.

    A breadth-first search backwards from the solved positions: a move was a walk, or it pushed the box ahead.
    """
    fewest = [-1] * (cells * cells)
    queue = [goal * cells + player for player in steps if player != goal]
    for key in queue:
        fewest[key] = 0
    for key in queue:
        box, player = divmod(key, cells)
        further = fewest[key] + 1
        for before in steps[player].values():  # the player came from here
            if before != box:
                walked = key - player + before
                if fewest[walked] < 0:
                    fewest[walked] = further
                    queue.append(walked)
                if player + player - before == box:  # and the box may have stood where the player is now
                    pushed = player * cells + before
                    if fewest[pushed] < 0:
                        fewest[pushed] = further
                        queue.append(pushed)
    return fewest


def push_distances(floor: int, sides: Mapping[int, list[int]], goal: int, width: int) -> dict[tuple[int, int], int]:
    """Returns the fewest pushes that bring a lone box to `goal`, by (box, index of the player's side).

    `sides[box]` are the parts that a box leaves of the floor: the player can walk about in one and cannot leave it.
    Positions from which there is no way are left out. A breadth-first search backwards.
    """
    fewest = {(goal, side): 0 for side in range(len(sides[goal]))}
    queue = list(fewest)
    for position in queue:
        box, side = position
        part, further = sides[box][side], fewest[position] + 1
        for delta in (-width, width, -1, 1):
            stand, before = box - delta, box - delta - delta  # the player after and before a push by delta
            if part >> stand & 1 and floor >> before & 1:
                previous = next(i for i, each in enumerate(sides[stand]) if each >> before & 1)
                if (stand, previous) not in fewest:
                    fewest[stand, previous] = further
                    queue.append((stand, previous))
    return fewest


def cheapest_matching(rows: list[Row]) -> int:
    """Returns the least sum of pushes that gives every box a goal of its own, -1 where there is none."""
    best = {0: 0}  # goals taken by the boxes so far -> least pushes
    for row in rows:
        following: dict[int, int] = {}
        for taken, pushes in best.items():
            for goal, more in row:
                if not taken & goal:
                    key, total = taken | goal, pushes + more
                    if following.get(key, total) >= total:
                        following[key] = total
        best = following
    return min(best.values(), default=-1)
