"""A toy game, small enough to know everything about it (say the first letter of a word), and watching environments."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Effect, Game, Prompt, Result, Reward, Role, Step, Task, TaskRef, check_actions
from mas_envs.core.seeding import SPLITS, derive, rng, split_of

LETTERS = "abcd"
HINTER, TELLER = "hinter_0", "teller_0"


@dataclass(frozen=True, slots=True)
class Grade(Effect):
    """A wish to have an answer graded."""

    answer: str
    letter: str


@dataclass(frozen=True, slots=True)
class LettersState:
    task: Task
    turn: int = 0
    hint: str | None = None
    outcome: str = ""


class Letters(Game[LettersState]):
    """Hinter, then teller, say the first letter of a word; when both are right in one turn the task is solved.

    Args:
        turns: turn budget.
        simultaneous: both speak at once.
        graded: the answers are graded outside, by an effect (`run_grades` carries it out).
    """

    name = "letters"
    version = 0
    team_range = (0.0, 1.0)
    local_range = (-0.1, 0.5)

    def __init__(self, turns: int = 3, simultaneous: bool = False, graded: bool = False):
        self.turns = in_range("turns", turns, 1, 100)
        self.simultaneous, self.graded = simultaneous, graded
        self.roles = (Role("hinter", "Say the first letter."), Role("teller", "Say the first letter."))

    def settings(self) -> dict[str, Any]:
        return {"turns": self.turns, "simultaneous": self.simultaneous, "graded": self.graded}

    def task(self, split: str, index: int) -> Task:
        one_of("split", split, SPLITS)
        generator = rng("letters", split, index)
        while True:
            word = "".join(generator.choices(LETTERS, k=6))
            if split_of(derive(word)) == split:
                return Task(TaskRef("letters", f"{split}/{index}", f"{derive(word):016x}"), word)

    def task_from(self, source: Any) -> Task:
        if isinstance(source, str):
            return Task(TaskRef("letters/text", source, f"{derive(source):016x}"), source)
        return super().task_from(source)

    def initial(self, task: Task) -> LettersState:
        return LettersState(task)

    def acting(self, state: LettersState) -> tuple[AgentID, ...]:
        if state.outcome:
            return ()
        if self.simultaneous:
            return (HINTER, TELLER)
        return (HINTER,) if state.hint is None else (TELLER,)

    def observe(self, state: LettersState, agent: AgentID) -> Prompt:
        hint = f" {state.hint[:8]}" if state.hint and agent == TELLER else ""
        return Prompt(f"{' '.join(state.task.content)}{hint} {agent[:-2]}")

    def effects(self, state: LettersState, actions: Mapping[AgentID, str]) -> tuple[Effect, ...]:
        letter = state.task.content[0]
        return tuple(Grade(actions[agent], letter) for agent in self.acting(state)) if self.graded else ()

    def step(
        self, state: LettersState, actions: Mapping[AgentID, str], results: Sequence[Result] = ()
    ) -> Step[LettersState]:
        acting = self.acting(state)
        if not acting:
            raise UsageError("The episode is over.")
        check_actions(acting, actions)
        letter = state.task.content[0]
        right = {agent: actions[agent].strip() == letter for agent in acting}
        if self.graded:
            right = {agent: bool(result.value) for agent, result in zip(acting, results, strict=True)}
        local = {agent: {"right": 0.5} if ok else {"wrong": -0.1} for agent, ok in right.items()}
        errors = {agent: f"say one of {LETTERS}" for agent in acting if actions[agent].strip() not in set(LETTERS)}
        if not self.simultaneous and acting == (HINTER,):
            new = LettersState(state.task, state.turn, actions[HINTER])
            return Step(new, Reward({}, local), False, False, {"success": False, "errors": errors})
        hinted = right[HINTER] if self.simultaneous else (state.hint or "").strip() == letter
        solved = hinted and right[TELLER]
        turn = state.turn + 1
        outcome = "solved" if solved else "out_of_turns" if turn >= self.turns else ""
        new = LettersState(state.task, turn, None, outcome)
        info = {"success": solved, "errors": errors}
        return Step(new, Reward({"success": float(solved)}, local), solved, outcome == "out_of_turns", info)

    def render(self, state: LettersState) -> str:
        return f"letters, turn {state.turn} of {self.turns}: {state.task.content}"

    def legal_actions(self, state: LettersState, agent: AgentID) -> tuple[str, ...]:
        return tuple(LETTERS) if agent in self.acting(state) else ()

    def example_actions(self) -> tuple[str, ...]:
        return tuple(LETTERS)

    def vocabulary(self) -> tuple[str, ...]:
        return (*LETTERS, "hinter", "teller")

    def expert(self, state: LettersState, agent: AgentID) -> str:
        return state.task.content[0]

    def dump(self, state: LettersState) -> dict[str, Any]:
        ref = state.task.ref
        return {
            "task": [ref.source, ref.id, ref.digest, state.task.content],
            "turn": state.turn,
            "hint": state.hint,
            "outcome": state.outcome,
        }

    def restore(self, data: Mapping[str, Any]) -> LettersState:
        source, name, digest, word = data["task"]
        if f"{derive(word):016x}" != digest:
            raise ValueError("the word does not match its digest")
        task = Task(TaskRef(source, name, digest), word)
        return LettersState(task, int(data["turn"]), data["hint"], str(data["outcome"]))


def run_grades(effects: Sequence[Effect]) -> list[Result]:
    """Carries out the `Grade`s of a graded `Letters`."""
    return [Result(effect.answer.strip() == effect.letter) for effect in effects if isinstance(effect, Grade)]


class FlakyRunner:
    """Fails the first `failures` times that it is asked, whatever it is asked; counts the effects it was given."""

    def __init__(self, failures: int):
        self.failures, self.given = failures, 0

    def __call__(self, effects: Sequence[Effect]) -> list[Result]:
        self.given += len(effects)
        self.failures -= 1
        return [Result(failed=True) for _ in effects] if self.failures >= 0 else run_grades(effects)


def seen(env: Any) -> Any:
    """Everything that a caller can see of an AEC environment now."""
    books = (env.agents, env.rewards, env.terminations, env.truncations, env.infos)
    now = (env.agent_selection, env.last(), [env.observe(agent) for agent in env.agents]) if env.agents else ()
    return copy.deepcopy((books, now, env.state()))


def play_on(env: Any, texts: Sequence[str]) -> list[Any]:
    """Plays an AEC environment with the texts in turn, over the end of the episode into the next; returns all seen."""
    trace = []
    for text in texts:
        if not env.agents:
            env.reset()
        over = env.terminations[env.agent_selection] or env.truncations[env.agent_selection]
        env.step(None if over else text)
        trace.append(seen(env))
    return trace
