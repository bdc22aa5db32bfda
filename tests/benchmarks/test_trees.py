"""Trees of an entry: K candidates at every step, rewarded from one state, the best going on."""

import json
import shutil

import pytest

pytest.importorskip("tyro")

import mas_envs
from benchmarks import agents, trees
from benchmarks.site.episodes import Film
from benchmarks.site.trees import entry_trees
from benchmarks.verify import load, verify
from mas_envs.agents import Completion
from mas_envs.core.errors import StateError
from mas_envs.core.game import Reward
from tests.benchmarks.sites import built, data_of, evaluated


def shown(folder):
    loaded = load(folder)
    film = Film()
    return film, entry_trees(film, folder, loaded)


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    folder = evaluated(tmp_path_factory.mktemp("results") / "random", "random", "sokoban", 3)
    assert trees.main([str(folder), "--tasks", "2", "--k", "6"]) == 0
    return folder


def lines_of(folder):
    return [json.loads(line) for line in (folder / "trees.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("env", mas_envs.registered())
def test_every_game_grows_trees_that_play_again(tmp_path, monkeypatch, env):
    folder = evaluated(tmp_path / "entry", "random", env, 2)
    assert trees.main([str(folder), "--tasks", "2", "--k", "4"]) == 0
    monkeypatch.setattr(type(mas_envs.make_game(env)), "effect_runner", None)  # showing them runs nothing
    _, found = shown(folder)
    assert len(found) == 2
    for tree in found:
        assert len(tree["boards"]) == len(tree["steps"]) + 1
        for step in tree["steps"]:
            assert [group["agent"] for group in step["groups"]] == [each["agent"] for each in step["said"]]
            for group, said in zip(step["groups"], step["said"], strict=True):
                rewards = [each["reward"] for each in group["candidates"]]
                assert len(rewards) == 4 and rewards[group["chosen"]] == max(rewards)
                assert group["candidates"][group["chosen"]]["text"] == said["text"]
            if len(step["groups"]) == 1:
                assert step["rewards"][said["agent"]] == pytest.approx(max(rewards))


def test_the_same_seed_grows_the_same_trees_and_another_one_others(entry, tmp_path):
    copy = shutil.copytree(entry, tmp_path / "copy")
    for seed, same in (("0", True), ("1", False)):
        assert trees.main([str(copy), "--tasks", "2", "--k", "6", "--force", "--seed", seed]) == 0
        assert ([line["moments"] for line in lines_of(copy)] == [line["moments"] for line in lines_of(entry)]) is same


def test_a_made_up_reward_has_no_place_in_a_tree(entry, tmp_path):
    assert "reward" not in (entry / "trees.jsonl").read_text()
    assert verify(entry)["episodes"] == 3, "an entry verifies with its trees as without"


class Flaky:
    """An agent of which some answers do not come."""

    def act(self, requests):
        return [Completion("L", failure="the server went away" if i % 2 else "") for i in range(len(requests))]


class Gone:
    def act(self, requests):
        return [Completion("", failure="the server went away") for _ in requests]


def test_candidates_that_never_came_are_lost_and_a_step_of_nothing_else_ends_the_tree(tmp_path, monkeypatch):
    folder = evaluated(tmp_path / "entry", "random", "sokoban", 1)
    monkeypatch.setitem(agents.ALONE, "random", Flaky)
    assert trees.main([str(folder), "--tasks", "1", "--k", "4"]) == 0
    _, [tree] = shown(folder)
    for step in tree["steps"]:
        assert [each["reward"] is None for each in step["groups"][0]["candidates"]] == [False, True, False, True]
    monkeypatch.setitem(agents.ALONE, "random", Gone)
    assert trees.main([str(folder), "--tasks", "1", "--k", "4", "--force"]) == 0
    _, [tree] = shown(folder)
    [step] = tree["steps"]
    assert step["lost"] and len(tree["boards"]) == 1


class WithoutCoder:
    """An agent whose answers come, but not as a coder."""

    def act(self, requests):
        gone = requests[0].agent == "coder_0"
        return [Completion("in 1 out 1", failure="the server went away" if gone else "") for _ in requests]


def test_a_tree_ends_where_all_candidates_of_one_of_several_agents_are_lost(tmp_path, monkeypatch):
    folder = evaluated(tmp_path / "entry", "random", "code_test", 1)
    monkeypatch.setitem(agents.ALONE, "random", WithoutCoder)
    assert trees.main([str(folder), "--tasks", "1", "--k", "2"]) == 0
    _, [tree] = shown(folder)
    [step] = tree["steps"]
    assert step["lost"] and [[each["reward"] is None for each in group["candidates"]] for group in step["groups"]] == [
        [True, True],
        [False, False],
    ]


def test_the_page_of_an_entry_shows_its_trees(entry, tmp_path):
    assert built(entry.parent, tmp_path / "site") == 0
    page = tmp_path / "site/entries/random.html"
    found = [each for each in data_of(page)["episodes"] if each["outcome"] == "tree"]
    assert [tree["name"] for tree in found] == ["task 0", "task 1"]
    assert "2 tasks that the agents played once more" in page.read_text()


def test_trees_of_another_entry_are_not_shown(entry, tmp_path):
    other = evaluated(tmp_path / "other", "expert", "sokoban", 3)
    shutil.copy(entry / "trees.jsonl", other)
    with pytest.raises(StateError, match="of another entry"):
        shown(other)


def test_a_tree_whose_rewards_are_no_numbers_is_left_out_and_the_page_names_no_folder(entry, tmp_path, monkeypatch):
    copy = shutil.copytree(entry, tmp_path / "results/copy")
    monkeypatch.setattr(Reward, "of", lambda reward, agent, alpha: float("nan"))
    with pytest.raises(StateError, match="cannot be played again"):
        entry_trees(Film(), copy, load(copy))
    monkeypatch.undo()
    (copy / "trees.jsonl").write_text("[]\n")
    assert built(tmp_path / "results", tmp_path / "site") == 0
    page = (tmp_path / "site/entries/copy.html").read_text()
    assert "Trees are left out: trees.jsonl" in page and str(tmp_path) not in page


@pytest.mark.parametrize("content", ["not JSON\n", "[]\n", '{"number": 99, "moments": []}\n', "\xff", "[" * 100_000])
def test_damaged_trees_are_left_out_and_the_page_says_so(entry, tmp_path, content):
    copy = shutil.copytree(entry, tmp_path / "results/copy")
    (copy / "trees.jsonl").write_text(content, encoding="latin-1")
    with pytest.raises(StateError, match="cannot be played again"):
        shown(copy)
    assert built(tmp_path / "results", tmp_path / "site") == 0
    assert "Trees are left out" in (tmp_path / "site/entries/copy.html").read_text()


def test_a_tree_whose_candidates_were_edited_is_found_out_or_shown_as_it_plays(entry, tmp_path):
    copy = shutil.copytree(entry, tmp_path / "copy")
    lines = lines_of(copy)
    lines[0]["moments"][0]["groups"]["planner_0"]["chosen"] = 17
    (copy / "trees.jsonl").write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(StateError):
        shown(copy)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--k", "1"], "from 2 to"),
        (["--tasks", "99"], "from 1 to 3"),
        (["--temperature", "0"], "above 0"),
        ([], "--force"),
    ],
)
def test_bad_input_is_refused_and_trees_stay(entry, capsys, words, said):
    before = (entry / "trees.jsonl").read_text()
    assert trees.main([str(entry), *words, *(["--force"] if words else [])]) == 2
    assert said in capsys.readouterr().err
    assert (entry / "trees.jsonl").read_text() == before


def test_what_is_no_entry_has_no_trees(tmp_path, capsys):
    assert trees.main([str(tmp_path)]) == 2
    assert "entry.json" in capsys.readouterr().err
