"""Scripted solvers for both roles, and the examples that their answers are."""

from functools import lru_cache

from mas_envs.core.seeding import rng
from mas_envs.games.math_verify import tasks
from mas_envs.games.math_verify.parse import joined, spaced
from mas_envs.games.math_verify.problems import Problem
from mas_envs.games.math_verify.prompts import fenced
from mas_envs.games.math_verify.rules import MathState

NO_ANSWER = "?"
EXAMPLES, _DRAWS = 60, 12


def program(problem: Problem, compact: bool) -> str:
    """Returns a program that prints the answer: that computes it, or, for a file's problem, knows it."""
    if not problem.program:
        text = f"print({problem.answers[0]!r})"
        return text if compact else fenced(text, "python")
    return problem.program if compact else fenced(joined(problem.program), "python")


def answer(state: MathState, alone: bool, compact: bool) -> str:
    """Returns what the program printed, in a box, if that is right; else that there is no answer yet, so that the tool
    user gets another turn. A reasoner alone gives the reference."""
    if alone:
        return boxed(state.problem.answers[0], compact)
    found = state.run.answer if state.run and state.run.right else None
    return boxed(NO_ANSWER if found is None else found, compact)


def boxed(found: str, compact: bool) -> str:
    """Returns an answer in the form that the style asks for."""
    return f"boxed {spaced(found)}" if compact else f"\\boxed{{{found}}}"


@lru_cache(64)
def examples(difficulty: str, families: str, roles: str, compact: bool) -> tuple[str, ...]:
    """Returns answers to generated training problems, as the roles would write them."""
    problems = [tasks.make_task(difficulty, families, "train", index).content for index in range(EXAMPLES)]
    programs = [program(problem, compact) for problem in problems if roles != "single"]
    answers = [boxed(problem.answers[0], compact) for problem in problems[:_DRAWS] if roles != "tool"]
    return tuple(dict.fromkeys((*programs, *answers)))


@lru_cache(64)
def longest(difficulty: str, roles: str, compact: bool) -> str:
    """Returns the longest program (of a reasoner alone, answer) to a dozen problems of every family."""
    level, found = 1 + tasks.DIFFICULTIES.index(difficulty), list[str]()
    for family in tasks.FAMILIES:
        if family.level <= level:
            drawn = [tasks.to_problem(family, rng("longest", family.name, i), level) for i in range(_DRAWS)]
            found += [boxed(p.answers[0], compact) if roles == "single" else program(p, compact) for p in drawn]
    return max(found, key=lambda text: (len(text.split()), len(text)))
