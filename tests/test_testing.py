import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs import make_game, registered
from mas_envs.core.errors import UsageError
from mas_envs.core.game import Prompt, Reward, Role
from mas_envs.testing import ConformanceError, check_game
from tests.fakes import Letters, LettersState, run_grades


@pytest.mark.parametrize("name", [name for name in registered() if name in ("plan_path", "sokoban")])
@pytest.mark.parametrize("roles", ["team", "single"])
@pytest.mark.parametrize("style", ["compact", "full"])
def test_every_registered_game_conforms(name, roles, style):
    check_game(make_game(name, roles=roles, style=style))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=40), st.text("+UDLR[]\"', :Moves\n", max_size=40)), min_size=1, max_size=20))
def test_the_board_games_conform_under_any_strings(texts):
    for name in ("plan_path", "sokoban"):
        game = make_game(name, style="compact")
        check_game(game, tasks=[game.task("test", 0)], actions=texts)


@pytest.mark.parametrize("simultaneous", [False, True])
def test_the_toy_game_conforms(simultaneous):
    check_game(Letters(simultaneous=simultaneous))
    check_game(Letters(simultaneous=simultaneous, graded=True), effect_runner=run_grades)


class DrawsGlobally(Letters):
    def initial(self, task):
        random.random()
        return super().initial(task)


class Forgets(Letters):
    """Leaves the hint out of saved states."""

    def dump(self, state):
        return {**super().dump(state), "hint": None}


class Remembers(Letters):
    """Keeps a count in the game itself."""

    count = 0

    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        type(self).count += 1
        return step._replace(reward=Reward({"luck": (self.count % 2) / 2}, {}))


class Mutates(Letters):
    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        object.__setattr__(state, "turn", state.turn + 1)
        return step


class PaysTooMuch(Letters):
    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        return step._replace(reward=Reward({"bonus": 5.0}, {}))


class PaysNothingKnown(Letters):
    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        return step._replace(reward=Reward({"progress": float("nan")}, {}))


class PaysStrangers(Letters):
    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        return step._replace(reward=Reward({}, {"nobody_0": {"gift": 0.1}}))


class NeverEnds(Letters):
    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        new = replace(step.state, outcome="", turn=min(step.state.turn, self.turns - 1))
        return step._replace(state=new, terminated=False, truncated=False)


class ActsOn(Letters):
    """Says that it is over while agents still act."""

    def acting(self, state):
        return ("hinter_0",) if state.hint is None else ("teller_0",)


class Chokes(Letters):
    def step(self, state, actions, results=()):
        for text in actions.values():
            if isinstance(text, str):
                text.encode()  # raises for lone surrogates
        return super().step(state, actions, results)


class TakesNumbers(Letters):
    def step(self, state, actions, results=()):
        return super().step(state, {agent: str(text) for agent, text in actions.items()}, results)


class StepsAfterTheEnd(Letters):
    def step(self, state, actions, results=()):
        return super().step(replace(state, outcome=""), actions, results)


class BarePrompt(Letters):
    def observe(self, state, agent):
        return str(super().observe(state, agent))


class Flickers(Letters):
    looks = 0

    def observe(self, state, agent):
        type(self).looks += 1
        return Prompt(f"look {self.looks}")


class DrawsFloats(Letters):
    def picture(self, state):
        return np.zeros((8, 8, 3))


class DrawsAtRandom(Letters):
    looks = 0

    def picture(self, state):
        type(self).looks += 1
        return np.full((8, 8, 3), self.looks % 256, np.uint8)


class Grows(Letters):
    def picture(self, state):
        return np.zeros((8 + state.turn, 8, 3), np.uint8)


class DrawsNothing(Letters):
    def picture(self, state):
        return None


class BadExpert(Letters):
    def expert(self, state, agent):
        return "no idea"


class LosingExpert(Letters):
    """Does worse than saying nothing."""

    team_range = (-1.0, 1.0)

    def step(self, state, actions, results=()):
        step = super().step(state, actions, results)
        return step._replace(reward=Reward({"talk": -0.1 * any(text.strip() for text in actions.values())}, {}))


class MixedSplits(Letters):
    def task(self, split, index):
        return super().task("train" if split in ("test", "validation") else split, index)


class ShiftingTasks(Letters):
    drawn = 0

    def task(self, split, index):
        type(self).drawn += 1
        return super().task(split, index + self.drawn)


class LeavesOutSettings(Letters):
    def __init__(self, turns=3, simultaneous=False, graded=False):
        super().__init__(turns if turns != 3 else 2, simultaneous, graded)

    def settings(self):
        return {"length": self.turns}


class SilentInfo(Letters):
    def step(self, state, actions, results=()):
        return super().step(state, actions, results)._replace(info={"errors": {}})


class NamesBadly(Letters):
    def __init__(self, turns=3, simultaneous=False, graded=False):
        super().__init__(turns, simultaneous, graded)
        self.roles = (Role("Hinter 1"), Role("teller"))


class TwoSidedActing(Letters):
    """Lists one agent twice."""

    def acting(self, state):
        return super().acting(state) * 2


BREAKS = [
    (DrawsGlobally, "global random generator was used"),
    (Forgets, "load(save(state)) is another state"),
    (Remembers, "a second step from the same state has another reward"),
    (Mutates, "step() changes the state that it was given"),
    (PaysTooMuch, "the team reward 5.0 is outside its range"),
    (PaysNothingKnown, "term 'progress' is nan"),
    (PaysStrangers, "local rewards are of {'nobody_0'}"),
    (NeverEnds, "goes on after 3 turns"),
    (ActsOn, "ended, acting"),
    (Chokes, "UnicodeEncodeError"),
    (TakesNumbers, "did not raise ActionError"),
    (StepsAfterTheEnd, "A step after the end"),
    (BarePrompt, "is a str, no Prompt"),
    (Flickers, "changes without a step"),
    (DrawsFloats, "picture() is no array of uint8"),
    (DrawsAtRandom, "picture() changes without a step"),
    (Grows, "picture() has another size than at the start"),
    (DrawsNothing, "picture() is None, but render_modes has rgb_array"),
    (BadExpert, "the expert's actions"),
    (LosingExpert, "the expert's team return"),
    (MixedSplits, "is in"),
    (ShiftingTasks, "is not the same every time"),
    (LeavesOutSettings, "cannot be made again from its settings()"),
    (SilentInfo, "info['success'] is None"),
    (NamesBadly, "is not named like planner_0"),
    (TwoSidedActing, "acting() is"),
]


@pytest.mark.parametrize(("broken", "message"), BREAKS, ids=[broken.__name__ for broken, _ in BREAKS])
def test_a_broken_game_is_caught_and_the_message_names_what_is_broken(broken, message):
    with pytest.raises(ConformanceError) as caught:
        check_game(broken(), actions=["a", "b", "\ud800", ""])
    assert message.lower() in str(caught.value).lower()
    assert isinstance(caught.value, AssertionError)


def test_the_message_says_where():
    with pytest.raises(ConformanceError, match=r"\(task train/0, playing at random, moment 0\)"):
        check_game(PaysTooMuch())


def test_a_state_is_frozen_data_that_compares_by_value():
    game = Letters()
    assert game.initial(game.task("test", 0)) == LettersState(game.task("test", 0))
    with pytest.raises(UsageError):
        game.task("no such split", 0)
