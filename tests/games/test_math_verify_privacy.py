"""Math-verify's reference answer: nothing that agents see, or that is saved or recorded, holds it."""

import json
from dataclasses import replace

import pytest

from mas_envs import make_game, math_verify_v0
from mas_envs.agents import play
from mas_envs.core.game import Task
from mas_envs.games.math_verify.tasks import digest
from mas_envs.vector import step_all

FAILING = {
    "full": {"tool": lambda _: "```python\nprint(17)\n```", "reasoner": lambda _: "Perhaps \\boxed{18}."},
    "compact": {"tool": lambda _: "print ( 1 7 )", "reasoner": lambda _: "boxed 1 8"},
}
ORDERS = ("sequential", "simultaneous")


def hidden_task(game):
    """Returns a task whose reference is long, and no part of the question."""
    for index in range(100):
        task = game.task("test", index)
        answer = task.content.answers[0]
        if len(answer) > 3 and answer not in task.content.question:
            return task
    raise AssertionError("no such task")


def holds(text, answer):
    return answer in text or " ".join(answer) in text


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_reference_is_nowhere_in_what_is_seen_saved_or_recorded(style, order):
    game = make_game("math_verify", style=style, order=order)
    task = hidden_task(game)
    (answer,) = task.content.answers
    env = math_verify_v0.parallel_env(style=style, order=order, render_mode="ansi")
    observations, infos = env.reset(options={"task": task})
    seen = [repr(observations), json.dumps(infos)]
    while env.agents:
        said = {agent: FAILING[style][agent[:-2]]("") for agent in env.agents}
        observations, _, _, _, infos = env.step(said)
        seen += [repr(observations), json.dumps(infos), env.render(), env.state(), json.dumps(env.get_state())]
    (episode,) = play(game, FAILING[style], [task])
    seen += [repr(episode), json.dumps([moment.results for moment in episode.moments]), repr(task)]
    state = game.initial(task)
    seen += [repr(game.effects(state, {agent: FAILING[style][agent[:-2]]("") for agent in game.acting(state)}))]
    assert len(seen) > 20
    assert not any(holds(text, answer) for text in seen)
    assert holds(repr(task.content.answers), answer)  # the search would find it


@pytest.mark.parametrize("order", ORDERS)
def test_what_agents_see_and_the_end_are_the_same_whatever_the_reference_is(order):
    game = make_game("math_verify", families="products", order=order)
    task = game.task("test", 0)
    other = Task(task.ref, replace(task.content, answers=("18",)))
    states = [game.initial(task), game.initial(other)]
    said = {"tool_0": ("print(17)", "1/0", "print(18)"), "reasoner_0": ("\\boxed{18}", "none", "\\boxed{18}")}
    counts, rewards = dict.fromkeys(said, 0), []
    while acting := game.acting(states[0]):
        actions = {}
        for agent in acting:
            text = said[agent][counts[agent]]
            actions[agent] = f"```python\n{text}\n```" if agent == "tool_0" else text
            counts[agent] += 1
        steps = step_all(game, [(state, actions) for state in states], None)
        states = [made.state for made in steps]
        assert game.acting(states[0]) == game.acting(states[1])
        for agent in game.agents:
            assert game.observe(states[0], agent) == game.observe(states[1], agent)
        first, second = ((made.terminated, made.truncated, made.info["errors"]) for made in steps)
        assert first == second
        rewards.append([made.reward.team for made in steps])
    assert states[0].ended == "agreed"
    assert sum(a for a, _ in rewards) == 0 and sum(b for _, b in rewards) == 1


def test_a_tasks_digest_is_of_its_question_alone():
    game = make_game("math_verify", families="products")
    task = game.task("test", 0)
    other = replace(task.content, answers=("18",))
    assert digest(other.question) == task.ref.digest
