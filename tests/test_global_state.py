"""Nothing that an environment does touches a global random generator, and nothing loads a deep-learning library."""

import pickle
import random
import subprocess
import sys

import numpy as np
import pytest

from tests.shells_played import NAMES, advance, kinds


@pytest.mark.parametrize("name", NAMES)
def test_making_resetting_and_playing_leaves_the_global_generators_alone(name):
    random.seed(5)
    np.random.seed(5)
    before = random.getstate(), pickle.dumps(np.random.get_state())
    for kind in kinds(name):
        for api in ("aec", "parallel", "gymnasium"):
            env = kind.shell(api, kind.make())
            for seed in (None, 0, 2**40):
                env.reset(seed=seed)
                for token in range(3):
                    advance(env, token)
            env.unwrapped.set_state(env.unwrapped.get_state())
            spaces = env.action_space, env.observation_space
            for space in spaces if api == "gymnasium" else [each(agent) for each in spaces for agent in env.agents]:
                space.sample()
    assert (random.getstate(), pickle.dumps(np.random.get_state())) == before


def test_the_seed_decides_the_task_whatever_the_global_generators_hold():
    for name in NAMES:
        seen = []
        for state in (1, 2):
            random.seed(state)
            np.random.seed(state)
            env = kinds(name)[0].shell("parallel", kinds(name)[0].make())
            seen.append(env.reset(seed=11))
        assert seen[0] == seen[1]


def test_playing_every_environment_loads_no_deep_learning_library():
    code = """
import sys
import gymnasium, pettingzoo, mas_envs
from mas_envs.registry import registration
for name in mas_envs.registered():
    for api in ("aec", "parallel"):
        pettingzoo.make(api, registration(name).pettingzoo_id).reset(seed=0)
    gymnasium.make(registration(name).gymnasium_id).reset(seed=0)
print(sorted({"torch", "transformers", "vllm", "trainers"} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"
