"""Board games in which one agent walks: a move is one step up, down, left or right.

A move is a letter of UDLR (also a word: `up`, `Right`) or, for policies that find places easier than directions, the
cell that it leads to (`@c4`). Read are JSON lists, letter strings and words between spaces or commas.
"""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import combinations
from typing import Any, ClassVar

from mas_envs.core.game import AgentID
from mas_envs.grid.cells import cell_words
from mas_envs.grid.moves import CONTINUE, MOVES, NOWHERE, MoveList, Places, parse_moves
from mas_envs.grid.prompts import ROLE_NAMES
from mas_envs.grid.state import B, BoardState, Proposal
from mas_envs.grid.symmetry import turned
from mas_envs.grid.tools import TOOL
from mas_envs.grid.turns import BoardGame

_BLOCKED = {move: f"Move {move} is blocked; it and the moves after it are left out." for move in MOVES}
_BLOCKED[NOWHERE] = "A step to a cell that is no neighbour is blocked; it and the moves after it are left out."
_LISTS = {"".join(moves): moves for n in range(len(MOVES) + 1) for moves in combinations(MOVES, n)}
_LETTERS = tuple(a + b + c for a in MOVES for b in MOVES for c in MOVES)


class WalkingGame(BoardGame[B]):
    """A board game with an agent on a cell. A level has a width and a height; moves are strings of letters."""

    between = ""
    moves_text = "Moves are U (up), D (down), L (left), R (right)."
    example_moves = ("R", "R", "D")
    speaks_cells: ClassVar[bool] = False
    """Whether the compact style's expert names the cells it steps to (`@c4`); both forms are always understood."""
    width: int
    """Columns of the board, or of the largest one; `height` its rows."""
    height: int

    # ---- what the rules of one game bring ----------------------------------------------------------------------
    @abstractmethod
    def cell(self, board: B) -> int:
        """Returns the cell that the agent is on."""

    @abstractmethod
    def legal(self, level: Any, board: B) -> str:
        """Returns the letters of the moves that are possible now, in the order U, D, L, R."""

    @abstractmethod
    def fixed_words(self, level: Any) -> str:
        """Returns the compact words of what never moves."""

    @abstractmethod
    def words(self, level: Any, board: B) -> str:
        """Returns the compact words of what moves, the agent's last; marks are `@` (agent) and `$`."""

    def here(self, level: Any, board: B) -> str:
        """Returns the compact words of what moves and of the moves that are possible now."""
        return f"{self.words(level, board)} [{self.legal(level, board)}]"

    # ---- what a board game needs -------------------------------------------------------------------------------
    def read(self, state: BoardState[B], text: str) -> MoveList:
        return parse_moves(text, self.max_moves, self._places(state) if "@" in text else None)

    def _places(self, state: BoardState[B]) -> Places:
        level, proposal = state.task.content, state.proposal
        here = self.cell(state.board)
        return Places(here, here if proposal is None else self.cell(proposal.after), level.width, level.height)

    def refusal(self, level: Any, board: B, move: str) -> str:
        return _BLOCKED[move]

    def remarks(self, level: Any, board: B, when: str) -> list[str]:
        return [f"Moves possible {when}: {', '.join(self.legal(level, board)) or 'none'}"]

    def compact(self, level: Any, board: B) -> str:
        return f"{self.fixed_words(level)} {self.here(level, board)}"

    def compact_proposal(self, level: Any, board: B, proposal: Proposal[B]) -> str:
        before = self.here(level, board).replace("@", "_").replace("$", "-")
        proposed = " ".join([*proposal.legal, "!" + proposal.blocked if proposal.blocked else "="])
        return f"{self.fixed_words(level)} {before} {proposed} {self.here(level, proposal.after)}"

    def spoken(self, level: Any, board: B, moves: str) -> Sequence[str]:
        if self.style == "full" or not self.speaks_cells:
            return moves
        words = cell_words("@", level.width, level.height)
        return [words[self.cell(self.walk(level, board, moves[:n])[0])] for n in range(1, len(moves) + 1)]

    def legal_actions(self, state: BoardState[B], agent: AgentID) -> tuple[str, ...]:
        if agent not in self.acting(state) or agent == TOOL:  # whose actions are programs
            return ()
        return _LISTS[self.legal(state.task.content, state.board)]

    def common_words(self) -> tuple[str, ...]:
        """Returns the compact words that all these games have: moves, roles, marks, lists of possible moves."""
        marks = (CONTINUE, "=", *("!" + move for move in MOVES + NOWHERE), *(f"[{moves}]" for moves in _LISTS))
        return (*MOVES, *marks, *ROLE_NAMES, *self.program_words())

    def symmetric(self, text: str) -> tuple[str, ...]:
        words = self.style == "compact" and not self.seconds  # programs cannot be turned
        return turned(text, self.width, self.height) if words else (text,)

    def example_actions(self) -> tuple[str, ...]:
        return self.examples((*MOVES, *_LETTERS))
