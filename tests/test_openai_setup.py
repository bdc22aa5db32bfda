"""A wrong set-up of an endpoint is told from faults of the infrastructure, and said after one call."""

import pytest

from mas_envs.agents import OpenAIAgent, openai
from mas_envs.core.errors import EndpointError, UsageError
from tests.stub_endpoint import error, say, serving
from tests.test_openai_agent import agent_of, asked, first_letter


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(openai, "FIRST_PAUSE", 0.001)


SETUP = {
    "a wrong key": (say(401, error("Incorrect API key")), "401: .*Incorrect API key.*OPENAI_API_KEY"),
    "no access": (say(403, error("no")), "OPENAI_API_KEY"),
    "a model that is not there": (say(404, error("The model `m` does not exist")), "does not exist.*'m' a model"),
    "a setting": (say(400, error("temperature must be 1")), "temperature must be 1.*Change the settings"),
    "moved": (say(308, b"", Location="http://elsewhere"), "another URL"),
}


@pytest.mark.parametrize("what", SETUP)
def test_a_wrong_set_up_is_an_error_after_one_call(what):
    answer, said = SETUP[what]
    with serving(lambda body, nth: answer) as stub:
        with pytest.raises(EndpointError, match=said):
            agent_of(stub).act(asked(*"abcdef"))
        assert len(stub.bodies) == 1


def test_prompts_that_are_all_too_long_are_a_wrong_set_up():
    with serving(lambda body, nth: say(400, error("maximum context length is 10"))) as stub:
        with pytest.raises(EndpointError, match=r"maximum context length is 10.*Is the model's context long enough"):
            agent_of(stub).act(asked(*"abc"))
        assert len(stub.bodies) == 3


def test_a_spent_quota_is_no_rate_limit():
    with serving(lambda body, nth: say(429, error("pay first", "insufficient_quota"))) as stub:
        with pytest.raises(EndpointError, match="insufficient_quota"):
            agent_of(stub).act(asked(*"abc"))
        assert len(stub.bodies) == 1


def test_a_key_that_is_revoked_later_stops_instead_of_masking_all_that_is_left():
    with serving(first_letter) as stub:
        agent = agent_of(stub, retries=2)
        agent.act(asked("a"))
        stub.behave = lambda body, nth: say(401, error("revoked"))
        with pytest.raises(EndpointError, match="revoked"):
            agent.act(asked(*"bcdefgh"))


def test_a_single_404_of_a_proxy_in_between_passes():
    with serving(first_letter) as stub:
        agent = agent_of(stub)
        agent.act(asked("a"))
        stub.behave = lambda body, nth: "b" if nth else say(404, b"no such page")
        (found,) = agent.act(asked("b"))
    assert (found.text, found.failure) == ("b", "")


def test_a_server_that_is_not_there_is_named():
    with serving(first_letter) as stub:
        url = stub.url
    with pytest.raises(EndpointError, match=rf"Nothing was answered. {url}.*refused.*Does the server run"):
        OpenAIAgent("m", url, retries=1).act(asked("a", "b"))


def test_what_a_server_says_reaches_no_terminal_unclean():
    with (
        serving(lambda body, nth: say(401, error("\x1b[2Jgone\n" + "x" * 5000))) as stub,
        pytest.raises(EndpointError) as caught,
    ):
        agent_of(stub).act(asked("a"))
    assert "gone" in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 700


HOLDING_KEYS = (
    "http://me:secret@host/v1",
    "http://secret@host/v1",
    "https://host/v1?api_key=secret",
    "https://host/v1?api-version=1&key=secret",
    "https://host/v1?secret",
    "https://host/v1#secret",
)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "localhost:8000"}, "http://HOST:PORT/v1"),
        ({"url": "ftp://host/v1"}, "http://HOST:PORT/v1"),
        ({"url": "http://host:99999/v1"}, "http://HOST:PORT/v1"),
        *(({"url": url}, "keys come from the environment (OPENAI_API_KEY") for url in HOLDING_KEYS),
        ({"api_key": "a\nb"}, "line break"),
        ({"temperature": -1.0}, "temperature is -1.0; it must be a number from 0 to 100"),
        ({"top_p": 2.0}, "top_p is 2.0"),
        ({"max_tokens": -1}, "max_tokens is -1"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"timeout": 0.0}, "timeout is 0.0"),
        ({"retries": -1}, "retries is -1"),
        ({"price_in": float("nan")}, "price_in is nan"),
        ({"extra_body": {"temperature": 0.7}}, "extra_body has temperature"),
        ({"extra_body": {"model": None, "seed": 1}}, "extra_body has model, seed"),
        ({"extra_body": {"stream": True}}, "extra_body has stream"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(UsageError) as caught:
        OpenAIAgent(**{"model": "m", "url": "http://host/v1", **settings})
    assert said in str(caught.value) and "secret" not in str(caught.value)
