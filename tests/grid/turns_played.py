"""Both board games in several settings, and the playing of episodes, for the tests of what they share."""

import pytest
from hypothesis import strategies as st

from mas_envs.games.plan_path import PlanPath
from mas_envs.games.sokoban import Sokoban

PLANNER, EXECUTOR, SOLVER = "planner_0", "executor_0", "solver_0"
ROOM = "######\n#@   #\n# $  #\n#  . #\n#    #\n######"
MAP = "@.#\n..G\n#.."
GAMES = {
    "sokoban": Sokoban(),
    "sokoban, single": Sokoban(roles="single", turns=3),
    "sokoban, two boxes": Sokoban(boxes=2, turns=3),
    "plan_path": PlanPath(),
    "plan_path, single": PlanPath(size=6, roles="single", turns=3),
}
every_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
actions_strategy = st.lists(
    st.one_of(st.text("UDLR", max_size=8), st.text("UDLR", max_size=4).map("+".__add__), st.text(max_size=6)),
    min_size=16,
    max_size=16,
)


def play(game, task, policy):
    """Plays an episode; returns its steps. `policy(state, agent)` gives the action."""
    state, steps = game.initial(task), []
    while agents := game.acting(state):
        steps.append(game.step(state, {agents[0]: policy(state, agents[0])}))
        state = steps[-1].state
    return steps


def team_return(steps):
    return sum(step.reward.team for step in steps)


def returns(game, steps):
    """What every agent earns in an episode, alpha being 1."""
    return {agent: sum(step.reward.of(agent) for step in steps) for agent in game.agents}


def legal_random(game, rng):
    """A policy that makes one to max_moves legal moves, drawn at random."""

    def act(state, agent):
        board, moves = state.board, ""
        for _ in range(rng.randint(1, game.max_moves)):
            legal = [move for move in "UDLR" if game.walk(state.task.content, board, move)[1]]
            if not legal:
                break
            moves += rng.choice(legal)
            board, _ = game.walk(state.task.content, board, moves[-1])
        return moves

    return act
