"""Sudoku's puzzles: one solution each, by another solver's word; splits up to symmetry; files."""

import os
import subprocess
import sys
from random import Random

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.core.seeding import SPLITS
from mas_envs.games.sudoku import Sudoku
from mas_envs.games.sudoku.shape import shape_of
from mas_envs.games.sudoku.tasks import certified, family, make_task
from tests.games.sudoku_by_brute_force import BOXES, PUZZLE, SOLUTION, by_naked_singles, solutions

KINDS = [(4, 8, None), (4, 5, None), (4, 12, None), (6, 16, None), (6, 10, None), (9, 40, None), (9, 30, None)]
GRADED = [(4, "easy"), (6, "easy"), (6, "medium"), (6, "hard"), (9, "easy"), (9, "medium"), (9, "hard")]
EASY_9 = "003020600900305001001806400008102900700000008006708200002609500800203009005010300"
IMPOSSIBLE_9 = ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4........."


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("side", "clues", "difficulty"), KINDS)
def test_a_puzzle_has_as_many_clues_as_asked_for_and_exactly_one_solution(side, clues, difficulty, split):
    for index in range(8 if clues != 30 else 2):  # trying every digit takes seconds there
        level = make_task(side, clues, difficulty, split, index).content
        assert solutions(level.givens) == [level.solution]
        assert level.clues == clues == side * side - level.givens.count(".")


@pytest.mark.parametrize(("side", "difficulty"), GRADED)
def test_a_puzzle_takes_the_techniques_of_its_grade(side, difficulty):
    game = Sudoku(size=side, difficulty=difficulty)
    for index in range(4):
        level = game.task("train", index).content
        assert level.grade == difficulty
        assert ("." not in by_naked_singles(level.givens)) == (difficulty == "easy")
        assert (level.nodes == 1) == (difficulty != "hard"), "singles leave nothing to search"


def test_tasks_say_where_they_come_from_and_are_all_different():
    tasks = [Sudoku().task(split, index) for split in SPLITS for index in range(100)]
    assert (tasks[3].ref.source, tasks[3].ref.id) == ("sudoku/4x4/8", "train/3")
    assert len({task.ref.digest for task in tasks}) == 300
    assert Sudoku(size=9, difficulty="easy").task("test", 0).ref.source == "sudoku/9x9/40/easy"


def symmetric(puzzle, side, generator):
    """The puzzle with other digits, rows, columns, bands and stacks; turned where boxes are square."""
    high, wide = BOXES[side]

    def shuffled(size, count):
        blocks = [generator.sample(range(i * size, (i + 1) * size), size) for i in range(count)]
        return [line for block in generator.sample(blocks, count) for line in block]

    rows, columns = shuffled(high, side // high), shuffled(wide, side // wide)
    digits = dict(zip("123456789"[:side], generator.sample("123456789"[:side], side), strict=True)) | {".": "."}
    cells = [[digits[puzzle[row * side + column]] for column in columns] for row in rows]
    if high == wide and generator.random() < 0.5:
        cells = [list(line) for line in zip(*cells, strict=True)]
    return "".join(sign for line in cells for sign in line)


@pytest.mark.parametrize(("side", "clues", "difficulty"), KINDS)
def test_symmetric_puzzles_are_one_family_and_others_seldom(side, clues, difficulty):
    generator, shape = Random(5), shape_of(side)
    families = set()
    for index in range(20):
        puzzle = make_task(side, clues, difficulty, "train", index).content.givens
        families.add(family(shape, puzzle))
        for _ in range(5):
            assert family(shape, symmetric(puzzle, side, generator)) == family(shape, puzzle)
    assert len(families) > (10 if side == 4 else 18)


def first_of_all_positions(puzzle):
    """The first, in alphabetical order, of all positions of a 4x4 puzzle under all symmetries."""
    orders = [
        [a, 1 - a, b, 5 - b] if first else [b, 5 - b, a, 1 - a] for a in (0, 1) for b in (2, 3) for first in (0, 1)
    ]
    found = []
    for rows in orders:
        for columns in orders:
            upright = [puzzle[r * 4 + c] for r in rows for c in columns]
            for cells in (upright, [upright[c * 4 + r] for r in range(4) for c in range(4)]):
                names = {".": "."}
                for sign in cells:
                    names.setdefault(sign, str(len(names)))
                found.append("".join(names[sign] for sign in cells))
    return min(found)


def test_no_puzzle_is_in_two_splits_however_it_is_turned_and_relabelled():
    seen = {
        split: {first_of_all_positions(make_task(4, 8, None, split, index).content.givens) for index in range(250)}
        for split in SPLITS
    }
    assert len(seen["train"]) > 150 and all(len(found) > 40 for found in seen.values())
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["validation"]
    assert not seen["test"] & seen["validation"]


def test_a_task_is_the_same_in_a_fresh_process_with_other_hashes():
    script = (
        "from mas_envs.games.sudoku import Sudoku\n"
        "for split in ('train', 'validation', 'test'):\n"
        "    print(Sudoku().task(split, 5).content, Sudoku(size=9).task(split, 5).ref)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "4242")
    }
    here = [(Sudoku().task(s, 5).content, Sudoku(size=9).task(s, 5).ref) for s in SPLITS]
    assert runs == {"".join(f"{content} {ref}\n" for content, ref in here)}


@pytest.mark.parametrize(("split", "index"), [("tset", 0), ("train", -1), ("train", 1.0), ("train", True)])
def test_a_task_that_does_not_exist_is_refused(split, index):
    with pytest.raises(UsageError):
        Sudoku().task(split, index)


def test_a_kind_of_puzzle_that_never_turns_up_is_refused(monkeypatch):
    monkeypatch.setattr("mas_envs.games.sudoku.tasks.MAX_DRAWS", 3)
    with pytest.raises(UsageError, match="In 3 draws there was no hard 9x9 puzzle with 70 clues.*Take fewer clues"):
        Sudoku(size=9, clues=70, difficulty="hard").task("train", 0)


# ---- puzzles from texts and files ------------------------------------------------------------------------------------
def test_a_puzzle_is_read_in_a_line_in_rows_and_as_it_is_drawn():
    game = Sudoku()
    task = game.task_from(PUZZLE)
    assert task.content.solution == SOLUTION
    rows = "\n".join(PUZZLE[row : row + 4] for row in range(0, 16, 4))
    framed = "# a comment\n.3|24\n2.|.3\n--+--\n3.|..\n42|..\n"
    for text in (PUZZLE.replace(".", "0"), PUZZLE.replace(".", "_"), rows, " ".join(PUZZLE), framed, f"\n{rows}\n\n"):
        assert game.task_from(text).content == task.content and game.task_from(text).ref == task.ref
    assert Sudoku(size=9).task_from(EASY_9).content.grade == "easy"


def test_a_file_gives_its_puzzles_in_order_and_splits_them(tmp_path):
    made = [Sudoku().task(split, index) for index in range(4) for split in SPLITS]
    lines = ["# twelve puzzles", "", *(task.content.givens.replace(".", "0") for task in made), "; the end"]
    path = tmp_path / "small.txt"
    path.write_text("\r\n".join(lines), encoding="utf-8-sig")
    game = Sudoku(source=f"file:{path}")
    listed = game.listed()
    assert [task.content for task in listed] == [task.content for task in made]
    assert (listed[0].ref.source, listed[0].ref.id, listed[0].ref.digest) == (
        "file:small.txt",
        "line/3",
        made[0].ref.digest,
    )
    for split in SPLITS:
        mine = [task.content for task, where in zip(made, SPLITS * 4, strict=True) if where == split]
        assert [game.task(split, index).content for index in range(5)] == [*mine, mine[0]]
    assert game.task_for_seed(7) in listed and game.settings()["source"] == f"file:{path}"
    state = game.initial(listed[2])
    assert game.load(game.save(state)) == state


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (PUZZLE[:-1], "Line 3 of bad.txt has 15 cells; a 4x4 puzzle has 16"),
        (EASY_9, "Line 3 of bad.txt has 81 cells.*make the game with size=9"),
        ("x" + PUZZLE[1:], "Line 3 of bad.txt has 'x'; allowed are the digits 1 to 4"),
        (SOLUTION, "Line 3 of bad.txt has no empty cell"),
        ("11" + "." * 14, "Line 3 of bad.txt breaks the rules: a1 and b1 are both 1"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, message):
    path = tmp_path / "bad.txt"
    path.write_text(f"{PUZZLE}\n\n{line}\n")
    with pytest.raises(UsageError, match=message):
        Sudoku(source=f"file:{path}")


@pytest.mark.parametrize(
    ("line", "message"),
    [("." * 16, "Line 2 of bad.txt has several"), ("123....4........", "Line 2 of bad.txt has no sol")],
)
def test_a_line_without_exactly_one_solution_is_named_when_it_is_taken(tmp_path, line, message):
    path = tmp_path / "bad.txt"
    path.write_text(f"{PUZZLE}\n{line}\n")
    game = Sudoku(source=f"file:{path}")
    with pytest.raises(UsageError, match=message):
        game.listed()


def test_a_file_without_puzzles_is_refused(tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("# nothing\n\n")
    with pytest.raises(UsageError, match=r"empty.txt holds no task"):
        Sudoku(source=f"file:{path}")


def test_a_puzzle_on_which_the_solver_gives_up_says_so():
    with pytest.raises(UsageError, match="the solver gave up after 500 positions. Give one with more clues"):
        certified(shape_of(9), IMPOSSIBLE_9, budget=500)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("norvig_easy50", 25),
        ("norvig_hardest", 6),
        ("norvig_top95", 48),
        ("norvig_hard375", 188),
        ("super-sudoku_easy", 300),
        ("super-sudoku_medium", 300),
        ("super-sudoku_hard", 300),
        ("super-sudoku_expert", 300),
        ("super-sudoku_evil", 307),
        ("norvig_sudoku10k", 5000),
    ],
)
def test_every_puzzle_of_the_collections_is_solved_and_has_no_second_solution(test_data, name, count):
    listed = Sudoku(size=9, source=f"file:{test_data / 'sudoku_9x9' / name}.txt").listed()
    assert len(listed) == count
    for task in listed:
        level = task.content
        units = [level.solution[i * 9 : i * 9 + 9] for i in range(9)] + [level.solution[i::9] for i in range(9)]
        assert all(set(unit) == set("123456789") for unit in units)
        assert all(given in (".", sign) for given, sign in zip(level.givens, level.solution, strict=True))
    if name == "super-sudoku_easy":
        assert {task.content.grade for task in listed} == {"easy", "medium"}
