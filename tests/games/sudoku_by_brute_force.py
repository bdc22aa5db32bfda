"""Sudoku once more, slowly and independently of the package: rules by sets, solutions by trying every digit."""

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
PUZZLE = ".3242..33...42.."  # one solution; a1 b2 c2 and b3 to d4 are open
SOLUTION = "1324241331424231"


def side_of(board):
    return {16: 4, 36: 6, 81: 9}[len(board)]


def units(side):
    """Every row, column and box as a set of cells."""
    high, wide = BOXES[side]
    rows = [{(r, c) for c in range(side)} for r in range(side)]
    columns = [{(r, c) for r in range(side)} for c in range(side)]
    boxes = [
        {(top + r, left + c) for r in range(high) for c in range(wide)}
        for top in range(0, side, high)
        for left in range(0, side, wide)
    ]
    return [{r * side + c for r, c in unit} for unit in rows + columns + boxes]


def keeps_the_rules(board):
    """No digit twice in a unit."""
    for unit in units(side_of(board)):
        signs = [board[cell] for cell in unit if board[cell] != "."]
        if len(signs) != len(set(signs)):
            return False
    return True


def is_solution_of(board, puzzle):
    return (
        "." not in board and keeps_the_rules(board) and all(p in (".", b) for p, b in zip(puzzle, board, strict=True))
    )


def solutions(board, limit=3):
    """Up to `limit` solutions."""
    cell = board.find(".")
    if cell < 0:
        return [board]
    side, found = side_of(board), []
    around = set().union(*(unit for unit in units(side) if cell in unit))
    seen = {board[other] for other in around}
    for digit in "123456789"[:side]:
        if digit not in seen:
            found += solutions(board[:cell] + digit + board[cell + 1 :], limit - len(found))
            if len(found) >= limit:
                break
    return found


def by_naked_singles(board):
    """The board after filling, again and again, every cell with one candidate."""
    side = side_of(board)
    around = [set().union(*(unit for unit in units(side) if cell in unit)) for cell in range(side * side)]
    going = True
    while going:
        going = False
        for cell, sign in enumerate(board):
            left = set("123456789"[:side]) - {board[other] for other in around[cell]}
            if sign == "." and len(left) == 1:
                board, going = board[:cell] + left.pop() + board[cell + 1 :], True
    return board
