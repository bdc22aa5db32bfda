"""Grading: whether a program's output or a mathematical answer is the expected one.

`mas_envs.grading.output` compares what programs print, `mas_envs.grading.math` mathematical answers.
"""
