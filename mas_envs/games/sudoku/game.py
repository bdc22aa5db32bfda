"""# Sudoku

A planner and an executor fill a board so that every row, column and box has each digit once. The digits that are
given never change; there is exactly one solution.

The default is a 4x4 board (boxes of 2x2) with 8 clues and 4 turns; boards of 6x6 (boxes of two rows and three
columns) and 9x9 are there too. The episode ends when the board is full and right, or when the turns are spent. The
distance in the rewards is the share of the cells open at the start that are not yet as in the solution.

**Moves** write a digit into a cell: `b3=4` (column b, row 3); `b3=0` empties it. A turn takes as many moves as the
board has cells, so that one answer can fill it. A move is illegal, and ends the list, when it would change a given, or
write a digit that its row, column or box shows already: what every reader of the board can see. A digit that clashes
with nothing on the board is carried out, right or wrong; it earns only if it is right, and can be overwritten or
emptied at any time, so that no board is ever lost. Writing what stands there already changes nothing and is no fault.

**Answers** are cells, `Moves: ["b3=4", "a1=2"]` (also `B3: 4`, `r3c2=4`, `[[3, 2, 4]]` for row, column, digit), or the
whole grid after `Grid:`, as rows, as lists or in one line, with `.`, `0` or `_` for what is left as it is. A grid that
differs from a given is refused as a whole.

**Tasks** are certified: an exact solver has proved that there is one solution and no other. They are graded by what
they take: "easy" (naked singles: again and again some cell has one digit left), "medium" (hidden singles too: a digit
has one place left in a row, column or box) or "hard" (more than that). All 4x4 puzzles are easy.

No puzzle of one split is a puzzle of another with other digits, with rows, columns, bands or stacks exchanged, mirrored
or turned. With 8 clues on the 4x4 board there are 2,353,728 puzzles in train, 316,224 in validation, 291,072 in test.

**Files** hold one puzzle a line: all signs in reading order, `0`, `.` or `_` for an empty cell. Empty lines, and lines
that begin with `#`, `;`, `%` or `//`, are passed over.

Turns, roles and rewards are those of every board game here: see `mas_envs.grid.turns`. With `roles="tool-planner"` a
tool user's Python program proposes the moves. It reads the board and, after an empty line, the givens alone; its
expert's tries digits cell by cell and goes back where none fits, and prints the whole grid. On puzzles that keep it
past its time (some of 9x9) the planner writes the moves.
"""

from typing import Any

from mas_envs.core.errors import UsageError
from mas_envs.core.files import is_file
from mas_envs.core.game import AgentID, Task
from mas_envs.core.seeding import derive
from mas_envs.games.sudoku import expert, rules, tasks, words
from mas_envs.games.sudoku.numeric import SudokuView
from mas_envs.games.sudoku.parse import Place, parse_moves
from mas_envs.games.sudoku.picture import picture_of
from mas_envs.games.sudoku.program import PROGRAM
from mas_envs.games.sudoku.rules import Level
from mas_envs.games.sudoku.solver import DIGITS, EMPTY
from mas_envs.grid.cells import cell_words
from mas_envs.grid.moves import CONTINUE, MoveList
from mas_envs.grid.pictures import Picture
from mas_envs.grid.prompts import ROLE_NAMES
from mas_envs.grid.state import BoardState, Proposal
from mas_envs.grid.tools import TOOL
from mas_envs.grid.turns import BoardGame


class Sudoku(BoardGame[str]):
    """The game. A board is a string, a digit or `.` for every cell; a level is a `rules.Level`.

    Args:
        size: side of the board: 4, 6 or 9.
        clues: cells that are given, 5 to 12 (size 4), 9 to 30 (6) or 24 to 70 (9); by default 8, 16 or 40, and fewer
            where `difficulty` asks for it.
        difficulty: "easy", "medium" or "hard" puzzles alone, or None for any.
        source: None, or "file:PATH" with one puzzle a line; clues and difficulty are then what its puzzles have.
        roles, turns, style, action_type, seconds: see `BoardGame`.
        max_moves: moves per turn; by default as many as the board has cells, and one where action_type is "discrete".
    """

    name = "sudoku"
    version = 0
    example_moves = ("b3=4", "d1=2")
    legend = (
        "The board shows . for an empty cell, letters over the columns and numbers before the rows: b3 is column b, "
        "row 3."
    )
    stdin_text = (
        "the rows of the board as it is, digits and . for an empty cell without anything between, then an empty line "
        "and the rows of the board as it was given"
    )
    expert_program = PROGRAM
    moves_text = (
        'A move is a cell and its digit: "b3=4" writes 4 into b3, "b3=0" empties it. A move is blocked if it changes a '
        "given, or writes a digit that its row, column or box shows already. What you wrote you can change. Instead of "
        'a list of moves you can write "Grid:" and then all rows of the board, with . for cells to leave as they are.'
    )

    def __init__(
        self,
        size: int = 4,
        clues: int | None = None,
        difficulty: str | None = None,
        source: str | None = None,
        roles: str = "team",
        turns: int | None = None,
        max_moves: int | None = None,
        style: str = "full",
        action_type: str = "text",
        seconds: float | None = None,
    ):
        wanted = tasks.check_settings(size, clues, difficulty)
        self.size, self.difficulty, self.source = int(size), difficulty, source
        self._file = None
        if source is not None:
            if not is_file(source):
                raise UsageError(f"source is {source!r}; give 'file:PATH', or None for generated puzzles.")
            if clues is not None or difficulty is not None:
                raise UsageError("clues and difficulty choose among generated puzzles; leave them out with a file.")
            self._file = tasks.read_tasks(source, self.size)
        self.clues = None if self._file else wanted
        high, wide = tasks.BOXES[self.size]
        self.goal_text = (
            f"This is Sudoku on a board of {size}x{size} cells: write a digit from 1 to {size} into every empty cell, "
            f"so that each row, each column and each box (of {high} rows and {wide} columns) has every digit once. "
            "There is exactly one solution. The digits that were given at the start never change."
        )
        cells = self.size**2
        if max_moves is None and action_type == "text":
            max_moves = cells
        super().__init__(roles, turns, max_moves, style, action_type, cells, seconds)

    def settings(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "clues": self.clues,
            "difficulty": self.difficulty,
            "source": self.source,
            **self.how(),
        }

    # ---- tasks -------------------------------------------------------------------------------------------------
    def task(self, split: str, index: int) -> Task:
        if self._file is not None:
            return self._file.task(split, index)
        return tasks.make_task(self.size, self.clues or 0, self.difficulty, split, index)

    def task_for_seed(self, seed: int) -> Task:
        return self._file.for_seed(derive("reset", seed)) if self._file is not None else super().task_for_seed(seed)

    def task_from(self, source: Any) -> Task:
        return tasks.read_task(source, self.size) if isinstance(source, str) else super().task_from(source)

    def listed(self) -> tuple[Task, ...]:
        return self._file.all() if self._file is not None else ()

    # ---- rules -------------------------------------------------------------------------------------------------
    def start(self, level: Level) -> str:
        return level.givens

    def read(self, state: BoardState[str], text: str) -> MoveList:
        after = state.board if state.proposal is None else state.proposal.after
        return parse_moves(text, self.max_moves, Place(state.task.content, state.board, after))

    def walk(self, level: Level, board: str, moves: tuple[str, ...]) -> tuple[str, int]:
        return rules.walk(level, board, moves)

    def why_blocked(self, level: Level, board: str, move: str) -> str:
        return f": {rules.why_illegal(level, board, move)}"

    def legal_actions(self, state: BoardState[str], agent: AgentID) -> tuple[str, ...]:
        if agent not in self.acting(state) or agent == TOOL:  # whose actions are programs
            return ()
        return rules.legal(state.task.content, state.board)

    def solved(self, level: Level, board: str) -> bool:
        return board == level.solution

    def lost(self, level: Level, board: str) -> bool:
        return False

    def distance(self, level: Level, board: str) -> float:
        return rules.missing(level, board) / level.givens.count(EMPTY)

    def solve(self, level: Level, board: str) -> tuple[str, ...]:
        return expert.moves_to_solve(level, board)

    def numeric(self) -> SudokuView | None:
        return None if self.seconds else SudokuView(self)

    # ---- texts -------------------------------------------------------------------------------------------------
    def draw(self, level: Level, board: str) -> str:
        return rules.draw(level, board)

    def stdin(self, level: Level, board: str) -> str:
        return f"{rules.rows(board)}\n\n{rules.rows(level.givens)}\n"

    def picture(self, state: BoardState[str]) -> Picture:
        return picture_of(self, state)

    def remarks(self, level: Level, board: str, when: str) -> list[str]:
        names = cell_words("", self.size, self.size)
        own = [f"{names[cell]}={board[cell]}" for cell in rules.own_cells(level, board)]
        return [f"Written so far, free to change: {', '.join(own)}"] if own else []

    def compact(self, level: Level, board: str) -> str:
        return words.compact(level, board)

    def compact_proposal(self, level: Level, board: str, proposal: Proposal[str]) -> str:
        return words.compact_proposal(level, board, proposal)

    def vocabulary(self) -> tuple[str, ...]:
        return (CONTINUE, *ROLE_NAMES, *words.vocabulary(self.size), *self.program_words())

    def example_actions(self) -> tuple[str, ...]:
        return self.examples(rules.move_words(self.size)[self.size**2 :])

    # ---- saving ------------------------------------------------------------------------------------------------
    def dump_board(self, board: str) -> str:
        return board

    def restore_board(self, level: Level, data: Any) -> str:
        if not isinstance(data, str) or len(data) != len(level.givens) or data.strip(EMPTY + DIGITS[: self.size]):
            raise ValueError(f"{data!r} is no board")
        if any(given not in (EMPTY, sign) for given, sign in zip(level.givens, data, strict=True)):
            raise ValueError("a given is missing on the board")
        if clash := rules.why_clash(level.shape, data):
            raise ValueError(f"the board breaks the rules: {clash}")
        return data
