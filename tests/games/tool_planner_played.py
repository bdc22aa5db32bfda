"""Boards with a tool user and a planner, and the playing of steps in which programs run, for the tests of this team."""

import pytest

from mas_envs import make_game
from mas_envs.vector import step_all

TOOL, PLANNER = "tool_0", "planner_0"
NAMES = ("plan_path", "sokoban", "sudoku")
MAP = "@.#\n..G\n#.."
every_name = pytest.mark.parametrize("name", NAMES)
every_style = pytest.mark.parametrize("style", ["full", "compact"])


def made(name="plan_path", **settings):
    return make_game(name, roles="tool-planner", **settings)


def on_map(**settings):
    """Returns Plan-Path and the start of a map that `DRR` solves."""
    game = made(size=3, **settings)
    return game, game.initial(game.task_from(MAP))


def program(text):
    return f"```python\n{text}\n```"


def step(game, state, **said):
    """Returns the step of what "tool" or "planner" says; programs run."""
    (done,) = step_all(game, [(state, {f"{role}_0": text for role, text in said.items()})], None)
    assert done is not None
    return done
