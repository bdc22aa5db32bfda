"""Who plays: reading agent specs such as `expert`, `hf:PATH` or `planner=hf:PATH,executor=random`.

random              draws the game's example actions
expert              the game's scripted solver
hf:PATH             a local Hugging Face checkpoint (one of a run of trainers, or any other with a chat template)
run:FOLDER          the team that a run of trainers ended with (its last checkpoint)
ROLE=SPEC,ROLE=SPEC a team of different ones
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mas_envs.agents import Agent, Completion, ExpertAgent, RandomAgent, Request
from mas_envs.core.errors import UsageError, did_you_mean
from mas_envs.core.game import Game

GRAMMAR = "random, expert, hf:PATH, run:FOLDER, or ROLE=SPEC for every role, joined by commas"


class Counting:
    """Asks another agent, and counts what it wrote for every episode: tokens, or characters where it knows none."""

    def __init__(self, agent: Agent):
        self._agent = agent
        self.tokens: dict[tuple[Any, int], int] = {}

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        completions = self._agent.act(requests)
        for request, completion in zip(requests, completions, strict=True):
            key = (request.task, request.attempt)
            self.tokens[key] = self.tokens.get(key, 0) + len(completion.token_ids)
        return completions


def parse_specs(spec: str, roles: Sequence[str]) -> dict[str, str]:
    """Returns role -> spec of one agent; raises UsageError, with the grammar, where that cannot be."""
    if "=" not in spec.partition(":")[0]:
        return dict.fromkeys(roles, spec)
    found: dict[str, str] = {}
    for part in spec.split(","):
        role, equals, one = part.partition("=")
        if not equals or role not in roles or role in found:
            raise UsageError(
                f"--agent has {part!r};{did_you_mean(role, roles)} the roles are {', '.join(roles)}, each once. "
                f"Write {GRAMMAR}."
            )
        found[role] = one
    if missing := [role for role in roles if role not in found]:
        raise UsageError(f"--agent names nobody for {', '.join(missing)}. Write {GRAMMAR}.")
    return found


def prompt_style(specs: Mapping[str, str]) -> str:
    """Returns the prompt style that a team's models were made for; "compact" where there are none or they disagree."""
    from trainers.run.setup import style_of

    styles = {
        style_of(Path(path)) for spec in specs.values() for kind, _, path in [spec.partition(":")] if kind == "hf"
    }
    return styles.pop() if len(styles) == 1 else "compact"


def make_agents(specs: Mapping[str, str], game: Game[Any], temperature: float, max_new_tokens: int) -> dict[str, Agent]:
    """Returns role -> agent, one object for each different spec; raises UsageError for a spec that is none."""
    made: dict[str, Agent] = {}
    for spec in dict.fromkeys(specs.values()):
        kind, _, path = spec.partition(":")
        if spec == "random":
            made[spec] = RandomAgent()
        elif spec == "expert":
            made[spec] = ExpertAgent()
        elif kind == "hf" and path:
            made[spec] = _policy(Path(path), game, temperature, max_new_tokens)
        else:
            raise UsageError(f"--agent has {spec!r}, which is no agent. Write {GRAMMAR}.")
    return {role: made[spec] for role, spec in specs.items()}


def _policy(path: Path, game: Game[Any], temperature: float, max_new_tokens: int) -> Agent:
    from trainers.policies.huggingface import HuggingFacePolicy
    from trainers.policies.policy import PolicyAgent
    from trainers.run.setup import fit

    policy = HuggingFacePolicy.load(path, 1, temperature or 1.0)
    return PolicyAgent(fit(policy, max_new_tokens, game), temperature)


def of_run(folder: Path) -> str:
    """Returns the spec of the team that a run ended with: its roles and the policies of its last checkpoint."""
    from trainers.run.checkpoint import steps

    found = steps(folder / "checkpoints")
    if not found:
        raise UsageError(f"{str(folder)!r} holds no checkpoint of a run. Give a run's folder, as in run:runs/NAME.")
    names = sorted(path.name for path in found[-1].iterdir() if path.is_dir())
    if names == ["shared"]:
        return f"hf:{found[-1] / 'shared'}"
    return ",".join(f"{name}=hf:{found[-1] / name}" for name in names)
