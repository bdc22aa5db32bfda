"""Code-test for PettingZoo; the page on the game is in `mas_envs.games.code_test.game`.

`env()` is the AECEnv with PettingZoo's order check around it, `raw_env()` the same without, `parallel_env()` the
ParallelEnv. All take the game's settings (see `CodeTest`) and `render_mode`, `alpha`, `effect_runner` (see `Shell`).
"""

from functools import partial

from mas_envs.pettingzoo_env import make_env, make_parallel_env, make_raw_env

env = partial(make_env, "code_test")
raw_env = partial(make_raw_env, "code_test")
parallel_env = partial(make_parallel_env, "code_test")
