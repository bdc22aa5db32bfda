"""Warm start: a fixed, small set of demonstrations by the experts, and supervised steps on it.

A demonstration is one episode of one training task. At every step the acting agent's expert says what it would
do, which is the label; what is carried out is that, or (with probability `noise`) one of the game's example actions
instead, so that the labels also cover states that a perfect team never reaches and executors see bad proposals
(noise injection as in DART, arXiv 1703.09327). After the warm start the expert is never asked again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Game, Prompt, role_of
from mas_envs.core.seeding import rng
from mas_envs.vector import step_all
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.policy import Team
from trainers.rl.batch import Branch, Row
from trainers.rl.update import Optimizer, imitate


class Demonstration(NamedTuple):
    """What one role read and what its expert wrote."""

    role: str
    prompt: Prompt
    answer: str


def demonstrate(game: Game[Any], episodes: int, noise: float) -> list[Demonstration]:
    """Returns the demonstrations of training tasks 0 to `episodes` - 1; the same ones at every call, in their order."""
    found: list[Demonstration] = []
    for index in range(episodes):
        state, draw = game.initial(game.task("train", index)), rng("demonstration", index)
        while agents := game.acting(state):
            actions: dict[str, str] = {}
            for agent in agents:
                actions[agent] = game.expert(state, agent)
                found.append(Demonstration(role_of(agent), game.observe(state, agent), actions[agent]))
                if draw.random() < noise:
                    actions[agent] = draw.choice(game.example_actions() or (actions[agent],))
            (step,) = step_all(game, [(state, actions)], None)
            if step is None:  # the infrastructure failed
                break
            state = step.state
    return found


def to_rows(policy: HuggingFacePolicy, demonstrations: Sequence[Demonstration]) -> list[Row]:
    """Returns each demonstration as a row with its answer as the one branch, ended by the end token."""
    prompts = policy.encode([one.prompt for one in demonstrations])
    rows: list[Row] = []
    for one, prompt in zip(demonstrations, prompts, strict=True):
        answer: Any = policy.tokenizer(one.answer, add_special_tokens=False)["input_ids"]
        tokens = (*answer, policy.eos)
        rows.append(Row(prompt, (Branch(tokens, (0.0,) * len(tokens), 0.0),)))
    return rows


def imitation_steps(
    policies: Mapping[str, HuggingFacePolicy],
    team: Team,
    demonstrations: Sequence[Demonstration],
    optimizers: Mapping[str, Optimizer],
    scale: Callable[[int], float],
    batch_rows: int,
    max_places: int,
    seed: int,
) -> Iterator[float]:
    """Makes supervised steps for ever: yields, after each, the mean loss per token over the policies.

    Each policy learns the demonstrations of the roles that it plays, `batch_rows` a step, in an order reshuffled
    every time they have all been seen. `scale(step)` multiplies the learning rates.
    """
    rows = {
        name: to_rows(policy, [one for one in demonstrations if team[one.role] == name])
        for name, policy in policies.items()
    }
    decks = {name: _deal(rows[name], batch_rows, seed, name) for name in policies}
    step = 0
    while True:
        losses = [
            imitate(policy, optimizers[name], next(decks[name]), max_places, scale(step))
            for name, policy in policies.items()
        ]
        yield sum(losses) / len(losses)
        step += 1


def _deal(rows: Sequence[Row], size: int, seed: int, name: str) -> Iterator[list[Row]]:
    """Yields batches of rows without end, reshuffled for each pass over them."""
    if not rows:
        raise UsageError(f"There are no demonstrations for policy {name!r} to imitate; give --demos 0 to do without.")
    epoch, deck = 0, list[Row]()
    while True:
        while len(deck) < size:
            again = list(rows)
            rng("imitation", seed, name, epoch).shuffle(again)
            deck += again
            epoch += 1
        yield deck[:size]
        deck = deck[size:]
