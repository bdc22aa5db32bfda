"""From what a model wrote to a program or to test cases. Total, and linear in the length of the text."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mas_envs.core.text import last_fenced, without_thinking
from mas_envs.games.code_test.problem import Case

MOST_CASES = 4
"""Cases of one answer that count, its first ones."""
LONGEST_CASE = 4000
"""Characters that a case's input may have, and its output as well."""

_FENCE = re.compile(r"^[ \t]*```", re.M)
_HEAD = re.compile(r"^[ \t]*[*#> \t-]{0,8}(input|output)\b[^:\n]{0,16}:[* \t]*`{0,3}(.*)$", re.I)
_NO_PROGRAM = "There is no program: give one in a ```python block."
_NO_CASES = 'There are no cases: give blocks "Input:" and "Output:", each followed by its lines.'


class Cases(NamedTuple):
    """The cases that were read, and what was wrong, "" if nothing was."""

    cases: tuple[Case, ...] = ()
    error: str = ""


def parse_program(text: str) -> tuple[str, str]:
    """Returns the program of an answer, "" for none, and what was wrong with it, "" if nothing was.

    It is the last block between lines of ```, one that is cut off at the end of the text included; an answer without
    any is a program as it stands.
    """
    text = without_thinking(text)
    blocks = fenced_blocks(text)
    program = blocks[-1] if blocks else text
    if not blocks and "```" in text:
        program = last_fenced(text) or ""
    program = program.strip("\r\n")
    return (program, "") if program.strip() else ("", _NO_PROGRAM)


def fenced_blocks(text: str) -> list[str]:
    """Returns what stands in blocks that a line beginning with ``` opens and a line of nothing else closes."""
    blocks: list[str] = []
    opened: list[str] | None = None
    if "```" not in text:
        return blocks
    for line in text.split("\n"):
        if not line.lstrip().startswith("```"):
            if opened is not None:
                opened.append(line)
        elif opened is not None and line.strip() == "```":
            blocks.append("\n".join(opened))
            opened = None
        elif opened is None or line.strip().strip("`").isalnum():
            if opened is not None:
                blocks.append("\n".join(opened))
            opened = []
        else:
            opened.append(line)
    if opened is not None:
        blocks.append("\n".join(opened))
    return [block for block in blocks if block.strip()]


def parse_cases(text: str) -> Cases:
    """Returns the test cases of an answer: at most MOST_CASES, the first ones.

    Read are a JSON list of objects with "input" and "output" (or of pairs), blocks of lines after `Input:` and
    `Output:`, and in one line `in 3 4 out 7 in 5 out 5`, as small policies write it.
    """
    text = without_thinking(text)
    found = [*_from_json(text)] or [*_from_heads(text)] or [*_from_words(text)]
    short = [case for case in found if max(map(len, case)) <= LONGEST_CASE]
    if not found:
        return Cases((), _NO_CASES)
    if not short:
        return Cases((), f"Every case is too long: at most {LONGEST_CASE} characters of input and of output count.")
    return Cases(tuple(short[:MOST_CASES]))


def _from_json(text: str) -> Iterator[Case]:
    bodies = [text, *reversed(fenced_blocks(text))]
    for body in bodies:
        if body.lstrip()[:1] not in ("[", "{"):
            continue
        try:
            data: Any = json.loads(body)
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            data = data.get("cases", data.get("tests", [data]))
        yield from _cases_of(data if isinstance(data, list) else [])
        return


def _cases_of(entries: Iterable[Any]) -> Iterator[Case]:
    for entry in entries:
        if isinstance(entry, dict):
            entry = [entry.get("input"), entry.get("output")]
        if isinstance(entry, list) and len(entry) == 2:
            parts = [_as_text(part) for part in entry]
            if parts[0] is not None and parts[1] is not None:
                yield Case(parts[0], parts[1])


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip("\n")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list) and all(isinstance(each, int | float) for each in value):
        return " ".join(map(json.dumps, value))
    return None


def _from_heads(text: str) -> Iterator[Case]:
    """Yields the cases whose input and output stand after lines that say so; ``` lines between are no content."""
    parts: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.split("\n"):
        head = _HEAD.match(line) if len(line) <= LONGEST_CASE + 64 else None
        if head:
            name = head[1].lower()
            if name == "input":
                if len(parts) == 2:
                    yield _case(parts)
                parts = {}
            rest = head[2].rstrip().removesuffix("```").rstrip("`* ")
            parts[name] = current = [rest] if rest.strip() else []
        elif line.lstrip().startswith("```"):
            if current:  # a block is over where something stood in it
                current = None
        elif current is not None:
            current.append(line.rstrip("\r"))
    if len(parts) == 2:
        yield _case(parts)


def _case(parts: dict[str, list[str]]) -> Case:
    return Case("\n".join(parts["input"]).strip("\n"), "\n".join(parts["output"]).strip("\n").rstrip())


def _from_words(text: str) -> Iterator[Case]:
    """Yields cases as small policies write them; `~34` goes on with the number before it: `12 ~34` is 1234."""
    halves: list[list[str]] = []
    for word in text.split():
        if word == "in" or (word == "out" and len(halves) % 2 == 1):
            if word == "in" and len(halves) % 2:
                halves.pop()
            halves.append([])
        elif not halves:
            return
        elif word[0] == "~" and halves[-1]:
            halves[-1].append(word[1:])
        else:
            halves[-1].append(f" {word}")
    for before, after in zip(halves[::2], halves[1::2], strict=False):
        yield Case("".join(before).strip(), "".join(after).strip())
