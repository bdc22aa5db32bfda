"""The small parts of a run: files that are whole or not there, logs, the best weights, scores."""

import pytest

pytest.importorskip("torch")

import torch

from mas_envs.agents import CallableAgent, Episode, ExpertAgent, Moment
from mas_envs.core.errors import StateError
from mas_envs.core.game import TaskRef
from tests.fakes import Letters
from tests.trainers.small import assert_same, stir, tiny_policy, weights
from trainers.run.best import Best
from trainers.run.files import make_folder, write_folder, write_json, write_text
from trainers.run.metrics import JsonLines
from trainers.run.scores import copied_shares, score, wilson


def test_a_folder_whose_filling_fails_leaves_the_old_one_whole(tmp_path):
    write_folder(tmp_path / "it", lambda path: (path / "a").write_text("old"))

    def fail(path):
        (path / "a").write_text("new")
        raise OSError("disk full")

    with pytest.raises(StateError, match="disk full"):
        write_folder(tmp_path / "it", fail)
    assert (tmp_path / "it" / "a").read_text() == "old"
    write_folder(tmp_path / "it", lambda path: (path / "b").write_text("newer"))  # over what the failure left
    assert [path.name for path in tmp_path.rglob("*")] == ["it", "b"]


def test_a_file_is_replaced_whole(tmp_path):
    write_text(tmp_path / "it", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "it", "new \ud800")
    assert (tmp_path / "it").read_text() == "old"
    write_json(tmp_path / "it", {"é": 1})
    assert (tmp_path / "it").read_text() == '{\n  "é": 1\n}\n'
    assert list(tmp_path.iterdir()) == [tmp_path / "it"]


def test_making_a_folder_leaves_nothing_in_it(tmp_path):
    assert list(make_folder(tmp_path / "a" / "b").iterdir()) == []


def test_a_log_leaves_out_a_line_that_a_kill_cut_off_and_goes_on_after_it(tmp_path):
    log = JsonLines(tmp_path / "log")
    assert log.read() == []
    log.append(*({"iteration": i} for i in range(1, 5)))
    with log.path.open("a") as file:
        file.write('{"iteration": 5, "rew')
    assert [record["iteration"] for record in log.read()] == [1, 2, 3, 4]
    log.keep_until(2)
    log.append({"iteration": 3})
    assert [record["iteration"] for record in log.read()] == [1, 2, 3]


def test_the_best_weights_come_back_and_of_equals_the_first():
    policy = tiny_policy()
    best = Best({"shared": policy})
    assert best.offer(0.5)
    kept = weights(policy.model)
    for seed, success in enumerate([0.4, 0.5]):
        stir(policy.model, seed)
        assert not best.offer(success)
    best.restore()
    assert_same(weights(policy.model), kept)
    assert best.score == 0.5
    assert torch.equal(policy.model.lm_head.weight, policy.model.model.embed_tokens.weight)


def test_of_perfect_weights_the_last_come_back():
    policy = tiny_policy()
    best = Best({"shared": policy})
    assert best.offer(1.0)
    stir(policy.model, 0)
    assert best.offer(1.0)
    kept = weights(policy.model)
    stir(policy.model, 1)
    assert not best.offer(0.9)
    best.restore()
    assert_same(weights(policy.model), kept)


@pytest.mark.parametrize(
    ("successes", "n", "interval"),
    [(8, 10, (0.4902, 0.9433)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (320, 400, (0.7580, 0.8363))],
)
def test_wilson_intervals_are_the_textbooks(successes, n, interval):
    assert wilson(successes, n) == pytest.approx(interval, abs=1e-4)


def test_of_nothing_the_interval_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_score_counts_the_tasks_that_the_team_solves():
    game = Letters(turns=1)
    tasks = [game.task_from(word) for word in ("abb", "baa", "add", "cab")]
    team = {"hinter": ExpertAgent(), "teller": CallableAgent(lambda text: "a")}
    found = score(game, team, tasks)
    assert (found.success, found.n, found.masked) == (0.5, 4, 0)
    assert found.to_json() == {"success": 0.5, "ci95": [0.15, 0.85], "n": 4, "masked": 0}


def test_a_score_says_how_many_winners_last_answers_had_been_shown_word_for_word():
    game = Letters(turns=1)
    tasks = [game.task_from(word) for word in ("abb", "baa", "add", "cab")]
    team = {"hinter": ExpertAgent(), "teller": CallableAgent(lambda text: " a\n")}
    found = score(game, team, tasks, shown={"teller": ["a"], "hinter": ["b"]})
    assert found.success == 0.5 and found.copied == {"teller": 1.0, "hinter": 0.0}
    assert found.to_json()["copied"] == {"teller": 1.0, "hinter": 0.0}


def test_of_answers_the_last_of_a_role_counts_and_only_of_episodes_that_succeeded():
    def episode(success, *said):
        moments = tuple(Moment({}, {"coder_0": text}, {"coder_0": 0.0}, {}) for text in said)
        return Episode(TaskRef("s", "i", "d"), 0, moments, success, {}, len(said))

    played = [
        episode(True, "shown", "new"),
        episode(True, "new", "  shown\n twice "),
        episode(True, "shown"),
        episode(True, "Shown"),
        episode(False, "shown"),
        episode(None, "shown"),
    ]
    assert copied_shares(played, {"coder": {"shown", "shown twice"}}) == {"coder": 0.5}
    assert copied_shares(played[4:], {"coder": {"shown"}}) == {}
