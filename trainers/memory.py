"""Says what memory a run will need, before it is started, and whether that fits.

    python -m trainers.memory --model qwen3-1.7b --dtype bfloat16 --gradient-checkpointing
    python -m trainers.memory --model models/Qwen3-8B --policies lora --gpus 8 --rollout server

Weights are counted exactly, on PyTorch's "meta" device, which holds none; the rest follows from shapes and settings by
the functions below, one for each term. An allowance stands for what they leave out (fragments, libraries' workspaces).

Symbols: P weights of a model, A of one adapter, H hidden size, F feed-forward size, Q and C the widths of all query
heads and of all key (or value) heads, V vocabulary, N layers, b bytes of a number in the forward pass, L places
(tokens, padding included) that are encoded at once, R response places among them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import tyro
from transformers import AutoConfig, AutoModelForCausalLM, Qwen3Config

from mas_envs.core.errors import MasEnvsError, UsageError, did_you_mean, in_range
from trainers.run.setup import CACHED_PLACES

GIB = 2**30
ALLOWANCE = 1.5 * GIB
"""For the CUDA context, library workspaces and fragments: a rule of thumb, not a formula."""

_QWEN3: dict[str, Any] = {"num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936}
KNOWN: dict[str, dict[str, Any]] = {
    "qwen3-1.7b": _QWEN3 | {
        "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16,
        "tie_word_embeddings": True},
    "qwen3-8b": _QWEN3 | {
        "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32,
        "tie_word_embeddings": False},
}  # fmt: skip
"""Models that need no download (arXiv 2505.09388, table 1, and their config.json)."""


@dataclass(frozen=True)
class Options:
    """Says what memory a run of the trainers will need on each GPU, and whether that fits.

    The flags are those of the trainers; defaults are --preset paper's.
    """

    model: str
    """Local Hugging Face checkpoint directory (its config.json is enough), or qwen3-1.7b, qwen3-8b."""
    policies: Literal["shared", "per-role", "lora"] = "shared"
    """One policy for all roles, one per role (full weights each), or one model with a LoRA adapter per role."""
    roles: int = 2
    """Roles of the team."""
    lora_rank: int = 16
    """Rank of the adapters of --policies lora."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Numbers of the forward and backward pass; weights that are trained, and AdamW's, are float32."""
    gradient_checkpointing: bool = False
    """Keep one number per place, layer and hidden unit, and compute the rest of the layer again."""
    kl: bool = False
    """The run keeps a copy of the policy before RL (--kl above 0)."""
    tasks_per_iteration: int = 32
    """Training tasks whose prompts are answered together."""
    limit: int = 400
    """Held-out tasks, which are played together, too."""
    num_generations: int = 4
    """K: candidates of each prompt."""
    prompt_tokens: int = 1024
    """Tokens of a prompt."""
    max_new_tokens: int = 2048
    """Budget of one completion."""
    max_places: int = 32_768
    """Tokens (padding included) encoded at once in an update."""
    rollout: Literal["hf", "vllm", "server"] = "hf"
    """Who generates: the model that is trained, vLLM beside it, or a vLLM server on the other GPUs."""
    rollout_memory: float = 0.4
    """Share of the GPU's memory for --rollout vllm."""
    gpus: int = 1
    """GPUs of the machine. One trains; the others can serve rollouts (--rollout server)."""
    gpu_memory: float = 79.0
    """GiB of each GPU; one of 80 GB has 79."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if type(value) is int:
                in_range(f"--{name.replace('_', '-')}", value, 1, 10**6)
        if not 0 < self.gpu_memory < 10**4 or not 0 < self.rollout_memory < 1:
            raise UsageError("--gpu-memory must be a number of GiB above 0, --rollout-memory a share between 0 and 1.")
        if self.rollout == "server" and self.gpus == 1:
            raise UsageError("--rollout server needs a second GPU: give --gpus 2 or more, or --rollout vllm.")


class Shape(NamedTuple):
    """Sizes of a decoder; see the module's symbols. heads: of keys."""

    hidden: int
    feed_forward: int
    layers: int
    queries: int
    keys: int
    vocabulary: int
    heads: int


# ---- what is there as long as the run lasts -------------------------------------------------------------------------
def weights(full: int, adapter: int, options: Options) -> float:
    """Returns 4 P for each policy; with adapters b P for the base, which is not trained, and 4 A for each role.

    --kl keeps a copy of what is trained.
    """
    copies = (2 if options.kl else 1) * (1 if options.policies == "shared" else options.roles)
    return _bytes(options) * full + 4 * adapter * copies if options.policies == "lora" else 4 * full * copies


def lower_copies(full: int, options: Options) -> float:
    """Returns 2 P in bfloat16: a forward pass, or a generation, works on a copy of one policy's float32 weights."""
    return 0 if options.dtype == "float32" or options.policies == "lora" else 2 * full


def _bytes(options: Options) -> int:
    return 4 if options.dtype == "float32" else 2


def optimizer_states(trained: int, options: Options) -> float:
    """Returns 8 bytes (AdamW's two moments) for each trained weight of every policy, from the first step on."""
    return 8 * trained * (1 if options.policies == "shared" else options.roles)


# ---- what is there in an update -------------------------------------------------------------------------------------
def gradients(trained: int) -> float:
    """Returns 4 bytes for each trained weight of one policy: policies take turns, and gradients are then freed."""
    return 4 * trained


def layer_activations(shape: Shape, places: int, options: Options) -> float:
    """Returns what one layer keeps of L places for the backward pass: b L (6 H + 6 Q + 3 C + 4 F).

    Two norms keep input, normalised input and output (3 H each); so do the norms of queries and keys (3 Q + 3 C);
    attention keeps queries, keys and values, the latter two repeated for every query head, and its output, 3 Q beyond
    the queries that its norm has kept; the gated feed-forward layer gate, its activation, their product and up (4 F).
    In bfloat16, norms still compute in float32: L (4 H + 2 Q + 2 C) more; and where weights are float32 (all but
    adapters), so is what passes from layer to layer: L (16 H + 2 Q) more.
    """
    h, q, c = shape.hidden, shape.queries, shape.keys
    wider = 0 if options.dtype == "float32" else 4 * h + 2 * q + 2 * c if options.policies == "lora" else 16 * h + 2 * q
    return places * (_bytes(options) * (6 * h + 6 * q + 3 * c + 4 * shape.feed_forward) + wider)


def update_activations(shape: Shape, rows: int, row: int, lower: float, options: Options) -> float:
    """Returns the peak of a forward and backward pass over rows of l places, `lower_copies` included.

    Kept all the time: (1 + b) L l for who sees whom, as booleans and as scores; 14 L H for the last norm; and what
    `layer_activations` says of every layer, or with checkpointing its input alone, L H numbers (in bfloat16 those of
    adapters' base are bfloat16, else float32). Beside that the largest of: 6 * 4 R V for logits, their log-softmax, its
    exponential and product, and their gradients; 2 b L F for the gradients inside the layer that is gone through, and
    with checkpointing all that this layer keeps; with checkpointing the lower copies, which else are there throughout.
    """
    places, whole = rows * row, layer_activations(shape, rows * row, options)
    number = _bytes(options)
    between = number if options.policies == "lora" else 4
    kept = whole if not options.gradient_checkpointing else between * places * shape.hidden
    inside = 2 * number * places * shape.feed_forward + (whole if options.gradient_checkpointing else 0)
    head = 24 * rows * (row - options.prompt_tokens) * shape.vocabulary
    passing = max(head, inside, lower) if options.gradient_checkpointing else max(head, inside) + lower
    return (1 + number) * places * row + 14 * places * shape.hidden + kept * shape.layers + passing


def optimizer_step(trained: int) -> float:
    """Returns 8 bytes for each trained weight of one policy: gradients, and AdamW's square roots all at once."""
    return 8 * trained


# ---- what is there in a rollout -------------------------------------------------------------------------------------
def kv_cache(shape: Shape, tokens: int, number: int) -> float:
    """Returns 2 b N C for each token: a key and a value in each layer."""
    return 2 * number * shape.layers * shape.keys * tokens


def generation(shape: Shape, tasks: int, k: int, options: Options) -> float:
    """Returns what Hugging Face generation takes for as many prompts at once as its bound on places lets.

    At the end the cache of all tokens, once more that of one layer (it grows by copying), and 6 * 4 V for each
    candidate's logits; or, if that is more, what one layer takes of all prompts at the beginning, b L (2 H + 3 F).
    """
    row, number = options.prompt_tokens + k * options.max_new_tokens, _bytes(options)
    prompts = max(1, min(tasks, CACHED_PLACES * options.max_places // row))
    decode = kv_cache(shape, prompts * row, number) * (1 + 1 / shape.layers) + 24 * prompts * k * shape.vocabulary
    return max(decode, number * prompts * options.prompt_tokens * (2 * shape.hidden + 3 * shape.feed_forward))


# ---- put together ---------------------------------------------------------------------------------------------------
class Estimate(NamedTuple):
    """What a GPU needs, in bytes: always, and in phases, of which the largest counts. peak: at the worst moment."""

    name: str
    always: dict[str, float]
    phases: dict[str, float]
    gpus: int = 1

    @property
    def peak(self) -> float:
        return sum(self.always.values()) + max(self.phases.values())


def estimate(options: Options) -> list[Estimate]:
    """Returns what each GPU needs; those that have nothing to do are left out."""
    shape, full = shape_of(config := read_config(options.model)), parameters(config)
    adapter = parameters(config, options.lora_rank) - full if options.policies == "lora" else 0
    trained = adapter or full
    always = {
        "weights": weights(full, adapter, options),
        "AdamW's moments": optimizer_states(trained, options),
        "allowance": ALLOWANCE,
    }
    if options.rollout == "vllm":
        always["vLLM's share"] = options.rollout_memory * options.gpu_memory * GIB
    # A row that is longer than the budget is cut into rows of fewer candidates.
    together = (options.max_places - options.prompt_tokens) // options.max_new_tokens
    row = options.prompt_tokens + max(1, min(options.num_generations, together)) * options.max_new_tokens
    rows, lower = max(1, options.max_places // row), lower_copies(full, options)
    phases = {
        "update: gradients and activations": gradients(trained) + update_activations(shape, rows, row, lower, options),
        "update: gradients and AdamW's step": optimizer_step(trained),
    }
    if options.rollout == "hf":
        phases["rollout"] = lower + generation(shape, options.tasks_per_iteration, options.num_generations, options)
        phases["evaluation"] = lower + generation(shape, options.limit, 1, options)
    served = [_served(shape, full, options)] if options.rollout == "server" else []
    return [Estimate("trains" if served else "trains and generates", always, phases), *served]


def _served(shape: Shape, full: int, options: Options) -> Estimate:
    """Returns what each GPU of a server needs: tensor-parallel over as many as are left and share the heads."""
    gpus = next(n for n in (8, 4, 2, 1) if n < options.gpus and shape.heads % n == 0)
    tokens = options.tasks_per_iteration * (options.prompt_tokens + options.num_generations * options.max_new_tokens)
    always = {"weights, bfloat16": 2 * full / gpus, "allowance": ALLOWANCE}
    cache = {"KV cache of all candidates at once": kv_cache(shape, tokens, 2) / gpus}
    return Estimate(f"serves, --tensor-parallel-size {gpus}", always, cache, gpus)


def read_config(model: str) -> Any:
    """Returns a model's configuration; raises UsageError where there is none, or the formulas are not of its kind."""
    if model in KNOWN:
        return Qwen3Config(**KNOWN[model])
    try:
        config = AutoConfig.from_pretrained(Path(model), local_files_only=True).get_text_config()
    except Exception as error:  # each kind of model checks its config.json in its own way
        why = f" ({' '.join(str(error)[:200].split())})" if (Path(model) / "config.json").is_file() else ""
        raise UsageError(
            f"{model!r} is no model.{did_you_mean(model, KNOWN)} Give a local checkpoint directory with a config.json, "
            f"or one of {', '.join(KNOWN)}.{why}"
        ) from error
    if not _is_dense(config):
        raise UsageError(
            f"The formulas are of dense decoders with gated layers, as Qwen3 and Llama; {model!r} is none."
        )
    return config


def _is_dense(config: Any) -> bool:
    """Says whether layers have the weights that the formulas expect, up to a tenth; experts, say, have more."""
    names = "hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads vocab_size"
    if any(type(size := config.to_dict().get(name)) is not int or size < 1 for name in names.split()):
        return False
    shape = shape_of(config)
    h, around = shape.hidden, shape.vocabulary * shape.hidden * (1 if config.tie_word_embeddings else 2)
    layers = shape.layers * h * (2 * shape.queries + 2 * shape.keys + 3 * shape.feed_forward)
    return abs(parameters(config) - around - layers) <= 0.1 * layers


def shape_of(config: Any) -> Shape:
    """Returns the sizes that the formulas need."""
    width = config.to_dict().get("head_dim") or config.hidden_size // config.num_attention_heads
    queries, keys = width * config.num_attention_heads, width * config.num_key_value_heads
    sizes = (config.hidden_size, config.intermediate_size, config.num_hidden_layers)
    return Shape(*sizes, queries, keys, config.vocab_size, config.num_key_value_heads)


def parameters(config: Any, lora_rank: int = 0) -> int:
    """Returns how many weights the model has, exactly; with a rank, those of one adapter of all linear layers."""
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    layers = [one for one in model.modules() if isinstance(one, torch.nn.Linear) and one is not head]
    adapter = lora_rank * sum(layer.in_features + layer.out_features for layer in layers)
    return adapter + sum(weight.numel() for weight in model.parameters())


def report(options: Options) -> str:
    """Returns the estimates as a table."""
    lines, first = list[str](), 0
    for one in estimate(options):
        which = f"GPUs {first} to {first + one.gpus - 1}, each" if one.gpus > 1 else f"GPU {first}"
        lines.append(f"{which}: {one.name}")
        largest = max(one.phases, key=lambda name: one.phases[name])
        for name, value in {**one.always, **one.phases}.items():
            note = "   (at another time)" if name in one.phases and name != largest else ""
            lines.append(f"  {name:38}{value / GIB:8.2f} GiB{note}")
        verdict = "fits into" if one.peak <= options.gpu_memory * GIB else "does NOT fit into"
        lines.append(f"  {'at most':38}{one.peak / GIB:8.2f} GiB   {verdict} {options.gpu_memory:g} GiB")
        first += one.gpus
    if first < options.gpus:
        lines.append(f"GPU {first} and above: nothing to do for this run; other runs can use them")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    try:
        sys.stdout.write(report(tyro.cli(Options, args=list(argv), prog="python -m trainers.memory")) + "\n")
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
