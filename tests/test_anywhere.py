"""An environment that was saved, copied or pickled at any moment goes on exactly as the one it came from."""

import copy
import json
import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes import Letters
from tests.shells_played import EXPERT, NAMES, Kind, advance, kinds, plain

CASES = {"aec": 400, "parallel": 300, "gymnasium": 300}
"""Moments a game at which it is tried: 1,000 in all."""
MOST_STEPS = 300

TEXTS = st.one_of(
    st.sampled_from(["", "+", "U L", "Moves: [", 'Moves: ["+", "R"]', "+ @b2 @b3", "b3=4", "\x00", "\ud800", "9" * 99]),
    st.text(max_size=12),
)
TOKENS = st.lists(st.one_of(st.just(EXPERT), st.integers(0, 999), TEXTS), min_size=1, max_size=10)


@pytest.mark.slow
@pytest.mark.parametrize("api", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_saved_copied_or_pickled_at_any_moment_goes_on_identically(name, api):
    played = kinds(name)
    for kind in played:
        check_twins(kind, api, -(-CASES[api] // len(played)))


def check_twins(kind, api, cases):
    """Plays an environment and its copies from random moments on, beyond the end of the episode."""

    @settings(max_examples=cases, deadline=None, report_multiple_bugs=False)
    @example(0, 3, [EXPERT], [EXPERT])
    @example(0, 3, [""], [EXPERT])
    @example(0, 1, [EXPERT], [EXPERT])
    @given(st.integers(0, 99), st.integers(0, 20), TOKENS, TOKENS)
    def check(seed, moments, before, after):
        game = kind.make()
        env = kind.shell(api, game)
        env.reset(seed=seed)
        for moment in range(moments):
            advance(env, before[moment % len(before)])
        twins = [env, *twins_of(env, kind.shell(api, type(game)(**game.settings())))]
        shells = [twin.unwrapped for twin in twins]
        shown = [plain([twin.view.observe(twin._state, agent) for agent in game.agents]) for twin in shells]
        assert all(each == shown[0] for each in shown)
        ended = False
        for step in range(MOST_STEPS):
            if step >= len(after) and ended:
                break
            token = after[step % len(after)]
            seen = [advance(twin, token) for twin in twins]
            assert all(each == seen[0] for each in seen)
            ended = ended or env.unwrapped._over
        assert ended
        saved = [shell.get_state() for shell in shells]
        assert all(each == saved[0] for each in saved)

    check()


def twins_of(env, fresh):
    """Returns environments that should go on as `env` does: loaded from JSON, pickled, copied and cloned."""
    if fresh.unwrapped.api == "gymnasium":
        fresh.reset(seed=7)  # Gymnasium's wrapper asks for it
    fresh.unwrapped.set_state(json.loads(json.dumps(env.unwrapped.get_state())))
    return [fresh, pickle.loads(pickle.dumps(env)), copy.deepcopy(env), env.unwrapped.clone()]


# ---- the check is checked -------------------------------------------------------------------------------------------
class Forgetful(Letters):
    """Saves less than it knows: no hint, though the teller reads it."""

    def dump(self, state):
        return {**super().dump(state), "hint": None if state.hint is None else ""}


class Counting(Letters):
    """Keeps something outside of its states: how often it was asked to step decides what is right."""

    steps = 0

    def step(self, state, actions, results=()):
        self.steps += 1
        step = super().step(state, actions, results)
        return step._replace(info={**step.info, "count": self.steps})


@pytest.mark.parametrize("api", CASES)
@pytest.mark.parametrize("game", [Forgetful, Counting])
def test_a_game_that_saves_too_little_or_remembers_outside_its_states_is_found(game, api):
    with pytest.raises(AssertionError):
        check_twins(Kind(game), api, 100)
