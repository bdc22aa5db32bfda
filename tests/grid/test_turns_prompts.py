"""Transcripts of what the agents read: a prompt that changes is a new version of the game."""

from mas_envs.core.game import Message
from mas_envs.games.plan_path import PlanPath
from mas_envs.games.sokoban import Sokoban
from tests.grid.turns_played import EXECUTOR, MAP, PLANNER, ROOM, SOLVER


def test_compact_prompts_are_locked():
    game = Sokoban(style="compact")
    state = game.initial(game.task_from(ROOM))
    assert game.observe(state, PLANNER).text == ".d4 $c3 @b2 [DR] planner"
    state = game.step(state, {PLANNER: "D R R U U"}).state
    assert game.observe(state, EXECUTOR).text == ".d4 -c3 _b2 [DR] D R R U !U $e3 @d2 [DLR] executor"
    assert game.observe(game.step(state, {EXECUTOR: "R"}).state, PLANNER).text == ".d4 $c3 @c2 [DLR] planner"
    game = PlanPath(size=3, style="compact")
    state = game.initial(game.task_from(MAP))
    assert game.observe(state, PLANNER).text == "#c1 #a3 *c2 @a1 [DR] planner"
    state = game.step(state, {PLANNER: ""}).state
    assert game.observe(state, EXECUTOR).text == "#c1 #a3 *c2 _a1 [DR] = @a1 [DR] executor"
    assert game.observe(state, EXECUTOR).messages == (Message("user", "#c1 #a3 *c2 _a1 [DR] = @a1 [DR] executor"),)


def test_full_prompts_are_locked():
    game = Sokoban()
    state = game.initial(game.task_from(ROOM))
    prompt = game.observe(state, PLANNER)
    assert prompt.messages == (Message("system", prompt.instructions), Message("user", prompt.situation))
    assert prompt.instructions == (
        "This is Sokoban: push every box onto a goal. You push a box by walking into it; it moves one cell ahead if "
        "that cell is free. Boxes cannot be pulled, and only one can be pushed at a time, so a box pushed into a "
        "corner that is no goal is lost.\n"
        "The board shows # for a wall, a space for free floor, . for a goal, $ for a box, * for a box on a goal, "
        "@ for you and + for you on a goal.\n"
        "Moves are U (up), D (down), L (left), R (right). At most 6 count per turn; the first blocked move ends the "
        "list.\n"
        "You are the planner. Propose the moves for this turn; the executor will see your proposal and what it would "
        "do, and decide.\n"
        'You may reason first. End with one line like this: Moves: ["R", "R", "D"]'
    )
    assert prompt.situation == f"Turn 1 of 4. The board:\n{ROOM}\nMoves possible now: D, R"
    state = game.step(game.step(state, {PLANNER: "x"}).state, {EXECUTOR: 'Moves: ["R", "U"]'}).state
    state = game.step(state, {PLANNER: "D D D D"}).state
    prompt = game.observe(state, EXECUTOR)
    assert "You are the executor." in prompt.instructions and 'Moves: ["+", "R"]' in prompt.instructions
    assert prompt.situation == (
        "Turn 2 of 4. The board:\n######\n# @  #\n# $  #\n#  . #\n#    #\n######\nMoves possible now: D, L, R\n"
        "Last turn: carried out R; then U was blocked\n"
        'The planner proposes: ["D", "D", "D"]\n'
        "Its move 3 (D) is blocked.\n"
        "The board after its 2 legal moves:\n######\n#    #\n#    #\n# @. #\n# $  #\n######\n"
        "Moves possible there: U, L, R"
    )


def test_full_prompts_of_plan_path_and_of_a_lone_solver_are_locked():
    game = PlanPath(size=3, roles="single")
    prompt = game.observe(game.initial(game.task_from(MAP)), SOLVER)
    assert prompt.text == (
        "A map has to be crossed: lead the agent from where it is to the goal.\n"
        "The map shows # for a wall, . for a free cell, @ for the agent and G for the goal.\n"
        "Moves are U (up), D (down), L (left), R (right). At most 12 count per turn; the first blocked move ends the "
        "list.\n"
        "You play alone. Your moves are final.\n"
        'You may reason first. End with one line like this: Moves: ["R", "R", "D"]\n\n'
        "Turn 1 of 1. The board:\n@.#\n..G\n#..\nMoves possible now: D, R"
    )


def test_rendering_shows_the_board_the_turn_the_proposal_and_the_end():
    game = PlanPath(size=3)
    state = game.initial(game.task_from(MAP))
    name = state.task.ref.id
    assert game.render(state) == f"plan_path {name}, turn 0 of 4\n@.#\n..G\n#.."
    state = game.step(state, {PLANNER: "DLD"}).state
    assert game.render(state) == f"plan_path {name}, turn 0 of 4\n@.#\n..G\n#..\nproposed: DL"
    state = game.step(state, {EXECUTOR: "+RR"}).state
    assert game.render(state) == f"plan_path {name}, turn 1 of 4: solved\n..#\n..@\n#.."
