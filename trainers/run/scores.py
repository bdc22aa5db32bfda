"""How often a team succeeds, with the uncertainty of that number."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

from mas_envs.agents import Agent, play
from mas_envs.core.game import Game, Task


class Score(NamedTuple):
    """Successes of `n` episodes (masked ones left out), with their share and its 95 % Wilson interval."""

    success: float
    ci95: tuple[float, float]
    n: int
    masked: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns the score as JSON values, rounded to what 95 % intervals can tell."""
        low, high = (round(x, 4) for x in self.ci95)
        return {"success": round(self.success, 4), "ci95": [low, high], "n": self.n, "masked": self.masked}


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Returns the Wilson score interval of a share; (0, 1) where nothing was tried."""
    if n == 0:
        return 0.0, 1.0
    p, zz = successes / n, z * z
    center, spread = p + zz / (2 * n), z * sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return max(0.0, (center - spread) / (1 + zz / n)), min(1.0, (center + spread) / (1 + zz / n))


def score(game: Game[Any], agents: Mapping[str, Agent], tasks: Sequence[Task], seed: int = 0) -> Score:
    """Plays every task once and returns how often the team succeeded."""
    outcomes = [episode.success for episode in play(game, agents, tasks, seed)]
    known = [outcome for outcome in outcomes if outcome is not None]
    share = sum(known) / len(known) if known else 0.0
    return Score(share, wilson(sum(known), len(known)), len(known), len(outcomes) - len(known))
