"""A person at a terminal: what is shown, and how an answer ends."""

import io

import pytest

from mas_envs.agents import EndOfInputError, HumanAgent, Request, play
from mas_envs.core.game import Prompt
from tests.fakes import HINTER, TELLER, Letters


class Programs(Letters):
    """Letters whose answers have several lines."""

    def longest_answer(self):
        return "a\nb"


def asked(game, *agents, situation="a b c", instructions="Say it."):
    state = game.initial(task := game.task("test", 0))
    return [Request(Prompt(situation, instructions), 1, agent, game, state, task.ref) for agent in agents]


def answers(typed, *agents, game=None, **prompt):
    out = io.StringIO()
    found = HumanAgent(io.StringIO(typed), out).act(asked(game or Letters(), *agents, **prompt))
    return [one.text for one in found], out.getvalue()


def test_an_answer_is_a_line_and_may_be_empty():
    assert answers("U R\n\n  x \r\n", HINTER, HINTER, TELLER)[0] == ["U R", "", "  x "]


def test_a_last_line_without_its_end_is_an_answer():
    assert answers("U R", HINTER)[0] == ["U R"]


def test_an_answer_of_several_lines_ends_with_an_empty_one():
    assert answers("\none\n two\n\nthree\n \n", HINTER, TELLER, game=Programs())[0] == ["one\n two", "three"]


def test_an_empty_line_inside_a_fenced_block_belongs_to_the_answer():
    typed = "mine:\n```python\na = 1\n\nb = 2\n```\n\nnext\n"
    assert answers(typed, HINTER, TELLER, game=Programs())[0] == ["mine:\n```python\na = 1\n\nb = 2\n```", "next"]


def test_a_fence_that_closes_on_its_own_line_opens_no_block():
    assert answers("```a = 1```\n\nnext\n", HINTER, TELLER, game=Programs())[0] == ["```a = 1```", "next"]


class Keyboard(io.RawIOBase):
    """A terminal: each read gets one line."""

    def __init__(self, *lines):
        self._left = list(lines)

    def readable(self):
        return True

    def readinto(self, into):
        line = self._left.pop(0) if self._left else b""
        into[: len(line)] = line
        return len(line)


def test_bytes_that_are_no_text_are_asked_for_again():
    typed, out = io.TextIOWrapper(io.BufferedReader(Keyboard(b"\xffU\n", b"R\n")), "utf-8"), io.StringIO()
    (found,) = HumanAgent(typed, out).act(asked(Letters(), HINTER))
    assert found.text == "R" and "no text in utf-8; please type it again" in out.getvalue()


@pytest.mark.parametrize("game", [Letters(), Programs()])
def test_the_end_of_the_input_before_an_answer_is_no_empty_answer(game):
    with pytest.raises(EndOfInputError):
        answers("", HINTER, game=game)
    with pytest.raises(EOFError):
        answers("one\n\n", HINTER, TELLER, TELLER, game=game)


def test_prompts_are_shown_with_who_is_asked_and_instructions_once_for_each_agent():
    _, shown = answers("a\nb\nc\n", HINTER, HINTER, TELLER)
    assert shown.count("Say it.") == 2 and shown.count("a b c") == 3
    assert shown.count("---- hinter_0, task test/0 ----") == 2 and "your answer (one line)" in shown
    assert "end with an empty line" in answers("a\n", HINTER, game=Programs())[1]


def test_no_control_character_of_another_agent_reaches_the_terminal():
    _, shown = answers("a\n", HINTER, situation="\x1b]0;owned\x07 wall\n\tü 数 \x9b2J")
    assert "\x1b" not in shown and "\x07" not in shown and "\x9b" not in shown
    assert "wall\n\tü 数" in shown


def test_a_person_plays_a_game_to_its_end():
    game = Letters()
    human = HumanAgent(io.StringIO("b\nb\na\na\n"), io.StringIO())
    (episode,) = play(game, {"hinter": human, "teller": human}, [game.task_from("abcabc")])
    assert episode.success and episode.turns == 2
