"""One base model with a LoRA adapter for each role, by peft: the weights of a team at little more than one model's.

An adapter is saved as peft saves it (adapter_config.json, adapter_model.safetensors), under its role's name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file

from mas_envs.core.errors import UsageError
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.batch import Batch

START = "-start"
"""Ends the name of the adapter that a role had before RL."""


class LoraPolicy(HuggingFacePolicy):
    """A policy whose model is shared, and whose adapter is its own.

    Args:
        adapter: its adapter's name in `model`, a PeftModel.
        kwargs: see `HuggingFacePolicy`.
    """

    def __init__(self, model: PeftModel, tokenizer: Any, adapter: str, max_new_tokens: int, **kwargs: Any):
        super().__init__(model, tokenizer, max_new_tokens, **kwargs)  # pyright: ignore[reportArgumentType]
        self.peft, self.adapter = model, adapter

    def trained(self) -> dict[str, torch.nn.Parameter]:
        return {name: p for name, p in self.peft.named_parameters() if "lora_" in name and f".{self.adapter}." in name}

    def activate(self) -> None:
        self.peft.set_adapter(self.adapter)

    def body(self) -> torch.nn.Module:
        self.activate()
        return self.peft.get_base_model().base_model  # pyright: ignore[reportReturnType]

    def save(self, folder: Path) -> None:
        """Writes the adapter as peft does, and the tokenizer."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = get_peft_model_state_dict(self.peft, adapter_name=self.adapter)
        save_file({name: w.contiguous() for name, w in weights.items()}, folder / "adapter_model.safetensors")
        self.peft.peft_config[self.adapter].save_pretrained(str(folder))
        self.tokenizer.save_pretrained(folder)

    def keep_reference(self, folder: Path) -> None:
        """Reads the adapter that `save` wrote to a folder, to be asked for log-probabilities beside this one."""
        with torch.random.fork_rng(devices=[]):  # peft draws weights before it reads them
            self.peft.load_adapter(str(folder), self.adapter + START, is_trainable=False)
        self.reference = self.model

    @torch.no_grad()
    def reference_logprobs(self, batch: Batch) -> torch.Tensor | None:
        if self.reference is None:
            return None
        self.peft.set_adapter(self.adapter + START)
        return self.logprobs_of(self.model, batch)[0]


def make_lora_team(
    base: HuggingFacePolicy, roles: Sequence[str], rank: int, seeds: Mapping[str, int]
) -> dict[str, LoraPolicy]:
    """Returns a policy for each role: `base` with an adapter that changes nothing yet. (`base` itself is taken over.)

    The adapters' random halves depend on each role's seed alone; no global generator is changed.
    """
    model: Any = base.model.requires_grad_(False)
    for role in roles:
        # An alpha of twice the rank is usual: a new adapter's steps count double.
        wanted = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds[role])
            if isinstance(model, PeftModel):
                model.add_adapter(role, wanted)
            else:
                model = get_peft_model(model, wanted, adapter_name=role)
    return {role: _policy(base, model, role) for role in roles}


def load_lora_team(base: HuggingFacePolicy, folders: Mapping[str, Path]) -> dict[str, LoraPolicy]:
    """Returns a policy for each role with the adapter saved in its folder; raises UsageError where one is missing."""
    model: Any = base.model.requires_grad_(False)
    for role, folder in folders.items():
        if not (folder / "adapter_config.json").is_file():
            raise UsageError(f"No adapter in {str(folder)!r}: there is no adapter_config.json.")
        try:
            with torch.random.fork_rng(devices=[]):
                if isinstance(model, PeftModel):
                    model.load_adapter(str(folder), role, is_trainable=True)
                else:
                    model = PeftModel.from_pretrained(model, str(folder), adapter_name=role, is_trainable=True)
        except Exception as error:  # peft and safetensors raise many kinds; all mean "cannot be read"
            raise UsageError(f"The adapter in {str(folder)!r} cannot be read: {error}") from error
    return {role: _policy(base, model, role) for role in folders}


def _policy(base: HuggingFacePolicy, model: PeftModel, role: str) -> LoraPolicy:
    how = ("temperature", "max_places", "dtype", "checkpointing", "max_prompt_tokens")
    policy = LoraPolicy(model, base.tokenizer, role, base.max_new_tokens, **{name: getattr(base, name) for name in how})
    policy.activate()
    for weight in policy.trained().values():
        weight.data = weight.data.clone()  # see HuggingFacePolicy.load
    return policy
