"""Mathematical problems for a tool user and a reasoner; the page is in `game.py`."""

from mas_envs.games.math_verify.game import MathVerify

__all__ = ["MathVerify"]
