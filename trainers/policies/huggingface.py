"""A policy around any Hugging Face decoder: sampling and training, each prompt encoded once for all candidates.

Both use one layout (see `trainers.rl.batch`): the prompt's keys and values stand once in a row, and the K
candidates are K places behind it that see the prompt and themselves alone. In generation they are K query rows
per step against one cached prefix; nothing is copied K times. Any decoder that takes a 4-D attention mask and
explicit position ids works this way.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Prompt
from trainers.rl.batch import Batch
from trainers.rl.types import Candidates, Sampled, TokenIds


class HuggingFacePolicy:
    """A decoder and its tokenizer as a policy.

    Args:
        model, tokenizer: as from `from_pretrained`; the tokenizer needs an end-of-sequence token.
        max_new_tokens: budget of one completion, its end token included.
        temperature: of sampling; 0 is greedy.
        max_sequences: prompts that are generated for at once (a bound on memory).
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        max_new_tokens: int,
        temperature: float = 1.0,
        max_sequences: int = 256,
    ):
        self.model, self.tokenizer = model, tokenizer
        self.max_new_tokens, self.temperature, self.max_sequences = max_new_tokens, temperature, max_sequences
        special: Any = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        if special[0] is None:
            raise UsageError("The tokenizer has no end-of-sequence token; set tokenizer.eos_token.")
        self.eos: int = special[0]
        self.bidirectional_prompt: bool = model.config.to_dict().get("bidirectional_prompt", False)
        self.pad: int = self.eos if special[1] is None else special[1]

    @property
    def device(self) -> torch.device:
        return self.model.device

    def encode(self, prompts: Sequence[Prompt]) -> list[TokenIds]:
        """Returns the prompts as token ids: by the chat template where the tokenizer has one, else as plain text."""
        if self.tokenizer.chat_template:
            chats = [[message._asdict() for message in prompt.messages] for prompt in prompts]
            encoded: Any = self.tokenizer.apply_chat_template(chats, add_generation_prompt=True, return_dict=True)
        else:
            encoded = self.tokenizer([prompt.text for prompt in prompts], add_special_tokens=False)
        return [tuple(ids) for ids in encoded["input_ids"]]

    # ---- generation --------------------------------------------------------------------------------------------
    def sample(
        self, prompts: Sequence[Prompt], k: int, seeds: Sequence[int], temperature: float | None = None
    ) -> list[Candidates]:
        """Returns k completions of each prompt. What is drawn for a prompt depends on its seed, not on the others."""
        encoded = self.encode(prompts)
        heat = self.temperature if temperature is None else temperature
        order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))  # alike lengths together: less padding
        found: list[Candidates | None] = [None] * len(prompts)
        for start in range(0, len(order), self.max_sequences):
            part = order[start : start + self.max_sequences]
            for i, candidates in zip(part, self._generate(encoded, seeds, part, k, heat), strict=True):
                found[i] = candidates
        return [candidates for candidates in found if candidates is not None]

    @torch.inference_mode()
    def _generate(
        self, encoded: Sequence[TokenIds], seeds: Sequence[int], part: Sequence[int], k: int, temperature: float
    ) -> list[Candidates]:
        self.model.eval()
        lengths_B = [len(encoded[i]) for i in part]
        size, prompt_length = len(part), max(lengths_B)
        # One uniform number per token and candidate, from the prompt's own generator: inverse-CDF sampling with
        # these makes a completion independent of what else is in the batch.
        uniforms_TBK = torch.from_numpy(
            np.stack([np.random.default_rng(seeds[i]).random((self.max_new_tokens, k)) for i in part], axis=1)
        ).to(self.device)
        tokens_BP = torch.full((size, prompt_length), self.pad)
        seen_BP = torch.zeros((size, prompt_length), dtype=torch.bool)
        for row, i in enumerate(part):
            tokens_BP[row, prompt_length - lengths_B[row] :] = torch.tensor(encoded[i])
            seen_BP[row, prompt_length - lengths_B[row] :] = True
        tokens_BP, seen_BP = tokens_BP.to(self.device), seen_BP.to(self.device)
        next_position_B1 = seen_BP.sum(1, keepdim=True)
        cache = DynamicCache(config=self.model.config)
        causal = torch.ones(prompt_length, prompt_length, dtype=torch.bool, device=self.device)
        if not self.bidirectional_prompt:
            causal = causal.tril()
        eye = torch.eye(prompt_length, dtype=torch.bool, device=self.device)  # padding sees itself: no empty softmax
        logits = self.model(
            input_ids=tokens_BP,
            attention_mask=((causal & seen_BP[:, None, :]) | eye)[:, None],
            position_ids=(seen_BP.cumsum(1) - 1).clamp(min=0),
            past_key_values=cache,
            logits_to_keep=1,
        ).logits
        logits_BKV = logits.expand(size, k, logits.shape[-1])
        own_KK = torch.eye(k, dtype=torch.bool, device=self.device)
        mask_BK = seen_BP[:, None, :].expand(size, k, prompt_length)
        tokens_T: list[torch.Tensor] = []
        logprobs_T: list[torch.Tensor] = []
        done_BK = torch.zeros((size, k), dtype=torch.bool, device=self.device)
        for t in range(self.max_new_tokens):
            token_BK, logprob_BK = _draw(logits_BKV, uniforms_TBK[t], temperature)
            tokens_T.append(token_BK)
            logprobs_T.append(logprob_BK)
            done_BK = done_BK | (token_BK == self.eos)
            if t + 1 == self.max_new_tokens or bool(done_BK.all()):
                break
            mask_BK = torch.cat([mask_BK, own_KK.expand(size, k, k)], dim=2)
            logits_BKV = self.model(
                input_ids=token_BK,
                attention_mask=mask_BK[:, None],
                position_ids=(next_position_B1 + t).expand(size, k),
                past_key_values=cache,
            ).logits
        tokens_BKT = torch.stack(tokens_T, dim=2).tolist()
        logprobs_BKT = torch.stack(logprobs_T, dim=2).tolist()
        return [
            Candidates(encoded[i], tuple(self._finish(tokens_BKT[row][c], logprobs_BKT[row][c]) for c in range(k)))
            for row, i in enumerate(part)
        ]

    def _finish(self, tokens: list[int], logprobs: list[float]) -> Sampled:
        cut = self.eos not in tokens
        length = len(tokens) if cut else tokens.index(self.eos) + 1
        text: Any = self.tokenizer.decode(tokens[:length], skip_special_tokens=True)
        return Sampled(text, tuple(tokens[:length]), tuple(logprobs[:length]), cut)

    # ---- training ----------------------------------------------------------------------------------------------
    def logprobs(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the log-probability of every response token and the entropy where it was drawn, with gradients.

        Both at the sampling temperature (1 where that is 0), shape (N,), as `batch.targets_N` counts them.
        """
        logits = self.model(
            input_ids=batch.tokens_BL,
            attention_mask=batch.mask_B1LL,
            position_ids=batch.positions_BL,
            logits_to_keep=batch.tokens_BL.shape[1] - batch.first,
            use_cache=False,
        ).logits
        logits_NV = logits[batch.rows_N, batch.before_N - batch.first].float() / (self.temperature or 1.0)
        logp_NV = torch.log_softmax(logits_NV, dim=-1)
        entropy_N = -(logp_NV.exp() * logp_NV).sum(-1)
        return logp_NV.gather(1, batch.targets_N[:, None])[:, 0], entropy_N

    # ---- files -------------------------------------------------------------------------------------------------
    def save(self, folder: Path) -> None:
        """Writes model and tokenizer in the layout of `save_pretrained`."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    @classmethod
    def load(cls, folder: Path, max_new_tokens: int, temperature: float = 1.0, **kwargs: Any) -> "HuggingFacePolicy":
        """Returns the policy of a local checkpoint directory; raises UsageError where there is none to read."""
        if not (Path(folder) / "config.json").is_file():
            raise UsageError(
                f"No model in {str(folder)!r}: there is no config.json. Give a local Hugging Face checkpoint directory."
            )
        try:
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # transformers raises a dozen kinds; all mean "cannot be read"
            raise UsageError(f"The checkpoint in {str(folder)!r} cannot be read: {error}") from error
        return cls(model, tokenizer, max_new_tokens, temperature, **kwargs)


def _draw(logits_BKV: torch.Tensor, uniforms_BK: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns tokens and their log-probabilities: by inverse CDF at a temperature, the likeliest at 0."""
    logp_BKV = torch.log_softmax(logits_BKV.float() / (temperature or 1.0), dim=-1)
    if temperature == 0:
        token_BK = logp_BKV.argmax(-1)
    else:
        cdf_BKV = logp_BKV.double().exp().cumsum(-1)
        token_BK = torch.searchsorted(cdf_BKV, (uniforms_BK * cdf_BKV[..., -1])[..., None], right=True)[..., 0]
        token_BK = token_BK.clamp(max=logp_BKV.shape[-1] - 1)
    return token_BK, logp_BKV.gather(-1, token_BK[..., None])[..., 0]
