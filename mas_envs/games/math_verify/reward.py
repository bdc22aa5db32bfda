"""What a step earns. Every term is the growth of a bounded potential, which is 0 at the start: the sum over an episode
depends on its end alone, and nothing is earned by taking long.

| whose | term | potential |
|---|---|---|
| team | `correct` | 1 while the present final answer is right (with `roles="tool"`, what the program printed) |
| tool | `format` | 0.02 while its latest reply held a program |
| tool | `runs` | 0.02 while its latest program ended without an error |
| tool | `answer` | 0.02 while its latest program printed one answer |
| tool | `advance` | what its printed answer would make of `correct` if the reasoner copied it; taken back after that |
| tool | `right` | in simultaneous play instead: 1 while what its latest program printed is right |
| reasoner | `format` | 0.02 while its latest reply held an answer |

The advance is a loan: the tool user has it in its own step, and returns it (a negative term) when the reasoner has
answered and `correct` says what came of it.
"""

from mas_envs.core.game import AgentID, Reward
from mas_envs.games.math_verify.rules import NO_PROGRAM, REASONER, TOOL, MathState, Run

SHARE = 0.02
"""What each thing that is asked of a reply's form is worth."""
TEAM_RANGE = (-1.0, 1.0)
LOCAL_RANGE = (-1.0 - 3 * SHARE, 1.0 + 3 * SHARE)
Terms = dict[str, float]


def reward(before: MathState, after: MathState, acting: tuple[AgentID, ...]) -> Reward:
    """Returns what the actions of those who acted are worth."""
    local: dict[AgentID, Terms] = {}
    if TOOL in acting:
        local[TOOL] = _growth(form(before.run), form(after.run))
    if REASONER in acting:
        local[REASONER] = {"format": SHARE * ((after.answer is not None) - (before.answer is not None))}
    if after.waiting:
        return Reward({}, {TOOL: local[TOOL] | {"advance": _right(after.run) - before.right}})
    if before.waiting:
        local[TOOL] = {"advance": before.right - _right(before.run)}
    elif len(acting) > 1:
        local[TOOL]["right"] = _right(after.run) - _right(before.run)
    return Reward({"correct": float(after.right - before.right)}, local)


def form(run: Run | None) -> Terms:
    """Returns the potential of a program's form: 0 before the first."""
    return {
        "format": SHARE * (run is not None and run.verdict != NO_PROGRAM),
        "runs": SHARE * (run is not None and run.verdict == "ok"),
        "answer": SHARE * (run is not None and run.answer is not None),
    }


def _growth(before: Terms, after: Terms) -> Terms:
    return {name: after[name] - before[name] for name in after}


def _right(run: Run | None) -> float:
    return float(run is not None and run.right)
