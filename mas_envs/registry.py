"""Which games there are, and making them by name.

A game is registered by name and the place of its class, which is imported when it is first made. Other packages
announce theirs in the entry-point group `mas_envs.games`, name = "module:Class"; a game past version 0 says so in
the name of its entry point, as in `chess-v2`.
"""

import importlib
import inspect
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import gymnasium
import pettingzoo

from mas_envs.core.errors import UnknownNameError, UsageError, did_you_mean
from mas_envs.core.game import Game

GROUP = "mas_envs.games"
NAMESPACE = "mas_envs"
_NAME = re.compile(r"(?P<name>[a-z][a-z0-9]*(?:_[a-z0-9]+)*)(?:-v(?P<version>\d+))?")


@dataclass(frozen=True, slots=True)
class Registration:
    """One registered game.

    entry_point: "module:Class".
    alone: settings of the single-agent view `gymnasium.make("mas_envs/Name-v0")`.
    """

    name: str
    entry_point: str
    version: int = 0
    alone: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pettingzoo_id(self) -> str:
        """The id in both of PettingZoo's registries, e.g. "mas_envs/plan_path-v0"."""
        return f"{NAMESPACE}/{self.name}-v{self.version}"

    @property
    def gymnasium_id(self) -> str:
        """The id in Gymnasium's registry, e.g. "mas_envs/PlanPath-v0"."""
        return f"{NAMESPACE}/{''.join(part.capitalize() for part in self.name.split('_'))}-v{self.version}"


_games: dict[str, Registration] = {}


def register(name: str, entry_point: str, version: int = 0, alone: Mapping[str, Any] | None = None) -> None:
    """Makes a game known by name here, in PettingZoo's registries and in Gymnasium's.

    Args:
        name: lower-case words joined by `_`.
        entry_point: "module:Class", a subclass of Game; imported when the game is first made.
        version: the class's own `version`.
        alone: settings of the single-agent view in Gymnasium, beside the class's defaults.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["version"]:
        raise UsageError(f"{name!r} is no name of a game; use lower-case words joined by _, as in 'plan_path'.")
    if not re.fullmatch(r"[\w.]+:\w+", entry_point):
        raise UsageError(f"{entry_point!r} is no entry point; write it as 'package.module:Class'.")
    new = Registration(name, entry_point, version, dict(alone or {}))
    if name in _games:
        if _games[name] == new:
            return
        raise UsageError(f"{name!r} is registered already, as {_games[name].entry_point}; choose another name.")
    _games[name] = new
    pettingzoo.register("aec", new.pettingzoo_id, "mas_envs.pettingzoo_env:make_env", kwargs={"game": name})
    pettingzoo.register(
        "parallel", new.pettingzoo_id, "mas_envs.pettingzoo_env:make_parallel_env", kwargs={"game": name}
    )
    gymnasium.register(
        new.gymnasium_id, "mas_envs.gymnasium_env:make_single_env", kwargs={"game": name, "alone": new.alone}
    )


def registered() -> tuple[str, ...]:
    """Returns the names of all registered games, sorted."""
    return tuple(sorted(_games))


def registration(name: str) -> Registration:
    """Returns what is registered under `name`; raises UnknownNameError with the nearest name otherwise."""
    if name not in _games:
        hint = did_you_mean(str(name), _games)
        raise UnknownNameError(f"Unknown env {name!r}.{hint} List them with mas_envs.registered().")
    return _games[name]


def game_class(name: str) -> type[Game[Any]]:
    """Returns the class of a registered game, importing it."""
    entry = registration(name)
    module, _, attribute = entry.entry_point.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, Game)):
        raise UsageError(f"{entry.entry_point}, registered as {name!r}, is no subclass of mas_envs.core.game.Game.")
    if found.version != entry.version:
        raise UsageError(
            f"{name!r} is registered with version {entry.version}, its class has {found.version}; "
            f"register both alike (an entry point says it as in '{name}-v{found.version}')."
        )
    return found


def make_game(name: str, **settings: Any) -> Game[Any]:
    """Returns the pure game of that name; raises UsageError for settings that it does not have."""
    made = game_class(name)
    parameters = inspect.signature(made).parameters
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for given in settings:
            if given not in parameters:
                allowed = ", ".join(str(parameter) for parameter in parameters.values())
                hint = did_you_mean(given, parameters)
                raise UsageError(f"{name} has no setting {given!r}.{hint} It has: {allowed or 'none'}.")
    return made(**settings)


def register_all() -> None:
    """Registers the games of this package and those that installed packages announce."""
    alone = {"roles": "single", "turns": 4}
    register("plan_path", "mas_envs.games.plan_path:PlanPath", alone=alone)
    register("sokoban", "mas_envs.games.sokoban:Sokoban", alone=alone)
    register("sudoku", "mas_envs.games.sudoku:Sudoku", alone=alone)
    register("code_test", "mas_envs.games.code_test:CodeTest", alone=alone)
    register("math_verify", "mas_envs.games.math_verify:MathVerify", alone={"roles": "single"})
    for entry in entry_points(group=GROUP):
        match = _NAME.fullmatch(entry.name)
        try:
            if match is None:
                raise UsageError("its name must be lower-case words joined by _, with -vN past version 0")
            register(match["name"], entry.value.replace(" ", ""), int(match["version"] or 0))
        except UsageError as error:  # somebody else's mistake must not keep this package from being imported
            warnings.warn(f"The game {entry.name!r} of entry-point group {GROUP} is left out: {error}", stacklevel=2)
