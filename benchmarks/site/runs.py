"""What a run of the trainers left beside its checkpoints: the curve of its learning, and some of its groups.

An entry knows its run by where its agents' checkpoints lie. Files that are not there, or are no records of a run, give
nothing: an entry is worth as much without them.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

import mas_envs
from benchmarks.agents import LOCAL
from benchmarks.entries import Entry
from benchmarks.site.episodes import DAMAGED, Film, came_of
from mas_envs.core.errors import MasEnvsError
from mas_envs.core.game import Game

MOST_TREES = 8
"""Of one run on a page, spread over its length."""
Curve = list[tuple[float, float]]


def run_of(entry: Entry) -> Path | None:
    """Returns the folder of the run that an entry's checkpoints are of; None where they are of none, or of several."""
    folders: set[Path] = set()
    for spec in entry.agents.values():
        kind, _, path = spec.partition(":")
        if kind in LOCAL:
            folders.update(folder for folder in Path(path).parents if _is_run(folder))
    return folders.pop() if len(folders) == 1 else None


def _is_run(folder: Path) -> bool:
    try:
        return (folder / "metrics.jsonl").is_file() and (folder / "config.yaml").is_file()
    except OSError:  # a name that no file can have
        return False


def curve_of(folder: Path) -> Curve:
    """Returns the points of a run's learning: CPU minutes of RL, and success on the validation split."""
    points: Curve = []
    warm = _summary(folder).get("warm_start")
    records = [{"rl_cpu_s": 0.0, "validation": {"success": warm.get("validation")}}] if isinstance(warm, dict) else []
    for record in [*records, *_records(folder / "metrics.jsonl")]:
        found = record.get("validation")
        if isinstance(found, dict) and (_is_number(found.get("success")) and _is_number(record.get("rl_cpu_s"))):
            points.append((record["rl_cpu_s"] / 60, found["success"]))
    return points


def trees_of(film: Film, folder: Path) -> list[dict[str, Any]]:
    """Returns trees that a run recorded while it trained, as the viewer's episodes whose steps have candidates.

    Boards are there as far as playing the chosen candidates again gives the prompts that are recorded: not where the
    game runs programs or grades answers, whose results a run does not keep.
    """
    records = [record for record in _records(folder / "groups.jsonl") if "candidates" in record]
    try:
        for record in records:
            _check(record)
        trees = [list(found) for _, found in groupby(records, key=lambda record: record["iteration"])]
        if len(trees) > MOST_TREES:
            trees = [trees[i * (len(trees) - 1) // (MOST_TREES - 1)] for i in range(MOST_TREES)]
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        game, alpha = _game(_summary(folder)), float(config["alpha"])
        found = [_tree(film, game, tree, alpha) for tree in trees]
        json.dumps(found, allow_nan=False)
    except (OSError, *DAMAGED, yaml.YAMLError):  # no records of ours
        return []
    return found


def _game(summary: Mapping[str, Any]) -> Game[Any] | None:
    try:
        return mas_envs.make_game(summary["env"], **summary["env_settings"])
    except (MasEnvsError, KeyError, TypeError):  # an unfinished run, or one of another version
        return None


def _tree(film: Film, game: Game[Any] | None, records: list[dict[str, Any]], alpha: float) -> dict[str, Any]:
    first = records[0]
    moments = [list(found) for _, found in groupby(records, key=lambda record: record["moment"])]
    boards: list[dict[str, int]] = []
    steps: list[dict[str, Any]] = []
    for found, after in zip(moments, _replayed(film, game, first["task"], moments, boards, alpha), strict=True):
        groups = [
            {
                "agent": group["agent"],
                "chosen": group["chosen"],
                "candidates": [
                    {"text": film.text(each["text"]), "reward": _reward(each["reward"]), "cut": bool(each.get("cut"))}
                    for each in group["candidates"]
                ],
            }
            for group in found
        ]
        said = [
            {
                "agent": group["agent"],
                "text": film.text(group["candidates"][group["chosen"]]["text"]),
                "prompt": [film.text(group["prompt"])],
            }
            for group in found
        ]
        steps.append({"said": said, "groups": groups, **after})
    agents = list(game.agents) if game else list(dict.fromkeys(record["agent"] for record in records))
    shown = {"name": f"iteration {first['iteration']}", "task": first["task"], "outcome": "tree", "agents": agents}
    return {**shown, "boards": boards, "steps": steps}


def _check(record: Mapping[str, Any]) -> None:
    """Raises ValueError unless a record's values are of the kinds that groups have."""
    texts = [record["task"], record["agent"], record["prompt"], *(each["text"] for each in record["candidates"])]
    numbers = [record["iteration"], record["moment"], record["chosen"]]
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise ValueError("a value is of another kind")
    if not 0 <= record["chosen"] < len(record["candidates"]):
        raise ValueError(f"there is no candidate {record['chosen']}")


def _reward(value: Any) -> float | None:
    if value is not None and not _is_number(value):
        raise ValueError(f"{value!r} is no reward")
    return value


def _replayed(
    film: Film,
    game: Game[Any] | None,
    task_id: str,
    moments: list[list[dict[str, Any]]],
    boards: list[dict[str, int]],
    alpha: float,
) -> Iterator[dict[str, Any]]:
    """Yields what came of every moment, as far as it can be played again, and adds the boards to `boards`."""
    split, _, index = task_id.partition("/")
    state = game.initial(game.task(split, int(index))) if game and index.isdigit() else None
    for found in moments:
        actions = {group["agent"]: group["candidates"][group["chosen"]]["text"] for group in found}
        if all(each["reward"] is None for group in found for each in group["candidates"]):
            state = None
            yield {"lost": True}
            continue
        if game is None or state is None or not _same_prompts(game, state, found) or game.effects(state, actions):
            state = None
            yield {}
            continue
        if not boards:
            boards.append(film.board(game, state))
        turn, step = state.turn, game.step(state, actions)
        state = step.state
        boards.append(film.board(game, state))
        yield {"turn": turn, **came_of(film, game.agents, step, alpha)}


def _same_prompts(game: Game[Any], state: Any, found: list[dict[str, Any]]) -> bool:
    read = {group["agent"]: group["prompt"] for group in found}
    return read == {agent: game.observe(state, agent).text for agent in game.acting(state)}


def _summary(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        found = [json.loads(line) for line in lines if line]
    except (OSError, ValueError, RecursionError):
        return []
    return [record for record in found if isinstance(record, dict)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15  # nor NaN
