"""# Sokoban

A planner and an executor push every box (`$`) onto a goal (`.`). Boxes are pushed, never pulled, and one at a time.

The default is a 6x6 level (4x4 cells inside the walls) with one box, 4 turns, 6 moves a turn. The episode ends when
all boxes are on goals, when the level is lost (it can be proved that it cannot be solved any more: with one box at
once; with several where a box is on a dead square, boxes hold one another in place, or no goals are left for them),
or when the turns are spent. The distance in the rewards is, with one box, the fewest moves that still solve the
level; with several, a lower bound on the pushes.

Turns, roles, answers and rewards are those of every board game here: see `mas_envs.grid.turns`.
"""

from typing import Any

from mas_envs.core.game import Task
from mas_envs.games.sokoban import rules, solver, tasks
from mas_envs.games.sokoban.bitboard import bits, mask_of
from mas_envs.games.sokoban.rules import Board, Level
from mas_envs.grid.cells import cell_words
from mas_envs.grid.turns import WORST, BoardGame

_LOOKS = 4096
"""Boards of one layout whose texts are kept; a level with one box has fewer."""


class Sokoban(BoardGame[Board]):
    """The game.

    Args:
        size: side of the levels with their walls, 5 to 32.
        boxes: number of boxes and goals, 1 to 8, and at most a quarter of the cells inside the walls.
        roles, turns, max_moves, style, action_type: see `BoardGame`; an episode's moves are 4 times
            the side for every box.
    """

    name = "sokoban"
    version = 0
    speaks_cells = True
    goal_text = (
        "This is Sokoban: push every box onto a goal. You push a box by walking into it; it moves one cell ahead if "
        "that cell is free. Boxes cannot be pulled, and only one can be pushed at a time, so a box pushed into a "
        "corner that is no goal is lost."
    )
    legend = (
        "The board shows # for a wall, a space for free floor, . for a goal, $ for a box, * for a box on a goal, "
        "@ for you and + for you on a goal."
    )

    def __init__(
        self,
        size: int = 6,
        boxes: int = 1,
        roles: str = "team",
        turns: int | None = None,
        max_moves: int | None = None,
        style: str = "full",
        action_type: str = "text",
    ):
        tasks.check_size(size, boxes)
        self.size, self.boxes = int(size), int(boxes)
        super().__init__(roles, turns, max_moves, style, action_type, tasks.moves_in_all(size, boxes))

    def settings(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "boxes": self.boxes,
            "roles": self.roles_name,
            "turns": self.turns,
            "max_moves": self.max_moves,
            "style": self.style,
            "action_type": self.action_type,
        }

    def task(self, split: str, index: int) -> Task:
        return tasks.make_task(self.size, self.boxes, split, index)

    def task_from(self, source: Any) -> Task:
        return tasks.read_task(source) if isinstance(source, str) else super().task_from(source)

    def start(self, level: Level) -> Board:
        return level.start

    def cell(self, board: Board) -> int:
        return board.player

    def walk(self, level: Level, board: Board, moves: str) -> tuple[Board, int]:
        return rules.walk(level.layout, board, moves)

    def legal(self, level: Level, board: Board) -> str:
        return self._look(level, board)[0]

    def here(self, level: Level, board: Board) -> str:
        return self._look(level, board)[1]

    def _look(self, level: Level, board: Board) -> tuple[str, str]:
        """Returns legal moves and compact words of a board, kept with the level: K candidates look at the same ones."""
        looks = level.layout.looks
        found = looks.get(board)
        if found is None:
            moves = rules.legal(level.layout, board)
            found = (moves, f"{self.words(level, board)} [{moves}]")
            if len(looks) < _LOOKS:
                looks[board] = found
        return found

    def solved(self, level: Level, board: Board) -> bool:
        return board.boxes == level.layout.goals

    def lost(self, level: Level, board: Board) -> bool:
        return rules.effort_left(level.layout, board) < 0

    def distance(self, level: Level, board: Board) -> float:
        """As `BoardGame.distance`; a lost board counts as -WORST, where the potential ends as well."""
        left = rules.effort_left(level.layout, board)
        return left / level.effort if left >= 0 else -WORST

    def potential(self, level: Level, board: Board) -> float:
        return max(-self.distance(level, board), WORST)  # one look at the tables answers whether it is lost, too

    def solve(self, level: Level, board: Board) -> str:
        return solver.solve(level.layout, board).moves

    def draw(self, level: Level, board: Board) -> str:
        return rules.draw(level.layout, board)

    def fixed_words(self, level: Level) -> str:
        return level.layout.fixed_words

    def words(self, level: Level, board: Board) -> str:
        player, boxes = board
        if boxes & boxes - 1:
            words = " ".join([level.layout.box_words[box] for box in bits(boxes)])
        else:
            words = level.layout.box_words[boxes.bit_length() - 1]
        return f"{words} {level.layout.player_words[player]}"

    def vocabulary(self) -> tuple[str, ...]:
        inner = [row * self.size + column for row in range(1, self.size - 1) for column in range(1, self.size - 1)]
        tables = [cell_words(mark, self.size, self.size) for mark in "#.$@_-"]
        cells = [words[cell] for words in tables for cell in inner]
        return (*self.common_words(), *cells)

    def dump_board(self, board: Board) -> list[Any]:
        return [board.player, list(bits(board.boxes))]

    def restore_board(self, level: Level, data: Any) -> Board:
        player, boxes = data
        layout, board = level.layout, Board(player, mask_of(boxes))
        if type(player) is not int or any(type(box) is not int for box in boxes):
            raise ValueError(f"cells are whole numbers, not {data!r}")
        if board.boxes & ~layout.floor or board.boxes.bit_count() != layout.goals.bit_count():
            raise ValueError(f"the boxes cannot be on cells {boxes!r}")
        if not (layout.floor ^ board.boxes) >> player & 1:
            raise ValueError(f"the player cannot stand on cell {player!r}")
        return board
