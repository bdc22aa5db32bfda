"""Timing contenders in turns, so that ratios hold on a machine that others use too.

What else a machine does only ever slows a round down, so a contender's rate is that of its fastest round; rounds are
short (milliseconds) and many, so that everybody has some that nothing disturbed. With MAS_ENVS_QUICK in the
environment there are fewer (`benchmarks.speed --quick`).
"""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple


class Contender(NamedTuple):
    """What is timed: `run` takes what `prepare` returned, which is made off the clock, and returns what it did."""

    prepare: Callable[[], Any]
    run: Callable[[Any], int]


def fewer(rounds: int) -> int:
    """Returns a fifth of the rounds, two at least, where MAS_ENVS_QUICK is set, else all of them."""
    return max(2, rounds // 5) if os.environ.get("MAS_ENVS_QUICK") else rounds


def rates_of(contenders: Mapping[str, Contender], rounds: int) -> dict[str, float]:
    """Returns what each contender did per second in the fastest of some rounds, in which all take their turn.

    Each plays twice, and the second time counts: what the others left in the processor's caches is nobody's fault.
    """
    rates = dict.fromkeys(contenders, 0.0)
    gc.collect()
    for _ in range(fewer(rounds)):
        for name, contender in contenders.items():
            contender.run(contender.prepare())
            prepared = contender.prepare()
            start = perf_counter()
            done = contender.run(prepared)
            rates[name] = max(rates[name], done / (perf_counter() - start))
    return rates


def percentile(values: Sequence[float], percent: float) -> float:
    """Returns the value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
