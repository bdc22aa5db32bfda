"""Makes what a run plays with: the game, the policies and who plays which role."""

from collections.abc import Mapping
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig
from transformers.utils import logging

import mas_envs
from mas_envs.core.errors import UsageError
from mas_envs.core.game import Game, Task
from mas_envs.core.seeding import derive
from mas_envs.registry import game_class
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.policy import PolicyAgent, Team, make_team
from trainers.policies.tiny import CAUSAL, TinyConfig, make_model, make_tokenizer
from trainers.rl.types import Sampler
from trainers.rl.update import Optimizer
from trainers.run.base_config import TINY, Config
from trainers.run.config import RL

logging.disable_progress_bar()

CACHED_PLACES = 8
"""Tokens that generation caches at once, for each that an update encodes: it keeps keys and values alone."""

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def make_game(config: Config) -> Game[Any]:
    """Returns the game with the run's settings and the prompt style that suits the model."""
    return mas_envs.make_game(config.env, style=_style(config), **settings_of(config))


def settings_of(config: Config) -> dict[str, Any]:
    """Returns the environment's settings that a run has beside the prompt style: who plays, and what it names."""
    choice = signature(game_class(config.env)).parameters.get("roles")
    ours = choice is not None and choice.default in ("team", "single")  # a game without the choice keeps what it has
    wanted = config.roles or (config.made_for if ours else "")
    return ({"roles": wanted} if wanted else {}) | config.env_settings


def _style(config: Config) -> str:
    if config.style != "auto":
        return config.style
    if config.model == TINY:
        return "compact"
    return style_of(Path(config.model))


def style_of(path: Path) -> str:
    """Returns the prompt style that a checkpoint was made for; raises UsageError where there is none to read."""
    if not (path / "config.json").is_file():
        raise UsageError(
            f"No model in {str(path)!r}: there is no config.json. A model is tiny or a local Hugging Face checkpoint "
            "directory."
        )
    # Checkpoints of the embedded policy say so; every other model is an LLM.
    try:
        return AutoConfig.from_pretrained(path, local_files_only=True).to_dict().get("prompt_style", "full")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"No model can be read from {str(path)!r} ({str(error).splitlines()[0]}). "
            "A model is tiny or a local Hugging Face checkpoint directory."
        ) from error


def first_tasks(game: Game[Any], split: str, count: int) -> list[Task]:
    """Returns the first `count` tasks of a split, each once: a file may have fewer, which then come round again."""
    found = {task.ref: task for task in (game.task(split, i) for i in range(count))}
    return list(found.values())


def make_policies(config: Config, game: Game[Any], team: Team) -> dict[str, HuggingFacePolicy]:
    """Returns a policy for each name in the team: fresh embedded ones, or copies of the given checkpoint."""
    if config.model == TINY:
        return {name: _tiny(config, game, name) for name in dict.fromkeys(team.values())}
    if config.policies == "lora":
        from trainers.policies.lora import make_lora_team

        seeds = {role: derive("adapter", config.seed, role) % 2**31 for role in team}
        made = make_lora_team(_base(config), list(team), config.lora_rank, seeds)
        return {role: fit(policy, config.max_new_tokens, game) for role, policy in made.items()}
    return load_policies(config, game, {name: Path(config.model) for name in team.values()})


def _tiny(config: Config, game: Game[Any], name: str) -> HuggingFacePolicy:
    tokenizer = make_tokenizer(game.vocabulary())
    size = CAUSAL if isinstance(config, RL) and config.rollout == "vllm" else TinyConfig()
    model = make_model(tokenizer, size, derive("weights", config.seed, name) % 2**31)
    return fit(HuggingFacePolicy(model, tokenizer, 1, **_how(config)), config.max_new_tokens, game)


def load_policies(config: Config, game: Game[Any], folders: Mapping[str, Path]) -> dict[str, HuggingFacePolicy]:
    """Returns the policies of checkpoint folders."""
    if config.policies == "lora":
        from trainers.policies.lora import load_lora_team

        loaded = load_lora_team(_base(config), folders)
        return {role: fit(policy, config.max_new_tokens, game) for role, policy in loaded.items()}
    return {
        name: fit(HuggingFacePolicy.load(path, 1, **_how(config)), config.max_new_tokens, game)
        for name, path in folders.items()
    }


def _base(config: Config) -> HuggingFacePolicy:
    """Returns the model that adapters are for; raises UsageError where peft is absent."""
    if find_spec("peft") is None:
        raise UsageError('--policies lora needs the package peft: pip install -e ".[lora]".')
    # It is not trained, so mixed precision needs no float32 copy of it.
    return HuggingFacePolicy.load(Path(config.model), 1, weights=_DTYPES[config.dtype], **_how(config))


def _how(config: Config) -> dict[str, Any]:
    """Returns what every policy of a run is made with."""
    return {
        "temperature": config.temperature if isinstance(config, RL) else 1.0,
        "max_places": CACHED_PLACES * config.max_places,
        "max_prompt_tokens": config.max_prompt_tokens,
        "dtype": _DTYPES[config.dtype],
        "checkpointing": config.gradient_checkpointing,
    }


def fit(policy: HuggingFacePolicy, max_new_tokens: int, game: Game[Any]) -> HuggingFacePolicy:
    """Gives a policy the token budget of a completion, once its tokenizer is seen to know the game's words.

    The budget is what the user says, else the game's longest useful answer, its end and a little more.
    """
    longest: Any = policy.tokenizer(game.longest_answer(), add_special_tokens=False)["input_ids"]
    enough = len(longest) + 3
    policy.max_new_tokens = max_new_tokens or enough
    if policy.model.config.to_dict().get("prompt_style") == "compact":  # it writes nothing but answers
        policy.max_new_tokens = min(policy.max_new_tokens, enough)
    if policy.prompt_budget < 1:
        raise UsageError(
            f"--max-new-tokens {policy.max_new_tokens} leaves no room for a prompt: the model reads "
            f"{policy.context} tokens in all. Give a smaller --max-new-tokens."
        )
    state = game.initial(game.task("train", 0))
    seen = {
        *longest,
        *(token for agent in game.acting(state) for token in policy.encode([game.observe(state, agent)])[0]),
    }
    unknown = policy.tokenizer.unk_token_id
    if unknown is not None and unknown in seen:
        raise UsageError(
            f"The tokenizer does not know all words of {game.name}'s prompts or answers. The embedded policy and its "
            "checkpoints read --style compact with the settings that they were made for; others need another --model."
        )
    return policy


def rollout_of(config: Config, policies: Mapping[str, HuggingFacePolicy]) -> str:
    """Returns what samples: "hf", "vllm" or "server:URL", chosen by what is there where the settings leave it open."""
    if not isinstance(config, RL):
        return "hf"
    if config.rollout != "auto":
        return config.rollout
    causal = not any(policy.bidirectional_prompt for policy in policies.values())
    return "vllm" if causal and torch.cuda.is_available() and find_spec("vllm") else "hf"


def make_samplers(rollout: str, config: Config, policies: Mapping[str, HuggingFacePolicy]) -> Mapping[str, Sampler]:
    """Returns what samples for each policy: itself, or an engine that is given its weights."""
    if rollout == "hf":
        return policies
    assert isinstance(config, RL)
    if rollout == "vllm":
        from trainers.policies.vllm import make_samplers

        return make_samplers(policies, config.rollout_memory, Path(config.model) if config.policies == "lora" else None)
    from trainers.policies.vllm_server import make_server_samplers

    url = rollout.removeprefix("server:")
    return make_server_samplers(url, policies, config.folder / "served", config.policies == "lora")


def make_optimizers(config: Config, policies: Mapping[str, HuggingFacePolicy], lr: float) -> dict[str, Optimizer]:
    """Returns an optimiser for what training changes of each policy, the learning rate apart as the settings say."""
    return {n: Optimizer(p.model, config.optimizer, lr, only=p.trained().values()) for n, p in policies.items()}


def agents_of(team: Team, policies: Mapping[str, Sampler], temperature: float = 0.0) -> dict[str, PolicyAgent]:
    """Returns who plays each role, one agent object per policy, so that each is asked in one batch."""
    agents = {name: PolicyAgent(policy, temperature) for name, policy in policies.items()}
    return {role: agents[name] for role, name in team.items()}


def team_of(config: Config, game: Game[Any]) -> Team:
    """Returns which policy plays which role."""
    return make_team([role.name for role in game.roles], config.policies)
