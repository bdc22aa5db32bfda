"""Every registered game, and the toy of `tests.fakes`, in its main settings and in all three shells, to be played by
tests that hold for all of them. A game that is registered is here by itself."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import gymnasium
import numpy as np

import mas_envs
from mas_envs.core.game import Game
from mas_envs.effects import EffectRunner
from mas_envs.gymnasium_env import SingleEnv
from mas_envs.pettingzoo_env import OrderEnforced, TeamAECEnv, TeamParallelEnv
from mas_envs.registry import game_class
from tests.fakes import Letters, run_grades
from tests.games.code_test_played import judged_unrun
from tests.grid.tools_played import printed_unrun

BOARDS = ("plan_path", "sokoban", "sudoku")
"""Games that a tool user and a planner can play."""
RUNNERS: dict[str, EffectRunner] = {"code_test": judged_unrun, **dict.fromkeys(BOARDS, printed_unrun)}
"""What carries out the wishes of registered games that have any, by name."""

SETTINGS = (
    {"style": "full"},
    {"style": "compact"},
    {"roles": "single", "turns": 3, "style": "compact"},
    {"roles": "tool-planner", "turns": 3, "style": "full"},
    {"roles": "tool-planner", "turns": 3, "style": "compact"},
    {"action_type": "discrete", "turns": 12},
    {"roles": "single", "action_type": "discrete", "turns": 12},
)
"""Each is taken as far as a game has such settings; tool users only where there are some."""

EXPERT = "the expert's answer"


class Kind(NamedTuple):
    """A game in some settings, as an environment shows it."""

    make: Callable[[], Game[Any]]
    observation_type: str | None = None
    runner: EffectRunner | None = None

    def shell(self, api: str, game: Game[Any]) -> Any:
        """Returns an environment of `game` with the usual wrappers: "aec", "parallel" or "gymnasium"."""
        given = (game, 0.5, self.runner, None, self.observation_type)
        if api == "aec":
            return OrderEnforced(TeamAECEnv(*given))
        if api == "parallel":
            return TeamParallelEnv(*given)
        return gymnasium.wrappers.OrderEnforcing(SingleEnv(*given))


@cache
def kinds(name: str) -> tuple[Kind, ...]:
    """Returns what is played of one name: a registered game's, or "letters"."""
    if name == "letters":
        return tuple(
            Kind(partial(Letters, **settings), None, run_grades)
            for settings in ({}, {"simultaneous": True}, {"simultaneous": True, "graded": True}, {"graded": True})
        )
    known = inspect.signature(game_class(name)).parameters
    wanted = [settings for settings in SETTINGS if settings.get("roles") != "tool-planner" or name in BOARDS]
    chosen = {tuple((key, value) for key, value in settings.items() if key in known): None for settings in wanted}
    found: list[Kind] = []
    for settings in map(dict, chosen):
        make = partial(mas_envs.make_game, name, **settings)
        seen = ("flat", "masked") if settings.get("action_type") == "discrete" else (None,)
        if seen == (None,) or make().numeric() is not None:
            found += [Kind(make, observation_type, RUNNERS.get(name)) for observation_type in seen]
    return tuple(found)


NAMES = ("letters", *mas_envs.registered())


def chosen(env: Any, token: Any) -> Any:
    """Returns the action that a token stands for now: EXPERT, a number (an example action), or a text.

    Where actions are numbers, a text is the action 0.
    """
    shell = env.unwrapped
    game, state = shell.game, shell._state
    if token == EXPERT:
        token = game.expert(state, actor(shell))
        if shell.view.discrete:
            words = shell.view.numeric.actions
            token = next((n for n, word in enumerate(words) if f'"{word}"' in token), 0)
    if shell.view.discrete:
        return token % len(shell.view.numeric.actions) if isinstance(token, int) else 0
    if isinstance(token, int):
        examples = game.example_actions()
        return examples[token % len(examples)] if examples else str(token)
    return token


def actor(shell: Any) -> str:
    """Returns who has to act next, among those who act at once the first that has not spoken."""
    return shell._acting[len(shell._pending)]


def advance(env: Any, token: Any) -> Any:
    """Plays one step, or where the episode is over begins the next; returns all that its caller then sees."""
    shell = env.unwrapped
    if isinstance(shell, TeamAECEnv):
        if not env.agents:
            env.reset()
        elif shell._over:
            env.step(None)
        else:
            env.step(chosen(env, token))
        return look(env)
    if shell._over:
        return plain([env.reset(), shell.state()])
    if isinstance(shell, TeamParallelEnv):
        seen = env.step({agent: chosen(env, token) for agent in shell._acting})
    else:
        seen = env.step(chosen(env, token))
    return plain([seen, shell.state(), shell.begun and shell._over])


def look(env: Any) -> Any:
    """Returns all that the caller of an AEC environment can see now."""
    books = (env.agents, env.rewards, env.terminations, env.truncations, env.infos)
    now = (env.agent_selection, env.last(), [env.observe(agent) for agent in env.agents]) if env.agents else ()
    return plain([books, now, env.state()])


def plain(value: Any) -> Any:
    """Returns a copy that `==` compares, arrays as their type, shape and bytes."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
