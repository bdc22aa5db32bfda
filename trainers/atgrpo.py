"""AT-GRPO: agent- and turn-wise grouped GRPO for a team of language-model agents (arXiv 2510.11062).

    python -m trainers.atgrpo --env sokoban

trains the embedded policy on a laptop; `--model PATH` trains a local Hugging Face checkpoint with the same code.
First a warm start on a small fixed set of demonstrations (none with --preset paper), then, without any expert:

    1. name this iteration's training tasks;
    2. tree sampling: at every step of every task K candidates from one prompt, each rewarded
       alpha * team + local from the same state (trainers/rl/rollout.py);
    3. advantages inside each group (trainers/rl/advantage.py); constant groups are counted and dropped (where
       --kl asks for nearness to the start, they are kept for its sake; the entropy bonus acts on the others alone);
    4. groups go to the policy of their role, packed as one prompt and its branches (trainers/rl/batch.py);
    5. the clipped loss, one pass (trainers/rl/loss.py, trainers/rl/update.py);
    6. metrics, and every few iterations validation and a checkpoint (trainers/run/run.py).

Where --preset tiny (the default) differs from --preset paper, and why:
    num_generations (K) 16 instead of 4, tasks_per_iteration 64 instead of 32: a tiny policy's samples are cheap.
    iterations 700 (other games fewer: trainers/run/reading.py) instead of 150: what 15 minutes on two cores allow;
        --preset long has seven times as many.
    best_share 0.5 instead of 1: at half of the steps the episode goes on from a random candidate, so that the policy
        also sees the states that it reaches without a choice among K.
    advantage_eps 0.2 instead of 1e-6: groups whose rewards hardly differ do not shout.
    clip_high 0.28 instead of 0.2 (clip-higher) and an entropy bonus of 0.01: exploration lasts longer.
    optimizer muon instead of adamw, learning_rate 1e-3 instead of 1e-6: a network that starts almost from nothing.
    demos 200 (500 where boards cannot be turned) instead of 0: a warm start, which a pretrained LLM does not need, of
        warm_start_steps 300; control: and its comparison run.
    max_new_tokens as long as a full answer instead of 2,048, max_places 3,072 instead of 32,768: small texts.
Where both presets differ from the published code: every candidate is stepped from one immutable state, which also
made its prompt; rewards of a later agent come from the state that the chosen candidate led to; a planner is
credited with what its proposal would achieve as it stands (see mas_envs/grid/turns.py). The paper's turn budget
T = 4 and alpha = 1 are the defaults; batch, learning rate and clipping of --preset paper are usual for GRPO, where
the paper leaves them open.
"""

import sys
from collections.abc import Sequence

from mas_envs.core.seeding import derive
from trainers.rl.advantage import tree_samples
from trainers.rl.rollout import Tree, collect_tree
from trainers.rl.types import Sample
from trainers.run.config import ATGRPO
from trainers.run.main import main as run_main
from trainers.run.metrics import group_metrics, readable_groups, tree_metrics
from trainers.run.run import Run


def train(run: Run) -> None:
    """Trains until the iterations are done."""
    config = run.config
    assert isinstance(config, ATGRPO)
    run.begin()
    samples: list[Sample] = []
    found, wanted = {}, 0
    for seed in run.iterations():
        trees: list[Tree] = []
        for batch in range(1 + config.resample):
            draw = derive("batch", seed, batch) if batch else seed
            how = (config.num_generations, draw, config.alpha, config.best_share)
            trees += collect_tree(run.game, run.tasks(seed, batch), run.samplers, *how)
            samples = tree_samples(trees, config.advantage_eps, config.advantage_std, config.group_by)
            found = group_metrics(samples)
            wanted = found["groups"] if batch == 0 else wanted
            if found["groups"] * (1 - found["constant_share"]) >= wanted:
                break
        run.learn(seed, run.rows(samples), tree_metrics(trees) | found, readable_groups(trees[0]))


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    return run_main(argv, ATGRPO, train)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
