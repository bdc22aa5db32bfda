"""An engine that is vLLM's OpenAI-compatible server somewhere else: --rollout server:URL.

    VLLM_SERVER_DEV_MODE=1 python -m vllm.entrypoints.openai.api_server --model PATH \
        --logprobs-mode processed_logprobs --generation-config vllm

Token ids go in and come out (/v1/completions with `return_token_ids`). Weights go by a folder that both machines see
under one path: in full by /collective_rpc, which a server has in its development mode alone; adapters by
/v1/load_lora_adapter, which takes VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora. A server holds one model, so
a team of full policies is refused. Who can reach such a server can change its weights: keep it on a private network.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from mas_envs.agents.endpoint import Endpoint, Reply, checked_url
from mas_envs.core.errors import EndpointError, UsageError
from trainers.policies.engine import Draw, Drawn, EngineFault, EnginePolicy
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.vllm import write_model
from trainers.rl.types import TokenIds
from trainers.run.files import remove_folder, write_folder

CALLS_AT_ONCE = 64
PAUSES_S = (1.0, 4.0)
"""Before a prompt that got no answer is sent again."""
TIMEOUT_S = 600.0
FULL = "start it with VLLM_SERVER_DEV_MODE=1"
ADAPTERS = "start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora --max-loras N --max-lora-rank RANK"


class ServerEngine:
    """A server as an engine.

    Args:
        url: where it listens, http://HOST:PORT with or without /v1. The key for it, if it wants one, is in the
            environment variable VLLM_API_KEY.
        folder: where weights are written for it to read, and nothing else is: it goes when the engine stops.
        policy: one like those that it will sample for.
        adapters: whether the policies are adapters of one model.

    Raises:
        EndpointError: nobody there, a wrong key, or no server of vLLM.
        UsageError: its model reads text as other tokens than the policy does.
    """

    def __init__(self, url: str, folder: Path, policy: HuggingFacePolicy, adapters: bool):
        self._url = checked_url(url).rstrip("/").removesuffix("/v1")
        self._folder, self._adapters = folder.resolve(), adapters
        self._held: dict[str, str] = {}  # adapter, or "" for the model itself -> version that the server has
        self._versions, self._session = 0, secrets.token_hex(4)
        self.life, self.lost = 0, 0
        self.context = self._greet(policy)

    def take(self, policy: HuggingFacePolicy) -> str | None:
        self._versions += 1
        key: str = policy.adapter if self._adapters else ""  # pyright: ignore[reportAttributeAccessIssue]
        # The server keeps adapters and prompts by names: a resumed run must not come to those of an earlier sitting.
        name = f"{key or 'policy'}-{self._session}-{self._versions}"
        write_folder(self._folder / name, policy.save if self._adapters else partial(write_model, policy))
        old = self._held.pop(key, None)
        if self._adapters:
            if old is not None:
                self._ask("/v1/unload_lora_adapter", {"lora_name": old})
            place = {"lora_name": name, "lora_path": str(self._folder / name)}
            self._done(self._ask("/v1/load_lora_adapter", place), ADAPTERS)
        else:
            reload = {"method": "reload_weights", "kwargs": {"weights_path": str(self._folder / name)}}
            self._done(self._ask("/collective_rpc", reload), FULL)
            emptied = self._done(self._ask("/reset_prefix_cache", {}), FULL)
            if not _succeeded(emptied.body):
                raise EngineFault("the server's prefix cache could not be emptied: somebody else is using it")
            self._done(self._ask("/update_weight_version", {"new_version": name}), FULL)
        self._held[key] = name
        if old is not None:
            remove_folder(self._folder / old)
        return name if self._adapters else None

    def generate(
        self, prompts: Sequence[TokenIds], seeds: Sequence[int], draw: Draw, weights: str | None
    ) -> list[list[Drawn] | None]:
        how = {
            "n": draw.k, "temperature": draw.temperature, "max_tokens": draw.max_new_tokens,
            "stop_token_ids": [draw.end], "logprobs": 0, "return_token_ids": True,
            # The whole distribution, whatever the model's folder recommends (to a server started otherwise).
            "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0,
        }  # fmt: skip
        if weights is not None:
            how["model"] = weights
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            asked = [{**how, "prompt": list(p), "seed": s % 2**31} for p, s in zip(prompts, seeds, strict=True)]
            found = list(pool.map(self._complete, asked))
        if found and all(one is None for one in found):
            raise EngineFault(f"{self._url} answered nothing")
        if weights is None:  # a server that was started anew answers, too, by the weights that it began with
            self._check_version()
        return found

    def _check_version(self) -> None:
        """Raises EngineFault where other weights have answered than those that the server was given last."""
        reply = self._ask("/weight_info")
        try:
            version = json.loads(reply.body)["weight_version"]
        except (ValueError, KeyError, TypeError):
            version = _said(reply)
        if version != self._held.get(""):
            raise EngineFault(f"{self._url} has other weights ({version}): it was started anew, or others use it, too")

    def _complete(self, asked: Mapping[str, Any]) -> list[Drawn] | None:
        """Returns one prompt's completions, or None where none came, however often it was asked."""
        for pause in (*PAUSES_S, None):
            try:
                reply = self._ask("/v1/completions", asked)
                if reply.status == 200:
                    return _read(reply.body, asked["n"])
            except EngineFault:
                reply = None
            if reply is not None and reply.status == 404:  # it was started anew, and the adapter is gone
                raise EngineFault(f"{self._url} ({reply.status}: {_said(reply)})")
            if reply is not None and reply.status in (400, 401, 403, 422):
                raise EndpointError(f"{self._url} refused a prompt ({reply.status}: {_said(reply)}).")
            if pause is not None:
                time.sleep(pause)
        return None

    def _greet(self, policy: HuggingFacePolicy) -> int:
        """Returns how many tokens the server's model takes, once it is seen to read text as the policy does."""
        text: Any = policy.tokenizer.decode([token for token in range(64) if token < len(policy.tokenizer)])
        try:
            reply = self._ask("/tokenize", {"prompt": text, "add_special_tokens": False})
            if reply.status != 200:
                raise EngineFault(f"{reply.status}: {_said(reply)}")
            found = json.loads(reply.body)
            read, context = found["tokens"], found["max_model_len"]
        except (EngineFault, ValueError, KeyError, TypeError) as error:
            raise EndpointError(
                f"No server of vLLM answers at {self._url} ({error}). Start one (docs/vllm.md), or use --rollout hf."
            ) from error
        own: Any = policy.tokenizer(text, add_special_tokens=False)["input_ids"]
        if read != own:
            raise UsageError(
                f"The model of the server at {self._url} reads text as other tokens than --model does. Start it with "
                "the same checkpoint directory."
            )
        return context

    def _ask(self, path: str, value: Any = None) -> Reply:
        """Posts a value, or gets what is there; returns what was answered, raises EngineFault where nothing came."""
        key = os.environ.get("VLLM_API_KEY", "").strip()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            endpoint = Endpoint(self._url + path, headers, TIMEOUT_S)
            return endpoint.get() if value is None else endpoint.post(value)
        except OSError as error:  # TimeoutError and ConnectionError among them
            raise EngineFault(f"{self._url}: {error}") from error

    def _done(self, reply: Reply, remedy: str) -> Reply:
        """Returns a reply that says yes; raises UsageError where the server cannot do such a thing at all."""
        if reply.status in (404, 405):
            raise UsageError(
                f"The server at {self._url} takes no new weights ({reply.status}: {_said(reply)}): {remedy}, on a "
                f"machine that sees {str(self._folder)!r} under that name."
            )
        if reply.status != 200:
            raise EngineFault(
                f"{self._url} did not take new weights from {str(self._folder)!r}, which it has to see under that name "
                f"({reply.status}: {_said(reply)})"
            )
        return reply

    def stop(self) -> None:
        """Gives the server up: when it is asked again, it is given all weights anew (it may have been restarted)."""
        self.life += 1
        self._held.clear()
        shutil.rmtree(self._folder, ignore_errors=True)


def make_server_samplers(
    url: str, policies: Mapping[str, HuggingFacePolicy], folder: Path, adapters: bool
) -> dict[str, EnginePolicy]:
    """Returns what samples for each policy by a server; raises UsageError where one server cannot."""
    if len(policies) > 1 and not adapters:
        raise UsageError(
            "A server holds one model, and --policies per-role has several. Give --policies shared or lora, or "
            "--rollout vllm, which starts an engine for each."
        )
    engine = ServerEngine(url, folder, next(iter(policies.values())), adapters)
    return {name: EnginePolicy(policy, engine) for name, policy in policies.items()}


def _read(body: bytes, k: int) -> list[Drawn]:
    """Returns the completions of a reply; raises EngineFault where it is none, EndpointError where it has no tokens."""
    try:
        choices = sorted(json.loads(body)["choices"], key=lambda choice: choice["index"])
        drawn = [Drawn(tuple(c["token_ids"]), tuple(c["logprobs"]["token_logprobs"])) for c in choices]
    except (ValueError, KeyError, TypeError) as error:
        raise EngineFault(f"a reply that is no completion ({type(error).__name__})") from error
    if len(drawn) != k or any(len(one.tokens) != len(one.logprobs) or not one.tokens for one in drawn):
        raise EngineFault(f"a reply with {len(drawn)} completions instead of {k}, or without log-probabilities")
    return drawn


def _succeeded(body: bytes) -> bool:
    try:
        return json.loads(body)["success"] is True
    except (ValueError, KeyError, TypeError):
        return False


def _said(reply: Reply) -> str:
    return reply.body[:200].decode(errors="replace")
