"""Golden transcripts of code_test and math_verify: all that agents read and earn, in both styles and all forms of play.

They lie in transcripts/, one file each. A prompt or reward that changes is a new version of the game: then look at what
`python -m tests.games.transcribing` changes in them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mas_envs import make_game
from mas_envs.games.code_test.problem import Case, Problem
from mas_envs.vector import step_all

FOLDER = Path(__file__).parent / "transcripts"

SUM = Problem(
    statement="Print the sum of the integers of the line.",
    samples=(Case("1 2", "3"), Case("4", "4")),
    hidden=(Case("5", "5"), Case("-3 1", "-2")),
    accepted=("print(sum(map(int, input().split())))",),
    has_reference=True,
    wrong=("print(int(input().split()[0]))",),
)
POWER = Problem(
    statement="Write a function: a to the power of b.",
    samples=(Case("2, 3", "8"),),
    kind="function",
    entry_point="power",
    starter="def power(a, b):",
    asserts=("assert power(5, 2) == 25", "assert power(3, 0) == 1"),
    accepted=("def power(a, b):\n    return a ** b",),
    has_reference=True,
    wrong=("def power(a, b):\n    return a * b",),
)


def fenced(program: str) -> str:
    return f"```python\n{program}\n```"


EXPERT = "what its expert says"
# What a role says, turn by turn.
STDIN = {
    "coder": ("I think", fenced("print(input().split()[7])"), fenced("x = input().split()\nprint(x[0])"),
              fenced(SUM.reference)),
    "tester": ("no cases", "Input:\n1 2\nOutput:\n3\n\nInput:\n2 2\nOutput:\n5", "Input:\n2 3\nOutput:\n5",
               '[{"input": "7 -7", "output": "0"}]'),
}  # fmt: skip
FUNCTION = {
    "coder": (fenced("def power(a, b):\n    return a * b"), fenced("def power(a, b):\n    return a ** b")),
    "tester": ("Input:\n2, 5\nOutput:\n32", "Input:\n2, 5\nOutput:\n32\n\nInput:\n(1\nOutput:\n1"),
}
COMPACT = {
    "coder": ("x", "x = list(map(int,input().split())) ; print ( 0 )", EXPERT),
    "tester": ("in out", "in 1 2 out 0 in 5 out 7", EXPERT),
}
MATH = {
    "tool": (
        "no program",
        fenced("print(1 / 0)"),
        fenced("print(83 + 81)\nprint(21)"),
        fenced("print((83 + 81) * 21)"),
    ),
    "reasoner": ("no answer", "\\boxed{1784}", "so \\boxed{3444}", "\\boxed{output}"),
}
MATH_COMPACT = {
    "tool": ("sum", "print ( 8 3 + )", "print ( 8 3 + 8 1 * 2 1 )", EXPERT),
    "reasoner": ("sum", "boxed 8 3", EXPERT, "boxed output"),
}
GENERATED = {"difficulty": "easy", "families": "seen"}
BRACKETED = {"families": "bracketed", "seconds": 2}

TRANSCRIPTS: Mapping[str, tuple[str, dict[str, Any], Any, Mapping[str, tuple[str, ...]]]] = {
    **{
        f"code_test-{form}-{order}": ("code_test", {**settings, "order": order}, task, said)
        for form, settings, task, said in (
            ("full", {}, SUM, STDIN),
            ("function", {"turns": 2}, POWER, FUNCTION),
            ("compact", {"style": "compact", "turns": 3, **GENERATED}, 0, COMPACT),
        )
        for order in ("simultaneous", "sequential")
    },
    "code_test-full-single": ("code_test", {"roles": "single", "turns": 4}, SUM, STDIN),
    "code_test-function-single": ("code_test", {"roles": "single", "turns": 2}, POWER, FUNCTION),
    "code_test-compact-single": ("code_test", {"roles": "single", "turns": 3, "style": "compact"}, 0, COMPACT),
    **{
        f"math_verify-{style}-{name}": ("math_verify", {**BRACKETED, **form, "style": style}, 0, said)
        for style, said in (("full", MATH), ("compact", MATH_COMPACT))
        for name, form in (
            ("sequential", {}),
            ("simultaneous", {"order": "simultaneous"}),
            ("tool", {"roles": "tool"}),
            ("single", {"roles": "single", "turns": 2}),
        )
    },
}
"""Name -> game, its settings, the task (a problem, or the number of one of the test split), and what is said."""


def transcribe(name: str) -> str:
    """Returns an episode as text: what was read, what was said, what it earned, and how it ended."""
    game_name, settings, task, said = TRANSCRIPTS[name]
    game = make_game(game_name, **settings)
    state = game.initial(game.task("test", task) if isinstance(task, int) else game.task_from(task))
    spoken = dict.fromkeys(game.agents, 0)
    parts = [f"{game.name} version {game.version}, {settings}"]
    told = {agent: game.observe(state, agent).instructions for agent in game.agents}
    parts += [f"==== {agent} is told\n{text}" for agent, text in told.items() if text]
    while acting := game.acting(state):
        actions: dict[str, str] = {}
        for agent in acting:
            text = said[agent.rpartition("_")[0]][spoken[agent]]
            spoken[agent] += 1
            actions[agent] = text = game.expert(state, agent) if text == EXPERT else text
            parts += [f"==== {agent} reads\n{game.observe(state, agent).situation}", f"==== {agent} answers\n{text}"]
        (step,) = step_all(game, [(state, actions)], None)
        assert step is not None
        terms = {"team": step.reward.team_terms, **step.reward.local_terms}
        earned = [f"{who} {name} {value:+.4g}" for who, of in terms.items() for name, value in of.items() if value]
        errors = [f"{agent}: {error}" for agent, error in step.info["errors"].items()]
        parts.append("\n".join(["==== which earns " + (", ".join(earned) or "nothing"), *errors]))
        state = step.state
    ended = "terminated" if step.terminated else "truncated"
    return "\n\n".join([*parts, f"==== {ended}, success {step.info['success']}"]) + "\n"


if __name__ == "__main__":
    for name in TRANSCRIPTS:
        (FOLDER / f"{name}.txt").write_text(transcribe(name), encoding="utf-8")
