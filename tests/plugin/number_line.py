"""# Number line

A hinter, who knows the secret number, and a guesser, who does not, find it together within a few turns.

A pointer stands on one of the numbers 1 to 20. In each turn the hinter says whether the secret is `higher` or `lower`
than the pointer; the guesser, who sees every hint so far, answers with a number, to which the pointer moves.
The episode ends when the pointer is on the secret, or when the turns are spent.

    team  progress  phi(after) - phi(before), phi = -(distance of pointer and secret) / (numbers - 1)
    team  success   1 when the pointer is on the secret
    local format    -0.1 when neither a hint nor a number of the line could be read
    local untrue    -0.1 for a hinter who misleads
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Game, Prompt, Result, Reward, Role, Step, Task, TaskRef, check_actions
from mas_envs.core.seeding import SPLITS, derive, split_of

HINTER, GUESSER = "hinter_0", "guesser_0"
HINTS = ("higher", "lower")
UNREADABLE = "?"
PENALTY = -0.1


@dataclass(frozen=True, slots=True)
class Line:
    """What one task holds; nobody but the hinter may see `secret`."""

    start: int
    secret: int


@dataclass(frozen=True, slots=True)
class LineState:
    """One moment: pointer, turns completed, every (pointer, hint) so far, and how it ended ("" while it goes on)."""

    task: Task
    pointer: int
    turn: int = 0
    hints: tuple[tuple[int, str], ...] = ()
    outcome: str = ""


@cache
def lines_of(numbers: int, split: str) -> tuple[Line, ...]:
    """Returns every line of a split. Its content decides which split an instance is in, so none is in two."""
    places = range(1, numbers + 1)
    lines = [Line(start, secret) for start in places for secret in places if start != secret]
    return tuple(line for line in lines if split_of(digest_of(numbers, line)) == split)


def digest_of(numbers: int, line: Line) -> int:
    """Returns a number that names the instance."""
    return derive("number_line", numbers, line.start, line.secret)


class NumberLine(Game[LineState]):
    """The game.

    Args:
        numbers: length of the line, 10 to 99.
        turns: turn budget.
        style: "compact" (a few words, for small policies) or "full" (sentences, for language models).
    """

    name = "number_line"
    version = 0
    team_range = (-1.0, 2.0)
    local_range = (PENALTY, 0.0)

    def __init__(self, numbers: int = 20, turns: int = 5, style: str = "full"):
        self.numbers = in_range("numbers", numbers, 10, 99)
        self.turns = in_range("turns", turns, 1, 100)
        self.style = one_of("style", style, ("compact", "full"))
        rules = f"A secret number from 1 to {numbers} has to be found. A pointer stands on one of the numbers."
        self.roles = (
            Role("hinter", f"{rules} You know the secret. Say whether it is higher or lower than the pointer."),
            Role("guesser", f"{rules} You get hints. Answer with the number to which the pointer shall move."),
        )

    def settings(self) -> dict[str, Any]:
        return {"numbers": self.numbers, "turns": self.turns, "style": self.style}

    def task(self, split: str, index: int) -> Task:
        lines = lines_of(self.numbers, one_of("split", split, SPLITS))
        number = derive("number_line", split, in_range("index", index, 0, 2**63))
        return self._named(lines[number % len(lines)], f"{split}/{index}")

    def _named(self, line: Line, name: str) -> Task:
        return Task(TaskRef(f"number_line/{self.numbers}", name, f"{digest_of(self.numbers, line):016x}"), line)

    def initial(self, task: Task) -> LineState:
        return LineState(task, task.content.start)

    def acting(self, state: LineState) -> tuple[AgentID, ...]:
        if state.outcome:
            return ()
        return (HINTER,) if len(state.hints) == state.turn else (GUESSER,)

    def observe(self, state: LineState, agent: AgentID) -> Prompt:
        secret, heard = state.task.content.secret, state.hints
        if self.style == "compact":
            if agent == HINTER:
                return Prompt(f"{state.pointer} {secret} hinter")
            return Prompt(" ".join([*(f"{at} {hint}" for at, hint in heard), str(state.pointer), "guesser"]))
        lines = [f"Turn {min(state.turn + 1, self.turns)} of {self.turns}. The pointer is on {state.pointer}."]
        if agent == HINTER:
            lines.append(f"The secret is {secret}. End your answer with one word: higher or lower.")
        else:
            lines += [f"With the pointer on {at} you were told: {hint}." for at, hint in heard]
            lines.append("End your answer with a number.")
        return Prompt("\n".join(lines), self.roles[agent == GUESSER].instructions)

    def step(self, state: LineState, actions: Mapping[AgentID, str], results: Sequence[Result] = ()) -> Step[LineState]:
        acting = self.acting(state)
        if not acting:
            raise UsageError("The episode is over; begin another one with initial(task).")
        check_actions(acting, actions)
        return self._hear(state, actions[HINTER]) if acting == (HINTER,) else self._move(state, actions[GUESSER])

    def _hear(self, state: LineState, text: str) -> Step[LineState]:
        secret = state.task.content.secret
        hint = read_hint(text)
        local, error = {}, ""
        if hint == UNREADABLE:
            local, error = {"format": PENALTY}, "No hint found. Say higher or lower."
        elif (hint == "higher") != (secret > state.pointer):
            local = {"untrue": PENALTY}
        new = LineState(state.task, state.pointer, state.turn, (*state.hints, (state.pointer, hint)))
        # What a hint is worth shows when the guesser has moved; until then the team has earned nothing.
        return Step(new, Reward({}, {HINTER: local}), False, False, report(False, HINTER, error))

    def _move(self, state: LineState, text: str) -> Step[LineState]:
        secret = state.task.content.secret
        guess = read_number(text, self.numbers)
        local, error = {}, ""
        if guess is None:
            guess = state.pointer
            local, error = {"format": PENALTY}, f"No number found. Answer with a number from 1 to {self.numbers}."
        progress = (abs(state.pointer - secret) - abs(guess - secret)) / (self.numbers - 1)
        new = self._ended(LineState(state.task, guess, state.turn + 1, state.hints))
        found = new.outcome == "solved"
        reward = Reward({"progress": progress, "success": float(found)}, {GUESSER: local})
        return Step(new, reward, found, new.outcome == "out_of_turns", report(found, GUESSER, error))

    def _ended(self, state: LineState) -> LineState:
        found, spent = state.pointer == state.task.content.secret, state.turn >= self.turns
        return replace(state, outcome="solved" if found else "out_of_turns" if spent else "")

    def expert(self, state: LineState, agent: AgentID) -> str:
        """The hinter tells the truth; the guesser halves what the hints leave."""
        if agent == HINTER:
            return "higher" if state.task.content.secret > state.pointer else "lower"
        low, high = 1, self.numbers
        for at, hint in state.hints:
            if hint == "higher":
                low = max(low, at + 1)
            elif hint == "lower":
                high = min(high, at - 1)
        return str((low + high) // 2 if low <= high else state.pointer)  # hints may contradict one another

    def render(self, state: LineState) -> str:
        signs = ["."] * self.numbers
        signs[state.task.content.secret - 1] = "*"
        signs[state.pointer - 1] = "^"
        ending = f": {state.outcome}" if state.outcome else ""
        heard = ", ".join(f"{at} {hint}" for at, hint in state.hints)
        return f"number_line {state.task.ref.id}, turn {state.turn} of {self.turns}{ending}\n{''.join(signs)}\n{heard}"

    def legal_actions(self, state: LineState, agent: AgentID) -> tuple[str, ...]:
        if agent not in self.acting(state):
            return ()
        return HINTS if agent == HINTER else self._all_numbers()

    def example_actions(self) -> tuple[str, ...]:
        return (*HINTS, *self._all_numbers())

    def vocabulary(self) -> tuple[str, ...]:
        return (*HINTS, UNREADABLE, *self._all_numbers(), "hinter", "guesser")

    def _all_numbers(self) -> tuple[str, ...]:
        return tuple(map(str, range(1, self.numbers + 1)))

    def dump(self, state: LineState) -> dict[str, Any]:
        line = state.task.content
        return {
            "task": [state.task.ref.id, line.start, line.secret],
            "pointer": state.pointer,
            "turn": state.turn,
            "hints": [list(pair) for pair in state.hints],
        }

    def restore(self, data: Mapping[str, Any]) -> LineState:
        name, start, secret = data["task"]
        line = Line(self._number(start), self._number(secret))
        hints = tuple((self._number(at), one_of("hint", hint, (*HINTS, UNREADABLE))) for at, hint in data["hints"])
        turn = in_range("turn", data["turn"], 0, self.turns)
        state = self._ended(LineState(self._named(line, str(name)), self._number(data["pointer"]), turn, hints))
        if line.start == line.secret or len(hints) - turn not in ((0,) if state.outcome else (0, 1)):
            raise ValueError(f"{len(hints)} hints in {turn} turns of {line} cannot be")
        return state

    def _number(self, value: Any) -> int:
        return in_range("number", value, 1, self.numbers)


def read_hint(text: str) -> str:
    """Returns the last hint in a reply, or UNREADABLE. Total: any string in, no exception."""
    found = re.findall(r"\b(higher|lower)\b", text.lower())
    return found[-1] if found else UNREADABLE


def read_number(text: str, most: int) -> int | None:
    """Returns the last number in a reply if it is one of the line's, else None."""
    found = re.findall(r"(?<![0-9])[0-9]{1,2}(?![0-9])", text)
    return int(found[-1]) if found and 1 <= int(found[-1]) <= most else None


def report(success: bool, agent: AgentID, error: str) -> dict[str, Any]:
    """Returns a step's info: what every game has to say."""
    return {"success": success, "errors": {agent: error} if error else {}}
