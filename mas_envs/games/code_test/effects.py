"""What the game asks of the world, as effects; `runner.CodeRunner` carries them out.

Hidden tests and known programs go into the world with an effect and never come back: what comes back are verdicts,
and what a program printed on an input that the agents have seen. All of it is JSON, to be kept with an episode.
"""

from dataclasses import dataclass, field

from mas_envs.core.game import Effect
from mas_envs.games.code_test.problem import Case, Problem


@dataclass(frozen=True, slots=True)
class JudgeProgram(Effect):
    """A wish to have a program judged by the hidden tests.

    Value: {"grades": one `mas_envs.grading.output.Grade` for each test}.
    """

    program: str = field(repr=False)
    problem: Problem = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunCases(Effect):
    """A wish to have a program run on cases that the agents know.

    Value: a list, for each case {"passed": it printed what the case expects, "verdict": how the run ended,
    "printed": the first `runner.KEPT` characters that it printed or, where it crashed, its error}.
    """

    program: str = field(repr=False)
    cases: tuple[Case, ...]
    problem: Problem = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckCases(Effect):
    """A wish to know what a tester's cases are worth.

    suspect: a program of the coder's that failed hidden tests, and that no case has told from a right one; "" for none.
    Value: a list, for each case {"valid": whether what it expects is right, "kills": numbers of the known wrong
    programs (and, after them, of the suspect) that it tells from a right one}.
    """

    cases: tuple[Case, ...]
    problem: Problem = field(repr=False)
    suspect: str = field(default="", repr=False)
