"""PPO as in RLHF, with the environment as the reward function: the baseline with a critic (arXiv 2203.02155).

    python -m trainers.ppo --env sokoban                   one agent; --roles team for a team

Whole episodes are played (trainers/rl/chains.py). An agent's completions of one episode, one after the other, are
one line of tokens. At the last token of a completion stands what the agent earned until it spoke again; at every
token the price of leaving the policy that RL began with, kl * (log p - log p_start), is taken off. A critic, a network
of its own that begins as a copy of the policy's, says what is expected before every token, and generalised advantage
estimation along the line (gamma 1, lambda 0.95) makes each token's advantage; they are brought to mean 0 and standard
deviation 1 over the batch. Then `epochs` passes of the clipped policy loss and the clipped value loss.

Everything else (warm start, presets, files) is AT-GRPO's: trainers/atgrpo.py lists the settings. One critic belongs
to each policy; a team's shared policy has one for all roles.
"""

import sys
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import chain, islice

import torch

from mas_envs.core.game import role_of
from mas_envs.core.seeding import rng
from trainers.policies.critic import Critic
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.batch import Branch, Row
from trainers.rl.chains import Chain, Said, collect_chains
from trainers.rl.critic import gae, update_critic
from trainers.rl.types import TokenIds
from trainers.rl.update import Optimizer, batches
from trainers.run.config import PPO
from trainers.run.main import main as run_main
from trainers.run.metrics import chain_metrics, readable_chains
from trainers.run.run import Run, rate

MIN_DEVIATION = 1e-4

Line = list[tuple[Hashable, Said, float]]
"""One agent's completions in one episode: which share a prompt, what was said, what was earned until it spoke again."""


def train(run: Run) -> None:
    """Trains until the iterations are done."""
    config, policies = run.config, run.policies
    assert isinstance(config, PPO)
    run.begin()
    critics = {name: run.keep(f"critic of {name}", Critic(policy)) for name, policy in policies.items()}
    optimizers = {
        name: run.keep(f"optimizer of {name}'s critic", Optimizer(critic, config.optimizer, config.critic_rate))
        for name, critic in critics.items()
    }
    sizes = (config.minibatch_samples, config.max_places)
    for seed in run.iterations():
        how = (config.num_generations, seed, config.alpha)
        chains_K = collect_chains(run.game, run.tasks(seed), run.samplers, *how)
        rows: dict[str, list[Row]] = {}
        record = chain_metrics(chains_K)
        for name, critic in critics.items():
            lines = lines_of(chains_K, [role for role in run.team if run.team[role] == name])
            rows[name] = assessed(lines, policies[name], critic, config)
            if rows[name]:
                shuffler, scale = rng("critic", seed, name), rate(run.progress.iteration, config.iterations)
                fit = (optimizers[name], rows[name], config.value_clip, shuffler, *sizes, scale, config.epochs)
                record[f"critic of {name}"] = update_critic(critic, policies[name], *fit)
        run.learn(seed, rows, record, readable_chains(chains_K[0]))


def lines_of(chains_K: Sequence[Sequence[Chain]], roles: Sequence[str]) -> list[Line]:
    """Returns a line for every agent of some roles in every episode that did not fail."""
    lines: list[Line] = []
    for number, episode in ((i, episode) for i, episodes in enumerate(chains_K) for episode in episodes):
        moments = episode.moments
        agents = dict.fromkeys(agent for moment in moments for agent in moment.said)
        for agent in (agent for agent in agents if role_of(agent) in roles and episode.success is not None):
            # An answer to a prompt that was not read has no tokens; what it earns counts for the one before.
            turns = [i for i, m in enumerate(moments) if agent in m.said and m.said[agent].completion.tokens]
            line: Line = []
            for i, following in zip(turns, [*turns, len(moments)][1:], strict=True):
                earned = sum((moment.rewards or {})[agent] for moment in moments[i:following])
                line.append(((number, agent), moments[i].said[agent], earned))
            lines += [line] if line else []
    return lines


def assessed(lines: Sequence[Line], policy: HuggingFacePolicy, critic: Critic, config: PPO) -> list[Row]:
    """Returns the lines as rows whose branches have each token's advantage, value and return."""
    said = [words for line in lines for _, words, _ in line]
    shared: dict[tuple[Hashable, TokenIds], list[int]] = {}
    for i, (key, words, _) in enumerate(turn for line in lines for turn in line):
        shared.setdefault((key, words.prompt_tokens), []).append(i)
    plain = [Branch(words.completion.tokens, words.completion.logprobs, 0.0) for words in said]
    rows = [Row(tokens, tuple(plain[i] for i in numbers)) for (_, tokens), numbers in shared.items()]
    values, prices = per_token(rows, policy, critic, config)
    done: list[Branch] = []
    for line in lines:
        own = plain[len(done) : len(done) + len(line)]
        estimates = ([of_all[id(branch)] for branch in own] for of_all in (values, prices))
        done += credited([earned for _, _, earned in line], own, *estimates, config)
    scaled = whitened(done)
    return [Row(tokens, tuple(scaled[i] for i in numbers)) for (_, tokens), numbers in shared.items()]


def credited(
    earned: Sequence[float],
    branches: Sequence[Branch],
    values: Sequence[list[float]],
    prices: Sequence[list[float]],
    config: PPO,
) -> list[Branch]:
    """Returns one line's completions with each token's advantage, value and return, estimated along the line."""
    rewards = [[*price[:-1], price[-1] + reward] for price, reward in zip(prices, earned, strict=True)]
    found = gae([*chain.from_iterable(rewards)], [*chain.from_iterable(values)], config.gamma, config.gae_lambda)
    advantages, returns = map(iter, found)
    return [
        replace(
            branch,
            advantage=tuple(islice(advantages, len(value))),
            values=tuple(value),
            returns=tuple(islice(returns, len(value))),
        )
        for branch, value in zip(branches, values, strict=True)
    ]


def whitened(branches: Sequence[Branch]) -> list[Branch]:
    """Returns the branches with the advantages of all their tokens brought to mean 0 and standard deviation 1.

    The deviation counts as at least MIN_DEVIATION, so that what rounding leaves of equal rewards stays small.
    """
    every = torch.tensor([a for branch in branches for a in branch.advantages])
    if not len(every):
        return []
    mean, deviation = every.mean().item(), max(MIN_DEVIATION, every.std(correction=0).item())
    return [replace(b, advantage=tuple((a - mean) / deviation for a in b.advantages)) for b in branches]


@torch.no_grad()
def per_token(
    rows: Sequence[Row], policy: HuggingFacePolicy, critic: Critic, config: PPO
) -> tuple[dict[int, list[float]], dict[int, list[float]]]:
    """Returns id of a branch -> the values of its tokens, and -> the price of each for leaving the start."""
    values: dict[int, list[float]] = {}
    prices: dict[int, list[float]] = {}
    for part, batch in batches(policy, rows, config.max_places):
        start_N = policy.reference_logprobs(batch)
        price_N = torch.zeros_like(batch.logprobs_N) if start_N is None else config.kl * (start_N - batch.logprobs_N)
        for by_branch, of_all in ((values, critic.values(batch)), (prices, price_N)):
            rest = iter(of_all.tolist())
            by_branch |= {id(b): list(islice(rest, len(b.tokens))) for row in part for b in row.branches}
    return values, prices


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    return run_main(argv, PPO, train)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
