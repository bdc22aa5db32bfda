import pytest

pytest.importorskip("torch")

import torch

from mas_envs import make_game
from tests.trainers.small import GlobalGenerators, assert_same, tiny_policy, weights
from trainers.policies.tiny import UNKNOWN, make_tokenizer, word_embeddings


@pytest.mark.parametrize("name", ["plan_path", "sokoban"])
def test_every_word_of_compact_prompts_and_expert_answers_is_one_known_token(name):
    game = make_game(name, style="compact")
    tokenizer = make_tokenizer(game.vocabulary())
    for index in range(20):
        state = game.initial(game.task("train", index))
        while agents := game.acting(state):
            answer = game.expert(state, agents[0])
            for text in (game.observe(state, agents[0]).text, answer):
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                assert len(ids) == len(text.split())
                assert tokenizer.unk_token_id not in ids
                assert tokenizer.decode(ids) == text
            state = game.step(state, {agents[0]: answer}).state


def test_without_a_vocabulary_text_is_read_character_by_character_and_comes_back_as_it_was():
    tokenizer = make_tokenizer(())
    text = 'Moves: ["U", "L"]\n  two  spaces, ~tilde'
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer("é", add_special_tokens=False)["input_ids"] == [tokenizer.convert_tokens_to_ids(UNKNOWN)]


def test_weights_depend_on_the_seed_alone():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = weights(tiny_policy(seed=3).model)
        torch.manual_seed(2)
        assert_same(first, weights(tiny_policy(seed=3).model))
    other = weights(tiny_policy(seed=4).model)
    assert all(not torch.equal(first[name], other[name]) for name in first if "norm" not in name)


def test_making_one_touches_no_global_generator():
    generators = GlobalGenerators()
    tiny_policy()
    assert generators.untouched()


def test_words_for_the_same_cell_or_the_same_mark_start_out_alike():
    words = ("#c4", "@c4", "#c5", "@e7", "$a1")
    tokenizer = make_tokenizer(words)
    vectors = word_embeddings(tokenizer, 96, seed=0)
    unit = torch.nn.functional.normalize(vectors, dim=-1)

    def alike(one, other):
        return float(unit[tokenizer.convert_tokens_to_ids(one)] @ unit[tokenizer.convert_tokens_to_ids(other)])

    assert alike("#c4", "@c4") == pytest.approx(2 / 3, abs=0.25)
    assert alike("#c4", "#c5") == pytest.approx(2 / 3, abs=0.25)
    assert abs(alike("#c4", "$a1")) < 0.3
