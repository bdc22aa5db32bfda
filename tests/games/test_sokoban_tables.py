"""The tables of a layout beside slow loops that say the same."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.games.sokoban.bitboard import (
    bits,
    cheapest_matching,
    components,
    flood,
    mask_of,
    move_table,
    parts_without,
    push_rows,
    unbroken,
)
from tests.games.sokoban_by_brute_force import fewest, parse


@st.composite
def floors(draw):
    """A connected floor inside walls, and its width."""
    width, height = draw(st.integers(4, 9)), draw(st.integers(4, 9))
    inner = [row * width + column for row in range(1, height - 1) for column in range(1, width - 1)]
    free = mask_of(draw(st.lists(st.sampled_from(inner), min_size=3, unique=True)))
    return max(components(free, width), key=int.bit_count), width


@given(place=floors())
def test_what_looks_unbroken_is_connected_and_a_box_leaves_the_parts_that_a_flood_finds(place):
    floor, width = place
    parts = parts_without(floor, width)
    assert list(parts) == list(bits(floor))
    for cell, found in parts.items():
        assert found == components(floor ^ 1 << cell, width)
        if unbroken(floor, width) >> cell & 1:
            assert len(found) == 1


def pushes_by_search(floor, width, goal):
    """(box, player) -> fewest pushes to bring a lone box to the goal, for all players in reach of one another."""
    cells = list(bits(floor))
    cost = {(goal, player): 0 for player in cells if player != goal}
    pushes, new = 0, cost
    while new:
        pushes, new = pushes + 1, {}
        for box, player in itertools.product(cells, cells):
            if box == player or (box, player) in cost:
                continue
            reach = flood(1 << player, floor ^ 1 << box, width)
            for delta in (-width, width, -1, 1):
                after = (box + delta, box)
                if reach >> box - delta & 1 and floor >> box + delta & 1 and cost.get(after) == pushes - 1:
                    new[box, player] = pushes
        cost |= new
    return cost


@pytest.mark.parametrize("seed", range(6))
def test_the_rows_of_every_box_are_the_fewest_pushes_to_every_goal(seed):
    generator = random.Random(seed)
    inner = [row * 7 + column for row in range(1, 6) for column in range(1, 6)]
    floor = max(components(mask_of(generator.sample(inner, 19)), 7), key=int.bit_count)
    goals = sorted(generator.sample(list(bits(floor)), 2))
    costs = [pushes_by_search(floor, 7, goal) for goal in goals]
    for box, rows in push_rows(floor, mask_of(goals), 7).items():
        for part, row in rows:
            for player in bits(part):
                reached = [(1 << i, cost[box, player]) for i, cost in enumerate(costs) if (box, player) in cost]
                assert row == tuple(reached)


def winding(width, height):
    """A loop of one lane up to the top and a winding one back down, with the player on the wrong side of the box."""
    rows = [["#"] * width for _ in range(height)]
    for row in range(1, height - 1):
        rows[row][1] = " "
        for column in range(3, width - 1) if row % 2 else (width - 2 if row // 2 % 2 else 3,):
            rows[row][column] = " "
    rows[1][2] = " "
    rows[-2][2:4] = "$+"
    return "\n".join("".join(row) for row in rows)


def test_distances_of_more_than_255_moves_are_exact():
    text = winding(21, 31)
    layout, board = parse(text)
    table, box = move_table(layout.floor, layout.goals, 21, 21 * 31), board.boxes.bit_length() - 1
    assert table(box, board.player) == fewest(text, count_walks=1) > 255
    assert table(box, box - 1) == 1 and table(21 + 1, board.player) == -1  # beside it; the box in a corner


@given(
    costs=st.lists(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=5, max_size=5), min_size=1, max_size=5),
    spare=st.integers(0, 2),
)
def test_the_cheapest_matching_is_the_least_over_all_ways(costs, spare):
    boxes = len(costs)
    goals = min(5, boxes + spare)
    rows = [tuple((1 << i, cost) for i, cost in enumerate(row[:goals]) if cost is not None) for row in costs]
    ways = [
        sum(row[goal] for row, goal in zip(costs, chosen, strict=True))
        for chosen in itertools.permutations(range(goals), boxes)
        if all(row[goal] is not None for row, goal in zip(costs, chosen, strict=True))
    ]
    assert cheapest_matching(rows, goals) == min(ways, default=-1)
