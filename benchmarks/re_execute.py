"""Carrying out an entry's effects again, programs in the sandbox and answers in the grader, and comparing.

What came of a program is recorded with its episode, and a replay believes it. This does not: every effect is carried
out once more, and where another result comes of it, twice more, to tell apart

    different    it comes out the same now every time, and not as recorded: the record is wrong
    unconfirmed  it is recorded as a success, and was none in any run now, by a limit, or each time otherwise
    limit        a limit of time or memory decided, then or now; that depends on the machine and on its load
    unstable     it does not come out the same twice: the program draws at random, or prints addresses or times
    lost         the infrastructure failed, so that there is nothing to compare

Of an effect with several results, one for each test or case, each is compared by itself, and the worst kind counts. The
first two are held against an entry.
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

Kind = Literal["different", "unconfirmed", "limit", "unstable", "lost"]
AGAINST: tuple[Kind, ...] = ("different", "unconfirmed")
TRIES = 2
"""Further runs of what came out otherwise."""
BATCH = 128
"""Effects that are carried out together."""
_LIMITS = {"time_limit", "memory_limit", "grader_timeout"}
_SUCCESSES = {"correct", "accepted"}


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
    "unconfirmed": f"recorded as successes, and none in {TRIES + 1} runs now",
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
    then, *runs = map(_parts, (recorded, *known))
    if any(len(run) != len(then) for run in runs):
        return "different"
    kinds = {_kind_of_part(part, now) for part, *now in zip(then, *runs, strict=True) if any(n != part for n in now)}
    for kind in _WORDS:
        if kind in kinds:
            return kind
    return "different"


def _parts(value: Any) -> list[Any]:
    """Returns what an effect's value says of every test or case, or the whole in a list where it is of one thing."""
    if isinstance(value, Mapping) and value.keys() == {"grades"}:
        value = value["grades"]
    return value if isinstance(value, list) else [value]


def _kind_of_part(recorded: Any, now: Sequence[Any]) -> Kind:
    alike = all(value == now[0] for value in now)
    if _success(recorded) and not any(map(_success, now)):
        return "different" if alike and not _limited(now[0]) else "unconfirmed"
    if any(_shape(value) != _shape(recorded) for value in now):
        return "different"
    return "limit" if any(map(_limited, (recorded, *now))) else "different" if alike else "unstable"


def _shape(value: Any) -> Any:
    return value.keys() if isinstance(value, Mapping) else type(value)


def _verdicts(value: Any) -> list[Any]:
    """Returns the verdicts in what is said of one test, and nothing that a program has written."""
    return [value.get("verdict"), value.get("grade")] if isinstance(value, Mapping) else [value]


def _limited(value: Any) -> bool:
    return any(verdict in _LIMITS for verdict in _verdicts(value) if isinstance(verdict, str))


def _success(value: Any) -> bool:
    """Says whether what is said of one test speaks for who wrote the answer, the program or the case."""
    said = isinstance(value, Mapping) and any(value.get(name) for name in ("passed", "valid", "kills"))
    return said or any(verdict in _SUCCESSES for verdict in _verdicts(value) if isinstance(verdict, str))
