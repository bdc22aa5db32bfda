"""A model behind an OpenAI-compatible server (chat completions): vLLM, SGLang, llama.cpp, Ollama, a provider's.

What may go wrong is told apart, and nothing of it is ever a reward of 0:

    the set-up is wrong (key, model, URL, a setting)   EndpointError at the first call, which goes alone
    the infrastructure failed (a connection, a time    tried again with growing pauses, or as long as the server
    limit, 408, 409, 425, 429, 5xx, no JSON, an        asks (Retry-After); then `Completion.failure`: masked
    answer that the server itself broke off)
    the model cannot answer this prompt (too long      an empty answer, as any bad answer an outcome
    for its context, refused by a content filter)
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from mas_envs.agents.base import Completion, Request, Usage
from mas_envs.agents.endpoint import Endpoint, Reply, checked_url
from mas_envs.core.errors import EndpointError, UsageError, in_range

FIRST_PAUSE = 0.5
"""Seconds before a second try; each further pause is twice as long, up to LONGEST_PAUSE."""
LONGEST_PAUSE = 30.0
LONGEST_RETRY_AFTER = 120.0
"""Seconds; a server that asks for more gets no more."""

_AGAIN = (408, 409, 425, 429)
_THE_PROMPT = (
    "context length",
    "context_length",
    "context size",  # llama.cpp
    "maximum model length",  # vLLM
    "prompt is too long",
    "content_filter",
    "content management policy",
)
_BROKEN_OFF = ("abort", "error")
"""Finish reasons of answers that the server, not the model, ended."""
_OURS = ("temperature", "top_p", "max_tokens", "seed")
_NEVER = ("model", "messages", "stream", "n")


class _Fault(NamedTuple):
    """A try that brought no answer: why; whether another may do better; the pause that the server asks for."""

    why: str
    again: bool = True
    pause: float = 0.0
    setup: bool = False


class OpenAIAgent:
    """Asks a chat model behind an OpenAI-compatible server.

    Args:
        model: as the server names it.
        url: base URL as OpenAI's own clients take it: http://localhost:8000/v1. One without a path gets /v1.
        api_key: sent as a bearer token where there is one.
        temperature: 0 for greedy decoding; else each request has a seed of its own, which servers may heed or not.
        top_p, max_tokens: of sampling; 0 tokens leaves the limit to the server.
        extra_body: further fields of every request, e.g. {"chat_template_kwargs": {"enable_thinking": False}}. A
            field of None is left out, ours too: {"max_tokens": None, "max_completion_tokens": 4096}. Another value
            than None for what the other arguments set, and model, messages, stream and n, are refused.
        concurrency: requests under way at once.
        timeout: seconds for one try, from the connection to the last byte.
        retries: further tries after a fault of the infrastructure.
        price_in, price_out: of a million prompt and completion tokens, for `Usage.cost`.

    Raises UsageError for a value that is not allowed; `act` raises EndpointError where the server cannot be used as
    set up: it refuses key, model or settings, or nothing of the first batch was answered.
    """

    def __init__(
        self,
        model: str,
        url: str,
        *,
        api_key: str = "",
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 0,
        extra_body: Mapping[str, Any] | None = None,
        concurrency: int = 16,
        timeout: float = 300.0,
        retries: int = 8,
        price_in: float = 0.0,
        price_out: float = 0.0,
    ):
        if not (api_key.isascii() and api_key.isprintable()):
            raise UsageError("The API key has characters that no header can carry; was it copied with a line break?")
        self.model, self.url = model, _completions_url(url)
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._concurrency = in_range("concurrency", concurrency, 1, 1024)
        self._retries = in_range("retries", retries, 0, 100)
        self._timeout = _checked("timeout", timeout, 1e-3, 86_400)
        self._prices = (_checked("price_in", price_in, 0, 1e9), _checked("price_out", price_out, 0, 1e9))
        self._settings = {
            "model": model,
            "temperature": _checked("temperature", temperature, 0, 100),
            "top_p": _checked("top_p", top_p, 0, 1),
            "max_tokens": in_range("max_tokens", max_tokens, 0, 2**31) or None,
        }
        self._extra = dict(extra_body or {})
        wrong = [name for name in _NEVER if name in self._extra]
        if wrong := wrong + [name for name in _OURS if self._extra.get(name) is not None]:
            raise UsageError(
                f"extra_body has {', '.join(wrong)}. What has a setting of its own is set by that ({', '.join(_OURS)} "
                f"may be null here, which leaves them out); {', '.join(_NEVER)} may not be given."
            )
        self._jitter = Random()  # of the system's entropy: programs that failed together must not come back together
        self._answered, self._refused = False, ""

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        """Answers every request of a batch, several at once."""
        endpoint = Endpoint(self.url, self._headers, self._timeout)
        # The first call of all goes alone: what is wrong with the set-up is found out by one call.
        alone = [] if self._answered else [self._ask(endpoint, request) for request in requests[:1]]
        with ThreadPoolExecutor(self._concurrency) as pool:
            asked = [pool.submit(self._ask, endpoint, request) for request in requests[len(alone) :]]
            try:
                found = alone + [one.result() for one in asked]
            except BaseException:  # a wrong set-up, or Ctrl-C: whoever waits for the threads shall not wait long
                pool.shutdown(wait=False, cancel_futures=True)
                endpoint.close()
                raise
        if found and not self._answered:
            why = next((f"{one.failure}. Does the server run?" for one in found if one.failure), self._refused)
            raise EndpointError(f"Nothing was answered. {why}")
        return found

    def _ask(self, endpoint: Endpoint, request: Request) -> Completion:
        body = self._body(request)
        tries = 0
        while True:
            tries += 1
            found = self._try(endpoint, body)
            if isinstance(found, Completion):
                # A first prompt that is too long may be that prompt's fault; that all are is the set-up's.
                self._answered |= found.stop_reason != "refused"
                return Completion(found.text, (), (), found.stop_reason, usage=self._usage(found.usage, tries))
            last = tries > self._retries
            if found.setup and (last or not self._answered):
                raise EndpointError(found.why)
            # Later on even a 404 may pass: a proxy that is restarted says many things.
            again = found.again or found.setup
            if last or not again or endpoint.closed.wait(self._pause(tries, found.pause)):
                return Completion("", failure=f"{found.why} (tries: {tries})", usage=Usage(tries=tries))

    def _body(self, request: Request) -> dict[str, Any]:
        messages = [{"role": role, "content": _encodable(text)} for role, text in request.prompt.messages]
        ours = {"messages": messages, **self._settings}
        ours["seed"] = request.seed % 2**31  # more than 32 bits are refused by some
        return {name: value for name, value in {**ours, **self._extra}.items() if value is not None}

    def _pause(self, tries: int, asked: float) -> float:
        """Returns seconds: twice as many for every try, half of them at random, and no fewer than were asked for."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries - 1, 30)) * self._jitter.uniform(0.5, 1)
        return min(asked, LONGEST_RETRY_AFTER) + pause

    def _usage(self, counted: Usage | None, tries: int) -> Usage:
        read, wrote = (counted.prompt_tokens, counted.completion_tokens) if counted else (0, 0)
        return Usage(read, wrote, (read * self._prices[0] + wrote * self._prices[1]) / 1e6, tries)

    def _try(self, endpoint: Endpoint, body: Mapping[str, Any]) -> Completion | _Fault:
        try:
            reply = endpoint.post(body)
        except OSError as error:
            return _Fault(f"{self.url}: {_clean(str(error))}")
        if reply.status == 200:
            return _read(reply.body)
        said = f"{self.url} answered {reply.status}: {_message(reply.body)}"
        if reply.status in _AGAIN or reply.status >= 500:
            spent = "insufficient_quota" in said
            return _Fault(said, pause=_seconds(reply.retry_after), setup=spent)
        if reply.status in (400, 413, 422):
            if any(words in said.lower() for words in _THE_PROMPT):
                self._refused = f"{said}. Is the model's context long enough for the prompts and the token budget?"
                return Completion("", stop_reason="refused")
            if self._answered:  # others with these settings were
                return _Fault(said, again=False)
        return _Fault(f"{said}. {self._advice(reply)}", setup=True)

    def _advice(self, reply: Reply) -> str:
        if reply.status in (401, 403):
            return "Set the API key in the environment variable that the settings name (OPENAI_API_KEY by default)."
        if reply.status == 404:
            return f"Is {self.model!r} a model of that server (GET .../models lists them), and is the URL its /v1?"
        if 300 <= reply.status < 400:
            return "The server lives at another URL; give that."
        return "Change the settings (model, temperature, top_p, token budget, extra_body) to what the server takes."


def _completions_url(url: str) -> str:
    parts = urlsplit(checked_url(url))
    base = parts.path.rstrip("/") or "/v1"
    path = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
    return urlunsplit(parts._replace(path=path))


def _read(body: bytes) -> Completion | _Fault:
    """Returns the answer of a 200; a fault where it is not the JSON that it should be."""
    try:
        data = json.loads(body)
        choice = data["choices"][0]
        text, stop = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return _Fault(f"a reply that is no chat completion: {_message(body)}")
    if not isinstance(text, str | None) or not isinstance(stop, str | None):
        return _Fault(f"a reply whose content or finish_reason is no text: {_message(body)}")
    if stop in _BROKEN_OFF:
        return _Fault(f"the server broke the answer off (finish_reason {stop!r})")
    # A model that thought until its budget was spent has no content.
    stop = {"stop": "end", None: ""}.get(stop, _clean(str(stop)))
    return Completion(text or "", stop_reason=stop, usage=Usage(*_counts(data.get("usage"))))


def _counts(usage: Any) -> tuple[int, int]:
    """Returns the prompt's and the completion's tokens, 0 where the server does not say."""
    found = usage if isinstance(usage, dict) else {}
    read, wrote = (found.get(name) for name in ("prompt_tokens", "completion_tokens"))
    return tuple(n if type(n) is int and 0 <= n < 2**40 else 0 for n in (read, wrote))  # pyright: ignore[reportReturnType]


def _message(body: bytes) -> str:
    """Returns what a reply says went wrong, on one line, the beginning of it."""
    text = body[:10_000].decode("utf-8", "replace")
    try:
        data = json.loads(body)
        error = data.get("error", data)
        named = isinstance(error, dict) and error.get("message")
        text = f"{error['message']} ({error.get('code') or error.get('type') or 'no code'})" if named else str(error)
    except (ValueError, AttributeError, RecursionError):
        pass
    return _clean(text) or "(nothing)"


def _encodable(text: str) -> str:
    """Returns text as UTF-8 can carry it: servers refuse a lone surrogate, which another agent may have written."""
    return text.encode("utf-8", "replace").decode()


def _clean(text: str) -> str:
    """Returns text of a server as something that a terminal and a file can take."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= 300 else f"{line[:300]}..."


def _seconds(retry_after: str) -> float:
    """Returns the seconds of a Retry-After header: a number or a date; 0 where it is neither."""
    try:
        wanted = float(retry_after)
    except ValueError:
        try:
            wanted = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):  # no date, or one without a time zone
            return 0.0
    return max(0.0, wanted) if isfinite(wanted) else 0.0


def _checked(what: str, given: float, low: float, high: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
        raise UsageError(f"{what} is {given!r}; it must be a number from {low:g} to {high:g}.")
    return float(given)
