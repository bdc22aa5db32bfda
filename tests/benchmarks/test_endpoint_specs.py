"""Agent specs of the evaluation: keys, prices, teams that mix all kinds, and what is refused."""

from importlib.util import find_spec

import pytest

pytest.importorskip("tyro")

import mas_envs
from benchmarks import evaluate
from benchmarks.entries import read_entry
from benchmarks.verify import verify
from tests.benchmarks.test_endpoint_entries import EXAMPLES, evaluated, lines_of, some_answer
from tests.stub_endpoint import serving


def test_the_key_comes_from_the_named_variable_and_is_recorded_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "very-secret\n")
    monkeypatch.setenv("OPENAI_API_KEY", "not-this-one")
    with serving(some_answer) as stub:
        assert evaluated(tmp_path / "entry", stub, "--key-env", "MY_KEY", limit=2) == 0
        assert {headers["Authorization"] for headers in stub.headers} == {"Bearer very-secret"}
    assert not any("secret" in path.read_text() for path in (tmp_path / "entry").iterdir())


def test_a_team_of_an_endpoint_and_an_expert_plays_with_a_key_and_a_price_for_each_role(tmp_path, monkeypatch):
    monkeypatch.setenv("KEY_A", "a")
    with serving(some_answer) as one, serving(some_answer) as two:
        agent = f"planner=openai:big@{one.url},executor=openai:small@{two.url}"
        more = ("--key-env", "planner=KEY_A,executor=", "--price", "planner=0/100,executor=0/0")
        assert evaluated(tmp_path / "entry", one, *more, agent=agent, limit=3) == 0
        assert {body["model"] for body in one.bodies} == {"big"} and {b["model"] for b in two.bodies} == {"small"}
        assert {headers.get("Authorization") for headers in one.headers} == {"Bearer a"}
        assert {headers.get("Authorization") for headers in two.headers} == {None}
        assert verify(tmp_path / "entry")["usage"]["cost"] == pytest.approx(len(one.bodies) * 5e-4)
        words = ["--env", "plan_path", "--agents", f"planner=expert,executor=openai:m@{one.url}", "--limit", "2"]
        assert evaluate.main([*words, "--out", str(tmp_path / "mixed")]) == 0
    assert read_entry(tmp_path / "mixed").agents == {"planner": "expert", "executor": f"openai:m@{one.url}"}
    verify(tmp_path / "mixed")


def test_a_team_of_a_checkpoint_and_an_endpoint_plays(tmp_path):
    pytest.importorskip("torch")
    from tests.trainers.small import HuggingFacePolicy
    from trainers.policies.tiny import CAUSAL, make_model, make_tokenizer

    tokenizer = make_tokenizer(mas_envs.make_game("plan_path", style="compact").vocabulary())
    HuggingFacePolicy(make_model(tokenizer, CAUSAL, 0), tokenizer, 8).save(tmp_path / "model")
    with serving(some_answer) as stub:
        agent = f"planner=hf:{tmp_path / 'model'},executor=openai:m@{stub.url}"
        assert evaluated(tmp_path / "entry", stub, agent=agent, limit=6) == 0
    entry, summary = read_entry(tmp_path / "entry"), verify(tmp_path / "entry")
    assert (entry.agents, entry.env_settings["style"]) == (dict(one.split("=") for one in agent.split(",")), "compact")
    assert summary["masked"] == 0 and summary["usage"]["cost"] == pytest.approx(len(stub.bodies) * 60e-6)
    said = [moment["actions"] for line in lines_of(tmp_path / "entry") for moment in line["moments"]]
    by_endpoint = [text for actions in said for name, text in actions.items() if name == "executor_0"]
    assert len(by_endpoint) == len(stub.bodies) and set(by_endpoint) <= set(EXAMPLES)
    by_checkpoint = {text for actions in said for name, text in actions.items() if name == "planner_0"}
    assert by_checkpoint and not by_checkpoint & set(EXAMPLES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--agent", "openai:m@localhost:80"], "Write random, expert, human, hf:PATH, vllm:PATH, openai:MODEL@URL"),
        (["--agent", "openai:@http://h/v1"], "openai:MODEL@URL"),
        (["--agent", "openai:m@http://h:x/v1"], "http://HOST:PORT/v1"),
        (["--agent", "openai:m@http://me:word@h/v1"], "keys come from the environment"),
        (["--agent", "openai:m@http://h/v1?api_key=word"], "keys come from the environment"),
        (["--agent", "openai:m@http://h/v1", "--key-env", "gsk_word"], "never the key"),
        (["--agent", "human:me"], "which is no agent"),
        (["--agent", "vllm:"], "vllm:PATH"),
        (["--agent", "planner=run:runs/x,executor=expert"], "run:FOLDER is a whole team"),
        (["--agent", "planner=openai:m@http://h/v1,executor=gpt"], "'gpt', which is no agent"),
        (["--agent", "openai:m@http://h/v1", "--top-p", "0"], "--top-p is 0"),
        (["--agent", "openai:m@http://h/v1", "--extra-body", "min_p=1"], "JSON object"),
        (["--agent", "openai:m@http://h/v1", "--extra-body", '{"min_p": NaN}'], "JSON object"),
        (["--agent", "openai:m@http://h/v1", "--extra-body", '{"temperature": 1}'], "extra_body has temperature"),
        (["--agent", "random", "--extra-body", '{"min_p": 1}'], "nobody of the team"),
        (["--agent", "expert", "--top-p", "0.9"], "--top-p is for openai:MODEL@URL alone"),
        (["--agent", "openai:m@http://h/v1", "--price", "cheap"], "IN/OUT"),
        (["--agent", "openai:m@http://h/v1", "--price", "planner=1/2"], "--price names nobody for executor"),
        (["--agent", "openai:m@http://h/v1", "--key-env", "planer=A,executor=B"], "Did you mean 'planner'"),
        (["--agent", "openai:m@http://h/v1", "--concurrency", "0"], "concurrency is 0"),
        (["--agent", "human", "--attempts", "2", "--temperature", "1"], "--attempts 1"),
    ],
)
def test_a_spec_or_setting_that_cannot_be_is_refused_with_the_grammar(tmp_path, capsys, words, said):
    assert evaluate.main(["--env", "plan_path", *words, "--out", str(tmp_path / "entry")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "entry").exists()


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_its_spec_says_what_to_install(tmp_path, capsys):
    pytest.importorskip("torch")
    from tests.trainers.small import HuggingFacePolicy
    from trainers.policies.tiny import CAUSAL, make_model, make_tokenizer

    tokenizer = make_tokenizer(mas_envs.make_game("plan_path", style="compact").vocabulary())
    HuggingFacePolicy(make_model(tokenizer, CAUSAL, 0), tokenizer, 8).save(tmp_path / "model")
    words = ["--env", "plan_path", "--agent", f"vllm:{tmp_path / 'model'}", "--out", str(tmp_path / "entry")]
    assert evaluate.main(words) == 2
    assert 'pip install "mas-envs[vllm]"' in capsys.readouterr().err
