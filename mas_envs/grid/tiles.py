"""What stands on a board, as square pictures of any size: drawn as shapes, so that edges are smooth at every size."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Grid = NDArray[np.floating[Any]]
Shape = Callable[[Grid, Grid], NDArray[np.bool_]]
"""Says for points (x to the right, y down, both in 0..1 of a tile) whether they are inside."""

PAPER, FLOOR, LINE, SHADE = (253, 252, 249), (243, 238, 226), (222, 214, 197), (209, 202, 186)
WALL, WALL_LIGHT, WALL_DARK = (92, 103, 125), (128, 140, 163), (62, 71, 89)
WOOD, WOOD_LIGHT, WOOD_DARK = (201, 139, 74), (226, 173, 108), (132, 84, 38)
LEAF, LEAF_LIGHT, LEAF_DARK = (112, 168, 84), (152, 201, 121), (60, 105, 42)
TARGET, FLAG, POLE = (214, 92, 92), (220, 68, 68), (84, 72, 64)
SKIN, COAT, COAT_DARK, INK = (247, 206, 166), (47, 111, 191), (30, 74, 133), (38, 43, 54)
_SAMPLES = 4
"""Points a side at which every pixel looks whether it is inside a shape."""
_FLAT = 6
"""Pixels a side below which a tile is one colour."""


@cache
def tile(name: str, size: int) -> NDArray[np.uint8]:
    """Returns a tile of `size` x `size` pixels: "floor", "wall", "goal", "box", "box home", "player", "player home",
    "finish" or "player at finish". Do not write into it: it is kept."""
    ground, layers = _TILES[name]
    if size < _FLAT:
        return np.full((size, size, 3), _PLAIN.get(name, ground), np.uint8)
    canvas = np.full((size, size, 3), ground, np.float32)
    for colour, shape in layers:
        _fill(canvas, shape, colour)
    if ground == FLOOR:  # a line between cells, on two sides of each
        canvas[0], canvas[:, 0] = LINE, LINE
    return np.rint(canvas).astype(np.uint8)


def _fill(canvas: NDArray[np.float32], shape: Shape, colour: Colour) -> None:
    """Paints a shape over a tile, in place."""
    size = len(canvas)
    steps = (np.arange(size * _SAMPLES, dtype=np.float32) + 0.5) / (size * _SAMPLES)
    inside = shape(steps[None, :], steps[:, None]) & np.ones((len(steps), len(steps)), np.bool_)
    ink = inside.reshape(size, _SAMPLES, size, _SAMPLES).mean(axis=(1, 3), dtype=np.float32)[..., None]
    canvas[:] = canvas * (1 - ink) + np.array(colour, np.float32) * ink


def _disc(x: float, y: float, radius: float) -> Shape:
    return lambda px, py: (px - x) ** 2 + (py - y) ** 2 <= radius**2


def _oval(x: float, y: float, wide: float, high: float) -> Shape:
    return lambda px, py: ((px - x) / wide) ** 2 + ((py - y) / high) ** 2 <= 1


def _block(left: float, top: float, right: float, bottom: float) -> Shape:
    return lambda px, py: (px >= left) & (px < right) & (py >= top) & (py < bottom)


def _band(ascending: bool, wide: float) -> Shape:
    """A brace from corner to corner."""
    return lambda px, py: np.abs((py - px) if not ascending else (px + py - 1)) < wide


def _within(shape: Shape, other: Shape) -> Shape:
    return lambda px, py: shape(px, py) & other(px, py)


_EVERYTHING = _block(0, 0, 1, 1)
_WALL = (
    (WALL_DARK, _EVERYTHING),
    (WALL_LIGHT, lambda x, y: x + y < 1),
    (WALL, _block(0.07, 0.07, 0.93, 0.93)),
    (WALL_LIGHT, _block(0.07, 0.07, 0.93, 0.1)),
    (WALL_DARK, _block(0.07, 0.485, 0.93, 0.515)),
    (WALL_DARK, _block(0.485, 0.1, 0.515, 0.5)),
    (WALL_DARK, _block(0.265, 0.5, 0.295, 0.93)),
    (WALL_DARK, _block(0.705, 0.5, 0.735, 0.93)),
)


def _box(wood: Colour, light: Colour, dark: Colour) -> tuple[tuple[Colour, Shape], ...]:
    inner = _block(0.2, 0.2, 0.8, 0.8)
    planks = [(dark, _block(0.2, y, 0.8, y + 0.025)) for y in (0.385, 0.59)]
    corners = [(dark, _disc(x, y, 0.03)) for x in (0.145, 0.855) for y in (0.145, 0.855)]
    return (
        (SHADE, _block(0.1, 0.12, 0.97, 0.97)),
        (dark, _block(0.06, 0.06, 0.94, 0.94)),
        (light, _block(0.085, 0.085, 0.915, 0.915)),
        (dark, _block(0.18, 0.18, 0.82, 0.82)),
        (wood, inner),
        *planks,
        (dark, _within(_band(True, 0.115), inner)),
        (light, _within(_band(True, 0.085), inner)),
        *corners,
    )


_GOAL = (
    (TARGET, _disc(0.5, 0.5, 0.3)),
    (FLOOR, _disc(0.5, 0.5, 0.22)),
    (TARGET, _disc(0.5, 0.5, 0.12)),
)


def _player(x: float) -> tuple[tuple[Colour, Shape], ...]:
    """A figure whose middle is at `x`."""
    above_ground, chest, brow = _block(0, 0, 1, 0.9), _block(0, 0, 1, 0.87), _block(0, 0, 1, 0.25)
    return (
        (SHADE, _oval(x, 0.9, 0.3, 0.07)),
        (COAT_DARK, _within(_oval(x, 0.9, 0.31, 0.42), above_ground)),
        (COAT, _within(_oval(x, 0.9, 0.27, 0.38), chest)),
        (COAT_DARK, _disc(x, 0.33, 0.235)),
        (SKIN, _disc(x, 0.33, 0.205)),
        (COAT_DARK, _within(_disc(x, 0.33, 0.235), brow)),
        (INK, _oval(x - 0.075, 0.36, 0.028, 0.042)),
        (INK, _oval(x + 0.075, 0.36, 0.028, 0.042)),
    )


def _finish(x: float, top: float, long: float) -> tuple[tuple[Colour, Shape], ...]:
    """A flag whose pole is at `x`."""
    middle, half = top + 0.6 * long, 0.4 * long
    return (
        (SHADE, _oval(x, 0.9, 0.16, 0.05)),
        (POLE, _block(x - 0.03, top, x + 0.03, 0.9)),
        (FLAG, lambda px, py: (px >= x + 0.03) & (np.abs(py - middle) < half * (1 - (px - x - 0.03) / long))),
        (POLE, _disc(x, top, 0.05)),
    )


_TILES: dict[str, tuple[Colour, tuple[tuple[Colour, Shape], ...]]] = {
    "floor": (FLOOR, ()),
    "wall": (WALL, _WALL),
    "goal": (FLOOR, _GOAL),
    "box": (FLOOR, _box(WOOD, WOOD_LIGHT, WOOD_DARK)),
    "box home": (FLOOR, _box(LEAF, LEAF_LIGHT, LEAF_DARK)),
    "player": (FLOOR, _player(0.5)),
    "player home": (FLOOR, (*_GOAL, *_player(0.5))),
    "finish": (FLOOR, _finish(0.35, 0.12, 0.5)),
    "player at finish": (FLOOR, (*_finish(0.14, 0.08, 0.36), *_player(0.6))),
}
_PLAIN = {
    "goal": TARGET,
    "box": WOOD,
    "box home": LEAF,
    "player": COAT,
    "player home": COAT,
    "finish": FLAG,
    "player at finish": COAT,
}
"""Tiles of which, too small for shapes, something else than the ground shows."""
