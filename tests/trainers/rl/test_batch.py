from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from tests.trainers.small import group_of, merge, random_rows
from trainers.rl.batch import Branch, Row, collate, pack, split, within
from trainers.rl.types import Sample, Sampled

# Prompt of two tokens, branches of two and of one token; prompt of three tokens, a branch of one token.
SHORT = Row((11, 12), (Branch((13, 1), (-0.1, -0.2), 0.5, 2.0), Branch((14,), (-0.3,), -1.0)))
LONG = Row((15, 16, 17), (Branch((1,), (-0.4,), 0.25),))
# Row SHORT is: padding, p, p, a, a, b; row LONG is: p, p, p, c, padding, padding.
CAUSAL = [
    ["x.....", ".x....", ".xx...", ".xxx..", ".xxxx.", ".xx..x"],
    ["x.....", "xx....", "xxx...", "xxxx..", "xxx.x.", "xxx.xx"],
]
BIDIRECTIONAL = [
    ["x.....", ".xx...", ".xx...", ".xxx..", ".xxxx.", ".xx..x"],
    ["xxx...", "xxx...", "xxx...", "xxxx..", "xxx.x.", "xxx.xx"],
]


@pytest.mark.parametrize(("bidirectional", "expected"), [(False, CAUSAL), (True, BIDIRECTIONAL)])
def test_who_sees_whom_is_as_worked_by_hand(bidirectional, expected):
    mask = collate([SHORT, LONG], pad=0, bidirectional_prompt=bidirectional).mask_B1LL
    assert mask.shape == (2, 1, 6, 6)
    assert [["".join(".x"[sees] for sees in line) for line in row] for row in mask[:, 0].tolist()] == expected


def test_layout_is_as_worked_by_hand():
    batch = collate([SHORT, LONG], pad=0)
    assert batch.tokens_BL.tolist() == [[0, 11, 12, 13, 1, 14], [15, 16, 17, 1, 0, 0]]
    assert batch.positions_BL.tolist() == [[0, 0, 1, 2, 3, 2], [0, 1, 2, 3, 0, 0]]
    assert batch.first == 2
    assert batch.rows_N.tolist() == [0, 0, 0, 1]
    assert batch.before_N.tolist() == [2, 3, 2, 2]
    assert batch.targets_N.tolist() == [13, 1, 14, 1]
    assert batch.logprobs_N.tolist() == pytest.approx([-0.1, -0.2, -0.3, -0.4])
    assert batch.advantages_N.tolist() == [0.5, 0.5, -1.0, 0.25]
    assert batch.weights_N.tolist() == [2.0, 2.0, 1.0, 1.0]
    assert batch.lengths_N.tolist() == [2.0, 2.0, 1.0, 1.0]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_place_sees_something_and_no_place_sees_another_branch_or_padding(bidirectional):
    rows = random_rows(3, count=6)
    batch = collate(rows, pad=0, bidirectional_prompt=bidirectional)
    assert batch.mask_B1LL.any(-1).all()
    for i, row in enumerate(rows):
        start, place = batch.first + 1 - len(row.prompt_tokens), batch.first + 1
        for branch in row.branches:
            own = range(place, place + len(branch.tokens))
            for offset in range(len(branch.tokens)):
                sees = set(torch.nonzero(batch.mask_B1LL[i, 0, place + offset])[:, 0].tolist())
                assert sees == {*range(start, batch.first + 1), *own[: offset + 1]}
            place += len(branch.tokens)


def test_merge_keeps_one_branch_per_distinct_completion_with_its_count():
    group = group_of((3, 4), [(5, 1), (6, 1), (5, 1), (7,)], [1.0, 0.0, 1.0, 0.5])
    row = merge(group, [1.0, -1.0, 1.0, 0.0])
    assert row.prompt_tokens == (3, 4)
    assert row.branches == (
        Branch((5, 1), (-1.0, -2.0), 1.0, 2.0),
        Branch((6, 1), (-1.0, -2.0), -1.0),
        Branch((7,), (-1.0,), 0.0),
    )
    assert row.length == 2 + 2 + 2 + 1
    assert row.trained_tokens == 2 * 2 + 2 + 1


def test_merge_leaves_out_failed_candidates_and_keeps_different_rewards_of_equal_tokens_apart():
    row = merge(group_of((3,), [(5, 1), (5, 1), (6, 1)], [1.0, 0.0, None]), [1.0, -1.0, None])
    assert [(b.tokens, b.advantage, b.weight) for b in row.branches] == [((5, 1), 1.0, 1.0), ((5, 1), -1.0, 1.0)]


def sample(prompt, tokens, advantage, group):
    return Sample("planner_0", prompt, Sampled("", tokens, (-1.0,) * len(tokens)), advantage, group)


def test_pack_shares_a_row_inside_a_group_and_prompt_alone_and_leaves_out_rows_that_teach_nothing():
    rows = pack(
        [
            sample((3,), (5,), 1.0, "one"),
            sample((4,), (5,), 0.0, "one"),  # alone with its prompt, and no better than expected
            sample((3,), (6,), 0.0, "one"),
            sample((3,), (7,), 2.0, "two"),  # the same prompt in another group
            sample((3,), (8,), None, "three"),
        ]
    )
    assert [(row.prompt_tokens, [(b.tokens, b.advantage) for b in row.branches]) for row in rows] == [
        ((3,), [((5,), 1.0), ((6,), 0.0)]),
        ((3,), [((7,), 2.0)]),
    ]


@given(st.integers(0, 1000), st.integers(1, 60))
def test_minibatches_keep_all_rows_in_order_within_the_places_and_never_cut_needlessly(seed, max_places):
    rows = random_rows(seed, count=8)
    parts = list(within(rows, lambda row: row.length, max_places))
    assert [row for part in parts for row in part] == rows

    def places(part):
        return len(part) * max(row.length for row in part)

    assert all(len(part) == 1 or places(part) <= max_places for part in parts)
    assert all(places([*part, after[0]]) > max_places for part, after in pairwise(parts))


def test_no_rows_give_no_minibatches():
    assert list(within([], len, 100)) == []


@given(st.integers(0, 1000), st.integers(1, 30))
def test_a_row_longer_than_the_places_is_cut_between_its_branches(seed, max_places):
    (row,) = random_rows(seed, count=1)
    parts = split(row, max_places)
    assert [branch for part in parts for branch in part.branches] == list(row.branches)
    for part in parts:
        assert part.prompt_tokens == row.prompt_tokens
        assert part.length <= max_places or len(part.branches) == 1
    for part, after in pairwise(parts):
        assert part.length + len(after.branches[0].tokens) > max_places  # never cut needlessly
