import warnings
from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RenderCollection
from pettingzoo.test import parallel_api_test, render_test

from mas_envs import make_game, registered
from mas_envs.core.errors import UsageError
from mas_envs.games.sudoku.picture import EDGE
from mas_envs.grid import font
from mas_envs.grid.pictures import HEADER, MARGIN, MARKER, NARROWEST
from mas_envs.grid.tiles import tile
from mas_envs.pettingzoo_env import TeamAECEnv, make_env, make_parallel_env
from mas_envs.registry import registration
from tests.fakes import Letters

DRAWN = [name for name in registered() if "rgb_array" in make_game(name).render_modes]
XSB = "#######\n#@ $.*#\n#  #  #\n#######"


def picture(name: str, task: str, actions: tuple[str, ...] = (), **settings: Any) -> np.ndarray:
    """The picture after the actions, each of whoever acts."""
    game = make_game(name, **settings)
    state = game.initial(game.task_from(task))
    for action in actions:
        state = game.step(state, dict.fromkeys(game.acting(state), action)).state
    drawn = game.picture(state)
    assert drawn is not None
    return drawn


def cell(drawn: np.ndarray, row: int, column: int, columns: int, size: int = 56) -> np.ndarray:
    left = (drawn.shape[1] - columns * size) // 2 + column * size
    return drawn[HEADER + row * size : HEADER + (row + 1) * size, left : left + size]


# ---- what a picture is -------------------------------------------------------------------------------------------
def test_the_grid_games_have_pictures():
    assert {"plan_path", "sokoban", "sudoku"} <= set(DRAWN)


@pytest.mark.parametrize("roles", ["team", "single"])
@pytest.mark.parametrize("name", DRAWN)
def test_pictures_are_rgb_and_of_one_even_size_from_start_to_end(name, roles):
    game = make_game(name, roles=roles)
    state = game.initial(game.task("test", 1))
    shapes, different = set(), []
    while True:
        drawn = game.picture(state)
        assert drawn is not None and drawn.dtype == np.uint8 and drawn.ndim == 3 and drawn.shape[2] == 3
        shapes.add(drawn.shape)
        different.append(drawn)
        if not (acting := game.acting(state)):
            break
        state = game.step(state, {agent: game.expert(state, agent) for agent in acting}).state
    assert len(shapes) == 1 and all(side % 2 == 0 for side in shapes.pop()[:2])
    assert all((one != two).any() for one, two in pairwise(different))


def test_every_sign_of_a_sokoban_level_has_its_tile():
    drawn = picture("sokoban", XSB)
    tiles = {(0, 0): "wall", (1, 1): "player", (1, 2): "floor", (1, 3): "box", (1, 4): "goal", (1, 5): "box home"}
    tiles |= {(2, 3): "wall"}
    if drawn.shape[1] < 7 * 56:
        pytest.fail("seven columns of the largest tile fit")
    for (row, column), name in tiles.items():
        assert (cell(drawn, row, column, 7) == tile(name, 56)).all(), name
    assert len({tile(name, 56).tobytes() for name in ("wall", "player", "player home", "floor", "box", "goal")}) == 6


def test_a_map_shows_walls_start_and_flag_and_the_figure_beside_the_flag_once_it_is_there():
    drawn = picture("plan_path", "@.G\n.#.\n...")
    for (row, column), name in {(0, 0): "player", (0, 1): "floor", (0, 2): "finish", (1, 1): "wall"}.items():
        assert (cell(drawn, row, column, 3) == tile(name, 56)).all(), name
    after = picture("plan_path", "@.G\n.#.\n...", ("RR", "+"))
    assert (cell(after, 0, 2, 3) == tile("player at finish", 56)).all()


def test_a_proposal_is_drawn_as_a_trail_with_what_it_would_push_and_a_cross_where_it_is_blocked():
    before, proposed = picture("sokoban", XSB), picture("sokoban", XSB, ("R R",))
    assert (cell(before, 1, 1, 7) == cell(proposed, 1, 1, 7)).all(), "the figure stays visible"
    for column in (2, 4):
        assert (cell(before, 1, column, 7) != cell(proposed, 1, column, 7)).any(), "path, and box on the goal"
    assert (cell(before, 2, 1, 7) == cell(proposed, 2, 1, 7)).all(), "nothing happens there"
    blocked = picture("sokoban", XSB, ("U",))
    assert (cell(before, 0, 1, 7) != cell(blocked, 0, 1, 7)).any()
    assert (before[:HEADER] != proposed[:HEADER]).any(), "the line on top says whose turn it is"


def test_a_sudoku_shows_givens_own_digits_proposals_and_where_one_is_blocked_apart():
    puzzle = "1234341221434.2."  # d4 and b4 are open
    start = picture("sudoku", puzzle)
    proposed = picture("sudoku", puzzle, ('Moves: ["b4=3", "a1=2"]',))
    written = picture("sudoku", puzzle, ('Moves: ["b4=3", "a1=2"]', "+"))
    moved = lambda one, other, row, column: (square(one, row, column) != square(other, row, column)).any()  # noqa: E731
    assert moved(start, proposed, 3, 1) and moved(start, written, 3, 1) and moved(proposed, written, 3, 1)
    assert moved(start, proposed, 0, 0), "a cross on the given that the proposal wants to change"
    assert not moved(start, written, 0, 0) and not moved(start, proposed, 2, 2) and not moved(start, proposed, 3, 3)
    given = picture("sudoku", puzzle.replace(".", "3", 1))
    assert moved(given, written, 3, 1), "a digit that was written does not look like a given one"


def square(drawn: np.ndarray, row: int, column: int) -> np.ndarray:
    """The inside of a cell of a 4x4 Sudoku."""
    left = (drawn.shape[1] - (EDGE + 4 * 56 + 2)) // 2 + EDGE + column * 56
    top = HEADER + EDGE + row * 56
    return drawn[top + 3 : top + 53, left + 3 : left + 53]


def test_a_large_map_gives_no_large_picture_and_one_still_finds_start_and_goal():
    side = 300
    rows = ["." * side] * side
    drawn = picture("plan_path", "\n".join(["@" + rows[0][1:], *rows[1:-1], rows[-1][1:] + "G"]))
    assert max(drawn.shape) <= 400 + HEADER + 2 * MARGIN
    colours = {tuple(tile(name, 1)[0, 0]): name for name in ("player", "finish")}
    for colour in colours:
        assert (drawn == colour).all(axis=2).sum() >= (MARKER // 2 + 1) ** 2
    corner = picture("plan_path", "\n".join(["@" + rows[0][1:], *rows[1:-1], rows[-1][1:] + "G"]), ("R" * 20,))
    assert (corner != drawn)[HEADER : HEADER + 3].any(), "a trail along the edge is drawn"
    assert picture("plan_path", "@G").shape[1] == NARROWEST, "a tiny map has room for the line"


def test_a_tile_is_kept_and_a_picture_is_ones_own():
    game = make_game("sokoban")
    state = game.initial(game.task("test", 0))
    first, second = game.picture(state), game.picture(state)
    assert first is not None and second is not None
    first[:] = 0
    assert second.any() and (game.picture(state) == second).all()


# ---- through the interfaces --------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", registered())
def test_pettingzoos_render_test_passes_in_every_mode(name):
    def make(render_mode: str):  # the test asks for mode "human" first, only to read which modes there are
        return make_env(name, render_mode=None if render_mode == "human" else render_mode)

    assert set(make("ansi").metadata["render_modes"]) >= {"ansi"}
    render_test(make)  # pyright: ignore[reportArgumentType]
    parallel = make_parallel_env(name, render_mode=make_game(name).render_modes[-1])
    parallel_api_test(parallel, num_cycles=10)
    parallel.reset(seed=1)
    assert isinstance(parallel.render(), np.ndarray if name in DRAWN else str)


@pytest.mark.parametrize("name", DRAWN)
def test_gymnasiums_check_passes_without_a_warning_with_pictures(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(registration(name).gymnasium_id, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("name", DRAWN)
def test_frames_of_an_episode_can_be_collected_as_a_video_recorder_does(name):
    env = RenderCollection(gymnasium.make(registration(name).gymnasium_id, render_mode="rgb_array"))
    assert env.metadata["render_fps"] == 2 and "rgb_array" in env.metadata["render_modes"]
    env.reset(seed=0)
    for _ in range(3):
        if any(env.step("U")[2:4]):
            break
    frames: Any = env.render()
    assert len(frames) >= 2 and len({frame.shape for frame in frames}) == 1


def test_a_game_without_pictures_offers_text_alone():
    env = TeamAECEnv(Letters(), render_mode="ansi")
    assert env.metadata["render_modes"] == ["ansi"]
    with pytest.raises(UsageError, match="Unknown render_mode 'rgb_array'. Allowed: ansi"):
        TeamAECEnv(Letters(), render_mode="rgb_array")
    assert Letters().picture(Letters().initial(Letters().task("test", 0))) is None


def test_a_snapshot_keeps_the_render_mode():
    env = make_env("sokoban", render_mode="rgb_array").unwrapped
    env.reset(seed=3)
    twin = env.clone()
    assert (env.render() == twin.render()).all()  # pyright: ignore[reportAttributeAccessIssue]


# ---- the font ----------------------------------------------------------------------------------------------------
def test_every_printable_character_has_a_glyph_of_its_own_at_every_size():
    signs = [chr(code) for code in range(32, 127)]
    for scale in (1, 2, 4):
        drawn = {sign: written(sign, scale).tobytes() for sign in signs}
        assert len(set(drawn.values())) == len(signs)
    assert written("é", 1).tobytes() == written("😀", 1).tobytes() != written(" ", 1).tobytes()


def written(text: str, scale: int) -> np.ndarray:
    canvas = np.full((font.HEIGHT * scale, font.ADVANCE * scale * max(1, len(text)), 3), 255, np.uint8)
    font.write(canvas, text, 0, 0, (0, 0, 0), scale)
    return canvas


@pytest.mark.parametrize(("top", "left"), [(-5, -3), (95, 40), (50, 95), (-50, 0), (200, 200)])
def test_writing_over_an_edge_is_cut_off(top, left):
    large = np.full((400, 400, 3), 255, np.uint8)
    font.write(large, "Ag[1]", top + 150, left + 150, (10, 20, 30), 2)
    small = np.full((100, 100, 3), 255, np.uint8)
    font.write(small, "Ag[1]", top, left, (10, 20, 30), 2)
    assert (small == large[150:250, 150:250]).all()


def test_text_is_as_wide_as_it_says():
    ink = np.argwhere((written("MM", 3) < 255).any(axis=(0, 2)))
    assert ink.max() + 1 == font.text_width("MM", 3) == 33 and font.text_width("", 3) == 0
