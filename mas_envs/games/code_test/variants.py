"""Test cases for problems that nothing is known of but programs: variants of what the statement shows.

A token of a sample's input is changed, within what the samples have; the known programs say what is right. What they
crash on, or do not agree about, is no input that the problem allows, as far as that can be told.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from mas_envs.core.seeding import rng
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.runner import AGREEING, job_of, last_line, literal, passes
from mas_envs.sandbox import Result as Ran
from mas_envs.sandbox import RunProgram, Verdict
from mas_envs.sandbox.shared import shared_sandbox

MOST = 24
"""Variants that are tried for one problem."""
_DRAWS = 200
_LONGEST = 300
"""Characters of an input: a case should be short enough to be read."""
_TOKEN = re.compile(r"-?\d+|[A-Za-z]+")


@lru_cache(maxsize=1024)
def proven(problem: Problem) -> tuple[tuple[Case, frozenset[int]], ...]:
    """Returns cases that the known programs agree about, the shortest first, with the numbers of the known wrong
    programs that each tells from them; none where too few programs are known to judge a case."""
    judges = problem.accepted[:1] if problem.has_reference else problem.accepted[:AGREEING]
    if len(judges) + problem.has_reference < 2:
        return ()
    asked = [Case(text, "") for text in inputs(problem)]
    answers = [_answer(problem, ran) for ran in _run([job_of(judges[0], case, problem) for case in asked])]
    cases = [case._replace(output=answer) for case, answer in zip(asked, answers, strict=True) if answer]
    others = [*judges[1:], *problem.wrong]
    ran = iter(_run([job_of(program, case, problem) for case in cases for program in others]))
    found: list[tuple[Case, frozenset[int]]] = []
    for case in cases:
        passed = [passes(next(ran), case, problem) for _ in others]
        agreed, wrong = passed[: len(judges) - 1], passed[len(judges) - 1 :]
        if all(agreed):
            found.append((case, frozenset(number for number, each in enumerate(wrong) if not each)))
    return tuple(sorted(found, key=lambda each: len(each[0].input)))


def _run(jobs: list[RunProgram]) -> list[Ran]:
    return shared_sandbox().run_many(jobs) if jobs else []


def _answer(problem: Problem, ran: Ran) -> str:
    """Returns what a program printed for a case, "" where that is no answer."""
    if ran.verdict is not Verdict.OK:
        return ""
    printed = ran.out if problem.kind == "stdin" else last_line(ran.out)
    text = printed.decode("utf-8", "replace").strip()
    return text if problem.kind == "stdin" or literal(text) is not None else ""


def inputs(problem: Problem) -> list[str]:
    """Returns up to MOST variants of the inputs that are shown, none of them itself shown; always the same ones."""
    shown = [case.input for case in problem.samples] or shown_calls(problem)
    draw, seen = rng("code_test/variants", problem.statement), {Case(text, "").key for text in shown}
    short = [text for text in shown if len(text) <= _LONGEST and _TOKEN.search(text)]
    numbers = sorted({int(token) for text in short for token in re.findall(r"-?\d+", text)})
    if len(numbers) == 1:
        numbers.insert(0, min(1, numbers[0]))
    found: list[str] = []
    for _ in range(_DRAWS if short else 0):
        text = draw.choice(short)
        token = draw.choice(list(_TOKEN.finditer(text)))
        changed = text[: token.start()] + draw.choice([*_instead(token[0], numbers)]) + text[token.end() :]
        case = Case(changed, "")
        if case.key not in seen and (problem.kind == "stdin" or literal(changed) is not None):
            seen.add(case.key)
            found.append(changed)
        if len(found) == MOST:
            break
    return found


def shown_calls(problem: Problem) -> list[str]:
    """Returns the arguments of the calls of a problem's function that its statement shows and that are literals."""
    found: list[str] = []
    for call in re.finditer(rf"\b{re.escape(problem.entry_point or '-')}\(", problem.statement):
        line = problem.statement[call.end() :].partition("\n")[0]
        texts = (line[: end.start()] for end in re.finditer(r"\)", line))
        found += [text for text in texts if text.strip() and literal(text) is not None][:1]
    return found


def _instead(token: str, numbers: list[int]) -> Iterator[str]:
    """Yields what a token could be instead: a number that the samples have, or one between them; a word otherwise
    written."""
    if token.lstrip("-").isdigit():
        value = int(token)
        yield from map(str, (n for n in {*numbers, value - 1, value + 1, value // 2} if numbers[0] <= n <= numbers[-1]))
    else:
        yield from (token[::-1], token[0] + token, token[1:] or token, token[-1] * len(token))
