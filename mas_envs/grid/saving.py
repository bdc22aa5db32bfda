"""States of the board games as JSON values and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mas_envs.core.errors import in_range
from mas_envs.grid.state import B, BoardState, Run
from mas_envs.grid.tools import NO_PROGRAM

if TYPE_CHECKING:
    from mas_envs.grid.turns import BoardGame


def dump(game: "BoardGame[B]", state: BoardState[B]) -> dict[str, Any]:
    """Returns a state as JSON values; what a tool user's program did is there where there is a tool user."""
    ref, proposal = state.task.ref, state.proposal
    return {
        "task": {"source": ref.source, "id": ref.id, "digest": ref.digest, "level": state.task.content.text()},
        "board": game.dump_board(state.board),
        "turn": state.turn,
        "proposal": proposal and [game.between.join(proposal.legal), proposal.blocked],
        "feedback": state.feedback,
        "outcome": state.outcome,
        **({"run": state.run and state.run._asdict()} if game.seconds else {}),
    }


def restore(game: "BoardGame[B]", data: Mapping[str, Any]) -> BoardState[B]:
    """Returns the state of `dump`'s values; raises ValueError, TypeError or KeyError where they are damaged."""
    saved = data["task"]
    texts = [saved["source"], saved["id"], data["feedback"], *(data["proposal"] or ())]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"not all of {texts!r} are strings")
    task = game.task_from(saved["level"])
    if task.ref.digest != saved["digest"]:
        raise ValueError(f"the level does not match its digest {saved['digest']}")
    task = replace(task, ref=replace(task.ref, source=saved["source"], id=saved["id"]))
    level = task.content
    board = game.restore_board(level, data["board"])
    turn, potential = in_range("turn", data["turn"], 0, game.turns), game.potential(level, board)
    state = BoardState(task, board, turn, potential, None, data["feedback"])
    solved = game.solved(level, board)
    state = state._replace(outcome=game.outcome(level, board, solved, potential, turn), run=_run(game, data))
    if data["outcome"] != state.outcome:
        raise ValueError(f"outcome is {data['outcome']!r}, but this board's is {state.outcome!r}")
    return state if data["proposal"] is None else _proposed(game, state, data["proposal"])


def _proposed(game: "BoardGame[B]", state: BoardState[B], saved: list[str]) -> BoardState[B]:
    """Returns the state after the proposal that was saved; raises ValueError where nobody can have made it."""
    run = state.run
    if game.acting(state) == game.agents[:1] != game.agents[-1:]:  # neither at the end nor alone
        said, run_read = game.printed(state, run) if run else (game.read(state, " ".join(saved)), None)
        state = game.propose(state, said, run_read).state
    if state.proposal is None or dump(game, state)["proposal"] != saved or state.run != run:
        raise ValueError(f"nobody can have proposed {saved!r} on this board")
    return state


def _run(game: "BoardGame[Any]", data: Mapping[str, Any]) -> Run | None:
    """Returns the tool user's latest program, of which there has to be one unless the first has yet to be written."""
    if not game.seconds:
        return None
    saved = data["run"]
    if (saved is None) != (data["turn"] == 0 and data["proposal"] is None):
        raise ValueError(f"the program does not fit turn {data['turn']}")
    if saved is None:
        return None
    run = Run(**saved)
    if not all(isinstance(text, str) for text in run):
        raise TypeError("a program, its end and its output are texts")
    if (run.program == "") != (run.verdict == NO_PROGRAM) or (run.verdict != "ok" and not run.fault):
        raise ValueError(f"a run that ended with {run.verdict!r} cannot be like this")
    return run
