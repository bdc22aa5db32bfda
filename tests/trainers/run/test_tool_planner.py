"""A tool user and a planner are trained as every team is: programs run in the rollouts, with results that are kept."""

import json

import pytest

pytest.importorskip("torch")

from mas_envs import make_game
from mas_envs.grid import tools
from tests.trainers.run.runs import command, run
from trainers.run.config import ATGRPO
from trainers.run.reading import parse


@pytest.mark.parametrize("trainer", ["atgrpo", "grpo"])
def test_a_team_with_a_tool_user_trains_and_its_programs_run(tmp_path, trainer, monkeypatch):
    ran, runner = [], tools.ProgramRunner.__call__

    def watched(self, effects):
        ran.extend(effects)
        return runner(self, effects)

    monkeypatch.setattr(tools.ProgramRunner, "__call__", watched)
    roles = ("--roles", "tool-planner", "--settings", "turns=2")
    arguments = command(tmp_path / "run", *roles, trainer=trainer, env="plan_path", iterations=1)
    assert run(arguments, trainer) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["env_settings"]["roles"] == "tool-planner" and summary["env_settings"]["seconds"] == 0.5
    groups = [json.loads(line) for line in (tmp_path / "run" / "groups.jsonl").read_text().splitlines()]
    assert {group["agent"] for group in groups} == {"tool_0", "planner_0"}
    assert len({effect.program for effect in ran}) > 3, "not only the expert's of the demonstrations"


@pytest.mark.parametrize("name", ["plan_path", "sokoban", "sudoku"])
def test_the_budget_of_a_completion_has_room_for_the_experts_program(name):
    game = make_game(name, roles="tool-planner", style="compact")
    program = game.expert(game.initial(game.task("train", 0)), "tool_0")
    assert len(game.longest_answer().split()) >= len(program.split())


def test_programs_are_longer_than_moves_so_a_tiny_run_with_them_is_smaller():
    boards, programs = (parse(["--env", "sokoban", *more], ATGRPO) for more in ((), ("--roles", "tool-planner")))
    assert programs.iterations < boards.iterations and programs.num_generations < boards.num_generations
    assert parse(["--env", "sokoban", "--roles", "tool-planner", "--preset", "paper"], ATGRPO).preset == "paper"
