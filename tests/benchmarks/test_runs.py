"""A run plays as it was trained, unless the command says otherwise: who plays, how, and which tasks."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from benchmarks import evaluate
from benchmarks.entries import read_entry
from mas_envs.core.errors import UsageError
from tests.trainers.run.runs import command, run


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The folder of a run of a tool user and a planner on small maps."""
    folder = tmp_path_factory.mktemp("runs") / "tools"
    more = ("--roles", "tool-planner", "--settings", "size=6", "turns=2")
    assert run(command(folder, *more, env="plan_path", iterations=1)) == 0
    return folder


def asked(folder, env="plan_path", **options):
    """Returns the settings in which an evaluation of a run would play."""
    entry, _ = evaluate.prepare(evaluate.Options(env, f"run:{folder}", Path("nowhere"), **options))
    return entry.env_settings


def test_a_run_plays_with_the_roles_and_settings_that_it_was_trained_with(tools, tmp_path):
    words = ["--env", "plan_path", "--agent", f"run:{tools}", "--tasks", "plan_path/test", "--limit", "2"]
    assert evaluate.main([*words, "--out", str(tmp_path / "entry")]) == 0
    entry = read_entry(tmp_path / "entry")
    assert set(entry.agents) == {"tool", "planner"}
    expected = {"roles": "tool-planner", "size": 6, "turns": 2, "style": "compact", "seconds": 0.5}
    assert expected.items() <= entry.env_settings.items()


def test_a_run_whose_trainer_is_made_for_one_agent_plays_alone(tmp_path):
    assert run(command(tmp_path / "run", trainer="grpo", iterations=1), "grpo") == 0
    assert asked(tmp_path / "run", "sokoban")["roles"] == "single"


def test_what_the_command_names_goes_before_what_the_run_was_trained_with(tools):
    more = ("roles=team", "turns=3")
    found = asked(tools, tasks="plan_path/test", settings=more)
    assert (found["roles"], found["turns"], found["size"]) == ("team", 3, 6)
    found = asked(tools, tasks="plan_path/standard")
    assert (found["roles"], found["turns"], found["size"]) == ("tool-planner", 2, 10)


def test_a_run_for_other_tasks_than_those_of_the_usual_set_is_asked_which_it_is_to_play(tools):
    said = r"trained with size=6, but the tasks of plan_path/standard have size=10.*--tasks plan_path/test"
    with pytest.raises(UsageError, match=said):
        asked(tools)


def test_a_run_of_another_environment_is_refused_with_what_can_be_done(tools):
    with pytest.raises(UsageError, match=r"a run of plan_path, not of sokoban.*hf:.*shared"):
        asked(tools, "sokoban")
