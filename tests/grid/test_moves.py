import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.core.text import MAX_LENGTH
from mas_envs.grid.moves import MoveList, Places, parse_moves


@pytest.mark.parametrize(
    ("action", "moves"),
    [
        ("UURD", "UURD"),
        ("U U R D", "UURD"),
        ("u,u;r|d", "UURD"),
        ("up Up RIGHT down", "UURD"),
        ('["U", "U", "R", "D"]', "UURD"),
        ('["up", "uur", "down"]', "UUURD"),
        ("['U', 'R']", "UR"),
        ("[U, R]", "UR"),
        ('Moves: ["U", "R"]', "UR"),
        ('moves: ["U",\n "R"]', "UR"),
        ("MOVES: UURD", "UURD"),
        ("Moves:\nUURD", "UURD"),
        ("**Moves:** `U R`", "UR"),
        ("**Moves: U, R**", "UR"),
        ("Moves: U, R.", "UR"),
        ("I go up first.\nMoves: R", "R"),
        ("Moves: UU would be blocked.\nMoves: RR", "RR"),  # the last marked answer counts
        ("Moves: RR\n[not this]", "RR"),
        ('```json\n["U", "R"]\n```', "UR"),
        ("```\nUR\n```\nThat should do.", "UR"),
        ('Moves:\n```json\n["U",\n "R"]\n```\nThat [should] do.', "UR"),
        ("Moves: ```\nU\nR\n```", "UR"),
        ("Moves:\n```\nU R", "UR"),
        ('{"moves": ["U", "R"]}', "UR"),
        ('```json\n{"moves": ["U", "R"]}\n```', "UR"),
        ("Perhaps [U]? No: [R, R] it is.", "RR"),
        ("Let me think.\n\nRRD\n", "RRD"),
        ("<think>Moves: UUUU</think>RD", "RD"),
        ("<think>a</think><think>Moves: U</think>Moves: L", "L"),
        ("[]", ""),
        ("Moves: [ ]", ""),
    ],
)
def test_every_format_is_read(action, moves):
    assert parse_moves(action, 10) == MoveList(moves)


@pytest.mark.parametrize(
    ("action", "moves"),
    [
        ("+", ""),
        ("+ U R", "UR"),
        ("+UR", "UR"),
        ('["+", "U"]', "U"),
        ('Moves: ["+"]', ""),
        ("Moves: **+ R**", "R"),
        ('Moves: + ["U", "R"]', "UR"),
        ("Moves: **+** [U]", "U"),
        ('I accept it: + ["U"]', "U"),
        ('Moves:\n```\n+ ["U"]\n```', "U"),
        ("```\n+ U\n```", "U"),
        ("Moves: + []", ""),
    ],
)
def test_a_leading_plus_means_the_proposal_first(action, moves):
    assert parse_moves(action, 10) == MoveList(moves, continues=True)


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("", "No moves found"),
        ("   ", "No moves found"),
        ("\n\t", "No moves found"),
        ("Moves:", "No moves found"),
        ("Moves: none", "'none' is no move"),
        ("U + R", "'+' is no move"),
        ('{"moves": 3}', "is no move"),
        ("I cannot play this game", "'I' is no move"),
        ("\u202e\x00", "is no move"),
    ],
)
def test_what_is_no_list_of_moves_is_an_error_with_an_example(action, error):
    said = parse_moves(action, 10)
    assert said.moves == "" and said.error is not None and error in said.error and 'Moves: ["U", "R"]' in said.error


@pytest.mark.parametrize("action", ["UUUUUUUU", "U U U U U U U U", "u u u u u u", '["UUUU", "UUU", "nonsense"]'])
def test_moves_past_the_limit_are_left_out(action):
    assert parse_moves(action, 5) == MoveList("UUUUU")


def test_the_fast_form_and_the_general_one_read_the_same():
    for action in ("U", " U  D", "UDLR" * 3, "L" * 50, "R " * 50):
        assert parse_moves(action, 12) == parse_moves("Moves: " + action, 12)


@given(text=st.text(max_size=400), limit=st.integers(1, 30))
def test_any_text_gets_a_move_list(text, limit):
    said = parse_moves(text, limit)
    assert not said.moves.strip("UDLR?") and len(said.moves) <= limit
    assert said.error is None or not said.moves


PIECES = ["Moves:", "[", "]", "```", "+", '"', "U", "up", "\n", " ", ",", "</think>", "İ", "ß", "x", "moves"]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_jumble_of_the_formats_pieces_gets_a_move_list(pieces):
    said = parse_moves("".join(pieces), 8)
    assert not said.moves.strip("UDLR?") and len(said.moves) <= 8


@pytest.mark.parametrize(
    "piece", ["[", "]", "[]", "```", "Moves:", "<think>", "</think>", "+", "U", "up ", "İ", "'", "Moves:[", "\n"]
)
def test_hostile_repetitions_end_at_once(piece):
    for text in (piece * (MAX_LENGTH // len(piece)), piece * (4 * MAX_LENGTH // len(piece)), piece * 20_000 + "U"):
        assert len(parse_moves(text, 6).moves) <= 6


def test_of_an_overlong_answer_the_end_counts():
    assert parse_moves("Moves: U" + " " * MAX_LENGTH + "Moves: R", 5) == MoveList("R")
    assert parse_moves("x" * (2 * MAX_LENGTH) + "\nMoves: R", 5) == MoveList("R")


def test_exotic_letters_before_the_marker_do_not_shift_the_answer():
    # lower-casing makes the dotted capital I longer
    assert parse_moves("İ" * 7 + " Moves: UR", 5) == MoveList("UR")
    shuffled = list("İıẞﬁ" * 5)
    random.Random(0).shuffle(shuffled)
    assert parse_moves("".join(shuffled) + "\nMOVES: [L]", 5) == MoveList("L")


def test_cells_stand_for_the_moves_that_lead_to_them():
    # 4x3 board, cells a1 b1 c1 d1 / a2 ...; the agent on b2 (5), after the proposal on d2 (7)
    def read(text: str) -> MoveList:
        return parse_moves(text, 9, Places(5, 7, 4, 3))

    assert read("@b1 @c1 @c2") == MoveList("URD")
    assert read("+ @d3 @c3") == MoveList("DL", continues=True)
    assert read("@c2 U @d1") == MoveList("RUR")
    assert read("@c2 up, @d1") == read('Moves: ["@c2", "U", "@d1"]') == MoveList("RUR")
    assert read("@d2") == read("@b2") == MoveList("?")  # no neighbour, and the cell it stands on
    assert read("@a2 @d1 @c1") == MoveList("L?L")  # the last cell of a row is no neighbour of the next row's first
    assert read("@z9").error is not None and parse_moves("@b1", 9).error is not None


def test_cells_and_signs_in_the_reasoning_do_not_touch_the_answer():
    places = Places(5, 7, 4, 3)
    assert parse_moves("I could go @c2 first.\nMoves: @b1 @c1", 9, places) == MoveList("UR")
    assert parse_moves('I am @ and the box is $.\n```json\n["U", "L"]\n```', 9, places) == MoveList("UL")
    assert parse_moves("I am at the @.\nULUURR", 9, places) == MoveList("ULUURR")
