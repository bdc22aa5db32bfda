"""The comparison that keeps a result honest: the same CPU time on the same demonstrations instead of on RL.

Runs beside RL as a process of its own, `python -m trainers.run.control RUN_FOLDER`: loads the weights with which RL
began, makes supervised steps on the run's demonstrations, and keeps the weights that are best on validation (the
beginning's included). A line on standard input names the CPU seconds that RL took; once it has used as many, it
plays the held-out tasks and writes control.json. When standard input closes before that, it ends.
"""

import json
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from mas_envs.core.game import Game
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.run import reading
from trainers.run.base_config import Config
from trainers.run.best import Best
from trainers.run.config import RL
from trainers.run.files import write_json
from trainers.run.imitation import demonstrate, imitation_steps
from trainers.run.scores import score
from trainers.run.setup import agents_of, first_tasks, load_policies, make_game, make_optimizers, team_of

STEPS_BETWEEN_VALIDATIONS = 50
# Late in the warm start the rate has fallen; what goes on from there is steady and lower.
RATE_SHARE = 0.3


class Control:
    """The comparison process, seen from the run that it belongs to."""

    def __init__(self, folder: Path):
        self.path = folder / "control.json"
        command = [sys.executable, "-m", "trainers.run.control", str(folder)]
        # A session of its own: Ctrl-C is for the run, which then closes this process's standard input.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)

    def finish(self, rl_cpu_s: float) -> dict[str, Any] | None:
        """Tells it how long RL took and waits for its result; returns None where it failed."""
        assert self._process.stdin is not None
        try:
            # Standard input stays open: when it closes, the process knows that nobody waits for it any more.
            self._process.stdin.write(f"{rl_cpu_s}\n")
            self._process.stdin.flush()
            self._process.wait()
        except BrokenPipeError:
            self.stop()
        return json.loads(self.path.read_text()) if self.path.exists() and self._process.returncode == 0 else None

    def stop(self) -> None:
        """Ends the process."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def run_control(folder: Path) -> None:
    """Does what the module says, for a run's folder."""
    config = reading.read(folder / "config.yaml")
    torch.set_num_threads(1)
    game = make_game(config)
    team = team_of(config, game)
    policies = load_policies(config, game, {name: folder / "start" / name for name in team.values()})
    agents = agents_of(team, policies)
    validation = first_tasks(game, "validation", config.validation_tasks)
    held_out = first_tasks(game, "test", config.limit)
    best = Best(policies)
    best.offer(score(game, agents, validation).success)
    used = _imitate_until_told(config, game, policies, lambda: best.offer(score(game, agents, validation).success))
    best.restore()
    found = score(game, agents, held_out).to_json()
    write_json(folder / "control.json", {**found, "cpu_s": round(used, 1), "validation": best.score})


def _imitate_until_told(
    config: Config, game: Game[Any], policies: Mapping[str, HuggingFacePolicy], validate: Callable[[], object]
) -> float:
    """Makes supervised steps until standard input names a CPU time that is used up; returns the time used.

    Validation is not counted, as it is not in RL's time.
    """
    assert isinstance(config, RL)
    demonstrations = demonstrate(game, config.demos, config.demo_noise, config.demo_symmetries)
    optimizers = make_optimizers(config, policies, config.warm_start_rate)
    how = (config.minibatch_rows, config.max_places, config.seed + 1)
    steps = imitation_steps(policies, team_of(config, game), demonstrations, optimizers, lambda step: RATE_SHARE, *how)
    budget, used, step = float("inf"), 0.0, 0
    while used < budget:
        begun = time.process_time()
        next(steps)
        step += 1
        used += time.process_time() - begun
        if step % STEPS_BETWEEN_VALIDATIONS == 0:
            validate()
        if select.select([sys.stdin], [], [], 0)[0]:
            line = sys.stdin.readline()
            if not line:
                sys.exit(1)  # the run that asked is gone
            budget = float(line)
    validate()
    return used


if __name__ == "__main__":
    run_control(Path(sys.argv[1]))
