"""Replays an entry and fails on the first difference.

    python -m benchmarks.verify results/sokoban-expert

What this proves: the tasks are those of the named set, each played as often as the entry says; the prompts were the
game's; rewards, errors, success, turns and every number of the summary follow from the recorded actions by the game's
own rules. What it cannot prove: who wrote the actions, and that effects (programs run, answers graded) came out as
recorded.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import tasksets
from benchmarks.entries import (
    Entry,
    prompt_hash,
    read_entry,
    read_json,
    read_lines,
    replay_steps,
    summarise,
    task_set_of,
)
from mas_envs.core.errors import MasEnvsError, UsageError
from mas_envs.core.game import Game, Task


class Difference(MasEnvsError):  # noqa: N818 (it is what was found, not a fault of ours)
    """What is recorded is not what comes out."""


def verify(folder: Path) -> dict[str, Any]:
    """Returns the entry's summary if everything in it follows from its actions; raises Difference otherwise.

    Raises StateError where a file is missing, damaged or of another version.
    """
    entry = read_entry(folder)
    try:
        game = entry.game()
    except UsageError as error:
        raise Difference(f"entry.json has settings that no {entry.env} has: {error}") from error
    _same("the settings in entry.json", dict(entry.env_settings), json.loads(json.dumps(game.settings())))
    # A set of a file is found by the name that the entry has; its hash says whether it is the same file.
    name = game.settings().get("source") or task_set_of(entry)
    tasks = tasksets.load(name, entry.env, entry.env_settings)
    _same("the task set in entry.json", entry.tasks, tasks.full_name)
    for key, value in tasks.settings.items():
        _same(f"the setting {key} of the task set", entry.env_settings.get(key), value)
    if not 1 <= entry.limit <= len(tasks.digests):
        raise Difference(f"limit in entry.json is {entry.limit}; the set has {len(tasks.digests)} tasks.")
    _same("the roles in entry.json", sorted(entry.agents), sorted(role.name for role in game.roles))
    lines = read_lines(folder / "episodes.jsonl", whole=True)
    wanted = [(number, attempt) for number in range(entry.limit) for attempt in range(entry.attempts)]
    if len(lines) != len(wanted):
        raise Difference(f"There are {len(lines)} episodes; {len(wanted)} belong here.")
    every = [tasks.task(game, number) for number in range(entry.limit)]
    for place, ((number, attempt), line) in enumerate(zip(wanted, lines, strict=True), 1):
        where = f"episode {place} (line {place})"
        _same(f"the number of {where}", line["number"], number)
        _same(f"the attempt of {where}", line["attempt"], attempt)
        try:
            check_episode(entry, game, every[number], line, where)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise Difference(f"{where} cannot be played again ({type(error).__name__}: {error}).") from error
    summary = read_json(folder / "summary.json")
    for key, value in summarise(entry, game, every, lines).items():
        _same(f"{key} in summary.json", summary.get(key), value)
    decoding = "greedy" if entry.temperature == 0 else f"sampled at temperature {entry.temperature:g}"
    _same("decoding in summary.json", summary.get("decoding"), decoding)
    return summary


def check_episode(entry: Entry, game: Game[Any], task: Task, line: Mapping[str, Any], where: str) -> None:
    """Raises Difference unless playing the record's actions again comes to what it says."""
    _same(f"the task of {where}", line["task"], asdict(task.ref))
    returns, success, turns, over = dict.fromkeys(game.agents, 0.0), False, 0, False
    for i, (recorded, (moment, step)) in enumerate(zip(line["moments"], replay_steps(game, task, line), strict=True)):
        at = f"of moment {i} of {where}"
        _same(f"who acts {at}", sorted(recorded["actions"]), sorted(moment.actions))
        _same(f"the prompts {at}", recorded["prompts"], {agent: prompt_hash(p) for agent, p in moment.prompts.items()})
        if step is None:
            success, over = None, True
            break
        rewards = {agent: step.reward.of(agent, entry.alpha) for agent in game.agents}
        _same(f"the rewards {at}", recorded["rewards"], rewards)
        _same(f"the errors {at}", recorded["errors"], dict(step.info["errors"]))
        for agent, reward in rewards.items():
            returns[agent] += reward
        success, turns, over = step.info["success"], step.state.turn, step.terminated or step.truncated
    if not over:
        raise Difference(f"{where} ends before its game does.")
    _same(f"success of {where}", line["success"], success)
    _same(f"returns of {where}", line["returns"], None if success is None else returns)
    if success is not None:
        _same(f"turns of {where}", line["turns"], turns)
    if type(line["tokens"]) is not int or line["tokens"] < 0:
        raise Difference(f"tokens of {where} are {line['tokens']!r}.")


def _same(what: str, recorded: Any, found: Any) -> None:
    if not _equal(recorded, found):
        raise Difference(f"{what[:1].upper() + what[1:]}: recorded {_short(recorded)}, but it is {_short(found)}.")


def _equal(one: Any, other: Any) -> bool:
    """Compares JSON values; numbers up to rounding, truth values never with numbers."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and one == other


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0 all verify, 1 one does not, 2 one cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify", description="Replays entries.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    status = 0
    for folder in parser.parse_args(argv).folders:
        try:
            summary = verify(folder)
        except Difference as difference:
            print(f"{folder}: does NOT verify. {difference}")
            status = max(status, 1)
        except MasEnvsError as error:
            print(f"{folder}: cannot be verified. {error}")
            status = 2
        else:
            print(f"{folder}: verified, success {summary['success']:.3f}, {summary['episodes']} episodes")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
