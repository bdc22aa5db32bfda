"""What a run reports while it works: metrics as JSON lines, a few groups to read, and the console."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.rl.chains import Chain
from trainers.rl.rollout import Tree
from trainers.rl.types import Sample
from trainers.run.files import write_text, writing


class JsonLines:
    """A file of one JSON object per line; every line is written whole."""

    def __init__(self, path: Path):
        self.path = path

    def append(self, *records: dict[str, Any]) -> None:
        """Adds records at the end."""
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        # One write: a kill leaves all of it or nothing.
        with writing(self.path), self.path.open("ab", buffering=0) as file:
            file.write(text.encode())

    def read(self) -> list[dict[str, Any]]:
        """Returns the records; a last line that was cut off by a kill is left out."""
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1] if self.path.exists() else []
        return [json.loads(line) for line in lines if line]

    def keep_until(self, iteration: int) -> None:
        """Drops what was recorded after an iteration, as when a run resumes from there."""
        kept = [record for record in self.read() if record["iteration"] <= iteration]
        write_text(self.path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept))


def readable_groups(tree: Tree) -> list[dict[str, Any]]:
    """Returns one tree as records a person can read: each prompt, its candidates with rewards, the one chosen."""
    return [
        {
            "task": group.task.id,
            "agent": group.agent,
            "moment": group.moment,
            "prompt": group.prompt.text,
            "candidates": [
                {"text": c.text, "reward": reward, "cut": c.cut, "unread": c.unread}
                for c, reward in zip(group.candidates.completions_K, group.rewards_K, strict=True)
            ],
            "chosen": group.chosen,
        }
        for group in tree.groups
    ]


def readable_chains(chains: Sequence[Chain]) -> list[dict[str, Any]]:
    """Returns the chains of one task as records a person can read: what was read, said and earned at every moment."""
    return [
        {
            "task": chain.task.ref.id,
            "chain": chain.number,
            "agent": agent,
            "moment": i,
            "prompt": said.prompt.text,
            "text": said.completion.text,
            "cut": said.completion.cut,
            "unread": said.completion.unread,
            "reward": None if moment.rewards is None else moment.rewards[agent],
        }
        for chain in chains
        for i, moment in enumerate(chain.moments)
        for agent, said in moment.said.items()
    ]


def chain_metrics(chains_K: Sequence[Sequence[Chain]]) -> dict[str, Any]:
    """Returns the mean return of an agent in an episode, how often the sampled team succeeded, and the tokens."""
    chains = [chain for chains in chains_K for chain in chains if chain.success is not None and chain.moments]
    everything = [words.completion for of in chains_K for c in of for m in c.moments for words in m.said.values()]
    said = [completion for completion in everything if not completion.failed]
    returns = [chain.return_of(agent) or 0.0 for chain in chains for agent in chain.moments[0].rewards or ()]
    return {
        "reward": mean(returns),
        "sampled_success": mean([bool(chain.success) for chain in chains]),
        "response_tokens": mean([len(completion.tokens) for completion in said]),
        "cut_share": mean([completion.cut for completion in said]),
        "unread_share": mean([completion.unread for completion in said]),
        "invalid_share": sum(m.invalid for chains in chains_K for c in chains for m in c.moments) / max(1, len(said)),
        "masked_share": mean([chain.success is None for chains in chains_K for chain in chains]),
        "tokens_generated": sum(len(completion.tokens) for completion in said),
    }


def tree_metrics(trees: Sequence[Tree]) -> dict[str, Any]:
    """Returns the mean reward of a candidate, how often the trees succeeded, and what the candidates are like."""
    groups = [group for tree in trees for group in tree.groups]
    rewards = [reward for group in groups for reward in group.rewards_K]
    completions = [c for group in groups for c in group.candidates.completions_K if not c.failed]
    return {
        "reward": mean([reward for reward in rewards if reward is not None]),
        "tree_success": mean([tree.success for tree in trees if tree.success is not None]),
        "response_tokens": mean([len(completion.tokens) for completion in completions]),
        "cut_share": mean([completion.cut for completion in completions]),
        "unread_share": mean([completion.unread for completion in completions]),
        "invalid_share": sum(group.invalid for group in groups) / max(1, len(completions)),
        "masked_share": mean([reward is None for reward in rewards]),
        "tokens_generated": sum(len(completion.tokens) for completion in completions),
    }


def group_metrics(samples: Sequence[Sample]) -> dict[str, Any]:
    """Returns how many groups there were, and the share of those in which nothing was better than the rest."""
    telling, groups = {s.group for s in samples if s.advantage}, {s.group for s in samples}
    return {"groups": len(groups), "constant_share": 1 - len(telling) / max(1, len(groups))}


class Display:
    """Progress on the console: a bar where it is a terminal, else one plain line per report."""

    def __init__(self) -> None:
        self.console = Console(stderr=False, highlight=False)
        self._live = self.console.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[note]}"), console=self.console, transient=True)
        self._task: Any = None

    def begin(self, phase: str, total: int, done: int = 0) -> None:
        """Starts a phase of `total` steps."""
        self.end()
        self.say(f"{phase}: {total - done} steps")
        if self._live:
            self._bar.start()
            self._task = self._bar.add_task(phase, total=total, completed=done, note="")

    def step(self, done: int, note: str) -> None:
        """Moves the bar to `done`, with a note beside it."""
        if self._task is not None:
            self._bar.update(self._task, completed=done, note=note)

    def say(self, line: str) -> None:
        """Prints a line (above the bar, where there is one)."""
        self.console.print(line, soft_wrap=True, markup=False)

    def end(self) -> None:
        """Ends the phase under way."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
            self._bar.stop()


def mean(values: Sequence[float]) -> float:
    """Returns the mean, 0.0 of nothing."""
    return sum(values) / len(values) if values else 0.0
