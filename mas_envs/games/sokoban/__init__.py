"""Sokoban; the page is in `game.py`."""

from mas_envs.games.sokoban.game import Sokoban

__all__ = ["Sokoban"]
