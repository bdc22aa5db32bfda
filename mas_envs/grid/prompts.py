"""What the agents of a board game are told in words, in the full style."""

from collections.abc import Iterable, Sequence

_ROLE_TEXT = {
    "planner": "You are the planner. Propose the moves for this turn; the executor will see your proposal and what it "
    "would do, and decide.",
    "executor": "You are the executor. You see the planner's proposal and the board after it. Your moves are final. "
    'Begin the list with "+" to carry out the proposal\'s legal moves first: Moves: ["+"] accepts it, '
    'Moves: ["+", "{move}"] goes on from the board after it. Without "+" the proposal is dropped.',
    "solver": "You play alone. Your moves are final.",
}


def instructions(
    role: str, goal_text: str, legend: str, moves_text: str, max_moves: int, example_moves: Sequence[str]
) -> str:
    """Returns the standing instructions of a role: the goal, the board's signs, moves, the part to play, the format."""
    return "\n".join(
        [
            goal_text,
            legend,
            f"{moves_text} At most {max_moves} count per turn; the first blocked move ends the list.",
            _ROLE_TEXT[role].replace("{move}", example_moves[0]),
            f"You may reason first. End with one line like this: Moves: {as_list(example_moves)}",
        ]
    )


def as_list(moves: Iterable[str]) -> str:
    """Returns moves as the JSON list in which agents are asked to write them."""
    return "[" + ", ".join(f'"{move}"' for move in moves) + "]"


def feedback(done: str, blocked: str, why: str, error: str) -> str:
    """Returns what came of a turn's moves: those carried out, which was blocked and why, or why none could be read."""
    text = f"carried out {done or 'no move'}"
    return f"{text}; then {blocked} was blocked{why}" if blocked else f"{text} ({error})" if error else text
