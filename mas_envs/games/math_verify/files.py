r"""Problems from files: `source="file:PATH"` reads one JSON object a line, from `.jsonl` or `.jsonl.gz`. Names of
fields may be capitalised; fields that are not listed here are passed over.

| field | what it is |
|---|---|
| `problem` or `question` | the problem: `question` in GSM8K, `problem` in MATH, MATH-500 and AIME |
| `context` | goes before the problem, where there is one (OlympiadBench) |
| `final_answer` or `answer` | the reference, a text or a number. Of a text with `####` (GSM8K) what follows that |
| | A list (OlympiadBench): any of them is right; with `is_multiple_answer` all are wanted |
| `solution` | where there is neither (MATH): the last `\boxed{}` in it is the reference |
| `error` | the absolute error that is allowed (OlympiadBench), the smallest of several |
| `unit` | the unit to answer in, which the problem then says (OlympiadBench) |
| `type`, `subject` or `subfield` | is reported as the family; by default the file's name |
| `level` or `difficulty` | is reported as the difficulty |

A malformed line is refused with its number. Which split a problem is in its text decides; `game.listed()` has all, in
the order of the file. Grading the answers needs the extra `math` (`pip install "mas-envs[math]"`). The compact style
is then read character by character.

`source="hub:NAME"` reads the rows of a data set instead (`mas_envs.core.hub`): gsm8k, math500, aime24, aime25,
olympiadbench (English, without pictures), or any other as OWNER/NAME@REVISION. Its revision is pinned, a task is named
by the number of its row, from 1, and rows that are no problem with an answer are left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from math import isfinite
from typing import Any

from mas_envs.core.errors import MissingExtraError, UsageError
from mas_envs.core.files import PREFIX, Entry, FileTasks, is_file, read_file
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.hub import is_hub, load_rows
from mas_envs.core.seeding import derive, split_of
from mas_envs.games.math_verify.problems import Problem
from mas_envs.games.math_verify.tasks import digest
from mas_envs.grading.math import boxed_answer

QUESTIONS = ("problem", "question")
FAMILIES = ("type", "subject", "subfield")
DIFFICULTIES = ("level", "difficulty")
_EXAMPLE = 'A line is like {"problem": "What is 1 + 1?", "answer": "2"}.'


class ProblemFile:
    """The problems of a file, or of a data set on the hub.

    Attributes:
        tasks: by split and index, as from every file. source: what references to them have as their source.
    """

    def __init__(self, source: str):
        if any(find_spec(package) is None for package in ("math_verify", "latex2sympy2_extended")):
            raise MissingExtraError(
                'Answers to the problems of a file may need algebra. Install the extra: pip install "mas-envs[math]".'
            )
        if is_file(source):
            name, text = read_file(source)
            self.source, numbered = f"{PREFIX}{name}", _of_file(name, text)
        else:
            found, rows = load_rows(source)
            name, self.source, numbered = source, found.source, _of_rows(source, rows)
        self._places: dict[str, int] = {}
        entries: list[Entry] = []
        for number, problem in numbered:
            ref = TaskRef(self.source, str(number), digest(problem.question))
            self._places[ref.id] = len(entries)
            entries.append(Entry(split_of(derive("math_verify", problem.question)), partial(Task, ref, problem)))
        self.tasks = FileTasks(name, entries)

    def named(self, line: str) -> Task:
        """Returns the task on a line (from 1) of the file; raises UsageError where there is none."""
        if line not in self._places:
            raise UsageError(f"{self.tasks.name} has no problem on line {line!r}; give the number of a line.")
        return self.tasks.at(self._places[line])


def choose(source: str | None, *generated: str | None) -> ProblemFile | None:
    """Returns the problems that a game's `source` names, None for generated ones; raises UsageError for what is no
    source, or where `generated`, settings that choose among generated problems, are given beside one."""
    if source is None:
        return None
    if not is_file(source) and not is_hub(source):
        raise UsageError(f"source is {source!r}; give 'file:PATH', 'hub:NAME', or None for generated problems.")
    if any(each is not None for each in generated):
        raise UsageError("difficulty and families choose among generated problems; leave them out with a source.")
    return ProblemFile(source)


def _of_file(name: str, text: str) -> Iterator[tuple[int, Problem]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, read_problem(line, f"Line {number} of {name}", name.partition(".")[0])


def _of_rows(source: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, Problem]]:
    """Yields the rows that are problems; raises UsageError, saying why the last one is none, where there are none."""
    family, reason, count = source.partition(":")[2].partition("@")[0].partition(":")[0], "it has no rows.", 0
    for number, row in enumerate(rows, 1):
        try:
            problem = problem_of(row, f"Row {number} of {source}", family)
        except UsageError as error:
            reason = str(error)
            continue
        count += 1
        yield number, problem
    if not count:
        raise UsageError(f"{source} holds no mathematical problem: {reason}")


def read_problem(line: str, where: str, family: str) -> Problem:
    """Returns the problem on a line; raises UsageError, saying `where`, if it is malformed.

    family: what it counts as where it does not say.
    """
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is no JSON ({str(error)[:80]}). {_EXAMPLE}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{where} is no JSON object. {_EXAMPLE}")
    return problem_of(data, where, family)


def problem_of(data: Mapping[str, Any], where: str, family: str) -> Problem:
    """Returns the problem that these fields hold; see `read_problem`."""
    fields = {str(name).lower(): value for name, value in data.items()}
    question = next((_text(fields[name]) for name in QUESTIONS if name in fields), "")
    if not question:
        raise UsageError(f"{where} has no {' or '.join(QUESTIONS)} in words. {_EXAMPLE}")
    answers = _answers(fields, where)
    question = "\n".join(filter(None, (_text(fields.get("context")), question)))
    if unit := _text(fields.get("unit")):
        question += f"\nGive the answer in {unit}."
    kinds = (next((_text(fields[name]) for name in names if name in fields), "") for names in (FAMILIES, DIFFICULTIES))
    kind, difficulty = kinds
    return Problem(question, question, kind or family, difficulty, answers, tolerance=_tolerance(fields, where))


def _answers(fields: dict[str, Any], where: str) -> tuple[str, ...]:
    """Returns what answers are compared with: each of several is right, unless the line says that all are wanted."""
    if "final_answer" in fields or "answer" in fields:
        found = fields["final_answer"] if "final_answer" in fields else fields["answer"]
        texts = [_text(each) for each in found] if isinstance(found, list) else [_text(found)]
        texts = [text.rpartition("####")[2].strip() for text in texts]
        if fields.get("is_multiple_answer") is True:
            texts = [", ".join(texts)] if all(texts) else []
    elif "solution" in fields:
        texts = [boxed_answer(_text(fields["solution"])) or ""]
    else:
        raise UsageError(f"{where} has no answer, final_answer or solution. {_EXAMPLE}")
    if not texts or not all(texts):
        raise UsageError(f"{where} has an empty answer, or a solution without \\boxed{{}}. {_EXAMPLE}")
    return tuple(texts)


def _tolerance(fields: dict[str, Any], where: str) -> float:
    """Returns the absolute error that a line allows: `error`, the smallest of several."""
    text = _text(fields.get("error"))
    if not text:
        return 0.0
    try:
        found = min(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = -1.0
    if not (isfinite(found) and found >= 0):
        raise UsageError(f"{where} has the error {text!r}; it must be a number of at least 0, or several with commas.")
    return found


def _text(value: Any) -> str:
    """Returns a text or a number as a text without space around; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()
