"""The command line: `python -m benchmarks.paper --scale tiny`, see benchmarks/paper/__init__.py and docs/results.md.

It can be stopped or killed at any point: the same command goes on, finished rows stay. With --games, --rows and --seeds
a part is made; parts add up in rows.jsonl.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import tyro

from benchmarks.locks import only_one
from benchmarks.paper import page, plots, results, work
from benchmarks.paper.results import Key
from benchmarks.paper.rows import GAMES, Scale, Step, rows_of, unavailable, wanted
from mas_envs.core.errors import UsageError, in_range, one_of
from trainers.run.config import TINY
from trainers.run.files import make_folder

_SMOKE = ("--tasks-per-iteration", "2", "--num-generations", "4", "--validation-tasks", "2")


@dataclass(frozen=True)
class Options:
    """Makes the rows of the paper's table: rows.jsonl, tables.md and a picture of each game."""

    scale: Literal["tiny", "llm", "smoke"] = "tiny"
    """tiny: the embedded policy, about 100 CPU seconds of RL a run. llm: a real model, --model. smoke: one iteration of
    almost nothing, to see that all of it works."""
    out: Path | None = None
    """Folder of the results; by default benchmarks/results/SCALE."""
    work: Path | None = None
    """Folder of the runs, with their checkpoints; by default runs/paper-SCALE."""
    model: str = ""
    """Of the scale llm: a local Hugging Face checkpoint directory."""
    games: tuple[str, ...] = GAMES
    """Which games."""
    rows: tuple[str, ...] = ()
    """Which rows, by name (--list has them); all by default."""
    seeds: tuple[int, ...] = (0, 1)
    """Every row is made once with each."""
    jobs: int = 2
    """Commands that run side by side, of one thread each."""
    limit: int = 0
    """Play the first N tasks of each game's set; 0 for all."""
    iterations: int = 0
    """Of every training; 0 takes what the scale has."""
    max_new_tokens: int = 2048
    """Budget of one completion, with the scale llm."""
    list: bool = False
    """Print the rows and their commands, with the minutes that are expected, and make nothing."""
    docs: bool = False
    """Make nothing, and write docs/results.md with its pictures from --out."""


def scale_of(options: Options) -> Scale:
    """Returns the scale that is asked for; raises UsageError where a model is missing, or nobody's."""
    if (options.scale == "llm") != bool(options.model):
        raise UsageError("--scale llm needs --model, a local Hugging Face checkpoint directory; the others have none.")
    in_range("--iterations", options.iterations, 0, 10**6)
    limit = ("--limit", str(in_range("--limit", options.limit, 1, 10**6))) if options.limit else ()
    if options.scale == "llm":
        tokens = ("--max-new-tokens", str(in_range("--max-new-tokens", options.max_new_tokens, 1, 10**6)))
        train = ("--preset", "paper", *tokens)
        return Scale("llm", options.model, train=train, play=(*tokens, *limit), iterations=options.iterations or 150)
    if options.scale == "smoke":
        warm = ("--demos", "8", "--warm-start-steps", "2", "--validation-tasks", "2")
        return Scale("smoke", TINY, warm, (*Scale.train, *_SMOKE), limit or ("--limit", "4"), options.iterations or 1)
    return Scale("tiny", play=limit, iterations=options.iterations)


def make(options: Options) -> int:
    """Does what is asked for; returns the exit status."""
    scale, folder = scale_of(options), options.work or Path("runs") / f"paper-{options.scale}"
    out = options.out or Path("benchmarks/results") / options.scale
    for game in options.games:
        one_of("game", game, GAMES)
    in_range("--jobs", options.jobs, 1, 1000)
    for seed in options.seeds:
        in_range("--seeds", seed, 0, 2**31)
    if options.docs:
        if options.scale != "tiny":
            raise UsageError("--docs writes the page of the scale tiny; the others have their tables.md.")
        if options.out and not (out / results.FILE).exists():
            raise UsageError(f"There is no {results.FILE} in {str(out)!r} to write the page from. Give another --out.")
        page.write_docs(results.read(out / results.FILE))
        return 0
    rows = wanted(options.games, options.rows, options.seeds, scale, folder)
    for game in options.games:
        for row in rows_of(game, options.rows):
            if why := unavailable(game, row):
                print(f"# {game}/{row.name}: not available: {why}")
    if options.list:
        print("\n".join(_listed(rows, timed=options.scale == "tiny")))
        return 0
    with only_one(folder, "--work"):
        return _fill(make_folder(out), folder, rows, scale, options.jobs)


def _fill(out: Path, folder: Path, rows: Mapping[Key, list[Step]], scale: Scale, jobs: int) -> int:
    path, code = out / results.FILE, work.code_version()
    found = results.read(path)
    results.check_scale(found, scale)
    for key in rows.keys() & found.keys():
        results.check_same(found[key], rows[key], folder)
    todo = {key: steps for key, steps in rows.items() if key not in found}
    ends = {steps[-1].name: key for key, steps in todo.items()}

    def done(step: Step) -> None:
        if step.name in ends:
            key = ends[step.name]
            found.update(results.read(path))  # another process may add rows too, from a --work of its own
            now = work.code_version()
            made_by = code if now == code else f"{code}, then {now}"
            found[key] = results.record(key, todo[key], scale, folder, made_by)
            results.write(path, found)
            if now != code:
                _say(f"the code has changed since this command was given ({made_by}); the page will say so")
            low, high = found[key]["ci95"]
            name, left = "/".join(map(str, key)), sum(key not in found for key in todo)
            _say(f"row {name}: {found[key]['success']:.3f} [{low:.3f}, {high:.3f}]; {left} left")

    _say(f"{len(rows) - len(todo)} of {len(rows)} rows are there; code {code}")
    steps = {step.name: step for steps in todo.values() for step in steps}
    failed = work.run_all(steps.values(), folder, code, jobs, done, _say)
    page.write_tables(out / "tables.md", found)
    plots.draw(out, found)
    _say(f"written to {out}: {results.FILE}, tables.md, a picture of each game")
    if failed:
        sys.stderr.write(f"error: {len(failed)} commands failed or need one that did: {', '.join(failed)}\n")
    return 1 if failed else 0


def _say(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", flush=True)


def _listed(rows: Mapping[Key, list[Step]], timed: bool) -> list[str]:
    """Returns the rows with their commands; `timed` adds the minutes, of commands that no row above has."""
    lines: list[str] = []
    seen: dict[str, float] = {}
    for (game, row, seed), steps in rows.items():
        new = {step.name: step.minutes for step in steps if step.name not in seen}
        seen |= new
        lines.append(f"# {game}/{row}/seed{seed}" + (f": about {sum(new.values()):.1f} minutes" if timed else ""))
        lines += [work.command_of(step) if step.name in new else f"# (above) {step.name}" for step in steps]
    hours = f", about {sum(seen.values()) / 60:.1f} hours of one core" if timed else ""
    return [*lines, f"# {len(rows)} rows{hours}"]


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0 done, 1 a command failed, 2 bad input, 130 stopped."""
    return work.ended(lambda: make(tyro.cli(Options, args=list(argv), prog="python -m benchmarks.paper")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
