import pytest

from mas_envs.grid.cells import (
    canonical,
    cell_number,
    cell_word,
    cell_words,
    column_name,
    move_between,
    moved,
    neighbours,
    symmetries,
)


@pytest.mark.parametrize(
    ("column", "name"), [(0, "a"), (25, "z"), (26, "aa"), (27, "ab"), (51, "az"), (52, "ba"), (701, "zz"), (702, "aaa")]
)
def test_columns_are_named_as_in_a_spreadsheet(column, name):
    assert column_name(column) == name


def test_cell_words_are_marks_columns_and_rows_in_reading_order():
    assert cell_words("@", 3, 2) == ("@a1", "@b1", "@c1", "@a2", "@b2", "@c2")


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (30, 40), (1024, 2)])
def test_a_cell_and_its_word_name_each_other(width, height):
    words = cell_words("@", width, height)
    assert [cell_word("@", cell, width) for cell in range(width * height)] == list(words)
    assert [cell_number(word, "@", width, height) for word in words] == list(range(width * height))


@pytest.mark.parametrize(
    "word", ["", "@", "a1", "#a1", "@d1", "@a3", "@a0", "@a01", "@A1", "@1a", "@a1 ", "@a" + "1" * 99]
)
def test_a_word_that_names_no_cell_of_the_board_is_none(word):
    assert cell_number(word, "@", 3, 2) is None


@pytest.mark.parametrize(("width", "height"), [(3, 2), (1, 4), (5, 5)])
def test_a_move_and_the_cell_that_it_leads_to_say_the_same(width, height):
    for cell, around in enumerate(neighbours(width, height)):
        assert {move: moved(cell, move, width, height) for move in around} == around
        assert all(moved(cell, move, width, height) == cell for move in {*"UDLR?X"} - around.keys())
        found = {to: move_between(cell, to, width) for to in range(width * height)}
        assert found == {to: next((m for m, c in around.items() if c == to), None) for to in found}


def test_neighbours_stay_on_the_board_and_keep_the_order_up_down_left_right():
    table = neighbours(3, 2)
    assert table[0] == {"D": 3, "R": 1}
    assert table[4] == {"U": 1, "L": 3, "R": 5}
    assert [list(here) for here in neighbours(3, 3)][4] == ["U", "D", "L", "R"]


@pytest.mark.parametrize(("width", "height", "count"), [(3, 3, 8), (4, 4, 8), (2, 3, 4), (5, 4, 4)])
def test_symmetries_are_distinct_permutations_that_keep_neighbours_neighbours(width, height, count):
    maps = symmetries(width, height)
    around = [set(here.values()) for here in neighbours(width, height)]
    assert len(set(maps)) == len(maps) == count
    for cells in maps:
        assert sorted(cells) == list(range(width * height))
        assert all({cells[to] for to in around[cell]} == around[cells[cell]] for cell in range(width * height))


def test_canonical_form_is_shared_by_turned_boards_alone():
    # an L of walls with a goal, in all eight positions of a 3x3 board
    walls, goal = [0, 1, 3], [5]
    forms = {canonical([[m[c] for c in walls], [m[c] for c in goal]], 3, 3) for m in symmetries(3, 3)}
    assert len(forms) == 1
    assert canonical([walls, [8]], 3, 3) not in forms
    assert canonical([goal, walls], 3, 3) not in forms, "the layers are told apart"
