"""The whole contract of an environment: a game is a few pure functions over frozen states.

A game never touches the old state, a global generator, the clock or the network. What must happen in the world
it only names (`effects`); a runner carries that out and hands the results to `step`. So a snapshot is the state
itself, trying K candidates is K calls of `step` from one state, and replay is a fold over recorded actions.

    state = game.initial(game.task("test", 0))
    while agents := game.acting(state):
        actions = {agent: policy(game.observe(state, agent)) for agent in agents}
        state, reward, terminated, truncated, info = game.step(state, actions)
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar, cast

from mas_envs.core.errors import ActionError, StateError, UsageError
from mas_envs.core.seeding import derive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mas_envs.core.numeric import NumericView

AgentID = str
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Role:
    """A part to play. `count` agents have it; their ids are `name_0`, `name_1`, ..."""

    name: str
    instructions: str = ""
    count: int = 1

    @property
    def agents(self) -> tuple[AgentID, ...]:
        return tuple(f"{self.name}_{i}" for i in range(self.count))


def role_of(agent: AgentID) -> str:
    """Returns the role name of an agent id: `planner_0` -> `planner`."""
    return agent.rpartition("_")[0]


@dataclass(frozen=True, slots=True)
class TaskRef:
    """Names one problem instance: where it came from, which one it is there, and what it holds.

    `digest` is a hash of the instance's content, so two references with one digest are the same problem.
    """

    source: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Task:
    """One problem instance: its reference and its content (for a board game, the frozen level)."""

    ref: TaskRef
    content: Any = field(repr=False)


class Message(NamedTuple):
    """One chat message."""

    role: str
    content: str


class Prompt(NamedTuple):
    """What one agent reads at one moment: the standing instructions (may be empty) and the present situation."""

    situation: str
    instructions: str = ""

    @property
    def text(self) -> str:
        """All of it as one string, for policies that know no chat format."""
        return f"{self.instructions}\n\n{self.situation}" if self.instructions else self.situation

    @property
    def messages(self) -> tuple[Message, ...]:
        """Chat form: a system message where there are instructions, then a user message."""
        user = Message("user", self.situation)
        return (Message("system", self.instructions), user) if self.instructions else (user,)


@dataclass(frozen=True, slots=True)
class Effect:
    """A wish to the world (run this program, grade this answer). Subclasses carry what is needed to fulfil it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an effect: JSON values, which are kept with an episode so that it can be replayed.

    `failed` means a fault of the infrastructure, never of what the model wrote.
    """

    value: Any = None
    failed: bool = False


EffectRunner = Callable[[Sequence[Effect]], Sequence[Result]]
"""Carries out effects and returns their results in the same order, `Result(failed=True)` for a fault of its own."""

Terms = Mapping[str, float]


class Reward(NamedTuple):
    """One step's reward: the team's terms, shared by all, and each agent's own; every term has a name."""

    team_terms: Terms
    local_terms: Mapping[AgentID, Terms]

    @property
    def team(self) -> float:
        return sum(self.team_terms.values())

    def local(self, agent: AgentID) -> float:
        terms = self.local_terms.get(agent)
        return sum(terms.values()) if terms else 0.0

    def of(self, agent: AgentID, alpha: float = 1.0) -> float:
        """Returns r_i = alpha * team + local_i (paper section 3; alpha is 1 there)."""
        return alpha * self.team + self.local(agent)


class Step(NamedTuple, Generic[S]):
    """What one joint action led to.

    `info` holds `success` (bool, of the episode so far), `errors` (agent -> what was wrong with its action, in
    words a model can act on) and whatever else the game reports; it is deterministic and JSON-serialisable.
    """

    state: S
    reward: Reward
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


class Game(ABC, Generic[S]):
    """Base class of every game. A subclass sets the attributes and fills in the abstract methods.

    A state is immutable (a frozen dataclass or a NamedTuple) and has at least `turn`, the number of turns completed.

    Attributes set by the subclass:
        name: the registered name, e.g. "sokoban".
        version: goes up when rules, rewards or prompts change; saved states carry it.
        roles: who plays, in the order in which they act.
        turns: the turn budget of an episode (T in the paper).
        team_range, local_range: bounds of one step's team and local reward.
        action_type: "text", or "discrete" where every action is one move, which the numeric view gives a number.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 0
    action_type: str = "text"
    roles: tuple[Role, ...]
    turns: int
    team_range: tuple[float, float]
    local_range: tuple[float, float]

    # ---- tasks -----------------------------------------------------------------------------------------------
    @abstractmethod
    def task(self, split: str, index: int) -> Task:
        """Returns task `index` (0, 1, 2, ...) of a split ("train", "validation", "test"); always the same one."""

    def task_from(self, source: Any) -> Task:
        """Returns the task that `source` describes: a Task; games with a text format accept that as well."""
        if isinstance(source, Task):
            return source
        raise UsageError(f"A task of {self.name} is {type(source).__name__}; give a Task, as from game.task(split, 0).")

    def task_for_seed(self, seed: int) -> Task:
        """Returns the training task that an environment reset with `seed` plays."""
        return self.task("train", derive("reset", seed))

    def listed(self) -> tuple[Task, ...]:
        """Returns every task of a source that has an end, a file, in its order; nothing where tasks are generated."""
        return ()

    # ---- play ------------------------------------------------------------------------------------------------
    @abstractmethod
    def initial(self, task: Task) -> S:
        """Returns the state in which `task` begins."""

    @abstractmethod
    def acting(self, state: S) -> tuple[AgentID, ...]:
        """Returns the agents that act now: one, several at once, or none when the episode is over."""

    @abstractmethod
    def observe(self, state: S, agent: AgentID) -> Prompt:
        """Returns what `agent` reads in `state`."""

    def effects(self, state: S, actions: Mapping[AgentID, str]) -> tuple[Effect, ...]:
        """Returns what has to happen in the world before `step` can be called; nothing for most games."""
        return ()

    def effect_runner(self) -> EffectRunner | None:
        """Returns what carries out the effects where a caller gave nothing for it; None for a game without effects."""
        return None

    @abstractmethod
    def step(self, state: S, actions: Mapping[AgentID, str], results: Sequence[Result] = ()) -> Step[S]:
        """Returns what the actions of all `acting(state)` lead to. Any string is a legal action."""

    # ---- views -----------------------------------------------------------------------------------------------
    @abstractmethod
    def render(self, state: S) -> str:
        """Returns the state as text for a person."""

    def picture(self, state: S) -> "NDArray[np.uint8] | None":
        """Returns the state as a picture, (height, width, 3) in RGB, of one size for one task; None where games have
        none."""
        return None

    @property
    def render_modes(self) -> tuple[str, ...]:
        """Allowed values of an environment's `render_mode`: "ansi", and "rgb_array" for a game that has pictures."""
        draws = type(self).picture is not Game.picture  # pyright: ignore[reportUnknownMemberType]
        return ("ansi", "rgb_array") if draws else ("ansi",)

    def legal_actions(self, state: S, agent: AgentID) -> tuple[str, ...]:
        """Returns the single moves that are legal for `agent` now, where the game has such; else nothing."""
        return ()

    def example_actions(self) -> tuple[str, ...]:
        """Returns well-formed actions that a random agent may draw from."""
        return ()

    def longest_answer(self) -> str:
        """Returns an answer as long as any useful one, to size a completion's token budget by."""
        return max(self.example_actions(), key=len, default="")

    def vocabulary(self) -> tuple[str, ...]:
        """Returns every word that compact prompts and answers can hold, for policies with a small vocabulary.

        Empty where words are not limited; such text is then read character by character.
        """
        return ()

    def symmetric(self, text: str) -> tuple[str, ...]:
        """Returns a compact prompt or answer as it reads on the board's rotations and reflections, itself first.

        Every text of a game gives as many, in the same order: a demonstration is then as many demonstrations.
        """
        return (text,)

    def numeric(self) -> "NumericView | None":
        """Returns the game as numbers, for RL code that knows no text; None where a game has no such view."""
        return None

    def passive_action(self, role: str) -> str | None:
        """Returns the action by which `role` lets its partners have their way, or None where there is none.

        With it a trained team can be scored without one of its roles, to see whether that role earns its place.
        """
        return None

    @abstractmethod
    def expert(self, state: S, agent: AgentID) -> str:
        """Returns a scripted solver's action for `agent` in `state`."""

    # ---- saving ----------------------------------------------------------------------------------------------
    @abstractmethod
    def dump(self, state: S) -> dict[str, Any]:
        """Returns the state as a JSON-serialisable dict; `load` restores it exactly."""

    @abstractmethod
    def restore(self, data: Mapping[str, Any]) -> S:
        """Returns the state of a dict that `dump` made."""

    def save(self, state: S) -> dict[str, Any]:
        """Returns `dump(state)` with the game's name, version and settings, for `load` to check."""
        return {"game": self.name, "version": self.version, "settings": self.settings(), "state": self.dump(state)}

    def load(self, data: Any) -> S:
        """Returns the state that `save` wrote; raises StateError for anything else."""
        if not isinstance(data, Mapping) or not {"game", "version", "settings", "state"} <= data.keys():
            raise StateError("This is no saved state: it needs the keys game, version, settings and state.")
        for key, mine in (("game", self.name), ("version", self.version), ("settings", self.settings())):
            if data[key] != mine:
                raise StateError(
                    f"The saved state has {key} {data[key]!r}, this environment has {mine!r}. "
                    f"Make the environment with the same {key} to load it."
                )
        try:
            return self.restore(cast("Mapping[str, Any]", data["state"]))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise StateError(f"The saved state of {self.name} is damaged ({type(error).__name__}: {error}).") from error

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Returns the construction arguments as JSON values: `make_game(name, **settings)` makes the same game."""

    # ---- who plays -------------------------------------------------------------------------------------------
    @property
    def agents(self) -> tuple[AgentID, ...]:
        """All agents, in role order."""
        return tuple(agent for role in self.roles for agent in role.agents)


def check_actions(acting: Iterable[AgentID], actions: Mapping[AgentID, Any]) -> None:
    """Raises unless `actions` holds a string for every acting agent. (Other agents' entries are ignored.)"""
    for agent in acting:
        if agent not in actions:
            raise UsageError(f"No action for {agent}, who acts now; got actions for {sorted(actions) or 'nobody'}.")
        if not isinstance(actions[agent], str):
            kind = type(actions[agent]).__name__
            raise ActionError(f"The action of {agent} is a {kind}; it must be a str. Any string is legal.")
