"""The public conformance check for anyone's game: `check_game(MyGame())` in a test, and the contract holds.

It plays the game (at random, with odd strings, doing nothing, and by its expert) and looks at every moment for what
`mas_envs.core.game` promises: functions that are pure and deterministic, rewards inside the documented ranges,
states that survive JSON, any string as an action, an end within the turn budget; and pictures, where there are any.
"""

import json
import math
import pickle
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from mas_envs.core.errors import ActionError, MasEnvsError
from mas_envs.core.game import AgentID, Game, Prompt, Result, Step, Task
from mas_envs.core.seeding import SPLITS, rng
from mas_envs.effects import EffectRunner, run_effects, runner_for

ODD_ACTIONS = ("", " \n\t", "]]][[", "Moves:", "```", "\x00\ud800", "{" * 500, "é😀" * 50, "</think>", "[" + "9" * 400)
"""Actions that no agent should write, and that a game has to bear."""

_AGENT_ID = re.compile(r"[a-z]+(_[a-z]+)*_\d+")
_TASKS_PER_SPLIT = 8
_TOLERANCE = 1e-9


class ConformanceError(MasEnvsError, AssertionError):
    """A game breaks the contract; the message says which part and where."""


def check_game(
    game: Game[Any],
    tasks: Sequence[Task] | None = None,
    actions: Sequence[str] | None = None,
    effect_runner: EffectRunner | None = None,
) -> None:
    """Raises ConformanceError at the first part of the contract that `game` breaks.

    Args:
        tasks: which to play; by default the first two of every split.
        actions: strings to play with; by default the game's example actions and odd ones.
        effect_runner: carries out what the game wants done in the world; by default the game's own does.
    """
    before = _global_generators()
    _check_declaration(game)
    twin = _twin(game)
    _check_tasks(game, twin)
    played = [game.task(split, i) for split in SPLITS for i in range(2)] if tasks is None else list(tasks)
    texts = (*game.example_actions()[:200], *ODD_ACTIONS) if actions is None else tuple(actions)
    check = _Check(game, twin, effect_runner)
    for number, task in enumerate(played):
        generator = rng("check_game", number, task.ref.digest)
        check.play(task, "playing at random", lambda _state, _agent, g=generator: g.choice(texts or ("",)))
        idle = check.play(task, "doing nothing", lambda _state, _agent: "")
        expert = check.play(task, "playing by the expert", game.expert, refuse_errors=True)
        _require(
            expert >= idle - _TOLERANCE, f"the expert's team return on task {task.ref.id}, {expert}, is below {idle}"
        )
    _require(
        before == _global_generators(),
        "a global random generator was used; draw from mas_envs.core.seeding.rng instead",
    )


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ConformanceError(otherwise[:1].upper() + otherwise[1:] + ".")


def _global_generators() -> tuple[object, bytes]:
    return random.getstate(), pickle.dumps(numpy.random.get_state())


def _plain(value: Any, what: str) -> str:
    """Returns `value` as canonical JSON."""
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"{what} is not JSON-serialisable: {error}.") from error


def _check_declaration(game: Game[Any]) -> None:
    _require(isinstance(game.name, str) and bool(game.name), f"name is {game.name!r}, not a word")
    _require(type(game.version) is int and game.version >= 0, f"version is {game.version!r}, not 0, 1, 2, ...")
    _require(type(game.turns) is int and game.turns >= 1, f"turns is {game.turns!r}, not a positive whole number")
    agents = game.agents
    _require(len(agents) > 0 and len(set(agents)) == len(agents), f"agents are {agents}, not distinct or none")
    for agent in agents:
        _require(_AGENT_ID.fullmatch(agent) is not None, f"agent {agent!r} is not named like planner_0")
    for what, (low, high) in (("team_range", game.team_range), ("local_range", game.local_range)):
        _require(math.isfinite(low) and math.isfinite(high) and low <= high, f"{what} is ({low}, {high}), no range")
    for text in (*game.example_actions(), *game.vocabulary()):
        _require(isinstance(text, str), f"example_actions or vocabulary holds {text!r}, no str")


def _twin(game: Game[Any]) -> Game[Any]:
    """Returns a second instance, made from the settings of the first."""
    settings = json.loads(_plain(game.settings(), "settings()"))
    try:
        twin = type(game)(**settings)
    except (MasEnvsError, TypeError, ValueError) as error:
        raise ConformanceError(f"The game cannot be made again from its settings() {settings}: {error}.") from error
    _require(twin.settings() == game.settings(), f"settings() {settings} make a game with settings {twin.settings()}")
    return twin


def _check_tasks(game: Game[Any], twin: Game[Any]) -> None:
    digests: dict[str, str] = {}
    for split in SPLITS:
        for index in range(_TASKS_PER_SPLIT):
            task = game.task(split, index)
            again = (game.task(split, index), twin.task(split, index))
            _require(all(other == task for other in again), f"task({split!r}, {index}) is not the same every time")
            digest = task.ref.digest
            _require(digests.setdefault(digest, split) == split, f"task {digest} is in {split} and {digests[digest]}")
    _require(game.task_for_seed(7) == twin.task_for_seed(7), "task_for_seed(7) is not the same every time")
    _raises(MasEnvsError, lambda: game.task("no such split", 0), "task('no such split', 0)")


def _raises(kind: type[Exception], call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except kind:
        return
    except Exception as error:  # whatever else it is, it is reported
        raise ConformanceError(f"{what} raised {type(error).__name__} ({error}), not {kind.__name__}.") from error
    raise ConformanceError(f"{what} did not raise {kind.__name__}.")


class _Check:
    """Plays one game move by move and looks at every moment. `where` names the moment in messages."""

    def __init__(self, game: Game[Any], twin: Game[Any], runner: EffectRunner | None):
        self.game, self.twin, self.runner = game, twin, runner
        self.where = ""

    def require(self, holds: bool, otherwise: str) -> None:
        _require(holds, f"{otherwise} ({self.where})")

    def play(self, task: Task, how: str, choose: Callable[[Any, AgentID], str], refuse_errors: bool = False) -> float:
        """Plays one task to its end; returns the sum of team rewards."""
        self.where = f"task {task.ref.id}, {how}, at its start"
        try:
            return self._play(task, how, choose, refuse_errors)
        except ConformanceError:
            raise
        except Exception as error:  # whatever a game raises here, it must not
            raise ConformanceError(f"{type(error).__name__}: {error} ({self.where}).") from error

    def _play(self, task: Task, how: str, choose: Callable[[Any, AgentID], str], refuse_errors: bool) -> float:
        game, total = self.game, 0.0
        state = game.initial(task)
        self.require(bool(game.acting(state)), "nobody acts")
        pictured = self.picture(state)
        for number in range(game.turns * len(game.agents)):
            self.where = f"task {task.ref.id}, {how}, moment {number}"
            self.moment(state)
            actions = {agent: choose(state, agent) for agent in game.acting(state)}
            for agent, text in actions.items():
                self.require(isinstance(text, str), f"{agent} got the action {text!r}, no str")
            step = self.step(state, actions)
            if refuse_errors:
                self.require(not step.info["errors"], f"the expert's actions {actions} are refused: {step.info}")
            total += step.reward.team
            state = step.state
            if step.terminated or step.truncated:
                self.end(state)
                self.require(self.picture(state) == pictured, "picture() has another size than at the start")
                return total
        raise ConformanceError(f"The episode goes on after {game.turns} turns, the budget ({self.where}).")

    def moment(self, state: Any) -> None:
        """Checks what can be asked of one state without changing it."""
        game, before = self.game, self.dumped(state)
        acting = game.acting(state)
        self.require(type(state.turn) is int and 0 <= state.turn <= game.turns, f"state.turn is {state.turn!r}")
        self.require(acting == game.acting(state), "acting() changes without a step")
        self.require(len(set(acting)) == len(acting) and set(acting) <= set(game.agents), f"acting() is {acting}")
        loaded = self.loaded(game, state)
        self.require(loaded == state, "load(save(state)) is another state")
        for agent in game.agents:
            prompt = game.observe(state, agent)
            self.require(isinstance(prompt, Prompt), f"observe() of {agent} is a {type(prompt).__name__}, no Prompt")
            self.require(all(isinstance(part, str) for part in prompt), f"the prompt of {agent} holds more than str")
            self.require(prompt == game.observe(state, agent), f"observe() of {agent} changes without a step")
            self.require(prompt == self.twin.observe(loaded, agent), f"{agent} reads something else once loaded")
            moves = game.legal_actions(state, agent)
            self.require(all(isinstance(move, str) for move in moves), f"legal_actions() holds {moves}")
        self.require(isinstance(game.render(state), str), "render() is no str")
        self.require(self.dumped(state) == before, "looking at a state changes it")
        for bad in (None, 3, b"U"):
            wrong: dict[AgentID, Any] = dict.fromkeys(acting, bad)
            _raises(ActionError, lambda a=wrong: game.step(state, a), f"The action {bad!r} ({self.where})")

    def step(self, state: Any, actions: Mapping[AgentID, str]) -> Step[Any]:
        """Steps in every way that has to come to the same, and checks what came of it."""
        game, before = self.game, self.dumped(state)
        results = self.results(game, state, actions)
        step = game.step(state, actions, results)
        self.require(self.dumped(state) == before, "step() changes the state that it was given")
        self.rewards(step)
        self.same(step, game.step(state, actions, results), "a second step from the same state")
        loaded = self.loaded(self.twin, state)
        self.same(step, self.twin.step(loaded, actions, results), "a step of another instance from the loaded state")
        info = step.info
        self.require(type(info.get("success")) is bool, f"info['success'] is {info.get('success')!r}, no bool")
        errors = info.get("errors")
        good = isinstance(errors, Mapping) and set(errors) <= set(actions)
        texts = errors.values() if isinstance(errors, Mapping) else ()
        self.require(good and all(isinstance(text, str) for text in texts), f"info['errors'] is {errors!r}")
        flags = (step.terminated, step.truncated)
        self.require(all(type(flag) is bool for flag in flags), f"terminated, truncated are {flags}, no bools")
        self.require(any(flags) == (not game.acting(step.state)), f"{flags} ended, acting {game.acting(step.state)}")
        self.require(step.state.turn >= state.turn, "state.turn goes down")
        return step

    def results(self, game: Game[Any], state: Any, actions: Mapping[AgentID, str]) -> list[Result]:
        effects = game.effects(state, actions)
        self.require(tuple(effects) == tuple(game.effects(state, actions)), "effects() differ for one state")
        return run_effects(runner_for(game, self.runner), effects)

    def same(self, one: Step[Any], other: Step[Any], what: str) -> None:
        self.require(self.dumped(one.state) == self.dumped(other.state), f"{what} leads to another state")
        self.require(one[1:4] == other[1:4], f"{what} has another reward or end: {one[1:4]}, then {other[1:4]}")
        self.require(_plain(dict(one.info), "info") == _plain(dict(other.info), "info"), f"{what} has another info")

    def rewards(self, step: Step[Any]) -> None:
        game, reward = self.game, step.reward
        self.require(set(reward.local_terms) <= set(game.agents), f"local rewards are of {set(reward.local_terms)}")
        for terms in (reward.team_terms, *reward.local_terms.values()):
            for name, value in terms.items():
                self.require(isinstance(value, int | float) and math.isfinite(value), f"term {name!r} is {value!r}")
        parts = [("team", reward.team, game.team_range)]
        parts += [(f"local ({agent})", reward.local(agent), game.local_range) for agent in game.agents]
        for what, value, (low, high) in parts:
            inside = low - _TOLERANCE <= value <= high + _TOLERANCE
            self.require(inside, f"the {what} reward {value} is outside its range [{low}, {high}]")

    def picture(self, state: Any) -> tuple[int, ...] | None:
        """Checks the picture of a state, where there is one; returns its shape."""
        picture, again = self.game.picture(state), self.game.picture(state)
        if picture is None:
            self.require("rgb_array" not in self.game.render_modes, "picture() is None, but render_modes has rgb_array")
            return None
        good = isinstance(picture, numpy.ndarray) and picture.dtype == numpy.uint8 and picture.ndim == 3
        self.require(good and picture.shape[2] == 3, "picture() is no array of uint8, (height, width, 3)")
        same = again is not None and numpy.array_equal(picture, again)
        self.require(same, "picture() changes without a step")
        return picture.shape

    def end(self, state: Any) -> None:
        """Checks the state in which an episode ended."""
        self.require(self.loaded(self.game, state) == state, "load(save()) differs")
        for agent in self.game.agents:
            self.require(isinstance(self.game.observe(state, agent), Prompt), f"observe() fails for {agent} at the end")
        over: dict[AgentID, str] = dict.fromkeys(self.game.agents, "")
        _raises(MasEnvsError, lambda: self.game.step(state, over), f"A step after the end ({self.where})")

    def loaded(self, game: Game[Any], state: Any) -> Any:
        """Returns the state after the way through JSON text into `game`."""
        return game.load(json.loads(_plain(self.game.save(state), "save()")))

    def dumped(self, state: Any) -> str:
        return _plain(self.game.dump(state), "dump()")
