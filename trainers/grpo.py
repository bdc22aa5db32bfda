"""GRPO with whole episodes as what is compared: the baseline of AT-GRPO (DeepSeekMath, arXiv 2402.03300).

    python -m trainers.grpo --env sokoban                       one agent, the whole plan in one answer
    python -m trainers.grpo --env sokoban --settings turns=4    one agent over four turns
    python -m trainers.grpo --env sokoban --roles team          a team, its episodes compared as a whole

K episodes of every task go their own ways (trainers/rl/chains.py); an agent's return is compared with its returns in
the task's other episodes, and every token that it wrote in an episode has that one advantage. With one agent and one
turn this is GRPO as published; AT-GRPO's point is that beyond the first turn the prompts of such a group differ, so
that the mean of the group is no baseline for any of them.

Everything else (warm start, loss, presets, files) is AT-GRPO's: trainers/atgrpo.py lists the settings.
"""

import sys
from collections.abc import Sequence

from trainers.rl.advantage import chain_samples
from trainers.rl.chains import collect_chains
from trainers.run.config import GRPO
from trainers.run.main import main as run_main
from trainers.run.metrics import chain_metrics, group_metrics, readable_chains
from trainers.run.run import Run


def train(run: Run) -> None:
    """Trains until the iterations are done."""
    config = run.config
    assert isinstance(config, GRPO)
    run.begin()
    for seed in run.iterations():
        how = (config.num_generations, seed, config.alpha)
        chains_K = collect_chains(run.game, run.tasks(seed), run.samplers, *how)
        samples = chain_samples(chains_K, config.advantage_eps, config.advantage_std)
        record = chain_metrics(chains_K) | group_metrics(samples)
        run.learn(seed, run.rows(samples), record, readable_chains(chains_K[0]))


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    return run_main(argv, GRPO, train)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
