"""An episode as an animated picture: one frame for each joint step, with who acted and what was said under it.

    [episode] = play(game, {"planner": model, "executor": model}, [task])
    save_animation(game, task, episode, "episode.gif")

Saving needs Pillow, which the extra `render` installs; `frames` alone does not.
"""

import io
import math
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mas_envs.agents.episode import Episode
from mas_envs.core.errors import MissingExtraError, UsageError
from mas_envs.core.game import AgentID, Game, Result, Step, Task, role_of
from mas_envs.effects import EffectRunner, run_effects, runner_for
from mas_envs.grid.font import ADVANCE, HEIGHT, text_width, write
from mas_envs.grid.pictures import COLOURS, ENDED, MARGIN, OTHER_ROLE, Picture
from mas_envs.grid.tiles import INK, PAPER

HELD = 4
"""Frames for which the last one stays."""
_LINES = 3
"""Of what one agent said; of a longer text, the end, where the answer is."""
_SCALE = 2
_LINE_HEIGHT = HEIGHT * _SCALE + 4
_TEXT_COLUMNS, _TEXT_ROWS = 72, 40
"""Of the text of a game without pictures, at most."""

Said = Sequence[tuple[AgentID, str, float]]
"""Who acted, what it said, and its reward."""


def save_animation(
    game: Game[Any],
    task: Task,
    episode: Episode | Iterable[Mapping[AgentID, str]],
    path: str | os.PathLike[str],
    fps: float = 1.5,
    effect_runner: EffectRunner | None = None,
) -> Path:
    """Writes an episode as an animated GIF, whole or not at all, and returns its path.

    Args:
        episode: what `play` returned for this task, or the actions of every joint step: agent -> text.
        path: ends with .gif; a file that is there is replaced.
        fps: frames a second, 0.01 to 50, which is what a GIF can say; the last frame stays HELD times as long.
        effect_runner: carries out what the game wants done in the world, by default the game's own; not asked where
            the episode has the results.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise UsageError(f"path is {str(path)!r}; an animation is a GIF, so it must end with .gif.")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0.01 <= fps <= 50:
        raise UsageError(f"fps is {fps!r}; it must be from 0.01 to 50 frames a second.")
    if find_spec("PIL") is None:
        raise MissingExtraError('Animations need Pillow, which is not installed: pip install "mas-envs[render]".')
    content = _gif(frames(game, task, episode, effect_runner), 1 / fps)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def frames(
    game: Game[Any],
    task: Task,
    episode: Episode | Iterable[Mapping[AgentID, str]],
    effect_runner: EffectRunner | None = None,
) -> list[Picture]:
    """Returns the pictures of an episode, all of one size: how it begins, then one after each joint step.

    A game without pictures is shown as its text. Raises UsageError where the episode is of another task, or goes on
    after the end; a moment at which the infrastructure failed ends it.
    """
    if isinstance(episode, Episode):
        if episode.task != task.ref:
            raise UsageError(
                f"The episode is of task {episode.task.id}, not of {task.ref.id}; give the task it played."
            )
        moments = [(m.actions, m.rewards, m.results) for m in episode.moments if m.rewards is not None]
    else:
        moments = [(actions, None, ()) for actions in episode]
    state = game.initial(task)
    scenes: list[tuple[Picture, Said]] = [(_scene(game, state), ())]
    for actions, rewards, results in moments:
        step = _step(game, state, actions, results, effect_runner)
        earned = rewards or {agent: step.reward.of(agent) for agent in game.agents}
        said = [(agent, actions[agent], earned[agent]) for agent in game.acting(state)]
        state = step.state
        scenes.append((_scene(game, state), said))
    return _captioned(scenes)


def _step(
    game: Game[Any],
    state: Any,
    actions: Mapping[AgentID, str],
    recorded: tuple[Any, ...],
    runner: EffectRunner | None,
) -> Step[Any]:
    if recorded:
        return game.step(state, actions, [Result(value) for value in recorded])
    effects = game.effects(state, actions)
    results = run_effects(runner_for(game, runner), effects) if effects else []
    if any(result.failed for result in results):
        raise UsageError("The infrastructure failed while the episode was repeated; give a runner that works.")
    return game.step(state, actions, results)


def _scene(game: Game[Any], state: Any) -> Picture:
    """Returns the picture of a state; of a game that has none, its text."""
    picture = game.picture(state)
    if picture is not None:
        return picture
    lines = [part for line in game.render(state).splitlines() for part in textwrap.wrap(line, _TEXT_COLUMNS) or [""]]
    lines = [*lines[:_TEXT_ROWS], "..."] if len(lines) > _TEXT_ROWS else lines
    width = text_width("x" * max(map(len, lines), default=0), _SCALE)
    canvas = np.full((len(lines) * _LINE_HEIGHT + 2 * MARGIN, width + 2 * MARGIN, 3), PAPER, np.uint8)
    for number, line in enumerate(lines):
        write(canvas, line, MARGIN + number * _LINE_HEIGHT, MARGIN, INK, _SCALE)
    return canvas


def _captioned(scenes: Sequence[tuple[Picture, Said]]) -> list[Picture]:
    """Returns the scenes with what was said under them, all of the same even height and width."""
    high, wide = (max(picture.shape[axis] for picture, _ in scenes) for axis in (0, 1))
    wide += wide % 2
    columns = (wide - 2 * MARGIN) // (ADVANCE * _SCALE)
    said_lines = [[_shortened(text, columns) for _, text, _ in said] for _, said in scenes]
    block = (1 + max((len(lines) for said in said_lines for lines in said), default=0)) * _LINE_HEIGHT + MARGIN
    caption = max(len(said) for said in said_lines) * block
    done: list[Picture] = []
    for (picture, said), texts in zip(scenes, said_lines, strict=True):
        canvas = np.full((math.ceil((high + caption) / 2) * 2, wide, 3), PAPER, np.uint8)
        left = (wide - picture.shape[1]) // 2
        canvas[: picture.shape[0], left : left + picture.shape[1]] = picture
        for number, ((agent, _, reward), lines) in enumerate(zip(said, texts, strict=True)):
            _caption(canvas, high + number * block, agent, reward, lines)
        done.append(canvas)
    return done


def _shortened(text: str, columns: int) -> list[str]:
    """Returns a text in lines, of which only the last few are kept."""
    lines = [
        part for line in text.rstrip()[-_LINES * columns :].split("\n") for part in textwrap.wrap(line, max(1, columns))
    ]
    return lines[-_LINES:] or ["(nothing)"]


def _caption(canvas: Picture, top: int, agent: AgentID, reward: float, lines: Sequence[str]) -> None:
    """Writes who said what, and its reward, into `canvas` from line `top` on, in place."""
    write(canvas, agent, top, MARGIN, COLOURS.get(role_of(agent), OTHER_ROLE), _SCALE)
    amount = f"{round(reward, 2) + 0.0:+.2f}"  # never -0.00
    write(canvas, amount, top, canvas.shape[1] - MARGIN - text_width(amount, _SCALE), ENDED, _SCALE)
    for number, line in enumerate(lines, 1):
        write(canvas, line, top + number * _LINE_HEIGHT, MARGIN, INK, _SCALE)


def _gif(pictures: Sequence[Picture], seconds: float) -> bytes:
    """Returns pictures of one size as an animated GIF that begins again after its end."""
    from PIL import Image

    height = pictures[0].shape[0]
    # One palette for all: what did not change then has the same number in the next frame, and is not stored again.
    film = Image.fromarray(np.concatenate(pictures)).quantize(256, dither=Image.Dither.NONE)
    images = [film.crop((0, top, film.width, top + height)) for top in range(0, film.height, height)]
    duration = [round(1000 * seconds)] * (len(images) - 1) + [round(1000 * seconds * HELD)]
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=duration, loop=0)
    return file.getvalue()
