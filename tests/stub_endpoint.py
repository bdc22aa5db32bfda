"""An OpenAI-compatible server on loopback that answers, or fails, as a test tells it to."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

Handler = BaseHTTPRequestHandler
Answer = str | Callable[[Handler], None]
"""The text of a good answer, or a function that does something else with the connection."""


class Stub(ThreadingHTTPServer):
    """Asks `behave(body, nth)` what to do with the nth request (from 0) of one body; keeps all that it was asked.

    most_active: how many requests were being thought about at once.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, behave: Callable[[dict[str, Any], int], Answer]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behave, self.lock = behave, Lock()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.seen = Counter[str]()
        self.active = self.most_active = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: clients of these tests hang up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"
        stub, body = self.server, json.loads(raw)
        with stub.lock:
            nth = stub.seen[raw.decode()]
            stub.seen[raw.decode()] += 1
            stub.bodies.append(body)
            stub.headers.append(dict(self.headers))
            stub.paths.append(self.path)
            stub.active += 1
            stub.most_active = max(stub.most_active, stub.active)
        found = stub.behave(body, nth)
        with stub.lock:  # before the answer, after which the next request may come at once
            stub.active -= 1
        if isinstance(found, str):
            say(200, completion(found))(self)
        else:
            found(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(behave: Callable[[dict[str, Any], int], Answer]) -> Iterator[Stub]:
    stub = Stub(behave)
    thread = Thread(target=stub.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.shutdown()
        stub.server_close()
        thread.join()


def completion(text: str | None, finish: str | None = "stop", read: int = 10, wrote: int = 5) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}


def error(message: str, code: str = "") -> dict[str, Any]:
    return {"error": {"message": message, "code": code}}


def say(status: int, body: Any, **headers: str) -> Callable[[Handler], None]:
    """Answers with a status and JSON, or the bytes given."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def drop(handler: Handler) -> None:
    """Hangs up without a word."""
    handler.close_connection = True


def drop_in_the_middle(handler: Handler) -> None:
    """Hangs up in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"message": {"content": "a"')
    handler.close_connection = True


def no_http(handler: Handler) -> None:
    """Says what is no HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def hang(seconds: float) -> Callable[[Handler], None]:
    """Says nothing for a while, then answers nonsense."""

    def answer(handler: Handler) -> None:
        time.sleep(seconds)
        drop(handler)

    return answer


def drip(seconds: float) -> Callable[[Handler], None]:
    """Sends a byte now and then, so that no single read ever waits for long."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    return answer
