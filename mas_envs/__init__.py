"""Environments in which a team of language-model agents works on one task.

Importing this package registers every game in PettingZoo's and Gymnasium's registries:

    pettingzoo.make("aec", "mas_envs/sokoban-v0")       from mas_envs import sokoban_v0; sokoban_v0.env()
    pettingzoo.make("parallel", "mas_envs/sokoban-v0")  gymnasium.make("mas_envs/Sokoban-v0")
    mas_envs.make_game("sokoban")                       the pure game, for trainers and search
"""

from mas_envs.registry import make_game, register, register_all, registered

__all__ = ["make_game", "register", "registered"]

register_all()
