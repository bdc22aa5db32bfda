"""Majority votes over several attempts at a task.

A vote needs final answers of which one can say whether two are the same without knowing the right one. Math-verify has
them: the answer that an episode ended with, the same by the grader's exact rules (what would need algebra is not). The
other games have none: two programs that print the same look different, and two ways through a board are two plays,
not two answers. Their entries have no `majority_at`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mas_envs.core.game import Game
from mas_envs.games.math_verify.game import MathVerify
from mas_envs.games.math_verify.rules import MathState, same


class Vote(NamedTuple):
    """One attempt's final answer (None: it gave none, and does not vote), and whether the episode succeeded."""

    answer: str | None
    success: bool


def has_votes(game: Game[Any]) -> bool:
    """Says whether the game's episodes end with answers that can be compared."""
    return isinstance(game, MathVerify)


def final_answer(state: MathState) -> str | None:
    """Returns the answer that an episode ended with: the reasoner's, or else what the tool's program printed."""
    return state.answer if state.answer is not None else state.printed


def majority_at(k: int, votes: Mapping[int, Sequence[Vote]]) -> float | None:
    """Returns the chance that the answer most of k attempts give is right, averaged over tasks.

    A task's attempts are taken k at a time, in their order, and each such block votes once; tasks with fewer than k
    are left out; None where all are. Among answers with equally many votes one is drawn, and the chance that it is
    right counts.
    """
    blocks = [found[i : i + k] for found in votes.values() for i in range(0, len(found) - k + 1, k)]
    return sum(map(_chance, blocks)) / len(blocks) if blocks else None


def _chance(block: Sequence[Vote]) -> float:
    """Returns the chance that the winner of one vote is right; 0 where nobody voted."""
    parties: list[list[Vote]] = []
    for vote in block:
        if vote.answer is not None:
            party = next((each for each in parties if same(each[0].answer, vote.answer)), None)
            if party is None:
                parties.append([vote])
            else:
                party.append(vote)
    largest = max(map(len, parties), default=0)
    winners = [party[0].success for party in parties if len(party) == largest]
    return sum(winners) / max(1, len(winners))
