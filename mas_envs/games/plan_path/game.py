"""# Plan-Path

A planner and an executor lead an agent over a map from its start to the goal (`G`), around obstacles (`#`).

The default is a 10x10 map with 22 % obstacles on which start and goal are connected, 4 turns, 10 moves a turn.
The episode ends when the goal is reached, or when the turns are spent. The distance in the rewards is the true
shortest path in steps up, down, left and right, found by breadth-first search.

Turns, roles, answers and rewards are those of every board game here: see `mas_envs.grid.turns`. With
`roles="tool-planner"` a tool user's Python program proposes the moves; its expert's is a breadth-first search.

**Difficulty.** `length=(8, 12)` asks for tasks whose shortest path has 8 to 12 moves: the start is drawn among the
cells of a map that are so far from the goal. What maps have to offer, as the longest shortest path to a random goal
in one of two, of ten and of a hundred maps:

| side | 6 | 10 | 16 | 32 | 64 |
|---|---|---|---|---|---|
| obstacles 0 | 8, 10, 10 | 14, 17, 18 | 23, 27, 30 | 48, 56, 61 | 94, 113, 125 |
| obstacles 0.22 | 8, 11, 15 | 15, 18, 23 | 24, 29, 35 | 48, 56, 61 | 94, 112, 123 |
| obstacles 0.4 | 6, 10, 14 | 11, 19, 26 | 20, 33, 44 | 40, 72, 97 | 101, 164, 208 |

Up to the second number any length is found in about a millisecond (a hundredth of a second from side 32 on); beyond
the third it is soon refused, after a second or a few, with the longest that was seen.

**Maps from files.** `source="file:PATH"` reads, by what the file begins with,

- a [MovingAI](https://movingai.com/benchmarks/formats.html) scenario (`.scen`): one task for each query, named by its
  line. The maps are looked for where the line says, beside the scenario, and in `maps/` beside it. Shortest paths are
  our own, without diagonal steps; the lengths that the file lists are for eight directions.
- a MovingAI map (`.map`): start and goal are drawn, by split and index; `length` holds here as well.
- drawings of `#`, `.`, one `@` and one `G`, with empty lines between them: one task for each, named by its number.

`.`, `G` and `S` (swamp) can be walked on; `@`, `O`, `T` and `W` (water, which plain ground does not lead into) cannot.
A map has at most 1024 rows and columns. Malformed files are refused with the line that is at fault; a query that
starts on its goal or has no way is refused when its task is made. An instance's own content decides its split.

The moves of an episode are 4 times the longer side, or as many as the longest way on a map can take where that is
more, so every task can be solved. (In the compact style a map's every wall is a word, which is much to read on a large
map. In the full style of maps with more than 64 rows or columns the agents are shown the part around the agent, with
its place and the goal's in numbers.)
"""

from collections.abc import Sequence
from typing import Any

from mas_envs.core.errors import UsageError
from mas_envs.core.files import is_file
from mas_envs.core.game import Task
from mas_envs.core.seeding import derive
from mas_envs.games.plan_path import files, rules, tasks
from mas_envs.games.plan_path.numeric import PlanPathView
from mas_envs.games.plan_path.program import PROGRAM
from mas_envs.games.plan_path.rules import Level
from mas_envs.grid import pictures
from mas_envs.grid.cells import cell_word, cell_words
from mas_envs.grid.state import BoardState
from mas_envs.grid.walking import WalkingGame

SIZE, OBSTACLES = 10, 0.22
VIEW = 64
"""Rows and columns of a map that agents see at once: those of the largest generated map."""
_TILES = {"#": "wall", ".": "floor", "G": "finish", "@": "player"}


class PlanPath(WalkingGame[int]):
    """The game. A board is the agent's cell.

    Args:
        size: side of the generated maps, 2 to 64.
        obstacles: share of their cells that are walls, 0 to 0.5.
        length: (least, most) moves of a drawn task's shortest path; None where any will do.
        source: None, or "file:PATH" for tasks from a file (see above); size and obstacles are then what its maps have.
        roles, turns, max_moves, style, action_type, seconds: see `BoardGame`; an episode's moves are 4 times the
            (longer) side, or more where a task may need more.
    """

    name = "plan_path"
    version = 0
    goal_text = "A map has to be crossed: lead the agent from where it is to the goal."
    legend = "The map shows # for a wall, . for a free cell, @ for the agent and G for the goal."
    stdin_text = "the rows of the whole map, in the signs that are shown"
    expert_program = PROGRAM

    def __init__(
        self,
        size: int = SIZE,
        obstacles: float = OBSTACLES,
        length: Sequence[int] | None = None,
        source: str | None = None,
        roles: str = "team",
        turns: int | None = None,
        max_moves: int | None = None,
        style: str = "full",
        action_type: str = "text",
        seconds: float | None = None,
    ):
        self.source, self._file = source, None
        if source is None:
            tasks.check_kind(size, obstacles)
            self.size, self.obstacles = int(size), float(obstacles)  # a NumPy number is welcome; JSON is not its home
            self.width = self.height = self.size
            self._length = tasks.read_length(length, size * size - round(size * size * obstacles))
            total = max(tasks.MOVES_PER_SIDE * self.size, self._length.high if self._length else 0)
        elif is_file(source):
            self._length = tasks.read_length(length)
            self._file = found = files.load(source, self._length)
            self.width, self.height, total = found.width, found.height, found.moves
            self.size, self.obstacles = max(found.width, found.height), found.walls
            self._refuse_other(size, obstacles)
        else:
            raise UsageError(f"source is {source!r}; give 'file:PATH', the path of a map, or None for generated maps.")
        super().__init__(roles, turns, max_moves, style, action_type, total, seconds)

    def _refuse_other(self, size: Any, obstacles: Any) -> None:
        """Raises UsageError where a size or share of obstacles was asked for that the file does not have."""
        for what, given, usual, own in (
            ("size", size, SIZE, self.size),
            ("obstacles", obstacles, OBSTACLES, self.obstacles),
        ):
            if given not in (usual, own):
                raise UsageError(f"{what} is {given!r}, but {self.source} has {own}. Leave it out with a file.")

    def settings(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "obstacles": self.obstacles,
            "length": list(self._length) if self._length else None,
            "source": self.source,
            **self.how(),
        }

    def task(self, split: str, index: int) -> Task:
        if self._file:
            return self._file.tasks.task(split, index)
        return tasks.make_task(self.size, self.obstacles, self._length, split, index)

    def task_from(self, source: Any) -> Task:
        return tasks.read_task(source) if isinstance(source, str) else super().task_from(source)

    def task_for_seed(self, seed: int) -> Task:
        return self._file.tasks.for_seed(derive("reset", seed)) if self._file else super().task_for_seed(seed)

    def listed(self) -> tuple[Task, ...]:
        return self._file.tasks.all() if self._file else ()

    def start(self, level: Level) -> int:
        return level.start

    def cell(self, board: int) -> int:
        return board

    def walk(self, level: Level, board: int, moves: str) -> tuple[int, int]:
        return rules.walk(level, board, moves)

    def legal(self, level: Level, board: int) -> str:
        return "" if board == level.goal else level.terrain.places[board].legal

    def solved(self, level: Level, board: int) -> bool:
        return board == level.goal

    def lost(self, level: Level, board: int) -> bool:
        return False

    def distance(self, level: Level, board: int) -> float:
        return level.distances[board] / level.steps

    def solve(self, level: Level, board: int) -> str:
        return rules.shortest(level, board)

    def draw(self, level: Level, board: int) -> str:
        return rules.draw(level, board)

    def picture(self, state: BoardState[int]) -> pictures.Picture:
        solved = {"@": "player at finish"} if state.outcome == "solved" else {}
        return pictures.of_walker(self, state, _TILES | solved)

    def shown(self, level: Level, board: int) -> str:
        """Returns the drawing, or of a map with more than VIEW rows or columns what is around the agent, with where
        it is."""
        if level.width <= VIEW and level.height <= VIEW:
            return rules.draw(level, board)
        top, left = (
            min(max(at - VIEW // 2, 0), max(side - VIEW, 0))
            for at, side in zip(divmod(board, level.width), (level.height, level.width), strict=True)
        )
        rows = rules.draw(level, board).split("\n")[top : top + VIEW]
        agent, goal = (f"row {at // level.width + 1}, column {at % level.width + 1}" for at in (board, level.goal))
        return "\n".join(
            [
                f"The map has {level.height} rows and {level.width} columns. The agent is in {agent}; the goal is in "
                f"{goal}. Here are rows {top + 1} to {top + len(rows)}, columns {left + 1} to "
                f"{min(left + VIEW, level.width)}:",
                *(row[left : left + VIEW] for row in rows),
            ]
        )

    def fixed_words(self, level: Level) -> str:
        return level.fixed_words

    def words(self, level: Level, board: int) -> str:
        return cell_word("@", board, level.width)

    def here(self, level: Level, board: int) -> str:
        if board == level.goal:
            return f"{self.words(level, board)} []"
        return level.terrain.places[board].words

    def vocabulary(self) -> tuple[str, ...]:
        cells = [word for mark in "#*@_" for word in cell_words(mark, self.width, self.height)]
        return (*self.common_words(), *cells)

    def numeric(self) -> PlanPathView | None:
        return None if self.seconds else PlanPathView(self, self.height, self.width)

    def dump_board(self, board: int) -> int:
        return board

    def restore_board(self, level: Level, data: Any) -> int:
        if type(data) is not int or not 0 <= data < len(level.distances) or level.distances[data] < 0:
            raise ValueError(f"the agent cannot stand on cell {data!r}")
        return data
