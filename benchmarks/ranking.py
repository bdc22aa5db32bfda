"""Ranking entries that played the same tasks, and saying which differences are more than chance.

Ranked by success with masked episodes counted as failures, so that nobody gains by losing episodes. An entry is
compared with the best of its board by the exact sign-flip permutation test on their paired successes, task by task:
if both were equally good, each task's difference would be as likely to have the other sign. With one attempt at each
task this is McNemar's exact test. The best one is known from the same successes, so it might be any pair of the board
that is compared: p-values are multiplied by the number of pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, lcm, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.agents import ALONE
from benchmarks.entries import Entry
from benchmarks.verify import Loaded

LEVEL = 0.05
"""Corrected p-values from this on are no difference."""
_OF_MODELS = ("max_new_tokens", "extra_body")
MOST_COUNTED = 200_000
"""Sum of differences, in the unit of one attempt of either entry, up to which the test is exact."""


@dataclass(frozen=True)
class Verified:
    """An entry that verifies.

    name: its folder's path in the folder of results.
    """

    name: str
    folder: Path
    loaded: Loaded
    summary: Mapping[str, Any]

    @property
    def entry(self) -> Entry:
        """What was asked for."""
        return self.loaded.entry

    @property
    def success(self) -> float:
        """Share of episodes that succeeded, masked ones counted as failures."""
        return self.summary["with_masked_as_failures"]["success"]

    @property
    def wins(self) -> list[int]:
        """How many attempts at each task succeeded."""
        wins_N = [0] * self.entry.limit
        for line in self.loaded.lines:
            wins_N[line["number"]] += line["success"] is True
        return wins_N


@dataclass(frozen=True)
class Unverified:
    """An entry that does not verify, or cannot be read: what it says is not shown. `game` is "" where nobody knows."""

    name: str
    game: str
    agent: str
    why: str


@dataclass(frozen=True)
class Place:
    """An entry's place on a board.

    rank: 1 for the best; entries of equal success share one. p: of the comparison with the best, corrected; None
    for the best itself.
    """

    rank: int
    row: Verified
    p: float | None

    @property
    def as_good(self) -> bool:
        """Says whether the entry cannot be told from the best."""
        return self.p is None or self.p >= LEVEL


@dataclass(frozen=True)
class Board:
    """The entries that played the same tasks, the best one first. limit: the first so many tasks of the set."""

    tasks: str
    game: str
    limit: int
    places: tuple[Place, ...]

    @property
    def ways(self) -> dict[str, str]:
        """Entry's name -> how it played, as far as that tells entries apart: the settings of the game in which those of
        the board differ, and how models' answers were chosen, their budget and further fields of requests where they
        differ. "" where there is nothing to say.
        """
        entries = {place.row.name: place.row.entry for place in self.places}
        first, *others = (entry.env_settings for entry in entries.values())
        differing = [name for name in first if any(one.get(name) != first[name] for one in others)]
        asked = {name: entry for name, entry in entries.items() if not ALONE.keys() >= set(entry.agents.values())}
        of_models = [name for name in _OF_MODELS if len({str(getattr(entry, name)) for entry in asked.values()}) > 1]
        ways: dict[str, str] = {}
        for name, entry in entries.items():
            found = [f"{each}={entry.env_settings.get(each)}" for each in differing]
            if name in asked:
                found += [entry.decoding, *(f"{each}={getattr(entry, each)}" for each in of_models)]
            ways[name] = ", ".join(found)
        return ways


def boards_of(rows: Iterable[Verified]) -> list[Board]:
    """Returns one board for each set of tasks that was played, in the order of their names, larger ones first."""
    together: dict[tuple[str, int], list[Verified]] = {}
    for row in rows:
        together.setdefault((row.entry.tasks, row.entry.limit), []).append(row)
    keys = sorted(together, key=lambda key: (key[0], -key[1]))
    return [Board(tasks, together[tasks, n][0].entry.env, n, _places(together[tasks, n])) for tasks, n in keys]


def _places(rows: Sequence[Verified]) -> tuple[Place, ...]:
    ordered = sorted(rows, key=lambda row: (-row.success, row.name))
    best, *others = ordered
    pairs = len(rows) * (len(rows) - 1) // 2
    found = [min(1.0, pairs * compare(best.wins, row.wins, best.entry.attempts, row.entry.attempts)) for row in others]
    successes = [row.success for row in ordered]
    return tuple(
        Place(successes.index(row.success) + 1, row, p) for row, p in zip(ordered, [None, *found], strict=True)
    )


def compare(wins_N: Sequence[int], others_N: Sequence[int], attempts: int = 1, others_attempts: int = 1) -> float:
    """Returns the two-sided p-value of the exact sign-flip permutation test on the success of N tasks.

    Args:
        wins_N, others_N: successful attempts at each task, of two entries.
        attempts, others_attempts: how many there were at each.

    Where exact counting would take long (thousands of attempts at many tasks) the sum is taken as normal.
    """
    unit = lcm(attempts, others_attempts)
    differences = [
        one * (unit // attempts) - other * (unit // others_attempts)
        for one, other in zip(wins_N, others_N, strict=True)
    ]
    sizes = [abs(difference) for difference in differences if difference]
    total, found = sum(sizes), abs(sum(differences))
    if total > MOST_COUNTED:
        return erfc(found / sqrt(2 * sum(size * size for size in sizes)))
    chance = np.zeros(2 * total + 1)  # of every sum of differences from -total on
    chance[total] = 1.0
    for size in sizes:
        flipped = np.zeros_like(chance)
        flipped[size:] = chance[:-size]
        flipped[:-size] += chance[size:]
        chance = flipped / 2
    as_far = np.abs(np.arange(-total, total + 1)) >= found
    return float(min(1.0, chance[as_far].sum()))


def agent_text(agents: Mapping[str, str]) -> str:
    """Returns a team in one line, as --agent takes it."""
    specs = set(agents.values())
    return specs.pop() if len(specs) == 1 else ",".join(f"{role}={spec}" for role, spec in agents.items())
