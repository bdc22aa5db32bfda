"""The rotations and reflections of a board in compact texts: every word of a place or a direction becomes another."""

from functools import cache
from itertools import combinations, groupby

from mas_envs.grid.cells import cell_words, move_between, moved, symmetries
from mas_envs.grid.moves import MOVES

_PATHS, _SETS = "@_", "#.*$-"
"""Marks of cells: where one stands or steps to, one after another, and what lies about, in reading order."""
_CENTRE = 4
"""Of a board of three by three."""


def turned(text: str, width: int, height: int) -> tuple[str, ...]:
    """Returns a compact text as it reads on the board's rotations and reflections, itself first.

    There are 8 for a square board, 4 for another rectangle. Cells of what lies about stay in reading order; words
    that name neither a cell nor a direction stay as they are.
    """
    found: list[str] = []
    for words in _words(width, height):
        said: list[str] = []
        for mark, run in groupby(text.split(), key=lambda word: word[0]):
            new = [words.get(word, (0, word)) for word in run]
            said += [word for _, word in (sorted(new) if mark in _SETS else new)]
        found.append(" ".join(said))
    return tuple(found)


@cache
def _words(width: int, height: int) -> tuple[dict[str, tuple[int, str]], ...]:
    """Returns, for every symmetry, word -> (cell in reading order, or 0; what the word becomes)."""
    found: list[dict[str, tuple[int, str]]] = []
    # The symmetries of any board are those of a square one in the same order, or the first half of them.
    for cells, small in zip(symmetries(width, height), symmetries(3, 3), strict=False):
        moves = {m: str(move_between(small[_CENTRE], small[moved(_CENTRE, m, 3, 3)], 3)) for m in MOVES}
        words = {move: (0, to) for move, to in moves.items()}
        words |= {f"!{move}": (0, f"!{to}") for move, to in moves.items()}
        for some in (some for n in range(len(MOVES) + 1) for some in combinations(MOVES, n)):
            words[f"[{''.join(some)}]"] = (0, f"[{''.join(sorted((moves[m] for m in some), key=MOVES.index))}]")
        for mark in _PATHS + _SETS:
            table = cell_words(mark, width, height)
            words |= {word: (to, table[to]) for word, to in zip(table, cells, strict=True)}
        found.append(words)
    return tuple(found)
