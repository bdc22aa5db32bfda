import pytest

pytest.importorskip("torch")

from mas_envs import make_game
from mas_envs.core.game import Result
from mas_envs.core.seeding import rng
from tests.fakes import HINTER, TELLER, FlakyRunner, Letters, LettersState, run_grades
from tests.trainers.small import GlobalGenerators
from trainers.rl.rollout import collect_tree
from trainers.rl.types import Candidates, Sampled


class Scripted:
    """Draws texts from a list by each prompt's own seed, and keeps what it was asked."""

    def __init__(self, texts):
        self.texts, self.asked = texts, []

    def sample(self, prompts, k, seeds):
        self.asked.append(list(zip(prompts, seeds, strict=True)))
        return [self._candidates(rng("scripted", seed).choices(self.texts, k=k)) for seed in seeds]

    @staticmethod
    def _candidates(texts):
        return Candidates((3, 4), tuple(Sampled(text, (5, 1), (-1.0, -1.0)) for text in texts))


class Fixed(Scripted):
    """Says the same texts at every prompt."""

    def sample(self, prompts, k, seeds):
        self.asked.append(list(zip(prompts, seeds, strict=True)))
        return [self._candidates(self.texts[:k]) for _ in prompts]


MOVES = ["U", "D L", "R R U", "+", "+ D", "nonsense", "", "L L L L", "U R D"]
GAMES = {
    "letters": (lambda: Letters(), [*"abcd", "x"]),
    "letters, simultaneous": (lambda: Letters(simultaneous=True), list("abcd")),
    "letters, graded": (lambda: Letters(graded=True), list("abcd")),
    "letters, graded, simultaneous": (lambda: Letters(graded=True, simultaneous=True), list("abcd")),
    "plan_path": (lambda: make_game("plan_path", size=4, style="compact"), MOVES),
    "sokoban": (lambda: make_game("sokoban"), MOVES),
}


def both(policy):
    return {"hinter": policy, "teller": policy}


def team_of(game, policy):
    return {role.name: policy for role in game.roles}


def tasks_of(game, count):
    return [game.task("train", index) for index in range(count)]


def play(game, state, actions):
    return game.step(state, actions, run_grades(game.effects(state, actions)))


def moments(tree):
    """Returns the groups of each moment, agent -> group."""
    found = {}
    for group in tree.groups:
        found.setdefault(group.moment, {})[group.agent] = group
    return [found[moment] for moment in range(len(found))]


@pytest.mark.parametrize("best_share", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("name", GAMES)
def test_prompts_and_rewards_are_those_of_the_one_state_that_the_chosen_candidates_led_to(name, best_share):
    make, texts = GAMES[name]
    game, tasks = make(), tasks_of(make(), 8)
    trees = collect_tree(game, tasks, team_of(game, Scripted(texts)), 6, 3, 0.7, best_share, run_grades)
    different = 0
    for task, tree in zip(tasks, trees, strict=True):
        state, success = game.initial(task), False
        for groups in moments(tree):
            assert tuple(groups) == game.acting(state)
            first = {agent: group.candidates.completions_K[0].text for agent, group in groups.items()}
            for agent, group in groups.items():
                assert group.task == task.ref
                assert group.prompt == game.observe(state, agent)
                texts_K = [completion.text for completion in group.candidates.completions_K]
                # Partners do what their candidate 0 says, whichever candidate is scored.
                steps = [play(game, state, {**first, agent: text}) for text in texts_K]
                assert list(group.rewards_K) == [step.reward.of(agent, 0.7) for step in steps]
                different += len(set(group.rewards_K)) > 1
                if best_share == 1.0:
                    assert group.rewards_K[group.chosen] == max(group.rewards_K)
            chosen = {agent: group.candidates.completions_K[group.chosen].text for agent, group in groups.items()}
            state, _, _, _, info = play(game, state, chosen)
            success = info["success"]
        assert not game.acting(state)
        assert tree.success is success
    assert different > 8


def test_a_later_agent_is_rewarded_from_the_state_that_the_first_ones_choice_led_to():
    game = Letters(turns=1)
    (tree,) = collect_tree(game, [game.task_from("cab")], both(Fixed(["a", "c", "d"])), 3, 0)
    hinter, teller = tree.groups
    assert hinter.rewards_K == (-0.1, 0.5, -0.1) and hinter.chosen == 1
    assert teller.prompt.text == "c a b c teller"  # it reads the chosen hint
    assert teller.rewards_K == (-0.1, 1.5, -0.1)  # success: hint and answer are right
    assert tree.success is True


def test_in_simultaneous_play_every_candidate_meets_the_partners_first_one():
    game = Letters(turns=1, simultaneous=True)
    team = {"hinter": Fixed(["a", "c", "c"]), "teller": Fixed(["c", "b", "c"])}
    (tree,) = collect_tree(game, [game.task_from("cab")], team, 3, 0)
    hinter, teller = tree.groups
    assert hinter.rewards_K == (-0.1, 1.5, 1.5)  # against the teller's "c"
    assert teller.rewards_K == (0.5, -0.1, 0.5)  # against the hinter's "a": never solved
    assert tree.success is True  # both best candidates together are


def test_with_best_share_zero_the_episode_goes_on_from_any_candidate():
    game = Letters(turns=1)
    chosen = {
        tree.groups[0].chosen
        for tree in collect_tree(game, tasks_of(game, 30), both(Fixed(["a", "b", "c", "d"])), 4, 0, best_share=0.0)
    }
    assert chosen == {0, 1, 2, 3}


def test_best_share_is_how_often_the_best_goes_on():
    game = Letters(turns=1)
    trees = collect_tree(game, tasks_of(game, 400), both(Fixed(["a", "b", "c", "d"])), 4, 0, best_share=0.6)
    best = sum(tree.groups[0].rewards_K[tree.groups[0].chosen] == 0.5 for tree in trees) / len(trees)
    assert best == pytest.approx(0.6 + 0.4 / 4, abs=0.07)


def test_ties_are_broken_at_random_by_the_runs_seed_alone():
    game = Letters(turns=1)

    def choices(seed):
        return [
            t.groups[0].chosen for t in collect_tree(game, tasks_of(game, 30), both(Fixed(["x", "y", "z"])), 3, seed)
        ]

    assert choices(1) == choices(1) != choices(2)
    assert set(choices(1)) == {0, 1, 2}


def test_alpha_weighs_the_team_reward():
    game = Letters(turns=1)
    task = game.task_from("cab")
    for alpha in (0.0, 1.0, 2.0):
        (tree,) = collect_tree(game, [task], both(Fixed(["c", "a"])), 2, 0, alpha)
        assert tree.groups[1].rewards_K == (0.5 + alpha, -0.1)


def test_each_policy_is_asked_once_per_moment_for_all_tasks():
    game = Letters(turns=2, simultaneous=True)
    shared = Fixed(["x"] * 2)
    collect_tree(game, tasks_of(game, 5), both(shared), 2, 0)
    assert [len(batch) for batch in shared.asked] == [10, 10]
    hinter, teller = Fixed(["x"] * 2), Fixed(["x"] * 2)
    collect_tree(game, tasks_of(game, 5), {"hinter": hinter, "teller": teller}, 2, 0)
    assert [len(batch) for batch in hinter.asked] == [len(batch) for batch in teller.asked] == [5, 5]


def test_tasks_that_are_over_are_asked_no_more():
    game = Letters(turns=3)
    policy = Fixed(["c"])
    trees = collect_tree(game, [game.task_from("cab"), game.task_from("dab")], both(policy), 1, 0)
    assert [len(batch) for batch in policy.asked] == [2, 2, 1, 1, 1, 1]
    assert [len(tree.groups) for tree in trees] == [2, 6]
    assert [tree.success for tree in trees] == [True, False]


def test_a_task_that_is_over_from_the_start_leaves_an_empty_tree():
    class Solved(Letters):
        def initial(self, task):
            return LettersState(task, outcome="solved" if task.content == "aaa" else "")

    game = Solved(turns=1)
    trees = collect_tree(game, [game.task_from("aaa"), game.task_from("bbb")], both(Fixed(["b"])), 1, 0)
    assert [len(tree.groups) for tree in trees] == [0, 2]


def test_no_tasks_give_no_trees():
    assert collect_tree(Letters(), [], both(Fixed(["a"])), 1, 0) == []


# ---- seeds --------------------------------------------------------------------------------------------------------
def test_what_is_sampled_for_a_task_does_not_depend_on_the_others():
    game = make_game("plan_path", style="compact")
    tasks = tasks_of(game, 6)

    def collect(tasks):
        return collect_tree(game, tasks, team_of(game, Scripted(MOVES)), 5, 9)

    together, backwards = (
        {task.ref: tree for task, tree in zip(order, collect(order), strict=True)} for order in (tasks, tasks[::-1])
    )
    for task in tasks:
        (alone,) = collect([task])
        for other in (together[task.ref], backwards[task.ref]):
            assert other.groups[0].candidates == alone.groups[0].candidates
            assert other.groups[0].rewards_K == alone.groups[0].rewards_K


def test_every_prompt_has_its_own_seed_and_another_run_has_others():
    game = Letters(turns=3, simultaneous=True)

    def seeds(seed):
        policy = Fixed(["x"])
        collect_tree(game, tasks_of(game, 4), both(policy), 1, seed)
        return [own for batch in policy.asked for _, own in batch]

    assert len(set(seeds(1))) == 4 * 3 * 2
    assert seeds(1) == seeds(1)
    assert not set(seeds(1)) & set(seeds(2))


def test_a_rollout_touches_no_global_generator():
    generators = GlobalGenerators()
    game = make_game("sokoban")
    collect_tree(game, tasks_of(game, 3), team_of(game, Scripted(MOVES)), 4, 0)
    assert generators.untouched()


# ---- effects ------------------------------------------------------------------------------------------------------
class Counting:
    """Grades, and keeps how many effects it got at each call; fails those with the given answer for good."""

    def __init__(self, failing=None):
        self.calls, self.failing = [], failing

    def __call__(self, effects):
        self.calls.append(len(effects))
        graded = run_grades(effects)
        return [Result(failed=True) if e.answer == self.failing else r for e, r in zip(effects, graded, strict=True)]


def test_the_effects_of_all_tasks_and_candidates_go_in_one_batch_per_moment():
    game, runner = Letters(turns=2, graded=True), Counting()
    # Two candidates say the same: one text is one effect, whoever wrote it.
    collect_tree(game, tasks_of(game, 5), both(Fixed(["x", "y", "x"])), 3, 0, effect_runner=runner)
    assert runner.calls == [10, 10, 10, 10]


def test_in_simultaneous_play_the_joint_steps_are_one_more_batch():
    game, runner = Letters(turns=1, graded=True, simultaneous=True), Counting()
    collect_tree(game, tasks_of(game, 5), both(Fixed(["x", "y"])), 2, 0, effect_runner=runner)
    # Each agent's two texts beside the partner's first, two effects each; then the chosen ones.
    assert runner.calls == [5 * 2 * 2 * 2, 5 * 2]


def test_an_effect_that_fails_once_is_tried_again_and_costs_nothing():
    game, runner = Letters(turns=1, graded=True), FlakyRunner(failures=1)
    (tree,) = collect_tree(game, [game.task_from("cab")], both(Fixed(["c", "a"])), 2, 0, effect_runner=runner)
    assert tree.success is True
    assert [group.rewards_K for group in tree.groups] == [(0.5, -0.1), (1.5, -0.1)]


def test_a_failed_candidate_has_no_reward_and_is_never_chosen():
    game, runner = Letters(turns=1, graded=True), Counting(failing="c")
    for best_share in (0.0, 1.0):
        trees = collect_tree(
            game, tasks_of(game, 20), both(Fixed(["c", "a"])), 2, 0, best_share=best_share, effect_runner=runner
        )
        for tree in trees:
            assert [group.rewards_K[0] for group in tree.groups] == [None, None]
            assert [group.chosen for group in tree.groups] == [1, 1]
            assert tree.success is not None


def test_where_all_candidates_failed_the_tree_ends_without_a_success_and_the_others_go_on():
    game = Letters(turns=2, graded=True)
    tasks = [game.task_from("cab"), game.task_from("dab")]

    def fails_for_cab(effects):
        graded = run_grades(effects)
        return [Result(failed=True) if e.letter == "c" else r for e, r in zip(effects, graded, strict=True)]

    lost, fine = collect_tree(game, tasks, both(Fixed(["a", "d"])), 2, 0, effect_runner=fails_for_cab)
    assert lost.success is None
    assert [group.rewards_K for group in lost.groups] == [(None, None)]
    assert fine.success is True
    assert [group.rewards_K for group in fine.groups] == [(-0.1, 0.5), (-0.1, 1.5)]


def test_a_joint_step_that_fails_ends_the_tree_without_a_success():
    game = Letters(turns=2, graded=True, simultaneous=True)

    class FailsJointSteps(Counting):
        def __call__(self, effects):
            self.calls.append(len(effects))
            return run_grades(effects) if len(self.calls) == 1 else [Result(failed=True) for _ in effects]

    (tree,) = collect_tree(
        game, [game.task_from("cab")], both(Fixed(["a", "c"])), 2, 0, effect_runner=FailsJointSteps()
    )
    assert tree.success is None
    assert {group.agent: group.rewards_K for group in tree.groups} == {HINTER: (-0.1, 0.5), TELLER: (-0.1, 0.5)}
