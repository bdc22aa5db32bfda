"""An independent Sokoban solver: plain breadth-first search over sets of (row, column), without the game's code.

Below it, what the tests need to go from its positions to the game's and back.
"""

import itertools
from collections import deque
from functools import cache

from mas_envs.games.sokoban import Sokoban
from mas_envs.games.sokoban.bitboard import bits, mask_of
from mas_envs.games.sokoban.layout import Board
from mas_envs.games.sokoban.levels import find_levels
from mas_envs.games.sokoban.rules import draw
from mas_envs.games.sokoban.tasks import make_task
from mas_envs.games.sokoban.xsb import parse_rows

DIRECTIONS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


def read(text):
    cells = {(r, c): sign for r, row in enumerate(text.splitlines()) for c, sign in enumerate(row)}
    walls = {at for at, sign in cells.items() if sign == "#"}
    boxes = frozenset(at for at, sign in cells.items() if sign in "$*")
    goals = frozenset(at for at, sign in cells.items() if sign in ".+*")
    player = next(at for at, sign in cells.items() if sign in "@+")
    return walls, goals, (player, boxes)


def after(walls, state, move):
    """The position after a move and whether it pushed, or None where the move is illegal."""
    (row, column), boxes = state
    down, right = DIRECTIONS[move]
    to, behind = (row + down, column + right), (row + 2 * down, column + 2 * right)
    if to in walls:
        return None
    if to not in boxes:
        return (to, boxes), 0
    if behind in walls or behind in boxes:
        return None
    return (to, boxes - {to} | {behind}), 1


def fewest(text, count_walks):
    """Fewest moves (count_walks=1) or pushes (0) that solve a level; None where nothing does."""
    walls, goals, start = read(text)
    costs, queue = {start: 0}, deque([start])
    while queue:
        state = queue.popleft()
        if state[1] <= goals:
            return costs[state]
        for move in DIRECTIONS:
            step = after(walls, state, move)
            if step is None:
                continue
            cost = costs[state] + (step[1] or count_walks)
            if cost < costs.get(step[0], 1 << 30):
                costs[step[0]] = cost
                (queue.append if step[1] or count_walks else queue.appendleft)(step[0])
    return None


def replayed(text, moves):
    """The position after moves, all of which have to be legal, and the number of pushes."""
    walls, goals, state = read(text)
    pushes = 0
    for move in moves:
        step = after(walls, state, move)
        assert step is not None, f"{move} is illegal"
        state, pushed = step
        pushes += pushed
    return state, pushes, state[1] <= goals


def all_positions(layout, boxes):
    """Every position on a layout -> (fewest moves, fewest pushes) to solve it from there, None where none do."""
    walls, goals, _ = read(draw(layout, Board(next(bits(layout.floor & ~layout.goals)), layout.goals)))
    floor = [divmod(cell, layout.width) for cell in bits(layout.floor)]
    states = [
        (player, frozenset(placed))
        for placed in itertools.combinations(floor, boxes)
        for player in floor
        if player not in placed
    ]
    before = {state: [] for state in states}
    for state in states:
        for move in DIRECTIONS:
            step = after(walls, state, move)
            if step is not None:
                before[step[0]].append((state, step[1]))
    tables = []
    for count_walks in (1, 0):
        costs = {state: 0 for state in states if state[1] <= goals}
        queue = deque(costs)
        while queue:
            state = queue.popleft()
            for previous, pushed in before[state]:
                cost = costs[state] + (pushed or count_walks)
                if cost < costs.get(previous, 1 << 30):
                    costs[previous] = cost
                    (queue.append if pushed or count_walks else queue.appendleft)(previous)
        tables.append(costs)
    return {state: (tables[0].get(state), tables[1].get(state)) for state in states}


def as_board(layout, state):
    (row, column), boxes = state
    return Board(row * layout.width + column, mask_of([r * layout.width + c for r, c in boxes]))


def parse(text):
    """The layout and the board of the only level in a text."""
    (written,) = find_levels(text)
    return parse_rows(written.rows)


def level_of(text):
    return Sokoban().task_from(text).content


@cache
def task(size, boxes, split, index):
    return make_task(size, boxes, split, index)


OPEN = "######\n#@   #\n# $  #\n#  . #\n#    #\n######"
