import random

import pytest

pytest.importorskip("torch")

import torch

from mas_envs.core.game import Prompt, Task, TaskRef
from tests.trainers.small import family_policy, gpt2_policy, random_rows, stir, stirred_tiny, tiny_policy, weights
from trainers.policies.critic import Critic
from trainers.ppo import assessed, lines_of, whitened
from trainers.rl.batch import Branch, Row, collate
from trainers.rl.chains import Chain, ChainMoment, Said
from trainers.rl.critic import gae, update_critic, value_loss
from trainers.rl.types import Sampled
from trainers.rl.update import Optimizer
from trainers.run.config import PPO


def test_gae_is_as_worked_by_hand():
    # deltas with gamma 0.5: 1 + 0.5 * 2 - 1 = 1; 0 + 0.5 * 4 - 2 = 0; 3 - 4 = -1. lambda 0.5: weights 1, 1/4, 1/16
    advantages, returns = gae([1.0, 0.0, 3.0], [1.0, 2.0, 4.0], 0.5, 0.5)
    assert advantages == pytest.approx([1 + 0 / 4 - 1 / 16, 0 - 1 / 4, -1.0])
    assert returns == pytest.approx([1.9375, 1.75, 3.0])


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.8), (1.0, 1.0), (1.0, 0.0), (0.0, 0.7)])
def test_gae_equals_the_textbook_sum_over_all_later_errors(gamma, lam):
    draw = random.Random(1)
    rewards, values = ([draw.uniform(-1, 1) for _ in range(9)] for _ in range(2))
    deltas = [r + gamma * after - v for r, v, after in zip(rewards, values, [*values[1:], 0.0], strict=True)]
    expected = [sum((gamma * lam) ** (j - t) * deltas[j] for j in range(t, 9)) for t in range(9)]
    advantages, returns = gae(rewards, values, gamma, lam)
    assert advantages == pytest.approx(expected)
    assert returns == pytest.approx([a + v for a, v in zip(expected, values, strict=True)])


@pytest.mark.parametrize(
    ("value", "loss", "learns"),
    [
        (1.1, 0.5 * 0.9**2, True),  # a small move towards the return of 2
        (1.5, 0.5 * 0.8**2, False),  # too far towards it: counted as 1.2, and nothing more to gain
        (0.5, 0.5 * 1.5**2, True),  # too far away from it: all of the error counts
        (3.5, 0.5 * 1.5**2, True),  # past it by more than what the cut move would miss
    ],
)
def test_the_value_loss_is_the_worse_of_the_value_and_its_cut_move(value, loss, learns):
    batch = collate([Row((3,), (Branch((4,), (-1.0,), 0.0, 1.0, (1.0,), (2.0,)),))], pad=0)
    values = torch.tensor([value], requires_grad=True)
    found = value_loss(values, batch, 0.2)
    found.backward()
    assert found.item() == pytest.approx(loss)
    assert (values.grad.item() != 0) == learns


@pytest.mark.parametrize("make", [stirred_tiny, gpt2_policy, lambda: family_policy("llama")])
def test_values_of_packed_rows_are_those_of_every_completion_alone(make):
    critic = Critic(policy := make())
    assert critic.values(collate(random_rows(1), policy.pad)).abs().sum() == 0  # it begins by saying 0
    stir(critic)
    with torch.no_grad():
        critic.head.copy_(torch.randn(critic.head.shape, generator=torch.Generator().manual_seed(0)))
    rows = random_rows(2)
    together = critic.values(collate(rows, policy.pad, bidirectional_prompt=policy.bidirectional_prompt))
    alone = [
        critic.values(collate([Row(row.prompt_tokens, (b,))], policy.pad, "cpu", policy.bidirectional_prompt))
        for row in rows
        for b in row.branches
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_a_critic_learns_the_returns_and_leaves_the_policy_alone():
    policy = tiny_policy()
    before, critic = weights(policy.model), Critic(policy)
    rows = [Row((3 + i,), (Branch((4, 5), (-1.0, -1.0), 0.0, 1.0, (0.0, 0.0), (i, i + 1.0)),)) for i in range(4)]
    optimizer = Optimizer(critic, "adamw", 3e-3)
    losses = [
        update_critic(critic, policy, optimizer, rows, 100.0, random.Random(i), 2, 64)["value_loss"] for i in range(80)
    ]
    assert losses[-1] < 0.05 < 1 < losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(policy.model).items())


def test_the_critics_minibatches_add_up_to_the_same_gradient_however_they_are_cut():
    ones = [(1.0,) * (1 + i) for i in range(5)]
    rows = [Row((3,) * len(each), (Branch((4,) * len(each), each, 0.0, 1.0, each, each),)) for each in ones]
    moved = []
    for places in (4, 10**6):
        policy = tiny_policy()
        critic = Critic(policy)
        critic.head.data += 0.1
        fit = (Optimizer(critic, "adamw", 1e-3), rows, 10.0, random.Random(0), 100, places)
        loss = update_critic(critic, policy, *fit)["value_loss"]
        moved.append((loss, {name: w.detach().clone() for name, w in critic.named_parameters()}))
    assert moved[0][0] == pytest.approx(moved[1][0], rel=1e-5)
    for name, weight in moved[0][1].items():
        torch.testing.assert_close(weight, moved[1][1][name], rtol=1e-3, atol=1e-5)


def test_returns_that_do_not_vary_leave_nothing_to_explain():
    policy = tiny_policy()
    rows = [Row((3,), (Branch((4, 5), (-1.0, -1.0), 0.0, 1.0, (0.0, 0.0), (0.5, 0.5)),))]
    fit = (Optimizer(critic := Critic(policy), "adamw", 1e-3), rows, 1.0, random.Random(0), 10, 64)
    assert update_critic(critic, policy, *fit)["explained_variance"] == 0.0


def test_equal_advantages_become_zeros_whatever_rounding_left_of_them():
    branches = [Branch((4, 5), (-1.0, -1.0), (0.1 + 1e-9, 0.1), 1.0), Branch((4,), (-1.0,), (0.1 - 1e-9,), 1.0)]
    assert all(abs(a) < 1e-3 for branch in whitened(branches) for a in branch.advantages)
    assert whitened([]) == []


def said(prompt, tokens):
    return Said(Prompt(""), prompt, Sampled("", tokens, (-1.0,) * len(tokens)))


REF = TaskRef("made up", "0", "0")
MOMENTS = [
    ChainMoment(0, {"planner_0": said((3,), (4, 5))}, {"planner_0": 0.5, "executor_0": 0.0}),
    ChainMoment(0, {"executor_0": said((3, 6), (7,))}, {"planner_0": 0.25, "executor_0": 2.0}),
    ChainMoment(1, {"planner_0": said((8,), (9,))}, {"planner_0": -1.0, "executor_0": 4.0}),
]


def test_what_an_agent_earns_until_it_speaks_again_stands_at_its_completion():
    failed = Chain(Task(REF, None), 1, None, [*MOMENTS[:1], MOMENTS[1]._replace(rewards=None)], None)
    chains_K = [[Chain(Task(REF, None), 0, None, MOMENTS), failed]]
    lines = lines_of(chains_K, ["planner", "executor"])
    assert [[(words.completion.tokens, earned) for _, words, earned in line] for line in lines] == [
        [((4, 5), 0.75), ((9,), -1.0)],
        [((7,), 6.0)],
    ]
    assert len(lines_of(chains_K, ["executor"])) == 1


def test_what_is_earned_after_a_prompt_that_was_not_read_stands_at_the_completion_before():
    unread = Said(Prompt(""), (8,), Sampled("", (), (), unread=True))
    moments = [*MOMENTS[:2], ChainMoment(1, {"planner_0": unread}, {"planner_0": -1.0, "executor_0": 4.0})]
    chains_K = [[Chain(Task(REF, None), 0, None, moments)], [Chain(Task(REF, None), 1, None, moments[2:])]]
    lines = lines_of(chains_K, ["planner", "executor"])
    assert [[(words.completion.tokens, earned) for _, words, earned in line] for line in lines] == [
        [((4, 5), -0.25)],
        [((7,), 6.0)],
    ]
    assert assessed(lines, stirred_tiny(), Critic(stirred_tiny()), PPO(env="sokoban", kl=0.0))


def test_tokens_are_assessed_along_the_line_and_leaving_the_start_has_its_price():
    policy, start = stirred_tiny(), stirred_tiny()
    stir(start.model, seed=7)
    policy.reference = start.model
    config = PPO(env="sokoban", kl=0.1, gamma=0.9, gae_lambda=0.5)
    lines = lines_of([[Chain(Task(REF, None), 0, None, MOMENTS)]], ["planner", "executor"])
    rows = assessed(lines, policy, Critic(policy), config)
    assert [(row.prompt_tokens, [b.tokens for b in row.branches]) for row in rows] == [
        ((3,), [(4, 5)]), ((8,), [(9,)]), ((3, 6), [(7,)])
    ]  # fmt: skip
    then = [start.logprobs(collate([row], policy.pad, "cpu", True))[0].tolist() for row in rows]
    prices = [[-0.1 * (-1.0 - logprob) for logprob in logprobs] for logprobs in then]
    # values are all 0, so that deltas are the rewards; the planner's line goes on from its first to its second turn
    planner, _ = gae([prices[0][0], prices[0][1] + 0.75, prices[1][0] - 1.0], [0.0] * 3, 0.9, 0.5)
    expected = [*planner, prices[2][0] + 6.0]
    mean = sum(expected) / 4
    deviation = (sum((a - mean) ** 2 for a in expected) / 4) ** 0.5
    found = [a for row in rows for branch in row.branches for a in branch.advantage]
    assert found == pytest.approx([(a - mean) / deviation for a in expected], rel=1e-4)
    assert [r for row in rows for branch in row.branches for r in branch.returns] == pytest.approx(expected, rel=1e-4)
