"""Tasks from a file: `source="file:PATH"`.

Every instance of a file belongs to one split by its own content, as generated ones do, so the same level in two
files is in the same split. Which instance a split's task `index` is repeats where the split has fewer.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import Task
from mas_envs.core.seeding import SPLITS

PREFIX = "file:"
MAX_BYTES = 64 * 2**20
"""Size of a file that is read; the largest collections of levels are a tenth of it."""


class Entry(NamedTuple):
    """One instance of a file: its split, and how to make its task (which may take long, or find it impossible)."""

    split: str
    make: Callable[[], Task]


def is_file(source: object) -> bool:
    """Says whether a game's `source` names a file."""
    return isinstance(source, str) and source.startswith(PREFIX) and len(source) > len(PREFIX)


def read_file(source: str) -> tuple[str, str]:
    """Returns (name, text) of the file that "file:PATH" names; its name is without folders, as references hold it.

    A file whose name ends in .gz is unpacked.

    Raises UsageError where it cannot be read, or is no text.
    """
    path = Path(source.removeprefix(PREFIX))
    try:
        path = path.expanduser()
        if not path.is_file():  # what never ends, such as a pipe, is none
            raise UsageError(f"{path} cannot be read: No such file. Give the path of a text file.")
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError(f"{path} has more than {MAX_BYTES} bytes; at most so many are read. Split it.")
        return path.name, io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()
    except (OSError, EOFError, RuntimeError, zlib.error) as error:  # a damaged archive; `~` of nobody's home
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"{path} cannot be read: {reason}. Give the path of a text file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8 (byte {error.start}). Give a text file.") from error


class FileTasks:
    """The tasks of one file.

    Args:
        name: the file's name, for messages.
        entries: its instances, in the order of the file; raises UsageError where there are none.
    """

    def __init__(self, name: str, entries: Sequence[Entry]):
        if not entries:
            raise UsageError(f"{name} holds no task.")
        self.name = name
        self._entries = tuple(entries)
        self._made: dict[int, Task] = {}
        self._numbers = {split: [i for i, e in enumerate(entries) if e.split == split] for split in SPLITS}

    def __len__(self) -> int:
        return len(self._entries)

    def at(self, number: int) -> Task:
        """Returns the task of instance `number` (from 0) in the file's order."""
        if number not in self._made:
            self._made[number] = self._entries[number].make()
        return self._made[number]

    def all(self) -> tuple[Task, ...]:
        """Returns every task, in the order of the file."""
        return tuple(map(self.at, range(len(self))))

    def task(self, split: str, index: int) -> Task:
        """Returns task `index` of a split, counted round and round; raises UsageError where the split is empty."""
        numbers = self._numbers[one_of("split", split, SPLITS)]
        in_range("index", index, 0, 2**63)
        if not numbers:
            counts = ", ".join(f"{each} {len(found)}" for each, found in self._numbers.items())
            raise UsageError(
                f"{self.name} has no task in the split {split!r} ({counts}); an instance's split follows from its "
                "content. Take another split or a larger file, or name one task: options={'task': ...}."
            )
        return self.at(numbers[index % len(numbers)])

    def for_seed(self, index: int) -> Task:
        """Returns the training task `index`; of a file that has none (it is tiny), any of its tasks."""
        numbers = self._numbers["train"] or range(len(self))
        return self.at(numbers[index % len(numbers)])
