"""Code-test: a coder writes a program, a tester writes test cases for it, from a statement in words."""

from mas_envs.games.code_test.game import CodeTest

__all__ = ["CodeTest"]
