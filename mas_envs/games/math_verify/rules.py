"""The state of an episode, what ends it, and what it is worth."""

from typing import Any, Literal, NamedTuple

from mas_envs.core.game import Task
from mas_envs.games.math_verify.parse import OUTPUT
from mas_envs.games.math_verify.problems import Problem
from mas_envs.games.math_verify.runner import Gold
from mas_envs.grading.math import Verdict, by_rules

TOOL, REASONER = "tool_0", "reasoner_0"
Ended = Literal["", "agreed", "answered", "out_of_turns"]
NO_PROGRAM = "no_program"


class Run(NamedTuple):
    """A program of the tool, and what came of it.

    verdict: as the sandbox's ("ok", "runtime_error", "time_limit", ...), NO_PROGRAM where the reply held none.
    fault: what was wrong, in words its author can act on. answer: what it printed, if that is one answer.
    right: whether that is the reference (nobody is shown it).
    """

    program: str
    verdict: str
    output: str = ""
    fault: str = ""
    answer: str | None = None
    right: bool = False


class MathState(NamedTuple):
    """One moment of one task.

    run: the tool's latest program. answer: what the reasoner's latest reply gave as its answer.
    right: whether the present final answer is the reference. waiting: the reasoner has yet to answer this turn.
    ended: "agreed" (program and reasoner say the same), "answered" (an agent alone has), "out_of_turns", or "".
    """

    task: Task
    turn: int = 0
    run: Run | None = None
    answer: str | None = None
    right: bool = False
    waiting: bool = False
    ended: Ended = ""

    @property
    def problem(self) -> Problem:
        return self.task.content

    @property
    def printed(self) -> str | None:
        """What the latest program printed, if that is one answer."""
        return self.run.answer if self.run else None


def gold_of(problem: Problem) -> Gold:
    """Returns what answers to a problem are compared with."""
    return Gold(problem.answers, problem.tolerance, problem.exact)


def same(printed: str | None, answer: str | None) -> bool:
    """Says whether the two agents' answers agree, by the grader's exact rules; what needs algebra does not."""
    if printed is None or answer is None:
        return False
    found = by_rules(printed, answer)
    return isinstance(found, Verdict) and found.correct


def meant(state: MathState, answer: str | None) -> str | None:
    """Returns the reasoner's answer, OUTPUT replaced by what the program that it has read printed."""
    return state.printed if answer == OUTPUT and state.printed is not None else answer


def ending(state: MathState, team: bool, turns: int) -> Ended:
    """Returns how an episode stands whose turn is complete: on nothing but what the agents have seen and said."""
    given = state.answer if state.answer is not None else state.printed
    if team and same(state.printed, state.answer):
        return "agreed"
    if not team and given is not None:
        return "answered"
    return "out_of_turns" if state.turn >= turns else ""


def run_of(program: str, value: Any) -> Run:
    """Returns what came of a program, from the value of its effect."""
    return Run(program, value["verdict"], value["stdout"], _fault(value), value["answer"], value["grade"] == "correct")


def _fault(value: Any) -> str:
    """Returns what was wrong with a run, in words its author can act on; "" where it printed one answer."""
    if value["verdict"] == "runtime_error":
        lines = value["stderr"].strip().splitlines()
        return f"The program failed: {lines[-1][:300] if lines else value['detail']}."
    if value["verdict"] != "ok":
        return f"The program was stopped: it {value['detail']}."
    if value["answer"] is None:
        what = "more than one short line" if value["stdout"].strip() else "nothing"
        return f"The program printed {what}; print the answer alone."
    return ""
