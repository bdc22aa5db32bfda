"""Finished rows: one JSON line each in rows.jsonl, which is written whole after every one."""

import json
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmarks.entries import read_json
from benchmarks.paper.rows import ALL, GAMES, Scale, Step
from benchmarks.paper.work import command_of
from mas_envs.core.errors import StateError, UsageError
from trainers.run.files import write_text
from trainers.run.metrics import JsonLines

FILE = "rows.jsonl"
_PACKAGES = ("mas-envs", "torch", "transformers", "numpy")
_PLAYED = ("success", "ci95", "episodes", "masked", "turns", "invalid_actions", "tokens")

Record = dict[str, Any]
Key = tuple[str, str, int]
"""Game, row, seed."""


def record(key: Key, steps: Sequence[Step], scale: Scale, work: Path, code: str) -> Record:
    """Returns the line of a row whose commands have all been run."""
    game, row, seed = key
    *before, last = steps
    played = read_json(work / last.name / "summary.json")
    entry = read_json(work / last.name / "entry.json")
    found: Record = {"game": game, "row": row, "seed": seed, "scale": scale.name, "model": scale.model}
    found |= {name: played[name] for name in _PLAYED}
    found |= {"tasks": entry["tasks"], "env_version": entry["env_version"]}
    for step in () if ALL[row].agent else before:
        summary = read_json(work / step.name / "summary.json")
        kind = "start" if summary["warm_start"] else "training"
        found[kind] = {
            "cpu_min": round((summary["warm_start"].get("cpu_s") or summary["rl_cpu_s"]) / 60, 2),
            "wall_min": round(summary["wall_s"] / 60, 1),
            "tokens_generated": summary["tokens_generated"],
            "tokens_trained": summary["tokens_trained"],
            "parameters": sum(summary["parameters"].values()),
        }
        if kind == "training":
            curve = JsonLines(work / step.name / "metrics.jsonl").read()
            found[kind]["iterations"] = summary["iterations"]
            found[kind]["curve"] = [
                [round(line["rl_cpu_s"] / 60, 3), line["validation"]["success"]]
                for line in curve
                if "validation" in line
            ]
        else:
            found[kind]["validation"] = summary["warm_start"]["validation"]
    found |= {"commands": [command_of(step) for step in steps], "work": str(work), "code": code}
    return found | {"versions": {name: version(name) for name in _PACKAGES}}


def read(path: Path) -> dict[Key, Record]:
    """Returns the finished rows of a file, none where there is no file; raises StateError for one that is damaged."""
    found: dict[Key, Record] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), 1):
        try:
            row = json.loads(line)
            key = (row["game"], row["row"], row["seed"])
            _check(row)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StateError(
                f"Line {number} of {path} is no row ({error!r}). Delete it; the row is then made anew."
            ) from error
        if key in found:
            raise StateError(
                f"Line {number} of {path} has {'/'.join(map(str, key))} a second time. Delete one of them."
            )
        found[key] = row
    return found


def _check(row: Record) -> None:
    """Raises ValueError, KeyError or TypeError unless a row has what tables and pictures take of it."""
    if row["game"] not in GAMES or type(row["row"]) is not str or type(row["seed"]) is not int:
        raise ValueError("its game, row or seed is none")
    low, high = row["ci95"]
    numbers = [low, high, *(row[name] for name in _PLAYED if name != "ci95")]
    for kind in ("start", "training"):
        if kind in row:
            numbers += [row[kind]["cpu_min"], row[kind]["tokens_generated"]]
    if "start" in row:
        numbers.append(row["start"]["validation"])
    numbers += [number for point in row.get("training", {}).get("curve", ()) for number in (point[0], point[1])]
    if not all(isinstance(number, int | float) and abs(number) < 1e15 for number in numbers):  # nor NaN
        raise ValueError("a value is no number")
    texts = [row["scale"], row["model"], row["tasks"], row["work"], row["code"], *row["versions"], *row["commands"]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a value is no text")


def write(path: Path, rows: Mapping[Key, Record]) -> None:
    """Writes finished rows in the table's order."""
    names = list(ALL)
    places = {key: (GAMES.index(key[0]), names.index(key[1]) if key[1] in ALL else len(ALL), key[2]) for key in rows}
    write_text(
        path, "".join(json.dumps(rows[key], ensure_ascii=False) + "\n" for key in sorted(rows, key=places.__getitem__))
    )


def check_scale(rows: Mapping[Key, Record], scale: Scale) -> None:
    """Raises UsageError where rows are of another scale or model than those that are to join them."""
    for key, row in rows.items():
        if (row["scale"], row["model"]) != (scale.name, scale.model):
            raise UsageError(
                f"{'/'.join(map(str, key))} is there, of --scale {row['scale']} and the model {row['model']}, "
                f"not of --scale {scale.name} and {scale.model}. Give another --out."
            )


def check_same(found: Record, steps: Sequence[Step], work: Path) -> None:
    """Raises UsageError for a finished row that was made with other commands than it would be now.

    The folder of work, which changes no result, may be another one.
    """
    now = [command_of(step) for step in steps]
    for old, new in zip_longest(found["commands"], now, fillvalue="nothing"):
        if [word.replace(found["work"], str(work)) for word in shlex.split(old)] != shlex.split(new):
            raise UsageError(
                f"{found['game']}/{found['row']}/seed{found['seed']} is there, made with other settings:\n    {old}\n"
                f"not\n    {new}\nGive another --out, or the same settings, or take its line out of {FILE}."
            )


def versions_of_code(rows: Mapping[Key, Record]) -> dict[str, list[Key]]:
    """Returns version of the code -> rows made by it, the one with the most rows first."""
    found: dict[str, list[Key]] = {}
    for key, row in rows.items():
        found.setdefault(row["code"], []).append(key)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
