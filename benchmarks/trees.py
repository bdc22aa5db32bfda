"""Plays a few tasks of an entry once more with K candidates at every step, for its page to show.

    python -m benchmarks.trees results/mine --tasks 5 --k 8
    python -m benchmarks.leaderboard results/ --out site/

At every step each agent that acts is asked K times, every candidate is rewarded from the same state (in simultaneous
play against the others' first candidates), and the episode goes on from the best: what tree sampling does in training,
here with the entry's own agents and held-out tasks. The trees are written to the entry's trees.jsonl and count for
nothing: no number of the entry depends on them.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks import agents
from benchmarks.entries import Entry
from benchmarks.verify import Loaded, load
from mas_envs.agents import Agent, Completion, Request
from mas_envs.core.errors import MasEnvsError, UsageError, in_range
from mas_envs.core.game import AgentID, Game, Step, Task, role_of
from mas_envs.core.seeding import derive
from mas_envs.core.text import clip_action
from mas_envs.vector import step_with_results
from trainers.run.files import write_text

FILE = "trees.jsonl"


@dataclass(frozen=True)
class Options:
    """Plays a few tasks of an entry once more with K candidates at every step."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of the entry."""
    tasks: int = 3
    """The first so many of the entry's tasks."""
    k: int = 8
    """Candidates of each prompt."""
    temperature: float = 1.0
    """Of sampling; candidates of greedy decoding are all the same."""
    seed: int = 0
    """Of all sampling."""
    force: bool = False
    """Replace trees that are there already."""
    calls: Annotated[agents.Calls, tyro.conf.arg(name="")] = field(default_factory=agents.Calls)
    """How servers are called."""


def write_trees(options: Options) -> int:
    """Writes an entry's trees and returns how many there are; raises UsageError for what cannot be."""
    in_range("--k", options.k, 2, 1024)
    if not options.temperature > 0:
        raise UsageError(f"--temperature is {options.temperature}; it must be above 0, or all candidates are the same.")
    path = options.folder / FILE
    if path.exists() and not options.force:
        raise UsageError(f"{str(path)!r} is there already. Give --force to replace it.")
    loaded = load(options.folder)
    in_range("--tasks", options.tasks, 1, loaded.entry.limit)
    if "human" in loaded.entry.agents.values():
        raise UsageError("A person does not answer one prompt several times; trees are for agents that sample.")
    lines = [_line(loaded, options, number, tree) for number, tree in enumerate(_grow_all(loaded, options))]
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
    return len(lines)


def _grow_all(loaded: Loaded, options: Options) -> list[list[dict[str, Any]]]:
    entry = replace(loaded.entry, temperature=options.temperature)
    players = agents.make_agents(entry, loaded.game, options.calls)
    how = (options.k, options.seed, entry.alpha)
    return [grow(loaded.game, players, task, *how) for task in loaded.tasks[: options.tasks]]


def _line(loaded: Loaded, options: Options, number: int, moments: list[dict[str, Any]]) -> dict[str, Any]:
    sampling = {"k": options.k, "temperature": options.temperature, "seed": options.seed}
    task = {"number": number, "task": loaded.tasks[number].ref.id}
    return {"entry": mark_of(loaded.entry), **task, **sampling, "moments": moments}


def mark_of(entry: Entry) -> str:
    """Returns a hash of an entry, by which its trees are known from those of another one that was in its folder."""
    return blake2b(json.dumps(asdict(entry), sort_keys=True).encode(), digest_size=8).hexdigest()


def grow(
    game: Game[Any], players: Mapping[str, Agent], task: Task, k: int, seed: int, alpha: float
) -> list[dict[str, Any]]:
    """Returns one tree as JSON values, a dict for each joint step.

    `groups`: for each agent that acted its `candidates` (text, and the results of its effects, None where the
    infrastructure failed) and the number of the one `chosen`. `results`: those of the joint step that the episode went
    on with; None where it was lost, which ends the tree.

    Args:
        players: role -> agent.
    """
    state, moments = game.initial(task), list[dict[str, Any]]()
    while acting := game.acting(state):
        said = _ask(game, players, task, state, acting, k, derive("tree", seed, task.ref.id, len(moments)))
        first = {agent: clip_action(found[0].text)[0] for agent, found in said.items()}
        groups: dict[AgentID, dict[str, Any]] = {}
        chosen: dict[AgentID, str] = {}
        step, values, alive = None, (), True
        for agent, found in said.items():
            texts = [clip_action(completion.text)[0] for completion in found]
            tried = step_with_results(game, [(state, {**first, agent: text}) for text in texts], None)
            lost = [bool(each.failure) or one is None for each, (one, _) in zip(found, tried, strict=True)]
            candidates = [
                {"text": text, "results": None if gone else list(results)}
                for text, gone, (_, results) in zip(texts, lost, tried, strict=True)
            ]
            best = _best([None if gone else one for gone, (one, _) in zip(lost, tried, strict=True)], agent, alpha)
            groups[agent] = {"candidates": candidates, "chosen": best}
            chosen[agent] = texts[best]
            step, values = tried[best]
            alive = alive and not lost[best]
        if not alive:  # of one agent every candidate was lost
            step = None
        elif len(acting) > 1:
            [(step, values)] = step_with_results(game, [(state, chosen)], None)
        moments.append({"groups": groups, "results": None if step is None else list(values)})
        if step is None:
            break
        state = step.state
    return moments


def _ask(
    game: Game[Any], players: Mapping[str, Agent], task: Task, state: Any, acting: Sequence[AgentID], k: int, seed: int
) -> dict[AgentID, list[Completion]]:
    """Returns K completions of every agent that acts."""
    said: dict[AgentID, list[Completion]] = {}
    for agent in acting:
        prompt = game.observe(state, agent)
        seeds = [derive("candidate", seed, agent, i) for i in range(k)]
        asked = [Request(prompt, each, agent, game, state, task.ref, i) for i, each in enumerate(seeds)]
        said[agent] = players[role_of(agent)].act(asked)
    return said


def _best(steps: Sequence[Step[Any] | None], agent: AgentID, alpha: float) -> int:
    """Returns the number of the candidate with the largest reward, the first of several; 0 where all were lost."""
    rewards = {i: step.reward.of(agent, alpha) for i, step in enumerate(steps) if step is not None}
    return max(rewards, key=lambda i: rewards[i], default=0)


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    try:
        options = tyro.cli(Options, args=list(argv), prog="python -m benchmarks.trees")
        count = write_trees(options)
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    print(f"{count} trees written to {options.folder / FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
