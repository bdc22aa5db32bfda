"""Moves and the reading of move lists out of whatever an agent wrote."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from mas_envs.core.text import after_marker, clip_action, first_bracketed, last_bracketed, last_fenced, without_thinking
from mas_envs.grid.cells import cell_number, move_between, moved

MOVES = "UDLR"
CONTINUE = "+"
NOWHERE = "?"
"""A step to a cell that is no neighbour: never legal."""
MARKER = "moves:"

_WORDS = {"u": "U", "up": "U", "d": "D", "down": "D", "l": "L", "left": "L", "r": "R", "right": "R", "?": "?"}
_SEPARATORS = re.compile(r"[\s.,;|*\"'`\[\]()]+")
_EXAMPLE = 'Use U, D, L, R and end with a line like: Moves: ["U", "R"]'
_NOTHING = f"No moves found. {_EXAMPLE}"
_PLAIN = MOVES + NOWHERE + " "
_SHORT = 400
"""Characters up to which an action is looked up among those that were read before."""


Moves = Any
"""Moves of one game: a str where each is a letter (of UDLR, or ? for a step to nowhere), else a tuple of words."""


class MoveList(NamedTuple):
    """What an action says.

    moves: as many as count; empty where nothing could be read.
    continues: it began with `+` (first carry out the proposal's legal moves).
    error: what was wrong with the format, in words; None for a well-formed answer.
    """

    moves: Moves
    continues: bool = False
    error: str | None = None


class Places(NamedTuple):
    """Where the agent is, for answers that name cells (`@c4`: step to there).

    start: the cell from which the first step goes; after_proposal: that of an answer that begins with `+`.
    """

    start: int
    after_proposal: int
    width: int
    height: int


def parse_moves(action: str, limit: int, places: Places | None = None) -> MoveList:
    """Reads a move list: after the last `Moves:`, else in the last fenced block, the last [...] or the last line.

    What stands after `Moves:` may be in a fenced block, too.

    Accepted are JSON lists (`["U", "right"]`), letter strings (`UURD`), and words or letters between spaces or
    commas, in any case, with a leading `+` for "the proposal first"; with `places` also cells. Never raises; linear
    in the text's length.
    """
    if len(action) <= 4 * limit and len(action) <= _SHORT:
        plain = _plain_moves(action, limit)
        if plain is not None:
            return plain
    text, _ = clip_action(action)
    answer = _answer(without_thinking(text)).strip()
    continues = answer.lstrip("[(\"'`* ").startswith(CONTINUE)
    words = [word for word in _SEPARATORS.split(answer.replace(CONTINUE, " ", 1) if continues else answer) if word]
    if not words and not continues and not _is_empty_list(answer):
        return MoveList("", error=_NOTHING)
    if places is not None:
        words = _as_moves(words, limit, continues, places)
    moves: list[str] = []
    for word in words:
        if len(moves) >= limit:
            break
        move = _WORDS.get(word.lower())
        if move is not None:
            moves.append(move)
        elif not word.upper().strip(MOVES):
            moves.extend(word.upper())
        else:
            return MoveList("", error=f"{word[:20]!r} is no move. {_EXAMPLE}")
    return MoveList("".join(moves)[:limit], continues)


@lru_cache(maxsize=4096)  # small policies say few things, and those again and again
def _plain_moves(action: str, limit: int) -> MoveList | None:
    """Returns what letters and spaces say, the form small policies write; None for any other text."""
    continues = action[:1] == CONTINUE
    plain = (action[1:] if continues else action).replace(" ", "")
    if plain.strip(_PLAIN):
        return None
    return MoveList(plain[:limit], continues) if plain or continues else MoveList("", error=_NOTHING)


def _as_moves(words: list[str], limit: int, continues: bool, places: Places) -> list[str]:
    """Replaces the cells among the first `limit` words by the moves to them; one that is no neighbour of the last
    becomes `?`."""
    width, height = places.width, places.height
    at, moves = places.after_proposal if continues else places.start, list[str]()
    for word in words[:limit]:
        to = cell_number(word, "@", width, height)
        if to is None:
            moves.append(word)
            for letter in _WORDS.get(word.lower(), word[:limit].upper()):
                at = moved(at, letter, width, height)
        else:
            moves.append(move_between(at, to, width) or NOWHERE)
            at = to
    return moves


def _answer(text: str) -> str:
    """Returns the part of a reply that is to be read."""
    marked = after_marker(text, MARKER)
    if marked is not None:
        marked = _unfenced(marked.strip())
        line = marked.partition("\n")[0]
        bracketed = first_bracketed(marked) if "[" in line else None  # a list may go on over lines
        return line if bracketed is None else _as_list(bracketed, line.partition("[")[0])
    fenced = last_fenced(text)
    if fenced is not None and not fenced.lstrip().startswith("{"):  # an object holds a list, as outside of a block
        return fenced
    bracketed = last_bracketed(text)
    if bracketed is not None:
        return _as_list(bracketed, text[: text.rfind("[", 0, text.rfind("]"))])
    return text.rstrip().rpartition("\n")[2]


def _unfenced(text: str) -> str:
    """Returns what the fenced block says with which a text begins, in one line; a text without one as it is."""
    if not text.startswith("```"):
        return text
    body = last_fenced(text[: text.find("```", 3) + 3])
    return (text.partition("\n")[2] if body is None else body).replace("\n", " ")


def _as_list(inside: str, before: str) -> str:
    """Returns a list in brackets, with the `+` that stands before it."""
    plus = CONTINUE if before.rstrip("*`\"' \t\n").endswith(CONTINUE) else ""
    return f"{plus}[{inside}]"


def _is_empty_list(answer: str) -> bool:
    return answer.replace(" ", "") == "[]"
