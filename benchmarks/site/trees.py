"""The trees of an entry (see `benchmarks.trees`) as the viewer's episodes whose steps have candidates.

Rewards and boards are not taken on trust: every candidate is stepped again, with the results that are recorded.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.site.episodes import DAMAGED, Film, came_of
from benchmarks.trees import FILE, mark_of
from benchmarks.verify import Loaded
from mas_envs.core.errors import StateError
from mas_envs.core.game import Game, Result, Step, Task


def entry_trees(film: Film, folder: Path, loaded: Loaded) -> list[dict[str, Any]]:
    """Returns the trees that an entry has, none where it has no file of them; raises StateError for one that is damaged
    or of another entry.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        others = any(line["entry"] != mark_of(loaded.entry) for line in lines)
        found = [] if others else [_tree(film, loaded, loaded.tasks[line["number"]], line) for line in lines]
        json.dumps(found, allow_nan=False)
    except (OSError, *DAMAGED) as error:
        raise StateError(f"{path} cannot be played again ({type(error).__name__}: {error}). Make it anew.") from error
    if others:
        raise StateError(f"{path} is of another entry: other agents, settings or tasks. Make it anew.")
    return found


def _tree(film: Film, loaded: Loaded, task: Task, line: Mapping[str, Any]) -> dict[str, Any]:
    game, alpha = loaded.game, loaded.entry.alpha
    state = game.initial(task)
    boards, steps = [film.board(game, state)], list[dict[str, Any]]()
    for moment in line["moments"]:
        recorded = {agent: moment["groups"][agent] for agent in game.acting(state)}
        chosen = {agent: group["candidates"][group["chosen"]]["text"] for agent, group in recorded.items()}
        step = _step(game, state, chosen, moment["results"])
        steps.append(
            {
                "turn": state.turn,
                "said": [
                    {"agent": agent, "text": film.text(text), "prompt": film.prompt(game.observe(state, agent))}
                    for agent, text in chosen.items()
                ],
                "groups": _groups(film, game, state, recorded, alpha),
                **came_of(film, game.agents, step, alpha),
            }
        )
        if step is None:
            break
        state = step.state
        boards.append(film.board(game, state))
    shown = {"name": f"task {int(line['number'])}", "task": task.ref.id, "outcome": "tree", "agents": list(game.agents)}
    return {**shown, "boards": boards, "steps": steps}


def _groups(
    film: Film, game: Game[Any], state: Any, recorded: Mapping[str, Mapping[str, Any]], alpha: float
) -> list[dict[str, Any]]:
    """Returns the groups of one step, the reward of every candidate worked out anew."""
    first = {agent: group["candidates"][0]["text"] for agent, group in recorded.items()}
    groups: list[dict[str, Any]] = []
    for agent, group in recorded.items():
        candidates: list[dict[str, Any]] = []
        for each in group["candidates"]:
            step = _step(game, state, {**first, agent: each["text"]}, each["results"])
            reward = None if step is None else step.reward.of(agent, alpha)
            candidates.append({"text": film.text(each["text"]), "reward": reward, "cut": False})
        groups.append({"agent": agent, "chosen": range(len(candidates))[group["chosen"]], "candidates": candidates})
    return groups


def _step(game: Game[Any], state: Any, actions: Mapping[str, str], results: Any) -> Step[Any] | None:
    """Returns what actions lead to with the results that are recorded; None where the infrastructure lost them."""
    return None if results is None else game.step(state, actions, [Result(value) for value in results])
