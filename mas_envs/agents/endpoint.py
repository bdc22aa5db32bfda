"""One JSON request over HTTP that ends in time, whatever the server does, with the standard library alone."""

import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Lock, Timer
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from mas_envs.core.errors import UsageError

MAX_BYTES = 16 * 2**20
"""Of a reply; a longer one is cut off there."""
CONNECT_TIMEOUT = 10.0
"""Seconds for each address of a server to take a connection: nothing can break that wait off."""


class Reply(NamedTuple):
    """What a server answered: the status, the Retry-After header ("" without one) and the body."""

    status: int
    retry_after: str
    body: bytes


class Endpoint:
    """Posts JSON to one URL, or gets what is there; any number of threads may.

    Proxies are those of the environment (https_proxy, http_proxy, no_proxy), never for this machine itself.

    Args:
        url: as `checked_url` takes it.
        headers: sent with every request.
        timeout: seconds for a whole call, from the connection to the last byte (looking up the name apart).

    Attributes:
        closed: set by `close`.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float):
        self._url, self._timeout = checked_url(url), timeout
        self._headers = {**headers, "Content-Type": "application/json", "Connection": "close"}
        self.closed = Event()
        self._lock, self._open = Lock(), set[socket.socket]()

    def post(self, value: Any) -> Reply:
        """Returns what the server answered; raises TimeoutError or ConnectionError where no whole reply came."""
        return self._exchange("POST", json.dumps(value).encode("ascii"))

    def get(self) -> Reply:
        """Returns what is at the URL; raises as `post`."""
        return self._exchange("GET", None)

    def _exchange(self, method: str, body: bytes | None) -> Reply:
        connection, target, headers = _connection(self._url, self._timeout)
        late = Event()
        try:
            with self._limited(connection, late):
                connection.request(method, target, body, {**self._headers, **headers})
                response = connection.getresponse()
                reply = Reply(response.status, response.headers.get("Retry-After", ""), response.read(MAX_BYTES))
        except (OSError, HTTPException, ValueError) as error:  # ValueError: a socket that was shut under a read
            if not late.is_set() and not isinstance(error, TimeoutError):
                raise ConnectionError(f"{type(error).__name__}: {error}") from error
            late.set()
        finally:
            connection.close()
        if late.is_set():
            raise TimeoutError(f"no whole reply within {self._timeout:g} s")
        return reply

    @contextmanager
    def _limited(self, connection: HTTPConnection, late: Event) -> Iterator[None]:
        """Shuts the connection's socket when time is up, which sets `late`, or by `close`, from its first byte on.

        A socket's own timeout begins anew with every byte, so a server that drips would hold a call for ever.
        """
        held: list[socket.socket] = []  # second handles: TLS takes the first one away

        def dial(address: tuple[str, int], timeout: float, *more: Any) -> socket.socket:
            wait = min(timeout, CONNECT_TIMEOUT)
            try:
                sock = socket.create_connection(address, wait, *more)
            except TimeoutError:
                raise ConnectionError(f"no connection within {wait:g} s") from None
            sock.settimeout(timeout)
            with self._lock:
                held.append(sock.dup())
                self._open.update(held)
                if not self.closed.is_set() and not late.is_set():
                    return sock
            sock.close()
            raise ConnectionAbortedError("the call was broken off")

        def end() -> None:
            with self._lock:
                late.set()
                for sock in held:
                    _shut(sock)

        connection._create_connection = dial  # pyright: ignore[reportAttributeAccessIssue]
        timer = Timer(self._timeout, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._open.difference_update(held)
                for sock in held:
                    sock.close()

    def close(self) -> None:
        """Breaks off every call under way, in whatever thread; later ones end at once."""
        with self._lock:
            self.closed.set()
            for sock in self._open:
                _shut(sock)


def checked_url(url: str) -> str:
    """Returns `url` if it is http(s)://HOST[:PORT][/PATH][?api-version=...]; raises UsageError otherwise.

    URLs are recorded and shown, so nothing is allowed in them that can be a key.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, an address that is none
        parts, good = SplitResult("", "", "", "", ""), False
    if "@" in parts.netloc or parts.fragment or not re.fullmatch(r"(api-version=[\w.-]+)?", parts.query):
        raise UsageError(
            "A URL of a server is recorded, so it has no user name, password, #part or ?query (but api-version): keys "
            "come from the environment (OPENAI_API_KEY or what --key-env names; VLLM_API_KEY for --rollout server:URL)."
        )
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{url!r} is no URL of a server; write http://HOST:PORT/v1 or https://HOST/v1.")
    return url


def _connection(url: str, timeout: float) -> tuple[HTTPConnection, str, dict[str, str]]:
    """Returns what connects to the URL's server, what to ask it for, and headers for the proxy in between."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    kind = HTTPSConnection if secure else HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given, port = getproxies().get(parts.scheme, ""), parts.port or kind.default_port  # else it is looked for in ::1
    if not given or host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return kind(host, port, timeout=timeout), target, {}
    proxy = urlsplit(given if "://" in given else f"http://{given}")
    connection = kind(proxy.hostname or "", proxy.port, timeout=timeout)
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}" if proxy.username else ""
    headers = {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    if not secure:
        return connection, url, headers
    connection.set_tunnel(host, port, headers)
    return connection, target, {}


def _shut(sock: socket.socket) -> None:
    """Ends what other threads read from or write to a socket (TLS or not)."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
