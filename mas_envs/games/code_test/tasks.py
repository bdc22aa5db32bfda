"""Generated problems: drawn from (split, index), with hidden tests that every known mistake fails.

A rule (`spec.Spec`) is in one split only, by what it does; so are whole families, where they are held out.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import SPLITS, derive, rng, split_of
from mas_envs.games.code_test.families import FAMILIES, GRADES
from mas_envs.games.code_test.pieces import FILTERS, MAPS
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.spec import Spec
from mas_envs.sandbox.jobs import Limits

WHICH = ("seen", "held_out", "all")
SOURCE = "code_test"
HIDDEN = 6
"""Hidden tests of a generated problem."""
SAMPLES = 2
MOST_NUMBERS, LARGEST = 20, 1000
"""Of the input of a generated problem: how many numbers, and how far from 0, as its statement says."""
LIMITS = Limits(cpu_s=1.0, memory_mb=128, output_kb=64)
_POOL = 40
"""Inputs of which the hidden tests of one split are chosen: the same for all its problems, so that a program that was
run for one problem is known in the next."""
_DRAWS = 10_000

_UNMAPPED = ("count", "distinct")
"""Families that hardly any map makes a difference to."""

Numbers = tuple[int, ...]


def make_task(difficulty: str, families: str, split: str, index: int) -> Task:
    """Returns task `index` of a split: problems of one difficulty ("any" for all), of the families asked for.

    families: "seen" has the training families in every split, "held_out" has in validation and test families of
    their own, "all" both. Raises UsageError for names that are not known.
    """
    one_of("difficulty", difficulty, (*GRADES, "any"))
    one_of("families", families, WHICH)
    one_of("split", split, SPLITS)
    in_range("index", index, 0, 2**63)
    kind = f"{SOURCE}/{difficulty}/{families}"
    generator = rng(kind, split, index)
    for _ in range(_DRAWS):
        grade = generator.choice(GRADES) if difficulty == "any" else difficulty
        spec = draw_spec(generator, grade, names_of(grade, families, split))
        if split_of(behaviour(spec)) == split:
            problem = make_problem(spec, grade, split, generator)
            if problem is not None:
                return Task(TaskRef(kind, f"{split}/{index}", problem.digest()), problem)
    raise UsageError(f"No {difficulty} problem of {families} families turned up in {_DRAWS} draws; take another grade.")


@lru_cache(maxsize=64)
def names_of(grade: str, families: str, split: str) -> tuple[str, ...]:
    """Returns the families that a split's problems of a grade are of. Medium ones are of the easy families."""
    wanted = {"seen": ("train",), "held_out": (split,), "all": ("train", split)}[families]
    level = "easy" if grade == "medium" else grade
    names = [name for name, family in FAMILIES.items() if family.grade == level and family.split in wanted]
    return tuple(name for name in names if grade != "medium" or name not in _UNMAPPED)


@lru_cache(maxsize=2**14)
def behaviour(spec: Spec) -> int:
    """Returns a number that names what a rule does: rules that come to the same have the same, and one split."""
    return derive(SOURCE, *(spec.solve(line) for line in pool("behaviour")))


def draw_spec(generator: Random, grade: str, names: Sequence[str]) -> Spec:
    """Returns a rule of one of these families: with a map or a filter, both where the grade is medium."""
    name = generator.choice(names)
    k = generator.choice(FAMILIES[name].constants)
    maps, filters = ["same"], ["all"]
    if grade == "medium" or (generator.random() < 0.5 and name not in _UNMAPPED):
        maps = [map_ for map_ in MAPS if map_ != "same"]
    if grade == "medium" or maps == ["same"]:
        filters = [keep for keep in FILTERS if keep != "all"]
    change, keep = generator.choice(maps), generator.choice(filters)
    return Spec(
        name, k, change, generator.choice(MAPS[change].constants), keep, generator.choice(FILTERS[keep].constants)
    )


def make_problem(spec: Spec, grade: str, split: str, generator: Random) -> Problem | None:
    """Returns a problem with that rule, or None where it can hardly be told from something simpler."""
    samples = draw_samples(spec, generator)
    hidden, wrong = choose_hidden(spec, list(mistakes(spec, samples)), split)
    if len(wrong) < 3 or len({spec.solve(numbers) for numbers in hidden}) < HIDDEN // 2:
        return None
    return Problem(
        statement=statement(spec),
        samples=samples,
        words=spec.words,
        family=spec.family,
        difficulty=grade,
        hidden=tuple(case_of(spec, numbers) for numbers in hidden),
        accepted=(spec.program,),
        has_reference=True,
        wrong=tuple(each.program for each in wrong),
        limits=LIMITS,
        spec=spec,
        wrong_specs=tuple(wrong),
    )


def statement(spec: Spec) -> str:
    """Returns the statement in natural language."""
    many = FAMILIES[spec.family].code.startswith("*")
    end = "Separate numbers by spaces. If there is none, print 0." if many else "If there is none, print 0."
    return (
        f"The input is one line with 1 to {MOST_NUMBERS} integers from -{LARGEST} to {LARGEST}, separated by spaces. "
        f"Print {spec.phrase}. {end}"
    )


def case_of(spec: Spec, numbers: Numbers) -> Case:
    """Returns the case that a line of numbers makes, with the right output."""
    return Case(" ".join(map(str, numbers)), spec.solve(numbers))


def draw_samples(spec: Spec, generator: Random) -> tuple[Case, ...]:
    """Returns the cases of the statement: short lines of small numbers, if possible with something to say of them."""
    found: dict[str, Case] = {}
    while len(found) < SAMPLES:
        lines = [tuple(generator.randint(-9, 12) for _ in range(generator.randint(3, 4))) for _ in range(4)]
        best = max(lines, key=lambda line: spec.solve(line) != "0")
        case = case_of(spec, best)
        found[case.key] = case
    return tuple(found.values())


@lru_cache(maxsize=8)
def pool(split: str) -> tuple[Numbers, ...]:
    """Returns the inputs that the hidden tests of a split are chosen from, those at the edges of what is allowed first.

    Each split has its own, so that no program can have learned those of another.
    """
    draw = rng(SOURCE, "pool", split)

    def line(count: int, low: int, high: int) -> Numbers:
        return tuple(draw.randint(low, high) for _ in range(count))

    edges: list[Numbers] = [
        (draw.randint(-9, 9),),
        (draw.randint(2, 9),) * 4,
        line(4, -9, -1),
        line(MOST_NUMBERS, 0, 9),
    ]
    edges += [line(6, -LARGEST, LARGEST), tuple(sorted(line(7, -9, 12)))]
    return (*edges, *(line(draw.randint(2, 9), *draw.choice(((-9, 9), (-20, 20), (0, 12)))) for _ in range(_POOL)))


def choose_hidden(spec: Spec, wrong: Sequence[Spec], split: str) -> tuple[list[Numbers], list[Spec]]:
    """Returns hidden inputs that tell most of the wrong rules from the right one, and those that they tell.

    Taken one by one: that which tells most of the rules that none before it does; then edges.
    """
    lines = pool(split)
    answers = [spec.solve(line) for line in lines]
    tells = [
        {i for i, each in enumerate(wrong) if each.solve(line) != right}
        for line, right in zip(lines, answers, strict=True)
    ]
    chosen, left, seen = list[int](), set(range(len(wrong))), set[str]()
    while len(chosen) < HIDDEN:
        free = [place for place in range(len(lines)) if place not in chosen]
        # An answer that no other test has is worth something too: a constant should not pass many.
        best = max(free, key=lambda place: (len(tells[place] & left), answers[place] not in seen, -place))
        chosen.append(best)
        left -= tells[best]
        seen.add(answers[best])
    return [lines[place] for place in chosen], [each for i, each in enumerate(wrong) if i not in left]


def mistakes(spec: Spec, samples: Sequence[Case]) -> Iterator[Spec]:
    """Yields the rules of typical wrong programs, each once: a part forgotten, mistaken or off by one; a sample's
    output printed whatever the input is."""
    family, change, keep = FAMILIES[spec.family], MAPS[spec.map], FILTERS[spec.keep]
    found = [spec._replace(map="same", map_c=0), spec._replace(keep="all", keep_c=0)]
    found += [spec._replace(map=near, map_c=_constant(MAPS[near].constants, spec.map_c)) for near in change.near]
    found += [spec._replace(keep=near, keep_c=_constant(FILTERS[near].constants, spec.keep_c)) for near in keep.near]
    found += [spec._replace(family=near, k=_constant(FAMILIES[near].constants, spec.k)) for near in family.near]
    found += [spec._replace(k=k) for k in _beside(spec.k, family.constants)]
    found += [spec._replace(map_c=c) for c in _beside(spec.map_c, change.constants)]
    found += [spec._replace(keep_c=c) for c in _beside(spec.keep_c, keep.constants)]
    found += [Spec("constant", int(case.output)) for case in samples[:1] if " " not in case.output]
    yield from (each for each in dict.fromkeys(found) if each != spec)


def _constant(allowed: Sequence[int], wanted: int) -> int:
    return wanted if wanted in allowed else allowed[0]


def _beside(constant: int, allowed: Sequence[int]) -> list[int]:
    return [c for c in (constant - 1, constant + 1) if c in allowed] if len(allowed) > 1 else []


_NUMBERS = re.compile(r"-?[0-9]{1,4}(?: +-?[0-9]{1,4})*")


def read_numbers(text: str) -> Numbers | None:
    """Returns the numbers of an input, or None where it is not what the statement of a generated problem allows."""
    text = text.strip(" \n")
    if len(text) > 8 * MOST_NUMBERS or not _NUMBERS.fullmatch(text):
        return None
    numbers = tuple(map(int, text.split()))
    return numbers if len(numbers) <= MOST_NUMBERS and max(map(abs, numbers)) <= LARGEST else None
