"""Plan-Path's maps from files: MovingAI's two formats and drawings, and what is said where a file is at fault."""

import copy
import json
import math
import pickle
from random import Random

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.games.plan_path import PlanPath, files, maps
from mas_envs.grid.turns import EXECUTOR, PLANNER, SOLVER
from mas_envs.pettingzoo_env import TeamAECEnv
from mas_envs.testing import check_game

HALL = "type octile\nheight 4\nwidth 6\nmap\n..@..G\n.STO.S\n......\nW@@...\n"
OPEN = "type octile\nheight 16\nwidth 20\nmap\n" + ("." * 20 + "\n") * 16
QUERIES = "version 1\n0\thall.map\t6\t4\t0\t0\t5\t3\t9.0\n0\thall.map\t6\t4\t5\t0\t3\t3\t4.2\n"


def squares(text):
    """The distance of every free (row, column) of a drawing to its G, by rings of sets: slow, and another way."""
    cells = {(r, c): sign for r, row in enumerate(text.splitlines()) for c, sign in enumerate(row)}
    free = {at for at, sign in cells.items() if sign != "#"}
    ring, found, steps = {at for at in free if cells[at] == "G"}, {}, 0
    while ring:
        found |= dict.fromkeys(ring, steps)
        near = {(r + dr, c + dc) for r, c in ring for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1))}
        ring, steps = near & free - found.keys(), steps + 1
    return found


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hall.map").write_text(HALL)
    (tmp_path / "hall.scen").write_text(QUERIES)
    return tmp_path


def game(path, **settings):
    return PlanPath(source=f"file:{path}", **settings)


def play_out(one, task):
    """Plays a task by the expert; returns the steps' team rewards and whether it was solved."""
    state, total = one.initial(task), 0.0
    while agents := one.acting(state):
        step = one.step(state, {agent: one.expert(state, agent) for agent in agents})
        state, total = step.state, total + step.reward.team
    return total, step.info["success"]


def test_a_scenario_gives_a_task_for_every_query(folder):
    first, second = game(folder / "hall.scen").listed()
    assert first.content.text() == "@.#...\n..##..\n......\n###..G" and first.content.steps == 8
    assert (first.ref.source, first.ref.id, second.ref.id) == ("file:hall.scen", "2", "3")
    assert second.content.text() == "..#..@\n..##..\n......\n###G.."
    assert second.content.steps == 5 and PlanPath().task_from(second.content.text()).ref.digest == second.ref.digest


def test_swamp_and_g_are_ground_and_water_trees_and_the_rest_are_walls():
    signs = maps.parse_map("type octile\nheight 1\nwidth 7\nmap\n.GS@OTW\n", "x.map").cells
    assert signs == "...####"


def test_a_query_without_a_way_or_with_nothing_to_do_is_refused_with_its_line_when_its_task_is_made(folder):
    (folder / "hall.map").write_text(HALL.replace("\n......\n", "\n..@...\n"))
    (folder / "odd.scen").write_text(QUERIES + "0\thall.map\t6\t4\t1\t1\t1\t1\t0\n")
    one = game(folder / "odd.scen")
    with pytest.raises(UsageError, match=r"Line 2 of odd.scen: no way leads from \(0, 0\) to \(5, 3\)"):
        one.listed()
    tasks = one._file.tasks
    assert tasks.at(1).ref.id == "3", "the other queries can be played"
    with pytest.raises(UsageError, match=r"Line 4 of odd.scen starts on its goal \(1, 1\)"):
        tasks.at(2)


@pytest.mark.parametrize("place", ["hall.map", "maps/hall.map", "deep/er/hall.map"])
def test_the_map_of_a_scenario_is_found_beside_it_in_maps_and_where_the_line_says(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HALL)
    named = "deep/er/hall.map" if "deep" in place else "hall.map"
    (tmp_path / "a.scen").write_text(QUERIES.replace("hall.map", named))
    assert len(game(tmp_path / "a.scen")._file.tasks) == 2


def test_a_missing_map_is_named_with_the_places_that_were_looked_at(tmp_path):
    (tmp_path / "a.scen").write_text(QUERIES)
    with pytest.raises(UsageError, match="Line 2 of a.scen names the map 'hall.map'.*maps/hall.map"):
        game(tmp_path / "a.scen")


def test_tasks_drawn_on_a_map_are_connected_repeat_exactly_and_are_split_by_their_goal(tmp_path):
    rows = "\n".join("." * 9 + "@" + "." * 10 if row % 4 else "." * 20 for row in range(16))
    (tmp_path / "a.map").write_text(f"type octile\nheight 16\nwidth 20\nmap\n{rows}\n")
    one, again = game(tmp_path / "a.map"), game(tmp_path / "a.map")
    goals = {}
    for split in ("train", "validation", "test"):
        drawn = [one.task(split, index) for index in range(60)]
        assert drawn == [again.task(split, index) for index in range(60)]
        assert all(task.content.steps > 0 and task.ref.id == f"{split}/{i}" for i, task in enumerate(drawn))
        goals[split] = {task.content.terrain.layout(task.content.goal) for task in drawn}
    assert len(goals["train"]) > 20 and len(goals["test"]) > 3
    assert not goals["train"] & goals["test"] and not goals["validation"] & (goals["train"] | goals["test"])
    assert one.task_for_seed(3) == again.task_for_seed(3) and one.listed() == ()


def test_the_same_map_in_another_file_gives_the_same_tasks_in_the_same_splits(folder):
    (folder / "copy.map").write_text(HALL.replace("T", "@").replace("O", "W"))
    for index in range(5):
        here, there = (game(folder / name).task("train", index) for name in ("hall.map", "copy.map"))
        assert here.content == there.content and here.ref.digest == there.ref.digest


def test_a_map_too_small_for_a_training_task_still_resets(tmp_path):
    (tmp_path / "a.map").write_text("type octile\nheight 1\nwidth 3\nmap\n..@\n")
    one = game(tmp_path / "a.map")
    with pytest.raises(UsageError, match="the split 'train' has none"):
        one.task("train", 0)
    task = one.task_for_seed(5)
    assert task.content.steps == 1 and task == one.task_for_seed(5) and play_out(one, task)[1]


def test_length_chooses_the_way_of_tasks_drawn_on_a_map(tmp_path):
    (tmp_path / "a.map").write_text(OPEN)
    one = game(tmp_path / "a.map", length=(12, 13))
    assert {one.task("train", index).content.steps for index in range(20)} == {12, 13}
    assert one.settings()["length"] == [12, 13]
    with pytest.raises(UsageError, match="no shortest path of 50 to 60 moves on a.map"):
        game(tmp_path / "a.map", length=(50, 60)).task("train", 0)
    with pytest.raises(UsageError, match="the longest has at most"):
        game(tmp_path / "a.map", length=(200, 300))


def test_drawings_are_tasks_by_number_of_any_shape(tmp_path):
    (tmp_path / "own.txt").write_text("\n@.#\n.G#\n\n\n@....G\n\n.@\n#.\nG.\n\n")
    one = game(tmp_path / "own.txt")
    assert [task.ref.id for task in one.listed()] == ["1", "2", "3"]
    assert [task.content.text() for task in one.listed()] == ["@.#\n.G#", "@....G", ".@\n#.\nG."]
    assert (one.width, one.height, one.size) == (6, 3, 6)
    with pytest.raises(UsageError, match="length chooses among tasks that are drawn"):
        game(tmp_path / "own.txt", length=(1, 2))


def test_settings_make_the_same_game_again(folder):
    for path, roles in ((folder / "hall.scen", "team"), (folder / "hall.map", "single")):
        one = game(path, roles=roles, style="compact")
        settings = json.loads(json.dumps(one.settings()))
        again = PlanPath(**settings)
        assert again.settings() == settings == one.settings()
        assert again.task("train", 0) == one.task("train", 0)
    assert settings["size"] == 6 and settings["obstacles"] == 6 / 24


def test_a_size_or_share_that_the_file_has_not_is_refused(folder):
    for other in ({"size": 12}, {"obstacles": 0.3}):
        with pytest.raises(UsageError, match="Leave it out with a file"):
            game(folder / "hall.map", **other)


def test_a_source_that_is_no_file_is_refused():
    for source in ("hall.map", "file:", 3):
        with pytest.raises(UsageError, match="give 'file:PATH'"):
            PlanPath(source=source)


def test_games_from_files_keep_the_contract_and_the_expert_solves_every_task(folder):
    (folder / "fine.scen").write_text("version 1.0\n" + QUERIES.split("\n")[2])
    (folder / "own.txt").write_text("@...\n.##.\n...G\n\n.G\n@.\n\n@.....G..\n")
    for one in (game(folder / "fine.scen"), game(folder / "own.txt", roles="single"), game(folder / "hall.map")):
        tasks = one.listed() or [one.task("train", index) for index in range(3)]
        assert all(play_out(one, task) == (2.0, True) for task in tasks)
    (folder / "wide.map").write_text(OPEN)
    one = game(folder / "wide.map", style="compact")
    check_game(one, tasks=[one.task("train", 0)])


def test_an_environment_on_a_file_is_saved_pickled_and_copied(folder):
    env = TeamAECEnv(game(folder / "hall.map"))
    env.reset(seed=1)
    env.step("U")
    fresh = TeamAECEnv(game(folder / "hall.map"))
    fresh.set_state(json.loads(json.dumps(env.get_state())))
    for twin in (fresh, pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        assert twin.last() == env.last() and twin.get_state() == env.get_state()


# ---- large maps -----------------------------------------------------------------------------------------------------
def snake(side):
    """A map whose one way winds through every second row from end to end."""
    row = ("." * side, "@" * (side - 1) + ".", "." * side, "." + "@" * (side - 1))
    rows = [row[number % 4] for number in range(side)]
    return f"type octile\nheight {side}\nwidth {side}\nmap\n" + "\n".join(rows) + "\n"


def test_the_longest_way_of_a_map_fits_into_an_episode(tmp_path):
    for side in (9, 31, 255):
        (tmp_path / "a.map").write_text(snake(side))
        ground = maps.parse_map(snake(side), "a.map")
        longest = (side // 2) * (side + 1) + side - 1
        assert max(ground.distances(0)) == longest
        assert longest <= files.longest_way(ground) <= longest + 1
        for settings in ({}, {"roles": "single"}, {"action_type": "discrete"}):
            one = game(tmp_path / "a.map", **settings)
            assert one.turns * one.max_moves >= longest
            assert PlanPath(**one.settings()).settings() == one.settings()


def test_no_shortest_path_is_longer_than_the_bound():
    generator = Random(5)
    for _ in range(60):
        width, height = generator.randint(1, 9), generator.randint(2, 9)
        cells = "".join(generator.choices(".#", (0.65, 0.35), k=width * height))
        ground = maps.Terrain(width, height, cells)
        longest = max((max(ground.distances(c)) for c, s in enumerate(cells) if s == "."), default=0)
        assert longest <= files.longest_way(ground) <= 2 * longest


def test_a_large_map_is_read_and_played_in_a_window_that_names_the_places(tmp_path):
    side = 256
    (tmp_path / "a.map").write_text(f"type octile\nheight {side}\nwidth {side}\nmap\n" + ("." * side + "\n") * side)
    one = game(tmp_path / "a.map")
    signs = [["."] * side for _ in range(side)]
    signs[0][0], signs[199][130] = "@G"
    state = one.initial(one.task_from("\n".join(map("".join, signs))))
    assert state.task.content.steps == 199 + 130
    prompt = one.observe(state, PLANNER).situation
    assert "256 rows and 256 columns. The agent is in row 1, column 1; the goal is in row 200, column 131." in prompt
    assert "Here are rows 1 to 64, columns 1 to 64:\n@" in prompt and "G" not in prompt.partition("64:\n")[2]
    state = one.step(state, {PLANNER: "D" * 199 + "R" * 20}).state
    assert "rows 168 to 231, columns 1 to 64:" in one.observe(state, EXECUTOR).situation
    assert len(one.observe(state, EXECUTOR).situation) < 10_000
    assert "\n@" in one.render(state) and len(one.render(state)) > side * side, "a person sees all of it"
    assert play_out(one, state.task)[1]
    assert one.step(state, {EXECUTOR: "+ @u201 @v201"}).state.board == 200 * side + 21
    assert one.step(state, {EXECUTOR: "@a2 @b2"}).state.board == side + 1


def test_maps_up_to_64_by_64_are_shown_whole():
    solver = PlanPath(size=64, roles="single")
    state = solver.initial(solver.task("train", 0))
    assert state.task.content.text() in solver.observe(state, SOLVER).situation


def test_distance_tables_are_shared_by_the_queries_of_one_map_and_the_oldest_forgotten(monkeypatch):
    ground = maps.Terrain(4, 4, "." * 16)
    monkeypatch.setattr("mas_envs.games.plan_path.rules.KEPT", 16 * 3)
    tables = [ground.distances(goal) for goal in range(3)]
    assert ground.distances(0) is tables[0]
    ground.distances(3)
    assert ground.distances(0) is tables[0] and ground.distances(2) is tables[2]
    assert ground.distances(1) is not tables[1] and ground.distances(1) == tables[1]


def test_pickles_of_a_map_hold_nothing_that_can_be_worked_out():
    ground = maps.Terrain(30, 30, "." * 900)
    bare = len(pickle.dumps(ground))
    ground.distances(0), ground.walls, ground.wall_words, ground.places[4]
    assert len(pickle.dumps(ground)) == bare and copy.deepcopy(ground) == ground


# ---- what real files hold -------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.data
def test_every_query_of_the_real_scenarios_can_be_played_on_ways_of_our_own(test_data):
    scenarios = sorted((test_data / "pathplan_movingai_mapf").glob("*.scen"))
    assert len(scenarios) >= 30
    count = 0
    for path in scenarios:
        one, queries = game(path), maps.parse_scenario(path.read_text(), path.name)
        tasks = one.listed()
        assert [task.ref.id for task in tasks] == [str(query.line) for query in queries]
        budget = one.turns * one.max_moves
        for task, query in zip(tasks, queries, strict=True):
            # a diagonal step, which may cut no corner, is two of ours
            assert query.length - 1e-6 <= task.content.steps <= math.sqrt(2) * query.length + 1e-6
            assert task.content.steps <= budget
        level = tasks[len(tasks) // 2].content
        known = {divmod(cell, level.width): d for cell, d in enumerate(level.distances) if d >= 0}
        assert known == squares(level.text())
        assert all(play_out(one, task) == (pytest.approx(2.0), True) for task in tasks[::50])
        count += len(tasks)
    assert count >= 8000
