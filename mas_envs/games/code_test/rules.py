"""The state of an episode, and what a program and test cases do to it. What they earn is in `reward.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from mas_envs.core.game import Task
from mas_envs.games.code_test.parse import Cases, parse_cases
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.runner import literal
from mas_envs.games.code_test.variants import shown_calls

NO_VERDICT = "not_run"
"""The verdict of a case for which there was no program."""


class Tried(NamedTuple):
    """A case and what the program made of it. printed: what it printed, cut, or the error that it ended with."""

    case: Case
    passed: bool
    verdict: str
    printed: str


class Round(NamedTuple):
    """What one turn left for the agents to read: the program that stood, the cases that it was run on, and what was
    wrong with the answers of coder and tester ("" if nothing was)."""

    program: str
    tried: tuple[Tried, ...]
    coder_error: str = ""
    tester_error: str = ""


class Standing(NamedTuple):
    """What the potentials are made of; see `reward.potentials`.

    passed: hidden tests that the present program passes. ran: those on which it ends well and prints something.
    cases: share of valid cases that it passed, of the latest turn that had any. good, told: the tester's cases so far,
    and those among them that were valid, new and not trivial. killed: numbers of wrong programs that they told from
    right ones; the number after the last known one stands for the coder's own programs. faults: latest answers, of
    coder and tester, that could not be read.
    """

    passed: int = 0
    ran: int = 0
    cases: float = 0.0
    good: int = 0
    told: int = 0
    killed: tuple[int, ...] = ()
    faults: tuple[bool, bool] = (False, False)


BEGINNING = Standing()


@dataclass(frozen=True, slots=True)
class CodeState:
    """One moment.

    program: the latest that could be read, which stands. suspect: an earlier one or the same, which failed hidden
    tests and no valid case. spoken: in sequential play, whether the coder has had its say in this turn. outcome: "",
    "agreed" (the program passes all cases of the tester) or "out_of_turns".
    """

    task: Task
    turn: int = 0
    program: str = ""
    suspect: str = ""
    spoken: bool = False
    coder_error: str = ""
    rounds: tuple[Round, ...] = ()
    standing: Standing = BEGINNING
    outcome: str = ""

    @property
    def problem(self) -> Problem:
        """The problem that is played."""
        return self.task.content

    @property
    def solved(self) -> bool:
        """Whether the episode is over and the program that stands passes all hidden tests."""
        return bool(self.outcome) and self.standing.passed == self.problem.tests


def read_cases(problem: Problem, text: str) -> Cases:
    """Returns the cases of a tester's answer that make sense for the problem; those of a function are literals."""
    found = parse_cases(text)
    if problem.kind == "stdin" or not found.cases:
        return found
    fitting = tuple(
        case for case in found.cases if literal(case.input) is not None and literal(case.output) is not None
    )
    if fitting:
        return Cases(fitting)
    return Cases((), "Inputs are the function's arguments and outputs its value, all written as Python literals.")


def take_program(state: CodeState, program: str, error: str, judged: Mapping[str, Any] | None) -> CodeState:
    """Returns the state after a coder's answer. judged: the value of `JudgeProgram`, None where there is no program."""
    standing = state.standing._replace(faults=(bool(error), state.standing.faults[1]))
    if judged is None:
        return replace(state, coder_error=error, standing=standing)
    grades: Sequence[str] = judged["grades"]
    passed, ran = grades.count("accepted"), sum(grade in ("accepted", "wrong_answer") for grade in grades)
    standing = standing._replace(passed=passed, ran=ran)
    return replace(state, program=program, coder_error=error, standing=standing)


def take_cases(
    state: CodeState, found: Cases, ran: Sequence[Mapping[str, Any]], worth: Sequence[Mapping[str, Any]]
) -> CodeState:
    """Returns the state after a tester's answer, a turn later. ran, worth: values of `RunCases` and `CheckCases`, both
    empty where there was nothing to run, or nothing is known."""
    tried = tried_on(found.cases, ran)
    standing, problem = state.standing, state.problem
    worth = worth or [{"valid": False, "kills": ()}] * len(tried)
    valid = [bool(each["valid"]) for each in worth]
    told_apart, good = set(standing.killed), 0
    for one, each, new in zip(tried, worth, fresh(state, found.cases), strict=True):
        if each["valid"] and new:
            kills = {*each["kills"]} | ({len(problem.wrong)} if ran and not one.passed else set())
            good += bool(kills) or not problem.wrong
            told_apart |= kills
    share = standing.cases
    if ran and any(valid):
        share = sum(one.passed for one, right in zip(tried, valid, strict=True) if right) / sum(valid)
    standing = standing._replace(
        cases=share,
        good=standing.good + good,
        told=standing.told + len(tried),
        killed=tuple(sorted(told_apart)),
        faults=(standing.faults[0], bool(found.error)),
    )
    caught = len(problem.wrong) in told_apart
    wrong = state.program if state.program and standing.passed < problem.tests else state.suspect
    return replace(end_turn(state, tried, found.error), standing=standing, suspect="" if caught else wrong)


def take_samples(state: CodeState, ran: Sequence[Mapping[str, Any]]) -> CodeState:
    """Returns the state of a single coder a turn later, its program having been run on the statement's samples."""
    tried = tried_on(state.problem.samples, ran) if ran else ()
    share = sum(one.passed for one in tried) / len(tried) if tried else state.standing.cases
    return replace(end_turn(state, tried, ""), standing=state.standing._replace(cases=share))


def tried_on(cases: Sequence[Case], ran: Sequence[Mapping[str, Any]]) -> tuple[Tried, ...]:
    """Returns the cases with what came of them."""
    if not ran:
        return tuple(Tried(case, False, NO_VERDICT, "") for case in cases)
    return tuple(
        Tried(case, each["passed"], each["verdict"], each["printed"]) for case, each in zip(cases, ran, strict=True)
    )


def fresh(state: CodeState, cases: Sequence[Case]) -> list[bool]:
    """Says of each case whether its input is new: not in the statement, in no earlier turn, not twice in the answer.

    An input otherwise written is the same: `07` is 7 on stdin, and a function's arguments are compared as values.
    """
    problem, text = state.problem, _lines(state.problem.statement)
    told = [*problem.samples, *(one.case for each in state.rounds for one in each.tried)]
    seen = [_content(problem, each.input) for each in told]
    seen += [_content(problem, shown) for shown in (shown_calls(problem) if problem.kind == "function" else ())]
    found = list[bool]()
    for case in cases:
        content = _content(problem, case.input)
        found.append(content not in seen and not (problem.kind == "stdin" and _lines(case.input) in text))
        seen.append(content)
    return found


def _content(problem: Problem, text: str) -> Any:
    """Returns what an input says, however it is written."""
    if problem.kind == "function" and (values := literal(text)) is not None:
        return values
    return [_as_number(token) for token in text.replace(",", " , ").split()]


def _as_number(token: str) -> Decimal | str:
    """Returns the number that a token is read as (07, 7.0, 0_7), or itself."""
    if not token.lstrip("+-.")[:1].isdecimal():
        return token
    try:
        return Decimal(token)
    except InvalidOperation:
        return token


def _lines(text: str) -> str:
    """Returns a text's lines without the blanks that do not matter, a line break before and after each."""
    return "\n".join(("", *(" ".join(line.split()) for line in text.strip().split("\n")), ""))


def end_turn(state: CodeState, tried: tuple[Tried, ...], tester_error: str) -> CodeState:
    """Returns the state with the turn's round noted; it does not say yet whether the episode is over."""
    done = Round(state.program, tried, state.coder_error, tester_error)
    return replace(state, turn=state.turn + 1, rounds=(*state.rounds, done), spoken=False, coder_error="")


def outcome_of(state: CodeState, turns: int) -> str:
    """Returns how the episode has ended after a turn, "" where it goes on: it depends on what agents see alone."""
    tried = state.rounds[-1].tried
    if tried and all(one.passed for one in tried):
        return "agreed"
    return "out_of_turns" if state.turn >= turns else ""
