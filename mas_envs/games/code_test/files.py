"""Problems of files (`source="file:PATH"`, .jsonl or .jsonl.gz), one JSON object a line; its forms are in `schemas`."""

import json
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.core.files import PREFIX, Entry, FileTasks, read_file
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import derive, split_of
from mas_envs.games.code_test.problem import Problem
from mas_envs.games.code_test.schemas import FormatError, name_of, read_problem


class ProblemFile(NamedTuple):
    """The problems of a file: its tasks, its source as references hold it, and the number of each name."""

    tasks: FileTasks
    source: str
    numbers: Mapping[str, int]

    def named(self, name: str) -> Task:
        """Returns the task with that id; raises UsageError where the file has none."""
        if name not in self.numbers:
            raise UsageError(f"{self.tasks.name} has no problem {name!r} any more.")
        return self.tasks.at(self.numbers[name])


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
        except (FormatError, UsageError, ValueError, SyntaxError, RecursionError) as error:
            what = str(error).rstrip(".")
            raise UsageError(f"{file}, line {line}: {what}. Correct the line, or take it out of the file.") from error
        name = str(name_of(data) or len(entries) + 1)
        name = name if name not in numbers else f"{name} (number {len(entries) + 1})"
        numbers[name] = len(entries)
        split = split_of(derive("code_test/statement", problem.statement))
        entries.append(Entry(split, partial(_task, PREFIX + file, name, problem)))
    return ProblemFile(FileTasks(file, entries), PREFIX + file, numbers)


def _task(source: str, name: str, problem: Problem) -> Task:
    return Task(TaskRef(source, name, problem.digest()), problem)
