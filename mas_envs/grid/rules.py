"""What the rules of one board game bring; everything else is in `mas_envs.grid.turns`."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from mas_envs.core.game import Game
from mas_envs.grid.moves import MoveList, Moves
from mas_envs.grid.state import B, BoardState, Proposal


class BoardRules(Game[BoardState[B]]):
    """A level is what never changes in a task (it has a text form), a board what does."""

    between: ClassVar[str] = " "
    """What stands between moves in a text: nothing where a move is a letter."""
    legend: str
    """What the characters of the drawn board mean, for the full style."""
    goal_text: str
    """What the agents have to achieve and how the world moves, for the full style."""
    moves_text: str
    """How moves are written, for the full style."""
    example_moves: tuple[str, ...]
    """Moves that show the form of an answer."""
    stdin_text: str = "the rows of the board as they are shown"
    """What a tool user's program reads, for the full style."""
    expert_program: str = ""
    """The program of the tool user's expert, for every board."""

    @abstractmethod
    def start(self, level: Any) -> B:
        """Returns the board on which a level begins."""

    @abstractmethod
    def read(self, state: BoardState[B], text: str) -> MoveList:
        """Returns the moves that an answer of any kind asks for, at most `max_moves`; never raises."""

    @abstractmethod
    def walk(self, level: Any, board: B, moves: Any) -> tuple[B, int]:
        """Carries out moves up to the first illegal one or until solved; returns the board and how many."""

    def why_blocked(self, level: Any, board: B, move: str) -> str:
        """Returns why `move` is illegal on `board`, to follow "is blocked"; "" where there is nothing to say."""
        return ""

    def refusal(self, level: Any, board: B, move: str) -> str:
        """Returns the sentence by which a mover learns that `move`, illegal on `board`, ended its list."""
        why = self.why_blocked(level, board, move)
        return f"Move {move} is blocked{why}; it and the moves after it are left out."

    @abstractmethod
    def solved(self, level: Any, board: B) -> bool:
        """Says whether the task is done."""

    @abstractmethod
    def lost(self, level: Any, board: B) -> bool:
        """Says whether the board is known to be unsolvable."""

    @abstractmethod
    def distance(self, level: Any, board: B) -> float:
        """Returns how far the board is from solved, in units of the start's own distance (1 at the start)."""

    @abstractmethod
    def solve(self, level: Any, board: B) -> Moves:
        """Returns moves that solve the board, best ones; none where there are none."""

    def spoken(self, level: Any, board: B, moves: Any) -> Sequence[str]:
        """Returns moves from `board` as the expert writes them."""
        return moves

    @abstractmethod
    def draw(self, level: Any, board: B) -> str:
        """Returns the board as rows of characters."""

    def shown(self, level: Any, board: B) -> str:
        """Returns the board as agents read it in the full style: drawn, or of a large one what they can make use of."""
        return self.draw(level, board)

    def remarks(self, level: Any, board: B, when: str) -> list[str]:
        """Returns lines of the full style that follow a drawn board; `when` is "now", or "there" for a proposal's."""
        return []

    def stdin(self, level: Any, board: B) -> str:
        """Returns the board as a tool user's program reads it."""
        return f"{self.draw(level, board)}\n"

    @abstractmethod
    def compact(self, level: Any, board: B) -> str:
        """Returns the compact words of a board."""

    @abstractmethod
    def compact_proposal(self, level: Any, board: B, proposal: Proposal[B]) -> str:
        """Returns the compact words of a board, of what is proposed and of the board after it."""

    @abstractmethod
    def dump_board(self, board: B) -> Any:
        """Returns the board as JSON values."""

    @abstractmethod
    def restore_board(self, level: Any, data: Any) -> B:
        """Returns the board of `dump_board`'s values."""
