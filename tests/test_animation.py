from typing import Any

import numpy as np
import pytest

from mas_envs import animation, make_game
from mas_envs.agents import ExpertAgent, play
from mas_envs.agents.episode import Episode
from mas_envs.animation import HELD, frames, save_animation
from mas_envs.core.errors import MissingExtraError, UsageError
from tests.fakes import HINTER, TELLER, FlakyRunner, Letters, run_grades


@pytest.fixture
def played() -> tuple[Any, Any, Episode]:
    """A game, a task, and an episode of it with several turns."""
    game = make_game("sokoban", max_moves=2)
    tasks = [game.task("test", index) for index in range(50)]
    episodes = play(game, {"planner": ExpertAgent(), "executor": ExpertAgent()}, tasks)
    return next((game, *pair) for pair in zip(tasks, episodes, strict=True) if pair[1].turns > 2)


def test_there_is_a_frame_for_the_start_and_for_every_step_and_all_have_one_even_size(played):
    game, task, episode = played
    made = frames(game, task, episode)
    assert len(made) == len(episode.moments) + 1 >= 7
    assert {frame.dtype for frame in made} == {np.dtype(np.uint8)}
    [(height, width, _)] = {frame.shape for frame in made}
    assert height % 2 == width % 2 == 0
    board = game.picture(game.initial(task))
    assert (made[0][: board.shape[0], : board.shape[1]] == board).all() and height > board.shape[0]


def test_the_board_in_a_frame_is_the_one_after_the_step_and_what_was_said_is_below(played):
    game, task, episode = played
    made, state = frames(game, task, episode), game.initial(task)
    height, width = game.picture(state).shape[:2]
    for moment, frame in zip(episode.moments, made[1:], strict=True):
        state = game.step(state, moment.actions).state
        assert (frame[:height, :width] == game.picture(state)).all()
        assert (frame[height:] != made[0][height:]).any()
    other = frames(game, task, [{"planner_0": "something else"}])[1]
    assert (other[height:] != made[1][height : other.shape[0]]).any()


def test_actions_alone_give_the_same_frames_as_the_episode(played):
    game, task, episode = played
    again = frames(game, task, [moment.actions for moment in episode.moments])
    assert all((one == two).all() for one, two in zip(frames(game, task, episode), again, strict=True))


def test_a_game_without_pictures_is_shown_as_its_text_and_all_who_spoke_at_once_are_named():
    game = Letters(simultaneous=True)
    task = game.task_from("abcd")
    alone = frames(Letters(), task, [{HINTER: "b"}])
    both = frames(game, task, [{HINTER: "b", TELLER: "c"}])
    assert alone[0].min() < 100, "there is ink on the first frame"
    assert both[0].shape[0] > alone[0].shape[0]


def test_of_a_long_reply_the_end_is_shown_and_the_picture_does_not_grow():
    game = make_game("sokoban")
    task = game.task("test", 0)

    def shown(text: str) -> np.ndarray:
        return frames(game, task, [{"planner_0": text}])[1]

    long = "I think about it. " * 500
    assert shown(long + 'Moves: ["U"]').shape == shown(long).shape
    assert (shown(long + 'Moves: ["U"]') != shown(long + 'Moves: ["D"]')).any()
    lines = "\n".join("x" * 10 for _ in range(3))
    assert (shown("one \n" + "\n" * 300) == shown("one")).all(), "what follows the answer is no more than space"
    assert (shown("one" + "\n" * 9 + lines) == shown("two\n" + lines)).all()


def test_a_long_text_of_a_game_without_pictures_is_cut():
    class Talks(Letters):
        def render(self, state):
            return "\n".join(f"line {number}" for number in range(state.turn * 1000 + 3))

    short, long = Talks(turns=1), Talks(turns=1)
    made = frames(long, short.task("test", 0), [{HINTER: "b"}, {TELLER: "b"}])
    assert 200 < made[0].shape[0] < 1200


def test_rewards_of_an_episode_are_shown_as_it_was_played(played):
    game, task, _ = played
    agents = {"planner": ExpertAgent(), "executor": ExpertAgent()}
    once, twice = (frames(game, task, play(game, agents, [task], alpha=alpha)[0]) for alpha in (1.0, 2.0))
    assert (once[2] != twice[2]).any() and (once[1] == twice[1]).all(), "a proposal earns the team nothing yet"


def test_an_episode_that_the_infrastructure_cut_short_ends_where_it_was_cut():
    game = Letters(graded=True)
    task = game.task("test", 0)
    agents = {"hinter": ExpertAgent(), "teller": ExpertAgent()}
    [whole] = play(game, agents, [task], effect_runner=run_grades)
    [cut] = play(game, agents, [task], effect_runner=FlakyRunner(2))
    assert cut.masked and len(frames(game, task, cut)) == 1
    said = [moment.actions for moment in whole.moments]
    assert len(frames(game, task, whole)) == len(frames(game, task, said, run_grades)) == 3
    with pytest.raises(UsageError, match="infrastructure failed"):
        frames(game, task, said, FlakyRunner(9))


def test_the_episode_of_another_task_is_refused(played):
    game, _, episode = played
    with pytest.raises(UsageError, match=f"The episode is of task {episode.task.id}, not of train/0"):
        frames(game, game.task("train", 0), episode)


# ---- the file ----------------------------------------------------------------------------------------------------
@pytest.mark.needs("render")
def test_the_gif_shows_the_frames_in_time_and_holds_the_last(played, tmp_path):
    from PIL import Image

    game, task, episode = played
    path = save_animation(game, task, episode, tmp_path / "episode.GIF", fps=2)
    made = frames(game, task, episode)
    with Image.open(path) as film:
        assert film.n_frames == len(made) and film.info["loop"] == 0
        for number, frame in enumerate(made):
            film.seek(number)
            assert film.info["duration"] == (500 if number < len(made) - 1 else 500 * HELD)
            assert np.abs(np.asarray(film.convert("RGB")).astype(int) - frame).mean() < 2, "colours are nearly the same"
    assert path.stat().st_size < 300_000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.needs("render")
def test_the_file_is_replaced_whole_or_not_at_all(played, tmp_path, monkeypatch):
    game, task, episode = played
    path = tmp_path / "episode.gif"
    path.write_bytes(b"what was there before")
    monkeypatch.setattr(animation.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_animation(game, task, episode, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"what was there before"]
    monkeypatch.undo()
    assert save_animation(game, task, episode, str(path)).read_bytes()[:3] == b"GIF"


def test_without_pillow_the_extra_is_named_and_frames_still_work(played, tmp_path, monkeypatch):
    game, task, episode = played
    monkeypatch.setattr(animation, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "mas-envs\[render\]"') as caught:
        save_animation(game, task, episode, tmp_path / "episode.gif")
    assert isinstance(caught.value, ImportError) and list(tmp_path.iterdir()) == []
    assert frames(game, task, episode)


@pytest.mark.parametrize(
    ("path", "fps", "message"),
    [
        ("episode.mp4", 1, "path is 'episode.mp4'; an animation is a GIF, so it must end with .gif"),
        ("episode.gif", 0, "fps is 0; it must be from 0.01 to 50"),
        ("episode.gif", 0.001, "fps is 0.001"),  # the frames would stay for longer than a GIF can say
        ("episode.gif", float("nan"), "fps is nan"),
        ("episode.gif", "fast", "fps is 'fast'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_drawn(path, fps, message):
    with pytest.raises(UsageError) as caught:
        save_animation(Letters(), Letters().task("test", 0), [], path, fps)
    assert message in str(caught.value)
