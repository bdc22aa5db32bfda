"""Carrying out effects: one batch, one retry of what the infrastructure failed to do."""

from collections.abc import Sequence
from typing import Any

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Effect, EffectRunner, Game, Result

__all__ = ["EffectRunner", "run_effects", "runner_for"]


def runner_for(game: Game[Any], given: EffectRunner | None) -> EffectRunner | None:
    """Returns what carries out a game's effects: what the caller gave, else the game's own."""
    return game.effect_runner() if given is None else given


def run_effects(runner: EffectRunner | None, effects: Sequence[Effect]) -> list[Result]:
    """Returns the result of every effect; one that came back failed was tried a second time.

    Raises UsageError when there are effects and nobody to carry them out, or results are missing.
    """
    if not effects:
        return []
    if runner is None:
        kinds = ", ".join(sorted({type(effect).__name__ for effect in effects}))
        raise UsageError(f"This game needs {kinds} carried out; give effect_runner=, a callable: effects -> results.")
    results = _run(runner, effects)
    again = [i for i, result in enumerate(results) if result.failed]
    if again:
        for i, result in zip(again, _run(runner, [effects[i] for i in again]), strict=True):
            results[i] = result
    return results


def _run(runner: EffectRunner, effects: Sequence[Effect]) -> list[Result]:
    results = list(runner(effects))
    if len(results) != len(effects):
        raise UsageError(f"effect_runner returned {len(results)} results for {len(effects)} effects; one each, please.")
    return results
