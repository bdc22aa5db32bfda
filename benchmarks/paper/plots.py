"""A picture of each game: learning curves, and the success of every row with its intervals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.paper.results import Key, Record
from benchmarks.paper.rows import GAMES, ROWS

_COLORS = {"random": "#8b949e", "expert": "#8b949e", "single": "#d29922", "team": "#1f6feb", "tools": "#8250df"}
_DASHES = {"shared": "-", "per-role": "--"}


def draw(folder: Path, rows: Mapping[Key, Record], name: str = "{}.png") -> None:
    """Writes a picture of every game that has rows; `name` has the game's in {}."""
    for game in GAMES:
        of_game = {(row, seed): found for (of, row, seed), found in rows.items() if of == game}
        if of_game:
            _draw(folder / name.format(game), game, of_game)


def _draw(path: Path, game: str, rows: Mapping[tuple[str, int], Record]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.6), width_ratios=(1.3, 1), layout="tight")
    _curves(left, game, rows)
    _bars(right, rows)
    part = path.with_name(f".{path.stem}.part.png")
    figure.savefig(part, dpi=110, metadata={"Software": None})
    plt.close(figure)
    part.replace(path)


def _curves(axes: Any, game: str, rows: Mapping[tuple[str, int], Record]) -> None:
    """Draws success on validation over the CPU minutes of RL, a line for every row and seed."""
    for row in ROWS:
        for seed in sorted(seed for name, seed in rows if name == row.name):
            found = rows[row.name, seed]
            if "training" not in found:
                continue
            start = [[0.0, found["start"]["validation"]]] if "start" in found else []
            points = [*start, *found["training"]["curve"]]
            color = _COLORS.get(row.name, _COLORS[row.form.partition("-")[0]])
            first = seed == min(s for name, s in rows if name == row.name)
            dashes = ":" if row.trainer == "grpo" else _DASHES[row.policies]
            width = 1.0 if row.form == "single" else 1.6
            axes.plot(*zip(*points, strict=True), dashes, color=color, lw=width, label=row.title if first else None)
    axes.set(xlabel="CPU minutes of RL, one thread", ylabel="success on validation, greedy", ylim=(0, 1.02), title=game)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)


def _bars(axes: Any, rows: Mapping[tuple[str, int], Record]) -> None:
    """Draws a point with its interval for every row and seed, one line of the picture a row."""
    there = [row for row in ROWS if any(name == row.name for name, _ in rows)]
    for place, row in enumerate(there):
        seeds = sorted(seed for name, seed in rows if name == row.name)
        for i, seed in enumerate(seeds):
            found = rows[row.name, seed]
            low, high = found["ci95"]
            y = place + 0.3 * (i - (len(seeds) - 1) / 2) / max(1, len(seeds) - 1)
            error = [[max(0.0, found["success"] - low)], [max(0.0, high - found["success"])]]
            color = _COLORS.get(row.name, _COLORS[row.form.partition("-")[0]])
            axes.errorbar(found["success"], y, xerr=error, fmt="o", ms=4, capsize=2, color=color)
    axes.set(xlim=(-0.02, 1.02), xlabel="success on held-out tasks, 95 %", ylim=(len(there) - 0.5, -0.5))
    axes.set_yticks(range(len(there)), [row.title for row in there], fontsize=7)
    axes.grid(axis="x", alpha=0.3)
