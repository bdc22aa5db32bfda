"""The environments beside other libraries' own: `python -m pytest benchmarks/bench_peers.py` (extra `peers`).

Compared are gem-llm, textarena and reasoning-gym, which have Sokoban and Sudoku too; those that are not installed are
left out, and a test that has none to compare with is skipped. Everybody takes turns within one run (see
`benchmarks.rounds`).

    steps   one move in, as text in each library's own format, and the board after it out, as text: 20 levels of 6x6
            with one box, up to eight random legal moves on each, resets off the clock. The peers draw the board at
            each step. Ours is shown as the pure game, `step` alone, with what the agent reads next (`observe`) and
            with the drawn board (`render`), and as raw_env() in both styles (`step` and `last`, which also gives
            rewards and infos; its resets, to ready tasks, are inside the clock).
    levels  a `reset`, from a seed to a level of 6x6 with one box. Ours is certified by a solver, and never solved at
            its start. (reasoning-gym: an item of its data set, which has a solution.)
    sudoku  a 9x9 puzzle with 40 clues and exactly one solution, from a seed. (textarena and gem stop at some more
            clues where they cannot take out another one.)

Of a level or a puzzle the fastest of three times counts, for the same seed. The figures asked for: steps of the pure
game at 6 times the peers' or more (asserted of `step` alone), resets at 5 times the fastest one's; p99
of a reset <= 1 ms, 100 certified levels of 10x10 with four boxes a second, and a median of 5 ms for a Sudoku are
printed, not asserted: they are times.
"""

import statistics
from collections.abc import Callable
from importlib.util import find_spec
from itertools import count
from random import Random
from time import perf_counter
from typing import Any

import pytest

from benchmarks.rounds import Contender, fewer, percentile, rates_of
from mas_envs import make_game, sokoban_v0
from mas_envs.core.game import Game

pytestmark = pytest.mark.peers

LEVELS, MOVES = 20, 8
PEERS = {"gem-llm": "gem", "textarena": "textarena", "reasoning-gym": "reasoning_gym"}
INSTALLED = {name for name, module in PEERS.items() if find_spec(module)}
DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
ONE_MOVE = {"roles": "single", "turns": MOVES, "max_moves": 1}


def need(*names: str) -> list[str]:
    """Returns those of the peers that are installed; skips the test where none is."""
    found = [name for name in names if name in INSTALLED]
    if not found:
        pytest.skip(f"none of {', '.join(names)} is installed: pip install -e '.[peers]'")
    return found


# ---- steps ------------------------------------------------------------------------------------------------------
def pure_steps(look: Callable[[Game[Any], Any], object]) -> Contender:
    """Plays the game alone; `look` is what is asked of it after each step."""
    game = make_game("sokoban", style="compact", **ONE_MOVE)
    walks: list[tuple[Any, list[str]]] = []
    for number in range(LEVELS):
        start = state = game.initial(game.task("train", number))
        generator, moves = Random(number), list[str]()
        while legal := game.legal_actions(state, "solver_0"):
            moves.append(generator.choice(legal))
            state = game.step(state, {"solver_0": moves[-1]}).state
        walks.append((start, moves))

    def run(walks: list[tuple[Any, list[str]]]) -> int:
        for state, moves in walks:
            for move in moves:
                state = game.step(state, {"solver_0": move}).state
                look(game, state)
        return sum(len(moves) for _, moves in walks)

    return Contender(lambda: walks, run)


def env_steps(style: str) -> Contender:
    env = sokoban_v0.raw_env(style=style, **ONE_MOVE)
    walks: list[tuple[dict[str, Any], list[str]]] = []
    for number in range(LEVELS):
        options = {"task": env.game.task("train", number)}
        env.reset(options=options)
        generator, moves = Random(number), list[str]()
        while legal := env.last()[4]["legal_actions"]:
            moves.append(generator.choice(legal))
            env.step(moves[-1])
        walks.append((options, moves))

    def run(walks: list[tuple[dict[str, Any], list[str]]]) -> int:
        for options, moves in walks:
            env.reset(options=options)  # a ready task; the peers' resets are off the clock
            for move in moves:
                env.step(move)
                env.last()
        return sum(len(moves) for _, moves in walks)

    return Contender(lambda: walks, run)


def legal_walk(env: Any, number: int, form: str) -> list[str]:
    """Takes up to MOVES random legal moves in a peer's environment; returns them as it was told them.

    Both peers have the board as an array: 1 floor, 2 goal, 3 box on a goal, 4 box.
    """
    generator, said = Random(number), list[str]()
    for _ in range(MOVES):
        row, column = env.player_position
        legal: list[str] = []
        for direction, (down, right) in DIRECTIONS.items():
            ahead = env.room_state[row + down, column + right]
            if ahead in (1, 2) or (ahead in (3, 4) and env.room_state[row + 2 * down, column + 2 * right] in (1, 2)):
                legal.append(direction)
        if not legal or (env.room_state == 4).sum() == 0:
            break
        said.append(form.format(generator.choice(legal)))
        env.step(said[-1])
    return said


def peers_steps(name: str) -> Contender:
    if name == "gem-llm":
        from gem.envs.game_env.sokoban import SokobanEnv  # pyright: ignore[reportMissingImports]

        form, players = r"\boxed{{{}}}", {}
    else:
        from textarena.envs.Sokoban.env import SokobanEnv  # pyright: ignore[reportMissingImports]

        form, players = "[{}]", {"num_players": 1}
    envs = [SokobanEnv(dim_room=(6, 6), num_boxes=1) for _ in range(LEVELS)]

    def prepare() -> list[Any]:
        for number, env in enumerate(envs):
            env.reset(seed=number, **players)
        return envs

    walks = [legal_walk(env, number, form) for number, env in enumerate(prepare())]

    def run(envs: list[Any]) -> int:
        for env, said in zip(envs, walks, strict=True):
            for text in said:
                env.step(text)
        return sum(map(len, walks))

    return Contender(prepare, run)


def test_one_move_steps_are_six_times_as_fast_as_the_peers(capsys, ratios):
    contenders = {name: peers_steps(name) for name in need("gem-llm", "textarena")}
    ours = {
        "pure game, step": pure_steps(lambda game, state: None),
        "pure game, step and observe": pure_steps(lambda game, state: game.observe(state, "solver_0")),
        "pure game, step and render": pure_steps(lambda game, state: game.render(state)),
        "raw_env(), compact": env_steps("compact"),
        "raw_env(), full": env_steps("full"),
    }
    rates = rates_of({**contenders, **ours}, 40)
    with capsys.disabled():
        print(f"\n\n{'one-move steps, Sokoban 6x6, 1 box':38}{'per second':>12}", *(f"{n:>12}" for n in contenders))
        for name, rate in rates.items():
            print(f"{name:38}{rate:12,.0f}", *(f"{rate / rates[n]:12.1f}" for n in contenders))
    ratios |= {f"one-move step, pure game, of {name}": rates["pure game, step"] / rates[name] for name in contenders}
    assert min(rates["pure game, step"] / rates[name] for name in contenders) >= 6


# ---- levels and puzzles --------------------------------------------------------------------------------------------
def our_reset(**settings: Any) -> Callable[[int], object]:
    env = sokoban_v0.raw_env(**settings)
    return lambda seed: env.reset(seed=seed)


def peers_reset(name: str) -> Callable[[int], object]:
    """Returns what makes a Sokoban level of 6x6 with one box from a seed."""
    if name == "gem-llm":
        from gem.envs.game_env.sokoban import SokobanEnv  # pyright: ignore[reportMissingImports]

        return SokobanEnv(dim_room=(6, 6), num_boxes=1).reset
    if name == "textarena":
        from textarena.envs.Sokoban.env import SokobanEnv  # pyright: ignore[reportMissingImports]

        env = SokobanEnv(dim_room=(6, 6), num_boxes=1)
        return lambda seed: env.reset(num_players=1, seed=seed)
    import reasoning_gym  # pyright: ignore[reportMissingImports]

    sides = {"min_w": 6, "max_w": 6, "min_h": 6, "max_h": 6}
    return reasoning_gym.create_dataset("sokoban", seed=1, size=10**6, min_boxes=1, max_boxes=1, **sides).__getitem__


def peers_sudoku(name: str) -> Callable[[int], object]:
    """Returns what makes a Sudoku of 9x9 with 40 clues from a seed."""
    if name == "gem-llm":
        from gem.envs.game_env.sudoku import SudokuEnv  # pyright: ignore[reportMissingImports]

        return SudokuEnv(clues=40).reset
    if name == "textarena":
        from textarena.envs.Sudoku.env import SudokuEnv  # pyright: ignore[reportMissingImports]

        env = SudokuEnv(clues=40)
        return lambda seed: env.reset(num_players=1, seed=seed)
    import reasoning_gym  # pyright: ignore[reportMissingImports]

    return reasoning_gym.create_dataset("sudoku", seed=1, size=10**6, min_empty=41, max_empty=41).__getitem__


def milliseconds(makers: dict[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """Returns how long each took for each of some seeds, in turns; the fastest of three times."""
    taken: dict[str, list[float]] = {name: [] for name in makers}
    for seed in range(fewer(rounds)):
        for name, make in makers.items():
            times: list[float] = []
            for _ in range(3):
                start = perf_counter()
                make(seed)
                times.append((perf_counter() - start) * 1000)
            taken[name].append(min(times))
    return taken


def times_as_fast(what: str, taken: dict[str, list[float]]) -> dict[str, float]:
    """Returns how many times as fast the first one's median is as each other's."""
    ours, *others = ((name, statistics.median(found)) for name, found in taken.items())
    return {f"{what}, ours, of {name}": found / ours[1] for name, found in others}


def print_times(title: str, taken: dict[str, list[float]], ours: str) -> None:
    base = statistics.median(taken[ours])
    print(f"\n\n{title:38}{'median ms':>12}{'p99 ms':>10}{'per second':>12}{'x ours':>9}")
    for name, found in taken.items():
        middle, mean = statistics.median(found), statistics.fmean(found)
        print(f"{name:38}{middle:12.3f}{percentile(found, 99):10.3f}{1000 / mean:12,.0f}{middle / base:9.1f}")


def test_a_certified_level_takes_a_fifth_of_the_fastest_peers_time(capsys, ratios):
    makers = {"ours, certified": our_reset(), **{name: peers_reset(name) for name in need(*PEERS)}}
    taken = milliseconds(makers, 300)
    with capsys.disabled():
        print_times("reset, Sokoban 6x6, 1 box", taken, "ours, certified")
    ratios |= times_as_fast("Sokoban level", taken)
    ours, *others = (statistics.median(found) for found in taken.values())
    assert min(others) >= 5 * ours


def test_a_sudoku_with_a_proof_takes_less_than_the_fastest_peers_time(capsys, ratios):
    game = make_game("sudoku", size=9, clues=40)
    makers = {"ours": lambda seed: game.task("train", seed), **{name: peers_sudoku(name) for name in need(*PEERS)}}
    taken = milliseconds(makers, 100)
    with capsys.disabled():
        print_times("Sudoku 9x9, 40 clues, unique", taken, "ours")
    ratios |= times_as_fast("Sudoku", taken)
    ours, *others = (statistics.median(found) for found in taken.values())
    assert min(others) > ours


@pytest.mark.parametrize("what", ["sokoban 10x10, 4 boxes", "sudoku 9x9, 40 clues"])
def test_certified_tasks(benchmark, what):
    settings = {"size": 10, "boxes": 4} if what.startswith("sokoban") else {"size": 9, "clues": 40}
    game, number = make_game(what.split()[0], **settings), count()
    game.task("train", next(number))
    benchmark.pedantic(lambda: game.task("train", next(number)), rounds=200, iterations=1)
    if benchmark.stats is not None:  # it is with --benchmark-disable
        benchmark.extra_info["per_second"] = round(1 / benchmark.stats.stats.mean)
