"""Plan-Path; the page is in `game.py`."""

from mas_envs.games.plan_path.game import PlanPath

__all__ = ["PlanPath"]
