"""Problems that are not generated: of a file (`source="file:PATH"`, .jsonl or .jsonl.gz), one JSON object a line, or of
a data set on the hub (`source="hub:NAME"`), one a row; their forms are in `schemas`."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.core.files import PREFIX, Entry, FileTasks, is_file, read_file
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.hub import is_hub, load_rows
from mas_envs.core.seeding import derive, split_of
from mas_envs.games.code_test.problem import Problem
from mas_envs.games.code_test.schemas import FormatError, name_of, read_problem

_NO_PROBLEM = (FormatError, UsageError, ValueError, SyntaxError, RecursionError)


class ProblemFile(NamedTuple):
    """The problems of a file or set: its tasks, its source as references hold it, and the number of each name."""

    tasks: FileTasks
    source: str
    numbers: Mapping[str, int]

    def named(self, name: str) -> Task:
        """Returns the task with that id; raises UsageError where the file has none."""
        if name not in self.numbers:
            raise UsageError(f"{self.tasks.name} has no problem {name!r} any more.")
        return self.tasks.at(self.numbers[name])


def choose(source: str | None, style: str, generated: tuple[str, str]) -> ProblemFile | None:
    """Returns the problems that a game's settings ask for, None for generated ones.

    generated: difficulty and families, which have to be as they are by default where there is a source.
    """
    if source is None:
        return None
    if not is_file(source) and not is_hub(source):
        raise UsageError(
            f"source is {source!r}; give 'file:PATH', the path of a file of problems, 'hub:NAME', a data set, or None."
        )
    if style == "compact":
        raise UsageError("style 'compact' has words for generated problems alone; take style='full' with a source.")
    if generated != ("easy", "seen"):
        raise UsageError("difficulty and families choose among generated problems; leave them out with a source.")
    return load(source) if is_file(source) else load_set(source)


def load(source: str) -> ProblemFile:
    """Returns the problems of the file that "file:PATH" names; raises UsageError, naming the line, for a malformed one.

    Which split a problem is in its statement decides. Two of one name are told apart by their number in the file.
    """
    file, text = read_file(source)
    entries, numbers = list[Entry](), dict[str, int]()
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        try:
            data = json.loads(written)
            if not isinstance(data, dict):
                raise FormatError(f"it is a {type(data).__name__}, not an object")
            problem = read_problem(data)
        except _NO_PROBLEM as error:
            what = str(error).rstrip(".")
            raise UsageError(f"{file}, line {line}: {what}. Correct the line, or take it out of the file.") from error
        name = _free_name(data, numbers)
        entries.append(Entry(_split(problem), partial(_task, PREFIX + file, name, problem)))
    return ProblemFile(FileTasks(file, entries), PREFIX + file, numbers)


def load_set(source: str) -> ProblemFile:
    """Returns the problems of the data set that "hub:NAME" names (`mas_envs.core.hub`).

    Rows that are no problem are left out: published sets have some without tests. A problem is read again when it is
    played, so that memory holds those alone. Raises UsageError where no row is a problem, or the set cannot be had.
    """
    found, rows = load_rows(source)
    entries, numbers, reason = list[Entry](), dict[str, int](), "it has no rows"
    for place, data in enumerate(rows):
        try:
            problem = read_problem(data)
        except _NO_PROBLEM as error:
            reason = str(error).rstrip(".")
            continue
        name = _free_name(data, numbers)
        entries.append(Entry(_split(problem), partial(_task_of_row, found.source, name, rows, place)))
    if not entries:
        raise UsageError(f"{source} holds no programming problem: {reason}.")
    return ProblemFile(FileTasks(source, entries), found.source, numbers)


def _split(problem: Problem) -> str:
    return split_of(derive("code_test/statement", problem.statement))


def _free_name(data: Mapping[str, Any], numbers: dict[str, int]) -> str:
    """Returns the name of the next problem, after its number where it has none of its own, and notes it."""
    number = len(numbers) + 1
    given = name_of(data)
    name = str(number if given is None else given)
    name = name if name not in numbers else f"{name} (number {number})"
    numbers[name] = number - 1
    return name


def _task(source: str, name: str, problem: Problem) -> Task:
    return Task(TaskRef(source, name, problem.digest()), problem)


def _task_of_row(source: str, name: str, rows: Any, place: int) -> Task:
    return _task(source, name, read_problem(rows[place]))
