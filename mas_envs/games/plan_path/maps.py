"""Reading maps: drawings of our own, and MovingAI's `.map` and `.scen` (movingai.com/benchmarks/formats.html).

A map has at most MAX_SIDE rows and columns. Every function raises UsageError for malformed text, naming the line.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.games.plan_path.rules import AGENT, FREE, GOAL, WALL, Level, Terrain

MAX_SIDE = 1024
"""Rows and columns of a map; the largest of MovingAI's have so many."""

_DRAWN = WALL + FREE + AGENT + GOAL
_PASSABLE, _BLOCKED = ".GS", "@OTW"
"""Of MovingAI's terrain: swamp (S) can be entered from plain ground, water (W) cannot, so here it is a wall."""
_TERRAIN = str.maketrans(dict.fromkeys(_PASSABLE, FREE) | dict.fromkeys(_BLOCKED, WALL))
_HEADER = (
    (re.compile(r"type\s+octile"), "type octile"),
    (re.compile(r"height\s+([0-9]{1,6})"), f"height (1 to {MAX_SIDE})"),
    (re.compile(r"width\s+([0-9]{1,6})"), f"width (1 to {MAX_SIDE})"),
    (re.compile("map"), "map"),
)
_COLUMNS = ("bucket", "map", "map width", "map height", "start x", "start y", "goal x", "goal y", "optimal length")


class Query(NamedTuple):
    """One line of a scenario: x counts columns from the left and y rows from the top, both from 0.

    length: the shortest path as the file lists it, with diagonal steps of sqrt(2), no corner cut.
    """

    line: int
    map: str
    width: int
    height: int
    start: tuple[int, int]
    goal: tuple[int, int]
    length: float


@lru_cache(maxsize=16)  # saved states hold their map as text: those of one map share what is worked out about it
def terrain(width: int, height: int, cells: str) -> Terrain:
    """Returns the map of these cells, the same object as for others that were read lately."""
    return Terrain(width, height, cells)


# ---- drawings -------------------------------------------------------------------------------------------------------
def parse_level(text: str, first: int = 1, name: str = "") -> Level:
    """Returns the level of rows made of `#`, `.`, one `@` (start) and one `G` (goal).

    Args:
        first: number of the first line in the file `name`, for messages; without a name lines are the text's own.
    """
    rows = [row.rstrip() for row in text.strip("\n").splitlines()]
    if not rows or not rows[0]:
        raise UsageError("The map is empty; give rows of # (wall), . (free), @ (start) and G (goal).")
    _check_rows(rows, len(rows[0]), f"line {first} has", first, _DRAWN, name or "the map")
    where = f"The map on line {first} of {name}" if name else "The map"
    cells = "".join(rows)
    for sign in (AGENT, GOAL):
        if cells.count(sign) != 1:
            raise UsageError(f"{where} has {cells.count(sign)} {sign!r}; it must have exactly one.")
    free = cells.replace(AGENT, FREE).replace(GOAL, FREE)
    level = Level(terrain(len(rows[0]), len(rows), free), cells.index(AGENT), cells.index(GOAL))
    if level.steps < 0:
        raise UsageError(f"{where} cannot be crossed: no way leads from the start to the goal.")
    return level


def split_drawings(text: str) -> list[tuple[int, str]]:
    """Returns every drawing of a text, with the number of its first line; empty lines stand between them."""
    found: list[tuple[int, list[str]]] = []
    before = ""
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if line and not before:
            found.append((number, []))
        if line:
            found[-1][1].append(line)
        before = line
    return [(number, "\n".join(lines)) for number, lines in found]


def _check_rows(rows: Sequence[str], width: int, wanted: str, first: int, allowed: str, name: str) -> None:
    """Raises UsageError unless every row has `width` of the allowed characters, and the map is not too large."""
    if width > MAX_SIDE or len(rows) > MAX_SIDE:
        raise UsageError(
            f"The map on line {first} of {name} has {width}x{len(rows)} cells; {MAX_SIDE}x{MAX_SIDE} can be read."
        )
    for number, row in enumerate(rows, first):
        if len(row) != width:
            raise UsageError(f"Line {number} of {name} has {len(row)} characters, {wanted} {width}.")
        odd = row.strip(allowed)
        if odd:
            raise UsageError(f"Line {number} of {name} has {odd[0]!r}; allowed are {' '.join(allowed)}.")


# ---- MovingAI -------------------------------------------------------------------------------------------------------
def parse_map(text: str, name: str) -> Terrain:
    """Returns the map of a MovingAI `.map`: `.`, `G` and `S` can be walked on; `@`, `O`, `T` and `W` are walls."""
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    sizes: list[int] = []
    for number, (pattern, wanted) in enumerate(_HEADER, 1):
        line = lines[number - 1] if number <= len(lines) else ""
        match = pattern.fullmatch(line)
        if match is None or not all(1 <= int(size) <= MAX_SIDE for size in match.groups()):
            raise UsageError(
                f"Line {number} of {name} is {line[:40]!r}, expected: {wanted}. "
                f"A map begins with the lines {', '.join(words for _, words in _HEADER)}."
            )
        sizes += map(int, match.groups())
    (height, width), rows = sizes, lines[len(_HEADER) :]
    if len(rows) != height:
        raise UsageError(
            f"{name} has {len(rows)} rows, the last on line {len(lines)}; by line 2 it has {height}. "
            "Give the whole map, or its true height."
        )
    _check_rows(rows, width, "by line 3 it has", len(_HEADER) + 1, _PASSABLE + _BLOCKED, name)
    return terrain(width, height, "".join(rows).translate(_TERRAIN))


def parse_scenario(text: str, name: str) -> list[Query]:
    """Returns the queries of a MovingAI `.scen`, version 1."""
    lines = [line.rstrip() for line in text.split("\n")]
    head = lines[0].split()
    if len(head) != 2 or head[0] != "version" or head[1] not in ("1", "1.0"):
        raise UsageError(f"Line 1 of {name} is {lines[0][:40]!r}, expected: version 1.")
    return [_query(line, number, name) for number, line in enumerate(lines[1:], 2) if line]


def _query(line: str, number: int, name: str) -> Query:
    values = line.split("\t") if "\t" in line else line.split()
    if len(values) != len(_COLUMNS):
        raise UsageError(
            f"Line {number} of {name} has {len(values)} columns, expected {len(_COLUMNS)}: {', '.join(_COLUMNS)}."
        )
    numbers: list[int] = []
    for column, value in list(zip(_COLUMNS, values, strict=True))[2:8]:
        if not (value.isdecimal() and value.isascii() and len(value) < 10):
            raise UsageError(f"Line {number} of {name}: {column} is {value[:40]!r}, expected a whole number from 0.")
        numbers.append(int(value))
    try:
        length = float(values[8])
    except ValueError:
        length = -1.0
    if not 0 <= length < float("inf"):
        raise UsageError(f"Line {number} of {name}: {_COLUMNS[8]} is {values[8][:40]!r}, expected a number from 0.")
    width, height, *places = numbers
    return Query(number, values[1].strip(), width, height, (places[0], places[1]), (places[2], places[3]), length)


def level_of(query: Query, ground: Terrain, name: str) -> Level:
    """Returns the level of a query on its map, whether or not there is a way.

    Raises UsageError where the map has another size, or an end lies off the map or on a wall.
    """
    where = f"Line {query.line} of {name}"
    if (query.width, query.height) != (ground.width, ground.height):
        raise UsageError(
            f"{where} is of a map with {query.width}x{query.height} cells; that of {query.map} has "
            f"{ground.width}x{ground.height}."
        )
    ends: list[int] = []
    for what, (x, y) in (("start", query.start), ("goal", query.goal)):
        if x >= ground.width or y >= ground.height:
            raise UsageError(
                f"{where}: the {what} ({x}, {y}) is off the map, which has columns 0 to {ground.width - 1} and rows "
                f"0 to {ground.height - 1}."
            )
        ends.append(y * ground.width + x)
        if ground.cells[ends[-1]] == WALL:
            raise UsageError(f"{where}: the {what} ({x}, {y}) is on an obstacle of {query.map}.")
    return Level(ground, ends[0], ends[1])
