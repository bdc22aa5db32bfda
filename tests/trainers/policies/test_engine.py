"""What a policy does with an engine: giving it weights, asking it again, and what becomes of answers that are lost."""

import gc
import weakref

import pytest

pytest.importorskip("torch")

import torch

from mas_envs import make_game
from mas_envs.agents import play
from mas_envs.core.errors import UsageError
from tests.trainers.small import prompts_of, stir, stirred_tiny
from trainers.policies.engine import LOST_IN_A_ROW, Drawn, EngineError, EngineFault, EnginePolicy
from trainers.policies.policy import PolicyAgent
from trainers.rl.advantage import baseline_samples, chain_samples, tree_samples
from trainers.rl.batch import pack
from trainers.rl.chains import collect_chains
from trainers.rl.rollout import collect_tree
from trainers.run.metrics import chain_metrics, tree_metrics

PROMPTS = prompts_of("a b", "c")


class FakeEngine:
    """Answers `a b <end>` to everything; its first answers to a request may be faults, or lost for some prompts."""

    def __init__(self, faults=(), lost_prompts=()):
        self.context, self.life, self.lost = 64, 0, 0
        self.faults, self.lost_prompts = list(faults), lost_prompts
        self.taken, self.asked = [], []

    def take(self, policy):
        self.taken.append((self.life, next(iter(policy.trained().values())).sum().item()))
        return len(self.taken)

    def generate(self, prompts, seeds, draw, weights):
        self.asked.append((draw.k, tuple(seeds), weights))
        if self.faults and self.faults.pop(0):
            raise EngineFault("it died")
        drawn = [Drawn((3, 4, draw.end), (-1.0, -2.0, -3.0))] * draw.k
        return [None if i in self.lost_prompts else drawn for i in range(len(prompts))]

    def stop(self):
        self.life += 1


def make(**kwargs):
    engine = FakeEngine(**kwargs)
    return EnginePolicy(stirred_tiny(bidirectional=False), engine), engine


def test_tokens_and_log_probabilities_pass_through_as_they_were_drawn():
    policy, engine = make()
    for one, expected in zip(policy.sample(PROMPTS, 2, [5, 6]), policy.policy.encode(PROMPTS), strict=True):
        assert one.prompt_tokens == expected
        assert [(c.text, c.tokens, c.logprobs, c.cut, c.failed) for c in one.completions_K] == [
            ("a b", (3, 4, policy.policy.eos), (-1.0, -2.0, -3.0), False, False)
        ] * 2
    assert engine.asked == [(2, (5, 6), 1)]


def test_weights_are_given_once_and_again_when_they_have_changed():
    policy, engine = make()
    policy.sample(PROMPTS, 2, [5, 6])
    policy.sample(PROMPTS, 2, [7, 8])
    assert len(engine.taken) == 1
    stir(policy.policy.model, seed=3)
    policy.sample(PROMPTS, 2, [7, 8])
    assert len(engine.taken) == 2
    assert engine.taken[0] != engine.taken[1]
    assert engine.asked[-1][-1] == 2


def test_a_dead_engine_is_given_the_weights_anew_and_asked_once_more():
    policy, engine = make(faults=[True])
    (first, _) = policy.sample(PROMPTS, 2, [5, 6])
    assert not any(c.failed for c in first.completions_K)
    assert [life for life, _ in engine.taken] == [0, 1]
    assert len(engine.asked) == 2


def test_nothing_keeps_a_dead_engine_in_memory_when_the_next_one_starts():
    class Weights:
        pass

    class Dying(FakeEngine):
        def generate(self, prompts, seeds, draw, weights):
            held = Weights()
            self.held = self.held if self.life else weakref.ref(held)
            return super().generate(prompts, seeds, draw, weights)

        def stop(self):
            super().stop()
            gc.collect()
            assert self.held() is None

    policy = EnginePolicy(stirred_tiny(bidirectional=False), Dying(faults=[True]))
    policy.sample(PROMPTS, 2, [5, 6])
    assert policy.engine.life == 1


def test_what_stays_without_an_answer_is_failed_and_the_run_stops_when_that_goes_on():
    policy, engine = make(faults=[False] + [True] * 2 + [False] + [True] * 100)
    policy.sample(PROMPTS, 3, [5, 6])
    assert all(c.failed for one in policy.sample(PROMPTS, 3, [5, 6]) for c in one.completions_K)
    assert not any(c.failed for one in policy.sample(PROMPTS, 3, [5, 6]) for c in one.completions_K)
    for _ in range(LOST_IN_A_ROW - 1):
        policy.sample(PROMPTS, 3, [5, 6])
    with pytest.raises(EngineError, match=r"it died.*--resume"):
        policy.sample(PROMPTS, 3, [5, 6])
    assert len(engine.asked) == 1 + 2 + 1 + 2 * LOST_IN_A_ROW


def test_an_engine_that_has_never_answered_stops_the_run_at_once():
    policy, engine = make(faults=[True] * 2)
    with pytest.raises(EngineError, match="it died"):
        policy.sample(PROMPTS, 3, [5, 6])
    assert len(engine.asked) == 2


@pytest.fixture(scope="module")
def game():
    return make_game("sokoban", style="compact")


class OneLost:
    """A sampler that loses the first prompt of its first request."""

    def __init__(self):
        self.policy, self.engine = make(lost_prompts=(0,))
        self.engine.context = 10_000

    def sample(self, prompts, k, seeds, temperature=None):
        found = self.policy.sample(prompts, k, seeds, temperature)
        self.engine.lost_prompts = ()
        return found


def test_lost_candidates_are_masked_in_trees_and_never_reward_0(game):
    tasks = [game.task("train", i) for i in range(3)]
    trees = collect_tree(game, tasks, dict.fromkeys(("planner", "executor"), OneLost()), 4, seed=0)
    assert [tree.success is None for tree in trees] == [True, False, False]
    assert [group.rewards_K for group in trees[0].groups] == [(None,) * 4]
    samples = tree_samples(trees)
    assert [s.advantage for s in samples if s.completion.failed] == [None] * sum(s.completion.failed for s in samples)
    assert all(branch.tokens for row in pack(samples, constant=True) for branch in row.branches)
    assert tree_metrics(trees)["masked_share"] > 0
    assert tree_metrics(trees)["response_tokens"] == 3  # of those that came


def test_lost_candidates_are_masked_in_chains(game):
    tasks = [game.task("train", i) for i in range(3)]
    chains = collect_chains(game, tasks, dict.fromkeys(("planner", "executor"), OneLost()), 4, seed=0)
    assert [[chain.success is None for chain in of_task] for of_task in chains] == [
        [True] * 4,
        [False] * 4,
        [False] * 4,
    ]
    assert chain_metrics(chains)["masked_share"] > 0
    assert chain_metrics(chains)["response_tokens"] == 3  # of those that came
    for samples in (chain_samples(chains), baseline_samples(chains)):
        assert all(s.advantage is None for s in samples if s.completion.failed)


def test_a_rollout_of_which_everything_is_lost_is_masked_and_leaves_nothing_to_learn(game):
    policy, engine = make(lost_prompts=range(100))
    engine.context = 10_000
    tasks, team = [game.task("train", i) for i in range(2)], dict.fromkeys(("planner", "executor"), policy)
    trees, chains = collect_tree(game, tasks, team, 4, seed=0), collect_chains(game, tasks, team, 4, seed=0)
    assert tree_metrics(trees)["masked_share"] == chain_metrics(chains)["masked_share"] == 1
    assert pack(tree_samples(trees), constant=True) == pack(chain_samples(chains), constant=True) == []


def test_lost_answers_mask_the_episode_in_evaluation(game):
    agent = PolicyAgent(OneLost())
    episodes = play(game, {"planner": agent, "executor": agent}, [game.task("test", i) for i in range(3)])
    assert [episode.success is None for episode in episodes] == [True, False, False]
    assert episodes[0].returns is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="of engines on CPUs")
def test_a_size_of_the_cache_that_is_none_is_refused(monkeypatch):
    from trainers.policies.vllm import LocalEngine

    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1GB")
    with pytest.raises(UsageError, match=r"'1GB'; it must be a whole number of GiB"):
        LocalEngine(stirred_tiny(bidirectional=False), 0.4)


def test_an_engine_that_leaves_no_room_for_a_prompt_is_refused():
    engine, policy = FakeEngine(), stirred_tiny(bidirectional=False, max_new_tokens=64)
    with pytest.raises(UsageError, match="64 tokens, which leaves no room.*--max-model-len"):
        EnginePolicy(policy, engine)
    policy.max_new_tokens = 63
    assert EnginePolicy(policy, engine).sample(prompts_of("a"), 1, [0])[0].completions_K[0].tokens


def test_greedy_candidates_are_drawn_once():
    policy, engine = make()
    assert [len(one.completions_K) for one in policy.sample(PROMPTS, 3, [5, 6], 0.0)] == [3, 3]
    assert engine.asked[0][0] == 1


def test_weights_put_back_by_validation_are_noticed():
    from trainers.run.best import Best

    policy, engine = make()
    best = Best({"shared": policy.policy})
    best.offer(1.0)
    with torch.no_grad():
        stir(policy.policy.model, seed=3)
    policy.sample(PROMPTS, 1, [1, 2])
    best.restore()
    policy.sample(PROMPTS, 1, [1, 2])
    assert len(engine.taken) == 2
