"""What Sudoku reads in answers: cells in every customary form, whole grids, and what is neither."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs.core.text import MAX_LENGTH
from mas_envs.games.sudoku import Sudoku
from mas_envs.games.sudoku.parse import Place, parse_moves
from mas_envs.games.sudoku.rules import placements, walk
from mas_envs.grid.moves import MoveList
from tests.games.sudoku_by_brute_force import PUZZLE, SOLUTION

LEVEL = Sudoku().task_from(PUZZLE).content
PLACE = Place(LEVEL, PUZZLE, PUZZLE)
ROWS = [SOLUTION[row : row + 4] for row in range(0, 16, 4)]
WHOLE = ("a1=1", "b2=4", "c2=1", "b3=1", "c3=4", "d3=2", "c4=3", "d4=1")


def read(text, limit=16, place=PLACE):
    return parse_moves(text, limit, place)


@pytest.mark.parametrize(
    "action",
    [
        "a1=1 b2=4",
        "A1=1, B2=4",
        '["a1=1", "b2=4"]',
        'Moves: ["a1=1", "b2=4"]',
        'moves: ["a1=1",\n "b2=4"]\nThat should do.',
        "**Moves:** `a1=1`, `b2=4`.",
        "a1: 1, b2: 4",
        'Moves: {"a1": 1, "b2": "4"}',
        "r1c1=1; r2c2=4",
        "R1C1: 1, R2C2: 4",
        "Moves: [[1, 1, 1], [2, 2, 4]]",
        "Moves: [1,1,1], [2,2,4]",
        "[(1, 1, 1), (2, 2, 4)]",
        "Moves:\n[[1, 1, 1],\n [2, 2, 4]]\nDone.",
        "```json\n[[1, 1, 1], [2, 2, 4]]\n```",
        "```\na1=1\nb2=4\n```",
        "Moves: c1=9 is what I tried.\nMoves: a1=1 b2=4",
        "Grid: no, rather\nMoves: a1=1 b2=4",
        "<think>Moves: d4=4</think>a1=1 b2=4",
        "Row 1 [see above] needs a 1.\n\na1=1 b2=4\nMoves: a1=1 b2=4",
        "I take a1 first (row 1).\n[a1=1, b2=4]",
        "a01=1 b2=04",
    ],
)
def test_every_form_of_a_list_of_cells_is_read(action):
    assert read(action) == MoveList(("a1=1", "b2=4"))


@pytest.mark.parametrize(
    "action",
    [
        SOLUTION,
        f"Grid: {SOLUTION}",
        "Grid:\n" + "\n".join(ROWS),
        "grid:\n" + "\n".join(" ".join(row) for row in ROWS) + "\nEvery rule holds.",
        "Moves:\n```\n" + "\n".join(ROWS) + "\n```",
        "**Grid:**\n\n```\n" + "\n".join(ROWS) + "\n```\nDone.",
        "Grid:\n```\n" + "\n".join(ROWS),  # the fence was never closed
        str([[int(sign) for sign in row] for row in ROWS]),
        "Grid: " + str([[int(sign) for sign in row] for row in ROWS]),
        "Grid:\n" + "\n".join(str([int(sign) for sign in row]) for row in ROWS),
        "Grid:\n" + "\n".join("| " + " | ".join(row) + " |" for row in ROWS),
        "Here it is.\n\n" + "\n".join(ROWS),
        "Grid:\n 13|24\n 24|13\n --+--\n 31|42\n 42|31",
        "Grid:\n+-----+-----+\n| 1 3 | 2 4 |\n| 2 4 | 1 3 |\n+-----+-----+\n| 3 1 | 4 2 |\n| 4 2 | 3 1 |\n+-----+---+",
        "My answer:\n```\n    a b   c d\n  +-----+-----+\n1 | 1 3 | 2 4 |\n2 | 2 4 | 1 3 |\n  +-----+-----+\n"
        "3 | 3 1 | 4 2 |\n4 | 4 2 | 3 1 |\n  +-----+-----+\n```",
    ],
)
def test_every_form_of_a_whole_grid_is_read(action):
    assert read(action) == MoveList(WHOLE)


def test_the_drawn_board_itself_is_a_grid_that_changes_nothing():
    game = Sudoku()
    assert read("Grid:\n" + game.draw(LEVEL, PUZZLE)) == MoveList(())
    solved = "```\n" + game.draw(LEVEL, SOLUTION) + "\n```"
    assert read(solved) == MoveList(WHOLE)
    for size in (6, 9):
        game = Sudoku(size=size)
        level = game.task("test", 1).content
        said = read("Grid:\n" + game.draw(level, level.solution), 81, Place(level, level.givens, level.givens))
        assert walk(level, level.givens, said.moves) == (level.solution, len(said.moves))


@pytest.mark.parametrize("empty", [".", "0", "_"])
def test_a_grid_may_leave_cells_as_they_are(empty):
    partial = PUZZLE.replace(".", empty)
    assert read(partial) == MoveList(())
    assert read("Grid: 1" + partial[1:]) == MoveList(("a1=1",))
    own = PUZZLE[:10] + "1" + PUZZLE[11:]
    assert read("Grid: 1" + partial[1:], place=Place(LEVEL, own, own)) == MoveList(("a1=1",))


def test_a_grid_replaces_own_digits_that_are_in_the_way_of_one_another():
    own = PUZZLE[:5] + "1" + "4" + PUZZLE[7:]  # b2 and c2 the wrong way round
    said = read(SOLUTION, place=Place(LEVEL, own, own))
    assert said.moves[:2] == ("b2=0", "c2=0")
    assert walk(LEVEL, own, said.moves) == (SOLUTION, len(said.moves))


def test_a_grid_that_differs_from_a_given_is_refused_and_says_where():
    said = read("Grid: 1" + "4" + SOLUTION[2:])
    assert said.moves == () and "The grid has 4 at b1, which is given as 3. Givens never change." in said.error


def test_a_leading_plus_means_the_proposal_first():
    after = "1" + PUZZLE[1:]
    place = Place(LEVEL, PUZZLE, after)
    assert read("+") == read('Moves: ["+"]') == read("Moves: +") == MoveList((), continues=True)
    for action in ("+ b2=4", "+b2=4", 'Moves: ["+", "b2=4"]', "Moves: + [[2, 2, 4]]", "+ b2: 4"):
        assert read(action, place=place) == MoveList(("b2=4",), continues=True)
    assert read("Grid: + " + SOLUTION, place=place) == MoveList(WHOLE[1:], continues=True)
    assert read("Grid: " + SOLUTION, place=place) == MoveList(WHOLE)


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("", "No moves found"),
        (" \n\t", "No moves found"),
        ("Moves:", "No moves found"),
        ("Grid:", "No moves found"),
        ("Moves: none", "'none' is no move"),
        ("I cannot", "'i' is no move"),
        ("e1=1", "'e1=1' is no cell with a digit from 1 to 4"),
        ("a5=1", "'a5=1' is no cell"),
        ("a1=5", "'a1=5' is no cell"),
        ("r0c1=1", "'r0c1=1' is no cell"),
        ("[[1, 5, 1]]", "'[1, 5, 1]' is no cell"),
        ("a1=1 then b2=4", "'then' is no move"),
        ("a1=1 + b2=4", "'+' is no move"),
        ("a1=12", "is no cell"),
        ("a1=", "'a1=' is no move"),
        ("xa1=1", "'xa1=1' is no move"),
        ("Grid: 12341234", "'12341234' is no move"),
        ("Grid: " + SOLUTION + "1", "is no move"),
        ("Grid: 9" + SOLUTION[1:], "is no move"),
        ("\u202e\x00", "is no move"),
    ],
)
def test_what_is_neither_is_an_error_with_an_example(action, error):
    said = read(action)
    assert said.moves == () and error in said.error and 'Moves: ["b3=4", "a1=2"]' in said.error


@pytest.mark.parametrize("action", ["[]", "Moves: [ ]", "Moves: []", "Moves:\n[]"])
def test_an_empty_list_is_a_legal_answer(action):
    assert read(action) == MoveList(())


def test_moves_past_the_limit_are_left_out():
    for action in (" ".join(WHOLE), "Moves: " + ", ".join(WHOLE), SOLUTION, ", ".join(WHOLE[:3]) + ", nonsense"):
        assert read(action, limit=3) == MoveList(WHOLE[:3])


def test_the_fast_form_and_the_general_one_read_the_same():
    for action in ("a1=1", "+ a1=1 b2=4", "a1=0 a1=0", "+", " ".join(WHOLE * 3)):
        assert read(action) == read("Moves: " + action)


PIECES = ["Moves:", "Grid:", "[", "]", "(", "```", "+", '"', "a1=1", "1,2,3", "1", SOLUTION, "\n", " ", ",", "</think>"]
PIECES += ["İ", "ß", "x", "r1c1", "=", ":", "a1", "{", "|", "-", ".", "_"]


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=60).map("".join)))
def test_any_text_gets_moves_of_this_board(text):
    said = read(text, limit=8)
    assert len(said.moves) <= 8 and set(said.moves) <= placements(4).keys()
    assert said.error is None or (said.moves == () and not said.continues)


@pytest.mark.parametrize(
    "piece", [*PIECES, "[[", "1 ,", "a1 = ", "[1,1,1],", "+-", "<think>", "Moves:[", "r1c1 ", "İ1"]
)
def test_hostile_repetitions_end_at_once(piece):
    start = time.perf_counter()
    for text in (
        piece * (MAX_LENGTH // len(piece)),
        piece * (4 * MAX_LENGTH // len(piece)),
        f"Moves: {piece * 9999} a1",
    ):
        assert len(read(text, limit=6).moves) <= 6
    assert time.perf_counter() - start < 3


def test_of_an_overlong_answer_the_end_counts():
    assert read("Moves: a1=2" + " " * MAX_LENGTH + "Moves: a1=1") == MoveList(("a1=1",))
    assert read("İ" * 7 + " Moves: a1=1") == MoveList(("a1=1",))
