"""A tool user and a planner on the boards, in what all three games share: play, rewards, ends, experts."""

from random import Random

import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

from mas_envs import make_game, plan_path_v0, sokoban_v0, sudoku_v0
from mas_envs.agents import ExpertAgent, play
from mas_envs.pettingzoo_env import make_env, make_parallel_env
from mas_envs.testing import check_game
from mas_envs.vector import step_all
from tests.games.tool_planner_played import MAP, PLANNER, TOOL, every_name, every_style, made, on_map, program, step


# ---- conformance ----------------------------------------------------------------------------------------------------
@every_name
@every_style
def test_the_contract_of_a_game_holds(name, style):
    check_game(made(name, style=style))


@every_name
@pytest.mark.filterwarnings("ignore::UserWarning")  # PettingZoo advises number observations
def test_pettingzoos_checks_pass(name):
    settings = {"game": name, "roles": "tool-planner", "turns": 2}
    api_test(make_env(**settings), num_cycles=12)
    parallel_api_test(make_parallel_env(**settings), num_cycles=12)
    seed_test(lambda: make_env(**settings), num_cycles=5)
    parallel_seed_test(lambda: make_parallel_env(**settings), num_cycles=5)


def test_the_modules_make_the_team_of_the_paper():
    for module in (plan_path_v0, sokoban_v0, sudoku_v0):
        env = module.env(roles="tool-planner")
        env.reset(seed=1)
        assert env.possible_agents == [TOOL, PLANNER] and env.agent_selection == TOOL


# ---- play and rewards -----------------------------------------------------------------------------------------------
def test_an_adopted_program_solves_the_task_and_its_advance_is_taken_back():
    game, state = on_map()
    assert game.acting(state) == (TOOL,)
    first = step(game, state, tool=program("print(['D', 'R', 'R'])"))
    assert first.reward == ({}, {TOOL: {"proposal": 2.0}})
    assert game.acting(first.state) == (PLANNER,) and first.state.turn == 0
    second = step(game, first.state, planner='I checked it. Moves: ["+"]')
    assert second.reward == ({"progress": 1.0, "success": 1.0}, {PLANNER: {}, TOOL: {"proposal": -2.0}})
    assert (second.terminated, second.info["success"], game.acting(second.state)) == (True, True, ())


def test_the_planner_overrides_a_program_by_a_list_of_its_own_or_goes_on_from_it():
    game, state = on_map()
    proposed = step(game, state, tool=program("print('RD')")).state
    assert step(game, proposed, planner="Moves: D").state.board == 3
    assert step(game, proposed, planner="Moves: + R").state.outcome == "solved"
    assert step(game, proposed, planner="+").state.board == 4


def test_the_program_reads_the_board_as_it_is_now():
    game, state = on_map()
    echo = program("print(open(0).read())\nprint('D')")
    first = step(game, state, tool=echo).state
    assert first.run.output == f"{MAP}\n\nD\n"
    second = step(game, step(game, first, planner="+").state, tool=echo).state
    assert second.run.output.startswith("..#\n@.G\n")
    sudoku = made("sudoku")
    givens = "1.3.....21......"[:16]
    text = sudoku.stdin(sudoku.task("test", 0).content, givens)
    now, given = text.split("\n\n")
    assert now == "1.3.\n....\n21..\n...." and "".join(given.split()) == sudoku.task("test", 0).content.givens


@pytest.mark.parametrize(
    ("text", "verdict", "term", "told"),
    [
        ("pass", "ok", "list", "printed no list of moves"),
        ("print('who knows')", "ok", "list", "printed no list of moves"),
        ("print('DRR')\n1/0", "runtime_error", "runs", "ZeroDivisionError"),
        ("print('DRR'", "runtime_error", "runs", "SyntaxError"),
        ("while True: pass", "time_limit", "runs", "stopped: it used up its 0.2 s"),
        ("import time\nprint('DRR', flush=True)\ntime.sleep(60)", "time_limit", "runs", "stopped"),
        ("print('DRR\\n' * 10**6)", "output_limit", "runs", "stopped: it wrote more than 16 KiB"),
        ("a = [0] * 10**9", "memory_limit", "runs", "stopped"),
        ("print('RR')", "ok", "illegal", "blocked"),
        ("", "no_program", "format", "holds no program"),
    ],
)
def test_what_a_program_does_that_cheats_or_fails_is_an_outcome_with_a_name(text, verdict, term, told):
    game, state = on_map(seconds=0.2)
    done = step(game, state, tool=program(text) if text else "I would go down.")
    assert done.state.run.verdict == verdict
    advance = pytest.approx(1 / 3) if term == "illegal" else 0.0  # one step of three, up to the one that is blocked
    assert done.reward.local_terms == {TOOL: {"proposal": advance, term: -0.02}}
    assert told in done.info["errors"][TOOL] and done.state.run.fault == done.info["errors"][TOOL]
    adopted = step(game, done.state, planner="+")
    assert adopted.state.board == (1 if term == "illegal" else 0)
    assert not adopted.info["errors"]


@every_name
@every_style
def test_nothing_is_earned_by_programs_alone_and_the_sum_of_rewards_is_what_the_board_gained(name, style):
    game, draw = made(name, style=style), Random(4)
    for index in range(4):
        state = game.initial(game.task("train", index))
        start, team, own = state.potential, 0.0, dict.fromkeys(game.agents, 0.0)
        while agents := game.acting(state):
            text = draw.choice((game.expert(state, agents[0]), draw.choice(game.example_actions()), "nonsense("))
            (done,) = step_all(game, [(state, {agents[0]: text})], None)
            for whose, terms in done.reward.local_terms.items():
                own[whose] += sum(terms.values())
            team += done.reward.team
            state = done.state
        assert team == pytest.approx(state.potential - start + (state.outcome == "solved"))
        assert all(-0.02 * game.turns - 1e-9 <= value <= 1e-9 for value in own.values())


@every_name
def test_moves_are_no_actions_of_the_tool_user(name):
    game = made(name)
    state = game.initial(game.task("test", 0))
    assert game.legal_actions(state, TOOL) == game.legal_actions(state, PLANNER) == ()
    assert game.legal_actions(step(game, state, tool="").state, PLANNER) == make_game(name).legal_actions(
        state, PLANNER
    )


# ---- experts --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("plan_path", {}),
        ("plan_path", {"size": 64, "obstacles": 0.4}),
        ("sokoban", {}),
        ("sokoban", {"size": 8, "boxes": 2}),
        ("sudoku", {}),
        ("sudoku", {"size": 6}),
        ("sudoku", {"size": 9}),
    ],
    ids=str,
)
@every_style
def test_the_experts_program_alone_solves_the_boards(name, settings, style):
    """The planner only ever adopts: all that moves is what the one program printed."""
    game = made(name, style=style, **settings)
    tasks = [game.task("test", index) for index in range(10)]
    adopting = game.passive_action("planner")
    episodes = play(game, {"tool": ExpertAgent(), "planner": lambda _prompt: adopting}, tasks)
    assert all(episode.success for episode in episodes)
    programs = {moment.actions[TOOL] for episode in episodes for moment in episode.moments if TOOL in moment.actions}
    assert len(programs) == 1 and game.passive_action("tool") is None


def test_where_the_program_takes_too_long_the_expert_of_the_planner_writes_the_moves():
    game = made("sokoban", size=10, boxes=4, pushes=(20, 24), seconds=0.1)
    state = game.initial(game.task("test", 0))
    tried = step(game, state, tool=game.expert(state, TOOL))
    assert tried.state.run.verdict == "time_limit"
    answer = game.expert(tried.state, PLANNER)
    assert "+" not in answer
    moved = step(game, tried.state, planner=answer)
    assert not moved.info["errors"] and moved.reward.team_terms["progress"] > 0
    (episode,) = play(game, {"tool": ExpertAgent(), "planner": ExpertAgent()}, [state.task])
    assert episode.success


def test_digits_that_were_written_wrongly_do_not_mislead_the_program_of_sudoku():
    game = made("sudoku", style="compact")
    state = game.initial(game.task("test", 1))
    solution = state.task.content.solution
    state = step(game, state, tool="pass").state
    wrong = next(move for move in game.legal_actions(state, PLANNER) if solution[cell_of(move)] != move[-1])
    state = step(game, state, planner=wrong).state
    assert state.board.count(".") == state.task.content.givens.count(".") - 1
    proposed = step(game, state, tool=game.expert(state, TOOL))
    assert proposed.state.proposal.after == solution


def cell_of(move):
    """The cell of a move of the 4x4 board."""
    return (int(move[1]) - 1) * 4 + ord(move[0]) - ord("a")
