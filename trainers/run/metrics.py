"""What a run reports while it works: metrics as JSON lines, a few groups to read, and the console."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.rl.rollout import Tree
from trainers.run.files import write_text


class JsonLines:
    """A file of one JSON object per line; every line is written whole."""

    def __init__(self, path: Path):
        self.path = path

    def append(self, *records: dict[str, Any]) -> None:
        """Adds records at the end."""
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        with self.path.open("ab", buffering=0) as file:  # one write: a kill leaves all of it or nothing
            file.write(text.encode())

    def read(self) -> list[dict[str, Any]]:
        """Returns the records; a last line that was cut off by a kill is left out."""
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1] if self.path.exists() else []
        return [json.loads(line) for line in lines if line]

    def keep_until(self, iteration: int) -> None:
        """Drops what was recorded after an iteration, as when a run resumes from there."""
        kept = [record for record in self.read() if record["iteration"] <= iteration]
        write_text(self.path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept))


def readable_groups(iteration: int, tree: Tree) -> list[dict[str, Any]]:
    """Returns one tree as records a person can read: each prompt, its candidates with rewards, the one chosen."""
    return [
        {
            "iteration": iteration,
            "task": group.task.id,
            "agent": group.agent,
            "moment": group.moment,
            "prompt": group.prompt.text,
            "candidates": [
                {"text": c.text, "reward": reward, "cut": c.cut}
                for c, reward in zip(group.candidates.completions_K, group.rewards_K, strict=True)
            ],
            "chosen": group.chosen,
        }
        for group in tree.groups
    ]


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
