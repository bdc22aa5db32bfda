"""What the paper says of its rows, and whether ours show it: one row does better than another."""

from collections.abc import Mapping, Sequence
from math import hypot
from typing import NamedTuple

from benchmarks.paper import published
from benchmarks.paper.results import Key, Record
from benchmarks.paper.rows import ALL

Rows = Mapping[Key, Record]
_ALIKE = ("code", "versions", "tasks", "episodes")
"""What two rows must have in common to be compared."""


class Claim(NamedTuple):
    """That one row does better than another."""

    better: str
    worse: str
    says: str


CLAIMS = (
    Claim("single-grpo", "single", "GRPO helps a single agent"),
    Claim("team", "single", "a team does better than one agent, before RL"),
    Claim("team-atgrpo-shared", "team", "AT-GRPO helps the team (one policy)"),
    Claim("team-atgrpo-shared", "single-grpo", "a team with AT-GRPO (one policy) does better than one agent with GRPO"),
    Claim("team-atgrpo-per-role", "team-atgrpo-shared", "a policy for each role does better than one for all"),
    Claim("tools-atgrpo-shared", "tools", "AT-GRPO helps the paper's own team (one policy)"),
    Claim(
        "tools-atgrpo-shared", "single-grpo", "the paper's own team with AT-GRPO does better than one agent with GRPO"
    ),
)
FAIR = (
    Claim(
        "team-atgrpo-shared",
        "single-turns-grpo",
        "a team with AT-GRPO (one policy) does better than one agent with as many turns and GRPO",
    ),
    Claim("team-atgrpo-shared", "team-grpo", "agent- and turn-wise groups do better than whole episodes compared"),
)
ABLATED = (
    Claim("team-atgrpo-per-role", "alone-in-team", "trained together does better than trained alone"),
    Claim("team-atgrpo-per-role", "swapped", "roles are not interchangeable: swapped, the team does worse"),
)
OURS = tuple(
    Claim("team-atgrpo-shared", name, f"the paper's setting does better than: {ALL[name].title}")
    for name in ("group-by-agent", "group-by-turn", "group-by-none", "alpha-0.5", "alpha-0")
)


def seeds_of(rows: Rows, game: str, row: str) -> list[int]:
    """Returns the seeds with which a row is there."""
    return [seed for of, name, seed in sorted(rows) if (of, name) == (game, row)]


def mean(rows: Sequence[Record]) -> float:
    """Returns the mean success of some rows, of which there must be one."""
    return sum(row["success"] for row in rows) / len(rows)


def pairs_of(rows: Rows, game: str, claim: Claim) -> list[tuple[Record, Record]]:
    """Returns the claim's two rows for each seed that has both, made by the same code and on the same tasks."""
    pairs = [
        (rows[game, claim.better, seed], rows[game, claim.worse, seed])
        for seed in seeds_of(rows, game, claim.better)
        if (game, claim.worse, seed) in rows
    ]
    return [(a, b) for a, b in pairs if all(a[name] == b[name] for name in _ALIKE)]


def shown(rows: Rows, game: str, claim: Claim) -> str:
    """Returns "yes" where in every seed the better row is better by more than chance, "reversed" where it is worse by
    more than that in every seed, "unclear" where it is neither, "" where no seed has rows to compare.
    """
    intervals = [difference(a, b) for a, b in pairs_of(rows, game, claim)]
    if not intervals:
        return ""
    if all(low > 0 for low, _ in intervals):
        return "yes"
    return "reversed" if all(high < 0 for _, high in intervals) else "unclear"


def difference(a: Record, b: Record) -> tuple[float, float]:
    """Returns the 95 % interval of a's success less b's, as of independent episodes.

    Source: Newcombe, Statistics in Medicine 17 (1998), method 10, which makes it of the two Wilson intervals.
    """
    (low_a, high_a), (low_b, high_b) = a["ci95"], b["ci95"]
    p, q = a["success"], b["success"]
    return p - q - hypot(p - low_a, high_b - q), p - q + hypot(high_a - p, q - low_b)


def reported(game: str, claim: Claim) -> list[float]:
    """Returns by how many points the paper's numbers differ, for each model and benchmark; [] where it has none."""
    found: list[float] = []
    for model in published.MODELS:
        pair = (published.success(game, name, model) for name in (claim.better, claim.worse))
        found += [a - b for a, b in zip(*pair, strict=False)]
    better, worse = published.ablation(claim.better), published.ablation(claim.worse)
    return found or ([better[0] - worse[0]] if better and worse else [])


def claimed(points: Sequence[float]) -> bool:
    """Says whether the paper's numbers show a claim: some do, and none the opposite."""
    return any(point > 0 for point in points) and all(point >= 0 for point in points)


def verdict(reported_points: Sequence[float], found: str) -> str:
    """Returns, in words, whether ours shows what the paper's numbers do."""
    ours = {"yes": "ours shows it", "reversed": "ours shows the **opposite**", "unclear": "ours does **not** show it"}[
        found
    ]
    if not reported_points:
        return ours
    if claimed(reported_points):
        return ours if found != "yes" else "the same"
    mixed = any(point > 0 for point in reported_points)
    return f"the paper's numbers {'are mixed' if mixed else 'do not show it'}; {ours}"
