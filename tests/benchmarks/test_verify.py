"""An entry that was tampered with does not verify, whatever was changed, and verify says where."""

import json
import shutil

import pytest

pytest.importorskip("tyro")

from benchmarks.entries import summarise
from benchmarks.verify import Difference, load, main, verify
from mas_envs.core.errors import MasEnvsError, StateError
from tests.benchmarks.sites import evaluated, lines_of, write_lines


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("entries") / "random"
    return evaluated(folder, "random", "sokoban", 12, "--chunk", "5", "--attempts", "2")


def read(folder, name):
    return json.loads((folder / name).read_text())


def write(folder, name, value):
    (folder / name).write_text(json.dumps(value))


def edit_line(change, at=3):
    def tamper(folder):
        lines = lines_of(folder)
        lines[at] = change(lines[at]) or lines[at]
        write_lines(folder, lines)

    return tamper


def edit_moment(change, at=3):
    return edit_line(lambda line: change(line["moments"][0]), at)


def edit_all(change):
    def tamper(folder):
        write_lines(folder, change(lines_of(folder)))

    return tamper


def edit_json(name, **changes):
    def tamper(folder):
        write(folder, name, {**read(folder, name), **changes})

    return tamper


def put(key, value):
    return lambda record: record.__setitem__(key, value(record[key]) if callable(value) else value)


def first_agent(change):
    return lambda found: {agent: change(v) if i == 0 else v for i, (agent, v) in enumerate(found.items())}


def cut_off(folder):
    path = folder / "episodes.jsonl"
    path.write_text(path.read_text()[:-20])


def swap(lines):
    lines[2], lines[4] = lines[4], lines[2]
    return lines


TAMPERED = {
    "an action": edit_moment(put("actions", first_agent(lambda text: text + " U" if text != "U" else "D"))),
    "an action that does nothing, and its hash left": edit_moment(put("actions", first_agent(lambda _: "nonsense"))),
    "an action, in a way that changes nothing": edit_moment(put("actions", first_agent(lambda text: text + " "))),
    "something added to an episode": edit_line(lambda line: {**line, "checked": True}),
    "something added to a moment": edit_moment(lambda moment: moment.__setitem__("checked", True)),
    "an action of nobody": edit_moment(put("actions", lambda found: {**found, "judge_0": "yes"})),
    "a missing action": edit_moment(put("actions", {})),
    "a reward": edit_moment(put("rewards", first_agent(lambda reward: reward + 0.01))),
    "a tiny reward": edit_moment(put("rewards", first_agent(lambda reward: reward + 1e-6))),
    "a missing reward": edit_moment(put("rewards", {})),
    "a moment said to be lost": edit_moment(put("rewards", None)),
    "an error left out": edit_all(
        lambda lines: [{**line, "moments": [{**m, "errors": {}} for m in line["moments"]]} for line in lines]
    ),
    "an error made up": edit_moment(put("errors", lambda found: {**found, "planner_0": "it was drunk"})),
    "a prompt": edit_moment(put("prompts", first_agent(lambda _: "0" * 16))),
    "a result made up": edit_moment(put("rewards", "many")),
    "success": edit_line(put("success", lambda success: not success)),
    "success as a number": edit_line(put("success", int)),
    "success said to be lost": edit_line(put("success", None)),
    "returns": edit_line(put("returns", first_agent(lambda value: value + 1))),
    "turns": edit_line(put("turns", lambda turns: turns + 1)),
    "tokens below nothing": edit_line(put("tokens", -1)),
    "tokens beyond counting": edit_line(put("tokens", 10**400)),
    "a cost beyond counting": edit_line(put("usage", lambda usage: {**usage, "cost": 10**400})),
    "a reward beyond counting": edit_moment(put("rewards", first_agent(lambda _: 10**400))),
    "turns as a fraction": edit_line(put("turns", float)),
    "results that nobody asked for": edit_moment(put("results", [1, 2])),
    "the last moment left out": edit_line(put("moments", lambda moments: moments[:-1])),
    "a moment repeated": edit_line(put("moments", lambda moments: [moments[0], *moments])),
    "no moments": edit_line(put("moments", [])),
    "the task's digest": edit_line(put("task", lambda task: {**task, "digest": "0" * 16})),
    "the task's id": edit_line(put("task", lambda task: {**task, "id": "test/99"})),
    "the number": edit_line(put("number", 7)),
    "the number as a fraction": edit_line(put("number", float)),
    "nearly the number": edit_line(put("number", 1e-10), at=0),
    "the attempt": edit_line(put("attempt", 5)),
    "an episode left out": edit_all(lambda lines: lines[:-1]),
    "an episode repeated": edit_all(lambda lines: [*lines, lines[-1]]),
    "an episode in another's place": edit_all(lambda lines: [*lines[:3], lines[5], *lines[4:]]),
    "two episodes exchanged": edit_all(swap),
    "another entry's episode": edit_all(lambda lines: [lines[0], *lines[:-1]]),
    "a line that is no record": lambda folder: (folder / "episodes.jsonl").write_text("{}\n" * 24),
    "a line cut off": cut_off,
    "the summary's success": edit_json("summary.json", success=0.99),
    "the summary's interval": edit_json("summary.json", ci95=[0.9, 1.0]),
    "the summary's number of episodes": edit_json("summary.json", episodes=1000),
    "the summary's masked": edit_json("summary.json", masked=3),
    "the summary's rewards": edit_json("summary.json", rewards={}),
    "the summary's pass at k": edit_json("summary.json", pass_at={"1": 1.0, "2": 1.0}),
    "the summary's tokens": edit_json("summary.json", tokens=1),
    "the summary's decoding": edit_json("summary.json", decoding="sampled at temperature 1"),
    "the limit": edit_json("entry.json", limit=11),
    "a limit past the set": edit_json("entry.json", limit=100_000),
    "the attempts": edit_json("entry.json", attempts=1),
    "the set": edit_json("entry.json", tasks="sokoban/two-boxes@00000000"),
    "the set's hash": edit_json("entry.json", tasks="sokoban/standard@00000000"),
    "alpha": edit_json("entry.json", alpha=0.5),
    "the environment": edit_json("entry.json", env="plan_path"),
    "the version": edit_json("entry.json", env_version=7),
    "the format": edit_json("entry.json", format=0),
    "the temperature": edit_json("entry.json", temperature=0.7),
    "a temperature that is no number": lambda folder: (
        edit_json("entry.json", temperature=float("nan"))(folder),
        edit_json("summary.json", decoding="sampled at temperature nan")(folder),
    ),
    "who played": edit_json("entry.json", agents={"planner": "hf:gold", "executor": "hf:gold"}),
    "who played, with a role left out": edit_json("entry.json", agents={"planner": "hf:gold"}),
    "the seed": edit_json("entry.json", seed=7),
    "the summary's digest": edit_json("summary.json", digest="0" * 16),
    "no summary": lambda folder: (folder / "summary.json").unlink(),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_caught(entry, tmp_path, what):
    shutil.copytree(entry, tmp_path / "copy")
    verify(tmp_path / "copy")
    TAMPERED[what](tmp_path / "copy")
    with pytest.raises((Difference, StateError)) as caught:
        verify(tmp_path / "copy")
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("setting", ["turns", "max_moves", "size", "style"])
def test_a_setting_that_was_changed_is_caught(entry, tmp_path, setting):
    shutil.copytree(entry, tmp_path / "copy")
    settings = read(tmp_path / "copy", "entry.json")["env_settings"]
    other = {"turns": 2, "max_moves": 1, "size": 7, "style": "full"}
    edit_json("entry.json", env_settings={**settings, setting: other[setting]})(tmp_path / "copy")
    with pytest.raises(Difference):
        verify(tmp_path / "copy")


def places_in(value, place=()):
    yield place
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, found in inside:
        yield from places_in(found, (*place, key))


def changed(value, place):
    if place:
        copy = value.copy()
        copy[place[0]] = changed(value[place[0]], place[1:])
        return copy
    if isinstance(value, dict | list):
        return {**value, "more": 1} if isinstance(value, dict) else [*value, 1]
    return value + "x" if isinstance(value, str) else not value if isinstance(value, bool) else 7.5


@pytest.mark.parametrize("env", ["sokoban", "code_test"])
def test_no_value_of_an_entry_or_of_its_records_can_be_changed_unnoticed(tmp_path, env):
    folder = evaluated(tmp_path / "entry", "random", env, 1)
    for name in ("entry.json", "episodes.jsonl"):
        before = read(folder, name)
        for place in places_in(before):
            (folder / name).write_text(json.dumps(changed(before, place)) + "\n")
            with pytest.raises(MasEnvsError):
                verify(folder)
        (folder / name).write_text(json.dumps(before) + "\n")
        verify(folder)


def summarised_anew(folder):
    loaded = load(folder)
    write(folder, "summary.json", {**read(folder, "summary.json"), **summarise(*loaded)})


@pytest.mark.parametrize("what", ["turns", "turns that are no number", "a moment after it"])
def test_an_episode_that_was_lost_says_no_more_than_was_played(entry, tmp_path, what):
    def lose(line):
        agent = next(iter(line["moments"][-1]["actions"]))
        line["moments"][-1] |= {"rewards": None, "errors": {}, "results": [], "failures": {agent: "no answer"}}
        line |= {"success": None, "returns": None, "turns": line["turns"] - 1}
        line["usage"]["failed"] = 1

    shutil.copytree(entry, tmp_path / "copy")
    edit_line(lose)(tmp_path / "copy")
    summarised_anew(tmp_path / "copy")
    assert verify(tmp_path / "copy")["masked"] == 1
    nothing = {"prompts": {}, "actions": {}, "rewards": None, "errors": {}, "results": []}
    changes = {
        "turns": put("turns", 99),
        "turns that are no number": put("turns", "many"),
        "a moment after it": put("moments", lambda moments: [*moments, nothing]),
    }
    edit_line(changes[what])(tmp_path / "copy")
    if what == "turns":
        summarised_anew(tmp_path / "copy")
    with pytest.raises(Difference, match="episode 4"):
        verify(tmp_path / "copy")


def test_nothing_is_lost_where_every_answer_came_and_nothing_had_to_be_carried_out(entry, tmp_path):
    def lose(line):
        line["moments"][-1] |= {"rewards": None, "errors": {}, "results": []}
        line |= {"success": None, "returns": None, "turns": line["turns"] - 1}

    shutil.copytree(entry, tmp_path / "copy")
    edit_line(lose)(tmp_path / "copy")
    with pytest.raises(Difference, match="every answer came"):
        verify(tmp_path / "copy")


def test_verify_says_what_it_found_and_exits_accordingly(entry, tmp_path, capsys):
    shutil.copytree(entry, tmp_path / "copy")
    assert main([str(entry)]) == 0
    TAMPERED["a reward"](tmp_path / "copy")
    assert main([str(entry), str(tmp_path / "copy")]) == 1
    assert main([str(tmp_path / "nothing"), str(entry)]) == 2
    said = capsys.readouterr().out
    assert "verified" in said and "does NOT verify" in said and "rewards of moment 0 of episode 4" in said
