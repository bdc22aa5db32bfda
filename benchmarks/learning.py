"""What the embedded policy learns within the defaults' budget: `python -m benchmarks.learning`.

Each row is one ordinary command of a trainer on one board game and seed; that of the default command has the comparison
beside it, the same CPU time on the same few demonstrations. Results lie in benchmarks/results/learning:
rows.jsonl, table.md and curves.png. A killed one goes on where it was; with --games, --rows and --seeds a part is made,
and parts add up. A finished row stays while its command does, whatever code is there now (the table names the code
that made its rows); another --out makes it again. About ten minutes a row on two cores; --rows long has seven times the
iterations.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import tyro

from benchmarks.entries import read_json
from benchmarks.locks import only_one
from benchmarks.paper import work
from benchmarks.paper.rows import Step
from mas_envs.core.errors import StateError, in_range, one_of
from trainers.run.files import make_folder, write_text, writing
from trainers.run.metrics import JsonLines

GAMES = {"sokoban": "Sokoban", "plan_path": "Plan-Path"}
_KEPT = ("before", "warm_start_only", "after", "rl_cpu_s", "wall_s", "iterations", "versions")
_NEEDED = {*_KEPT, "start", "curve", "command", "code"}

Key = tuple[str, str, int]
"""Game, row, seed."""


class Row(NamedTuple):
    """A row: team mode and trainer as the table names them, the module of trainers, and its further flags."""

    team: str
    title: str
    trainer: str
    flags: tuple[str, ...] = ()


ROWS = {
    "atgrpo": Row("planner and executor, one policy", "AT-GRPO", "atgrpo"),
    "atgrpo-per-role": Row(
        "planner and executor, one policy each", "AT-GRPO", "atgrpo", ("--policies", "per-role", "--no-control")
    ),
    "grpo-single": Row("single agent, one shot", "GRPO", "grpo", ("--no-control",)),
    "long": Row(
        "planner and executor, one policy", "AT-GRPO, `--preset long`", "atgrpo", ("--preset", "long", "--no-control")
    ),
}


@dataclass(frozen=True)
class Options:
    """Makes the table of what the embedded policy learns: rows.jsonl, table.md and curves.png."""

    games: tuple[str, ...] = tuple(GAMES)
    """Which games."""
    rows: tuple[str, ...] = ("atgrpo", "atgrpo-per-role", "grpo-single")
    """Which rows; "long", with seven times the iterations, is made when it is named."""
    seeds: tuple[int, ...] = (0, 1)
    """Every row is made once with each."""
    out: Path = Path("benchmarks/results/learning")
    """Folder of the results."""
    work: Path = Path("runs/learning")
    """Folder of the runs, with their checkpoints."""
    jobs: int = 1
    """Commands side by side; one with the comparison has two processes of one thread."""
    list: bool = False
    """Print the commands, and run none."""


def step_of(key: Key, options: Options) -> Step:
    """Returns the command of a row."""
    game, name, seed = key
    row, folder = ROWS[name], f"{game}-{name}-seed{seed}"
    words = ("--env", game, *row.flags, "--seed", str(seed), "--output-dir", str(options.work / folder))
    return Step(folder, f"trainers.{row.trainer}", words, (), 0.0)


def make(options: Options) -> int:
    """Makes what is asked for; returns the exit status."""
    for kind, given, known in (("game", options.games, GAMES), ("row", options.rows, ROWS)):
        for name in given:
            one_of(kind, name, known)
    for seed in options.seeds:
        in_range("--seeds", seed, 0, 2**31)
    in_range("--jobs", options.jobs, 1, 1000)
    wanted = [(game, row, seed) for game in options.games for row in options.rows for seed in options.seeds]
    steps = {key: step_of(key, options) for key in wanted}
    if options.list:
        print("\n".join(work.command_of(step) for step in steps.values()))
        return 0
    with only_one(options.work, "--work"):
        return _fill(make_folder(options.out), options, steps)


def _fill(out: Path, options: Options, steps: Mapping[Key, Step]) -> int:
    path, code = out / "rows.jsonl", work.code_version()
    found = read(path)
    keys = {step.name: key for key, step in steps.items()}

    def done(step: Step) -> None:
        made = record(keys[step.name], options.work / step.name, work.command_of(step), code)
        # Read again: a process with another --work may have added rows meanwhile.
        rows = {**read(path), keys[step.name]: made}
        order = sorted(rows, key=lambda key: (list(GAMES).index(key[0]), list(ROWS).index(key[1]), key[2]))
        write_text(path, "".join(json.dumps(rows[key]) + "\n" for key in order))

    def is_there(key: Key) -> bool:
        return key in found and _settings(found[key]["command"]) == _settings(work.command_of(steps[key]))

    left = [step for key, step in steps.items() if not is_there(key)]
    failed = work.run_all(left, options.work, code, options.jobs, done, lambda line: print(line, flush=True))
    found = read(path)
    write_text(out / "table.md", "\n".join(table(found)) + "\n")
    draw(out / "curves.png", found)
    print(f"written to {out}: rows.jsonl, table.md, curves.png")
    if failed:
        sys.stderr.write(f"error: {len(failed)} commands failed: {', '.join(failed)}\n")
    return 1 if failed else 0


def _settings(command: str) -> str:
    """Returns a command without the folder of its run, on which nothing depends."""
    return command.partition(" --output-dir ")[0]


def record(key: Key, folder: Path, command: str, code: str) -> dict[str, Any]:
    """Returns the line of a finished run."""
    game, row, seed = key
    summary = read_json(folder / "summary.json")
    curve = [
        [round(line["rl_cpu_s"] / 60, 3), line["validation"]["success"]]
        for line in JsonLines(folder / "metrics.jsonl").read()
        if "validation" in line
    ]
    found = {"game": game, "row": row, "seed": seed, **{name: summary.get(name) for name in _KEPT}}
    without = {name: value for name, value in summary.items() if name.startswith("after_without_")}
    start = {name: summary["warm_start"].get(name) for name in ("cpu_s", "validation")}
    return found | without | {"start": start, "curve": curve, "command": command, "code": code}


def read(path: Path) -> dict[Key, dict[str, Any]]:
    """Returns the finished rows of a file, none where there is no file; raises StateError for one that is damaged."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        found = {(line["game"], line["row"], line["seed"]): line for line in lines}
        for (game, row, seed), line in found.items():
            if game not in GAMES or row not in ROWS or type(seed) is not int:
                raise ValueError(f"there is no row {row!r} of {game!r} with seed {seed!r}")
            if missing := _NEEDED - line.keys():
                raise ValueError(f"{row} of {game}, seed {seed}, lacks {', '.join(sorted(missing))}")
        table(found)  # fails now, and not after hours, where something in a row is not what it should be
        return found
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path} is damaged ({error!r}). Move it away, or give another --out.") from error


def table(found: Mapping[Key, Mapping[str, Any]]) -> list[str]:
    """Returns the Markdown table of finished rows."""
    head = ["game", "team mode", "trainer", "seed", "base", "warm start only", "trained", "without executor"]
    head += ["CPU min: start + RL", "wall min"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for (game, name, seed), row in found.items():
        scores = [_score(row.get(kind)) for kind in ("before", "warm_start_only", "after", "after_without_executor")]
        minutes = f"{(row['start']['cpu_s'] or 0) / 60:.1f} + {row['rl_cpu_s'] / 60:.1f}"
        cells = [GAMES[game], ROWS[name].team, ROWS[name].title, str(seed), *scores, minutes]
        lines.append("| " + " | ".join([*cells, f"{row['wall_s'] / 60:.1f}"]) + " |")
    ns = sorted({row["after"]["n"] for row in found.values()})
    codes = sorted({row["code"] for row in found.values()})
    lines += [
        "",
        f"Greedy play on {' or '.join(map(str, ns))} held-out tasks, 95 % Wilson intervals; code {', '.join(codes)}.",
    ]
    return lines


def _score(score: Mapping[str, Any] | None) -> str:
    return "{:.3f} [{:.3f}, {:.3f}]".format(score["success"], *score["ci95"]) if score else ""


def draw(path: Path, found: Mapping[Key, Mapping[str, Any]]) -> None:
    """Draws success on validation over the CPU minutes of RL, a panel for each game and a line for each run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(GAMES), figsize=(10.5, 4), sharey=True, layout="tight")
    for axes, (game, title) in zip(panels, GAMES.items(), strict=True):
        seen: set[str] = set()
        for (_, name, _), row in ((key, row) for key, row in found.items() if key[0] == game):
            start = [[0.0, row["start"]["validation"]]] if row["start"]["validation"] is not None else []
            label = None if name in seen else f"{ROWS[name].title.replace('`', '')}: {ROWS[name].team}"
            color = f"C{list(ROWS).index(name)}"
            axes.plot(*zip(*start, *row["curve"], strict=True), color=color, lw=1.3, label=label)
            seen.add(name)
        axes.set(title=title, xlabel="CPU minutes of RL, one thread", ylim=(0, 1))
        axes.grid(alpha=0.3)
        if seen:
            axes.legend(fontsize=7, loc="lower right")
    panels[0].set_ylabel("success on validation, greedy")
    part = path.with_name(f".{path.stem}.part.png")
    with writing(path):
        figure.savefig(part, dpi=110, metadata={"Software": None})
        part.replace(path)
    plt.close(figure)


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0 done, 1 a command failed, 2 bad input, 130 stopped."""
    return work.ended(lambda: make(tyro.cli(Options, args=list(argv), prog="python -m benchmarks.learning")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
