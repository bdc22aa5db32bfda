"""An endpoint's answers are told from faults of the infrastructure, which are tried again and then masked."""

import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mas_envs.agents import Completion, OpenAIAgent, Request, Usage, openai, play, replay
from mas_envs.agents.openai import _seconds
from mas_envs.core.game import Prompt
from tests.fakes import HINTER, TELLER, Letters
from tests.stub_endpoint import (
    completion,
    drip,
    drop,
    drop_in_the_middle,
    error,
    hang,
    no_http,
    say,
    serving,
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(openai, "FIRST_PAUSE", 0.001)


def asked(*texts, instructions="", seed=7):
    game = Letters()
    state = game.initial(task := game.task("test", 0))
    return [
        Request(Prompt(text, instructions), seed + i, HINTER, game, state, task.ref) for i, text in enumerate(texts)
    ]


def first_letter(body, nth):
    return body["messages"][-1]["content"][0]


def agent_of(stub, **settings):
    return OpenAIAgent("m", stub.url, **{"timeout": 5.0, **settings})


def test_it_sends_what_the_chat_api_asks_for_and_reads_text_tokens_and_cost():
    with serving(lambda body, nth: "hello") as stub:
        agent = agent_of(
            stub,
            api_key="secret",
            temperature=0.7,
            top_p=0.9,
            max_tokens=12,
            price_in=2.0,
            price_out=4.0,
            extra_body={"chat_template_kwargs": {"enable_thinking": False}},
        )
        (found,) = agent.act(asked("what?", instructions="Be brief.", seed=2**31 + 5))
    assert found == Completion("hello", stop_reason="end", usage=Usage(10, 5, 4e-5, 1))
    assert stub.paths == ["/v1/chat/completions"]
    assert stub.headers[0]["Authorization"] == "Bearer secret"
    assert stub.bodies == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "what?"}],
            "temperature": 0.7,
            "top_p": 0.9,
            "max_tokens": 12,
            "seed": 5,
            "chat_template_kwargs": {"enable_thinking": False},
        }
    ]


def test_a_field_of_none_is_left_out_and_no_key_sends_no_header():
    with serving(first_letter) as stub:
        agent_of(stub, extra_body={"seed": None, "max_completion_tokens": 9}).act(asked("x"))
    assert set(stub.bodies[0]) == {"model", "messages", "temperature", "top_p", "max_completion_tokens"}
    assert "Authorization" not in stub.headers[0]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/api/openai/", "/api/openai/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/deployments/x?api-version=1", "/deployments/x/chat/completions?api-version=1"),
    ],
)
def test_a_base_url_is_read_as_openais_clients_read_it(given, path):
    with serving(first_letter) as stub:
        OpenAIAgent("m", stub.url.removesuffix("/v1") + given).act(asked("x"))
    assert stub.paths == [path]


def test_answers_come_in_the_order_of_the_requests_and_no_more_calls_run_at_once_than_allowed():
    def slow_first(body, nth):
        text = body["messages"][-1]["content"]
        time.sleep(0.08 if text < "d" else 0.02)
        return text

    texts = list("abcdefghij")
    with serving(slow_first) as stub:
        agent = agent_of(stub, concurrency=3)
        assert [found.text for found in agent.act(asked(*texts))] == texts
        assert stub.most_active == 3
        assert agent.act([]) == []


FAULTS = {
    "429": say(429, error("slow down")),
    "500": say(500, error("oops")),
    "503 of a proxy": say(503, b"<html>gateway</html>"),
    "408": say(408, {}),
    "dropped": drop,
    "dropped in the middle": drop_in_the_middle,
    "no HTTP": no_http,
    "hangs": hang(8.0),
    "drips": drip(8.0),
    "broken JSON": say(200, b'{"choices": [{"mess'),
    "no JSON": say(200, b"OK"),
    "JSON of something else": say(200, ["a"]),
    "no choices": say(200, {"choices": []}),
    "no message": say(200, {"choices": [{"index": 0}]}),
    "no content": say(200, {"choices": [{"message": {"role": "assistant"}}]}),
    "content that is a number": say(200, completion(3)),
    "an error with status 200": say(200, error("overloaded")),
    "an answer that the server broke off": say(200, completion("half", "error")),
    "an answer of a server that is going down": say(200, completion("", "abort")),
    "a finish reason that is none": say(
        200, {**completion("a"), "choices": [{"message": {"content": "a"}, "finish_reason": {}}]}
    ),
    "deep nesting": say(200, b"[" * 100_000),
    "empty": say(200, b""),
}


def limit(fault):
    return 1.0 if fault in ("hangs", "drips") else 30.0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_tried_again_and_the_answer_that_then_comes_counts(fault):
    def behave(body, nth):
        return FAULTS[fault] if nth == 0 else first_letter(body, nth)

    with serving(behave) as stub:
        began = time.monotonic()
        (found,) = agent_of(stub, timeout=limit(fault)).act(asked("xyz"))
        assert time.monotonic() - began < 6.0
    assert found == Completion("x", stop_reason="end", usage=Usage(10, 5, 0.0, 2))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_a_failure_with_a_reason_and_never_a_text(fault):
    def behave(body, nth):
        return FAULTS[fault] if first_letter(body, nth) == "z" else first_letter(body, nth)

    with serving(behave) as stub:
        good, bad, other = agent_of(stub, timeout=limit(fault), retries=1).act(asked("a", "z", "b"))
        assert stub.seen.total() == 4
    assert (good.text, good.failure, other.text, other.failure) == ("a", "", "b", "")
    assert bad.text == "" and bad.failure.isprintable() and "(tries: 2)" in bad.failure and len(bad.failure) < 500
    assert bad.usage == Usage(tries=2)


def test_a_cut_answer_is_marked_and_one_without_content_is_an_empty_answer():
    told = iter([say(200, completion("half an ans", "length")), say(200, completion(None, "length")), "ok"])
    with serving(lambda body, nth: next(told)) as stub:
        agent = agent_of(stub)
        cut, thought, whole = (agent.act(asked(text))[0] for text in "abc")
    assert (cut.text, cut.stop_reason, cut.failure) == ("half an ans", "length", "")
    assert (thought.text, thought.stop_reason, thought.failure) == ("", "length", "")
    assert (whole.text, whole.stop_reason) == ("ok", "end")


@pytest.mark.parametrize("usage", [None, {}, [], {"prompt_tokens": "9", "completion_tokens": -3}])
def test_token_counts_that_a_server_does_not_give_are_zero_and_no_fault(usage):
    with serving(lambda body, nth: say(200, {**completion("a"), "usage": usage})) as stub:
        (found,) = agent_of(stub).act(asked("x"))
    assert (found.text, found.usage) == ("a", Usage(0, 0, 0.0, 1))


def test_it_waits_as_long_as_the_server_asks_for():
    def behave(body, nth):
        return say(429, error("wait"), Retry_After="1") if nth == 0 else "a"

    with serving(behave) as stub:
        began = time.monotonic()
        agent_of(stub).act(asked("x"))
    assert 1.0 <= time.monotonic() - began < 3.0


def test_retry_after_is_seconds_or_a_date():
    assert _seconds("2.5") == 2.5
    assert 8 < _seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)) <= 10
    for text in ("", "soon", "-3", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT", "2015-10-21"):
        assert _seconds(text) == 0.0


def test_pauses_double_vary_and_end_at_a_limit(monkeypatch):
    monkeypatch.setattr(openai, "FIRST_PAUSE", 0.5)
    agent = OpenAIAgent("m", "http://127.0.0.1:1/v1")
    for tries, full in ((1, 0.5), (2, 1.0), (4, 4.0), (50, 30.0)):
        pauses = {agent._pause(tries, 0.0) for _ in range(50)}
        assert len(pauses) > 1 and all(full / 2 <= pause <= full for pause in pauses)
    assert 120 <= agent._pause(1, 99_999.0) <= 121


def test_a_prompt_too_long_for_the_model_is_an_empty_answer_and_another_bad_request_is_a_failure():
    def behave(body, nth):
        letter = first_letter(body, nth)
        told = {"l": "This model's maximum context length is 10 tokens", "w": "something odd"}
        return say(400, error(told[letter])) if letter in told else letter

    with serving(behave) as stub:
        fine, long, odd = agent_of(stub).act(asked("a", "long", "weird"))
        assert len(stub.bodies) == 3  # neither is tried again
    assert fine.text == "a"
    assert (long.text, long.stop_reason, long.failure) == ("", "refused", "")
    assert odd.text == "" and "something odd" in odd.failure


@pytest.mark.parametrize(
    "said",
    [
        "The decoder prompt (length 99) is longer than the maximum model length of 10.",
        "the request exceeds the available context size",
        "prompt is too long: 99 tokens > 10 maximum",
    ],
)
def test_a_first_prompt_that_is_too_long_stops_nobody_as_an_evaluation_may_go_on_with_it(said):
    def behave(body, nth):
        return say(400, error(said)) if first_letter(body, nth) == "l" else first_letter(body, nth)

    with serving(behave) as stub:
        long, fine = agent_of(stub).act(asked("long", "a"))
    assert (long.text, long.stop_reason, long.failure, fine.text) == ("", "refused", "", "a")


def test_a_lone_surrogate_in_a_prompt_is_sent_as_what_servers_take():
    with serving(first_letter) as stub:
        agent_of(stub).act(asked("a\ud800b", instructions="\udfffc"))
    assert [message["content"] for message in stub.bodies[0]["messages"]] == ["?c", "a?b"]


def test_an_interrupt_breaks_off_calls_under_way_and_nobody_waits_for_the_server():
    with serving(first_letter) as stub:
        agent = agent_of(stub, timeout=30.0)
        agent.act(asked("a"))
        stub.behave = lambda body, nth: hang(8.0)
        main = threading.main_thread().ident
        threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            agent.act(asked(*"bcd"))
        assert time.monotonic() - began < 4.0


def test_an_episode_whose_answer_never_came_is_masked_and_replays_and_the_others_are_what_they_were():
    game = Letters(graded=False)
    tasks = [game.task_from(word) for word in ("abcabc", "bacbac", "cabcab")]

    def behave(body, nth):
        lost = body["messages"][-1]["content"].startswith("b") and "teller" in body["messages"][-1]["content"]
        return say(500, error("down")) if lost else first_letter(body, nth)

    with serving(behave) as stub:
        agent = agent_of(stub, retries=1)
        first, lost, last = play(game, {"hinter": agent, "teller": agent}, tasks)
    assert first.success and last.success
    assert lost.masked and lost.returns is None and lost.moments[-1].rewards is None
    assert lost.moments[-1].actions == {TELLER: ""}
    assert "answered 500: down" in lost.moments[-1].info["failures"][TELLER]
    for task, episode in zip(tasks, (first, lost, last), strict=True):
        assert replay(game, task, episode) == episode


def test_a_proxy_of_the_environment_is_asked_but_never_for_this_machine(monkeypatch):
    with serving(first_letter) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://me:secret@").removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        (found,) = OpenAIAgent("m", "http://model.invalid:81/v1").act(asked("x"))
        assert found.text == "x" and proxy.paths == ["http://model.invalid:81/v1/chat/completions"]
        assert proxy.headers[0]["Host"] == "model.invalid:81"
        assert proxy.headers[0]["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
        with serving(first_letter) as stub:
            agent_of(stub).act(asked("y"))
            assert len(stub.paths) == 1 and len(proxy.paths) == 1
