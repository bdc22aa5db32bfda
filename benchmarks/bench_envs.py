"""How fast the environments are, as ratios to an empty one: `python -m pytest benchmarks/bench_envs.py`.

The floor is an AECEnv that does nothing but the bookkeeping that PettingZoo's tutorials teach (its own rewards,
infos and dead steps). Ratios come from rounds that take turns with the floor's within one run, so that they hold on
a machine that others use too; the figures of pytest-benchmark beside them are absolute.

Sokoban plays with compact prompts and actions of five moves. "ready tasks" resets to tasks that were made before,
"fresh tasks" generates a new level at each reset.
"""

import gc
import statistics
from collections.abc import Callable, Iterable
from itertools import count
from time import perf_counter
from typing import Any

import pytest
from gymnasium import spaces
from pettingzoo import AECEnv

from mas_envs import make_game, plan_path_v0, sokoban_v0
from mas_envs.core.text import AnyText

ROUNDS = 15
EPISODES = 300
ACTIONS = ("U L D R U", "R R D L U", "D D L L U", "L U U R R", "U R D L L", "D L U R D", "R U L D D")
TARGET = 0.10


class Empty(AECEnv[str, dict[str, str], str]):
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


def ready(env: Any) -> list[dict[str, Any]]:
    """Returns reset options with tasks that are made already and were played once."""
    options = [{"task": env.unwrapped.game.task("train", index)} for index in range(EPISODES)]
    play(env, options)
    return options


def contenders() -> dict[str, Callable[[], int]]:
    """Returns what is timed: name -> a round of play, which returns its agent steps."""
    team = {"style": "compact", "max_moves": 5}
    raw, wrapped = sokoban_v0.raw_env(**team), sokoban_v0.env(**team)
    fresh, walk = sokoban_v0.raw_env(**team), plan_path_v0.raw_env(**team)
    raw_tasks, wrapped_tasks, walk_tasks = ready(raw), ready(wrapped), ready(walk)
    fresh.reset(seed=0)
    empty = Empty()
    return {
        "empty environment (the floor)": lambda: play(empty, [None] * EPISODES),
        "sokoban raw_env(), ready tasks": lambda: play(raw, raw_tasks),
        "sokoban env(), ready tasks": lambda: play(wrapped, wrapped_tasks),
        "sokoban raw_env(), fresh tasks": lambda: play(fresh, [None] * (EPISODES // 3)),
        "plan_path raw_env(), ready tasks": lambda: play(walk, walk_tasks),
    }


def per_second(run: Callable[[], int]) -> float:
    start = perf_counter()
    done = run()
    return done / (perf_counter() - start)


def test_sokobans_text_loop_runs_at_a_tenth_of_the_floor_or_faster(capsys):
    runs = contenders()
    rates: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    for _ in range(ROUNDS):
        for name, run in runs.items():
            rates[name].append(per_second(run))
    floor = next(iter(rates.values()))
    ratios = {
        name: statistics.median(rate / base for rate, base in zip(found, floor, strict=True))
        for name, found in rates.items()
    }
    with capsys.disabled():
        print(f"\n\n{'medians of ' + str(ROUNDS) + ' interleaved rounds':40}{'agent steps/s':>15}{'of the floor':>15}")
        for name, found in rates.items():
            print(f"{name:40}{statistics.median(found):15,.0f}{ratios[name]:15.3f}")
    assert ratios["sokoban raw_env(), ready tasks"] >= TARGET


@pytest.mark.parametrize("name", contenders())
def test_agent_steps(benchmark, name):
    run = contenders()[name]
    steps = benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    benchmark.extra_info["agent_steps_per_second"] = round(steps / benchmark.stats.stats.median)


@pytest.mark.parametrize("settings", [{}, {"size": 8, "boxes": 2}], ids=["6x6, 1 box", "8x8, 2 boxes"])
def test_certified_sokoban_levels(benchmark, settings):
    game = make_game("sokoban", **settings)
    number = count()
    game.task("train", next(number))
    benchmark.pedantic(lambda: game.task("train", next(number)), rounds=200, iterations=1)
    benchmark.extra_info["levels_per_second"] = round(1 / benchmark.stats.stats.mean)


@pytest.mark.parametrize("what", ["clone", "get_state", "state_hash"])
def test_snapshots(benchmark, what):
    env = sokoban_v0.raw_env(style="compact")
    env.reset(seed=1)
    env.step("U")
    benchmark(getattr(env, what))
