"""What can be known of a position without solving it: bounds on the pushes, and whether it is lost.

Whatever is called lost here has no solution; not every position without one is called so.
"""

from mas_envs.games.sokoban.bitboard import Row, bits, cheapest_matching, flood
from mas_envs.games.sokoban.layout import Board, Layout

MATCHED_GOALS = 8
"""Up to so many goals the bound on the pushes is an exact matching; beyond, every box takes its nearest goal."""

HEMMED_IN = 10
"""Positions that are looked at to see that the boxes have no way out."""

_EFFORTS = 4096
"""Arrangements of one layout's boxes whose effort is kept."""

Push = tuple[int, int]
"""A box's cell before a push, and what the push adds to it."""


def push_bound(layout: Layout, board: Board) -> int:
    """Returns a number of pushes below which no solution comes, or -1 where there can be none.

    The cheapest matching of boxes and goals, each box pushed as if it were alone on the floor; exact for one box.
    With more than MATCHED_GOALS goals it is the sum of every box's way to its nearest goal.
    """
    player, boxes = board
    here, rows = 1 << player, list[Row]()
    for box in bits(boxes):
        for part, row in layout.pushes[box]:
            if part & here:
                rows.append(row)
    goals = layout.goals.bit_count()
    if goals <= MATCHED_GOALS:
        return cheapest_matching(rows, goals)
    return sum(min(pushes for _, pushes in row) for row in rows) if all(rows) else -1


def frozen(layout: Layout, boxes: int) -> int:
    """Returns boxes that can never be moved again on the way to a solution.

    A box is stuck along a line if a wall or a stuck box is beside it, or no cell beside it leads to a goal. What is
    left once all that are free along a line have been taken out holds itself in place: the first of them to move
    would have to do so while all others are still there.
    """
    width, walls = layout.width, layout.walls
    across, along = layout.between_dead
    while True:
        solid = walls | boxes
        stuck = boxes & (solid << 1 | solid >> 1 | across) & (solid << width | solid >> width | along)
        if stuck == boxes:
            return stuck
        boxes = stuck


def useful_pushes(layout: Layout, boxes: int, reach: int) -> list[Push]:
    """Returns the pushes that a player who can walk about in `reach` can make, those onto dead cells left out."""
    width, free = layout.width, layout.floor & ~(boxes | layout.dead)
    found: list[Push] = []
    for delta in (width, 1):
        back = boxes & reach >> delta & free << delta  # the player stands below or right of the box
        ahead = boxes & reach << delta & free >> delta
        found += [(box, -delta) for box in bits(back)]
        found += [(box, delta) for box in bits(ahead)]
    return found


def effort_left(layout: Layout, board: Board) -> int:
    """Returns what a board still takes, 0 where it is solved, or -1 where it is known to be lost.

    With one box that is the fewest moves that solve it, and lost is whatever cannot be solved; with several it is
    `push_bound`, and lost is what can be seen to be: by the bound, frozen boxes, or because it is hemmed in.
    """
    player, boxes = board
    if not boxes & boxes - 1:
        return layout.fewest_moves(boxes.bit_length() - 1, player)
    for part, left in layout.efforts.get(boxes, ()):
        if part >> player & 1:
            return left
    part = flood(1 << player, layout.floor ^ boxes, layout.width)
    left = _bound_unless_lost(layout, board)
    if left > 0 and _hemmed_in(layout, boxes, part):
        left = -1
    if len(layout.efforts) < _EFFORTS:
        layout.efforts.setdefault(boxes, []).append((part, left))
    return left


def _bound_unless_lost(layout: Layout, board: Board) -> int:
    if board.boxes & layout.dead or frozen(layout, board.boxes) & ~layout.goals:
        return -1
    return push_bound(layout, board)


def _hemmed_in(layout: Layout, boxes: int, reach: int) -> bool:
    """Says whether all that can come of an unsolved position is a few positions, none of which is solved.

    False, and soon, where there is more room than HEMMED_IN positions: most boxes that are caught are caught in few.
    """
    seen, ahead = set[tuple[int, int]](), [(boxes, reach)]
    while ahead:
        position = boxes, reach = ahead.pop()
        if position in seen:
            continue
        seen.add(position)
        pushes = useful_pushes(layout, boxes, reach)
        if len(seen) + len(ahead) + len(pushes) > HEMMED_IN:
            return False
        for box, delta in pushes:
            moved = boxes ^ (1 << box | 1 << box + delta)
            left = _bound_unless_lost(layout, Board(box, moved))
            if left == 0:
                return False
            if left > 0:
                ahead.append((moved, flood(1 << box, layout.floor ^ moved, layout.width)))
    return True
