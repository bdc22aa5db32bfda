"""States as JSON values and back. They hold what was said and what came of it, and never the reference."""

from collections.abc import Mapping
from typing import Any

from mas_envs.core.errors import in_range
from mas_envs.core.game import Task
from mas_envs.games.math_verify.problems import Problem
from mas_envs.games.math_verify.rules import NO_PROGRAM, MathState, Run, ending, gold_of
from mas_envs.games.math_verify.runner import exactly


def dump(state: MathState) -> dict[str, Any]:
    """Returns a state as JSON values."""
    ref = state.task.ref
    return {
        "task": {"source": ref.source, "id": ref.id, "digest": ref.digest},
        "turn": state.turn,
        "run": state.run and state.run._asdict(),
        "answer": state.answer,
        "right": state.right,
        "waiting": state.waiting,
        "ended": state.ended,
    }


def restore(data: Mapping[str, Any], task: Task, roles: str, order: str, turns: int) -> MathState:
    """Returns the state of `dump`'s values; raises ValueError, TypeError or KeyError where they are damaged."""
    turn, run = in_range("turn", data["turn"], 0, turns), _run(data["run"])
    state = MathState(task, turn, run, _text(data["answer"]), _flag(data["right"]), _flag(data["waiting"]))
    programs = roles != "single" and (turn > 0 or state.waiting)
    if (run is not None) != programs or (state.answer is not None and (not turn or roles == "tool")):
        raise ValueError(f"what was said does not fit turn {turn}")
    if state.waiting and (roles != "team" or order != "sequential" or turn == turns):
        raise ValueError("nobody waits here")
    _check_grades(task.content, state, roles)
    if not state.waiting:
        state = state._replace(ended=ending(state, roles == "team", turns))
    if data["ended"] != state.ended:
        raise ValueError(f"ended is {data['ended']!r}, but it is {state.ended!r} by what was said")
    return state


def _run(data: Any) -> Run | None:
    if data is None:
        return None
    run = Run(**{**data, "answer": _text(data["answer"]), "right": _flag(data["right"])})
    if not all(isinstance(text, str) for text in run[:4]):
        raise TypeError("a program, its end and its output are texts")
    if (run.program == "") != (run.verdict == NO_PROGRAM) or (run.answer is not None and run.verdict != "ok"):
        raise ValueError(f"a run that ended with {run.verdict!r} cannot be like this")
    return run


def _check_grades(problem: Problem, state: MathState, roles: str) -> None:
    """Raises ValueError where what is said of an answer cannot be so."""
    run = state.run or Run("", NO_PROGRAM)
    graded = [(run.answer, run.right), (run.answer if roles == "tool" else state.answer, state.right)]
    for answer, right in graded:
        if right and answer is None:
            raise ValueError("there is no answer that could be right")
        if answer is not None and problem.exact and right != (exactly(gold_of(problem), answer) == "correct"):
            raise ValueError("a grade is not that of its answer")


def _text(value: Any) -> str | None:
    if not isinstance(value, str | None):
        raise TypeError(f"{value!r} is no text")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"{value!r} is neither true nor false")
    return value
