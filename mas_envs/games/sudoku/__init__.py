"""Sudoku; the page is in `game.py`."""

from mas_envs.games.sudoku.game import Sudoku

__all__ = ["Sudoku"]
