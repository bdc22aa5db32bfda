"""100,000 strings a game, random and hostile: none is an exception, a hang or a reward outside the game's range."""

import math
from collections.abc import Sequence
from itertools import product
from random import Random
from time import process_time
from typing import Any

import pytest

from mas_envs.core.game import Game
from mas_envs.core.text import MAX_LENGTH
from mas_envs.effects import EffectRunner
from mas_envs.pettingzoo_env import TeamAECEnv
from tests.fakes import Letters
from tests.hostile import KILLERS, LARGE, hostile
from tests.shells_played import NAMES, RUNNERS, actor, kinds

STRINGS = 100_000
PARTS = 4
"""Tests that a game's strings are shared out over, so that they run beside one another."""
HANG = 0.05
"""Seconds of the process's own time in which an action has to be taken and answered."""
SLACK = 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", NAMES)
def test_no_string_breaks_a_game_hangs_it_or_earns_what_is_not_on_offer(name, part):
    played = [kind for kind in kinds(name) if kind.make().action_type == "text"]
    count = 0
    for number, kind in enumerate(played):
        generator = Random(f"{name} {part} {number}")
        count += fuzz(kind.make(), generator, -(-STRINGS // (PARTS * len(played))), kind.runner)
    assert count * PARTS >= STRINGS


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_two_pieces_repeated_as_often_as_an_answer_is_long_take_long(name):
    """What a parser reads again from each of its places takes seconds here, whatever it is that makes it begin."""
    before = ("", "Moves: ", "Moves: [")
    played = [kind for kind in kinds(name) if kind.make().action_type == "text"]
    for number, kind in enumerate(played):
        env = TeamAECEnv(kind.make(), effect_runner=kind.runner)
        for first, second in list(product(KILLERS, repeat=2))[number :: len(played)]:
            if not env.agents or env._over:
                env.reset(seed=number)
            each = MAX_LENGTH // 2
            text = (first * each)[: each - 8] + (second * each)[:each]
            take(env, before[len(first + second) % 3] + text)


def fuzz(game: Game[Any], generator: Random, strings: int, runner: EffectRunner | None = None) -> int:
    """Plays a game with so many strings and looks at what comes of each; returns how many there were."""
    env = TeamAECEnv(game, effect_runner=runner)
    answers: Sequence[str] = ()
    for number in range(strings):
        if number % 200 == 0 or not env.agents or env._over:
            env.reset(seed=generator.randrange(50))
            texts = [game.expert(env._state, actor(env)), *map(game.passive_action, (role.name for role in game.roles))]
            answers = [*filter(None, texts), *game.example_actions(), ""]
        take(env, hostile(generator, answers))
    return strings


def take(env: TeamAECEnv, text: str) -> None:
    """Steps, and checks time, rewards and infos."""
    before = env.clone()
    took = seconds(env, text)
    if took > HANG:  # the machine may have been busy with something else: again, alone
        took = min(seconds(before.clone(), text) for _ in range(3))
        assert took <= HANG, f"{took:.3f} s for {text[:200]!r} ({len(text)} characters)"
    team, local = env.game.team_range, env.game.local_range
    for agent, info in env.infos.items():
        assert isinstance(info["error"], str) and type(info["success"]) is bool, text[:200]
        assert team[0] - SLACK <= info["team_reward"] <= team[1] + SLACK, (info, text[:200])
        assert local[0] - SLACK <= info["local_reward"] <= local[1] + SLACK, (info, text[:200])
        assert math.isfinite(env.rewards[agent])


def seconds(env: TeamAECEnv, text: str) -> float:
    """Returns the process's time for a step and what the next agent reads after it."""
    start = process_time()
    env.step(text)
    env.last()
    return process_time() - start


# ---- the check is checked -------------------------------------------------------------------------------------------
class Broken(Letters):
    """Goes wrong at some strings, as `fault` says."""

    fault = ""

    def step(self, state, actions, results=()):
        text = "".join(actions.values())
        step = super().step(state, actions, results)
        if self.fault == "raises" and "\ud800" in text:
            raise IndexError("no such character")
        if self.fault == "hangs" and len(text) > LARGE[0]:
            end = process_time() + 2 * HANG
            while process_time() < end:
                pass
        if self.fault == "pays" and "]" in text:
            return step._replace(reward=step.reward._replace(team_terms={"success": 1.5}))
        return step


@pytest.mark.parametrize(
    ("fault", "error"), [("raises", IndexError), ("hangs", AssertionError), ("pays", AssertionError)]
)
def test_the_fuzz_finds_a_game_that_raises_hangs_or_pays_too_much(fault, error):
    game = Broken()
    game.fault = fault
    with pytest.raises(error):
        fuzz(game, Random(1), 20_000)


def test_a_busy_machine_is_no_hang(monkeypatch):
    clock = iter([0.0, 9.0, 9.0, 9.001, 10.0, 19.0, 20.0, 29.0])  # of four measurements one is not slow
    monkeypatch.setattr("tests.test_fuzz.process_time", lambda: next(clock))
    env = TeamAECEnv(Letters(simultaneous=True))
    env.reset(seed=1)
    take(env, "a")
    assert len(env._pending) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_game_with_wishes_to_the_world_has_somebody_to_carry_them_out(name):
    for kind in kinds(name):
        game = kind.make()
        state = game.initial(game.task("train", 0))
        wishes = game.effects(state, dict.fromkeys(game.acting(state), ""))
        assert not wishes or kind.runner is not None, (
            f"give {name} an effect runner in {RUNNERS} of tests.shells_played"
        )
