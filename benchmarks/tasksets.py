"""Task sets: frozen lists of held-out tasks, so that everybody is measured by the same ones.

A set is a file in benchmarks/sets/, made once from a game's own test split and never changed: the game's settings and
the digest of every task, in order. Its full name ends with a hash of all of that, `sokoban/6x6@3f2a91c0`; a game whose
generator came to make other tasks is found out when they are played. `file:PATH` makes a set of a file of levels or
problems (every task of it, in order), `hub:NAME` of a data set on a hub, and `GAME/test` of the first tasks of any
game's test split, with whatever settings it is made: what a game has that nobody froze a set of. `GAME/train` is the
same of the training split: to record episodes that somebody is trained on (`python -m trainers.sft --episodes`), never
to compare anybody by.

    python -m benchmarks.tasksets                                              lists the sets
    python -m benchmarks.tasksets --make sokoban/6x6 --count 400 size=6 boxes=1    writes a new one
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mas_envs
from benchmarks.flags import settings_of
from mas_envs.core.errors import MasEnvsError, UsageError, did_you_mean, in_range
from mas_envs.core.files import PREFIX
from mas_envs.core.game import Game, Task
from mas_envs.core.hub import PREFIX as HUB
from mas_envs.registry import registration
from trainers.run.files import write_text

FOLDER = Path(__file__).parent / "sets"
SPLIT = "test"
TRAINING = "train"
UNFROZEN = {SPLIT: 200, TRAINING: 1000}
"""Tasks of a set `GAME/test` or `GAME/train`."""


_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class TaskSet:
    """A frozen list of tasks.

    name: "GAME/NAME", "file:PATH" or "hub:NAME". settings: of the game, as far as they decide the tasks. digests: of
    every task, in order; the tasks are those of the game's test split, or of the file, from the first on.
    """

    name: str
    game: str
    settings: Mapping[str, Any]
    digests: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """The name with the hash of what the set holds: the same for a file in any folder."""
        of_file = self.name.startswith(PREFIX)
        content = json.dumps([self.game, {} if of_file else dict(self.settings), self.digests], sort_keys=True)
        name = PREFIX + Path(self.name.removeprefix(PREFIX)).name if of_file else self.name
        return f"{name}@{hashlib.blake2b(content.encode(), digest_size=4).hexdigest()}"

    def task(self, game: Game[Any], number: int) -> Task:
        """Returns task `number` (from 0); raises UsageError where the game now makes another one of it."""
        split = TRAINING if self.name == f"{self.game}/{TRAINING}" else SPLIT
        task = game.listed()[number] if self.name.startswith((PREFIX, HUB)) else game.task(split, number)
        if task.ref.digest != self.digests[number]:
            raise UsageError(
                f"Task {number} of {self.name} is {task.ref.digest}, but the set says {self.digests[number]}: the game "
                "makes other tasks than when the set was frozen. Use the version of mas-envs that it was made with."
            )
        return task


def names() -> list[str]:
    """Returns the names of all frozen sets."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.json"))


def load(name: str, game: str, settings: Mapping[str, Any]) -> TaskSet:
    """Returns the set of that name (the hash may be left out); for "" `GAME/standard`, or `GAME/test` without one.

    Args:
        settings: of the game, on which a set `GAME/test` depends.

    Raises UsageError where there is none, or it is one of another game.
    """
    registration(game)
    if name.startswith((PREFIX, HUB)):
        tasks = mas_envs.make_game(game, source=name).listed()
        return TaskSet(name, game, {"source": name}, tuple(task.ref.digest for task in tasks))
    known = [each for each in names() if each.startswith(f"{game}/")]
    default = f"{game}/standard" if f"{game}/standard" in known else f"{game}/{SPLIT}"
    wanted, _, mark = (name or default).partition("@")
    split = wanted.partition("/")[2]
    if wanted.partition("/")[0] == game and split in UNFROZEN:
        made = mas_envs.make_game(game, **settings)
        digests = tuple(made.task(split, i).ref.digest for i in range(UNFROZEN[split]))
        return _checked(TaskSet(wanted, game, {}, digests), name, mark)
    if wanted not in known:
        known.append(f"{game}/{SPLIT}")
        raise UsageError(
            f"{game} has no task set {wanted!r}.{did_you_mean(wanted, known)} It has: {', '.join(known)}. A file is a "
            "set, too: file:PATH, and so is a data set that the game can read: hub:NAME."
        )
    data = json.loads((FOLDER / f"{wanted}.json").read_text(encoding="utf-8"))
    return _checked(TaskSet(wanted, data["game"], data["settings"], tuple(data["digests"])), name, mark)


def _checked(found: TaskSet, name: str, mark: str) -> TaskSet:
    """Returns a set; raises UsageError where the name that it was asked for by has another hash."""
    if mark and found.full_name != name:
        what = "version of mas-envs" if found.settings else "version of mas-envs, or to other settings"
        raise UsageError(f"The task set {name!r} is {found.full_name} here; it belongs to another {what}.")
    return found


def make(name: str, settings: Mapping[str, Any], count: int) -> TaskSet:
    """Freezes the first `count` tasks of a game's test split under a name that is not taken; returns the set."""
    game, _, own = name.partition("/")
    path = FOLDER / f"{name}.json"
    if not _NAME.fullmatch(own) or own in UNFROZEN or path.exists():
        raise UsageError(
            f"{name!r} is taken or no name of a set; write GAME/NAME, the latter of letters, digits, - and _, and not "
            f"{' or '.join(UNFROZEN)}. A set that is there never changes."
        )
    made = mas_envs.make_game(game, **settings)
    tasks = [made.task(SPLIT, index) for index in range(in_range("--count", count, 1, 100_000))]
    found = TaskSet(name, game, dict(settings), tuple(task.ref.digest for task in tasks))
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"game": game, "settings": dict(settings), "digests": found.digests}
    write_text(path, json.dumps(content, indent=0) + "\n")
    return found


def _described() -> Iterator[str]:
    for name in names():
        found = load(name, name.partition("/")[0], {})
        distinct = len(set(found.digests))
        yield f"{found.full_name:34} {len(found.digests):5} tasks ({distinct} different)  {dict(found.settings)}"


def main(argv: Sequence[str]) -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tasksets", description="Lists or makes task sets.")
    parser.add_argument("--make", metavar="GAME/NAME", help="freeze a new set")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("settings", nargs="*", metavar="name=value", help="settings of the game")
    given = parser.parse_args(argv)
    try:
        if given.make:
            print(make(given.make, settings_of(given.settings), given.count).full_name)
        else:
            print("\n".join(_described()))
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
