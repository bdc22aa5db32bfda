"""What math-verify's agents read, word for word, and what an episode earns: as its page in the docs shows it."""

from pathlib import Path

import pytest

from mas_envs import make_game
from mas_envs.vector import step_all

PAGE = Path(__file__).parents[2] / "docs/environments/math_verify.md"
FULL = (
    "```python\nprint(83 + 81 * 21)\n```",
    "The program leaves the brackets out. \\boxed{3444}",
    "```python\nprint((83 + 81) * 21)\n```",
    "\\boxed{3444}",
)
COMPACT = ("print ( 8 3 + 8 1 * 2 1 )", "boxed ?", "print ( ( 8 3 + 8 1 ) * 2 1 )", "boxed 3 4 4 4")


def transcript(style, answers):
    """Returns an episode as Markdown: what was read, what was said, and what that earned."""
    game = make_game("math_verify", families="bracketed", style=style)
    state, parts, said = game.initial(game.task("test", 0)), [], iter(answers)
    while acting := game.acting(state):
        (agent,) = acting
        text, reading = next(said), game.observe(state, agent).situation
        (made,) = step_all(game, [(state, {agent: text})], None)
        assert made is not None
        terms = {"team": made.reward.team_terms, **made.reward.local_terms}
        earned = [f"{name} of {whose} {value:+g}" for whose, of in terms.items() for name, value in of.items() if value]
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


def test_a_reasoner_is_told_that_its_last_reply_held_no_answer_and_of_a_program_that_there_was_none():
    game = make_game("math_verify")
    state = game.initial(game.task("test", 0))
    for said in ({"tool_0": "no idea"}, {"reasoner_0": "no idea"}, {"tool_0": "```python\n1/0\n```"}):
        (made,) = step_all(game, [(state, said)], None)
        assert made is not None
        state = made.state
        if state.waiting and not state.turn:
            assert "In this turn the tool user wrote no program" in game.observe(state, "reasoner_0").situation
    read = game.observe(state, "reasoner_0").situation
    assert "Your reply of last turn held no \\boxed{} with an answer." in read
    assert "The program failed: ZeroDivisionError: division by zero." in read


def test_a_long_output_is_cut_and_a_fence_in_it_does_not_end_its_block():
    game = make_game("math_verify")
    code = "print('```' + 'x' * 9000)"
    (made,) = step_all(game, [(game.initial(game.task("test", 0)), {"tool_0": f"```python\n{code}\n```"})], None)
    assert made is None or made.state.run.program == "print('"  # a reply's block ends at its first fence
    code = "print('`' * 3 + 'x' * 9000)"
    (made,) = step_all(game, [(game.initial(game.task("test", 0)), {"tool_0": f"```python\n{code}\n```"})], None)
    assert made is not None
    read = game.observe(made.state, "reasoner_0").situation
    assert "\n````\n```xxx" in read and len(read) < 5000


@pytest.mark.parametrize("roles", ["team", "tool", "single"])
@pytest.mark.parametrize("order", ["sequential", "simultaneous"])
def test_instructions_say_what_ends_the_task_and_how_to_answer(roles, order):
    game = make_game("math_verify", roles=roles, order=order, turns=3, seconds=2)
    told = {role.name: role.instructions for role in game.roles}
    assert all("ends the task" in text or "task ends when" in text for text in told.values())
    assert all("There are at most 3 turns" in text for text in told.values())
    if "tool" in told:
        assert "2 seconds" in told["tool"] and "```python" in told["tool"]
        assert ("partner" in told["tool"]) == (roles == "team")
    if "reasoner" in told:
        assert "\\boxed{}" in told["reasoner"] and ("\\boxed{output}" in told["reasoner"]) == (roles == "team")
    simultaneous = roles == "team" and order == "simultaneous"
    assert all(("at the same time" in text) == simultaneous for text in told.values())
