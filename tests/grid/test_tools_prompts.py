"""Transcripts of what a tool user and a planner read: a prompt that changes is a new version of the game."""

from pathlib import Path
from typing import Any

import pytest

from mas_envs import make_game
from mas_envs.vector import step_all
from tests.grid.turns_played import ROOM

PAGE = Path(__file__).parents[2] / "docs/environments/tool_planner.md"
MAP = "@.#\n..G\n#.."
FULL = (
    'I go right as long as that is possible.\n```python\nprint("Moves:", ["R"] * 3)\n```',
    'That runs into the wall, but one step is right. Moves: ["+", "D"]',
    '```python\nrow = open(0).read().split()[1]\nprint("R" * (row.find("G") - row.find("@")))\n```',
    'Moves: ["+"]',
)
COMPACT = ('print ( " R R R " )', "+ D", 's = open ( 0 ) . read ( ) ;0 for c in s : ;1 print ( " R " )', "+")


def transcript(style, answers):
    """Returns an episode as Markdown: what was read, what was said, and what that earned."""
    game = make_game("plan_path", roles="tool-planner", size=3, style=style)
    state, parts, said = game.initial(game.task_from(MAP)), [], iter(answers)
    while acting := game.acting(state):
        (agent,) = acting
        text, reading = next(said), game.observe(state, agent).situation
        (made,) = step_all(game, [(state, {agent: text})], None)
        assert made is not None
        terms = {"team": made.reward.team_terms, **made.reward.local_terms}
        earned = [
            f"{name} of {whose} {value:+.3g}" for whose, of in terms.items() for name, value in of.items() if value
        ]
        parts += [f"`{agent}` reads", block(reading), "and answers", block(text)]
        parts.append(f"which earns: {', '.join(earned) or 'nothing'}.")
        state = made.state
    assert next(said, None) is None
    return "\n\n".join(parts)


def block(text):
    return f"````text\n{text}\n````"


@pytest.mark.parametrize(("style", "answers"), [("full", FULL), ("compact", COMPACT)])
def test_the_page_shows_an_episode_word_for_word(style, answers):
    assert transcript(style, answers) in PAGE.read_text()


@pytest.mark.parametrize("name", ["plan_path", "sokoban", "sudoku"])
def test_the_page_shows_the_program_of_every_expert_and_what_the_tool_user_is_told(name):
    page = PAGE.read_text()
    game = make_game(name, roles="tool-planner")
    assert f"```python\n{game.expert_program.strip()}\n```" in page
    assert game.stdin_text in game.roles[0].instructions
    assert "```python" in game.roles[0].instructions and "4 seconds" in game.roles[0].instructions


def test_standing_instructions_are_locked():
    game = make_game("plan_path", roles="tool-planner", size=3)
    tool, planner = (role.instructions.split("\n") for role in game.roles)
    assert tool[:3] == planner[:3] == list(make_game("plan_path", size=3).roles[0].instructions.split("\n")[:3])
    assert "\n".join(tool[3:]) == (
        "You are the tool user. Write a Python program that finds the moves for this turn; the planner will see the "
        "program, what it printed and what those moves would do, and decide. The program reads from standard input the "
        "rows of the whole map, in the signs that are shown. It has 4 seconds of processor time, and may import the "
        'standard library and numpy. Its output ends with a line like this: Moves: ["R", "R", "D"]\n'
        "You may reason first. End with the whole program in one block:\n"
        '```python\nboard = open(0).read()\n...\nprint("Moves:", moves)\n```'
    )
    assert "\n".join(planner[3:]) == (
        "You are the planner. Your partner, the tool user, has written a Python program for this turn; you see it, "
        "what it printed, which moves that proposes and the board after them. It may be wrong. Your moves are final. "
        'Begin the list with "+" to carry out the proposal\'s legal moves first: Moves: ["+"] accepts it, '
        'Moves: ["+", "R"] goes on from the board after it. Without "+" the proposal is dropped.\n'
        'You may reason first. End with one line like this: Moves: ["R", "R", "D"]'
    )


def test_the_tool_user_reads_what_was_wrong_with_its_last_program():
    game = make_game("plan_path", roles="tool-planner", size=3)
    state = game.initial(game.task_from(MAP))
    for said in ({"tool_0": "```python\n1 / 0\n```"}, {"planner_0": "Moves: D"}):
        (made,) = step_all(game, [(state, said)], None)
        assert made is not None
        if "tool_0" in said:
            read = game.observe(made.state, "planner_0").situation
            assert read.endswith("```python\n1 / 0\n```\nThe program failed: ZeroDivisionError: division by zero.")
        state = made.state
    assert game.observe(state, "tool_0").situation == (
        "Turn 2 of 4. The board:\n..#\n@.G\n#..\nMoves possible now: U, R\nLast turn: carried out D\n"
        "Last turn you wrote this program:\n```python\n1 / 0\n```\n"
        "The program failed: ZeroDivisionError: division by zero."
    )


def after_program(name, level, moves, style):
    """Returns what the planner reads once a program has printed some moves."""
    game = make_game(name, roles="tool-planner", style=style)
    text = f'print("{moves}")' if style == "compact" else f'```python\nprint("{moves}")\n```'
    (made,) = step_all(game, [(game.initial(game.task_from(level)), {"tool_0": text})], None)
    assert made is not None
    return game.observe(made.state, "planner_0").situation


def test_what_the_planner_of_sokoban_reads_is_locked():
    assert after_program("sokoban", ROOM, "DRRUU", "full") == (
        f"Turn 1 of 4. The board:\n{ROOM}\nMoves possible now: D, R\n"
        'The tool user wrote this program:\n```python\nprint("DRRUU")\n```\nIt printed:\n```\nDRRUU\n```\n'
        'The program proposes: ["D", "R", "R", "U", "U"]\nIts move 5 (U) is blocked.\n'
        "The board after its 4 legal moves:\n######\n#  @ #\n#   $#\n#  . #\n#    #\n######\n"
        "Moves possible there: D, L, R"
    )
    assert after_program("sokoban", ROOM, "DRRUU", "compact") == (
        ".d4 -c3 _b2 [DR] D R R U !U $e3 @d2 [DLR] program print ( ~ ) ok planner"
    )


def test_what_the_planner_of_sudoku_reads_is_locked():
    puzzle, moves = ".3242..33...42..", "a1=1 b2=4 b3=4"
    after = "    a b   c d\n  +-----+-----+\n1 | 1 3 | 2 4 |\n2 | 2 4 | . 3 |\n  +-----+-----+\n"
    after += "3 | 3 . | . . |\n4 | 4 2 | . . |\n  +-----+-----+\n"
    assert after_program("sudoku", puzzle, moves, "full").endswith(
        f'The tool user wrote this program:\n```python\nprint("{moves}")\n```\nIt printed:\n```\n{moves}\n```\n'
        'The program proposes: ["a1=1", "b2=4", "b3=4"]\n'
        "Its move 3 (b3=4) is blocked: column b has a 4 already, at b2.\n"
        f"The board after its 2 legal moves:\n{after}Written so far, free to change: a1=1, b2=4"
    )
    assert after_program("sudoku", puzzle, moves, "compact") == (
        "a1?1 b1=3 c1=2 d1=4 a2=2 b2?4 c2=0 [1] d2=3 a3=3 b3=0 [1] c3=0 [14] d3=0 [12] a4=4 b4=2 c4=0 [13] d4=0 [1] "
        "! b3=4 program print ( ~ b2=4 ~ ) ok planner"
    )


def test_the_code_on_the_page_runs():
    code = PAGE.read_text().partition("```python\nfrom ")[2].partition("\n```\n")[0]
    names: dict[str, Any] = {}
    exec(f"from {code}", names)
    assert names["env"].unwrapped.state_hash() and "Moves" in code
