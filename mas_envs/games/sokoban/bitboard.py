"""Sets of cells as ints (bit `cell` is set), and what can be known of a floor from them.

Every function here takes a floor that is closed in by walls: no floor cell lies on the edge of the board, so a
step is a shift by 1 or by the width and never wraps around.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

Ways = Mapping[int, Mapping[str, tuple[int, int, int]]]
"""For every floor cell, the moves (in the order U, D, L, R) that stay on the floor -> the cell that each leads to, the
same as a set, and the cell behind it as a set. Behind a cell before a wall stands that cell itself: a box there has a
box behind it, as it were, and never moves."""

Row = tuple[tuple[int, int], ...]
"""What one box has before it: (goal as a bit among the goals, fewest pushes to it), for the goals it can reach."""


def bits(mask: int) -> Iterator[int]:
    """Yields the cells of a set in order."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def mask_of(cells: Iterable[int]) -> int:
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


def ways_on(floor: int, width: int) -> Ways:
    """Returns the moves that stay on the floor."""
    deltas = (("U", -width), ("D", width), ("L", -1), ("R", 1))
    return {
        cell: {
            move: (to := cell + delta, 1 << to, 1 << (to + delta if floor >> to + delta & 1 else to))
            for move, delta in deltas
            if floor >> cell + delta & 1
        }
        for cell in bits(floor)
    }


def unbroken(floor: int, width: int) -> int:
    """Returns the cells of a connected floor that can be seen at a glance to leave it connected when taken out.

    Those are the cells around which one can walk from each neighbour to the next, by way of the cells at the corners.
    (Of the others some leave it connected as well, by a longer way.)
    """
    up, down, left, right = floor << width, floor >> width, floor << 1, floor >> 1
    one, two = up & right & floor << width - 1, right & down & floor >> width + 1  # corners that join neighbours
    three, four = down & left & floor >> width - 1, left & up & floor << width + 1
    odd = up ^ down ^ left ^ right
    of_three = odd & (up & down | left & right)
    of_four = up & down & left & right
    return floor & (
        odd & ~of_three
        | (up ^ down) & (left ^ right) & (one | two | three | four)
        | of_three & (one & two | two & three | three & four | four & one)
        | of_four & (one & two & (three | four) | three & four & (one | two))
    )


def parts_without(floor: int, width: int) -> dict[int, list[int]]:
    """Returns for every cell of a connected floor the parts that a box there leaves of it: the player can walk about
    in one and cannot leave it. The part with the lowest cell comes first.
    """
    whole = unbroken(floor, width)
    return {
        cell: [floor ^ 1 << cell] if whole >> cell & 1 else components(floor ^ 1 << cell, width) for cell in bits(floor)
    }


def push_rows(floor: int, goals: int, width: int) -> dict[int, list[tuple[int, Row]]]:
    """Returns, for a box on every floor cell and alone there, what it has before it: (part of the floor that the
    player is in, `Row`), for every part of `parts_without`. A row without goals means that none can be reached.

    For every goal a search backwards, all positions that are equally far at once: `up` are the boxes that the player
    stands above, and so on; a pull takes both one cell further.
    """
    parts, deltas = parts_without(floor, width), (-width, width, -1, 1)
    rows: dict[int, list[list[tuple[int, int]]]] = {box: [[] for _ in found] for box, found in parts.items()}
    # Where a box splits the floor: for each part, the sides of the box from which the player is in it.
    doors = {
        box: [[k for k, delta in enumerate(deltas) if part >> box + delta & 1] for part in found]
        for box, found in parts.items()
        if len(found) > 1
    }
    split, whole = mask_of(doors), floor & ~mask_of(doors)
    ends = (floor & floor << width, floor & floor >> width, floor & floor << 1, floor & floor >> 1)
    for number, goal in enumerate(bits(goals)):
        up, down, left, right = (each & 1 << goal for each in ends)
        free_up, free_down, free_left, free_right = ends
        pushes = 0
        while reached := up | down | left | right:
            for box in bits(reached & whole):
                rows[box][0].append((1 << number, pushes))
            sides = [each | reached & whole for each in (up, down, left, right)]
            for box in bits(reached & split):
                for row, door in zip(rows[box], doors[box], strict=True):
                    if any(sides[k] >> box & 1 for k in door):
                        row.append((1 << number, pushes))
                        for k in door:
                            sides[k] |= 1 << box
            up, down, left, right = sides
            free_up, free_down, free_left, free_right = (
                free_up & ~up, free_down & ~down, free_left & ~left, free_right & ~right,
            )  # fmt: skip
            up, down = up >> width & free_up, down << width & free_down
            left, right = left >> 1 & free_left, right << 1 & free_right
            pushes += 1
    return {
        box: [(part, tuple(row)) for part, row in zip(found, rows[box], strict=True)] for box, found in parts.items()
    }


class MoveTable(NamedTuple):
    """Fewest moves for a lone box, at [box * stride + player]: one more than they are, 0 where there are none.

    `high` counts 256s; it is empty where nothing takes so many.
    """

    stride: int
    low: bytes
    high: bytes

    def __call__(self, box: int, player: int) -> int:
        """Returns the fewest moves that bring the box to a goal, -1 where none do."""
        place = box * self.stride + player
        return self.low[place] - 1 + (self.high[place] << 8 if self.high else 0)


def move_table(floor: int, goals: int, width: int, cells: int) -> MoveTable:
    """Returns the fewest moves for a lone box and any of the goals.

    A breadth-first search backwards from the solved positions, in which all that are equally far are one int: a move
    was a walk, or the player pushed the box ahead. `digits` are the results in binary, an int for every digit.
    """
    chunk = -(-cells // 8)  # bytes for the player's cells, so that every box begins a byte
    stride = 8 * chunk
    firsts, same = bytearray(chunk * cells), bytearray(chunk * cells)
    for box in bits(floor):
        place = box * stride + box
        firsts[box * chunk] = 1
        same[place >> 3] |= 1 << (place & 7)
    both = int.from_bytes(firsts, "little") * floor  # box and player on the floor
    one = int.from_bytes(same, "little")  # and on the same cell
    left, right, above, below = one >> 1 & both, one << 1 & both, one >> width & both, one << width & both
    unseen, frontier = both ^ one, 0
    for goal in bits(goals):
        frontier |= (floor ^ 1 << goal) << goal * stride
    digits, number = list[int](), 0
    across, down = stride + 1, (stride + 1) * width
    while frontier:
        unseen ^= frontier
        number += 1
        if number.bit_length() > len(digits):
            digits.append(0)
        for place in range(len(digits)):
            if number >> place & 1:
                digits[place] |= frontier
        frontier = unseen & (
            frontier << 1
            | frontier >> 1
            | frontier << width
            | frontier >> width
            | (frontier & left) >> across  # the player is left of the box, and has pushed it to the right
            | (frontier & right) << across
            | (frontier & above) >> down
            | (frontier & below) << down
        )
    return MoveTable(stride, _as_bytes(digits[:8], stride * cells), _as_bytes(digits[8:], stride * cells))


def _as_bytes(digits: list[int], size: int) -> bytes:
    """Returns, for each of `size` bits, the number that those of up to eight ints make; nothing where there are none.

    The characters of a binary numeral are bytes that end in 0 or 1.
    """
    ones, total = int.from_bytes(b"\1" * size, "little"), 0
    for place, digit in enumerate(digits):
        total |= (int.from_bytes(format(digit, f"0{size}b").encode(), "big") & ones) << place
    return total.to_bytes(size, "little") if digits else b""


def cheapest_matching(rows: list[Row], goals: int) -> int:
    """Returns the least sum of pushes that gives every box one of `goals` goals of its own, -1 where none does.

    Where there is a box for every goal, one half of them takes what the other leaves: halves come again and again
    from one position to the next, and what they can take is kept.
    """
    if len(rows) < goals:
        return min(_by_goals(tuple(rows)).values(), default=-1)
    half, everything = len(rows) // 2, (1 << goals) - 1
    first, second = _by_goals(tuple(rows[:half])), _by_goals(tuple(rows[half:]))
    sums = [pushes + second[everything ^ taken] for taken, pushes in first.items() if everything ^ taken in second]
    return min(sums, default=-1)


@lru_cache(maxsize=1 << 13)
def _by_goals(rows: tuple[Row, ...]) -> dict[int, int]:
    """Returns the least pushes that bring boxes to goals, for every set of goals that they can take."""
    best = {0: 0}
    for row in rows:
        following: dict[int, int] = {}
        for taken, pushes in best.items():
            for goal, more in row:
                if not taken & goal:
                    key, total = taken | goal, pushes + more
                    if following.get(key, total) >= total:
                        following[key] = total
        best = following
    return best
