"""Data sets of a hub as tasks: their names, what is read of them, and what is said where they cannot be had.

The rows here have the shape of the published sets'; they lie in folders of this machine, which `datasets` reads the
same way as those of a hub.
"""

import base64
import json
import pickle
import sys
import zlib
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest

from mas_envs import make_game
from mas_envs.agents import ExpertAgent, play
from mas_envs.core import hub
from mas_envs.core.errors import MissingExtraError, StateError, UsageError
from mas_envs.games.code_test.livecodebench import unpack
from mas_envs.testing import check_game

REVISION = "0123456789abcdef0123456789abcdef01234567"
ADD = "print(sum(map(int, input().split())))"
APPS = [
    {
        "id": number,
        "question": f"Add the numbers ({number}).",
        "solutions": json.dumps([ADD]),
        "input_output": json.dumps({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}) if number != 1 else "",
        "difficulty": "introductory",
        "starter_code": "",
    }
    for number in range(30)
]
CONTESTS = [
    {
        "name": f"{number}_A. Sum",
        "description": f"Add them, {number}.",
        "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
        "private_tests": {"input": ["5 6\n"], "output": ["11\n"]},
        "generated_tests": {"input": [], "output": []},
        "solutions": {"language": [2, 3], "solution": ["int main;", ADD]},
        "incorrect_solutions": {"language": [3], "solution": ["print(0)"]},
        "time_limit": {"seconds": 2, "nanos": 500_000_000},
    }
    for number in range(30)
]


def packed(tests):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


LIVE = [
    {
        "question_id": f"abc{number}",
        "question_content": f"Add the numbers ({number}).",
        "difficulty": "easy",
        "starter_code": "",
        "public_test_cases": json.dumps([{"input": "1 2", "output": "3", "testtype": "stdin"}]),
        "private_test_cases": packed([{"input": "10 20", "output": "30", "testtype": "stdin"}]),
        "metadata": "{}",
    }
    for number in range(30)
]
METHOD = {
    "question_id": "3001",
    "question_content": "Add two lists' lengths.",
    "difficulty": "easy",
    "starter_code": "class Solution:\n    def total(self, a: List[int], b: List[int]) -> int:\n        ",
    "public_test_cases": json.dumps([{"input": "[1, 2]\n[3]", "output": "3", "testtype": "functional"}]),
    "private_test_cases": packed([{"input": "[]\n[]", "output": "0", "testtype": "functional"}]),
    "metadata": json.dumps({"func_name": "total"}),
}
GSM8K = [{"question": f"What is {n} + 2?", "answer": f"It is {n} + 2.\n#### {n + 2}"} for n in range(40)]
OLYMPIAD = [
    {"id": n, "question": f"Find $x_{n}$.", "context": None, "final_answer": [f"${n}$"], "is_multiple_answer": False,
     "unit": None, "error": None, "subfield": "Algebra"}
    for n in range(40)
]  # fmt: skip


# ---- names ----------------------------------------------------------------------------------------------------------
def test_every_known_set_is_pinned_to_a_commit():
    assert {"apps", "code_contests", "livecodebench", "gsm8k", "math500", "aime24", "olympiadbench"} <= set(hub.KNOWN)
    for name, found in hub.KNOWN.items():
        assert len(found.revision) == 40 and int(found.revision, 16) and "/" in found.repository
        assert hub.named(f"hub:{name}") == found


def test_a_full_name_says_what_its_short_one_stands_for():
    known = hub.KNOWN["gsm8k"]
    assert known.source == f"hub:openai/gsm8k@{known.revision}:main/test"
    assert hub.named(known.source) == known
    assert hub.named("hub:gsm8k:train").split == "train" and hub.named("hub:gsm8k:train").config == "main"
    assert hub.named("hub:gsm8k:socratic/train").config == "socratic"
    other = hub.named(f"hub:me/mine@{REVISION}:eval")
    assert (other.repository, other.revision, other.config, other.split) == ("me/mine", REVISION, "", "eval")
    assert hub.named("hub:livecodebench:v6").source.endswith(":v6")


@pytest.mark.parametrize("source", ["hub:gsm8k:/", "hub:gsm8k:main/", "hub:apps:main/test"])
def test_a_split_that_is_missing_and_a_configuration_of_a_set_of_files_are_refused(source):
    with pytest.raises(UsageError, match="write hub:"):
        hub.named(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hub:gsm9k", "Did you mean 'gsm8k'"),
        ("hub:me/mine", "named with its revision"),
        ("hub:me/mine@main", "40 hexadecimal digits"),
        ("hub:../x@" + REVISION + "/..", "40 hexadecimal digits"),
        ("hub:apps:valid", "it has train, test"),
    ],
)
def test_a_name_without_a_revision_or_of_nothing_is_refused(source, message):
    for game in ("code_test", "math_verify"):
        with pytest.raises(UsageError, match=message):
            make_game(game, source=source)


def test_other_settings_of_the_tasks_are_refused_beside_a_set():
    for name, settings in (("code_test", {"difficulty": "hard"}), ("math_verify", {"difficulty": "hard"})):
        with pytest.raises(UsageError, match="leave them out with a source"):
            make_game(name, source="hub:gsm8k", **settings)
    with pytest.raises(UsageError, match="style='full'"):
        make_game("code_test", source="hub:apps", style="compact")


# ---- what cannot be had ---------------------------------------------------------------------------------------------
def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"mas-envs\[hub\]"):
        hub.load_rows("hub:gsm8k")


class DatasetsError(Exception):
    """Stands for the library's own base of errors."""


@pytest.fixture
def no_network(monkeypatch):
    asked = []

    def load_dataset(*given, **settings):
        asked.append((given, settings))
        raise ConnectionError("Couldn't reach it.\nFor many reasons.")

    datasets = ModuleType("datasets")
    datasets.load_dataset, datasets.exceptions = load_dataset, SimpleNamespace(DatasetsError=DatasetsError)
    files = ModuleType("huggingface_hub")
    files.hf_hub_download = lambda *given, **settings: load_dataset(*given, **settings)
    monkeypatch.setitem(sys.modules, "datasets", datasets)
    monkeypatch.setitem(sys.modules, "huggingface_hub", files)
    return asked


def test_a_hub_that_cannot_be_reached_is_said_in_words_and_asked_for_the_pinned_revision(no_network):
    for name in ("gsm8k", "apps"):
        with pytest.raises(UsageError, match=r"cannot be loaded: Couldn't reach it\. Look at the network.*file:PATH"):
            hub.load_rows(f"hub:{name}")
    (of_rows, how), (of_file, where) = no_network
    assert of_rows == ("openai/gsm8k", "main") and how["revision"] == hub.KNOWN["gsm8k"].revision
    assert of_file == ("codeparrot/apps", "test.jsonl") and where["revision"] == hub.KNOWN["apps"].revision


# ---- packed tests ---------------------------------------------------------------------------------------------------
def test_packed_tests_are_read_and_run_nothing(tmp_path):
    assert unpack(packed([{"input": "1"}])) == unpack('[{"input": "1"}]') == [{"input": "1"}]

    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "touched"), "w")

    bad = [base64.b64encode(zlib.compress(pickle.dumps(Bomb()))).decode(), "no base 64", "AAAA", ""]
    bad.append(base64.b64encode(zlib.compress(pickle.dumps("[]"))[:-4]).decode())
    for text in bad:
        with pytest.raises(ValueError, match=r"packed tests"):
            unpack(text)
    assert list(tmp_path.iterdir()) == []


# ---- sets that `datasets` reads from a folder -----------------------------------------------------------------------
@pytest.fixture
def place(tmp_path, monkeypatch):
    """Puts rows where a known set is looked for; returns the source."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))

    def put(name, rows, form="parquet"):
        from pyarrow import Table, parquet

        folder, known = tmp_path / name, hub.KNOWN[name]
        folder.mkdir()
        if form == "parquet":
            parquet.write_table(Table.from_pylist(rows), folder / f"{known.split}-00000-of-00001.parquet")
        else:
            (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        files = {known.split: (str(folder / "rows.jsonl"),)} if known.files else {}
        here = replace(known, repository=str(folder), config="", files=files)
        monkeypatch.setitem(hub.KNOWN, name, here)
        monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda repository, file, **_: file)
        return f"hub:{name}"

    return put


@pytest.mark.needs("hub")
@pytest.mark.parametrize(
    ("name", "rows", "form", "count"),
    [("apps", APPS, "json", 29), ("code_contests", CONTESTS, "parquet", 30), ("livecodebench", LIVE, "json", 30)],
)
def test_programming_problems_of_a_set_are_played(place, name, rows, form, count):
    game = make_game("code_test", source=place(name, rows, form))
    found = game.listed()
    assert len(found) == count and {task.ref.source for task in found} == {hub.KNOWN[name].source}
    assert "@" + hub.KNOWN[name].revision in found[0].ref.source
    for task in found:
        assert task.content.hidden and game.restore(game.dump(game.initial(task))).task == task
    episodes = play(game, {"coder": lambda _: f"```\n{ADD}\n```", "tester": ExpertAgent()}, found[:2])
    assert [episode.success for episode in episodes] == [True, True]
    splits = {split: game.task(split, 0).ref.id for split in ("train", "test", "validation")}
    assert len(set(splits.values())) == 3
    if name == "code_contests":
        assert found[0].content.accepted == (ADD,) and found[0].content.wrong == ("print(0)",)
        assert found[0].content.limits.cpu_s == 2.5
        check_game(game, game.listed()[:2])


@pytest.mark.needs("hub")
def test_a_method_of_livecodebench_is_called_with_its_arguments(place):
    game = make_game("code_test", source=place("livecodebench", [METHOD], "json"), roles="single")
    (task,) = game.listed()
    assert task.content.entry_point == "Solution.total" and task.content.samples[0].input == "[1, 2], [3]"
    right = "class Solution:\n    def total(self, a, b):\n        return len(a) + len(b)"
    for program, success in ((right, True), (right.replace("len(b)", "1"), False)):
        (episode,) = play(game, {"coder": lambda _, text=program: f"```\n{text}\n```"}, [task])
        assert episode.success is success


@pytest.mark.needs("hub", "math")
def test_mathematical_problems_of_a_set_are_played(place):
    game = make_game("math_verify", source=place("gsm8k", GSM8K), roles="single")
    assert [task.content.answers for task in game.listed()] == [(str(n + 2),) for n in range(40)]
    assert game.task_from("3").content.family == "gsm8k"
    (episode,) = play(game, {"reasoner": lambda _: "\\boxed{4}"}, [game.task_from("3")])
    assert episode.success is True
    game = make_game("math_verify", source=place("olympiadbench", OLYMPIAD))
    assert game.task_from("1").content.family == "Algebra" and len(game.listed()) == 40
    check_game(game, game.listed()[:2])


@pytest.mark.needs("hub", "math")
def test_a_set_of_something_else_is_refused_with_what_it_lacks(place):
    source = place("gsm8k", [{"text": "hello"}])
    with pytest.raises(UsageError, match="holds no mathematical problem: Row 1 .* has no problem or question"):
        make_game("math_verify", source=source)
    with pytest.raises(UsageError, match="holds no programming problem: its keys text fit no known form"):
        make_game("code_test", source=source)
    with pytest.raises(UsageError, match="cannot be loaded"):
        make_game("math_verify", source="hub:gsm8k:nowhere")


@pytest.mark.needs("hub")
def test_a_saved_state_of_another_revision_is_refused(place, monkeypatch):
    source = place("code_contests", CONTESTS[:3])
    game = make_game("code_test", source=source)
    saved = game.dump(game.initial(game.listed()[0]))
    monkeypatch.setitem(hub.KNOWN, "code_contests", replace(hub.KNOWN["code_contests"], revision=REVISION))
    with pytest.raises(StateError, match="has not been given"):
        make_game("code_test", source=source).restore(saved)
