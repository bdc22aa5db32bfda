"""Solving Sokoban: exact tables for one box, A* over pushes for several."""

from heapq import heappop, heappush
from typing import Literal, NamedTuple

from mas_envs.games.sokoban.bitboard import bits, flood
from mas_envs.games.sokoban.rules import Board, Layout, effort_left, frozen, push_bound

BUDGET = 200_000
"""Positions that a search may meet before it gives up."""

_Key = tuple[int, int]
"""A position to the search: the boxes, and the lowest cell that the player can walk to."""
_Push = tuple[int, int]
"""A box's cell before a push, and what the push adds to it."""


class Solution(NamedTuple):
    """What a search found.

    outcome: "solved"; "unsolvable" (proved: no solution exists); "gave_up" (the budget is spent, nothing is known).
    moves: moves that solve the board, of "solved". pushes: how many of them push a box; the fewest possible
    if there are several boxes. positions: positions met.
    """

    outcome: Literal["solved", "unsolvable", "gave_up"]
    moves: str = ""
    pushes: int = 0
    positions: int = 0


def solve(layout: Layout, board: Board, budget: int = BUDGET) -> Solution:
    """Returns a solution: with one box one of fewest moves, with several one of fewest pushes.

    The same board always gets the same one; of walks and moves that are equally short it takes the one that comes
    first in the order U, D, L, R.
    """
    if board.boxes == layout.goals:
        return Solution("solved")
    if board.boxes & board.boxes - 1:
        return _fewest_pushes(layout, board, budget)
    return _fewest_moves(layout, board)


def certificate(layout: Layout, board: Board, budget: int = BUDGET) -> tuple[int, int] | str:
    """Returns (pushes, moves) as `Level` states them, or the outcome why there are none."""
    found = solve(layout, board, budget)
    if found.outcome != "solved":
        return found.outcome
    one_box = not board.boxes & board.boxes - 1
    return push_bound(layout, board) if one_box else found.pushes, len(found.moves)


def _fewest_moves(layout: Layout, board: Board) -> Solution:
    cells, fewest = layout.width * layout.height, layout.fewest_moves
    box, player = board.boxes.bit_length() - 1, board.player
    left = fewest[box * cells + player]
    if left < 0:
        return Solution("unsolvable")
    moves, pushes = "", 0
    while left:
        left -= 1
        for move, to in layout.steps[player].items():
            behind = to + to - player if to == box else box  # a box pushed into a wall is not in the table
            if fewest[behind * cells + to] == left:
                moves += move
                break
        pushes += to == box
        player, box = to, behind
    return Solution("solved", moves, pushes)


def _fewest_pushes(layout: Layout, board: Board, budget: int) -> Solution:
    """A*: the bound is `push_bound`, ties go to the deeper position; lost positions are left out.

    Where in its reach the player stands makes no difference, so a team that walks part of the way and then asks
    again is told the same pushes.
    """
    if effort_left(layout, board) < 0:
        return Solution("unsolvable")
    width, floor, goals = layout.width, layout.floor, layout.goals
    reach = flood(1 << board.player, floor ^ board.boxes, width)
    start = (board.boxes, _lowest(reach))
    depth: dict[_Key, int] = {start: 0}
    came: dict[_Key, tuple[_Key, _Push]] = {}
    heap = [(push_bound(layout, board), 0, start)]
    while heap:
        _, minus_pushes, key = heappop(heap)
        pushes = -minus_pushes
        if pushes > depth[key]:
            continue  # a shorter way here was found meanwhile
        if key[0] == goals:
            return Solution("solved", _walked(layout, board, _trace(came, key)), pushes, len(depth))
        if len(depth) > budget:
            return Solution("gave_up", positions=len(depth))
        boxes, player = key
        reach = flood(1 << player, floor ^ boxes, width)
        for box, delta in _pushes(layout, boxes, reach):
            moved = boxes ^ (1 << box | 1 << box + delta)
            after = (moved, _lowest(flood(1 << box, floor ^ moved, width)))
            if depth.get(after, pushes + 2) <= pushes + 1:
                continue
            bound = push_bound(layout, Board(box, moved))
            if bound < 0 or frozen(layout, moved) & ~goals:
                depth[after] = 0  # lost; no way here counts as shorter
                continue
            depth[after], came[after] = pushes + 1, (key, (box, delta))
            heappush(heap, (pushes + 1 + bound, -pushes - 1, after))
    return Solution("unsolvable", positions=len(depth))


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _pushes(layout: Layout, boxes: int, reach: int) -> list[_Push]:
    """Returns the pushes that a player with `reach` can make, those onto dead cells left out."""
    width, free = layout.width, layout.floor & ~(boxes | layout.dead)
    found: list[_Push] = []
    for delta in (width, 1):
        back = boxes & reach >> delta & free << delta  # the player stands below or right of the box
        ahead = boxes & reach << delta & free >> delta
        found += [(box, -delta) for box in bits(back)]
        found += [(box, delta) for box in bits(ahead)]
    return found


def _trace(came: dict[_Key, tuple[_Key, _Push]], key: _Key) -> list[_Push]:
    pushes: list[_Push] = []
    while key in came:
        key, push = came[key]
        pushes.append(push)
    return pushes[::-1]


def _walked(layout: Layout, board: Board, pushes: list[_Push]) -> str:
    """Returns the moves that make some pushes, with shortest walks between them."""
    letters = {-layout.width: "U", layout.width: "D", -1: "L", 1: "R"}
    player, boxes = board
    moves = ""
    for box, delta in pushes:
        moves += _way(layout, player, box - delta, boxes) + letters[delta]
        player, boxes = box, boxes ^ (1 << box | 1 << box + delta)
    return moves


def _way(layout: Layout, start: int, end: int, boxes: int) -> str:
    """Returns the first shortest walk from `start` to `end` around boxes, in the order U, D, L, R."""
    left, queue = {end: 0}, [end]
    for cell in queue:
        for to in layout.steps[cell].values():
            if to not in left and not boxes >> to & 1:
                left[to] = left[cell] + 1
                queue.append(to)
    moves = ""
    while start != end:
        move, start = next((m, to) for m, to in layout.steps[start].items() if left.get(to, -1) == left[start] - 1)
        moves += move
    return moves
