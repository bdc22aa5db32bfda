"""Replays an entry and fails on the first difference.

    python -m benchmarks.verify results/sokoban-expert
    python -m benchmarks.verify --re-execute results/code-expert

What this proves: the tasks are those of the named set, each played as often as the entry says; the prompts were the
game's; rewards, errors, success and turns, and what the summary says of them, follow from the recorded actions by the
game's own rules. What it cannot prove: who wrote the actions, and at what cost. That effects (programs run, answers
graded) came out as recorded it believes, unless `--re-execute` carries them out again (see `benchmarks.re_execute`).
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import tasksets
from benchmarks.entries import (
    USAGE,
    Entry,
    prompt_hash,
    read_entry,
    read_json,
    read_lines,
    replay_steps,
    summarise,
    task_set_of,
)
from benchmarks.re_execute import AGAINST, re_execute
from mas_envs.core.errors import MasEnvsError, UsageError
from mas_envs.core.game import Game, Task

MOST = 10**15
"""No count, cost or reward of an episode is larger."""


class Difference(MasEnvsError):  # noqa: N818 (it is what was found, not a fault of ours)
    """What is recorded is not what comes out."""


class Loaded(NamedTuple):
    """An entry whose settings, tasks and number of episodes are in order. tasks: those that it played."""

    entry: Entry
    game: Game[Any]
    tasks: Sequence[Task]
    lines: Sequence[Mapping[str, Any]]


def load(folder: Path) -> Loaded:
    """Returns what an entry holds; raises Difference where that is not what it says it played.

    Raises StateError where a file is missing, damaged or of another version.
    """
    entry = read_entry(folder)
    try:
        game = entry.game()
    except UsageError as error:
        raise Difference(f"entry.json has settings that no {entry.env} has: {error}") from error
    _same("the settings in entry.json", dict(entry.env_settings), json.loads(json.dumps(game.settings())))
    # A set of a file is found by the path that the game has: the entry's own name has no folder.
    own = entry.tasks.startswith((tasksets.PREFIX, tasksets.HUB))
    name = (own and game.settings().get("source")) or task_set_of(entry)
    tasks = tasksets.load(name, entry.env, entry.env_settings)
    _same("the task set in entry.json", entry.tasks, tasks.full_name)
    for key, value in tasks.settings.items():
        _same(f"the setting {key} of the task set", entry.env_settings.get(key), value)
    if entry.attempts < 1:
        raise Difference(f"attempts in entry.json are {entry.attempts}; there has to be one.")
    if not 1 <= entry.limit <= len(tasks.digests):
        raise Difference(f"limit in entry.json is {entry.limit}; the set has {len(tasks.digests)} tasks.")
    _same("the roles in entry.json", sorted(entry.agents), sorted(role.name for role in game.roles))
    lines = read_lines(folder / "episodes.jsonl", whole=True)
    if len(lines) != entry.episodes:
        raise Difference(f"There are {len(lines)} episodes; {entry.episodes} belong here.")
    return Loaded(entry, game, [tasks.task(game, number) for number in range(entry.limit)], lines)


def verify(folder: Path) -> dict[str, Any]:
    """Returns the entry's summary if everything in it follows from its actions; raises Difference otherwise.

    Raises StateError where a file is missing, damaged or of another version.
    """
    return check(load(folder), folder)


def check(loaded: Loaded, folder: Path) -> dict[str, Any]:
    """Returns the summary of an entry if all of it follows from the actions; raises as `verify`."""
    entry, game, every, lines = loaded
    wanted = [(number, attempt) for number in range(entry.limit) for attempt in range(entry.attempts)]
    for place, ((number, attempt), line) in enumerate(zip(wanted, lines, strict=True), 1):
        where = f"episode {place} (line {place})"
        _same(f"the number of {where}", line["number"], number)
        _same(f"the attempt of {where}", line["attempt"], attempt)
        try:
            check_episode(entry, game, every[number], line, where)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise Difference(f"{where} cannot be played again ({type(error).__name__}: {error}).") from error
    summary = read_json(folder / "summary.json")
    if not isinstance(summary, dict):
        raise Difference(f"summary.json holds {_short(summary)}, which is no summary.")
    for key, value in summarise(entry, game, every, lines).items():
        _same(f"{key} in summary.json", summary.get(key), value)
    _same("decoding in summary.json", summary.get("decoding"), entry.decoding)
    return summary


def check_episode(entry: Entry, game: Game[Any], task: Task, line: Mapping[str, Any], where: str) -> None:
    """Raises Difference unless playing the record's actions again comes to what it says."""
    _same(f"the task of {where}", line["task"], asdict(task.ref))
    returns, success, turns, over = dict.fromkeys(game.agents, 0.0), False, 0, False
    for i, (recorded, (moment, step)) in enumerate(zip(line["moments"], replay_steps(game, task, line), strict=True)):
        at = f"of moment {i} of {where}"
        _same(f"who acts {at}", sorted(recorded["actions"]), sorted(moment.actions))
        _same(f"the prompts {at}", recorded["prompts"], {agent: prompt_hash(p) for agent, p in moment.prompts.items()})
        if step is None:  # it has to be the last one
            success, over, turns = None, True, turns if i else game.initial(task).turn
            continue
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
    _same(f"turns of {where}", line["turns"], turns)
    if type(line["tokens"]) is not int or not 0 <= line["tokens"] <= MOST:
        raise Difference(f"tokens of {where} are {line['tokens']!r}.")
    _check_usage(line, where)


def _check_usage(line: Mapping[str, Any], where: str) -> None:
    """Raises Difference unless what the answers took can be: counts, and those of them that the moments show."""
    usage, moments = line["usage"], line["moments"]
    _same(f"what the usage of {where} has", sorted(usage), sorted(USAGE))
    for name, value in usage.items():
        good = isinstance(value, int | float) if name == "cost" else type(value) is int
        if not good or isinstance(value, bool) or not 0 <= value <= MOST:
            raise Difference(f"{name} in the usage of {where} is {value!r}.")
    _same(f"the completions of {where}", usage["completions"], sum(len(moment["actions"]) for moment in moments))
    failures = [moment.get("failures", {}) for moment in moments]
    _same(f"the failed completions of {where}", usage["failed"], sum(map(len, failures)))
    for i, (moment, failed) in enumerate(zip(moments, failures, strict=True)):
        if failed and (moment["rewards"] is not None or not failed.keys() <= moment["actions"].keys()):
            raise Difference(f"Moment {i} of {where} has failures ({_short(failed)}), but is not masked by them.")


def _same(what: str, recorded: Any, found: Any) -> None:
    if not _equal(recorded, found):
        raise Difference(f"{what[:1].upper() + what[1:]}: recorded {_short(recorded)}, but it is {_short(found)}.")


def _equal(one: Any, other: Any) -> bool:
    """Compares what is recorded with what is found, JSON values: where a float is found, up to rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(other, float) and isinstance(one, int | float) and not isinstance(one, bool):
        return abs(one) <= MOST and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and one == other


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _execute(folder: Path, loaded: Loaded) -> None:
    """Carries out an entry's effects again and prints what came out otherwise; raises Difference for what is wrong."""
    report = re_execute(loaded.game, loaded.tasks, loaded.lines)
    for other in report.others:
        print(f"{folder}: {other.where}, {other.kind}: recorded {_short(other.recorded)}, now {_short(other.found)}")
    if any(other.kind in AGAINST for other in report.others):
        raise Difference(f"Carried out again, {report}.")
    print(f"{folder}: carried out again, {report}")


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0 all verify, 1 one does not, 2 one cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verify", description="Replays entries.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--re-execute", action="store_true", help="also run programs and grade answers again")
    given, status = parser.parse_args(argv), 0
    for folder in given.folders:
        try:
            loaded = load(folder)
            summary = check(loaded, folder)
            if given.re_execute:
                _execute(folder, loaded)
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
