"""Problems, agents and a runner that the tests of code_test share."""

from collections.abc import Sequence
from typing import Any

from mas_envs.core.game import Effect, Result, Step
from mas_envs.effects import run_effects
from mas_envs.games.code_test import CodeTest
from mas_envs.games.code_test.effects import CheckCases, JudgeProgram, RunCases
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.games.code_test.runner import CodeRunner

CODER, TESTER = "coder_0", "tester_0"
RIGHT = "print(sum(map(int, input().split())))"
ZERO = "print(0)"
FIRST = "print(int(input().split()[0]))"
SECRET_IN, SECRET_OUT = "40961 40999", "81960"

SUM = Problem(
    statement="Print the sum of the integers of the line.",
    samples=(Case("1 2", "3"),),
    hidden=(Case("5", "5"), Case(SECRET_IN, SECRET_OUT), Case("0 0", "0"), Case("-3 1", "-2")),
    accepted=(RIGHT,),
    has_reference=True,
    wrong=(ZERO, FIRST),
)


def answers(program: str | None, *cases: tuple[str, str]) -> dict[str, str]:
    """Returns what coder and tester say."""
    blocks = "\n".join(f"Input:\n{given}\nOutput:\n{wanted}" for given, wanted in cases)
    return {CODER: f"```python\n{program}\n```" if program is not None else "", TESTER: blocks}


def step(game: CodeTest, state: Any, actions: dict[str, str], runner: Any = None) -> Step[Any]:
    """Steps with the results of the game's own runner, or of another."""
    return game.step(state, actions, run_effects(runner or game.effect_runner(), game.effects(state, actions)))


def play(game: CodeTest, problem: Problem, *turns: dict[str, str]) -> list[Step[Any]]:
    """Plays a problem with the given actions, turn by turn; returns the steps."""
    state, steps = game.initial(game.task_from(problem)), list[Step[Any]]()
    for actions in turns:
        acting = game.acting(state)
        steps.append(step(game, state, {agent: text for agent, text in actions.items() if agent in acting}))
        state = steps[-1].state
    return steps


def terms(steps: list[Step[Any]], agent: str, name: str) -> float:
    """Returns the sum of a reward term over an episode; agent "" is the team."""
    found = [one.reward.local_terms[agent] if agent else one.reward.team_terms for one in steps]
    return sum(each[name] for each in found)


def judged_unrun(effects: Sequence[Effect]) -> list[Result]:
    """Carries out the effects of generated problems without running a program: right is the reference alone.

    For tests that play a hundred thousand answers, most of them no program at all.
    """
    return [Result(_unrun(effect)) for effect in effects]


def _unrun(effect: Effect) -> Any:
    if isinstance(effect, CheckCases):
        return CodeRunner()([CheckCases(effect.cases, effect.problem)])[0].value
    assert isinstance(effect, JudgeProgram | RunCases) and effect.problem.spec is not None
    right = effect.program == effect.problem.reference
    if isinstance(effect, JudgeProgram):
        return {"grades": ["accepted" if right else "wrong_answer"] * effect.problem.tests}
    worth = CodeRunner()([CheckCases(effect.cases, effect.problem)])[0].value
    return [{"passed": right and each["valid"], "verdict": "ok", "printed": effect.program[:100]} for each in worth]
