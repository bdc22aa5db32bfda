"""States as JSON: what was said and what came of it. Of the task only its reference, never what it holds."""

from collections.abc import Mapping
from typing import Any

from mas_envs.core.errors import in_range
from mas_envs.core.game import Task, TaskRef
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.rules import CodeState, Round, Standing, Tried, outcome_of


def dump_state(state: CodeState) -> dict[str, Any]:
    """Returns a state as JSON values."""
    ref, standing = state.task.ref, state.standing
    return {
        "task": [ref.source, ref.id, ref.digest],
        "turn": state.turn,
        "program": state.program,
        "suspect": state.suspect,
        "spoken": state.spoken,
        "coder_error": state.coder_error,
        "rounds": [
            [each.program, each.coder_error, each.tester_error, [[*one.case, *one[1:]] for one in each.tried]]
            for each in state.rounds
        ],
        "standing": {**standing._asdict(), "killed": list(standing.killed), "faults": list(standing.faults)},
        "outcome": state.outcome,
    }


def read_ref(data: Mapping[str, Any]) -> TaskRef:
    """Returns the reference of a saved state's task."""
    source, name, digest = (_of(str, part) for part in data["task"])
    return TaskRef(source, name, digest)


def restore_state(data: Mapping[str, Any], task: Task, turns: int) -> CodeState:
    """Returns the state that `dump_state` wrote; raises what a damaged value happens to raise."""
    state = CodeState(
        task=task,
        turn=in_range("turn", data["turn"], 0, turns),
        program=_of(str, data["program"]),
        suspect=_of(str, data["suspect"]),
        spoken=_of(bool, data["spoken"]),
        coder_error=_of(str, data["coder_error"]),
        rounds=tuple(_round(each) for each in data["rounds"]),
        standing=_standing(data["standing"], task.content),
        outcome=_of(str, data["outcome"]),
    )
    if len(state.rounds) != state.turn:
        raise ValueError(f"{len(state.rounds)} rounds do not fit turn {state.turn}")
    outcome = outcome_of(state, turns) if state.rounds else ""
    if state.outcome != outcome or (outcome and state.spoken):
        raise ValueError(f"outcome is {state.outcome!r}, but what was said leads to {outcome!r}")
    return state


def _round(data: Any) -> Round:
    program, coder_error, tester_error, tried = data
    return Round(_of(str, program), tuple(map(_tried, tried)), _of(str, coder_error), _of(str, tester_error))


def _tried(data: Any) -> Tried:
    given, expected, passed, verdict, printed = data
    case = Case(_of(str, given), _of(str, expected))
    return Tried(case, _of(bool, passed), _of(str, verdict), _of(str, printed))


def _standing(data: Mapping[str, Any], problem: Problem) -> Standing:
    told, share = in_range("told", data["told"], 0, 2**31), data["cases"]
    if type(share) not in (int, float) or not 0 <= share <= 1:
        raise ValueError(f"cases is {share!r}, no share")
    killed = tuple(in_range("killed", number, 0, len(problem.wrong)) for number in data["killed"])
    if sorted(set(killed)) != list(killed):
        raise ValueError(f"killed is {killed!r}; every number comes once, in rising order")
    coder, tester = (_of(bool, fault) for fault in data["faults"])
    return Standing(
        in_range("passed", data["passed"], 0, problem.tests),
        in_range("ran", data["ran"], 0, problem.tests),
        share,
        in_range("good", data["good"], 0, told),
        told,
        killed,
        (coder, tester),
    )


def _of(kind: type, value: Any) -> Any:
    """Returns a value if its type is exactly that; raises TypeError otherwise."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
