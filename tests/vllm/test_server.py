"""vLLM's OpenAI-compatible server on loopback: sampling for a policy that is trained elsewhere, and for evaluation."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from transformers import GenerationConfig

from mas_envs import make_game
from tests.trainers.small import WORDS, stir
from tests.vllm.test_engine import PROMPTS, SEEDS, assert_as_hugging_face, greedy, tokens
from tests.vllm.test_lora import learn
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.policies.lora import make_lora_team
from trainers.policies.tiny import CAUSAL, make_model, make_tokenizer
from trainers.policies.vllm_server import make_server_samplers

pytestmark = [pytest.mark.vllm, pytest.mark.needs("lora")]

ROOT = Path(__file__).parents[2]
ROLES = ("planner", "executor")
ENV = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_NO_USAGE_STATS": "1",
       "TORCHDYNAMO_DISABLE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}  # fmt: skip
FLAGS = (
    "--dtype float32 --enforce-eager --max-model-len 512 --block-size 32 --kv-cache-memory-bytes 268435456 "
    "--logprobs-mode processed_logprobs --enable-lora --max-loras 2 --max-lora-rank 8 "
    "--served-model-name policy --host 127.0.0.1"
)


def load(folder: Path) -> HuggingFacePolicy:
    policy = HuggingFacePolicy.load(folder, 8)
    policy.bidirectional_prompt = False
    return policy


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal embedded policy for Sokoban with a chat template, as any LLM has one."""
    tokenizer = make_tokenizer((*make_game("sokoban", style="compact").vocabulary(), *WORDS))
    tokenizer.chat_template = "{% for message in messages %}{{ message.content }} {% endfor %}"
    policy = HuggingFacePolicy(make_model(tokenizer, CAUSAL, seed=0), tokenizer, 8)
    stir(policy.model, std=0.1)
    folder = tmp_path_factory.mktemp("served") / "model"
    policy.save(folder)
    # What the makers recommend, which is not what is trained.
    GenerationConfig(do_sample=True, top_k=1).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def url(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--port", str(port)]
    with (tmp_path_factory.mktemp("log") / "server.log").open("w+") as log:
        server = subprocess.Popen([*command, *FLAGS.split()], env=os.environ | ENV, stdout=log, stderr=log)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", server, Path(log.name))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


def wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-4000:]
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)


def test_a_server_takes_new_weights_and_samples_as_hugging_face(url, model, tmp_path):
    policy = load(model)
    (sampler,) = make_server_samplers(url, {"shared": policy}, tmp_path, adapters=False).values()
    assert_as_hugging_face(sampler)
    before = tokens(greedy(sampler))
    stir(policy.model, seed=2, std=0.2)
    assert_as_hugging_face(sampler)
    assert tokens(greedy(sampler)) != before
    assert len(list(tmp_path.iterdir())) == 1  # of the weights that were handed over, the last alone stay
    drawn = tokens(sampler.sample(PROMPTS, 4, SEEDS))
    assert [len(k) for k in drawn] == [4] * len(PROMPTS)
    assert drawn == tokens(sampler.sample(PROMPTS, 4, SEEDS)) != tokens(sampler.sample(PROMPTS, 4, SEEDS[::-1]))


def test_a_server_that_got_other_weights_meanwhile_does_not_answer_by_them(url, model, tmp_path):
    policies = load(model), load(model)
    stir(policies[1].model, seed=3, std=0.2)
    made = [make_server_samplers(url, {"": p}, tmp_path / str(i), adapters=False)[""] for i, p in enumerate(policies)]
    for sampler in made * 2:  # as after a new start, but for the minute that it takes
        assert_as_hugging_face(sampler)
    assert tokens(greedy(made[0])) != tokens(greedy(made[1]))


def test_a_server_takes_an_adapter_for_every_role(url, model, tmp_path):
    base = load(model)
    (full,) = make_server_samplers(url, {"shared": base}, tmp_path / "full", adapters=False).values()
    greedy(full)  # the base's own weights, whatever another test left there
    team = make_lora_team(load(model), ROLES, rank=4, seeds={role: i for i, role in enumerate(ROLES)})
    samplers = make_server_samplers(url, team, tmp_path / "adapters", adapters=True)
    for seed in range(2):
        for number, role in enumerate(ROLES):
            learn(team[role], 10 * seed + number)
            assert_as_hugging_face(samplers[role])
        assert tokens(greedy(samplers["planner"])) != tokens(greedy(samplers["executor"]))


def test_evaluation_gives_the_same_answers_by_the_endpoint_by_vllm_and_by_hugging_face(url, model, tmp_path):
    (full,) = make_server_samplers(url, {"shared": load(model)}, tmp_path / "full", adapters=False).values()
    greedy(full)
    found = {}
    for agent in (f"openai:policy@{url}/v1", f"vllm:{model}", f"hf:{model}"):
        out = tmp_path / agent.partition(":")[0]
        flags = "--env sokoban --settings style=compact --limit 4 --max-new-tokens 8 --agent"
        command = [sys.executable, "-m", "benchmarks.evaluate", *flags.split(), agent, "--out", str(out)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        episodes = [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]
        assert json.loads((out / "summary.json").read_text())["masked"] == 0
        # The server's detokeniser puts a space before the first word.
        actions = [[moment["actions"].items() for moment in one["moments"]] for one in episodes]
        said = [[(agent, text.strip()) for items in moments for agent, text in items] for moments in actions]
        found[agent] = [(str(one["task"]), words) for one, words in zip(episodes, said, strict=True)]
    by_endpoint, by_vllm, by_hugging_face = map(sorted, found.values())
    assert by_endpoint == by_vllm == by_hugging_face
    assert len({str(actions) for _, actions in by_vllm}) > 1
