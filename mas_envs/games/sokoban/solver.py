"""Solving Sokoban: exact tables for one box, A* over pushes for several."""

from heapq import heappop, heappush
from typing import Literal, NamedTuple

from mas_envs.games.sokoban.bitboard import flood
from mas_envs.games.sokoban.bounds import Push, effort_left, frozen, push_bound, useful_pushes
from mas_envs.games.sokoban.layout import Board, Layout

BUDGET = 100_000
"""Positions that a search may meet before it gives up."""

_Key = tuple[int, int]
"""A position to the search: the boxes, and the cells that the player can walk about in."""


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
    if not board.boxes & ~layout.goals:
        return Solution("solved")
    if board.boxes & board.boxes - 1:
        return _fewest_pushes(layout, board, budget)
    return _fewest_moves(layout, board)


def certificate(layout: Layout, board: Board, budget: int = BUDGET) -> tuple[int, int] | str:
    """Returns (pushes, moves) as `Level` states them, or the outcome why there are none."""
    if board.boxes & board.boxes - 1:
        found = solve(layout, board, budget)
        return (found.pushes, len(found.moves)) if found.outcome == "solved" else found.outcome
    moves = layout.fewest_moves(board.boxes.bit_length() - 1, board.player)
    return (push_bound(layout, board), moves) if moves >= 0 else "unsolvable"


def _fewest_moves(layout: Layout, board: Board) -> Solution:
    fewest = layout.fewest_moves
    box, player = board.boxes.bit_length() - 1, board.player
    left = fewest(box, player)
    if left < 0:
        return Solution("unsolvable")
    moves, pushes = "", 0
    while left:
        left -= 1
        for move, (to, _, _) in layout.ways[player].items():
            behind = to + to - player if to == box else box  # a box pushed into a wall is not in the table
            if fewest(behind, to) == left:
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
    width, floor, off_goal = layout.width, layout.floor, ~layout.goals
    start = (board.boxes, flood(1 << board.player, floor ^ board.boxes, width))
    depth: dict[_Key, int] = {start: 0}
    came: dict[_Key, tuple[_Key, Push]] = {}
    heap = [(push_bound(layout, board), 0, start)]
    while heap:
        _, minus_pushes, key = heappop(heap)
        pushes = -minus_pushes
        if pushes > depth[key]:
            continue  # a shorter way here was found meanwhile
        if not key[0] & off_goal:
            return Solution("solved", _walked(layout, board, _trace(came, key)), pushes, len(depth))
        if len(depth) > budget:
            return Solution("gave_up", positions=len(depth))
        boxes, reach = key
        for box, delta in useful_pushes(layout, boxes, reach):
            moved = boxes ^ (1 << box | 1 << box + delta)
            after = (moved, flood(1 << box, floor ^ moved, width))
            if depth.get(after, pushes + 2) <= pushes + 1:
                continue
            bound = push_bound(layout, Board(box, moved))
            if bound < 0 or frozen(layout, moved) & off_goal:
                depth[after] = 0  # lost; no way here counts as shorter
                continue
            depth[after], came[after] = pushes + 1, (key, (box, delta))
            heappush(heap, (pushes + 1 + bound, -pushes - 1, after))
    return Solution("unsolvable", positions=len(depth))


def _trace(came: dict[_Key, tuple[_Key, Push]], key: _Key) -> list[Push]:
    pushes: list[Push] = []
    while key in came:
        key, push = came[key]
        pushes.append(push)
    return pushes[::-1]


def _walked(layout: Layout, board: Board, pushes: list[Push]) -> str:
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
        for to, _, _ in layout.ways[cell].values():
            if to not in left and not boxes >> to & 1:
                left[to] = left[cell] + 1
                queue.append(to)
    moves = ""
    while start != end:
        near = left[start] - 1
        move, start = next((move, to) for move, (to, _, _) in layout.ways[start].items() if left.get(to, -1) == near)
        moves += move
    return moves
