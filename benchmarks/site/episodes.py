"""Episodes as the viewer reads them: one frame for the beginning and one after every joint step.

Nothing of it is taken on trust: boards, terms and errors come from playing the recorded actions again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.entries import replay_steps
from benchmarks.site.png import data_uri
from mas_envs.core.errors import MasEnvsError
from mas_envs.core.game import AgentID, Game, Prompt, Reward, Step, Task

DAMAGED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, MasEnvsError)
"""What playing records again may raise where they are not what a game or a run has written."""
LONGEST = 20_000
"""Characters of one text on a page; of a longer one its end, where the answer is."""


@dataclass
class Film:
    """Texts and pictures of one page, each kept once; frames hold their numbers."""

    texts: list[str] = field(default_factory=list[str])
    pictures: list[str] = field(default_factory=list[str])
    _known: dict[str, int] = field(default_factory=dict[str, int])

    def text(self, text: str) -> int:
        """Returns the number of a text."""
        if len(text) > LONGEST:
            text = f"[{len(text) - LONGEST} characters before this are left out]\n{text[-LONGEST:]}"
        return self._number(text, self.texts)

    def board(self, game: Game[Any], state: Any) -> dict[str, int]:
        """Returns a state as its text and, where the game has pictures, its picture."""
        found = {"text": self.text(game.render(state))}
        if (picture := game.picture(state)) is not None:
            found["picture"] = self._number(data_uri(picture), self.pictures)
        return found

    def prompt(self, prompt: Prompt) -> list[int]:
        """Returns the texts of a prompt: its standing instructions, if there are any, and the situation."""
        return [self.text(part) for part in (prompt.instructions, prompt.situation) if part]

    def _number(self, text: str, kept: list[str]) -> int:
        if text not in self._known:
            self._known[text] = len(kept)
            kept.append(text)
        return self._known[text]


def choose(lines: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """Returns the first `most` records of episodes that succeeded, and of the others, in their order."""
    kept: list[Mapping[str, Any]] = []
    counts = {True: 0, False: 0}
    for line in lines:
        won = line["success"] is True
        counts[won] += 1
        if counts[won] <= most:
            kept.append(line)
    return kept


def episodes_of(
    film: Film, game: Game[Any], tasks: Sequence[Task], lines: Iterable[Mapping[str, Any]], alpha: float
) -> list[dict[str, Any]]:
    """Returns records of episodes as the viewer's, JSON values all.

    Args:
        tasks: those of the entry; a record has its task's number.
    """
    lines = list(lines)
    several = any(line["attempt"] for line in lines)
    return [
        _episode(film, game, tasks[line["number"]], line, alpha)
        | {"name": f"task {line['number']}" + (f", attempt {line['attempt']}" if several else "")}
        for line in lines
    ]


def _episode(film: Film, game: Game[Any], task: Task, line: Mapping[str, Any], alpha: float) -> dict[str, Any]:
    state = game.initial(task)
    boards, steps = [film.board(game, state)], list[dict[str, Any]]()
    for moment, step in replay_steps(game, task, line):
        said = [
            {"agent": agent, "text": film.text(text), "prompt": film.prompt(moment.prompts[agent])}
            for agent, text in moment.actions.items()
        ]
        steps.append({"turn": state.turn, "said": said, **came_of(film, game.agents, step, alpha)})
        if step is None:
            break
        state = step.state
        boards.append(film.board(game, state))
    outcome = {True: "solved", False: "failed", None: "lost"}[line["success"]]
    shown = {"task": task.ref.id, "outcome": outcome, "agents": list(game.agents)}
    return {**shown, "boards": boards, "steps": steps}


def came_of(film: Film, agents: Iterable[AgentID], step: Step[Any] | None, alpha: float) -> dict[str, Any]:
    """Returns what a joint step led to: rewards, their terms, and what was wrong with whose answer.

    None, for a step that the infrastructure lost, has none of it.
    """
    if step is None:
        return {"lost": True}
    reward: Reward = step.reward
    return {
        "rewards": {agent: reward.of(agent, alpha) for agent in agents},
        "team": dict(reward.team_terms),
        "local": {agent: dict(terms) for agent, terms in reward.local_terms.items() if terms},
        "errors": {agent: film.text(error) for agent, error in step.info["errors"].items()},
    }
