"""The picture of a run: success on validation over the CPU time of RL, and the held-out results beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw_curve(path: Path, title: str, records: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> None:
    """Writes a PNG: the validation curve, and before, after and control on held-out tasks with their intervals."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    points = [(r["rl_cpu_s"] / 60, r["validation"]["success"]) for r in records if "validation" in r]
    if "validation" in summary["warm_start"]:
        points.insert(0, (0.0, summary["warm_start"]["validation"]))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), width_ratios=(3, 1.3), sharey=True, layout="tight")
    left.plot([x for x, _ in points], [y for _, y in points], color="#1f6feb", marker="o", markersize=3)
    left.set(
        xlabel="CPU minutes of training, one thread", ylabel="success on validation, greedy", ylim=(0, 1), title=title
    )
    left.grid(alpha=0.3)
    bars = [(key, label) for key, label in _BARS if summary.get(key)]
    for x, (key, _) in enumerate(bars):
        found = summary[key]
        low, high = found["ci95"]
        error = [[found["success"] - low], [high - found["success"]]]
        color = "#1f6feb" if key == "after" else "#8b949e"
        right.bar(x, found["success"], 0.6, yerr=error, capsize=4, color=color)
        right.text(x, 0.02, f"{found['success']:.3f}", ha="center", color="white", fontweight="bold")
    right.set(title=f"held out, n = {summary['after']['n']}", xticks=range(len(bars)))
    right.set_xticklabels([label for _, label in bars], fontsize=8)
    right.grid(axis="y", alpha=0.3)
    part = path.with_name(f".{path.stem}.part.png")
    figure.savefig(part, dpi=120)
    plt.close(figure)
    part.replace(path)


_BARS = (("before", "before"), ("warm_start_only", "imitation\nonly"), ("after", "after"))
