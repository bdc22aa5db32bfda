"""The leaderboard as a Markdown file."""

import re
from collections.abc import Mapping, Sequence

from benchmarks.ranking import LEVEL, Board, Unverified, agent_text

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$]|@(?=\S{0,253}\.)|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.", re.IGNORECASE)


def escape(text: str) -> str:
    """Returns a text in one line that Markdown shows as it is: nothing in it is a link, markup or a cell's end."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", line)


def table_of(boards: Sequence[Board], unverified: Sequence[Unverified], links: Mapping[str, str]) -> str:
    """Returns one table for each board, and a list of what does not verify."""
    parts = ["# Leaderboard"]
    for board in boards:
        lines = [
            f"## {escape(board.tasks)}, {board.limit} tasks",
            "",
            "| rank | entry | agent | success (95 %) | against the best | turns | invalid | tokens an episode |",
            "|---:|---|---|---:|---|---:|---:|---:|",
        ]
        ways = board.ways
        for place in board.places:
            row, summary = place.row, place.row.summary
            low, high = summary["with_masked_as_failures"]["ci95"]
            name = f"[{escape(row.name)}]({links[row.name]})"
            shown = (
                f"{place.rank}{'*' if place.as_good else ''}",
                name,
                escape("; ".join(filter(None, (agent_text(row.entry.agents), ways[row.name])))),
                f"{row.success:.3f} [{low:.3f}, {high:.3f}]",
                "best" if place.p is None else f"p = {place.p:.2g}",
                f"{summary['turns']:.2f}",
                f"{100 * summary['invalid_actions']:.1f} %",
                f"{summary['tokens'] / max(1, summary['episodes']):,.0f}",
            )
            lines.append("| " + " | ".join(shown) + " |")
        parts.append("\n".join(lines))
    parts.append(
        "\\* not distinguishable from the best: exact sign-flip permutation test on the successes, task by task (with "
        f"one attempt at each, McNemar's exact test), p of at least {LEVEL}, corrected for the number of pairs. Masked "
        "episodes count as failures."
    )
    if unverified:
        items = [f"- **{escape(each.name)}**: {escape(each.why)}" for each in unverified]
        parts.append("## Unverified\n\n" + "\n".join(items))
    return "\n\n".join(parts) + "\n"
