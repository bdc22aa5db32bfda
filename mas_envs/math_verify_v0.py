"""Math for PettingZoo; the page on the game is in `mas_envs.games.math_verify.game`.

`env()` is the AECEnv with PettingZoo's order check around it, `raw_env()` the same without, `parallel_env()` the
ParallelEnv. All take the game's settings (see `MathVerify`) and `render_mode`, `alpha`, `effect_runner` (see `Shell`).
"""

from functools import partial

from mas_envs.pettingzoo_env import make_env, make_parallel_env, make_raw_env

env = partial(make_env, "math_verify")
raw_env = partial(make_raw_env, "math_verify")
parallel_env = partial(make_parallel_env, "math_verify")
