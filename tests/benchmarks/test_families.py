"""Whole families of problems are held out, and what comes of them stands apart: in sets and in summaries."""

import json

import pytest

pytest.importorskip("torch")

from benchmarks import evaluate, tasksets
from benchmarks.verify import verify
from mas_envs import make_game
from mas_envs.core.errors import UsageError
from mas_envs.games.code_test.families import FAMILIES as OF_CODE
from mas_envs.games.math_verify.tasks import FAMILIES as OF_MATH

HELD_OUT = {
    "code_test": {name for name, family in OF_CODE.items() if family.split == "test"},
    "math_verify": {family.name for family in OF_MATH if family.home == "test"},
}


@pytest.mark.parametrize("name", sorted(HELD_OUT))
def test_the_set_of_held_out_families_shares_none_with_the_standard_one(name):
    found = {}
    for which in ("standard", "heldout-families"):
        tasks = tasksets.load(f"{name}/{which}", name, {})
        game = make_game(name, **tasks.settings)
        found[which] = {tasks.task(game, number).content.family for number in range(0, 400, 2)}
    assert found["heldout-families"] and found["heldout-families"] <= HELD_OUT[name]
    assert len(found["standard"]) >= 5 and not found["standard"] & HELD_OUT[name]


@pytest.mark.parametrize("agent", ["expert", "random"])
def test_a_summary_has_every_familys_success_apart(tmp_path, agent):
    words = ["--env", "math_verify", "--agent", agent, "--tasks", "math_verify/standard", "--limit", "40"]
    assert evaluate.main([*words, "--out", str(tmp_path / "entry")]) == 0
    summary = json.loads((tmp_path / "entry/summary.json").read_text())
    assert verify(tmp_path / "entry")["families"] == summary["families"]
    families = summary["families"].values()
    assert len(families) >= 3 and sum(each["episodes"] for each in families) == 40
    whole = sum(each["success"] * each["episodes"] for each in families) / 40
    assert whole == pytest.approx(summary["success"], abs=1e-5)
    assert (summary["success"] == 1.0) == (agent == "expert")


def test_games_without_families_have_none_in_their_summary(tmp_path):
    words = ["--env", "sokoban", "--agent", "expert", "--limit", "3", "--out", str(tmp_path / "entry")]
    assert evaluate.main(words) == 0
    assert json.loads((tmp_path / "entry/summary.json").read_text())["families"] == {}


def test_a_set_that_nobody_froze_is_held_to_its_hash_too():
    found = tasksets.load("sokoban/test", "sokoban", {"size": 6})
    assert tasksets.load(found.full_name, "sokoban", {"size": 6}) == found
    with pytest.raises(UsageError, match="or to other settings"):
        tasksets.load("sokoban/test@00000000", "sokoban", {"size": 6})


@pytest.mark.parametrize("name", ["sokoban/test", "sokoban/train", "sokoban/a@b", "sokoban/..", "sokoban/", "sokoban"])
def test_a_name_by_which_no_set_could_be_loaded_is_refused(name):
    with pytest.raises(UsageError, match="write GAME/NAME"):
        tasksets.make(name, {}, 1)
