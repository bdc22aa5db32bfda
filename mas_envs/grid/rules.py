"""What the rules of one board game bring; everything else is in `mas_envs.grid.turns`."""

from abc import abstractmethod
from typing import Any, ClassVar

from mas_envs.core.game import Game
from mas_envs.grid.state import B, BoardState


class BoardRules(Game[BoardState[B]]):
    """A level is what never changes in a task (it has a width, a height and a text form), a board what does."""

    speaks_cells: ClassVar[bool] = False
    """Whether the compact style's expert names the cells it steps to (`@c4`); both forms are always understood."""
    legend: str
    """What the characters of the drawn board mean, for the full style."""
    goal_text: str
    """What the agents have to achieve and how the world moves, for the full style."""

    @abstractmethod
    def start(self, level: Any) -> B:
        """Returns the board on which a level begins."""

    @abstractmethod
    def cell(self, board: B) -> int:
        """Returns the cell that the agent is on."""

    @abstractmethod
    def walk(self, level: Any, board: B, moves: str) -> tuple[B, int]:
        """Carries out moves up to the first illegal one or until solved; returns the board and how many."""

    @abstractmethod
    def legal(self, level: Any, board: B) -> str:
        """Returns the letters of the moves that are possible now, in the order U, D, L, R."""

    def here(self, level: Any, board: B) -> str:
        """Returns the compact words of what moves and of the moves that are possible now."""
        return f"{self.words(level, board)} [{self.legal(level, board)}]"

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
    def solve(self, level: Any, board: B) -> str:
        """Returns moves that solve the board, best ones; "" where there are none."""

    @abstractmethod
    def draw(self, level: Any, board: B) -> str:
        """Returns the board as rows of characters."""

    @abstractmethod
    def fixed_words(self, level: Any) -> str:
        """Returns the compact words of what never moves."""

    @abstractmethod
    def words(self, level: Any, board: B) -> str:
        """Returns the compact words of what moves, the agent's last; marks are `@` (agent) and `$`."""

    @abstractmethod
    def dump_board(self, board: B) -> Any:
        """Returns the board as JSON values."""

    @abstractmethod
    def restore_board(self, level: Any, data: Any) -> B:
        """Returns the board of `dump_board`'s values."""
