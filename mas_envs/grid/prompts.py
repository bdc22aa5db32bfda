"""What the agents of a board game are told in words, in the full style."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FORMS = {"team": ("planner", "executor"), "single": ("solver",), "tool-planner": ("tool", "planner")}
"""Who plays, in the order in which they act: the last role's moves are carried out, an earlier one proposes."""
ROLE_NAMES = tuple(dict.fromkeys(name for names in FORMS.values() for name in names))
"""The roles of all forms: a small policy that was trained in one knows the words of the others."""
_ACCEPTS = (
    "Your moves are final. "
    'Begin the list with "+" to carry out the proposal\'s legal moves first: Moves: ["+"] accepts it, '
    'Moves: ["+", "{move}"] goes on from the board after it. Without "+" the proposal is dropped.'
)
_PARTS = {
    ("team", "planner"): "You are the planner. Propose the moves for this turn; the executor will see your proposal "
    "and what it would do, and decide.",
    ("team", "executor"): f"You are the executor. You see the planner's proposal and the board after it. {_ACCEPTS}",
    ("single", "solver"): "You play alone. Your moves are final.",
    ("tool-planner", "tool"): "You are the tool user. Write a Python program that finds the moves for this turn; the "
    "planner will see the program, what it printed and what those moves would do, and decide. The program reads from "
    "standard input {stdin}. It has {seconds} seconds of processor time, and may import the standard library and "
    "numpy. Its output ends with a line like this: Moves: {example}",
    ("tool-planner", "planner"): "You are the planner. Your partner, the tool user, has written a Python program for "
    "this turn; you see it, what it printed, which moves that proposes and the board after them. It may be wrong. "
    f"{_ACCEPTS}",
}
_ENDS = {
    "tool": "You may reason first. End with the whole program in one block:\n```python\nboard = open(0).read()\n...\n"
    'print("Moves:", moves)\n```',
}


class Told(NamedTuple):
    """What standing instructions are made of; stdin and seconds are what a tool user's program reads and may take."""

    goal_text: str
    legend: str
    moves_text: str
    max_moves: int
    example_moves: Sequence[str]
    stdin: str
    seconds: float


def instructions(form: str, role: str, told: Told) -> str:
    """Returns the standing instructions of a role: the goal, the board's signs, moves, the part to play, the format."""
    example = as_list(told.example_moves)
    parts = {"move": told.example_moves[0], "stdin": told.stdin, "seconds": f"{told.seconds:g}", "example": example}
    return "\n".join(
        [
            told.goal_text,
            told.legend,
            f"{told.moves_text} At most {told.max_moves} count per turn; the first blocked move ends the list.",
            _PARTS[form, role].format(**parts),
            _ENDS.get(role, f"You may reason first. End with one line like this: Moves: {example}"),
        ]
    )


def as_list(moves: Iterable[str]) -> str:
    """Returns moves as the JSON list in which agents are asked to write them."""
    return "[" + ", ".join(f'"{move}"' for move in moves) + "]"


def feedback(done: str, blocked: str, why: str, error: str) -> str:
    """Returns what came of a turn's moves: those carried out, which was blocked and why, or why none could be read."""
    text = f"carried out {done or 'no move'}"
    return f"{text}; then {blocked} was blocked{why}" if blocked else f"{text} ({error})" if error else text
