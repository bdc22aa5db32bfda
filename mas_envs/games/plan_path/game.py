"""# Plan-Path

A planner and an executor lead an agent over a square map from its start to the goal (`G`), around obstacles (`#`).

The default is a 10x10 map with 22 % obstacles on which start and goal are connected, 4 turns, 10 moves a turn.
The episode ends when the goal is reached, or when the turns are spent. The distance in the rewards is the true
shortest path, found by breadth-first search.

Turns, roles, answers and rewards are those of every board game here: see `mas_envs.grid.turns`.
"""

from typing import Any

from mas_envs.core.game import Task
from mas_envs.games.plan_path import rules, tasks
from mas_envs.games.plan_path.rules import Level
from mas_envs.grid.cells import cell_words
from mas_envs.grid.turns import BoardGame

_MOVES_PER_SIDE = 4


class PlanPath(BoardGame[int]):
    """The game. A board is the agent's cell.

    Args:
        size: side of the map, 2 to 64.
        obstacles: share of the cells that are walls, 0 to 0.5.
        roles, turns, max_moves, style, action_type: see `BoardGame`; an episode's moves are 4 times the side.
    """

    name = "plan_path"
    version = 0
    goal_text = "A map has to be crossed: lead the agent from where it is to the goal."
    legend = "The map shows # for a wall, . for a free cell, @ for the agent and G for the goal."

    def __init__(
        self,
        size: int = 10,
        obstacles: float = 0.22,
        roles: str = "team",
        turns: int | None = None,
        max_moves: int | None = None,
        style: str = "full",
        action_type: str = "text",
    ):
        tasks.check_size(size, obstacles)
        self.size, self.obstacles = int(size), float(obstacles)  # a NumPy number is welcome; JSON is not its home
        super().__init__(roles, turns, max_moves, style, action_type, _MOVES_PER_SIDE * size)

    def settings(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "obstacles": self.obstacles,
            "roles": self.roles_name,
            "turns": self.turns,
            "max_moves": self.max_moves,
            "style": self.style,
            "action_type": self.action_type,
        }

    def task(self, split: str, index: int) -> Task:
        return tasks.make_task(self.size, self.obstacles, split, index)

    def task_from(self, source: Any) -> Task:
        return tasks.read_task(source) if isinstance(source, str) else super().task_from(source)

    def start(self, level: Level) -> int:
        return level.start

    def cell(self, board: int) -> int:
        return board

    def walk(self, level: Level, board: int, moves: str) -> tuple[int, int]:
        return rules.walk(level, board, moves)

    def legal(self, level: Level, board: int) -> str:
        return level.legal[board]

    def solved(self, level: Level, board: int) -> bool:
        return board == level.goal

    def lost(self, level: Level, board: int) -> bool:
        return False

    def distance(self, level: Level, board: int) -> float:
        return level.distances[board] / level.distances[level.start]

    def solve(self, level: Level, board: int) -> str:
        return rules.shortest(level, board)

    def draw(self, level: Level, board: int) -> str:
        return rules.draw(level, board)

    def fixed_words(self, level: Level) -> str:
        walls = cell_words("#", level.width, level.height)
        goal = cell_words("*", level.width, level.height)[level.goal]
        return " ".join([*(walls[cell] for cell in sorted(level.walls)), goal])

    def words(self, level: Level, board: int) -> str:
        return cell_words("@", level.width, level.height)[board]

    def vocabulary(self) -> tuple[str, ...]:
        cells = [word for mark in "#*@_" for word in cell_words(mark, self.size, self.size)]
        return (*self.common_words(), *cells)

    def dump_board(self, board: int) -> int:
        return board

    def restore_board(self, level: Level, data: Any) -> int:
        if data not in level.distances:
            raise ValueError(f"the agent cannot stand on cell {data!r}")
        return data
