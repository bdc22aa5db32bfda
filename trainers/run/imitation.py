"""Demonstrations, by the experts or from recorded episodes, and supervised steps on them.

An expert's demonstration is one episode of one training task. At every step the acting agent's expert says what it
would do, which is the label; what is carried out is that, or (with probability `noise`) one of the game's example
actions instead, so that the labels also cover states that a perfect team never reaches and executors see bad proposals
(noise injection as in DART, arXiv 1703.09327). After a warm start the expert is never asked again.
"""

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from mas_envs.agents import Episode, Moment, replay
from mas_envs.core.errors import MasEnvsError, UsageError
from mas_envs.core.game import Game, Prompt, Task, TaskRef, role_of
from mas_envs.core.seeding import rng
from mas_envs.vector import step_all
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.policy import Team
from trainers.rl.batch import Branch, Row
from trainers.rl.update import Optimizer, imitate

_log = logging.getLogger(__name__)


class Demonstration(NamedTuple):
    """What one role read, and what is to be imitated."""

    role: str
    prompt: Prompt
    answer: str


def demonstrate(game: Game[Any], episodes: int, noise: float, symmetries: bool = False) -> list[Demonstration]:
    """Returns the demonstrations of training tasks 0 to `episodes` - 1; the same ones at every call, in their order.

    With `symmetries` each is followed by what it is on its board's rotations and reflections, where the game has such:
    the same few answers read eight ways, without asking the expert again.
    """
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
    return [turned for one in found for turned in _turned(game, one)] if symmetries else found


def _turned(game: Game[Any], one: Demonstration) -> list[Demonstration]:
    texts = zip(game.symmetric(one.prompt.situation), game.symmetric(one.answer), strict=True)
    return [one._replace(prompt=one.prompt._replace(situation=text), answer=answer) for text, answer in texts]


def recorded(game: Game[Any], folder: Path, successful_only: bool, held_out: Collection[Task]) -> list[Demonstration]:
    """Returns what was said in the recorded episodes of a folder, beside the prompts that `game` has there.

    Every episode is played again: its rewards have to come out as recorded. Left out are episodes that the
    infrastructure cut short, those of a task that is `held_out`, and (with `successful_only`) those that failed.
    Raises UsageError where the folder holds no episodes of this game, or one that comes out otherwise.
    """
    kept_out = {task.ref.digest for task in held_out}
    found: list[Demonstration] = []
    try:
        entry = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
        _check_settings(game, entry["env"], entry["env_version"], entry["env_settings"])
        text = (folder / "episodes.jsonl").read_text(encoding="utf-8")
        for line in map(json.loads, text.split("\n")[:-1]):  # a last line that a kill cut off is left out
            episode = _episode(line)
            wanted = episode.success or (episode.success is not None and not successful_only)
            if wanted and episode.task.digest not in kept_out:
                again = replay(game, _task(game, episode.task), episode, entry["alpha"])
                if again.success != episode.success or _differ(again.returns or {}, episode.returns or {}):
                    raise UsageError(f"its episode of task {episode.task.id} comes out otherwise when it is replayed")
                found += [
                    Demonstration(role_of(agent), prompt, moment.actions[agent])
                    for moment in again.moments
                    for agent, prompt in moment.prompts.items()
                ]
    except (MasEnvsError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if isinstance(error, MasEnvsError | OSError) else repr(error)
        raise UsageError(
            f"--episodes has {str(folder)!r}: {reason}. Give a folder that benchmarks.evaluate wrote and "
            "benchmarks.verify accepts."
        ) from error
    return found


def _check_settings(game: Game[Any], env: str, version: int, settings: Mapping[str, Any]) -> None:
    if (env, version) != (game.name, game.version):
        raise UsageError(f"it is of version {version} of {env}, and this is version {game.version} of {game.name}")
    for name, value in json.loads(json.dumps(game.settings())).items():
        if name != "style" and settings.get(name) != value:
            raise UsageError(f"it was played with {name}={settings.get(name)}, and this is {name}={value}")


def _episode(line: Mapping[str, Any]) -> Episode:
    moments = (Moment({}, m["actions"], m["rewards"], {}, tuple(m["results"])) for m in line["moments"])
    outcome = (line["success"], line["returns"], line["turns"])
    return Episode(TaskRef(**line["task"]), line["attempt"], tuple(moments), *outcome)


def _task(game: Game[Any], ref: TaskRef) -> Task:
    """Returns the task of a reference: from the game's file where it has one, else made anew."""
    split, _, index = ref.id.rpartition("/")
    for task in game.listed() or (game.task(split, int(index)),):
        if task.ref == ref:
            return task
    raise UsageError(f"there is no task {ref.id} ({ref.digest}) in {ref.source} here")


def _differ(some: Mapping[str, float], others: Mapping[str, float]) -> bool:
    return some.keys() != others.keys() or any(abs(some[agent] - others[agent]) > 1e-9 for agent in some)


def to_rows(policy: HuggingFacePolicy, demonstrations: Sequence[Demonstration]) -> list[Row]:
    """Returns each demonstration as a row with its answer as the one branch, ended by the end token.

    Left out are those that the policy cannot read: whose prompt is over its budget (when it plays, it answers nothing
    to that), or which are longer than its model reads.
    """
    prompts = policy.encode([one.prompt for one in demonstrations])
    rows: list[Row] = []
    for one, prompt in zip(demonstrations, prompts, strict=True):
        tokens: Any = (*policy.tokenizer(one.answer, add_special_tokens=False)["input_ids"], policy.eos)
        if len(prompt) <= policy.prompt_budget and len(prompt) + len(tokens) <= policy.context:
            rows.append(Row(prompt, (Branch(tokens, (0.0,) * len(tokens), 0.0),)))
    return rows


class Imitated(NamedTuple):
    """What one policy's supervised step was: the mean loss per token before it, and the tokens it was on."""

    loss: float
    tokens: int


def imitation_steps(
    policies: Mapping[str, HuggingFacePolicy],
    team: Team,
    demonstrations: Sequence[Demonstration],
    optimizers: Mapping[str, Optimizer],
    scale: Callable[[int], float],
    batch_rows: int,
    max_places: int,
    seed: int,
    first: int = 0,
) -> Iterator[dict[str, Imitated]]:
    """Returns supervised steps without end, from step `first` on: each, when made, says what it was for each policy.

    Each policy learns the demonstrations of the roles that it plays, `batch_rows` a step, in an order reshuffled
    every time they have all been seen. `scale(step)` multiplies the learning rates. Raises UsageError at once where a
    policy has nothing to learn from.
    """
    decks: dict[str, Iterator[list[Row]]] = {}
    for name, policy in policies.items():
        own = [one for one in demonstrations if team[one.role] == name]
        rows = to_rows(policy, own) if own else []
        if len(rows) < len(own):
            _log.warning("%d of %d demonstrations are too long for %s to read.", len(own) - len(rows), len(own), name)
        if not rows:
            raise UsageError(
                f"There are no demonstrations for policy {name!r} to imitate. Give other --demos or --episodes; "
                "a warm start can be left out: --demos 0."
            )
        decks[name] = islice(_deal(rows, batch_rows, seed, name), first, None)

    def one_step(step: int) -> dict[str, Imitated]:
        done: dict[str, Imitated] = {}
        for name, policy in policies.items():
            part = next(decks[name])
            loss = imitate(policy, optimizers[name], part, max_places, scale(step))
            done[name] = Imitated(loss, int(sum(row.trained_tokens for row in part)))
        return done

    return map(one_step, count(first))


def falling(step: int, steps: int) -> float:
    """Returns the learning-rate factor of a supervised step: up over 20 steps, then 1, over the last half to 0."""
    return min(1.0, (step + 1) / 20, 2 * (1 - step / steps))


def _deal(rows: Sequence[Row], size: int, seed: int, name: str) -> Iterator[list[Row]]:
    """Yields batches of rows without end, reshuffled for each pass over them."""
    epoch, deck = 0, list[Row]()
    while True:
        while len(deck) < size:
            again = list(rows)
            rng("imitation", seed, name, epoch).shuffle(again)
            deck += again
            epoch += 1
        yield deck[:size]
        deck = deck[size:]
