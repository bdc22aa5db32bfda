from dataclasses import FrozenInstanceError
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs import make_game
from mas_envs.agents import Agent, CallableAgent, Completion, ExpertAgent, RandomAgent, ReplayAgent, as_agent, play
from mas_envs.core.errors import ActionError, UsageError
from tests.fakes import HINTER, TELLER, FlakyRunner, Letters, run_grades


class Recorder:
    """Says `a` and keeps the batches that it was asked for."""

    def __init__(self):
        self.batches = []

    def act(self, requests):
        self.batches.append(list(requests))
        return [Completion("a") for _ in requests]


def both(agent):
    return {"hinter": agent, "teller": agent}


def tasks_of(game, count, split="test"):
    return [game.task(split, i) for i in range(count)]


def words(game, *texts):
    return [game.task_from(text) for text in texts]


@pytest.mark.parametrize("simultaneous", [False, True])
def test_the_expert_solves_every_task_in_one_turn(simultaneous):
    game = Letters(simultaneous=simultaneous)
    for episode in play(game, both(ExpertAgent()), tasks_of(game, 5)):
        assert episode.success and not episode.masked
        assert episode.turns == 1
        assert episode.returns == {HINTER: 1.5, TELLER: 1.5}


def test_experts_of_the_board_games_solve_held_out_tasks():
    for name in ("plan_path", "sokoban"):
        game = make_game(name, style="compact")
        episodes = play(game, {"planner": ExpertAgent(), "executor": ExpertAgent()}, tasks_of(game, 10))
        assert all(episode.success for episode in episodes), name


def test_an_agent_object_is_asked_once_per_moment_for_all_tasks_and_roles():
    game = Letters(turns=2, simultaneous=True)
    recorder = Recorder()
    play(game, both(recorder), words(game, "b", "b", "c"))
    assert [len(batch) for batch in recorder.batches] == [6, 6]
    hinter, teller = Recorder(), Recorder()
    play(Letters(turns=2), {"hinter": hinter, "teller": teller}, words(game, "b", "c"))
    assert [len(batch) for batch in hinter.batches] == [len(batch) for batch in teller.batches] == [2, 2]


def test_every_request_has_a_seed_of_its_own():
    game, recorder = Letters(turns=3), Recorder()
    play(game, both(recorder), words(game, "b", "b", "c"))
    seeds = [request.seed for batch in recorder.batches for request in batch]
    assert len(seeds) == len(set(seeds)) == 18


def test_an_agent_id_wins_over_its_role():
    game = Letters(turns=1)
    (episode,) = play(game, {**both(lambda _: "a"), TELLER: lambda _: "b"}, words(game, "abc"))
    assert [dict(moment.actions) for moment in episode.moments] == [{HINTER: "a"}, {TELLER: "b"}]


def test_rewards_by_agent_are_the_team_weighted_and_the_agents_own():
    game = Letters(turns=1)
    (episode,) = play(game, {"hinter": lambda _: "a", "teller": lambda _: "a"}, words(game, "abc"), alpha=2.0)
    assert [moment.rewards for moment in episode.moments] == [
        {HINTER: 0.5, TELLER: 0.0},
        {HINTER: 2.0, TELLER: 2.5},
    ]
    assert episode.returns == {HINTER: 2.5, TELLER: 2.5}


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_an_episode_does_not_depend_on_the_batch_that_it_is_played_in(order, size):
    game = Letters()
    alone = {index: play(game, both(RandomAgent()), [game.task("test", index)], seed=3)[0] for index in range(6)}
    batch = order[:size]
    together = play(game, both(RandomAgent()), [game.task("test", index) for index in batch], seed=3)
    assert together == [alone[index] for index in batch]


def test_another_seed_and_another_attempt_draw_other_actions():
    game, task = Letters(turns=6), Letters().task("test", 0)
    first, second = play(game, both(RandomAgent()), [task, task], seed=1)
    (other,) = play(game, both(RandomAgent()), [task], seed=2)
    assert (first.attempt, second.attempt) == (0, 1)
    taken = [[dict(moment.actions) for moment in episode.moments] for episode in (first, second, other)]
    assert taken[0] != taken[1] and taken[0] != taken[2]


@pytest.mark.parametrize("simultaneous", [False, True])
def test_replay_repeats_recorded_episodes_exactly(simultaneous):
    game = Letters(simultaneous=simultaneous)
    tasks = [*tasks_of(game, 4), game.task("test", 0)]
    recorded = play(game, both(RandomAgent()), tasks)
    assert play(game, both(ReplayAgent(recorded)), tasks, seed=99) == recorded


def test_replay_of_an_unknown_task_says_what_is_missing():
    game = Letters()
    agent = ReplayAgent(play(game, both(RandomAgent()), tasks_of(game, 1)))
    with pytest.raises(UsageError, match="Nothing is recorded for hinter_0 at moment 0 of task test/1"):
        play(game, both(agent), [game.task("test", 1)])


def test_effects_of_all_tasks_run_in_one_batch_per_moment():
    batches = []

    def runner(effects):
        batches.append(len(effects))
        return run_grades(effects)

    game = Letters(turns=1, simultaneous=True, graded=True)
    episodes = play(game, both(ExpertAgent()), tasks_of(game, 4), effect_runner=runner)
    assert batches == [8]
    assert all(episode.success for episode in episodes)


def test_a_failed_effect_is_tried_once_more():
    game, runner = Letters(graded=True), FlakyRunner(1)
    (episode,) = play(game, both(ExpertAgent()), tasks_of(game, 1), effect_runner=runner)
    assert episode.success
    assert runner.given == 3  # the first one twice


def test_an_episode_that_the_infrastructure_failed_is_masked_and_never_zero():
    game = Letters(graded=True)
    failed, fine = play(
        game, both(ExpertAgent()), tasks_of(game, 2), effect_runner=lambda effects: fail_first(game, effects)
    )
    assert failed.masked and failed.success is None and failed.returns is None
    assert failed.moments[-1].rewards is None
    assert fine.success and fine.returns == {HINTER: 1.5, TELLER: 1.5}


def fail_first(game, effects):
    """Fails what belongs to the first task, every time."""
    from mas_envs.core.game import Result

    letter = game.task("test", 0).content[0]
    return [Result(failed=True) if effect.letter == letter else run_grades([effect])[0] for effect in effects]


def test_effects_without_a_runner_say_what_to_give():
    game = Letters(graded=True)
    with pytest.raises(UsageError, match="needs Grade carried out; give effect_runner="):
        play(game, both(ExpertAgent()), tasks_of(game, 1))


def test_a_plain_function_is_an_agent_and_reads_the_prompt():
    seen = []
    game = Letters(turns=1)
    play(game, both(lambda text: seen.append(text) or "a"), words(game, "abc"))
    assert seen == ["a b c hinter", "a b c a teller"]


def test_as_agent_keeps_agents_wraps_functions_and_refuses_the_rest():
    expert, no_agents = ExpertAgent(), cast(Any, (None, 3, ExpertAgent))
    assert as_agent(expert) is expert
    assert isinstance(as_agent(str.upper), CallableAgent) and isinstance(as_agent(str.upper), Agent)
    for bad in no_agents:
        with pytest.raises(UsageError, match="is no agent; give an object with act"):
            as_agent(bad)


def test_a_function_that_returns_no_string_is_named():
    game = Letters()
    with pytest.raises(ActionError, match="The function that plays hinter_0 returned int"):
        play(game, both(cast(Any, lambda _: 3)), tasks_of(game, 1))


def test_missing_and_unknown_players_are_named():
    game = Letters()
    with pytest.raises(UsageError, match="Nobody plays teller_0; give an agent for 'teller_0' or 'teller'"):
        play(game, {"hinter": ExpertAgent()}, tasks_of(game, 1))
    with pytest.raises(UsageError, match="has no 'hintr'. Did you mean 'hinter'"):
        play(game, {"hintr": ExpertAgent(), "teller": ExpertAgent()}, tasks_of(game, 1))


def test_an_agent_that_answers_too_little_or_no_completions_is_named():
    class Silent:
        def act(self, requests):
            return []

    class Wrong:
        def act(self, requests):
            return ["a" for _ in requests]

    game = Letters()
    with pytest.raises(UsageError, match=r"Silent.act returned 0 completions for 1 requests"):
        play(game, both(Silent()), tasks_of(game, 1))
    with pytest.raises(UsageError, match=r"Wrong.act returned str"):
        play(game, both(cast(Any, Wrong())), tasks_of(game, 1))


def test_completions_and_episodes_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Completion("a").text = "b"  # pyright: ignore[reportAttributeAccessIssue]
