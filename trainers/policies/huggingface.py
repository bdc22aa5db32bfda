"""A policy around any Hugging Face decoder: sampling and training, each prompt encoded once for all candidates.

Both use one layout (see `trainers.rl.batch`): the prompt's keys and values stand once in a row, and the K
candidates are K places behind it that see the prompt and themselves alone. In generation they are K query rows
per step against one cached prefix; nothing is copied K times. Any decoder that takes a 4-D attention mask and
explicit position ids works this way. (Sliding-window attention does within its window, which is then what the model
reads.)
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_layers import GradientCheckpointingLayer

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Prompt
from trainers.policies.drawing import distinct, draw
from trainers.rl.batch import Batch, within
from trainers.rl.types import Candidates, Sampled, TokenIds, unread


class HuggingFacePolicy:
    """A decoder and its tokenizer as a policy.

    Args:
        model, tokenizer: as from `from_pretrained`; the tokenizer needs an end-of-sequence token. The model is moved
            to the GPU where there is one.
        max_new_tokens: budget of one completion, its end token included.
        temperature: of sampling; 0 is greedy.
        max_places: tokens of prompts and completions that are cached at once in generation (a bound on memory).
        dtype: of the arithmetic. In bfloat16 it is mixed precision: weights that are trained, their gradients and the
            optimiser stay float32, matrix products and attention are bfloat16, probabilities float32.
        checkpointing: keep one activation per layer for the backward pass, and compute the others again.
        max_prompt_tokens: budget of a prompt; 0 for as many as the model leaves room for.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        max_new_tokens: int,
        temperature: float = 1.0,
        max_places: int = 131_072,
        dtype: torch.dtype = torch.float32,
        checkpointing: bool = False,
        max_prompt_tokens: int = 0,
    ):
        device: Any = "cuda" if torch.cuda.is_available() else "cpu"
        self.model, self.tokenizer = model.to(device), tokenizer
        self.max_new_tokens, self.max_prompt_tokens, self.temperature = max_new_tokens, max_prompt_tokens, temperature
        self.max_places, self.dtype, self.checkpointing = max_places, dtype, checkpointing
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        special: Any = (tokenizer.eos_token_id, tokenizer.pad_token_id)
        if special[0] is None:
            raise UsageError("The tokenizer has no end-of-sequence token; set tokenizer.eos_token.")
        self.eos: int = special[0]
        self.bidirectional_prompt: bool = model.config.to_dict().get("bidirectional_prompt", False)
        self.pad: int = self.eos if special[1] is None else special[1]
        self.context = context_of(model)
        self.reference: PreTrainedModel | None = None

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def prompt_budget(self) -> int:
        """Tokens of the longest prompt that is read."""
        room = self.context - self.max_new_tokens
        return min(self.max_prompt_tokens or room, room)

    def trained(self) -> dict[str, torch.nn.Parameter]:
        """Returns the weights that training changes, by name."""
        return dict(self.model.named_parameters())

    def activate(self) -> None:
        """Makes the model this policy's; nothing to do where it has it for itself."""

    def body(self) -> torch.nn.Module:
        """Returns the model without its head: what gives hidden states."""
        return self.model.base_model

    def encode(self, prompts: Sequence[Prompt]) -> list[TokenIds]:
        """Returns the prompts as token ids: by the chat template where the tokenizer has one, else as plain text."""
        if self.tokenizer.chat_template:
            encoded: Any = self._chat([[message._asdict() for message in prompt.messages] for prompt in prompts])
        else:
            encoded = self.tokenizer([prompt.text for prompt in prompts], add_special_tokens=False)
        return [tuple(ids) for ids in encoded["input_ids"]]

    def _chat(self, chats: list[list[dict[str, str]]]) -> Any:
        try:
            return self.tokenizer.apply_chat_template(chats, add_generation_prompt=True, return_dict=True)
        except TemplateError:  # some templates (Gemma's) refuse a system message: then it opens the user's
            joined = [[{"role": "user", "content": "\n\n".join(m["content"] for m in chat)}] for chat in chats]
            return self.tokenizer.apply_chat_template(joined, add_generation_prompt=True, return_dict=True)

    # ---- generation --------------------------------------------------------------------------------------------
    def sample(
        self, prompts: Sequence[Prompt], k: int, seeds: Sequence[int], temperature: float | None = None
    ) -> list[Candidates]:
        """Returns k completions of each prompt. What is drawn for a prompt depends on its seed, not on the others.

        A prompt over the budget is not read, nor cut: its completions are empty and say so (`unread`).
        """
        encoded, budget = self.encode(prompts), self.prompt_budget
        heat = self.temperature if temperature is None else temperature
        found = [unread(tokens, k) for tokens in encoded]
        # Alike lengths together: less padding.
        order = sorted((i for i, ids in enumerate(encoded) if len(ids) <= budget), key=lambda i: len(encoded[i]))
        for part in within(order, lambda i: len(encoded[i]) + k * self.max_new_tokens, self.max_places):
            for i, candidates in zip(part, self._generate(encoded, seeds, part, k, heat), strict=True):
                found[i] = candidates
        return found

    @torch.inference_mode()
    def _generate(
        self, encoded: Sequence[TokenIds], seeds: Sequence[int], part: Sequence[int], k: int, temperature: float
    ) -> list[Candidates]:
        self.model.eval()
        self.activate()
        # One uniform number per token and candidate, from the prompt's own generator: inverse-CDF sampling with
        # these makes a completion independent of what else is in the batch.
        uniforms_BKT = torch.from_numpy(
            np.stack([np.random.default_rng(seeds[i]).random((k, self.max_new_tokens)) for i in part])
        ).to(self.device)
        with self.arithmetic():
            cache, logits_B1V, seen_BP = self._prefill([encoded[i] for i in part])
            tokens_BKT, logprobs_BKT = self._decode(cache, logits_B1V, seen_BP, uniforms_BKT, temperature)
        tokens, logprobs = tokens_BKT.tolist(), logprobs_BKT.tolist()
        return [
            Candidates(encoded[i], tuple(self.finish(*both) for both in zip(tokens[row], logprobs[row], strict=True)))
            for row, i in enumerate(part)
        ]

    def _prefill(self, prompts: Sequence[TokenIds]) -> tuple[DynamicCache, torch.Tensor, torch.Tensor]:
        """Encodes the prompts, padded on the left; returns their cache, the next token's logits, and what is no pad."""
        size, length = len(prompts), max(map(len, prompts))
        tokens_BP = torch.full((size, length), self.pad)
        seen_BP = torch.zeros((size, length), dtype=torch.bool)
        for row, prompt in enumerate(prompts):
            tokens_BP[row, length - len(prompt) :] = torch.tensor(prompt)
            seen_BP[row, length - len(prompt) :] = True
        tokens_BP, seen_BP = tokens_BP.to(self.device), seen_BP.to(self.device)
        cache = DynamicCache()  # with a config, sliding layers would drop what the mask still counts
        sees_PP = torch.ones(length, length, dtype=torch.bool, device=self.device)
        if not self.bidirectional_prompt:
            sees_PP = sees_PP.tril()
        eye_PP = torch.eye(length, dtype=torch.bool, device=self.device)  # padding sees itself: no empty softmax
        logits = self.model(
            input_ids=tokens_BP,
            attention_mask=self.scores((sees_PP & seen_BP[:, None, :]) | eye_PP),
            position_ids=(seen_BP.cumsum(1) - 1).clamp(min=0),
            past_key_values=cache,
            logits_to_keep=1,
        ).logits
        return cache, logits, seen_BP

    def _decode(
        self,
        cache: DynamicCache,
        logits_BQV: torch.Tensor,
        seen_BP: torch.Tensor,
        uniforms_BKT: torch.Tensor,
        temperature: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draws tokens until all candidates have ended; returns tokens and log-probabilities, (B, K, T).

        Each step reads `_Q` places a row: one for all candidates that have said the same so far, none for ended ones
        (filled up where a row has fewer than the fullest); rows whose candidates have all ended are dropped.
        """
        size, k, budget = uniforms_BKT.shape
        tokens_BKT = torch.full((size, k, budget), self.eos, device=self.device)
        logprobs_BKT = torch.zeros((size, k, budget), device=self.device)
        rows_B = torch.arange(size, device=self.device)  # where the rows still decoded stand in the results
        live_BK = torch.ones((size, k), dtype=torch.bool, device=self.device)
        place_BK = torch.zeros((size, k), dtype=torch.long, device=self.device)  # of the `_Q`, each candidate's last
        sees_BKP = seen_BP[:, None].expand(size, k, -1)
        length_B1 = seen_BP.sum(1, keepdim=True)
        for t in range(budget):
            logits_BKV = torch.take_along_dim(logits_BQV, place_BK[:, :, None], 1)
            tokens_BK, logprobs_BK = draw(logits_BKV, uniforms_BKT[rows_B, :, t], temperature)
            tokens_BKT[rows_B, :, t] = torch.where(live_BK, tokens_BK, self.eos)
            logprobs_BKT[rows_B, :, t] = torch.where(live_BK, logprobs_BK, 0.0)
            live_BK = live_BK & (tokens_BK != self.eos)
            kept = live_BK.any(1).nonzero()[:, 0]
            if t + 1 == budget or not len(kept):
                break
            if len(kept) < len(rows_B):
                cache.batch_select_indices(kept)
                rows_B, live_BK, place_BK, tokens_BK = rows_B[kept], live_BK[kept], place_BK[kept], tokens_BK[kept]
                sees_BKP, length_B1 = sees_BKP[kept], length_B1[kept]
            said_BK = torch.where(live_BK, place_BK * logits_BQV.shape[-1] + tokens_BK, -1)
            place_BK, who_BQ = distinct(said_BK)
            sees_BKP = torch.cat([sees_BKP, place_BK[:, :, None] == torch.arange(who_BQ.shape[1]).to(place_BK)], dim=2)
            logits_BQV = self.model(
                input_ids=tokens_BK.gather(1, who_BQ),
                attention_mask=self.scores(torch.take_along_dim(sees_BKP, who_BQ[:, :, None], 1)),
                position_ids=(length_B1 + t).expand_as(who_BQ),
                past_key_values=cache,
            ).logits
        return tokens_BKT, logprobs_BKT

    def finish(self, tokens: list[int], logprobs: list[float]) -> Sampled:
        """Returns sampled tokens up to their end token as a completion; one without it was cut."""
        cut = self.eos not in tokens
        length = len(tokens) if cut else tokens.index(self.eos) + 1
        text: Any = self.tokenizer.decode(tokens[:length], skip_special_tokens=True)
        return Sampled(text, tuple(tokens[:length]), tuple(logprobs[:length]), cut)

    def scores(self, sees_BQP: torch.Tensor) -> torch.Tensor:
        """Returns who sees whom as what is added to attention scores, (B, 1, Q, P): eager attention adds booleans."""
        dtype = self.model.dtype if self.dtype == torch.float32 else self.dtype
        hidden = torch.zeros(sees_BQP.shape, dtype=dtype, device=sees_BQP.device)
        return hidden.masked_fill_(~sees_BQP, torch.finfo(dtype).min)[:, None]

    # ---- training ----------------------------------------------------------------------------------------------
    def logprobs(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the log-probability of every response token and the entropy where it was drawn, with gradients.

        Both at the sampling temperature (1 where that is 0), shape (N,), as `batch.targets_N` counts them.
        """
        self.activate()
        self.recompute(self.model)
        return self.logprobs_of(self.model, batch)

    @torch.no_grad()
    def reference_logprobs(self, batch: Batch) -> torch.Tensor | None:
        """Returns the log-probabilities under the policy that `keep_reference` read, or None where it read none."""
        return None if self.reference is None else self.logprobs_of(self.reference, batch)[0]

    def logprobs_of(self, model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns what `logprobs` does, of any model of the same kind."""
        if (longest := int(batch.positions_BL.max()) + 1) > self.context:
            raise UsageError(f"A row takes {longest} tokens, but the model reads no more than {self.context}.")
        with self.arithmetic():
            logits = model(
                input_ids=batch.tokens_BL,
                attention_mask=self.scores(batch.mask_B1LL[:, 0]),
                position_ids=batch.positions_BL,
                logits_to_keep=batch.tokens_BL.shape[1] - batch.first,
                use_cache=False,
            ).logits
        logits_NV = logits[batch.rows_N, batch.before_N - batch.first].float() / (self.temperature or 1.0)
        logp_NV = torch.log_softmax(logits_NV, dim=-1)
        entropy_N = -(logp_NV.exp() * logp_NV).sum(-1)
        return logp_NV.gather(1, batch.targets_N[:, None])[:, 0], entropy_N

    def arithmetic(self) -> torch.autocast:
        """Returns the context in which the model computes: mixed precision, or as its weights are."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def recompute(self, model: torch.nn.Module) -> None:
        """Lets the layers of a model keep little for the backward pass, where this policy is asked to."""
        if self.checkpointing:
            for layer in model.modules():
                # They do so in training mode alone; all that is in them stays in evaluation mode, without dropout.
                if isinstance(layer, GradientCheckpointingLayer):
                    layer.training = True

    # ---- files -------------------------------------------------------------------------------------------------
    def keep_reference(self, folder: Path) -> None:
        """Reads the policy that `save` wrote to a folder, to be asked for log-probabilities beside this one."""
        self.reference = type(self).load(folder, 1).model.requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Writes model and tokenizer in the layout of `save_pretrained`."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    @classmethod
    def load(
        cls,
        folder: Path,
        max_new_tokens: int,
        temperature: float = 1.0,
        weights: torch.dtype = torch.float32,
        **kwargs: Any,
    ) -> "HuggingFacePolicy":
        """Returns the policy of a local checkpoint directory; raises UsageError where there is none to read.

        weights: their type; anything but float32 is for a model that is not trained itself.
        """
        if not (Path(folder) / "config.json").is_file():
            raise UsageError(
                f"No model in {str(folder)!r}: there is no config.json. Give a local Hugging Face checkpoint directory."
            )
        try:
            model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=weights)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # transformers raises a dozen kinds; all mean "cannot be read"
            raise UsageError(f"The checkpoint in {str(folder)!r} cannot be read: {error}") from error
        # Weights lie in the mapped file at any address, and matrix products round by address: a run resumed from them
        # would end elsewhere than an undisturbed one. Copies are aligned as fresh weights are.
        for weight in model.parameters():
            weight.data = weight.data.clone()
        return cls(model, tokenizer, max_new_tokens, temperature, **kwargs)


def context_of(model: PreTrainedModel) -> int:
    """Returns how many tokens a model reads, prompt and completion together: its narrowest attention sees no more."""
    settings = model.config.get_text_config().to_dict()
    everywhere = settings.get("layer_types") is None  # a model that does not list its layers' kinds has one kind
    slides = everywhere or "sliding_attention" in settings["layer_types"]
    positions = settings.get("max_position_embeddings") or settings.get("n_positions") or sys.maxsize
    return min(positions, (slides and settings.get("sliding_window")) or positions)
