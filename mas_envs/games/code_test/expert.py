"""Scripted agents: a coder that knows the reference, and a tester whose cases tell wrong programs from it."""

from functools import lru_cache
from itertools import product

from mas_envs.games.code_test.families import FAMILIES, GRADES
from mas_envs.games.code_test.pieces import FILTERS, MAPS
from mas_envs.games.code_test.problem import Case
from mas_envs.games.code_test.prompts import answer_with_cases, answer_with_program
from mas_envs.games.code_test.rules import CodeState, fresh
from mas_envs.games.code_test.spec import Spec
from mas_envs.games.code_test.tasks import Numbers, case_of, make_task
from mas_envs.games.code_test.variants import proven

CASES = 2
"""Cases that the tester gives at most; one where that tells as much."""
_EXAMPLES = 24
_SMALL = (3, -2, 4, 7, -5, 6, 1, 9, 0, 12, -8)


def cases(state: CodeState) -> tuple[Case, ...]:
    """Returns test cases for the problem: short ones that tell most of its wrong programs.

    Those of a problem that is not generated are variants of its samples, proven by the programs that are known to be
    right; where none of them tells anything, the statement's first sample, which earns nothing.
    """
    problem = state.problem
    ranked = telling(problem.spec, problem.wrong_specs) if problem.spec else proven(problem)
    known = {number for number in state.standing.killed if number < len(problem.wrong)}
    chosen: list[Case] = []
    for _ in range(CASES):
        best, most = None, 0
        for case, kills in ranked:
            count = len(kills - known) or (0.5 if (kills or not problem.wrong) and not chosen else 0)
            if count > most and all(fresh(state, [*chosen, case])):
                best, most = (case, kills), count
        if best is None:
            break
        chosen.append(best[0])
        known |= best[1]
    return tuple(chosen) or (problem.samples[:1] if problem.spec is None else ())


@lru_cache(maxsize=4096)
def telling(right: Spec, wrong: tuple[Spec, ...]) -> tuple[tuple[Case, frozenset[int]], ...]:
    """Returns short cases, the shortest first, with the numbers of the wrong rules that each tells from the right."""
    found = [case_of(right, line) for line in lines()]
    return tuple(
        (case, frozenset(i for i, each in enumerate(wrong) if each.solve(line) != case.output))
        for case, line in zip(found, lines(), strict=True)
    )


@lru_cache(maxsize=1)
def lines() -> tuple[Numbers, ...]:
    """Returns inputs of one to four small numbers, shorter ones first."""
    pairs = tuple(product(_SMALL[:8], _SMALL[:8]))
    triples = ((4, -2, 7), (-5, 6, 3), (9, 9, 2), (3, 3, -2), (12, -8, 1), (6, 4, 9), (1, 0, -8))
    return (*((v,) for v in _SMALL), *pairs, *triples, (2, 2, 2, 5), (5, 1, 5, -7), (-7, 8, -3, 10), (12, 9, 6, 3))


@lru_cache(maxsize=8)
def longest_program(difficulty: str) -> str:
    """Returns a reference program with as many words as any of that difficulty."""

    def words(text: str) -> int:
        return len(text.split())

    grades = {"any": GRADES, "medium": ("easy",)}.get(difficulty, (difficulty,))
    change, keep = (max(pieces, key=lambda name: words(pieces[name].code)) for pieces in (MAPS, FILTERS))
    programs = [
        Spec(name, family.constants[0], *changed, *kept).program
        for name, family in FAMILIES.items()
        if family.grade in grades
        for changed, kept in (((change, 2), (keep, 3)), ((change, 2), ("all", 0)), (("same", 0), (keep, 3)))
        if difficulty in ("medium", "any") or "all" in kept or "same" in changed
    ]
    return max(programs, key=words)


@lru_cache(maxsize=4)
def examples(style: str, team: bool) -> tuple[str, ...]:
    """Returns answers that agents may give: programs of a few rules of every grade and, of a team, cases for them."""
    found: list[str] = []
    for number in range(_EXAMPLES):
        problem = make_task(GRADES[number % 2], "seen", "train", number).content
        found.append(answer_with_program(problem.wrong_specs[number % 3].program, style))
        found.append(answer_with_program(problem.reference, style))
        if team:
            found.append(answer_with_cases([case for case, _ in telling(problem.spec, ())[number : number + 2]], style))
    return tuple(found)
