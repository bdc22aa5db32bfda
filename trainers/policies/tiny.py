"""The embedded policy: a small decoder and a tokenizer for it, made here, so that nothing has to be downloaded.

The tokenizer's words are the game's own (`Game.vocabulary()`), one token each; a game that names none is read
character by character. A word's embedding starts as the sum of one random vector per (place in the word, letter),
so that `#c4`, `#c5` and `@c4` start out alike where they mean alike things: on board games this is worth more than
a larger model.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
_CHARACTERS = (*map(chr, range(32, 127)), "\n")


@dataclass(frozen=True, slots=True)
class TinyConfig:
    """Size of the embedded decoder (Qwen3 architecture, tied embeddings).

    bidirectional: prompts are read in both directions (a prefix language model): every token of a board sees every
    other.
    """

    width: int = 96
    layers: int = 4
    heads: int = 4
    feed_forward: int = 256
    context: int = 1024
    bidirectional: bool = True


# What an inference engine can run: causal, and heads of 32, where attention kernels begin.
CAUSAL = TinyConfig(heads=3, bidirectional=False)


def make_tokenizer(words: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """Returns a tokenizer with one token per word (text split at spaces), or per character where there are none."""
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys((PAD, EOS, UNKNOWN, *(words or _CHARACTERS))))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    split = pre_tokenizers.WhitespaceSplit() if words else pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    tokenizer.pre_tokenizer = split  # pyright: ignore[reportAttributeAccessIssue] (the stubs forget the setter)
    if not words:
        tokenizer.decoder = decoders.Fuse()  # pyright: ignore[reportAttributeAccessIssue]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        model_max_length=1_000_000,
    )


def make_model(tokenizer: PreTrainedTokenizerFast, config: TinyConfig, seed: int) -> Qwen3ForCausalLM:
    """Returns a decoder with random weights that depend on `seed` alone; no global generator is changed."""
    # Ours, saved in config.json beside the architecture's own: how prompts are read, and which prompts those are.
    ours: Any = {"bidirectional_prompt": config.bidirectional, "prompt_style": "compact"}
    ours |= {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    settings = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        intermediate_size=config.feed_forward,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        head_dim=config.width // config.heads,
        max_position_embeddings=config.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        **ours,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(settings)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(word_embeddings(tokenizer, config.width, seed))
    return model


def word_embeddings(tokenizer: PreTrainedTokenizerFast, width: int, seed: int, scale: float = 0.05) -> torch.Tensor:
    """Returns one vector per token, (V, width): the scaled sum of a vector for each (place, letter) of its word."""
    vocabulary = tokenizer.get_vocab()
    vectors = torch.zeros(len(vocabulary), width)
    parts: dict[tuple[int, str], torch.Tensor] = {}
    for word, token in vocabulary.items():
        # A word in <...> or a plain name is one letter of its own: its spelling means nothing.
        pieces = [word] if len(word) > 4 else list(_pieces(word))
        for place, piece in enumerate(pieces):
            if (place, piece) not in parts:
                name = zlib.crc32(f"{seed}/{place}/{piece}".encode())
                parts[place, piece] = torch.randn(width, generator=torch.Generator().manual_seed(name))
            vectors[token] += parts[place, piece]
        vectors[token] *= scale / len(pieces) ** 0.5
    return vectors


def _pieces(word: str) -> tuple[str, ...]:
    """Splits `#c10` into mark, letters and number; other words into their characters."""
    mark, rest = word[:1], word[1:]
    letters = rest.rstrip("0123456789")
    return (mark, letters, rest[len(letters) :]) if letters and len(letters) < len(rest) else tuple(word)
