"""Rewards, outcomes and experts of the turns that all board games share, on both games there are."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs.core.errors import ActionError, UsageError
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.sokoban import Sokoban
from tests.grid.turns_played import (
    EXECUTOR,
    MAP,
    PLANNER,
    ROOM,
    SOLVER,
    actions_strategy,
    every_game,
    legal_random,
    play,
    returns,
    team_return,
)


# ---- rewards -------------------------------------------------------------------------------------------------------
def test_the_rewards_of_a_turn_worked_by_hand():
    # three cells apart: the proposal goes one closer and is then blocked; the executor accepts it and goes on
    game = PlanPath(size=3)
    state = game.initial(game.task_from(MAP))
    step = game.step(state, {PLANNER: "D L R"})
    assert dict(step.reward.team_terms) == {}
    assert step.reward.local_terms == {PLANNER: {"proposal": pytest.approx(1 / 3), "illegal": -0.02}}
    assert step.info == {
        "success": False,
        "errors": {PLANNER: "Move L is blocked; it and the moves after it are left out."},
    }
    assert step.state.proposal is not None and step.state.proposal[:2] == ("D", "L") and step.state.board == 0
    step = game.step(step.state, {EXECUTOR: "+ R"})
    assert dict(step.reward.team_terms) == {"progress": pytest.approx(2 / 3), "success": 0.0}
    assert step.reward.local_terms == {EXECUTOR: {}, PLANNER: {"proposal": pytest.approx(-1 / 3)}}
    assert step.state.feedback == "carried out DR" and step.state.turn == 1 and step.state.outcome == ""


def test_solving_pays_one_more_and_ends_the_episode():
    game = Sokoban(roles="single")
    (step,) = play(game, game.task_from(ROOM), game.expert)
    assert dict(step.reward.team_terms) == {"progress": 1.0, "success": 1.0}
    assert step.terminated and not step.truncated and step.info["success"] and step.state.outcome == "solved"


def test_moves_after_the_solution_are_neither_made_nor_faulted():
    game = PlanPath(size=3, roles="single", max_moves=9)
    step = game.step(game.initial(game.task_from(MAP)), {SOLVER: "DRRRRRRRR"})
    assert step.info == {"success": True, "errors": {}} and step.state.board == 5
    assert step.reward.local_terms == {SOLVER: {}}


def test_the_proposals_legal_moves_count_among_the_executors():
    game = PlanPath(size=5, obstacles=0, max_moves=3)
    state = game.initial(game.task_from("@....\n.....\n.....\n.....\n....G"))
    state = game.step(state, {PLANNER: "RR"}).state
    assert game.step(state, {EXECUTOR: "+DDD"}).state.feedback == "carried out RRD"
    assert game.step(state, {EXECUTOR: "DDDD"}).state.feedback == "carried out DDD"
    assert game.step(state, {EXECUTOR: "+"}).state.feedback == "carried out RR"
    assert game.step(state, {EXECUTOR: "[]"}).state.feedback == "carried out no move"


def test_an_episode_is_cut_when_its_turns_are_spent():
    game = PlanPath(turns=2)
    steps = play(game, game.task("train", 0), lambda state, agent: "[]")
    assert [(step.terminated, step.truncated) for step in steps] == [(False, False)] * 3 + [(False, True)]
    assert steps[-1].state.outcome == "out_of_turns" and steps[-1].state.turn == 2


@every_game
@settings(deadline=None, max_examples=60)
@given(index=st.integers(0, 50), said=actions_strategy)
def test_progress_telescopes_advances_cancel_and_every_reward_keeps_its_bounds(game, index, said):
    task, answers = game.task("train", index), iter(said)
    start = game.initial(task)
    steps = play(game, task, lambda state, agent: next(answers))
    end = steps[-1].state
    assert start.potential == -1 and -1.5 <= end.potential <= 0
    progress = sum(step.reward.team_terms.get("progress", 0.0) for step in steps)
    assert progress == pytest.approx(game.potential(task.content, end.board) - start.potential)
    assert sum(step.reward.team_terms.get("success", 0.0) for step in steps) == (end.outcome == "solved")
    if PLANNER in game.agents:
        terms = [step.reward.local_terms.get(PLANNER, {}) for step in steps]
        assert sum(each.get("proposal", 0.0) for each in terms) == pytest.approx(0)
    for step in steps:
        assert game.team_range[0] <= step.reward.team <= game.team_range[1]
        assert all(game.local_range[0] <= step.reward.local(agent) <= game.local_range[1] for agent in game.agents)
        assert step.info["success"] == (step.state.outcome == "solved")
        json.dumps(step.info)


def there_and_back(game):
    def act(state, agent):
        for move, back in (("U", "D"), ("D", "U"), ("L", "R"), ("R", "L")):
            level, board = state.task.content, state.board
            if game.walk(level, board, move + back)[0] == board != game.walk(level, board, move)[0]:
                return (move + back) * (game.max_moves // 2)
        return ""

    return act


def into_a_wall(game):
    def act(state, agent):
        return next((m for m in "UDLR" if not game.walk(state.task.content, state.board, m)[1]), "") * game.max_moves

    return act


def dawdle(game):
    """Walks the expert's way, one move a turn."""
    return lambda state, agent: game.expert(state, agent).replace("+", "")[:1]


def exploits(game):
    yield "nothing", lambda state, agent: "[]"
    yield "silence", lambda state, agent: ""
    yield "noise", lambda state, agent: "I would rather not."
    yield "wall", into_a_wall(game)
    yield "there and back", there_and_back(game)
    yield "all talk", lambda state, agent: game.expert(state, agent) if agent == PLANNER else "[]"


@every_game
def test_no_exploit_comes_near_the_expert_or_beats_legal_random_play(game):
    tasks = [game.task("train", index) for index in range(60)]
    expert = [play(game, task, game.expert) for task in tasks]
    assert all(team_return(steps) == pytest.approx(2) for steps in expert)
    assert all(value == pytest.approx(2) for steps in expert for value in returns(game, steps).values())
    rng = random.Random(0)
    chance = [team_return(play(game, task, legal_random(game, rng))) for task in tasks for _ in range(8)]
    for name, policy in exploits(game):
        for task in tasks:
            steps = play(game, task, policy)
            assert team_return(steps) <= 1e-9, name
            assert all(value <= 1e-9 for value in returns(game, steps).values()), name
    if game.name == "plan_path":
        assert sum(chance) > 0, "on a map without traps, moving at random earns more than any of these"


@every_game
def test_dawdling_earns_no_more_than_it_gets_done(game):
    shorter = 0
    for index in range(60):
        task = game.task("train", index)
        steps = play(game, task, dawdle(game))
        if steps[-1].state.outcome == "solved":
            assert all(value == pytest.approx(2) for value in returns(game, steps).values())
        else:
            shorter += 1
            assert all(value < 1 for value in returns(game, steps).values())
    assert shorter > 20


@every_game
def test_proposing_and_taking_back_in_every_turn_earns_nothing(game):
    if PLANNER not in game.agents:
        return
    for index in range(30):
        steps = play(
            game, game.task("train", index), lambda s, agent: game.expert(s, agent) if agent == PLANNER else ""
        )
        assert returns(game, steps)[PLANNER] == pytest.approx(0)
        assert returns(game, steps)[EXECUTOR] < 0


# ---- the expert ----------------------------------------------------------------------------------------------------
@every_game
def test_the_expert_solves_every_task_whatever_its_partner_proposes(game):
    rng = random.Random(1)
    solved = 0
    for index in range(40):
        partner = legal_random(game, rng)
        steps = play(
            game, game.task("validation", index), lambda s, a, p=partner: (p if a == PLANNER else game.expert)(s, a)
        )
        solved += steps[-1].state.outcome == "solved"
    assert solved == 40


def test_the_executor_accepts_what_helps_and_drops_what_does_not():
    game = PlanPath(size=3, style="compact")
    start = game.initial(game.task_from(MAP))
    for proposal, answer in (("D", "+ R R"), ("DRR", "+"), ("DU", "D R R"), ("U", "D R R"), ("x", "D R R")):
        assert game.expert(game.step(start, {PLANNER: proposal}).state, EXECUTOR) == answer


def test_the_expert_and_the_passive_action_answer_in_the_form_that_the_style_asks_for():
    game = PlanPath(size=3)
    start = game.initial(game.task_from(MAP))
    assert game.expert(start, PLANNER) == 'Moves: ["D", "R", "R"]'
    assert (game.passive_action("executor"), game.passive_action("planner")) == ('Moves: ["+"]', None)
    assert PlanPath(style="compact").passive_action("executor") == "+"


@pytest.mark.parametrize(
    ("text", "proposal"),
    [
        ("#######\n## #. #\n#   $ #\n# . $@#\n##  $##\n###  .#\n#######", "UUDLRDLL"),
        ("#######\n#    @#\n#.$ $$#\n## #..#\n###   #\n##    #\n#######", "DUDULDDU"),
        ("#######\n#     #\n#. # ##\n#   # #\n#$$ # #\n#+$  .#\n#######", "UDUDRULD"),
    ],
)
def test_the_executor_drops_a_proposal_that_looks_nearer_and_cannot_be_solved(text, proposal):
    game = Sokoban(size=7, boxes=3, max_moves=8)
    state = game.step(game.initial(game.task_from(text)), {PLANNER: proposal}).state
    assert state.proposal is not None
    level, after = state.task.content, state.proposal.after
    assert game.distance(level, after) < 1 and not game.lost(level, after) and not game.solve(level, after)
    state = game.step(state, {EXECUTOR: game.expert(state, EXECUTOR)}).state
    assert state.outcome == "solved" or game.solve(level, state.board)


# ---- calling it wrongly --------------------------------------------------------------------------------------------
@every_game
def test_step_refuses_a_missing_action_a_non_string_and_a_game_that_is_over(game):
    state = game.initial(game.task("train", 0))
    first = game.acting(state)[0]
    with pytest.raises(UsageError, match=f"No action for {first}"):
        game.step(state, {})
    for wrong in (None, 3, b"U", ["U"]):
        with pytest.raises(ActionError, match="must be a str"):
            game.step(state, {first: wrong})
    over = play(game, game.task("train", 0), game.expert)[-1].state
    with pytest.raises(UsageError, match="over"):
        game.step(over, {first: "U"})


@every_game
def test_step_leaves_the_old_state_as_it_was(game):
    state = game.initial(game.task("train", 0))
    before = json.dumps(game.save(state))
    results = [game.step(state, {game.acting(state)[0]: "UDLR"}) for _ in range(2)]
    assert results[0] == results[1] and json.dumps(game.save(state)) == before


@every_game
def test_legal_actions_are_the_moves_that_do_something(game):
    state = game.initial(game.task("train", 3))
    agent = game.acting(state)[0]
    for move in "UDLR":
        error = game.step(state, {agent: move}).info["errors"]
        assert (move in game.legal_actions(state, agent)) == (not error)
    assert game.legal_actions(state, "nobody_0") == ()
