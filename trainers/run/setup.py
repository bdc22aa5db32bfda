"""Makes what a run plays with: the game, the policies and who plays which role."""

from collections.abc import Mapping
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

from transformers import AutoConfig
from transformers.utils import logging

import mas_envs
from mas_envs.core.errors import UsageError
from mas_envs.core.game import Game, Task
from mas_envs.core.seeding import derive
from mas_envs.registry import game_class
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.policy import PolicyAgent, Team, make_team
from trainers.policies.tiny import TinyConfig, make_model, make_tokenizer
from trainers.run.config import TINY, Config

logging.disable_progress_bar()


def make_game(config: Config) -> Game[Any]:
    """Returns the game with the run's settings and the prompt style that suits the model."""
    choice = signature(game_class(config.env)).parameters.get("roles")
    ours = choice is not None and choice.default in ("team", "single")  # a game without the choice keeps what it has
    wanted = config.roles or (config.made_for if ours else "")
    roles = {"roles": wanted} if wanted else {}
    return mas_envs.make_game(config.env, style=_style(config), **roles, **config.env_settings)


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
    model = make_model(tokenizer, TinyConfig(), derive("weights", config.seed, name) % 2**31)
    return fit(HuggingFacePolicy(model, tokenizer, 1, config.temperature), config.max_new_tokens, game)


def load_policies(config: Config, game: Game[Any], folders: Mapping[str, Path]) -> dict[str, HuggingFacePolicy]:
    """Returns the policies of checkpoint folders."""
    if config.policies == "lora":
        from trainers.policies.lora import load_lora_team

        loaded = load_lora_team(_base(config), folders)
        return {role: fit(policy, config.max_new_tokens, game) for role, policy in loaded.items()}
    return {
        name: fit(HuggingFacePolicy.load(path, 1, config.temperature), config.max_new_tokens, game)
        for name, path in folders.items()
    }


def _base(config: Config) -> HuggingFacePolicy:
    """Returns the model that adapters are for; raises UsageError where peft is absent."""
    if find_spec("peft") is None:
        raise UsageError('--policies lora needs the package peft: pip install -e ".[lora]".')
    return HuggingFacePolicy.load(Path(config.model), 1, config.temperature)


def fit(policy: HuggingFacePolicy, max_new_tokens: int, game: Game[Any]) -> HuggingFacePolicy:
    """Gives a policy the token budget of a completion, once its tokenizer is seen to know the game's words.

    The budget is what the user says, else the game's longest useful answer, its end and a little more.
    """
    longest: Any = policy.tokenizer(game.longest_answer(), add_special_tokens=False)["input_ids"]
    enough = len(longest) + 3
    policy.max_new_tokens = max_new_tokens or enough
    if policy.model.config.to_dict().get("prompt_style") == "compact":  # it writes nothing but answers
        policy.max_new_tokens = min(policy.max_new_tokens, enough)
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


def agents_of(
    team: Team, policies: Mapping[str, HuggingFacePolicy], temperature: float = 0.0
) -> dict[str, PolicyAgent]:
    """Returns who plays each role, one agent object per policy, so that each is asked in one batch."""
    agents = {name: PolicyAgent(policy, temperature) for name, policy in policies.items()}
    return {role: agents[name] for role, name in team.items()}


def team_of(config: Config, game: Game[Any]) -> Team:
    """Returns which policy plays which role."""
    return make_team([role.name for role in game.roles], config.policies)
