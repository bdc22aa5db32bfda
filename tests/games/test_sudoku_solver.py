"""The exact solver, against one that tries every digit."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs.games.sudoku.shape import shape_of
from mas_envs.games.sudoku.solver import candidates, grade, hidden_singles, naked_singles, random_grid, settle, solve
from tests.games.sudoku_by_brute_force import PUZZLE, SOLUTION, is_solution_of, solutions, units

# Naked and hidden singles solve the first; the second needs more.
MEDIUM = ".....6......17..59...9.534..56.1.9...1.4.....4.....78.7....9..8....6.4.2...748693"
HARD = "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......"


def some_clues(side, seed, clues):
    """A full board of which only so many cells are shown, so that there is at least one solution."""
    generator = Random(seed)
    board = random_grid(shape_of(side), generator)
    shown = set(generator.sample(range(side * side), clues))
    return "".join(sign if cell in shown else "." for cell, sign in enumerate(board))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10_000), clues=st.integers(0, 16), change=st.integers(0, 15), digit=st.sampled_from("1234"))
def test_it_finds_none_one_or_several_solutions_as_trying_every_digit_does(seed, clues, change, digit):
    board = some_clues(4, seed, clues)
    for puzzle in (board, board[:change] + digit + board[change + 1 :]):
        found, true = solve(shape_of(4), puzzle), solutions(puzzle, limit=2)
        true = [one for one in true if is_solution_of(one, puzzle)]
        assert found.complete and len(found.solutions) == len(true)
        assert all(is_solution_of(one, puzzle) for one in found.solutions)
        assert len(set(found.solutions)) == len(found.solutions)
        if len(true) == 1:
            assert found.solutions == tuple(true)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), clues=st.integers(26, 50))
def test_on_9x9_too(seed, clues):
    puzzle = some_clues(9, seed, clues)
    found = solve(shape_of(9), puzzle)
    assert found.complete and all(is_solution_of(one, puzzle) for one in found.solutions)
    if clues >= 34:
        assert len(found.solutions) == len(solutions(puzzle, limit=2))


@pytest.mark.parametrize("side", [4, 6, 9])
def test_random_boards_keep_the_rules_and_differ(side):
    generator = Random(1)
    boards = [random_grid(shape_of(side), generator) for _ in range(20)]
    assert all(is_solution_of(board, "." * side * side) for board in boards) and len(set(boards)) > 15
    assert boards[0] == random_grid(shape_of(side), Random(1))


def singles_by_hand(puzzle, side):
    """(naked, hidden) singles as sets of (digit, cell), by sets of candidates."""
    every = units(side)
    left = {}
    for cell in range(side * side):
        around = set().union(*(unit for unit in every if cell in unit)) - {cell}
        mine = "123456789"[:side] if puzzle[cell] == "." else puzzle[cell]
        left[cell] = {digit for digit in mine if all(puzzle[other] != digit for other in around)}
    naked = {(digit, cell) for cell, digits in left.items() for digit in digits if len(digits) == 1}
    hidden = set()
    for unit in every:
        for digit in "123456789"[:side]:
            places = [cell for cell in unit if digit in left[cell]]
            hidden |= {(digit, places[0])} if len(places) == 1 else set()
    return naked, hidden


@settings(max_examples=60, deadline=None)
@given(side=st.sampled_from([4, 6, 9]), seed=st.integers(0, 10_000), share=st.floats(0.2, 0.9))
def test_singles_are_those_that_one_finds_by_hand(side, seed, share):
    puzzle, shape = some_clues(side, seed, int(share * side * side)), shape_of(side)
    left = candidates(shape, puzzle)

    def as_pairs(found):
        return {
            ("123456789"[digit], cell)
            for digit in range(side)
            for cell in range(side * side)
            if found >> digit * shape.cells + cell & 1
        }

    naked, hidden = singles_by_hand(puzzle, side)
    assert as_pairs(naked_singles(shape, left)) == naked
    assert as_pairs(hidden_singles(shape, left)) == hidden


def test_a_contradiction_is_seen_at_once():
    shape = shape_of(4)
    assert solve(shape, "11" + "." * 14) == ((), 1, True)
    assert settle(shape, candidates(shape, "123....4........"))[0] == -1


def test_grades_are_by_technique():
    nine = shape_of(9)
    assert grade(shape_of(4), PUZZLE) == "easy"
    assert [grade(nine, puzzle) for puzzle in (MEDIUM, HARD)] == ["medium", "hard"]
    assert solve(nine, MEDIUM).nodes == 1 < solve(nine, HARD).nodes


def test_a_search_that_exceeds_its_budget_says_so():
    found = solve(shape_of(9), HARD, budget=5)
    assert not found.complete and found.nodes == 5 and found.solutions == ()
    assert solve(shape_of(4), PUZZLE, budget=1).solutions == (SOLUTION,)
