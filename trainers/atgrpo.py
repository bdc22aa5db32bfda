"""AT-GRPO: agent- and turn-wise grouped GRPO for a team of language-model agents (arXiv 2510.11062).

    python -m trainers.atgrpo --env sokoban

trains the embedded policy on a laptop; `--model PATH` trains a local Hugging Face checkpoint with the same code.
First a warm start on a small fixed set of demonstrations (none with --preset paper), then, without any expert:

    1. name this iteration's training tasks;
    2. tree sampling: at every step of every task K candidates from one prompt, each rewarded
       alpha * team + local from the same state (trainers/rl/rollout.py);
    3. advantages inside each group (trainers/rl/advantage.py); constant groups are counted and dropped;
    4. groups go to the policy of their role, packed as one prompt and its branches (trainers/rl/batch.py);
    5. the clipped loss, one pass (trainers/rl/loss.py, trainers/rl/update.py);
    6. metrics, and every few iterations validation and a checkpoint.

Where --preset tiny (the default) differs from --preset paper, and why:
    num_generations (K) 16 instead of 4, tasks_per_iteration 64 instead of 32: a tiny policy's samples are cheap.
    iterations 350 (Plan-Path 120) instead of 150: what 15 minutes on two cores allow.
    best_share 0.5 instead of 1: at half of the steps the episode goes on from a random candidate, so that the policy
        also sees the states that it reaches without a choice among K.
    advantage_eps 0.2 instead of 1e-6: groups whose rewards hardly differ do not shout.
    clip_high 0.28 instead of 0.2 (clip-higher) and an entropy bonus of 0.01: exploration lasts longer.
    optimizer muon instead of adamw, learning_rate 1e-3 instead of 1e-6: a network that starts almost from nothing.
    demos 500 instead of 0: a warm start, which a pretrained LLM does not need; control: and its comparison run.
    max_new_tokens as long as a full answer instead of 2,048, max_places 3,072 instead of 32,768: small texts.
Where both presets differ from the published code: every candidate is stepped from one immutable state, which also
made its prompt; rewards of a later agent come from the state that the chosen candidate led to; a planner is
credited with what its proposal would achieve as it stands (see mas_envs/grid/turns.py). The paper's turn budget
T = 4 and alpha = 1 are the defaults; batch, learning rate and clipping of --preset paper are usual for GRPO, where
the paper leaves them open.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

from mas_envs.core.errors import MasEnvsError
from mas_envs.core.game import role_of
from mas_envs.core.seeding import derive, rng
from trainers.policies.policy import Team
from trainers.rl.advantage import group_advantages
from trainers.rl.batch import Row, merge
from trainers.rl.loss import LossConfig
from trainers.rl.rollout import Tree, collect_tree
from trainers.rl.update import update
from trainers.run.config import parse
from trainers.run.control import Control
from trainers.run.metrics import mean
from trainers.run.run import Run
from trainers.run.signals import Stopped, StopRequest


def train(run: Run) -> None:
    """Trains until the iterations are done."""
    config, progress, game = run.config, run.progress, run.game
    loss = LossConfig(config.clip_low, config.clip_high, config.entropy, config.normalise)
    sampler = {role: run.policies[name] for role, name in run.team.items()}
    run.display.begin("AT-GRPO", config.iterations, progress.iteration)
    while progress.iteration < config.iterations:
        begun, i = time.process_time(), progress.iteration
        seed = derive("iteration", config.seed, i)
        tasks = [game.task("train", derive("task", seed, n)) for n in range(config.tasks_per_iteration)]
        trees = collect_tree(game, tasks, sampler, config.num_generations, seed, config.alpha, config.best_share)
        rollout_s = time.process_time() - begun
        rows, record = to_rows(trees, run.team, config.advantage_eps, config.advantage_std)
        for name, policy in run.policies.items():
            if rows[name]:
                record[name] = update(
                    policy,
                    run.optimizers[name],
                    rows[name],
                    loss,
                    rng("shuffle", seed, name),
                    config.minibatch_rows,
                    config.max_places,
                    scale=rate(i, config.iterations),
                )
        progress.iteration += 1
        progress.rl_cpu_s += time.process_time() - begun
        progress.tokens_generated += record["tokens_generated"]
        progress.tokens_trained += record["tokens_trained"]
        times = {"rollout_cpu_s": round(rollout_s, 3), "rl_cpu_s": round(progress.rl_cpu_s, 3)}
        run.end_iteration({"iteration": progress.iteration, **times, **record}, trees[0])


def rate(iteration: int, iterations: int) -> float:
    """Returns the learning-rate factor: up over 5 iterations, then 1, over the last half down to a tenth."""
    return min(1.0, (iteration + 1) / 5, 0.1 + 1.8 * (1 - iteration / iterations))


def to_rows(
    trees: Sequence[Tree], team: Team, eps: float, std: bool = True
) -> tuple[dict[str, list[Row]], dict[str, Any]]:
    """Returns each policy's rows, groups without a difference in reward left out, and what was counted."""
    rows: dict[str, list[Row]] = {name: [] for name in team.values()}
    groups = [group for tree in trees for group in tree.groups]
    constant = 0
    for group in groups:
        advantages_K = group_advantages(group.rewards_K, eps, std)
        if any(advantages_K):
            rows[team[role_of(group.agent)]].append(merge(group, advantages_K))
        else:
            constant += 1
    completions = [c for group in groups for c in group.candidates.completions_K]
    rewards = [r for group in groups for r in group.rewards_K]
    return rows, {
        "reward": mean([r for r in rewards if r is not None]),
        "tree_success": mean([tree.success for tree in trees if tree.success is not None]),
        "groups": len(groups),
        "constant_groups": constant,
        "masked_candidates": rewards.count(None),
        "response_tokens": mean([len(c.tokens) for c in completions]),
        "cut_share": mean([c.cut for c in completions]),
        "tokens_generated": sum(len(c.tokens) for c in completions),
        "tokens_trained": int(sum(row.trained_tokens for of_policy in rows.values() for row in of_policy)),
    }


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0 done, 2 bad input, 128 + signal when stopped."""
    stop = StopRequest()
    control = None
    try:
        config = parse(argv)
        run = Run(config, stop, argv)
        if run.finished():
            run.display.say(f"The run in {run.folder} is done; its summary.json stands.")
            return 0
        stop.install()
        if not run.progress.before:
            run.begin()
        control = Control(run.folder) if config.control and config.demos else None
        train(run)
        summary = run.finish(control)
    except Stopped as stopped:
        sys.stderr.write(f"{stopped}\n")
        return 128 + stop.asked
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    finally:
        if control is not None:
            stop.ignore()
            control.stop()
    for name in ("before", "warm_start_only", "after"):
        if found := summary.get(name):
            low, high = found["ci95"]
            run.display.say(f"{name:16} {found['success']:.3f}  [{low:.3f}, {high:.3f}]  n = {found['n']}")
    run.display.say(f"written to {run.folder}: summary.json, curve.png, metrics.jsonl, groups.jsonl, checkpoints/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
