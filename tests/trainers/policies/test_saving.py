import json

import pytest

pytest.importorskip("torch")

from transformers import AutoModelForCausalLM, AutoTokenizer

from mas_envs.core.errors import UsageError
from tests.trainers.small import GlobalGenerators, assert_same, family_policy, prompts_of, stirred_tiny, weights
from trainers.policies.huggingface import HuggingFacePolicy

PROMPTS = prompts_of("a b c", "d")


@pytest.mark.parametrize("make", [stirred_tiny, lambda: family_policy("llama", tied=False)], ids=["tiny", "llama"])
def test_a_saved_policy_is_loaded_as_it_was(make, tmp_path):
    policy = make()
    policy.save(tmp_path)
    again = HuggingFacePolicy.load(tmp_path, policy.max_new_tokens)
    assert_same(weights(again.model), weights(policy.model))
    assert again.bidirectional_prompt == policy.bidirectional_prompt
    assert (again.eos, again.pad) == (policy.eos, policy.pad)
    assert again.sample(PROMPTS, 3, [1, 2]) == policy.sample(PROMPTS, 3, [1, 2])


def test_loaded_weights_are_aligned_in_memory_as_fresh_ones_are(tmp_path):
    # Where they are not, matrix products round differently, and a resumed run ends with other weights.
    for words in (9, 10, 11, 100):  # sizes that shift what lies behind the embeddings
        policy = stirred_tiny(words=[f"w{i}" for i in range(words)])
        policy.save(tmp_path / str(words))
        loaded = HuggingFacePolicy.load(tmp_path / str(words), 4)
        assert all(weight.data_ptr() % 64 == 0 for weight in loaded.model.parameters())
        assert loaded.model.lm_head.weight is loaded.model.model.embed_tokens.weight


def test_what_is_ours_stands_in_the_saved_config(tmp_path):
    stirred_tiny().save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["bidirectional_prompt"] is True
    assert config["prompt_style"] == "compact"
    assert config["model_type"] == "qwen3"


def test_any_hugging_face_program_can_load_it(tmp_path):
    policy = stirred_tiny()
    policy.save(tmp_path)
    assert_same(weights(AutoModelForCausalLM.from_pretrained(tmp_path)), weights(policy.model))
    assert AutoTokenizer.from_pretrained(tmp_path)("a b h")["input_ids"] == list(policy.encode(prompts_of("a b h"))[0])


def test_saving_and_loading_touch_no_global_generator(tmp_path):
    generators = GlobalGenerators()
    stirred_tiny().save(tmp_path)
    HuggingFacePolicy.load(tmp_path, 4)
    assert generators.untouched()


def remove_all(folder):
    for path in folder.iterdir():
        path.unlink()


def truncate(name):
    def damage(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def other_shape(folder):
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"hidden_size": 32', '"hidden_size": 64'))


DAMAGES = {
    "empty folder": (remove_all, "No model in .*no config.json"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "No model in .*no config.json"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be read"),
    "half the weights": (truncate("model.safetensors"), "cannot be read"),
    "half a config": (truncate("config.json"), "cannot be read"),
    "half a tokenizer": (truncate("tokenizer.json"), "cannot be read"),
    "weights of another size": (other_shape, "cannot be read"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused(tmp_path, damage, message):
    stirred_tiny().save(tmp_path)
    damage(tmp_path)
    with pytest.raises(UsageError, match=message) as raised:
        HuggingFacePolicy.load(tmp_path, 4)
    assert str(tmp_path) in str(raised.value)


def test_a_checkpoint_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no config.json"):
        HuggingFacePolicy.load(tmp_path / "nowhere", 4)
