import pytest

from mas_envs import make_game
from mas_envs.core.game import role_of
from mas_envs.grid.cells import symmetries
from mas_envs.grid.symmetry import turned
from mas_envs.vector import step_all
from tests.fakes import Letters


def test_a_text_is_turned_word_by_word_and_what_lies_about_stays_in_reading_order():
    assert turned("#b1 #a2 *c2 @a1 [UD] U R !L = planner", 3, 2) == (
        "#b1 #a2 *c2 @a1 [UD] U R !L = planner",
        "#b1 #c2 *a2 @c1 [UD] U L !R = planner",  # left to right
        "#a1 #b2 *c1 @a2 [UD] D R !L = planner",  # upside down
        "#c1 #b2 *a1 @c2 [UD] D L !R = planner",
    )


def test_the_cells_of_a_path_stay_in_its_order():
    assert turned("@a1 @b1 @b2", 2, 2)[3] == "@b2 @a2 @a1"


def played(game, task, answers):
    """Returns every prompt of an episode and whether it succeeded; a role's answers are said in turn."""
    state, prompts, answers = game.initial(task), [], list(answers)
    while agents := game.acting(state):
        (agent,) = agents
        prompts.append(game.observe(state, agent))
        (step,) = step_all(game, [(state, {agent: answers.pop(0)})], None)
        state = step.state
    return prompts, step.info["success"], answers


@pytest.mark.parametrize(("name", "settings"), [("plan_path", {}), ("sokoban", {}), ("sokoban", {"boxes": 2})])
def test_a_turned_demonstration_is_the_one_of_the_turned_level(name, settings):
    game = make_game(name, style="compact", **settings)
    for index in range(20):
        task = game.task("train", index)
        state, prompts, answers = game.initial(task), [], []
        while agents := game.acting(state):
            (agent,) = agents
            # Proposals of all kinds: the expert's, and one that runs into a wall sooner or later.
            odd = index % 2 and role_of(agent) == "planner"
            prompts.append(game.observe(state, agent).situation)
            answers.append("U U R R D" if odd else game.expert(state, agent))
            (step,) = step_all(game, [(state, {agent: answers[-1]})], None)
            state = step.state
        rows = task.content.text().split("\n")
        for number, cells in enumerate(symmetries(game.width, game.height)):
            signs = dict(zip(cells, "".join(rows), strict=True))
            drawn = "".join(signs[cell] for cell in range(game.width * game.height))
            level = "\n".join(drawn[at : at + game.width] for at in range(0, len(drawn), game.width))
            found, success, left = played(game, game.task_from(level), [game.symmetric(a)[number] for a in answers])
            assert [prompt.situation for prompt in found] == [game.symmetric(prompt)[number] for prompt in prompts]
            assert success == step.info["success"]
            assert not left


@pytest.mark.parametrize("name", ["plan_path", "sokoban"])
@pytest.mark.parametrize("settings", [{"style": "full"}, {"style": "compact", "roles": "tool-planner"}])
def test_sentences_and_programs_are_not_turned(name, settings):
    assert make_game(name, **settings).symmetric("U  U\n") == ("U  U\n",)


def test_a_game_without_symmetries_has_one_text():
    assert Letters().symmetric("a b") == ("a b",)
