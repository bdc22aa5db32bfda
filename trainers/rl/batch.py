"""From samples to tensors: each group is one row, its prompt once and its candidates as branches after it.

    row:     p p p p | a a a | b b | c c c c | padding
    sees:    causal inside the prompt; a branch sees the whole prompt and its own earlier tokens, no other branch
    position ids of every branch go on where the prompt ends

So the K candidates of a prompt share one encoding of it in training, as they do in generation. Candidates of a
group that are the same tokens have the same log-probabilities and (rewards being what they are) the same
advantage; they become one branch with a weight, which changes nothing but the time.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from trainers.rl.types import Sample, TokenIds


@dataclass(frozen=True, slots=True)
class Branch:
    """One distinct completion of a prompt: its tokens, how many samples it stands for, and what they earned.

    advantage: of all its tokens, or one for each. values, returns: of each token, where there is a critic: what it
    expected before the token, and what came.
    """

    tokens: TokenIds
    logprobs: tuple[float, ...]
    advantage: float | tuple[float, ...]
    weight: float = 1.0
    values: tuple[float, ...] = ()
    returns: tuple[float, ...] = ()

    @property
    def advantages(self) -> tuple[float, ...]:
        """The advantage of each token."""
        return self.advantage if isinstance(self.advantage, tuple) else (self.advantage,) * len(self.tokens)


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt and its branches: what one row of a batch encodes."""

    prompt_tokens: TokenIds
    branches: tuple[Branch, ...]

    @property
    def length(self) -> int:
        """Places that the row takes."""
        return len(self.prompt_tokens) + sum(len(branch.tokens) for branch in self.branches)

    @property
    def samples(self) -> float:
        """Completions that the row stands for, merged ones counted."""
        return sum(branch.weight for branch in self.branches)

    @property
    def trained_tokens(self) -> float:
        """Response tokens that the row stands for, merged samples counted."""
        return sum(branch.weight * len(branch.tokens) for branch in self.branches)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as tensors. `_B` are rows, `_L` places in a row, `_N` the response tokens of all rows, in row order.

    tokens_BL, positions_BL: input; mask_B1LL: True where a place (first L) sees another; first: the place of the
    last prompt token, the same in every row (prompts are padded on the left).
    rows_N, before_N: row and place of the token *before* each response token, whose logits predict it.
    targets_N, logprobs_N (when sampled), advantages_N, values_N, returns_N: of each response token; weights_N: how
    many samples its branch stands for; lengths_N: tokens in its branch.
    """

    tokens_BL: torch.Tensor
    positions_BL: torch.Tensor
    mask_B1LL: torch.Tensor
    first: int
    rows_N: torch.Tensor
    before_N: torch.Tensor
    targets_N: torch.Tensor
    logprobs_N: torch.Tensor
    advantages_N: torch.Tensor
    weights_N: torch.Tensor
    lengths_N: torch.Tensor
    values_N: torch.Tensor
    returns_N: torch.Tensor


def pack(samples: Sequence[Sample], constant: bool = False) -> list[Row]:
    """Returns the samples as rows: those of one group with the same prompt share a row, identical ones are merged.

    Samples that failed are left out, and (unless `constant`) so are rows in which nothing is better or worse than
    expected, from which only a penalty could be learned.
    """
    shared: dict[tuple[Hashable, TokenIds], dict[tuple[TokenIds, float], list[Sample]]] = {}
    for sample in samples:
        if sample.advantage is not None and sample.completion.tokens:
            branches = shared.setdefault((sample.group, sample.prompt_tokens), {})
            branches.setdefault((sample.completion.tokens, sample.advantage), []).append(sample)
    return [
        Row(
            prompt_tokens,
            tuple(
                Branch(tokens, same[0].completion.logprobs, advantage, float(len(same)))
                for (tokens, advantage), same in branches.items()
            ),
        )
        for (_, prompt_tokens), branches in shared.items()
        if constant or any(advantage for _, advantage in branches)
    ]


Item = TypeVar("Item")


def within(items: Iterable[Item], length_of: Callable[[Item], int], max_places: int) -> Iterator[list[Item]]:
    """Yields the items in order, cut so that their number times the longest length stays within `max_places`.

    One that is longer than that is alone.
    """
    part: list[Item] = []
    longest = 0
    for item in items:
        longest_with = max(longest, length_of(item))
        if part and longest_with * (len(part) + 1) > max_places:
            yield part
            part, longest_with = [], length_of(item)
        part.append(item)
        longest = longest_with
    if part:
        yield part


def split(row: Row, max_places: int) -> list[Row]:
    """Returns the row cut into rows of at most `max_places`, each with the prompt and some of the branches in order.

    (With one branch where that is more.) As branches do not see each other, nothing changes but the memory.
    """
    parts: list[list[Branch]] = [[]]
    room = max_places - len(row.prompt_tokens)
    for branch in row.branches:
        if parts[-1] and sum(len(b.tokens) for b in parts[-1]) + len(branch.tokens) > room:
            parts.append([])
        parts[-1].append(branch)
    return [Row(row.prompt_tokens, tuple(part)) for part in parts]


def collate(
    rows: Sequence[Row], pad: int, device: torch.device | str = "cpu", bidirectional_prompt: bool = False
) -> Batch:
    """Returns rows as one batch of tensors. With `bidirectional_prompt` prompt tokens see later prompt tokens too."""
    prompt_length = max(len(row.prompt_tokens) for row in rows)
    length = prompt_length + max(sum(len(b.tokens) for b in row.branches) for row in rows)
    tokens = torch.full((len(rows), length), pad)
    positions = torch.zeros((len(rows), length), dtype=torch.long)
    # Number of the branch that a place belongs to: 0 the prompt, -1 padding in front, -2 padding behind.
    branch_of = torch.full((len(rows), length), -2)
    columns: dict[str, list[float]] = {name: [] for name in (*_WHOLE, *_REAL)}
    for i, row in enumerate(rows):
        start = prompt_length - len(row.prompt_tokens)
        branch_of[i, :start] = -1
        tokens[i, start:prompt_length] = torch.tensor(row.prompt_tokens)
        positions[i, start:prompt_length] = torch.arange(len(row.prompt_tokens))
        branch_of[i, start:prompt_length] = 0
        place = prompt_length
        for number, branch in enumerate(row.branches, 1):
            n = len(branch.tokens)
            end = place + n
            tokens[i, place:end] = torch.tensor(branch.tokens)
            positions[i, place:end] = torch.arange(n) + len(row.prompt_tokens)
            branch_of[i, place:end] = number
            columns["rows"] += [i] * n
            columns["before"] += [prompt_length - 1, *range(place, end - 1)]
            columns["targets"] += branch.tokens
            columns["logprobs"] += branch.logprobs
            columns["advantages"] += branch.advantages
            columns["weights"] += [branch.weight] * n
            columns["lengths"] += [n] * n
            columns["values"] += branch.values or [0.0] * n
            columns["returns"] += branch.returns or [0.0] * n
            place = end
    sees = (branch_of[:, None, :] == 0) | (branch_of[:, :, None] == branch_of[:, None, :])
    mask = sees & torch.ones(length, length, dtype=torch.bool).tril()
    if bidirectional_prompt:
        mask |= (branch_of[:, None, :] == 0) & (branch_of[:, :, None] == 0)
    tensors = {name: torch.tensor(columns[name], dtype=torch.long) for name in _WHOLE}
    tensors |= {name: torch.tensor(columns[name], dtype=torch.float32) for name in _REAL}
    return Batch(
        tokens.to(device),
        positions.to(device),
        mask[:, None].to(device),
        first=prompt_length - 1,
        **{f"{name}_N": tensor.to(device) for name, tensor in tensors.items()},
    )


_WHOLE = ("rows", "before", "targets")
_REAL = ("logprobs", "advantages", "weights", "lengths", "values", "returns")
