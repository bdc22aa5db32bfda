"""Files of maps that are at fault: each is refused with its name, its line and what was expected."""

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.plan_path.maps import MAX_SIDE

MAP = ["type octile", "height 2", "width 3", "map", "..@", "..."]
QUERY = "0 a.map 3 2 0 0 1 1 2.0"


def load(folder, name, text):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return PlanPath(source=f"file:{folder / name}")


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "type tile", r"Line 1 of a.map is 'type tile', expected: type octile"),
        (1, "", r"Line 1 of a.map is '', expected: type octile"),
        (2, "height two", r"Line 2 of a.map is 'height two', expected: height \(1 to 1024\)"),
        (2, "height 0", r"Line 2 .*expected: height"),
        (2, "width 3", r"Line 2 .*expected: height"),
        (2, f"height {MAX_SIDE + 1}", r"Line 2 .*expected: height"),
        (2, "height " + "9" * 5000, r"Line 2 .*expected: height"),
        (2, "height 3", r"a.map has 2 rows, the last on line 6; by line 2 it has 3"),
        (2, "height 1", r"a.map has 2 rows, the last on line 6; by line 2 it has 1"),
        (3, "width -3", r"Line 3 of a.map is 'width -3', expected: width"),
        (3, "width 4", r"Line 5 of a.map has 3 characters, by line 3 it has 4"),
        (4, "mop", r"Line 4 of a.map is 'mop', expected: map"),
        (5, "..", r"Line 5 of a.map has 2 characters, by line 3 it has 3"),
        (6, "..@.", r"Line 6 of a.map has 4 characters, by line 3 it has 3"),
        (6, ".x.", r"Line 6 of a.map has 'x'; allowed are . G S @ O T W"),
        (6, "", r"a.map has 1 rows, the last on line 5"),
    ],
)
def test_a_malformed_map_names_the_line_and_what_was_expected(tmp_path, line, text, message):
    lines = [*MAP]
    lines[line - 1] = text
    with pytest.raises(UsageError, match=message):
        load(tmp_path, "a.map", "\n".join(lines) + "\n")


@pytest.mark.parametrize("rows", [["@@@", "@@@"], [".@.", "@.@"]])
def test_a_map_on_which_nobody_can_walk_is_refused(tmp_path, rows):
    with pytest.raises(UsageError, match="a.map has no two free cells"):
        load(tmp_path, "a.map", "\n".join([*MAP[:4], *rows]))


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_map_that_ends_in_its_head_is_refused(tmp_path, cut):
    with pytest.raises(UsageError, match="Line|rows"):
        load(tmp_path, "a.map", "\n".join(MAP[:cut]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version 2\n" + QUERY, r"Line 1 of a.scen is 'version 2', expected: version 1"),
        (QUERY, r"Line 1 of a.scen is '0 a.map"),
        ("version 1\n", r"a.scen holds no task"),
        ("version 1\n\n" + QUERY.rpartition(" ")[0], r"Line 3 of a.scen has 8 columns, expected 9: bucket, map, map w"),
        (
            "version 1\n" + QUERY.replace("3 2 0", "3 2 -1"),
            r"Line 2 of a.scen: start x is '-1', expected a whole number",
        ),
        ("version 1\n" + QUERY.replace("3 2 0", "3 2 ²"), r"Line 2 of a.scen: start x is '²'"),
        ("version 1\n" + QUERY.replace("3 2 0", "3 2 " + "9" * 9999), r"Line 2 of a.scen: start x is '9999"),
        ("version 1\n" + QUERY.replace("2.0", "far"), r"Line 2 of a.scen: optimal length is 'far', expected a number"),
        ("version 1\n" + QUERY.replace("2.0", "nan"), r"Line 2 of a.scen: optimal length is 'nan'"),
        (
            "version 1\n" + QUERY.replace("3 2", "3 3"),
            r"Line 2 of a.scen is of a map with 3x3 cells; that of a.map has 3x2",
        ),
        (
            "version 1\n" + QUERY.replace("1 1 2", "3 1 2"),
            r"Line 2 of a.scen: the goal \(3, 1\) is off the map, which has ",
        ),
        ("version 1\n" + QUERY.replace("0 0", "0 2"), r"Line 2 of a.scen: the start \(0, 2\) is off .* rows 0 to 1"),
        (
            f"version 1\n{QUERY}\n{QUERY.replace('0 0', '2 0')}",
            r"Line 3 of a.scen: the start \(2, 0\) is on an obstacle",
        ),
        ("version 1\n" + QUERY.replace("a.map", "b.map"), r"Line 2 of a.scen names the map 'b.map'"),
    ],
)
def test_a_malformed_scenario_names_the_line_and_what_was_expected(tmp_path, text, message):
    (tmp_path / "a.map").write_text("\n".join(MAP))
    with pytest.raises(UsageError, match=message):
        load(tmp_path, "a.scen", text)


def test_a_scenario_of_a_malformed_map_names_the_line_of_the_map(tmp_path):
    (tmp_path / "a.map").write_text("\n".join(MAP[:-1]))
    with pytest.raises(UsageError, match="a.map has 1 rows"):
        load(tmp_path, "a.scen", f"version 1\n{QUERY}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "own.txt holds no task"),
        ("\n \n", "own.txt holds no task"),
        ("@G\n\n@.\n#", "Line 4 of own.txt"),
        ("@G\n\n\n@x", "Line 4 of own.txt has 'x'; allowed are # . @ G"),
        ("@G\n\n..\nG.", "The map on line 3 of own.txt has 0 '@'; it must have exactly one"),
        ("@G\n\n@#G", "The map on line 3 of own.txt cannot be crossed: no way leads"),
        ("@" + "." * MAX_SIDE + "G", f"The map on line 1 of own.txt has {MAX_SIDE + 2}x1 cells"),
        ("hello", "Line 1 of own.txt has 'h'; allowed are # . @ G"),
        (b"@.\xff", "own.txt is no text in UTF-8"),
    ],
)
def test_malformed_drawings_name_the_line_in_the_file(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        load(tmp_path, "own.txt", text)


def test_line_ends_of_other_systems_trailing_blanks_and_a_byte_order_mark_do_not_matter(tmp_path):
    plain = load(tmp_path, "a.map", "\n".join(MAP))
    for text in ("\r\n".join(MAP), "\n".join(MAP) + "\n\n \n", "\ufeff" + "\n".join(MAP), " \n".join(MAP)):
        assert load(tmp_path, "a.map", text).task("train", 0) == plain.task("train", 0)
    drawing = "@..\n#.G"
    (tmp_path / "own.txt").write_text(drawing)
    one = PlanPath(source=f"file:{tmp_path / 'own.txt'}").listed()
    assert load(tmp_path, "own.txt", f"\r\n{drawing}\r\n\r\n".replace("..\n", "..\r\n")).listed() == one


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="none.map cannot be read: No such file"):
        PlanPath(source=f"file:{tmp_path / 'none.map'}")
