"""How often a team succeeds, with the uncertainty of that number."""

from collections.abc import Collection, Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

from mas_envs.agents import Agent, Episode, play
from mas_envs.core.game import Game, Task, role_of


class Score(NamedTuple):
    """Successes of `n` episodes (masked ones left out), with their share and its 95 % Wilson interval.

    copied: role -> of the episodes that succeeded, the share whose last answer of that role had been demonstrated word
    for word; empty where nothing was demonstrated.
    """

    success: float
    ci95: tuple[float, float]
    n: int
    masked: int = 0
    copied: Mapping[str, float] = {}

    def to_json(self) -> dict[str, Any]:
        """Returns the score as JSON values, rounded to what 95 % intervals can tell."""
        low, high = (round(x, 4) for x in self.ci95)
        found = {"success": round(self.success, 4), "ci95": [low, high], "n": self.n, "masked": self.masked}
        copied = {role: round(share, 4) for role, share in self.copied.items()}
        return found | ({"copied": copied} if copied else {})


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Returns the Wilson score interval of a share; (0, 1) where nothing was tried."""
    if n == 0:
        return 0.0, 1.0
    p, zz = successes / n, z * z
    center, spread = p + zz / (2 * n), z * sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return max(0.0, (center - spread) / (1 + zz / n)), min(1.0, (center + spread) / (1 + zz / n))


def score(
    game: Game[Any],
    agents: Mapping[str, Agent],
    tasks: Sequence[Task],
    seed: int = 0,
    shown: Mapping[str, Collection[str]] | None = None,
) -> Score:
    """Plays every task once and returns how often the team succeeded.

    shown: role -> the answers (`one_spaced`) that were demonstrated to it.
    """
    episodes = play(game, agents, tasks, seed)
    known = [episode.success for episode in episodes if episode.success is not None]
    share = sum(known) / len(known) if known else 0.0
    copied = copied_shares(episodes, shown or {})
    return Score(share, wilson(sum(known), len(known)), len(known), len(episodes) - len(known), copied)


def copied_shares(episodes: Sequence[Episode], shown: Mapping[str, Collection[str]]) -> dict[str, float]:
    """Returns role -> of the episodes that succeeded, the share whose last answer of that role is among those shown."""
    last = [
        {role_of(agent): one_spaced(text) for moment in episode.moments for agent, text in moment.actions.items()}
        for episode in episodes
        if episode.success
    ]
    return {
        role: sum(said.get(role) in answers for said in last) / len(last) for role, answers in shown.items() if last
    }


def one_spaced(text: str) -> str:
    """Returns a text with one space wherever it had blanks or line breaks, and none at its ends."""
    return " ".join(text.split())
