"""Plays a frozen task set with an agent or a team, and writes an entry that anybody can verify.

    python -m benchmarks.evaluate --env sokoban --agent expert --out results/sokoban-expert
    python -m benchmarks.evaluate --env sokoban --agent run:runs/sokoban-atgrpo-shared-seed0 --out results/mine
    python -m benchmarks.evaluate --env sokoban --agent openai:MODEL@http://localhost:8000/v1 --out results/served

Tasks are played in fixed chunks, each recorded at once, so a run that is killed goes on where it was when the same
command is given again, and ends with the same episodes.
"""

import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import tyro

import mas_envs
from benchmarks import agents, tasksets
from benchmarks.entries import Entry, Used, summarise, to_line
from benchmarks.flags import json_object, settings_of
from benchmarks.locks import only_one
from benchmarks.recorded import as_line, check_recorded, open_folder, read_clock, tick
from benchmarks.tasksets import TaskSet
from mas_envs.agents import EndOfInputError, play
from mas_envs.core.errors import MasEnvsError, UsageError, in_range
from mas_envs.core.game import Game
from mas_envs.registry import game_class
from trainers.run.files import write_json, write_text
from trainers.run.metrics import Display
from trainers.run.scores import wilson

_PACKAGES = ("mas-envs", "numpy", "gymnasium", "pettingzoo")


@dataclass(frozen=True)
class Options:
    """Plays a frozen task set and writes an entry: entry.json, episodes.jsonl, summary.json."""

    env: str
    """Registered environment."""
    agent: Annotated[str, tyro.conf.arg(aliases=["--agents"])]
    """Who plays: random, expert, human, hf:PATH, vllm:PATH, openai:MODEL@URL, run:FOLDER, or ROLE=SPEC,ROLE=SPEC."""
    out: Path
    """Folder of the entry. If it is there already, the evaluation goes on."""
    tasks: str = ""
    """Task set: a name (python -m benchmarks.tasksets lists them), GAME/test, or file:PATH; by default
    GAME/standard where there is one."""
    limit: int = 0
    """Play the set's first N tasks; 0 for all."""
    attempts: Annotated[int, tyro.conf.arg(aliases=["--samples"])] = 1
    """Episodes of each task, for pass@k and majority@k; several need a temperature."""
    temperature: float = 0.0
    """Of sampling; 0 is greedy."""
    top_p: float = 1.0
    """Of sampling by openai:MODEL@URL."""
    settings: tuple[str, ...] = ()
    """Settings of the environment beside those of the task set, as name=value: roles=single turns=4 style=full. Where
    none is named, run:FOLDER has those that it was trained with."""
    max_new_tokens: int = 0
    """Budget of one completion; 0 takes what the environment's longest useful answer needs (a server's own limit)."""
    extra_body: str = ""
    """Further fields of every request to openai:MODEL@URL, as JSON: '{"chat_template_kwargs": {"enable_thinking":
    false}}'."""
    seed: int = 0
    """Of all sampling."""
    alpha: float = 1.0
    """Weight of the team's reward in each agent's."""
    chunk: int = 32
    """Tasks played together; 1 where a person plays."""
    force: bool = False
    """Begin anew where the folder holds another entry."""
    replay_masked: bool = False
    """Play again what earlier sittings masked (a server was down); nothing else that is recorded changes."""
    calls: Annotated[agents.Calls, tyro.conf.arg(name="")] = field(default_factory=agents.Calls)
    """How servers are called."""


def prepare(options: Options) -> tuple[Entry, TaskSet]:
    """Returns what is asked for; raises UsageError for what cannot be."""
    in_range("--attempts", options.attempts, 1, 10_000)
    in_range("--chunk", options.chunk, 1, 100_000)
    in_range("--max-new-tokens", options.max_new_tokens, 0, 10**6)
    if not 0 <= options.temperature <= 100:  # nor NaN
        raise UsageError(f"--temperature is {options.temperature}; it must be from 0 (greedy) to 100.")
    if not abs(options.alpha) <= 1e6:
        raise UsageError(f"--alpha is {options.alpha}; it must be from -1000000 to 1000000 (the paper has 1).")
    if options.attempts > 1 and options.temperature == 0 and "random" not in options.agent:
        raise UsageError("Several greedy attempts are the same episode; give --temperature, or --attempts 1.")
    given, trained, spec = settings_of(options.settings), dict[str, Any](), options.agent
    if spec.startswith("run:"):
        folder = Path(spec[4:])
        spec, trained = agents.of_run(folder), agents.settings_of_run(folder, options.env)
    found = tasksets.load(options.tasks, options.env, {**trained, **given})
    if fixed := given.keys() & found.settings.keys():
        raise UsageError(
            f"--settings has {', '.join(sorted(fixed))}, fixed by the task set {found.name}. Leave it out."
        )
    limit = options.limit or len(found.digests)
    in_range("--limit", limit, 1, len(found.digests))
    settings = {**_left_open(trained, given, found, options), **given, **found.settings}
    roles = [role.name for role in mas_envs.make_game(options.env, **settings).roles]
    specs = agents.parse_specs(spec, roles)
    if "style" in signature(game_class(options.env)).parameters:
        settings.setdefault("style", agents.prompt_style(specs))
    game = mas_envs.make_game(options.env, **settings)
    entry = Entry(
        env=options.env,
        env_version=game.version,
        env_settings=json.loads(json.dumps(game.settings())),
        tasks=found.full_name,
        limit=limit,
        agents=specs,
        attempts=options.attempts,
        temperature=options.temperature,
        top_p=options.top_p,
        max_new_tokens=options.max_new_tokens,
        extra_body=json_object("--extra-body", options.extra_body),
        seed=options.seed,
        alpha=options.alpha,
        chunk=1 if "human" in specs.values() else options.chunk,  # who plays sees one task to its end
    )
    agents.check_sampling(entry)
    return entry, found


def _left_open(
    trained: Mapping[str, Any], given: Mapping[str, Any], found: TaskSet, options: Options
) -> dict[str, Any]:
    """Returns the settings of a run that its task set leaves open: how its tasks are played, not which they are.

    Raises UsageError where nobody named the set, and its tasks are others than those that the run was trained for.
    """
    if not found.settings:  # GAME/test: the run's own settings decide its tasks
        return dict(trained)
    usual = {name: each.default for name, each in signature(game_class(options.env)).parameters.items()}
    fixed = {name: value for name, value in trained.items() if name not in {*agents.OF_PLAY, *given}}
    there = {name: found.settings.get(name, usual.get(name)) for name in fixed}
    if fixed != there and not options.tasks:
        asked, has = (" ".join(f"{name}={value}" for name, value in each.items()) for each in (fixed, there))
        raise UsageError(
            f"{options.agent} was trained with {asked}, but the tasks of {found.name} have {has}. Say which ones it is "
            f"to play: --tasks {options.env}/{tasksets.SPLIT} for its own settings, or --tasks {found.name}."
        )
    return {name: value for name, value in trained.items() if name in agents.OF_PLAY}


class Sitting(NamedTuple):
    """What chunks are played with. used: what the answers of this sitting took, by (task, attempt)."""

    entry: Entry
    game: Game[Any]
    tasks: TaskSet
    players: Mapping[str, agents.Counting]
    used: Mapping[tuple[Any, int], Used]


def evaluate(entry: Entry, tasks: TaskSet, options: Options, display: Display) -> dict[str, Any]:
    """Plays what is missing and returns the summary, which is also written.

    wall_s: of all sittings, each up to its last whole chunk. Raises UsageError where another process is in the folder.
    """
    begun, game = time.monotonic(), entry.game()
    at = Sitting(entry, game, tasks, *agents.make_counting(entry, game, options.calls))
    with only_one(options.out, "--out"):
        return _fill(at, options, display, begun)


def _fill(at: Sitting, options: Options, display: Display, begun: float) -> dict[str, Any]:
    entry, game, tasks = at.entry, at.game, at.tasks
    lines = open_folder(entry, options.out, options.force)
    check_recorded(entry, game, tasks, lines, options.out)
    clock = options.out / "clock.json"
    wall_s = before = read_clock(clock)
    if options.replay_masked and (lost := [i for i, line in enumerate(lines) if line["success"] is None]):
        display.say(f"{len(lost)} masked episodes are played again")
        play_again(at, lost, lines, options.out)
        wall_s = tick(clock, before, begun)
    if "human" not in entry.agents.values():  # a bar would be drawn over what they read
        display.begin(
            f"{entry.tasks}: {entry.limit} tasks, {entry.attempts} each", entry.limit, len(lines) // entry.attempts
        )
    for first in range(len(lines) // entry.attempts, entry.limit, entry.chunk):
        numbers = range(first, min(first + entry.chunk, entry.limit))
        new = play_chunk(at, numbers)
        with (options.out / "episodes.jsonl").open("ab", buffering=0) as file:
            file.write("".join(map(as_line, new)).encode())
        wall_s = tick(clock, before, begun)
        lines += new
        known = [line["success"] for line in lines if line["success"] is not None]
        low, high = wilson(sum(known), len(known))
        masked = f", {len(lines) - len(known)} masked" if len(known) < len(lines) else ""
        note = f"success {sum(known) / max(1, len(known)):.3f} [{low:.3f}, {high:.3f}]{masked}"
        display.step(numbers[-1] + 1, note)
        if "human" in entry.agents.values():
            said = {True: "solved", False: "not solved", None: "masked, as an answer never came"}
            display.say(f"task {first + 1} of {entry.limit}: {said[new[-1]['success']]}")
    display.end()
    every = [tasks.task(game, number) for number in range(entry.limit)]
    summary = {
        **summarise(entry, game, every, lines),
        "decoding": entry.decoding,
        "wall_s": wall_s,
        "command": shlex.join(["python", "-m", "benchmarks.evaluate", *sys.argv[1:]]),
        "versions": {name: version(name) for name in _PACKAGES},
    }
    write_json(options.out / "summary.json", summary)
    return summary


def play_chunk(at: Sitting, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Returns the records of the tasks of these numbers, all attempts of one after the other."""
    repeated = [number for number in numbers for _ in range(at.entry.attempts)]
    made = {number: at.tasks.task(at.game, number) for number in numbers}
    episodes = play(at.game, at.players, [made[number] for number in repeated], at.entry.seed, at.entry.alpha)
    return [
        to_line(number, episode, at.used.get((episode.task, episode.attempt), Used()))
        for number, episode in zip(repeated, episodes, strict=True)
    ]


def play_again(at: Sitting, lost: Sequence[int], lines: list[dict[str, Any]], folder: Path) -> None:
    """Puts new records into the places `lost` of `lines`, and into the file, which is written anew for each chunk."""
    only = {divmod(place, at.entry.attempts) for place in lost}
    numbers = sorted({number for number, _ in only})
    for player in at.players.values():
        player.only = {(at.tasks.task(at.game, number).ref, attempt) for number, attempt in only}
    for first in range(0, len(numbers), at.entry.chunk):
        for line in play_chunk(at, numbers[first : first + at.entry.chunk]):
            if (line["number"], line["attempt"]) in only:
                lines[line["number"] * at.entry.attempts + line["attempt"]] = line
        (folder / "summary.json").unlink(missing_ok=True)  # it is of the former records
        write_text(folder / "episodes.jsonl", "".join(map(as_line, lines)))
    for player in at.players.values():
        player.only = None


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    display = Display()
    try:
        options = tyro.cli(Options, args=list(argv), prog="python -m benchmarks.evaluate")
        summary = evaluate(*prepare(options), options, display)
    except (KeyboardInterrupt, EndOfInputError):
        sys.stderr.write("\nStopped. The same command goes on from the last whole chunk.\n")
        return 130
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    low, high = summary["ci95"]
    result = f"success {summary['success']:.3f}  [{low:.3f}, {high:.3f}]  n = {summary['episodes']}"
    display.say(f"{result}, written to {options.out}")
    if summary["masked"]:
        display.say(f"{summary['masked']} masked; the same command with --replay-masked plays those again")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
