"""Transcripts of what the agents read in Sudoku: a prompt that changes is a new version of the game."""

import random

import pytest

from mas_envs.games.sudoku import Sudoku
from tests.games.sudoku_by_brute_force import PUZZLE
from tests.grid.turns_played import EXECUTOR, PLANNER, SOLVER

BOARD = """\
    a b   c d
  +-----+-----+
1 | . 3 | 2 4 |
2 | 2 . | . 3 |
  +-----+-----+
3 | 3 . | . . |
4 | 4 2 | . . |
  +-----+-----+"""


def test_compact_prompts_are_locked():
    game = Sudoku(style="compact")
    state = game.initial(game.task_from(PUZZLE))
    assert game.observe(state, PLANNER).text == (
        "a1=0 [1] b1=3 c1=2 d1=4 a2=2 b2=0 [14] c2=0 [1] d2=3 a3=3 b3=0 [1] c3=0 [14] d3=0 [12] a4=4 b4=2 c4=0 [13] "
        "d4=0 [1] planner"
    )
    state = game.step(game.step(state, {PLANNER: ""}).state, {EXECUTOR: "c3=1 a1=1"}).state
    state = game.step(state, {PLANNER: "c3=4 a1=0 b2=4 b1=1"}).state
    assert game.observe(state, EXECUTOR).text == (
        "a1?0 [1] b1=3 c1=2 d1=4 a2=2 b2?4 c2=0 [1] d2=3 a3=3 b3=0 [1] c3?4 d3=0 [12] a4=4 b4=2 c4=0 [13] d4=0 [1] "
        "a1~1 c3~1 ! b1=1 executor"
    )
    state = game.step(state, {EXECUTOR: "+ b3=1"}).state
    assert game.observe(state, PLANNER).text == (
        "a1=0 [1] b1=3 c1=2 d1=4 a2=2 b2~4 c2=0 [1] d2=3 a3=3 b3~1 c3~4 d3=0 [2] a4=4 b4=2 c4=0 [13] d4=0 [1] planner"
    )
    assert game.observe(game.step(state, {PLANNER: "a1=1"}).state, EXECUTOR).text.endswith("d4=0 [1] = executor")


def test_full_prompts_are_locked():
    game = Sudoku()
    state = game.initial(game.task_from(PUZZLE))
    prompt = game.observe(state, PLANNER)
    assert prompt.instructions == (
        "This is Sudoku on a board of 4x4 cells: write a digit from 1 to 4 into every empty cell, so that each row, "
        "each column and each box (of 2 rows and 2 columns) has every digit once. There is exactly one solution. The "
        "digits that were given at the start never change.\n"
        "The board shows . for an empty cell, letters over the columns and numbers before the rows: b3 is column b, "
        "row 3.\n"
        'A move is a cell and its digit: "b3=4" writes 4 into b3, "b3=0" empties it. A move is blocked if it changes a '
        "given, or writes a digit that its row, column or box shows already. What you wrote you can change. Instead of "
        'a list of moves you can write "Grid:" and then all rows of the board, with . for cells to leave as they are. '
        "At most 16 count per turn; the first blocked move ends the list.\n"
        "You are the planner. Propose the moves for this turn; the executor will see your proposal and what it would "
        "do, and decide.\n"
        'You may reason first. End with one line like this: Moves: ["b3=4", "d1=2"]'
    )
    assert prompt.situation == f"Turn 1 of 4. The board:\n{BOARD}"
    state = game.step(game.step(state, {PLANNER: "x"}).state, {EXECUTOR: 'Moves: ["c3=1", "b1=4"]'}).state
    state = game.step(state, {PLANNER: "b2=4 d4=1"}).state
    prompt = game.observe(state, EXECUTOR)
    assert 'Moves: ["+", "b3=4"] goes on from the board after it' in prompt.instructions
    now = BOARD.replace("3 | 3 . | . . |", "3 | 3 . | 1 . |")
    assert prompt.situation == (
        f"Turn 2 of 4. The board:\n{now}\n"
        "Written so far, free to change: c3=1\n"
        "Last turn: carried out c3=1; then b1=4 was blocked: b1 is given as 3, and givens never change\n"
        'The planner proposes: ["b2=4", "d4=1"]\n'
        "Its move 2 (d4=1) is blocked: its box has a 1 already, at c3.\n"
        f"The board after its 1 legal moves:\n{now.replace('2 | 2 . |', '2 | 2 4 |')}\n"
        "Written so far, free to change: b2=4, c3=1"
    )
    assert game.render(state) == f"sudoku {state.task.ref.id}, turn 1 of 4\n{now}\nproposed: b2=4 d4=1"


def test_boxes_of_6x6_and_9x9_boards_are_drawn():
    game = Sudoku(size=6)
    level = game.task("test", 0).content
    lines = game.draw(level, level.givens).split("\n")
    assert lines[0] == "    a b c   d e f" and lines[1] == lines[4] == lines[7] == lines[10] == "  +-------+-------+"
    assert [line[0] for line in lines if "|" in line] == list("123456")
    game = Sudoku(size=9)
    level = game.task("test", 0).content
    lines = game.draw(level, level.solution).split("\n")
    assert [number for number, line in enumerate(lines) if line.startswith("  +")] == [1, 5, 9, 13]
    assert "".join(sign for line in lines for sign in line[2:] if sign.isdigit()) == level.solution


@pytest.mark.parametrize("size", [4, 6, 9])
def test_every_compact_word_is_in_the_vocabulary(size):
    game, generator = Sudoku(size=size, style="compact"), random.Random(0)
    words = set(game.vocabulary())
    assert len(words) == len(game.vocabulary())
    actions = [*game.example_actions(), "a1=0 b2=0", "+ a1=1 b2=2 c3=3"]
    for index in range(20):
        state = game.initial(game.task("train", index))
        while agents := game.acting(state):
            assert set(game.observe(state, agents[0]).text.split()) <= words
            assert set(game.expert(state, agents[0]).split()) <= words
            drawn = " ".join(generator.sample(actions[:-3], 5))
            state = game.step(state, {agents[0]: generator.choice([drawn, generator.choice(actions)])}).state
    assert set(game.longest_answer().split()) <= words


def test_the_expert_writes_first_what_follows_from_the_board():
    game = Sudoku(style="compact", roles="single")
    state = game.initial(game.task_from(PUZZLE))
    assert game.expert(state, SOLVER) == "a1=1 c2=1 b3=1 d4=1 b2=4 c3=4 d3=2 c4=3"


def test_the_executor_accepts_what_helps_and_drops_what_does_not():
    game = Sudoku(style="compact")
    start = game.initial(game.task_from(PUZZLE))
    alone = "a1=1 c2=1 b3=1 d4=1 b2=4 c3=4 d3=2 c4=3"
    for proposal, answer in (
        ("a1=1 c2=1 b3=1", "+ b2=4 c3=4 d3=2 c4=3 d4=1"),
        (alone, "+"),
        ("c3=1", alone),
        ("a1=1 c4=1", "+ b2=4 c4=0 c2=1 b3=1 d4=1 c3=4 d3=2 c4=3"),
        ("", alone),
    ):
        assert game.expert(game.step(start, {PLANNER: proposal}).state, EXECUTOR) == answer
    assert (game.passive_action("executor"), game.passive_action("planner")) == ("+", None)
