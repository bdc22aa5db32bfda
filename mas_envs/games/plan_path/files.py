"""Plan-Path's tasks from a file, `source="file:PATH"`. What it holds says its beginning.

A MovingAI scenario (`.scen`) gives one task for each of its queries, on the maps that it names; a MovingAI map (`.map`)
tasks drawn on that map, by split and index; drawings of `#`, `.`, `@` and `G`, with empty lines between them, one task
each.
"""

from array import array
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mas_envs.core.errors import UsageError
from mas_envs.core.files import PREFIX, Entry, FileTasks, read_file
from mas_envs.core.game import Task, TaskRef
from mas_envs.core.seeding import derive, split_of
from mas_envs.games.plan_path import maps
from mas_envs.games.plan_path.maps import Query
from mas_envs.games.plan_path.rules import WALL, Level, Terrain, flood
from mas_envs.games.plan_path.tasks import MOVES_PER_SIDE, Length, MapTasks, digest


class FromFile(NamedTuple):
    """What a file holds.

    width, height: of a board that every map fits on; walls: share of the cells; moves: so many solve each task.
    """

    tasks: FileTasks | MapTasks
    width: int
    height: int
    walls: float
    moves: int


def load(source: str, length: Length | None = None) -> FromFile:
    """Returns what the file of "file:PATH" holds; raises UsageError, naming the line, where it is malformed.

    Args:
        length: fewest and most moves of a shortest path, for tasks that are drawn on a map.
    """
    name, text = read_file(source)
    kind = _kind(name, text)
    if length and kind != "map":
        raise UsageError(f"length chooses among tasks that are drawn; those of {name} are as they are. Leave it out.")
    if kind == "map":
        terrain = maps.parse_map(text, name)
        longest = longest_way(terrain)
        return _found(MapTasks(name, terrain, length, longest), [terrain], longest)
    if kind == "scenario":
        return _scenario(name, text, Path(source.removeprefix(PREFIX)).expanduser().parent)
    return _drawings(name, text)


def _kind(name: str, text: str) -> str:
    """Says what a file is by its first line with something in it, and where that says nothing by its name."""
    first = next((line for line in text.split("\n") if line.strip()), "").strip()
    if not first.strip("#.@G"):
        return "drawings"
    if first.startswith("version") or name.endswith(".scen"):
        return "scenario"
    return "map" if first.startswith("type") or name.endswith(".map") else "drawings"


def _drawings(name: str, text: str) -> FromFile:
    levels = [(line, maps.parse_level(drawing, line, name)) for line, drawing in maps.split_drawings(text)]
    entries = [
        Entry(_split(level), partial(_task, name, str(number), level)) for number, (_, level) in enumerate(levels, 1)
    ]
    tasks = FileTasks(name, entries)
    return _found(tasks, [level.terrain for _, level in levels], max(level.steps for _, level in levels))


def _scenario(name: str, text: str, folder: Path) -> FromFile:
    terrains: dict[str, Terrain] = {}
    entries: list[Entry] = []
    for query in maps.parse_scenario(text, name):
        if query.map not in terrains:
            terrains[query.map] = _map_of(query, name, folder)
        level = maps.level_of(query, terrains[query.map], name)
        entries.append(Entry(_split(level), partial(_query_task, name, query, level)))
    tasks = FileTasks(name, entries)
    return _found(tasks, list(terrains.values()), max(map(longest_way, terrains.values())))


def _map_of(query: Query, name: str, folder: Path) -> Terrain:
    """Returns the map that a scenario names: at that path from the scenario, beside it, or in `maps/` beside it."""
    file = Path(query.map).name
    places = (folder / query.map, folder / file, folder / "maps" / file)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        looked = ", ".join(dict.fromkeys(map(str, places)))
        raise UsageError(
            f"Line {query.line} of {name} names the map {query.map!r}, which is not there; put it at {looked}."
        )
    return maps.parse_map(read_file(f"{PREFIX}{path}")[1], path.name)


def _query_task(name: str, query: Query, level: Level) -> Task:
    where = f"Line {query.line} of {name}"
    if level.start == level.goal:
        raise UsageError(f"{where} starts on its goal {query.goal}: there is nothing to play. Leave the line out.")
    if level.steps < 0:
        raise UsageError(
            f"{where}: no way leads from {query.start} to {query.goal} in steps up, down, left and right. "
            "Leave the line out."
        )
    return _task(name, str(query.line), level)


def _task(name: str, number: str, level: Level) -> Task:
    return Task(TaskRef(f"{PREFIX}{name}", number, digest(level)), level)


def _split(level: Level) -> str:
    return split_of(derive(level.terrain.layout(level.goal)))


def _found(tasks: FileTasks | MapTasks, terrains: list[Terrain], longest: int) -> FromFile:
    """Returns what a file holds; no shortest path on its maps takes more than `longest` moves."""
    width, height = max(each.width for each in terrains), max(each.height for each in terrains)
    walls = sum(each.cells.count(WALL) for each in terrains)
    share = walls / sum(len(each.cells) for each in terrains)
    return FromFile(tasks, width, height, share, max(MOVES_PER_SIDE * max(width, height), longest))


def longest_way(terrain: Terrain) -> int:
    """Returns a number of moves that no shortest path on the map exceeds; 0 where no two free cells are connected.

    The longest itself would take a search from every cell. No path is longer than twice the longest from one cell;
    a cell half way between two that lie far apart makes that nearly the longest itself.
    """
    wide, unseen = terrain.width + 1, terrain.fenced()
    found, bound, cell = array("i", [-1]) * len(unseen), 0, 0
    while (cell := unseen.find(1, cell)) >= 0:
        far = flood(unseen, wide, cell, found)
        if 2 * found[far] > bound:
            bound = max(bound, min(2 * found[far], 2 * _farthest_from_the_middle(terrain, far)))
    return bound


def _farthest_from_the_middle(terrain: Terrain, end: int) -> int:
    """Returns the most moves that any cell is from the middle of a longest way from `end` (fenced cells)."""
    wide, cells = terrain.width + 1, terrain.fenced()
    found = array("i", [-1]) * len(cells)
    cell = flood(cells, wide, end, found)
    for steps in range(found[cell] - 1, found[cell] // 2 - 1, -1):
        cell = next(to for to in (cell - wide, cell + wide, cell - 1, cell + 1) if found[to] == steps)
    cells = terrain.fenced()
    return found[flood(cells, wide, cell, found)]
