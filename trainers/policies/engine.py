"""A policy for which an inference engine samples: on this machine (vllm.py) or as a server (vllm_server.py).

An `EnginePolicy` samples what the policy that it stands for would: the same prompt tokens, budget and end token, K
completions of a prompt in one request, log-probabilities at the sampling temperature. That policy stays what is
trained. Before every request the engine is given its weights if they have changed since.

An engine that dies is started again with the weights of the moment and asked once more. What it then still leaves
without an answer is a fault of the infrastructure (`Sampled.failed`), and never a bad answer.
"""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from mas_envs.core.errors import MasEnvsError, UsageError
from mas_envs.core.game import Prompt
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.types import Candidates, Sampled, TokenIds, unread

LOST_IN_A_ROW = 3
"""Requests that may be lost one after the other before the run is stopped."""

_log = logging.getLogger(__name__)


class EngineError(MasEnvsError, RuntimeError):
    """The engine cannot be brought to answer any more."""


class EngineFault(Exception):  # noqa: N818 (it says what happened; it is always caught)
    """An engine died, or gave no answer: to be started and asked again."""


class Drawn(NamedTuple):
    """One completion as the engine gives it: tokens, the end token included, and the log-probability of each."""

    tokens: TokenIds
    logprobs: tuple[float, ...]


class Draw(NamedTuple):
    """How to draw: k completions of each prompt, each with its seed; `end` is the token that ends one."""

    k: int
    temperature: float
    max_new_tokens: int
    end: int


class Engine(Protocol):
    """What samples for one policy, or for all roles of a team of adapters.

    context: tokens of prompt and completion together that it can take. life: a number that changes when what it was
    given is gone. lost: requests in a row that it left without an answer.
    """

    context: int
    life: int
    lost: int

    def take(self, policy: HuggingFacePolicy) -> Any:
        """Takes over the policy's present weights, started if need be; returns what `generate` names them by."""
        ...

    def generate(
        self, prompts: Sequence[TokenIds], seeds: Sequence[int], draw: Draw, weights: Any
    ) -> Sequence[Sequence[Drawn] | None]:
        """Returns k completions of each prompt, or None for a prompt that was lost; raises EngineFault."""
        ...

    def stop(self) -> None:
        """Gives up what runs, if anything does; the next `take` begins anew."""
        ...


class EnginePolicy:
    """A policy for which an engine samples.

    Args:
        policy: whose weights, tokenizer and budget these are.
        engine: what samples.
    """

    def __init__(self, policy: HuggingFacePolicy, engine: Engine):
        if policy.bidirectional_prompt:
            raise UsageError(
                "vLLM reads prompts from left to right, but this policy was made to read them in both directions. Use "
                "--rollout hf for it, or train another from the start with --model tiny --rollout vllm."
            )
        if engine.context <= policy.max_new_tokens:
            raise UsageError(
                f"A completion may take {policy.max_new_tokens} tokens, which leaves no room for a prompt: the engine "
                f"takes {engine.context} tokens in all. Give a smaller --max-new-tokens, start the server with a "
                "larger --max-model-len, or give --rollout hf."
            )
        self.policy, self.engine = policy, engine
        self._taken: tuple[Any, ...] = ()
        self._answered = False
        self._weights: Any = None

    def sample(
        self, prompts: Sequence[Prompt], k: int, seeds: Sequence[int], temperature: float | None = None
    ) -> list[Candidates]:
        """Returns k completions of each prompt; those that the infrastructure lost are marked `failed`.

        A prompt over the budget is not read: its completions are empty, and `unread`. Raises EngineError where all are
        lost LOST_IN_A_ROW times in a row, or the very first time: then it is no accident, but how things are set up.
        """
        encoded, policy = self.policy.encode(prompts), self.policy
        budget = min(policy.prompt_budget, self.engine.context - policy.max_new_tokens)
        readable = [i for i, tokens in enumerate(encoded) if len(tokens) <= budget]
        heat = policy.temperature if temperature is None else temperature
        # Greedy candidates are all the same, and vLLM refuses to draw more than one.
        draw = Draw(k if heat else 1, heat, policy.max_new_tokens, policy.eos)
        found = [unread(tokens, k) for tokens in encoded]
        asked = [encoded[i] for i in readable], [seeds[i] for i in readable]
        for i, drawn in zip(readable, self._ask(*asked, draw) if readable else (), strict=True):
            lost = (Sampled("", (), (), failed=True),)
            completions = lost if drawn is None else tuple(policy.finish(list(t), list(p)) for t, p in drawn)
            found[i] = Candidates(encoded[i], completions if len(completions) == k else completions * k)
        return found

    def _ask(self, encoded: Sequence[TokenIds], seeds: Sequence[int], draw: Draw) -> Sequence[Sequence[Drawn] | None]:
        fault = EngineFault()
        for _ in range(2):
            try:
                self._refresh()
                found = self.engine.generate(encoded, seeds, draw, self._weights)
                self.engine.lost, self._answered = 0, True
                return found
            except EngineFault as raised:
                fault = EngineFault(*raised.args)  # without its traceback, whose frames keep the engine and its memory
            _log.warning("The engine failed (%s); it is started again.", fault)
            self.engine.stop()
        self.engine.lost += 1
        if self.engine.lost >= LOST_IN_A_ROW or not self._answered:
            raise EngineError(
                f"The vLLM engine was started again and again and still gave no answer ({fault}). The last checkpoint "
                "stands: see to the engine, then go on from it (--resume); --rollout hf does without."
            ) from fault
        return [None] * len(encoded)

    def _refresh(self) -> None:
        # torch counts the changes of every tensor in place, which is how optimisers and `Best.restore` change weights.
        versions = tuple(weight._version for weight in self.policy.trained().values())
        if self._taken != (self.engine.life, versions):
            self._weights = self.engine.take(self.policy)
            self._taken = (self.engine.life, versions)

    def close(self) -> None:
        """Stops the engine."""
        self.engine.stop()
