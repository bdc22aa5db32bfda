"""Sokoban's levels from files: the formats, the names, the tasks, and what is said where a file is at fault."""

import json
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs import make_game
from mas_envs.core.errors import UsageError
from mas_envs.core.seeding import SPLITS
from mas_envs.games.sokoban import Sokoban, solver
from mas_envs.games.sokoban.levels import find_levels
from mas_envs.grid.turns import EXECUTOR, PLANNER, SOLVER
from mas_envs.testing import check_game
from tests.games.sokoban_by_brute_force import OPEN, fewest, level_of, replayed

HALL = "#####\n#@$.#\n#####"
SHAFT = "###\n#@#\n#$#\n#.#\n###"
WIDE = "  #######\n###     ##\n#@ $ .   #\n##########"
STUCK = "#####\n#$ @#\n# . #\n#####"


@pytest.fixture
def game(tmp_path):
    def make(text, **settings):
        path = tmp_path / "some.xsb"
        path.write_bytes(text.encode())
        return Sokoban(source=f"file:{path}", **settings)

    return make


def found(text):
    return [(level.name, level.line, "\n".join(row.text for row in level.rows)) for level in find_levels(text)]


# ---- finding levels ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{HALL}\n\n{SHAFT}\n", ["", ""]),
        (f"; 0\n{HALL}\n\n; 2\n{SHAFT}\n", ["0", "2"]),  # Boxoban
        (f"; 0\n{HALL}\n; 2\n{SHAFT}\n", ["0", "2"]),
        (f"; A set (2 levels)\n; easy\n\n; 2\n\n{HALL}\n\n; 4\n'Duh. Oh!'\n\n{SHAFT}\n", ["2", "4"]),  # Microban
        (f"{HALL}\n; 1\n\n{SHAFT}\n; 2\n", ["1", "2"]),  # names stand below
        (f"My set\nby me\n\n{HALL}\nTitle: First\nAuthor: me\n\n{SHAFT}\ntitle : Second\n", ["First", "Second"]),
        (f"; Title: First\n{HALL}\n; Title: Second\n{SHAFT}\n", ["First", "Second"]),
        (f"Level #1\n{HALL}\n\nLevel #2\n{SHAFT}\n", ["Level #1", "Level #2"]),
        (f"'.#.'\n\n{HALL}\n\n'Take the long way home.'\n{SHAFT}", ["", "Take the long way home."]),
        (f"-----\n{HALL}\n-----\n{SHAFT}\n...\n", ["", ""]),  # ruled lines are no names
        (f"{HALL}\nComment:\n{SHAFT}\nTitle: no\nComment-End:\nTitle: Yes\n{SHAFT}\nTitle: Too\n", ["Yes", "Too"]),
        (f"Comment:\n{HALL}\nName: it never ends\n{SHAFT}\n", ["", "it never ends"]),
    ],
)
def test_levels_are_found_among_other_text_with_their_names(text, names):
    for written in (text, text.replace("\n", "\r\n"), "\ufeff" + text, text.replace("\n", "  \n")):
        assert [name for name, _, _ in found(written)] == names
        assert [level.removesuffix("\n") for _, _, level in found(written)] == [HALL, SHAFT]


def test_levels_say_on_which_line_they_begin():
    assert [line for _, line, _ in found(f"; 0\n{HALL}\n\n\n; 1\n\n{SHAFT}\n")] == [2, 9]


@pytest.mark.parametrize(
    "text",
    [
        WIDE.replace("  #######", "\t#######")
        .replace("###  ", "      ###  ")
        .replace("#@", "      #@")
        .replace("##########", "      ##########"),
        WIDE.replace(" ", "-"),
        WIDE.replace(" ", "_"),
        "2-7#|3#5-2#|#@-$-.3-#|10#",
        "2-7#\n3#5-2#\n#@-$-.3-#\n10#",
        "".join("   " + line + "\n" for line in WIDE.split("\n")),
        f"; with a name\n{WIDE}\nTitle: and a title\n",
    ],
)
def test_one_level_in_any_spelling_is_one_task(text):
    assert level_of(text) == level_of(WIDE)
    assert level_of(text).pushes == 2


def test_a_text_with_two_levels_is_no_task():
    with pytest.raises(UsageError, match=r"2 levels, the second on line 6; .*source='file:PATH'"):
        level_of(f"; 0\n{HALL}\n; 1\n{SHAFT}\n")
    with pytest.raises(UsageError, match="holds no level"):
        level_of("; nothing\n")


@given(text=st.text("#@$.*+ -_|0123456789;'x:\n\r\t", max_size=120))
def test_any_text_is_a_list_of_levels_or_a_usage_error(text):
    try:
        levels = found(text)
    except UsageError as error:
        assert "ine " in str(error)
        return
    for _, line, level in levels:
        assert 1 <= line <= 1 + text.count("\n") + text.count("\r") and "#" in level


# ---- tasks ----------------------------------------------------------------------------------------------------------
def test_a_file_gives_its_tasks_in_order_with_their_names(game):
    one = game(f"; 7\n{HALL}\n\n{SHAFT}\n\n; 7\n{WIDE}\n")
    refs = [task.ref for task in one.listed()]
    assert [(ref.source, ref.id) for ref in refs] == [
        ("file:some.xsb", "7"), ("file:some.xsb", "2"), ("file:some.xsb", "7 (number 3)")
    ]  # fmt: skip
    assert [(task.content.pushes, task.content.moves) for task in one.listed()] == [(1, 1), (1, 1), (2, 3)]
    assert refs[2].digest == Sokoban().task_from(WIDE).ref.digest
    assert Sokoban().listed() == ()


def test_a_files_settings_follow_from_it_and_make_the_game_again(game):
    one = game(f"{HALL}\n\n{SHAFT}\n\n{WIDE}\n", style="compact", roles="single", turns=3)
    assert (one.size, one.width, one.height, one.boxes, one.max_moves) == (10, 10, 5, 1, 19)  # 4 * (10 + 4) moves
    again = make_game("sokoban", **json.loads(json.dumps(one.settings())))
    assert again.settings() == one.settings() and again.listed() == one.listed()
    assert pickle.loads(pickle.dumps(one)).task_for_seed(3) == one.task_for_seed(3)


def test_every_level_is_in_the_split_that_its_layout_says_whatever_file_it_is_in(game):
    made = Sokoban(boxes=2)
    texts = {split: [made.task(split, i).content.text() for i in range(4)] for split in SPLITS}
    one = game("\n\n".join(text for split in texts.values() for text in split))
    for split, levels in texts.items():
        assert [one.task(split, i).content.text() for i in range(5)] == [*levels, levels[0]]
    assert {one.task_for_seed(seed).content.text() for seed in range(40)} == set(texts["train"])


def test_a_file_game_keeps_the_contract_and_its_words_are_in_the_vocabulary(game):
    made = [
        Sokoban(size, boxes).task(split, 0).content for size, boxes in ((6, 1), (8, 3)) for split in ("train", "test")
    ]
    wide = "".join(f"\n\n{level.text()}" for level in made)
    for split in ("validation", "test"):
        wide += "\n\n" + Sokoban(7, 2).task(split, 1).content.text()
    one = game(wide, style="compact")
    check_game(one)
    for task in one.listed():
        state = one.initial(task)
        assert set(one.observe(state, PLANNER).text.split()) <= set(one.vocabulary())


@pytest.mark.parametrize("settings", [{"size": 8}, {"boxes": 2}, {"pushes": (1, 2)}])
def test_settings_of_generated_levels_are_refused_with_a_file(game, settings):
    with pytest.raises(UsageError, match=f"{next(iter(settings))} is a setting of generated levels"):
        game(HALL, **settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("; nothing here\n", "some.xsb holds no task"),
        (f"{HALL}\n\n#####\n#@x.#\n#####\n", "some.xsb: Line 6 .*'x'"),
        (f"{HALL}\n\n#####\n#@$. \n#####\n", "some.xsb: .*open: on line 6"),
        (f"{HALL}\n\n#####\n  $.\n#####\n", "some.xsb: Line 6 of the level has no wall"),
        (f"{HALL}\n\n######\n#@$$.#\n######\n", "some.xsb: Line 5: .*2 boxes and 1 goals"),
        (f"{HALL}\n\n#######\n#@$.#.#\n#$    #\n#######\n".replace("#.#", "###"), "Line 5: .*2 boxes and 1 goals"),
        (f"{HALL}\n\n######\n#@$.@#\n######\n", "Line 5: .*2 players .*second on line 6"),
        (f"{HALL}\n\n####\n#@*#\n####\n", "Line 5: .*solved already"),
        (f"{HALL}\n\n70#\n#@$.66-#\n70#\n", "Line 5: .*too long"),
        (f"{HALL}\n\n" + "###\n#@#\n#$#\n#.#\n" + "# #\n" * 62 + "###", "Line 5: the level is 3x67 cells"),
    ],
)
def test_a_malformed_file_is_refused_with_its_name_and_line(game, text, message):
    with pytest.raises(UsageError, match=message):
        game(text)


def test_a_source_that_is_no_file_is_refused(tmp_path):
    for source in ("boxoban", "file:", 3):
        with pytest.raises(UsageError, match="give 'file:PATH'"):
            Sokoban(source=source)
    os.mkfifo(tmp_path / "endless")
    for path in ("/nowhere.xsb", "a\0b", "~nobody-has-this-name/levels.xsb", tmp_path, tmp_path / "endless"):
        with pytest.raises(UsageError, match="cannot be read"):
            Sokoban(source=f"file:{path}")


def test_a_level_that_cannot_be_solved_is_refused_with_its_line_when_its_task_is_made(game):
    one = game(f"{HALL}\n\n; two\n{STUCK}\n")
    with pytest.raises(UsageError, match=r"some.xsb: Line 6: the level cannot be solved. Take it out of the file"):
        one.listed()


# ---- levels on which the solver gives up, and levels with goals to spare ------------------------------------------
@pytest.mark.parametrize("style", ["full", "compact"])
def test_a_level_that_the_solver_gives_up_on_can_be_played_and_its_expert_is_patient(game, style, monkeypatch):
    monkeypatch.setattr(solver, "BUDGET", 40)
    monkeypatch.setattr("mas_envs.games.sokoban.game._TRY", 20)
    made = [Sokoban(10, 4, (20, 25)).task("train", 1), *(Sokoban().task(split, 0) for split in SPLITS)]
    one = game("\n\n".join(task.content.text() for task in made), style=style)
    task, *others = one.listed()
    assert all(each.content.pushes for each in others)
    assert task.content.pushes is None and task.content.moves is None
    check_game(one, tasks=[task])
    step = one.step(one.initial(task), {PLANNER: one.expert(one.initial(task), PLANNER)})
    assert step.info["errors"] == {} and not step.terminated


@pytest.mark.parametrize(("text", "pushes"), [("########\n#.@$  .#\n########", 3), (OPEN.replace("@", "+"), 2)])
def test_with_goals_to_spare_a_level_is_solved_when_no_box_is_off_a_goal(text, pushes):
    level = level_of(text)
    assert level.pushes == pushes == fewest(text, count_walks=0) and level.moves == fewest(text, count_walks=1)


def test_with_goals_to_spare_several_boxes_are_solved_with_fewest_pushes_and_the_episode_ends():
    text = "########\n#.     #\n# $@$ .#\n#    . #\n########"
    game = Sokoban(size=8, boxes=2, roles="single")
    state = game.initial(game.task_from(text))
    found = solver.solve(state.task.content.layout, state.board)
    assert replayed(text, found.moves)[1:] == (found.pushes, True)
    assert found.pushes == state.task.content.pushes == fewest(text, count_walks=0)
    step = game.step(state, {SOLVER: game.expert(state, SOLVER)})
    assert step.terminated and step.info["success"]
    assert game.load(game.save(step.state)) == step.state


def test_a_smaller_level_is_seen_in_the_upper_left_corner_with_walls_around():
    small, large = Sokoban(size=5, action_type="discrete"), Sokoban(size=7, action_type="discrete")
    state = small.initial(small.task("train", 3))
    seen, exact = (game.numeric().planes(state, "planner_0") for game in (large, small))
    assert (seen[:5, :5, :5] == exact[:5]).all()
    assert seen[0, 5:].all() and seen[0, :, 5:].all()  # walls
    assert not seen[1:4, 5:].any() and not seen[1:4, :, 5:].any()  # goals, boxes, player


# ---- real collections ----------------------------------------------------------------------------------------------
@pytest.mark.data
def test_every_boxoban_file_is_read_whole_and_an_episode_is_long_enough(test_data):
    count = 0
    for path in sorted((test_data / "sokoban_boxoban").rglob("*.txt")):
        one = Sokoban(source=f"file:{path}", style="compact")
        assert (one.width, one.height, one.boxes, one.turns * one.max_moves) == (10, 10, 4, 320)
        tasks = [one.task(split, 0) for split in SPLITS]
        assert all(f"; {task.ref.id}\n{task.content.text()}\n" in path.read_text() for task in tasks)
        state = one.initial(tasks[0])
        while agents := one.acting(state):
            step = one.step(state, {agent: one.expert(state, agent) for agent in agents})
            state = step.state
        assert step.info["success"] and EXECUTOR in one.agents
        count += path.read_text().count(";")
    assert count == 3666


@pytest.mark.data
@pytest.mark.parametrize(("file", "levels", "boxes"), [("microban_155.xsb", 77, 16), ("microban_II_135.xsb", 67, 24)])
def test_every_microban_level_is_read_under_its_number(test_data, file, levels, boxes):
    one = Sokoban(source=f"file:{test_data / 'sokoban_microban' / file}")
    written = find_levels((test_data / "sokoban_microban" / file).read_text())
    assert [level.name for level in written] == [str(2 * n) for n in range(1, levels + 1)]
    assert one.boxes == boxes and one.task("train", 0).ref.id == "2"
