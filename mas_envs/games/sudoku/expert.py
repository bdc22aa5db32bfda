"""A scripted solver: what to write next, in the order in which a person can see it."""

from mas_envs.games.sudoku.rules import Level, move_words
from mas_envs.games.sudoku.solver import DIGITS, EMPTY, bits, candidates, hidden_singles, naked_singles


def moves_to_solve(level: Level, board: str) -> tuple[str, ...]:
    """Returns moves that lead from `board` to the solution; none where it is reached.

    Digits come in the order of naked singles, then hidden ones (of the cells that are right so far, in reading
    order), and where neither is left, the next empty cell. A wrong digit is overwritten when its cell's turn comes,
    and emptied before where it is in the way of another.
    """
    words, cells = move_words(level.width), level.shape.cells
    moves: list[str] = []
    for cell in _order(level, board):
        sign = level.solution[cell]
        for peer in level.shape.peers[cell]:
            if board[peer] == sign:  # a wrong digit: the right ones clash with none of the solution
                moves.append(words[peer])
                board = board[:peer] + EMPTY + board[peer + 1 :]
        moves.append(words[cells + DIGITS.index(sign) * cells + cell])
        board = board[:cell] + sign + board[cell + 1 :]
    return tuple(moves)


def _order(level: Level, board: str) -> list[int]:
    """Returns the cells that are not as in the solution, those first that follow from what is right."""
    shape, solution = level.shape, level.solution
    right = "".join([a if a == b else EMPTY for a, b in zip(board, solution, strict=True)])
    left, open_cells, order = candidates(shape, right), right.count(EMPTY), list[int]()
    known = sum(1 << cell for cell, sign in enumerate(right) if sign != EMPTY)
    while len(order) < open_cells:
        fresh = shape.all_candidates & ~(known * shape.repeat)
        found = naked_singles(shape, left) & fresh or hidden_singles(shape, left) & fresh
        new = sorted({candidate % shape.cells for candidate in bits(found)})
        if not new:
            new = [next(bits(shape.all_cells & ~known))]
        for cell in new:
            left &= shape.keep[DIGITS.index(solution[cell]) * shape.cells + cell]
            known |= 1 << cell
        order += new
    return order
