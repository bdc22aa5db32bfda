"""How fast the environments are, as ratios to empty ones: `python -m pytest benchmarks/bench_envs.py`.

Two floors, both with PettingZoo's own loop, `agent_iter`, `last`, `step`, over episodes of eight agent steps:

    bare      an AECEnv that only says whose turn it is: `reset` makes its books, `step` leaves them alone, and after
              eight steps the agents are gone
    booked    the same with the bookkeeping that PettingZoo's tutorials teach: rewards are cleared and summed up at
              every step, truncations are set at the end, and both agents step None

What is compared with them, always with compact prompts and actions of five moves:

    pure game     one `step` (which parses the moves) and one `render` per agent step, of the game alone
    raw_env()     a text environment without wrappers, in the loop above; `env()` has PettingZoo's order enforcement
    ready tasks   30 levels that were made and played before; "new tasks" were made before and are played for the
                  first time, so nothing is known of their boards; "fresh tasks" are made inside the clock, by `reset`

Ratios are of rates in the same run (see `benchmarks.rounds`). The figures asked for: pure game 6x6 at .10 of the bare
floor or more; raw_env() with ready tasks at .12 of the booked floor or more, and at .10 for 10x10 with four boxes.
"""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import pytest
from gymnasium import spaces
from pettingzoo import AECEnv

from benchmarks.rounds import Contender, rates_of
from mas_envs import make_game, plan_path_v0, sokoban_v0
from mas_envs.core.game import Game, Task
from mas_envs.core.text import AnyText

ROUNDS = 100
LEVELS = 30
ACTIONS = ("U L D R U", "R R D L U", "D D L L U", "L U U R R", "U R D L L", "D L U R D", "R U L D D")
SIZES = {"6x6, 1 box": {"size": 6, "boxes": 1}, "10x10, 4 boxes": {"size": 10, "boxes": 4}}
TEAM = {"style": "compact", "max_moves": 5, "turns": 4}
BARE, BOOKED = "bare floor", "booked floor"
TARGETS = {  # name -> (floor, least ratio)
    "pure game 6x6, 1 box": (BARE, 0.10),
    "raw_env() 6x6, 1 box, ready tasks": (BOOKED, 0.12),
    "raw_env() 10x10, 4 boxes, ready tasks": (BOOKED, 0.10),
}


class Bare(AECEnv[str, dict[str, str], str]):
    """Two agents take eight steps in turn and nothing happens."""

    def __init__(self):
        self.possible_agents = ["planner_0", "executor_0"]

    def observe(self, agent: str) -> dict[str, str]:
        return {"text": ""}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self._steps = 0
        self.agent_selection = self.agents[0]

    def step(self, action: str | None) -> None:
        self._steps += 1
        self.agent_selection = self.possible_agents[self._steps % 2]
        if self._steps >= 8:
            self.agents = []


class Booked(AECEnv[str, dict[str, str], str]):
    """Two agents take eight steps in turn and nothing happens, with the usual bookkeeping."""

    def __init__(self):
        self.metadata = {"name": "empty_v0"}
        self.possible_agents = ["planner_0", "executor_0"]
        self._text = {agent: spaces.Dict({"text": AnyText()}) for agent in self.possible_agents}
        self._actions = {agent: AnyText() for agent in self.possible_agents}

    def observation_space(self, agent: str) -> Any:
        return self._text[agent]

    def action_space(self, agent: str) -> Any:
        return self._actions[agent]

    def observe(self, agent: str) -> dict[str, str]:
        return {"text": ""}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self._steps = 0
        self.agent_selection = self.agents[0]

    def step(self, action: str | None) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)  # pyright: ignore[reportArgumentType]
            return
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._steps += 1
        if self._steps >= 8:
            for each in self.agents:
                self.truncations[each] = True
        self.agent_selection = self.possible_agents[self._steps % 2]
        self._accumulate_rewards()


def play(env: Any, resets: Iterable[dict[str, Any] | None]) -> int:
    """Plays one episode per element of `resets` (the options of reset); returns the agent steps, dead ones included."""
    steps = 0
    for options in resets:
        env.reset(options=options)
        for _ in env.agent_iter():
            _, _, terminated, truncated, _ = env.last()
            env.step(None if terminated or truncated else ACTIONS[steps % len(ACTIONS)])
            steps += 1
    return steps


def play_purely(game: Game[Any], tasks: Sequence[Task]) -> int:
    """Plays the game alone, and renders every state; returns the agent steps."""
    steps = 0
    for task in tasks:
        state = game.initial(task)
        while agents := game.acting(state):
            state = game.step(state, {agents[0]: ACTIONS[steps % len(ACTIONS)]}).state
            game.render(state)
            steps += 1
    return steps


def ready_tasks(game: Game[Any]) -> list[Task]:
    return [game.task("train", number) for number in range(LEVELS)]


def in_env(env: Any, tasks: Sequence[Task]) -> Contender:
    """Plays ready tasks in an environment."""
    resets = [{"task": task} for task in tasks]
    return Contender(lambda: resets, lambda given: play(env, given))


def contenders() -> dict[str, Contender]:
    """Returns what is timed, by name; the floors first."""
    bare, booked = Bare(), Booked()
    found = {
        BARE: Contender(lambda: [None] * 100, lambda resets: play(bare, resets)),
        BOOKED: Contender(lambda: [None] * 100, lambda resets: play(booked, resets)),
    }
    for size, settings in SIZES.items():
        game = make_game("sokoban", **settings, **TEAM)
        env, tasks, numbers = sokoban_v0.raw_env(**settings, **TEAM), ready_tasks(game), count(LEVELS)
        found[f"pure game {size}"] = Contender(
            lambda tasks=tasks: tasks, lambda given, game=game: play_purely(game, given)
        )
        found[f"raw_env() {size}, ready tasks"] = in_env(env, tasks)
        found[f"raw_env() {size}, new tasks"] = Contender(
            lambda game=game, numbers=numbers: [{"task": game.task("train", next(numbers))} for _ in range(10)],
            lambda resets, env=env: play(env, resets),
        )
    wrapped, fresh, walk = sokoban_v0.env(**TEAM), sokoban_v0.raw_env(**TEAM), plan_path_v0.raw_env(**TEAM)
    fresh.reset(seed=0)
    found["env() 6x6, 1 box, ready tasks"] = in_env(wrapped, ready_tasks(wrapped.unwrapped.game))
    found["raw_env() 6x6, 1 box, fresh tasks"] = Contender(lambda: [None] * 10, lambda resets: play(fresh, resets))
    found["plan_path raw_env(), ready tasks"] = in_env(walk, ready_tasks(walk.game))
    return found


def test_the_loops_reach_their_share_of_the_empty_ones(capsys, ratios):
    rates = rates_of(contenders(), ROUNDS)
    with capsys.disabled():
        print(f"\n\n{f'fastest of {ROUNDS} rounds in turns':42}{'agent steps/s':>14}{'of bare':>10}{'of booked':>11}")
        for name, rate in rates.items():
            print(f"{name:42}{rate:14,.0f}{rate / rates[BARE]:10.3f}{rate / rates[BOOKED]:11.3f}")
    ratios |= {
        f"{name}, of the {BOOKED}": rate / rates[BOOKED] for name, rate in rates.items() if name not in (BARE, BOOKED)
    }
    shares = {name: rates[name] / rates[floor] for name, (floor, _) in TARGETS.items()}
    assert not {name: share for name, share in shares.items() if share < TARGETS[name][1]}


@pytest.mark.parametrize("name", contenders())
def test_agent_steps(benchmark, name):
    contender = contenders()[name]
    steps = benchmark.pedantic(contender.run, setup=lambda: ((contender.prepare(),), {}), rounds=5, warmup_rounds=1)
    benchmark.extra_info["agent_steps_per_second"] = round(steps / benchmark.stats.stats.median)


@pytest.mark.parametrize("size", SIZES)
def test_certified_sokoban_levels(benchmark, size):
    game, number = make_game("sokoban", **SIZES[size]), count()
    game.task("train", next(number))
    benchmark.pedantic(lambda: game.task("train", next(number)), rounds=200, iterations=1)
    benchmark.extra_info["levels_per_second"] = round(1 / benchmark.stats.stats.mean)


@pytest.mark.parametrize("what", ["clone", "get_state", "state_hash"])
def test_snapshots(benchmark, what):
    env = sokoban_v0.raw_env(style="compact")
    env.reset(seed=1)
    env.step("U")
    benchmark(getattr(env, what))
