"""REINFORCE with a baseline: the oldest policy gradient, with the least variance that comes for nothing.

    python -m trainers.reinforce --env sokoban

Whole episodes are played (trainers/rl/chains.py). A completion's credit is what its agent earned from there on, less
the mean of what the same agent earned from the same turn on in all other episodes of the iteration: a baseline that
knows neither task nor state, which is what grouping by them adds. As it leaves the episode itself out, it is
unbiased (as RLOO, arXiv 2402.14740). Nothing is divided by a standard deviation.

With one pass over the samples the clipped ratio is 1 where the gradient is taken, so the loss is REINFORCE's own;
with several minibatches an iteration (the default) it is slightly off-policy and clipped as in GRPO.
Everything else (warm start, loss, presets, files) is AT-GRPO's: trainers/atgrpo.py lists the settings.
"""

import sys
from collections.abc import Sequence

from trainers.rl.advantage import baseline_samples
from trainers.rl.chains import collect_chains
from trainers.run.config import Reinforce
from trainers.run.main import main as run_main
from trainers.run.metrics import chain_metrics, group_metrics, readable_chains
from trainers.run.run import Run


def train(run: Run) -> None:
    """Trains until the iterations are done."""
    config = run.rl
    run.begin()
    for seed in run.iterations():
        how = (config.num_generations, seed, config.alpha)
        chains_K = collect_chains(run.game, run.tasks(seed), run.samplers, *how)
        samples = baseline_samples(chains_K)
        record = chain_metrics(chains_K) | group_metrics(samples)
        run.learn(seed, run.rows(samples), record, readable_chains(chains_K[0]))


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    return run_main(argv, Reinforce, train)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
