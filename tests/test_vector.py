import copy
import pickle
import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mas_envs import make_game
from mas_envs.core.errors import ActionError, UsageError
from mas_envs.core.game import Result
from mas_envs.core.seeding import derive, rng
from mas_envs.core.text import MAX_LENGTH
from mas_envs.pettingzoo_env import TeamParallelEnv
from mas_envs.vector import VectorEnv, step_all
from tests.fakes import FlakyRunner, Letters, run_grades

TEXTS = ("a", "b", "c", "", "U", "R R D", "+", "+ L", "nonsense", "x" * (MAX_LENGTH + 3))
GAMES = {
    "letters": lambda: Letters(),
    "letters, simultaneous": lambda: Letters(simultaneous=True),
    "letters, simultaneous, graded": lambda: Letters(simultaneous=True, graded=True),
    "sokoban": lambda: make_game("sokoban", style="compact"),
    "sokoban, one agent": lambda: make_game("sokoban", roles="single", turns=3),
}


def fail_on_a(effects):
    """Carries out grades; what is to be graded against the letter a is lost."""
    return [Result(failed=True) if e.letter == "a" else run_grades([e])[0] for e in effects]


def drawn(seed, asked, moment):
    """Returns an answer for each prompt, the same for an environment whatever the others do."""
    return [rng(seed, each.env, each.agent, moment).choice(TEXTS) for each in asked]


def play_alone(game, number, seed, moments, autoreset, runner=fail_on_a, alpha=0.5):
    """Returns what a ParallelEnv shows at each moment: prompts, rewards, how it ended, what its infos say."""
    env = TeamParallelEnv(game, alpha, runner)
    observations, infos = env.reset(seed=derive("vector", seed, number))
    shown = []
    for moment in range(moments):
        acting = [agent for agent, info in infos.items() if info["acting"]]
        if not acting:
            shown.append({**shown[-1], "prompts": {}, "rewards": dict.fromkeys(game.agents, 0.0), "errors": None})
            continue
        prompts = {agent: observations[agent]["text"] for agent in acting}
        actions = {agent: rng(seed, number, agent, moment).choice(TEXTS) for agent in acting}
        observations, rewards, terminations, truncations, infos = env.step(actions)
        info = infos[game.agents[0]]
        errors = {agent: infos[agent]["error"] for agent in acting if infos[agent]["error"]}
        ended = {"terminated": all(terminations.values()), "truncated": all(truncations.values())}
        said = {key: info[key] for key in ("success", "mask_sample", "turn")}
        failed = info["mask_sample"]
        shown.append({"prompts": prompts, "rewards": rewards, "errors": None if failed else errors, **ended, **said})
        if any(ended.values()):
            observations, infos = env.reset() if autoreset else (observations, infos)
    return shown


def play_together(game, count, seed, moments, autoreset, runner=fail_on_a, alpha=0.5):
    """Returns the same of every environment of a VectorEnv."""
    envs = VectorEnv(game, count, alpha, runner, autoreset)
    asked, shown = envs.reset(seed=seed), [[] for _ in range(count)]
    for moment in range(moments):
        if not asked:
            for each in shown:
                each.append({**each[-1], "prompts": {}, "rewards": dict.fromkeys(game.agents, 0.0), "errors": None})
            continue
        before = asked
        asked, rewards, terminated, truncated, infos = envs.step(drawn(seed, asked, moment))
        for number, each in enumerate(shown):
            step = infos["steps"][number]
            each.append(
                {
                    "prompts": {ask.agent: ask.prompt.text for ask in before if ask.env == number},
                    "rewards": dict(zip(envs.agents, rewards[number].tolist(), strict=True)),
                    "errors": None if step is None else step.info["errors"],
                    "terminated": terminated[number],
                    "truncated": truncated[number],
                    **{key: infos[key][number] for key in ("success", "mask_sample", "turn")},
                }
            )
    return shown


@pytest.mark.parametrize("name", GAMES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 7), autoreset=st.booleans())
def test_each_environment_gives_what_it_would_give_alone(name, seed, count, autoreset):
    game = GAMES[name]()
    together = play_together(game, count, seed, 12, autoreset)
    assert together == [play_alone(game, number, seed, 12, autoreset) for number in range(count)]


def test_every_prompt_that_needs_an_answer_is_asked_in_the_order_of_environments_and_agents():
    game = Letters(simultaneous=True)
    asked = VectorEnv(game, 3).reset(seed=1)
    assert [(each.env, each.agent) for each in asked] == [(i, agent) for i in range(3) for agent in game.agents]
    assert len({each.prompt for each in asked}) == 6


def test_without_autoreset_a_loop_over_what_is_asked_plays_every_task_once():
    game = make_game("sokoban", style="compact")
    tasks = [game.task("test", i) for i in range(8)]
    envs = VectorEnv(game, 8)
    asked = envs.reset(tasks=tasks)
    while asked:
        answers = [game.expert(envs.states[each.env], each.agent) for each in asked]
        asked, _, terminated, truncated, infos = envs.step(answers)
    assert infos["success"].all() and terminated.all() and not truncated.any()


def test_with_autoreset_the_next_task_is_asked_beside_the_end_of_the_last():
    game = Letters(turns=1, simultaneous=True)
    envs = VectorEnv(game, 2, autoreset=True)
    first = envs.reset(tasks=["abcabc", "cccccc"])
    step = envs.step(["a", "a", "b", "b"])
    assert step.rewards.tolist() == [[1.5, 1.5], [-0.1, -0.1]]
    assert step.terminated.tolist() == [True, False] and step.truncated.tolist() == [False, True]
    assert step.infos["success"].tolist() == [True, False] and step.infos["turn"].tolist() == [1, 1]
    assert [each.info["success"] for each in step.infos["steps"]] == [True, False]
    assert len(step.asked) == 4 and not {each.prompt for each in first} & {each.prompt for each in step.asked}


def test_arrays_have_the_shapes_and_types_that_they_promise():
    envs = VectorEnv(Letters(), 5)
    envs.reset(seed=0)
    step = envs.step(["a"] * 5)
    assert step.rewards.shape == (5, 2) and step.rewards.dtype == np.float64
    for flags in (step.terminated, step.truncated, step.infos["success"], step.infos["mask_sample"]):
        assert flags.shape == (5,) and flags.dtype == np.bool_
    assert step.infos["turn"].shape == (5,) and len(step.infos["steps"]) == 5


def test_effects_of_all_environments_are_one_batch_and_tried_again_once():
    batches = []

    def runner(effects):
        batches.append(len(effects))
        return run_grades(effects)

    game = Letters(simultaneous=True, graded=True)
    envs = VectorEnv(game, 6, effect_runner=runner)
    envs.reset(seed=0)
    envs.step(["a"] * 12)
    assert batches == [12]
    flaky = FlakyRunner(1)
    envs = VectorEnv(game, 6, effect_runner=flaky)
    envs.reset(seed=0)
    assert not envs.step(["a"] * 12).infos["mask_sample"].any()
    assert flaky.given == 24


def test_a_failed_effect_masks_its_own_environment_alone():
    envs = VectorEnv(Letters(simultaneous=True, graded=True), 2, effect_runner=fail_on_a)
    envs.reset(tasks=["abc", "cab"])
    asked, rewards, _, truncated, infos = envs.step(["a", "a", "c", "c"])
    assert infos["mask_sample"].tolist() == [True, False] and infos["steps"][0] is None
    assert rewards.tolist() == [[0.0, 0.0], [1.5, 1.5]] and truncated.tolist() == [True, False] and not asked


def test_step_all_returns_none_only_where_an_effect_failed():
    game = Letters(simultaneous=True, graded=True)
    states = [game.initial(game.task_from(text)) for text in ("abc", "bca")]
    said = [{"hinter_0": "b", "teller_0": "b"}] * 2
    lost, step = step_all(game, zip(states, said, strict=True), fail_on_a)
    assert lost is None
    assert step == game.step(states[1], said[1], [Result(True), Result(True)])
    assert step_all(game, [], None) == []


def test_seeds_decide_everything_and_each_environment_has_its_own():
    game = make_game("sokoban", style="compact")
    envs = VectorEnv(game, 4)
    first = envs.reset(seed=5)
    assert envs.reset(seed=5) == first and len({each.prompt for each in first}) == 4
    assert envs.reset(seed=6) != first
    assert envs.reset(seed=[derive("vector", 5, i) for i in range(4)]) == first
    assert envs.reset(seed=np.arange(4)) == envs.reset(seed=range(4))
    follow = envs.reset()
    assert follow != first and {each.prompt for each in follow}.isdisjoint(each.prompt for each in first)


def test_every_state_can_be_looked_at_and_tried_further_without_the_environments_noticing():
    game = Letters(turns=5)
    envs = VectorEnv(game, 2)
    envs.reset(tasks=["abc", "bca"])
    envs.step(["d", "d"])
    tried = game.step(envs.states[1], {"teller_0": "b"})
    assert game.render(tried.state) == "letters, turn 1 of 5: bca"
    assert [game.render(state) for state in envs.states] == [f"letters, turn 0 of 5: {word}" for word in ("abc", "bca")]
    assert envs.step(["b", "b"]).infos["steps"][1] == tried


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda envs: pickle.loads(pickle.dumps(envs))])
def test_a_copy_in_mid_episode_continues_identically(copied):
    envs = VectorEnv(make_game("sokoban", style="compact"), 3, autoreset=True)
    envs.reset(seed=2)
    envs.step(["U", "D", "L"])
    twin = copied(envs)
    for _ in range(12):
        mine, its = envs.step(["+ R"] * 3), twin.step(["+ R"] * 3)
        assert (mine.asked, mine.infos["steps"]) == (its.asked, its.infos["steps"])
        assert (mine.rewards == its.rewards).all()


def test_wrong_answers_say_what_is_wrong_and_change_nothing():
    envs = VectorEnv(Letters(turns=1), 2)
    with pytest.raises(UsageError, match="call reset"):
        envs.step(["a", "a"])
    asked = envs.reset(tasks=["abc", "bca"])
    with pytest.raises(UsageError, match="answers has length 1; it must be 2, one for each prompt"):
        envs.step(["a"])
    with pytest.raises(UsageError, match="answers is a str; give a list of 2"):
        envs.step("ab")
    with pytest.raises(ActionError, match="The action of hinter_0 is a NoneType"):
        envs.step(cast(Any, ["a", None]))
    assert envs.step(["a", "b"]).rewards.tolist() == [[0.5, 0.0], [0.5, 0.0]] and len(asked) == 2
    envs.step(["a", "b"])
    with pytest.raises(UsageError, match="Nothing is asked: call reset"):
        envs.step([])


def test_wrong_numbers_of_seeds_tasks_and_environments_are_named():
    for wrong in (0, 2.5, True):
        with pytest.raises(UsageError, match="num_envs"):
            VectorEnv(Letters(), cast(Any, wrong))
    envs = VectorEnv(Letters(), 2)
    with pytest.raises(UsageError, match="seed has length 3; it must be 2, one for each environment"):
        envs.reset(seed=[1, 2, 3])
    with pytest.raises(UsageError, match="tasks has length 1; it must be 2"):
        envs.reset(tasks=["abc"])
    with pytest.raises(UsageError, match="seed is 'x'|seed is a str"):
        envs.reset(seed=cast(Any, "x"))


def test_the_loop_in_the_docs_runs():
    page = (Path(__file__).parent.parent / "docs/vector.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, Any] = {"generate": lambda chats: ["U"] * len(chats)}
    for block in blocks:
        exec(compile(block, "docs/vector.md", "exec"), names)
    assert len(blocks) == 2 and not names["asked"]
