"""An entry: a folder that says what was played, by whom, and everything that has to be known to play it again.

    entry.json       what was asked for: game, settings, task set, agents, decoding, seed
    episodes.jsonl   one line per episode: its task, and of every joint step the hashes of the prompts, the actions,
                     rewards, and what came of effects
    summary.json     what follows from the episodes, written last

Numbers come from replaying the recorded actions through the pure game, so whoever has the entry can get them again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_origin

import mas_envs
from benchmarks.voting import Vote, final_answer, has_votes, majority_at
from mas_envs.agents import Completion, Episode, Moment, Usage
from mas_envs.core.errors import StateError, UsageError
from mas_envs.core.game import Game, Prompt, Result, Step, Task
from trainers.run.scores import wilson

FORMAT = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What was asked for.

    env_settings: of the game, in full. tasks: the set's name with its hash; limit: how many of them, from the first
    on. agents: role -> spec. attempts: how often each task is played. temperature: 0 for greedy decoding. top_p,
    max_new_tokens (0: whoever generates decides): of sampling. extra_body: further fields of requests to endpoints.
    chunk: tasks that are played together and recorded at once.
    """

    env: str
    env_version: int
    env_settings: Mapping[str, Any]
    tasks: str
    limit: int
    agents: Mapping[str, str]
    attempts: int
    temperature: float
    top_p: float
    max_new_tokens: int
    extra_body: Mapping[str, Any]
    seed: int
    alpha: float
    chunk: int
    format: int = FORMAT

    @property
    def decoding(self) -> str:
        """How answers were chosen, in words."""
        cut = f" and top_p {self.top_p:g}" if self.top_p != 1 else ""
        how = "greedy" if self.temperature == 0 else f"sampled at temperature {self.temperature:g}{cut}"
        # Left out of requests by a null in extra_body.
        theirs = [name for name in ("temperature", "top_p") if name in self.extra_body]
        return f"{how}; endpoints: {' and '.join(theirs)} as they choose" if theirs else how

    @property
    def episodes(self) -> int:
        """How many episodes the entry has when it is complete."""
        return self.limit * self.attempts

    def game(self) -> Game[Any]:
        """Returns the game that was played."""
        return mas_envs.make_game(self.env, **self.env_settings)


def read_entry(folder: Path) -> Entry:
    """Returns what entry.json says; raises StateError where it cannot be read or is of another version."""
    data = read_json(folder / "entry.json")
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise StateError(f"{folder / 'entry.json'} is no entry of format {FORMAT}. Make the entry anew.")
    try:
        entry = Entry(**data)
        for field in fields(Entry):
            value, kind = getattr(entry, field.name), get_origin(field.type) or field.type
            allowed: Any = (int, float) if kind is float else kind
            known = isinstance(value, allowed) and not isinstance(value, bool)
            if not known or (kind is float and not abs(value) < 1e9):  # nor NaN
                raise TypeError(f"{field.name} is {str(value)[:60]!r}")
        if not all(isinstance(spec, str) for spec in entry.agents.values()):
            raise TypeError("agents are not all strings")
    except TypeError as error:
        raise StateError(f"{folder / 'entry.json'} is damaged ({error}). Make the entry anew.") from error
    version = mas_envs.make_game(entry.env).version
    if version != entry.env_version:
        raise StateError(f"The entry was made with version {entry.env_version} of {entry.env}; this is {version}.")
    return entry


def read_json(path: Path) -> Any:
    """Returns a file's JSON value; raises StateError where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StateError(f"{path} cannot be read ({error}). Give the folder of an entry that is complete.") from error


# ---- episodes ------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Used:
    """What the answers of one episode took, as far as those who gave them say.

    completions: answers asked for. cut: by a token budget. failed: that never came, which masks the episode. tries:
    requests for them, retries counted. tokens: written. cost: in the currency of the prices that were given.
    """

    completions: int = 0
    cut: int = 0
    failed: int = 0
    tries: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    cost: float = 0.0

    def add(self, completion: Completion) -> None:
        """Counts one more answer."""
        own = completion.usage or Usage(completion_tokens=len(completion.token_ids))
        self.completions += 1
        self.cut += completion.stop_reason in ("length", "prompt_length")
        self.failed += bool(completion.failure)
        self.tries += own.tries
        self.prompt_tokens += own.prompt_tokens
        self.tokens += own.completion_tokens
        self.cost += own.cost


def prompt_hash(prompt: Prompt) -> str:
    """Returns 16 hexadecimal digits that name what an agent read."""
    return hashlib.blake2b(prompt.text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def to_line(number: int, episode: Episode, used: Used) -> dict[str, Any]:
    """Returns the record of one episode, JSON values all; `number` counts the entry's tasks."""
    return {
        "number": number,
        "task": asdict(episode.task),
        "attempt": episode.attempt,
        "success": episode.success,
        "returns": episode.returns and dict(episode.returns),
        "turns": episode.turns,
        "tokens": used.tokens,
        "usage": {name: value for name, value in asdict(used).items() if name != "tokens"},
        "moments": [
            {
                "prompts": {agent: prompt_hash(prompt) for agent, prompt in moment.prompts.items()},
                "actions": dict(moment.actions),
                "rewards": moment.rewards and dict(moment.rewards),
                "errors": dict(moment.info.get("errors", {})),
                "results": list(moment.results),
                **({"failures": dict(failures)} if (failures := moment.info.get("failures")) else {}),
            }
            for moment in episode.moments
        ],
    }


USAGE = tuple(field.name for field in fields(Used) if field.name != "tokens")
"""Names of what a record holds under `usage`; tokens stand beside it."""


def replay_steps(game: Game[Any], task: Task, line: Mapping[str, Any]) -> Iterator[tuple[Moment, Step[Any] | None]]:
    """Plays a record's actions again, with its results; yields every moment as it comes out, and its step.

    A moment whose rewards are recorded as None was lost to the infrastructure: it has no step, and it is the last.
    """
    state = game.initial(task)
    for recorded in line["moments"]:
        acting = game.acting(state)
        prompts = {agent: game.observe(state, agent) for agent in acting}
        actions = {agent: recorded["actions"][agent] for agent in acting}
        if recorded["rewards"] is None:
            if not recorded.get("failures") and not game.effects(state, actions):
                raise ValueError(
                    "a moment is said to be lost, but every answer came, and nothing had to be carried out"
                )
            yield Moment(prompts, actions, None, {}), None
            return
        results = tuple(recorded["results"])
        if len(results) != (asked := len(game.effects(state, actions))):
            raise ValueError(f"{len(results)} results are recorded where the game asks for {asked}")
        step = game.step(state, actions, [Result(value) for value in results])
        yield Moment(prompts, actions, {}, step.info, results), step
        state = step.state


# ---- summaries -----------------------------------------------------------------------------------------------------
def summarise(
    entry: Entry, game: Game[Any], tasks: Sequence[Task], lines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Returns what follows from the episodes, got by playing them again.

    success: share of the episodes that succeeded, masked ones left out; with_masked_as_failures: the same with those
    counted as failures. rewards: the mean sum, per episode, of every named reward term. invalid_actions: share of
    actions with which the game found something wrong. pass_at: for k up to the attempts, the chance that one of k
    attempts at a task succeeds (the unbiased estimate of arXiv 2107.03374). majority_at: the same for the answer that
    most of k attempts give (see `benchmarks.voting`). Of both a k is left out of which no task has as many attempts.
    families: where tasks have families, success and known episodes of each. usage: what all answers took (`Used`).
    digest: of the entry and all records, so that no edit of them goes unnoticed, even one without consequences.
    """
    terms: dict[str, float] = {}
    families: dict[str, list[bool]] = {}
    actions = invalid = 0
    votes: dict[int, list[Vote]] = {}
    for line in lines:
        step = None
        for moment, step in replay_steps(game, tasks[line["number"]], line):
            actions += len(moment.actions)
            if step is not None:
                invalid += sum(agent in step.info["errors"] for agent in moment.actions)
                _add(terms, "team", step.reward.team_terms)
                for agent, local in step.reward.local_terms.items():
                    _add(terms, agent, local)
        if step is not None and step.info.get("family"):
            families.setdefault(step.info["family"], []).append(line["success"] is True)
        if step is not None and has_votes(game):
            votes.setdefault(line["number"], []).append(Vote(final_answer(step.state), line["success"] is True))
    known = [line["success"] for line in lines if line["success"] is not None]
    low, high = wilson(sum(known), len(known))
    every_low, every_high = wilson(sum(known), len(lines))
    return {
        "success": _rounded(sum(known) / max(1, len(known))),
        "ci95": [_rounded(low), _rounded(high)],
        "episodes": len(lines),
        "masked": len(lines) - len(known),
        "with_masked_as_failures": {
            "success": _rounded(sum(known) / max(1, len(lines))),
            "ci95": [_rounded(every_low), _rounded(every_high)],
        },
        "pass_at": {str(k): _rounded(p) for k in _ks(entry.attempts) if (p := pass_at(k, lines)) is not None},
        "majority_at": {str(k): _rounded(p) for k in _ks(entry.attempts) if (p := majority_at(k, votes)) is not None},
        "families": {
            name: {"success": _rounded(sum(found) / len(found)), "episodes": len(found)}
            for name, found in sorted(families.items())
        },
        "rewards": {name: _rounded(value / max(1, len(lines))) for name, value in sorted(terms.items())},
        "turns": _rounded(sum(line["turns"] for line in lines) / max(1, len(lines))),
        "invalid_actions": _rounded(invalid / max(1, actions)),
        "tokens": sum(line["tokens"] for line in lines),
        "usage": {name: _rounded(sum(line["usage"][name] for line in lines)) for name in USAGE},
        "digest": _digest([asdict(entry), *lines]),
    }


def _digest(values: Sequence[Mapping[str, Any]]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        digest.update(json.dumps(value).encode())
    return digest.hexdigest()


def _add(terms: dict[str, float], who: str, found: Mapping[str, float]) -> None:
    for name, value in found.items():
        terms[f"{who}/{name}"] = terms.get(f"{who}/{name}", 0.0) + value


def _rounded(value: float) -> float:
    return round(value, 6)


def _ks(attempts: int) -> list[int]:
    return [k for k in (1, 2, 4, 8, 16, 32, 64, 128, attempts) if k <= attempts]


def pass_at(k: int, lines: Sequence[Mapping[str, Any]]) -> float | None:
    """Returns 1 - C(n - c, k) / C(n, k), averaged over tasks with k attempts that were not lost; None without any."""
    outcomes: dict[int, list[bool]] = {}
    for line in lines:
        if line["success"] is not None:
            outcomes.setdefault(line["number"], []).append(line["success"])
    chances: list[float] = []
    for found in outcomes.values():
        n, failures = len(found), found.count(False)
        if n >= k:
            missed = 1.0
            for i in range(k):
                missed *= max(0, failures - i) / (n - i)
            chances.append(1 - missed)
    return sum(chances) / len(chances) if chances else None


def read_lines(path: Path, whole: bool) -> list[dict[str, Any]]:
    """Returns the records of episodes.jsonl; without `whole` a last line that a kill cut off is left out.

    Raises StateError, naming the line, for one that is no record.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{path} cannot be read ({error}).") from error
    lines = text.split("\n")
    if lines[-1] and whole:
        raise StateError(f"Line {len(lines)} of {path} is cut off. Go on with the evaluation, or make the entry anew.")
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or not record.keys() >= _KEYS:
                raise ValueError("it lacks a key")
        except (ValueError, RecursionError) as error:
            raise StateError(f"Line {number} of {path} is no record of an episode ({error}).") from error
        found.append(record)
    return found


_KEYS = {"number", "task", "attempt", "success", "returns", "turns", "tokens", "usage", "moments"}


def task_set_of(entry: Entry) -> str:
    """Returns the name of an entry's task set without its hash."""
    if not entry.tasks:
        raise UsageError("The entry names no task set.")
    return entry.tasks.rpartition("@")[0]
