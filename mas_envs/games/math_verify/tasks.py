"""Generated problems: which family, which numbers, and which split they belong to."""

import re
from collections.abc import Sequence
from random import Random

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.math_verify import applied, arithmetic, counting
from mas_envs.games.math_verify.parse import joined, spaced
from mas_envs.games.math_verify.problems import Family, Problem

DIFFICULTIES = ("easy", "medium", "hard")
FAMILIES: tuple[Family, ...] = (*arithmetic.FAMILIES, *applied.FAMILIES, *counting.FAMILIES)
MAX_DRAWS = 10_000
_NUMBER = re.compile(r"[0-9]+")


def families_of(kind: str, difficulty: str, split: str) -> Sequence[Family]:
    """Returns the families that a split's problems come from.

    kind: "trained" (those that training knows, whatever the split), "held_out" (validation's and test's own, which no
    other split has; in the split train those that training knows), or one family's name.
    """
    level = 1 + DIFFICULTIES.index(difficulty)
    home = split if kind == "held_out" else "train"
    if kind in ("trained", "held_out"):
        return [family for family in FAMILIES if family.level <= level and family.home == home]
    return [family for family in FAMILIES if family.name == kind]


def check_kind(difficulty: str, kind: str) -> None:
    """Raises UsageError unless there are problems of this kind."""
    level = 1 + DIFFICULTIES.index(one_of("difficulty", difficulty, DIFFICULTIES))
    one_of("families", kind, ("trained", "held_out", *(family.name for family in FAMILIES)))
    for family in FAMILIES:
        if family.name == kind and family.level > level:
            raise UsageError(
                f"The family {kind!r} begins at difficulty {DIFFICULTIES[family.level - 1]!r}; ask for that."
            )


def make_task(difficulty: str, kind: str, split: str, index: int) -> Task:
    """Returns task `index` of a split.

    Problems are drawn from a stream of their own until one falls into the split, which its family and its numbers
    decide, in whatever order the numbers stand: so no problem is in two splits, nor the same sum turned round.
    """
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    source, size = source_of(difficulty, kind), 1 + DIFFICULTIES.index(difficulty)
    generator, families = rng(source, split, index), families_of(kind, difficulty, split)
    for _ in range(MAX_DRAWS):
        family = generator.choice(families)
        problem = to_problem(family, generator, size)
        numbers = sorted(_NUMBER.findall(joined(problem.words)))
        if split_of(derive("math_verify", family.name, *numbers)) == split or kind == "held_out":
            return Task(TaskRef(source, f"{split}/{index}", digest(problem.question)), problem)
    raise UsageError(f"No problem of {kind!r} turned up in the split {split!r} in {MAX_DRAWS} draws.")


def to_problem(family: Family, draw: Random, size: int) -> Problem:
    """Returns a problem that a family draws; the size of its numbers, 1 to 3, is its difficulty."""
    found = family.draw(draw, size)
    texts = (found.question, spaced(found.words), family.name, DIFFICULTIES[size - 1])
    return Problem(*texts, (str(found.answer),), spaced(found.program), exact=True)


def source_of(difficulty: str, kind: str) -> str:
    """Returns what references to generated tasks have as their source."""
    return f"math_verify/{difficulty}/{kind}"


def digest(question: str) -> str:
    """Returns 16 hexadecimal digits that name a problem. (Not its answer: that could be found out from them.)"""
    return f"{derive('math_verify', question):016x}"
