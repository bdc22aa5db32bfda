"""Token in, token out: what was sampled is what is trained on, whatever the tokenizer makes of its text."""

import pytest

pytest.importorskip("torch")

from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from tests.fakes import Letters
from tests.trainers.small import TINY, stir
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.tiny import make_model
from trainers.rl.advantage import tree_samples
from trainers.rl.batch import pack
from trainers.rl.rollout import collect_tree


def merging_policy():
    """Returns a policy that can write `a`, `b` or `ab` for the same text, which its tokenizer always reads as `ab`."""
    letters = "abcdefghijklmnopqrstuvwxyz _0123456789"
    words = ["<pad>", "<eos>", "<unk>", *letters, "ab", "cd"]
    tokenizer = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, [("a", "b"), ("c", "d")], unk_token="<unk>"))
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
    model = make_model(fast, TINY, seed=0)
    stir(model)
    return HuggingFacePolicy(model, fast, 8)


def test_what_was_sampled_is_trained_on_although_its_text_would_be_tokenised_otherwise():
    game, policy = Letters(), merging_policy()
    tasks = [game.task("train", index) for index in range(12)]
    trees = collect_tree(game, tasks, {"hinter": policy, "teller": policy}, 8, seed=0)
    groups = [group.candidates for tree in trees for group in tree.groups]
    sampled = {(one.prompt_tokens, c.tokens) for one in groups for c in one.completions_K}
    rows = pack(tree_samples(trees), constant=True)
    assert {(row.prompt_tokens, branch.tokens) for row in rows for branch in row.branches} == sampled

    def again(completion):
        ids = policy.tokenizer(completion.text, add_special_tokens=False)["input_ids"]
        return (*ids, *(() if completion.cut else (policy.eos,)))

    differ = [c for one in groups for c in one.completions_K if again(c) != c.tokens]
    # <pad> and <unk> do not come back from text either; `a` and `b` apart come back as one token.
    assert [c for c in differ if not {policy.pad, policy.tokenizer.unk_token_id} & set(c.tokens)]
