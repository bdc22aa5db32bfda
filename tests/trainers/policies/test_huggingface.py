"""The policy against plain Hugging Face code: one sequence at a time, no padding, no shared prefix."""

from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from mas_envs import make_game
from mas_envs.agents import Request
from mas_envs.core.errors import UsageError
from mas_envs.core.game import Prompt
from tests.trainers.small import (
    FAMILIES,
    GlobalGenerators,
    family_policy,
    gpt2_policy,
    plain_logprobs,
    prompts_of,
    stirred_tiny,
)
from trainers.policies.policy import PolicyAgent
from trainers.rl.batch import Branch, Row, collate
from trainers.rl.types import Sampled

PROMPTS = prompts_of("a b c d", "h", "a c d e f g h b c d c", "a b c d")
SEEDS = (11, 12, 13, 14)
POLICIES = {
    **{
        f"{family}, tied={tied}": (lambda f=family, t=tied: family_policy(f, t))
        for family in FAMILIES
        for tied in (False, True)
    },
    "gpt2": gpt2_policy,
    "eager attention": lambda: family_policy("qwen3", attn_implementation="eager"),
    "tiny, both directions": stirred_tiny,
    "tiny, causal": lambda: stirred_tiny(bidirectional=False),
    "tiny, temperature 0.7": lambda: stirred_tiny(temperature=0.7),
}


@pytest.fixture(params=POLICIES)
def policy(request):
    return POLICIES[request.param]()


def rows_of(found):
    return [
        Row(one.prompt_tokens, tuple(Branch(c.tokens, c.logprobs, 1.0) for c in one.completions_K)) for one in found
    ]


def test_recorded_logprobs_equal_those_of_training_and_of_plain_forward_passes(policy):
    found = policy.sample(PROMPTS, 3, SEEDS)
    batch = collate(rows_of(found), policy.pad, bidirectional_prompt=policy.bidirectional_prompt)
    plain = torch.cat([plain_logprobs(policy, one.prompt_tokens, c.tokens) for one in found for c in one.completions_K])
    packed, _ = policy.logprobs(batch)
    torch.testing.assert_close(packed, plain, rtol=0, atol=1e-5)
    torch.testing.assert_close(batch.logprobs_N, plain, rtol=0, atol=1e-5)
    assert plain.exp().std() > 0.05  # the model has an opinion: a wrong mask would show


def test_gradients_of_the_packed_batch_equal_those_of_plain_forward_passes(policy):
    rows = rows_of(policy.sample(PROMPTS, 3, SEEDS))
    batch = collate(rows, policy.pad, bidirectional_prompt=policy.bidirectional_prompt)
    weights = torch.linspace(-1, 1, len(batch.targets_N))
    plain = torch.cat([plain_logprobs(policy, row.prompt_tokens, b.tokens) for row in rows for b in row.branches])
    found = [
        torch.autograd.grad((weights * logprobs).sum(), list(policy.model.parameters()))
        for logprobs in (policy.logprobs(batch)[0], plain)
    ]
    for packed, expected in zip(*found, strict=True):
        torch.testing.assert_close(packed, expected, rtol=1e-4, atol=1e-4)


def test_entropy_is_that_of_the_whole_distribution():
    policy = stirred_tiny()
    batch = collate([Row((3, 4), (Branch((5, 1), (0.0, 0.0), 0.0),))], policy.pad, bidirectional_prompt=True)
    _, entropy = policy.logprobs(batch)
    size = len(policy.tokenizer)
    for place, before in enumerate([(), (5,)]):
        each = torch.stack([plain_logprobs(policy, (3, 4), (*before, token))[-1] for token in range(size)])
        assert entropy[place].item() == pytest.approx(-(each.exp() * each).sum().item(), abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_sampling_equals_generate(family):
    policy = family_policy(family, max_new_tokens=8)
    found = policy.sample(PROMPTS, 2, SEEDS, temperature=0)
    for one in found:
        ids = torch.tensor([one.prompt_tokens])
        settings = {"do_sample": False, "max_new_tokens": 8, "eos_token_id": policy.eos, "pad_token_id": policy.pad}
        whole = policy.model.generate(ids, attention_mask=torch.ones_like(ids), **settings)[0]
        expected = tuple(whole[len(one.prompt_tokens) :].tolist())
        assert [completion.tokens for completion in one.completions_K] == [expected, expected]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_is_drawn_for_a_prompt_does_not_depend_on_its_batch(bidirectional):
    policy = stirred_tiny(bidirectional, max_new_tokens=6)
    together = policy.sample(PROMPTS, 4, SEEDS)
    backwards = policy.sample(PROMPTS[::-1], 4, SEEDS[::-1])[::-1]
    alone = [policy.sample([prompt], 4, [seed])[0] for prompt, seed in zip(PROMPTS, SEEDS, strict=True)]
    policy.max_places = 1
    in_chunks = policy.sample(PROMPTS, 4, SEEDS)
    for other in (backwards, alone, in_chunks):
        for one, same in zip(together, other, strict=True):
            assert one.prompt_tokens == same.prompt_tokens
            for mine, theirs in zip(one.completions_K, same.completions_K, strict=True):
                assert mine.tokens == theirs.tokens and mine.text == theirs.text and mine.cut == theirs.cut
                assert mine.logprobs == pytest.approx(theirs.logprobs, abs=1e-5)
    drawn = [[c.tokens for c in one.completions_K] for one in together]
    assert drawn[0] != drawn[3]  # one prompt, two seeds
    assert len(set(drawn[0])) > 1


def test_no_more_places_are_cached_than_allowed(monkeypatch):
    policy = stirred_tiny()
    policy.max_places = 3 * (1 + 2 * policy.max_new_tokens)  # three prompts of one token with two candidates
    sizes = []
    forward = policy.model.forward
    monkeypatch.setattr(policy.model, "forward", lambda **kw: sizes.append(kw["input_ids"].shape[0]) or forward(**kw))
    found = policy.sample(prompts_of(*"abcdefg"), 2, range(7))
    assert [one.prompt_tokens for one in found] == policy.encode(prompts_of(*"abcdefg"))
    assert set(sizes) == {3, 1}


def test_frequencies_match_the_probabilities():
    policy = stirred_tiny(max_new_tokens=2)
    draws = 4000
    (found,) = policy.sample(prompts_of("a b c"), draws, [5])
    counts = Counter(completion.tokens for completion in found.completions_K)
    chi_square, cells, rest = 0.0, 0, draws
    for tokens, count in counts.items():
        expected = draws * plain_logprobs(policy, found.prompt_tokens, tokens).sum().exp().item()
        if expected >= 5:
            chi_square += (count - expected) ** 2 / expected
            cells += 1
            rest -= count
    assert cells >= 10 and rest < draws / 10
    # Mean `cells`, standard deviation sqrt(2 cells): four of them above is one chance in ten thousand.
    assert chi_square < cells + 4 * (2 * cells) ** 0.5


def test_temperature_flattens_what_is_drawn_and_recorded():
    cold, hot = stirred_tiny(max_new_tokens=1, temperature=0.5), stirred_tiny(max_new_tokens=1, temperature=3.0)
    distinct = [len({c.tokens for c in p.sample(PROMPTS[:1], 64, [1])[0].completions_K}) for p in (cold, hot)]
    assert distinct[0] < distinct[1]


# ---- ends ---------------------------------------------------------------------------------------------------------
def test_a_completion_ends_with_its_end_token_and_its_text_does_not_show_it():
    policy = stirred_tiny(max_new_tokens=12)
    completions = [c for one in policy.sample(PROMPTS * 8, 4, range(32)) for c in one.completions_K]
    ended, cut = [c for c in completions if not c.cut], [c for c in completions if c.cut]
    assert ended and cut
    assert all(c.tokens.count(policy.eos) == 1 and c.tokens[-1] == policy.eos for c in ended)
    assert all(policy.eos not in c.tokens and len(c.tokens) == 12 for c in cut)
    for completion in completions:
        assert len(completion.logprobs) == len(completion.tokens)
        words = [policy.tokenizer.convert_ids_to_tokens(token) for token in completion.tokens]
        assert completion.text.split() == [word for word in words if not word.startswith("<")]


def test_generation_stops_when_all_have_ended(monkeypatch):
    policy = stirred_tiny(max_new_tokens=50)
    calls = []
    forward = policy.model.forward
    monkeypatch.setattr(policy.model, "forward", lambda **kw: calls.append(1) or forward(**kw))
    (found,) = policy.sample(PROMPTS[:1], 2, [3], temperature=0)
    length = len(found.completions_K[0].tokens)
    assert not found.completions_K[0].cut and length < 50
    assert len(calls) == length


@pytest.mark.parametrize("temperature", [0, 1])
def test_candidates_that_have_said_the_same_so_far_are_computed_once(monkeypatch, temperature):
    policy = stirred_tiny(max_new_tokens=6)
    read = []
    forward = policy.model.forward
    monkeypatch.setattr(policy.model, "forward", lambda **kw: read.append(kw["input_ids"].shape) or forward(**kw))
    (found,) = policy.sample(PROMPTS[:1], 16, [5], temperature=temperature)
    said = [completion.tokens for completion in found.completions_K]
    # Who has ended reads nothing any more.
    beginnings = [len({tokens[:t] for tokens in said if len(tokens) > t}) for t in range(1, max(map(len, said)))]
    assert [shape[1] for shape in read[1:]] == beginnings
    assert temperature or set(beginnings) == {1}
    assert not temperature or 1 < max(beginnings) <= len(set(said))


def test_a_tokenizer_without_an_end_token_is_refused():
    policy = stirred_tiny()
    policy.tokenizer.eos_token = None
    with pytest.raises(UsageError, match="no end-of-sequence token; set tokenizer.eos_token"):
        type(policy)(policy.model, policy.tokenizer, 4)


@pytest.mark.parametrize("family", ["mistral", "gemma2", "gemma3"])
def test_a_model_reads_no_more_than_its_sliding_window_covers(family):
    policy = family_policy(family, sliding_window=8, max_new_tokens=5)
    fits, over = policy.sample(prompts_of("a b c", "a b c d"), 1, [0, 0])
    assert fits.completions_K[0].tokens and over.completions_K[0].unread
    with pytest.raises(UsageError, match="takes 10 tokens, but the model reads no more than 8"):
        policy.logprobs(collate([Row((3,) * 5, (Branch((4,) * 5, (0.0,) * 5, 0.0),))], policy.pad))


# ---- prompts --------------------------------------------------------------------------------------------------------
TEMPLATE = (
    "{% for m in messages %}{{ m['role'][0] }} {{ m['content'] }} h {% endfor %}"
    "{% if add_generation_prompt %}a{% endif %}"
)


def test_a_chat_template_is_used_where_there_is_one():
    policy = stirred_tiny()
    policy.tokenizer.chat_template = TEMPLATE
    encoded = policy.encode([Prompt("b c"), Prompt("d", "e f")])
    names = [" ".join(policy.tokenizer.convert_ids_to_tokens(ids)) for ids in encoded]
    assert names == ["<unk> b c h a", "<unk> e f h <unk> d h a"]  # u(ser) and s(ystem) are no words here


def test_without_a_chat_template_a_prompt_is_its_text():
    policy = stirred_tiny()
    encoded = policy.encode([Prompt("b c"), Prompt("d", "e f")])
    assert [" ".join(policy.tokenizer.convert_ids_to_tokens(ids)) for ids in encoded] == ["b c", "e f d"]


# ---- what it does not depend on -----------------------------------------------------------------------------------
def test_nothing_touches_a_global_generator():
    generators = GlobalGenerators()
    policy = stirred_tiny()
    found = policy.sample(PROMPTS, 3, SEEDS)
    batch = collate(rows_of(found), policy.pad)
    policy.logprobs(batch)[0].sum().backward()
    assert generators.untouched()


def test_logprobs_do_not_depend_on_the_old_ones_or_on_padding():
    policy = stirred_tiny()
    rows = rows_of(policy.sample(PROMPTS, 3, SEEDS))
    whole, _ = policy.logprobs(collate(rows, policy.pad, bidirectional_prompt=True))
    each = [policy.logprobs(collate([row], pad=7, bidirectional_prompt=True))[0] for row in rows]
    torch.testing.assert_close(whole, torch.cat(each), rtol=0, atol=1e-5)
    changed = [
        replace(r, branches=tuple(replace(b, logprobs=(-9.0,) * len(b.tokens)) for b in r.branches)) for r in rows
    ]
    again, _ = policy.logprobs(collate(changed, policy.pad, bidirectional_prompt=True))
    assert torch.equal(whole, again)


def test_a_prompt_over_its_budget_is_not_read_and_the_others_draw_as_without_it():
    policy = stirred_tiny(max_prompt_tokens=4)
    short = prompts_of("a b c d", "h")
    found = policy.sample([short[0], *prompts_of("a b c d e"), short[1]], 2, (1, 2, 3))
    assert found[1].completions_K == (Sampled("", (), (), unread=True),) * 2
    assert len(found[1].prompt_tokens) == 5
    assert [found[0], found[2]] == policy.sample(short, 2, (1, 3))
    assert not any(c.unread for i in (0, 2) for c in found[i].completions_K)
    assert policy.sample(prompts_of("a b c d e"), 2, (1,)) == [found[1]]


@pytest.mark.parametrize("make", [lambda: family_policy("llama"), gpt2_policy])
def test_without_a_budget_a_prompt_may_take_what_the_model_leaves_room_for(make):
    policy = make()
    room = policy.context - policy.max_new_tokens
    fits, over = policy.sample(prompts_of("a " * room, "a " * (room + 1)), 1, (1, 2))
    assert fits.completions_K[0].tokens and over.completions_K[0].unread
    policy.max_prompt_tokens = 10 * room  # more than the model reads
    assert policy.sample(prompts_of("a " * (room + 1)), 1, (2,)) == [over]


def test_an_agent_says_that_its_prompt_was_too_long():
    policy = stirred_tiny(max_prompt_tokens=4)
    game = make_game("sokoban", style="compact")
    state = game.initial(game.task("train", 0))
    requests = [
        Request(prompt, 0, "planner_0", game, state, game.task("train", 0).ref)
        for prompt in prompts_of("a b", "a " * 5)
    ]
    assert [(one.text == "", one.stop_reason) for one in PolicyAgent(policy).act(requests)][1] == (
        True,
        "prompt_length",
    )
