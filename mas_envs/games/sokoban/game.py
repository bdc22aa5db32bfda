"""# Sokoban

A planner and an executor push every box (`$`) onto a goal (`.`). Boxes are pushed, never pulled, and one at a time.

The default is a 6x6 level (4x4 cells inside the walls) with one box, 4 turns, 6 moves a turn. The episode ends when
all boxes are on goals, when the level is lost (it can be proved that it cannot be solved any more: with one box at
once; with several where a box is on a dead square, boxes hold one another in place, no goals are left for them, or
the few positions that can still come about are all without a solution), or when the turns are spent. The distance in
the rewards is, with one box, the fewest moves that still solve the level; with several, a lower bound on the pushes.

Turns, roles, answers and rewards are those of every board game here: see `mas_envs.grid.turns`. With
`roles="tool-planner"` a tool user's Python program proposes the moves; its expert's searches breadth-first over all
positions, which solves small levels within its time and leaves large ones to the planner.

**Certificates.** Every generated level was solved before it is handed out: `task.content.pushes` is the fewest pushes
that solve it, `task.content.moves` the moves of such a solution (with one box, the fewest moves).

**Difficulty.** `pushes=(20, 30)` asks for levels whose fewest pushes are from 20 to 30. What sizes have to offer, and
how many such levels are made in a second (training split; levels of the other splits are rarer):

| size, boxes | easy | harder | hard |
|---|---|---|---|
| 6, 1 | 1 to 2: 7,000 | 3: 4,000 | 4 to 5: 1,500 |
| 6, 2 | 3 to 4: 2,200 | 5 to 6: 490 | 7 to 8: 24 |
| 8, 2 | 6 to 9: 1,100 | 10 to 14: 340 | 15 to 18: 17 |
| 8, 3 | 8 to 11: 630 | 12 to 15: 210 | 16 to 20: 31 |
| 10, 4 | 15 to 19: 210 | 20 to 24: 83 | 30 to 40: 9 |

Where no such level turns up, which takes some seconds to see (half a minute on the largest boards), the error says how
many pushes did. An episode's moves are then at least 8 times the least pushes.

**Levels from files.** `source="file:PATH"` plays the levels of a text file in XSB characters, such as Boxoban's and
Microban: any number of levels of any shape up to 64x64, with names, comments and run-length encoding as
`mas_envs.games.sokoban.levels` describes. Every level belongs to one split by its layout; `game.listed()` has all of
them in order. A file with a malformed level is refused with the line that is at fault; a level that the solver proves
unsolvable is refused, with its line, when its task is made. Where the solver gives up (beyond 100,000 positions, as
on some large levels made by people) the level can be played all the same: its `pushes` and `moves` are None, and the
expert does nothing until the level has become simple enough. There may be more goals than boxes. An episode's moves
are 4 for every row, column and box of the level that has most of them (320 for Boxoban, whose levels can all be solved
push-optimally in 242 or fewer; a labyrinth may need more: give `turns` and `max_moves`).
"""

from collections.abc import Sequence
from typing import Any

from mas_envs.core.errors import UsageError
from mas_envs.core.files import is_file
from mas_envs.core.game import Task
from mas_envs.core.seeding import derive
from mas_envs.games.sokoban import generator, rules, solver, tasks
from mas_envs.games.sokoban.bitboard import bits, mask_of
from mas_envs.games.sokoban.bounds import effort_left
from mas_envs.games.sokoban.layout import Board
from mas_envs.games.sokoban.numeric import SokobanView
from mas_envs.games.sokoban.program import PROGRAM
from mas_envs.games.sokoban.rules import Level
from mas_envs.grid import pictures
from mas_envs.grid.cells import cell_words
from mas_envs.grid.state import BoardState
from mas_envs.grid.turns import WORST
from mas_envs.grid.walking import WalkingGame

SIZE, BOXES = 6, 1
_TILES = {
    "#": "wall", " ": "floor", ".": "goal", "$": "box", "*": "box home", "@": "player", "+": "player home",
}  # fmt: skip
_LOOKS = 4096
"""Boards of one layout whose texts are kept; a level with one box has fewer."""
_TRY = solver.BUDGET // 20
"""Positions that the expert looks at each time, on a level that the solver gave up on."""


class Sokoban(WalkingGame[Board]):
    """The game.

    Args:
        size: side of the generated levels with their walls, 5 to 32.
        boxes: number of boxes and goals, 1 to 8, and at most a quarter of the cells inside the walls.
        pushes: (least, most) pushes that a generated level takes; None for any.
        source: None, or "file:PATH" for levels from a file (see above); size and boxes are then the most that one
            of them has.
        roles, turns, max_moves, style, action_type, seconds: see `BoardGame`; an episode's moves are 4 times the side
            for every box, unless pushes or source ask for more.
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
    expert_program = PROGRAM

    def __init__(
        self,
        size: int = SIZE,
        boxes: int = BOXES,
        pushes: Sequence[int] | None = None,
        source: str | None = None,
        roles: str = "team",
        turns: int | None = None,
        max_moves: int | None = None,
        style: str = "full",
        action_type: str = "text",
        seconds: float | None = None,
    ):
        self.source, self._file = source, None
        self._pushes = tasks.read_pushes(pushes)
        if source is None:
            tasks.check_size(size, boxes)
            self.size, self.boxes = int(size), int(boxes)
            self.width = self.height = self.size
            moves = generator.moves_in_all(self.size, self.boxes, self._pushes)
        elif is_file(source):
            self._file = found = tasks.load_file(source)
            self.width, self.height, self.boxes, moves = found[1:]
            self.size = max(self.width, self.height)
            self._refuse_other(size, boxes)
        else:
            raise UsageError(f"source is {source!r}; give 'file:PATH', the path of a file of levels, or None.")
        super().__init__(roles, turns, max_moves, style, action_type, moves, seconds)

    def _refuse_other(self, size: Any, boxes: Any) -> None:
        """Raises UsageError where settings of generated levels were given with a file that does not fit them."""
        for what, given, usual, own in (
            ("size", size, SIZE, self.size),
            ("boxes", boxes, BOXES, self.boxes),
            ("pushes", self._pushes, None, None),
        ):
            if given not in (usual, own):
                raise UsageError(f"{what} is a setting of generated levels; leave it out with {self.source}.")

    def settings(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "boxes": self.boxes,
            "pushes": list(self._pushes) if self._pushes else None,
            "source": self.source,
            **self.how(),
        }

    def task(self, split: str, index: int) -> Task:
        if self._file:
            return self._file.tasks.task(split, index)
        return tasks.make_task(self.size, self.boxes, split, index, self._pushes)

    def task_from(self, source: Any) -> Task:
        return tasks.read_task(source) if isinstance(source, str) else super().task_from(source)

    def task_for_seed(self, seed: int) -> Task:
        return self._file.tasks.for_seed(derive("reset", seed)) if self._file else super().task_for_seed(seed)

    def listed(self) -> tuple[Task, ...]:
        return self._file.tasks.all() if self._file else ()

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
        return not board.boxes & ~level.layout.goals  # `rules.solved`, which is asked at every step

    def lost(self, level: Level, board: Board) -> bool:
        return effort_left(level.layout, board) < 0

    def distance(self, level: Level, board: Board) -> float:
        """As `BoardGame.distance`; a lost board counts as -WORST, where the potential ends as well."""
        left = effort_left(level.layout, board)
        return left / level.effort if left >= 0 else -WORST

    def potential(self, level: Level, board: Board) -> float:
        found = level.potentials.get(board)
        if found is None:
            found = max(-self.distance(level, board), WORST)  # a lost board's distance says so, too
            if len(level.potentials) < _LOOKS:
                level.potentials[board] = found
        return found

    def solve(self, level: Level, board: Board) -> str:
        return solver.solve(level.layout, board, solver.BUDGET if level.pushes else _TRY).moves

    def draw(self, level: Level, board: Board) -> str:
        return rules.draw(level.layout, board)

    def picture(self, state: BoardState[Board]) -> pictures.Picture:
        return pictures.of_walker(self, state, _TILES)

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
        width, height = self.width, self.height
        inner = [row * width + column for row in range(1, height - 1) for column in range(1, width - 1)]
        tables = [cell_words(mark, width, height) for mark in "#.$@_-"]
        cells = [words[cell] for words in tables for cell in inner]
        return (*self.common_words(), *cells)

    def numeric(self) -> SokobanView | None:
        return None if self.seconds else SokobanView(self, self.height, self.width)

    def dump_board(self, board: Board) -> list[Any]:
        return [board.player, list(bits(board.boxes))]

    def restore_board(self, level: Level, data: Any) -> Board:
        player, boxes = data
        layout, board = level.layout, Board(player, mask_of(boxes))
        if type(player) is not int or any(type(box) is not int for box in boxes):
            raise ValueError(f"cells are whole numbers, not {data!r}")
        if board.boxes & ~layout.floor or board.boxes.bit_count() != level.start.boxes.bit_count():
            raise ValueError(f"the boxes cannot be on cells {boxes!r}")
        if not (layout.floor ^ board.boxes) >> player & 1:
            raise ValueError(f"the player cannot stand on cell {player!r}")
        return board
