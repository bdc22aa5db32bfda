import pytest

pytest.importorskip("torch")

from mas_envs import make_game
from mas_envs.core.game import Result
from tests.fakes import Letters, run_grades
from tests.trainers.rl.test_rollout import Scripted, both, play, tasks_of, team_of
from trainers.rl.chains import collect_chains
from trainers.rl.rollout import collect_tree

TEXTS = ["U", "D L", "R R U", "+", "nonsense", "L L", "a", "b", "c", "d"]
GAMES = {
    "letters": Letters,
    "letters, simultaneous": lambda: Letters(simultaneous=True),
    "letters, graded": lambda: Letters(graded=True),
    "plan_path": lambda: make_game("plan_path", size=4, style="compact"),
}


@pytest.mark.parametrize("name", GAMES)
def test_every_chain_is_an_episode_of_its_own_and_its_rewards_are_the_games(name):
    game = GAMES[name]()
    tasks = tasks_of(game, 6)
    chains_K = collect_chains(game, tasks, team_of(game, Scripted(TEXTS)), 3, 5, 0.7, run_grades)
    assert [[chain.task for chain in chains] for chains in chains_K] == [[task] * 3 for task in tasks]
    told = set()
    for chain in (chain for chains in chains_K for chain in chains):
        state, success = game.initial(chain.task), False
        for moment in chain.moments:
            assert tuple(moment.said) == game.acting(state) and moment.turn == state.turn
            for agent, said in moment.said.items():
                assert said.prompt == game.observe(state, agent)
            step = play(game, state, {agent: said.completion.text for agent, said in moment.said.items()})
            assert moment.rewards == {agent: step.reward.of(agent, 0.7) for agent in game.agents}
            state, success = step.state, step.info["success"]
        assert not game.acting(state) and chain.success is success
        told.add(tuple(said.completion.text for moment in chain.moments for said in moment.said.values()))
    assert len(told) > 9  # the chains of a task went different ways


def test_the_first_prompt_is_sampled_k_times_at_once_and_later_ones_once():
    game, policy = Letters(), Scripted(list("abcdx"))
    collect_chains(game, tasks_of(game, 2), both(policy), 4, 0)
    assert len(policy.asked[0]) == 2  # one prompt a task
    assert len(policy.asked[1]) == 8  # the teller's: one a chain
    seeds = [seed for asked in policy.asked for _, seed in asked]
    assert len(set(seeds)) == len(seeds)


def test_an_agents_return_sums_what_it_earned_also_while_others_acted():
    game = make_game("plan_path", size=4, style="compact")
    for chain in collect_chains(game, tasks_of(game, 4), team_of(game, Scripted(TEXTS)), 2, 1)[0]:
        by_hand = [moment.rewards["planner_0"] for moment in chain.moments]
        assert chain.return_of("planner_0") == pytest.approx(sum(by_hand))
        assert chain.return_of("planner_0", 1) == pytest.approx(sum(by_hand[1:]))
        assert any(moment.rewards["planner_0"] for moment in chain.moments if "planner_0" not in moment.said)


def test_a_chain_whose_effects_failed_ends_and_has_no_return():
    game = Letters(graded=True)

    def broken(effects):  # b is never graded
        return [Result(failed=effect.answer == "b", value=effect.answer == effect.letter) for effect in effects]

    chains = collect_chains(game, tasks_of(game, 8), both(Scripted(["a", "b"])), 2, 0, effect_runner=broken)
    flat = [chain for of_task in chains for chain in of_task]
    failed = [chain for chain in flat if chain.success is None]
    assert failed and len(failed) < len(flat)
    for chain in failed:
        assert chain.moments[-1].rewards is None and all(moment.rewards for moment in chain.moments[:-1])
        assert chain.return_of("hinter_0") is None


def test_a_task_that_comes_twice_is_sampled_twice():
    game, policy = Letters(), Scripted(list("abcd"))
    task = game.task("train", 0)
    collect_chains(game, [task, task, game.task("train", 1)], both(policy), 2, 0)
    collect_tree(game, [task, task], both(policy), 2, 0)
    seeds = [seed for asked in policy.asked for _, seed in asked]
    assert len(set(seeds)) == len(seeds)
