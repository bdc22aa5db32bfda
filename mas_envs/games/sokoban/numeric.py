"""Sokoban as planes."""

from collections.abc import Iterator

from mas_envs.games.sokoban.bitboard import bits
from mas_envs.games.sokoban.layout import Board
from mas_envs.games.sokoban.rules import Level
from mas_envs.grid.numeric import WalkingView


class SokobanView(WalkingView):
    """The planes are walls, goals, boxes and player; what follows says `WalkingView`."""

    fixed_planes = ("walls", "goals")
    moving_planes = ("boxes", "player")

    def fixed(self, level: Level) -> tuple[Iterator[int], Iterator[int]]:
        return bits(level.layout.walls), bits(level.layout.goals)

    def moving(self, board: Board) -> tuple[Iterator[int], tuple[int]]:
        return bits(board.boxes), (board.player,)
