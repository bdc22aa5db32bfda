"""The folder of an entry while it is made: what is recorded already, and whether an evaluation can go on from it."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.entries import Entry, read_entry, read_json, read_lines, summarise
from benchmarks.tasksets import TaskSet
from mas_envs.core.errors import StateError, UsageError
from mas_envs.core.game import Game
from trainers.run.files import make_folder, write_json, write_text


def open_folder(entry: Entry, folder: Path, force: bool) -> list[dict[str, Any]]:
    """Makes the entry's folder; returns what is recorded already, whole chunks of it.

    Raises UsageError where the folder holds another entry, unless `force`, which clears it.
    """
    make_folder(folder)
    path = folder / "entry.json"
    done = [] if force else read_lines(folder / "episodes.jsonl", whole=False)
    # What was begun with other settings and has no result (the first call failed) is nothing to keep.
    if done or (not force and (folder / "summary.json").exists()):
        if read_entry(folder) != entry:
            raise UsageError(
                f"{str(folder)!r} holds another entry (see its entry.json). Give another --out, or --force to begin "
                "anew."
            )
        size = entry.chunk * entry.attempts
        whole = done if len(done) == entry.episodes else done[: len(done) // size * size]
    else:
        whole = []
        for name in ("summary.json", "episodes.jsonl", "clock.json"):
            (folder / name).unlink(missing_ok=True)
    write_text(folder / "episodes.jsonl", "".join(as_line(line) for line in whole))
    write_json(path, asdict(entry))
    return whole


def as_line(line: Mapping[str, Any]) -> str:
    """Returns an episode's record as a line of episodes.jsonl."""
    return json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n"


def check_recorded(
    entry: Entry, game: Game[Any], tasks: TaskSet, lines: Sequence[Mapping[str, Any]], folder: Path
) -> None:
    """Raises StateError unless the records to go on from are the entry's first ones, and can be played again."""
    every = [tasks.task(game, place // entry.attempts) for place in range(len(lines))][:: entry.attempts]
    try:
        for place, line in enumerate(lines):
            if (line["number"], line["attempt"]) != divmod(place, entry.attempts):
                raise ValueError(f"line {place + 1} is of task {line['number']}, attempt {line['attempt']}")
        summarise(entry, game, every, lines)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise StateError(
            f"{folder / 'episodes.jsonl'} does not hold what this command has recorded ({type(error).__name__}: "
            f"{error}). Give another --out, or --force to begin anew."
        ) from error


def read_clock(clock: Path) -> float:
    """Returns the seconds of the sittings before; raises StateError for a damaged file."""
    try:
        found = read_json(clock).get("wall_s", 0.0) if clock.exists() else 0.0
        if not isinstance(found, int | float) or not 0 <= found < 1e15:
            raise ValueError(f"wall_s is {found!r}")
    except (StateError, AttributeError, ValueError) as error:
        raise StateError(f"{clock} is damaged ({error}). Delete it: wall_s of the summary then counts anew.") from error
    return found


def tick(clock: Path, before: float, begun: float) -> float:
    """Returns the seconds of all sittings, which are also written."""
    wall_s = round(before + time.monotonic() - begun, 2)
    write_json(clock, {"wall_s": wall_s})
    return wall_s
