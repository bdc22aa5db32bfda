"""What one task holds: a problem with its statement, what agents may see, and what they never see."""

import json
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from mas_envs.core.errors import UsageError, one_of
from mas_envs.core.seeding import derive
from mas_envs.games.code_test.spec import Spec
from mas_envs.sandbox.jobs import DEFAULT_LIMITS, Limits

KINDS = ("stdin", "function")


class Case(NamedTuple):
    """An input and the output that belongs to it; of a function, its arguments and its value as Python literals."""

    input: str
    output: str

    @property
    def key(self) -> str:
        """The input as far as it matters: two cases with one key are the same case."""
        return " ".join(self.input.split())


@dataclass(frozen=True, slots=True)
class Problem:
    """A programming problem.

    statement, samples, kind, entry_point, starter: what agents read. kind is "stdin" (a program that reads stdin and
        prints) or "function" (one that defines `entry_point`); starter is code to begin with.
    words: the statement in the words of the compact style, "" where there are none.
    hidden, asserts, setup: the hidden tests, cases or (of a function) pieces of Python with the code that they need.
    accepted, has_reference: programs known to be right, the reference first where there is one.
    wrong: programs known to be wrong.
    tolerance: how far a number of the output may be off, absolute or relative; None compares token by token.
    spec, wrong_specs: of a generated problem the rule behind it, and those behind the wrong programs; with them
        nothing has to be run to know what is right.

    Everything from `hidden` on is private: it never reaches an observation, a saved state or a record of an episode.
    Raises UsageError for a problem without a hidden test, or of another kind.
    """

    statement: str
    samples: tuple[Case, ...] = ()
    kind: str = "stdin"
    entry_point: str = ""
    starter: str = ""
    words: str = ""
    family: str = ""
    difficulty: str = ""
    hidden: tuple[Case, ...] = field(default=(), repr=False)
    asserts: tuple[str, ...] = field(default=(), repr=False)
    setup: str = field(default="", repr=False)
    accepted: tuple[str, ...] = field(default=(), repr=False)
    has_reference: bool = field(default=False, repr=False)
    wrong: tuple[str, ...] = field(default=(), repr=False)
    tolerance: float | None = None
    limits: Limits = DEFAULT_LIMITS
    spec: Spec | None = field(default=None, repr=False)
    wrong_specs: tuple[Spec, ...] = field(default=(), repr=False)

    def __post_init__(self):
        one_of("kind of problem", self.kind, KINDS)
        if not self.tests:
            raise UsageError("A problem needs at least one hidden test; without one no program could be judged.")
        if self.kind == "function" and not self.entry_point:
            raise UsageError("A problem of kind 'function' needs entry_point, the name that its tests call.")
        if self.has_reference and not self.accepted:
            raise UsageError("has_reference is set, but there is no accepted program; the first one is the reference.")

    @property
    def tests(self) -> int:
        """How many hidden tests there are."""
        return len(self.asserts) if self.kind == "function" else len(self.hidden)

    @property
    def reference(self) -> str:
        """A program that is right, "" where none is known."""
        return self.accepted[0] if self.accepted else ""

    def digest(self) -> str:
        """Returns 16 hexadecimal digits that name the content."""
        return f"{derive(json.dumps(asdict(self), sort_keys=True)):016x}"
