"""What 1,024 tasks at once cost: `python -m pytest benchmarks/bench_vector.py`.

Sokoban 6x6 with one box, planner and executor, compact prompts, actions of five moves, ready tasks. Four ways of
playing the same 1,024 episodes with the same actions, in turns:

    pure game, one by one      `observe`, `step`; nothing else
    raw_env(), one by one      PettingZoo's loop: `agent_iter`, `last`, `step`
    ParallelEnv, one by one    `step` of each environment, which shows both agents' observations and infos each time
    VectorEnv                  `step` of all: prompts of those who act, rewards and flags as arrays; also in sixteen
                               batches of 64, and with `gc.freeze()` before

Python's garbage collector looks through all 1,024 levels and their tables again and again while thousands of states
live at once; `gc.freeze()`, called once when the tasks are made, spares it that. Then where VectorEnv's time goes: the
same play, frozen, with a clock around each part.
"""

import gc
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from benchmarks.bench_envs import ACTIONS, TEAM
from benchmarks.rounds import Contender, rates_of
from mas_envs import make_game, sokoban_v0
from mas_envs.core.game import Game, Task
from mas_envs.pettingzoo_env import TeamParallelEnv
from mas_envs.vector import VectorEnv

TASKS, BATCH = 1024, 64
ROUNDS = 8


def play_pure(game: Game[Any], tasks: Sequence[Task]) -> int:
    """Plays the game alone, task by task; returns the agent steps."""
    done = 0
    for number, task in enumerate(tasks):
        state, moment = game.initial(task), 0
        while agents := game.acting(state):
            game.observe(state, agents[0])
            state = game.step(state, {agents[0]: ACTIONS[(number + moment) % len(ACTIONS)]}).state
            moment += 1
        done += moment
    return done


def play_aec(env: Any, tasks: Sequence[Task]) -> int:
    """Plays task by task in PettingZoo's loop; returns the agent steps, without the steps of None at the end."""
    done = 0
    for number, task in enumerate(tasks):
        env.reset(options={"task": task})
        moment = 0
        for _ in env.agent_iter():
            _, _, terminated, truncated, _ = env.last()
            if terminated or truncated:
                env.step(None)
            else:
                env.step(ACTIONS[(number + moment) % len(ACTIONS)])
                moment += 1
        done += moment
    return done


def play_parallel(envs: Sequence[TeamParallelEnv], tasks: Sequence[Task]) -> int:
    """Plays environment by environment, each its own task; returns the agent steps."""
    done = 0
    for number, (env, task) in enumerate(zip(envs, tasks, strict=True)):
        _, infos = env.reset(options={"task": task})
        moment = 0
        while env.agents:
            text = ACTIONS[(number + moment) % len(ACTIONS)]
            _, _, _, _, infos = env.step({agent: text for agent, info in infos.items() if info["acting"]})
            moment += 1
        done += moment
    return done


def play_vector(envs: VectorEnv, tasks: Sequence[Task]) -> int:
    """Plays all at once; returns the agent steps."""
    asked, done, moment = envs.reset(tasks=tasks), 0, 0
    while asked:
        done += len(asked)
        asked, *_ = envs.step([ACTIONS[(ask.env + moment) % len(ACTIONS)] for ask in asked])
        moment += 1
    return done


def frozen(play: Callable[..., int], *args: Any) -> int:
    """Plays while the garbage collector leaves alone what is there now."""
    gc.freeze()
    try:
        return play(*args)
    finally:
        gc.unfreeze()


class Clock:
    """Adds up the time that is spent in a function."""

    def __init__(self, function: Callable[..., Any]):
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: Any) -> Any:
        start = perf_counter()
        result = self.function(*args)
        self.seconds += perf_counter() - start
        return result


def test_the_vectors_cost_per_step_beside_single_play(capsys, ratios):
    game = make_game("sokoban", **TEAM)
    tasks = [game.task("train", number) for number in range(TASKS)]
    raw, vector, small = sokoban_v0.raw_env(**TEAM), VectorEnv(game, TASKS), VectorEnv(game, BATCH)
    singly = [TeamParallelEnv(game) for _ in tasks]
    rates = rates_of(
        {
            "pure game, one by one": Contender(lambda: tasks, lambda given: play_pure(game, given)),
            "raw_env(), one by one": Contender(lambda: tasks, lambda given: play_aec(raw, given)),
            "ParallelEnv, one by one": Contender(lambda: tasks, lambda given: play_parallel(singly, given)),
            "VectorEnv": Contender(lambda: tasks, lambda given: play_vector(vector, given)),
            "VectorEnv, frozen": Contender(lambda: tasks, lambda given: frozen(play_vector, vector, given)),
            f"VectorEnv, {BATCH} at a time": Contender(
                lambda: [tasks[first : first + BATCH] for first in range(0, TASKS, BATCH)],
                lambda batches: sum(play_vector(small, batch) for batch in batches),
            ),
        },
        ROUNDS,
    )
    with capsys.disabled():
        print(f"\n\n{f'{TASKS} tasks':28}{'agent steps/s':>15}{'us a step':>11}{'cost / VectorEnv':>18}")
        for name, found in rates.items():
            print(f"{name:28}{found:15,.0f}{1e6 / found:11.2f}{rates['VectorEnv'] / found:18.2f}")
    alone, *others = rates
    ratios |= {f"{name}, {TASKS} tasks, of the pure game": rates[name] / rates[alone] for name in others}
    assert rates[f"VectorEnv, {BATCH} at a time"] > rates["ParallelEnv, one by one"]


def test_where_the_vectors_time_goes(capsys, monkeypatch):
    game = make_game("sokoban", **TEAM)
    tasks = [game.task("train", number) for number in range(TASKS)]
    vector = VectorEnv(game, TASKS)
    play_vector(vector, tasks)
    whole = min(timed(vector, tasks)[0] for _ in range(8))
    rules, prompts = Clock(game.step), Clock(game.observe)
    monkeypatch.setattr(game, "step", rules)
    monkeypatch.setattr(game, "observe", prompts)
    rounds = []
    for _ in range(8):
        rules.seconds = prompts.seconds = 0.0
        rounds.append((*timed(vector, tasks), rules.seconds, prompts.seconds))
    taken, steps, in_rules, in_prompts = min(rounds)
    parts = {"the rules: game.step": in_rules, "prompts: game.observe": in_prompts}
    parts["resets, answers, rewards, books"] = taken - in_rules - in_prompts
    with capsys.disabled():
        print(f"\n\n{f'VectorEnv, {TASKS} tasks, frozen, with clocks':46}{'us a step':>11}{'share':>8}")
        for name, seconds in parts.items():
            print(f"{name:46}{seconds / steps * 1e6:11.2f}{seconds / taken:8.0%}")
        print(f"{'all (without clocks)':46}{taken / steps * 1e6:11.2f} ({whole / steps * 1e6:.2f})")
    assert min(parts.values()) > 0


def timed(vector: VectorEnv, tasks: Sequence[Task]) -> tuple[float, int]:
    """Returns the seconds that all episodes took, and the agent steps."""
    start = perf_counter()
    steps = frozen(play_vector, vector, tasks)
    return perf_counter() - start, steps
