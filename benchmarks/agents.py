"""Who plays: reading agent specs such as `expert`, `hf:PATH` or `planner=hf:PATH,executor=openai:MODEL@URL`.

random              draws the game's example actions
expert              the game's scripted solver
human               a person at this terminal
hf:PATH             a local Hugging Face checkpoint (one of a run of trainers, or any other with a chat template)
vllm:PATH           the same, answering by vLLM
openai:MODEL@URL    a model behind an OpenAI-compatible server: openai:Qwen/Qwen3-8B@http://localhost:8000/v1
run:FOLDER          the team that a run of trainers ended with (its last checkpoint), in the run's own settings
ROLE=SPEC,ROLE=SPEC a team of different ones
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from benchmarks.entries import Entry, Used
from mas_envs.agents import Agent, Completion, ExpertAgent, HumanAgent, OpenAIAgent, RandomAgent, Request
from mas_envs.core.errors import UsageError, did_you_mean
from mas_envs.core.game import Game, TaskRef

GRAMMAR = (
    "random, expert, human, hf:PATH, vllm:PATH, openai:MODEL@URL, run:FOLDER, or ROLE=SPEC for every role, joined by "
    "commas"
)
ALONE = {"random": RandomAgent, "expert": ExpertAgent, "human": HumanAgent}
"""Kinds that are a whole spec."""
LOCAL = ("hf", "vllm")
"""Kinds that are followed by the path of a checkpoint."""
OF_PLAY = ("roles", "order", "turns", "max_moves", "seconds", "style", "action_type")
"""Settings of the games that say how a task is played; all others decide which tasks there are."""


@dataclass(frozen=True)
class Calls:
    """How the servers of openai:MODEL@URL are called; nothing of it changes what a model answers."""

    key_env: str = "OPENAI_API_KEY"
    """Environment variable with the API key of openai:MODEL@URL; for several servers ROLE=VARIABLE,ROLE=VARIABLE (no
    variable for one that wants no key)."""
    price: str = "0/0"
    """Of a million tokens read and a million tokens written, as IN/OUT; for several servers ROLE=IN/OUT,ROLE=IN/OUT."""
    concurrency: int = 16
    """Requests to a server under way at once (no more than --chunk lets become necessary)."""
    timeout: float = 300.0
    """Seconds for one try of a request, from the connection to the last byte."""
    retries: int = 8
    """Further tries after a fault of the infrastructure; then the episode is masked."""


class Counting:
    """Asks another agent, and adds to `used` what its answers took, by (task, attempt).

    only: the episodes for which it asks, by (task, attempt), where not for all; the others end there, masked.
    """

    def __init__(self, agent: Agent, used: dict[tuple[Any, int], Used]):
        self._agent, self._used = agent, used
        self.only: Collection[tuple[TaskRef, int]] | None = None

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        wanted = [self.only is None or (one.task, one.attempt) in self.only for one in requests]
        asked = list(compress(requests, wanted))
        found = self._agent.act(asked) if asked else []
        for request, completion in zip(asked, found, strict=True):
            self._used.setdefault((request.task, request.attempt), Used()).add(completion)
        answers = iter(found)
        return [next(answers) if one else Completion("", failure="it was not asked") for one in wanted]


def parse_specs(spec: str, roles: Sequence[str], flag: str = "--agent", grammar: str = GRAMMAR) -> dict[str, str]:
    """Returns role -> spec of one agent; raises UsageError, with the grammar, where that cannot be."""
    if "=" not in spec.partition(":")[0]:
        return dict.fromkeys(roles, spec)
    found: dict[str, str] = {}
    for part in spec.split(","):
        role, equals, one = part.partition("=")
        if not equals or role not in roles or role in found:
            hint = "" if role in found else did_you_mean(role, roles)
            raise UsageError(
                f"{flag} has {part!r};{hint} the roles are {', '.join(roles)}, each once. Write {grammar}."
            )
        found[role] = one
    if missing := [role for role in roles if role not in found]:
        raise UsageError(f"{flag} names nobody for {', '.join(missing)}. Write {grammar}.")
    return found


def kind_of(spec: str) -> tuple[str, str]:
    """Returns an agent's kind and what follows it; raises UsageError, with the grammar, for a spec that is none."""
    kind, colon, rest = spec.partition(":")
    model, at, _ = rest.rpartition("@http")
    if (kind in ALONE and not colon) or (kind in LOCAL and rest) or (kind == "openai" and model and at):
        return kind, rest
    what = (
        "in a team; run:FOLDER is a whole team, ROLE=hf:PATH one of its policies"
        if kind == "run"
        else "which is no agent"
    )
    raise UsageError(f"--agent has {spec!r}, {what}. Write {GRAMMAR}.")


def prompt_style(specs: Mapping[str, str]) -> str:
    """Returns the prompt style that a team's players were made for; "compact" where they disagree or do not care."""
    styles: set[str] = set()
    for kind, rest in map(kind_of, specs.values()):
        if kind in LOCAL:
            from trainers.run.setup import style_of

            styles.add(style_of(Path(rest)))
        elif kind in ("openai", "human"):
            styles.add("full")
    return styles.pop() if len(styles) == 1 else "compact"


def check_sampling(entry: Entry) -> None:
    """Raises UsageError for settings of sampling that not every player of the entry can keep to."""
    kinds = {kind for kind, _ in map(kind_of, entry.agents.values())}
    if not 0 < entry.top_p <= 1:
        raise UsageError(f"--top-p is {entry.top_p}; it must be above 0 and at most 1.")
    if entry.top_p != 1 and ("openai" not in kinds or kinds & set(LOCAL)):
        raise UsageError("--top-p is for openai:MODEL@URL alone: hf and vllm sample from the whole distribution.")
    if entry.extra_body and "openai" not in kinds:
        raise UsageError("--extra-body goes to openai:MODEL@URL, and nobody of the team is one. Leave it out.")
    if "human" in kinds and entry.attempts > 1:
        raise UsageError("A person plays each task once: a second attempt knows the first. Give --attempts 1.")


def make_agents(entry: Entry, game: Game[Any], calls: Calls) -> dict[str, Agent]:
    """Returns role -> agent, one object for all roles that ask the same one; raises UsageError for what is no agent."""
    roles = list(entry.agents)
    keys = parse_specs(calls.key_env, roles, "--key-env", "VARIABLE, or ROLE=VARIABLE for every role")
    prices = parse_specs(calls.price, roles, "--price", "IN/OUT, or ROLE=IN/OUT for every role")
    made: dict[tuple[str, str, str], Agent] = {}
    found: dict[str, Agent] = {}
    for role, spec in entry.agents.items():
        remote = spec.startswith("openai:")
        which = (spec, keys[role], prices[role]) if remote else (spec, "", "")
        if which not in made:
            made[which] = _endpoint(entry, calls, *which) if remote else _local(entry, game, spec)
        found[role] = made[which]
    return found


def make_counting(
    entry: Entry, game: Game[Any], calls: Calls
) -> tuple[dict[str, Counting], dict[tuple[Any, int], Used]]:
    """Returns the agents of `make_agents`, and what their answers will have taken."""
    used = dict[tuple[Any, int], Used]()
    players = make_agents(entry, game, calls)
    counting = {id(agent): Counting(agent, used) for agent in players.values()}
    return {role: counting[id(agent)] for role, agent in players.items()}, used


def _local(entry: Entry, game: Game[Any], spec: str) -> Agent:
    kind, rest = kind_of(spec)
    if kind in ALONE:
        return ALONE[kind]()
    from trainers.policies.huggingface import HuggingFacePolicy
    from trainers.policies.policy import PolicyAgent
    from trainers.run.setup import fit

    policy = fit(HuggingFacePolicy.load(Path(rest), 1, entry.temperature or 1.0), entry.max_new_tokens, game)
    if kind == "vllm":
        from trainers.policies.vllm import make_samplers

        engines = len({each for each in entry.agents.values() if each.startswith("vllm:")})
        return PolicyAgent(make_samplers({"": policy}, share=0.5 / engines)[""], entry.temperature)
    return PolicyAgent(policy, entry.temperature)


def _endpoint(entry: Entry, calls: Calls, spec: str, key_env: str, price: str) -> Agent:
    model, _, url = kind_of(spec)[1].rpartition("@http")
    if key_env not in ("", Calls.key_env) and key_env not in os.environ:  # it may be the key itself, so it is not shown
        raise UsageError(
            "--key-env has something that is no environment variable here. Give the name of the variable that holds "
            "the API key (export it first), never the key."
        )
    try:
        price_in, price_out = map(float, price.split("/"))
    except ValueError:
        raise UsageError(f"--price is {price!r}; write IN/OUT of a million tokens, e.g. 0.15/0.60.") from None
    return OpenAIAgent(
        model,
        f"http{url}",
        api_key=os.environ.get(key_env, "").strip(),
        temperature=entry.temperature,
        top_p=entry.top_p,
        max_tokens=entry.max_new_tokens,
        extra_body=entry.extra_body,
        concurrency=calls.concurrency,
        timeout=calls.timeout,
        retries=calls.retries,
        price_in=price_in,
        price_out=price_out,
    )


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


def settings_of_run(folder: Path, env: str) -> dict[str, Any]:
    """Returns the environment's settings that a run was trained with, as far as it names them.

    Raises UsageError where it was trained in another environment.
    """
    from trainers.run import reading, setup

    config = reading.read(folder / "config.yaml")
    if config.env != env:
        raise UsageError(
            f"{str(folder)!r} is a run of {config.env}, not of {env}. Give --env {config.env}, or name its policies to "
            f"have them play {env}: hf:{of_run(folder).partition('hf:')[2].partition(',')[0]}."
        )
    style = {} if config.style == "auto" else {"style": config.style}
    return setup.settings_of(config) | style
