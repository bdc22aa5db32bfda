"""Data sets of the Hugging Face hub: `source="hub:NAME"`, always at a revision that is named.

NAME is one of `KNOWN`, whose revisions are pinned below, or `OWNER/NAME@REVISION` with a full commit hash. What stands
behind a further colon is the split to read, after its configuration where there is one: `hub:gsm8k:main/train`. They
are downloaded once, by the library `datasets` (extra `hub`), and then read from its cache.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from mas_envs.core.errors import MissingExtraError, UsageError, did_you_mean

PREFIX = "hub:"
_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set at one revision.

    repository, revision: OWNER/NAME and the commit. config, split: what is read of it; "" where it has no
    configurations. files: split -> files of JSON lines, for repositories that `datasets` cannot read by itself.
    """

    repository: str
    revision: str
    config: str = ""
    split: str = "test"
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def source(self) -> str:
        """The full name, as references to its tasks hold it."""
        return f"{PREFIX}{self.repository}@{self.revision}:{self.config and self.config + '/'}{self.split}"


_LIVE = tuple(f"test{number}.jsonl" for number in ("", *range(2, 7)))
KNOWN: Mapping[str, HubSet] = {
    "apps": HubSet(
        "codeparrot/apps",
        "21e74ddf8de1a21436da12e3e653065c5213e9d1",
        files={"train": ("train.jsonl",), "test": ("test.jsonl",)},
    ),
    "code_contests": HubSet("deepmind/code_contests", "802411c3010cb00d1b05bad57ca77365a3c699d6"),
    "livecodebench": HubSet(
        "livecodebench/code_generation_lite",
        "0fe84c3912ea0c4d4a78037083943e8f0c4dd505",
        files={"test": _LIVE, **{f"v{number}": (file,) for number, file in enumerate(_LIVE, 1)}},
    ),
    "gsm8k": HubSet("openai/gsm8k", "cc7b047b6e5bb11b4f1af84efc572db110a51b3c", "main"),
    "math500": HubSet("HuggingFaceH4/MATH-500", "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be"),
    "aime24": HubSet("HuggingFaceH4/aime_2024", "2fe88a2f1091d5048c0f36abc874fb997b3dd99a", split="train"),
    "aime25": HubSet("math-ai/aime25", "563bb8404243c5f09de6ec262f2db674fe5bce9b"),
    "olympiadbench": HubSet(
        "Hothan/OlympiadBench", "91184b52131e7fc9455fef848035173aea8cc01a", "OE_TO_maths_en_COMP", "train"
    ),
}
"""The sets that have a short name. LiveCodeBench's splits v1 to v6 are what each release added, "test" is all."""


def is_hub(source: object) -> bool:
    """Says whether a game's `source` names a data set of the hub."""
    return isinstance(source, str) and source.startswith(PREFIX)


def named(source: str) -> HubSet:
    """Returns the set that "hub:NAME" or "hub:OWNER/NAME@REVISION" stands for.

    Raises UsageError for an unknown name, one without a revision, and a split of files that there is not.
    """
    name, _, part = source.removeprefix(PREFIX).partition(":")
    other = _REPOSITORY.fullmatch(name)
    if other is None and name not in KNOWN:
        raise UsageError(
            f"Unknown data set {source!r}.{did_you_mean(name, KNOWN)} Known: {', '.join(KNOWN)}. Any other is named "
            "with its revision, hub:OWNER/NAME@COMMIT (40 hexadecimal digits), so that everybody has the same tasks."
        )
    found = HubSet(other[1], other[2]) if other else KNOWN[name]
    if part:
        config, _, split = part.rpartition("/")
        if not split or (config and found.files):
            raise UsageError(
                f"{source!r} names {'no split' if not split else f'a configuration of {name}, which has none'}; write "
                f"hub:{name}:SPLIT{'' if found.files else f', or hub:{name}:CONFIGURATION/SPLIT'}."
            )
        found = replace(found, config=config or found.config, split=split)
    if found.files and found.split not in found.files:
        raise UsageError(f"{source!r} names a split that {name} has not; it has {', '.join(found.files)}.")
    return found


def load_rows(source: str) -> tuple[HubSet, Sequence[Mapping[str, Any]]]:
    """Returns the set that `source` names, and its rows, which are read from the disk one by one.

    Raises UsageError where it cannot be had, MissingExtraError without the extra `hub`.
    """
    found = named(source)
    try:
        datasets, hub = import_module("datasets"), import_module("huggingface_hub")
    except ImportError as error:
        raise MissingExtraError(
            f'{source} is read by the library datasets, which is not installed: pip install "mas-envs[hub]".'
        ) from error
    try:
        if found.files:
            where = {"repo_type": "dataset", "revision": found.revision}
            files = [hub.hf_hub_download(found.repository, file, **where) for file in found.files[found.split]]
            return found, datasets.load_dataset("json", data_files=files, split="train")
        config = found.config or None
        return found, datasets.load_dataset(found.repository, config, split=found.split, revision=found.revision)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UsageError(
            f"{found.source} cannot be loaded: {reason}. Look at the network, the name and the split; where there is "
            "no network, load it once where there is one (HF_HOME is the cache), or give source='file:PATH'."
        ) from error
