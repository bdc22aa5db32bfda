"""A call of an endpoint ends in time, in whatever stage it is."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from mas_envs.agents import endpoint
from mas_envs.agents.endpoint import Endpoint


@contextmanager
def listening(serve=None, backlog=8):
    """Yields the port of a socket; `serve` gets the first connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server:
        server.settimeout(20)
        thread = threading.Thread(target=lambda: serve(server.accept()[0]) if serve else None, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(20)


def drip_a_header(connection):
    with connection:
        connection.recv(4096)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(60):
                connection.sendall(b"a")
                time.sleep(0.1)
        except OSError:
            pass


def say_nothing(connection):
    with connection:
        connection.settimeout(8)
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass


def test_a_proxy_that_drips_while_it_connects_is_left_in_time(monkeypatch):
    with listening(drip_a_header) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="no whole reply within 0.5 s"):
            Endpoint("https://model.invalid/v1", {}, 0.5).post({})
        assert time.monotonic() - began < 4


def test_close_breaks_off_a_handshake():
    with listening(say_nothing) as port:
        called = Endpoint(f"https://127.0.0.1:{port}/v1", {}, 30.0)
        threading.Timer(0.3, called.close).start()
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            called.post({})
        assert time.monotonic() - began < 4


def test_a_connection_that_nobody_takes_is_given_up_long_before_the_call(monkeypatch):
    monkeypatch.setattr(endpoint, "CONNECT_TIMEOUT", 0.5)
    with listening(backlog=0) as port:
        waiting = [socket.socket() for _ in range(4)]  # they fill the queue
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(ConnectionError, match="no connection within 0.5 s"):
            Endpoint(f"http://127.0.0.1:{port}/v1", {}, 30.0).post({})
        assert time.monotonic() - began < 4
        for one in waiting:
            one.close()


def test_a_closed_endpoint_calls_nobody():
    called = Endpoint("http://127.0.0.1:9/v1", {}, 30.0)
    called.close()
    with pytest.raises(ConnectionError):
        called.post({})


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [("http://[::1]/v1", "::1", 80), ("https://[2001:db8::7]/v1", "2001:db8::7", 443), ("http://h:81/v1", "h", 81)],
)
def test_a_url_without_a_port_means_its_schemes(monkeypatch, url, host, port):
    asked = []

    def nobody(address, *_):
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", nobody)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(ConnectionError):
        Endpoint(url, {}, 5.0).get()
    assert asked == [(host, port)]
