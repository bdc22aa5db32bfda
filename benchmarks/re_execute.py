"""Carrying out an entry's effects again, programs in the sandbox and answers in the grader, and comparing.

What came of a program is recorded with its episode, and a replay believes it. This does not: every effect is carried
out once more, and where another result comes of it, twice more, to tell apart

    different   it comes out the same now every time, and not as recorded: the record is wrong
    limit       a limit of time or memory decided, then or now; that depends on the machine and on its load
    unstable    it does not come out the same twice: the program draws at random, or prints addresses or times
    lost        the infrastructure failed, so that there is nothing to compare
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from benchmarks.entries import replay_steps
from mas_envs.core.game import Effect, Game, Result, Task
from mas_envs.effects import run_effects, runner_for
from mas_envs.sandbox.cache import Cache
from mas_envs.sandbox.shared import shared_sandbox

Kind = Literal["different", "limit", "unstable", "lost"]
TRIES = 2
"""Further runs of what came out otherwise."""
BATCH = 128
"""Effects that are carried out together."""
_LIMITS = {"time_limit", "memory_limit", "grader_timeout"}


class Other(NamedTuple):
    """An effect of which something else came now; found is None where the infrastructure failed."""

    where: str
    kind: Kind
    recorded: Any
    found: Any


class Report(NamedTuple):
    """What came of carrying out all effects of an entry again."""

    executed: int
    others: tuple[Other, ...]

    def __str__(self) -> str:
        if not self.executed:
            return "it has no programs or answers to carry out again"
        counts = Counter(other.kind for other in self.others)
        same = self.executed - len(self.others)
        told = ", ".join(f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind])
        return f"{same} of {self.executed} effects came out as recorded" + (f" ({told})" if told else "")


_WORDS: Mapping[Kind, str] = {
    "different": "differ",
    "limit": "decided by a limit of time or memory",
    "unstable": "come out otherwise every time",
    "lost": "lost by the infrastructure",
}


class _Wish(NamedTuple):
    where: str
    effect: Effect
    recorded: Any


def re_execute(game: Game[Any], tasks: Sequence[Task], lines: Iterable[Mapping[str, Any]]) -> Report:
    """Carries out every effect of records that replay without a difference, and returns what came out otherwise.

    Moments that the infrastructure had lost have no results, and are left out.
    """
    executed, others = 0, list[Other]()
    left = _wishes(game, tasks, lines)
    while wishes := list(islice(left, BATCH)):
        executed += len(wishes)
        values = _run(game, wishes, Cache())
        changed = [(wish, value) for wish, value in zip(wishes, values, strict=True) if value != (wish.recorded,)]
        again = [_run(game, [wish for wish, _ in changed], None) for _ in range(TRIES)] if changed else []
        for i, (wish, value) in enumerate(changed):
            found = [value, *(tries[i] for tries in again)]
            others.append(Other(wish.where, _kind(wish.recorded, found), wish.recorded, value[0] if value else None))
    return Report(executed, tuple(others))


def _wishes(game: Game[Any], tasks: Sequence[Task], lines: Iterable[Mapping[str, Any]]) -> Iterator[_Wish]:
    for place, line in enumerate(lines, 1):
        where = f"episode {place} (line {place})"
        state = game.initial(tasks[line["number"]])
        for i, (moment, step) in enumerate(replay_steps(game, tasks[line["number"]], line)):
            if step is None:
                break
            effects = game.effects(state, moment.actions)
            for effect, recorded in zip(effects, moment.results, strict=True):
                yield _Wish(f"{type(effect).__name__} at moment {i} of {where}", effect, recorded)
            state = step.state


def _run(game: Game[Any], wishes: Sequence[_Wish], cache: Cache | None) -> list[tuple[Any, ...]]:
    """Returns for every wish its value as JSON has it, in a tuple; an empty one where the infrastructure failed.

    Meanwhile the sandbox that games share has another cache: what is run again must not be remembered.
    """
    sandbox = shared_sandbox()
    usual, sandbox.cache = sandbox.cache, cache
    try:
        results = run_effects(runner_for(game, None), [wish.effect for wish in wishes])
    finally:
        sandbox.cache = usual
    return [_as_json(result) for result in results]


def _as_json(result: Result) -> tuple[Any, ...]:
    return () if result.failed else (json.loads(json.dumps(result.value)),)


def _kind(recorded: Any, found: Sequence[tuple[Any, ...]]) -> Kind:
    known = [value[0] for value in found if value]
    if not known:
        return "lost"
    if any(_LIMITS.intersection(_verdicts(value)) for value in (recorded, *known)):
        return "limit"
    return "different" if all(value == known[0] != recorded for value in known) else "unstable"


def _verdicts(value: Any) -> Iterator[str]:
    """Yields the verdicts in an effect's value, and nothing that a program has written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _verdicts(each)
    elif isinstance(value, Mapping):
        for key in ("verdict", "grade", "grades"):
            yield from _verdicts(value.get(key))
