"""The compact style of Sudoku: a word for every cell, in reading order.

`a1=3` is given, `b1~2` was written and can be changed, `c1=0` is empty, and after it stands what may go there: `[14]`.
In the executor's view of a proposal `b1?4` would be written, `b1?0` emptied.
"""

from functools import cache

from mas_envs.games.sudoku.rules import Level, digits_left, shown
from mas_envs.games.sudoku.solver import DIGITS, EMPTY
from mas_envs.grid.cells import cell_words
from mas_envs.grid.state import Proposal

_MARKS = _GIVEN, _OWN, _PROPOSED = "=", "~", "?"


def compact(level: Level, board: str) -> str:
    """Returns the words of a board."""
    return " ".join(_board_words(level, board))


def compact_proposal(level: Level, board: str, proposal: Proposal[str]) -> str:
    """Returns the words of the board after a proposal, what it would write marked; then written digits that it would
    overwrite, `c1~2`; then `=`, or `!` and the move that is blocked."""
    after, side = proposal.after, level.width
    words, own, proposed = _board_words(level, after), _table(_OWN, side), _table(_PROPOSED, side)
    for cell in level.open_cells:
        sign, earlier = after[cell], board[cell]
        if sign != earlier:
            words[cell] = proposed[cell][sign] if sign != EMPTY else words[cell].replace(_GIVEN, _PROPOSED)
            if earlier != EMPTY:
                words.append(own[cell][earlier])
    words.append(f"! {proposal.blocked}" if proposal.blocked else "=")
    return " ".join(words)


def vocabulary(side: int) -> tuple[str, ...]:
    """Returns every word of boards and moves."""
    signs = [word for mark in _MARKS for words in _table(mark, side) for word in words.values()]
    return ("=", "!", *_fits(side), *signs)


def _board_words(level: Level, board: str) -> list[str]:
    """Returns a word for every cell; that of an empty one has two parts."""
    side = level.width
    words, seen = list(level.given_words), shown(level, board)
    own, given, fits = _table(_OWN, side), _table(_GIVEN, side), _fits(side)
    for cell in level.open_cells:
        sign = board[cell]
        words[cell] = own[cell][sign] if sign != EMPTY else f"{given[cell][sign]} {fits[seen[cell]]}"
    return words


@cache
def _table(mark: str, side: int) -> tuple[dict[str, str], ...]:
    """Returns, for every cell, sign -> word: `.` -> `a1=0`, `3` -> `a1=3`, with `mark` for the `=`."""
    signs = list(enumerate(EMPTY + DIGITS[:side]))
    return tuple({sign: f"{word}{mark}{number}" for number, sign in signs} for word in cell_words("", side, side))


@cache
def _fits(side: int) -> tuple[str, ...]:
    """Returns, for every set of digits that are shown elsewhere, the others in a word: `[14]`."""
    return tuple(f"[{''.join(left)}]" for left in digits_left(side))
