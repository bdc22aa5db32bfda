"""Plan-Path as planes."""

from mas_envs.games.plan_path.rules import Level
from mas_envs.grid.numeric import WalkingView


class PlanPathView(WalkingView):
    """The planes are walls, goal and player; what follows says `WalkingView`."""

    fixed_planes = ("walls", "goal")
    moving_planes = ("player",)

    def fixed(self, level: Level) -> tuple[frozenset[int], tuple[int]]:
        return level.walls, (level.goal,)

    def moving(self, board: int) -> tuple[tuple[int]]:
        return ((board,),)
