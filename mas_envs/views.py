"""How a shell shows a game and takes its actions: as text, or as numbers for RL code that knows no text.

Two things are chosen apart from each other. The game's `action_type`: "text" (any string) or "discrete" (the number
of one move, 0 to do nothing). The shell's `observation_type`:

    text    {"text": what the agent reads}
    flat    the planes of the game's `NumericView`, as one float32 vector with values in [0, 1]
    masked  {"observation": the same vector, "action_mask": int8, 1 for every number that makes sense now}

What is reported beside that, the infos, is the shell's `info_type`: "full", everything, or "numbers", only what is a
number, the same keys at each step. That is the default beside planes, since TorchRL makes tensors of all infos.

A vector is what every library takes without a word about images; `.reshape(game.numeric().shape)` gives the planes
back. The spaces are the same for all agents. A masked action is no error: a blocked move has the outcome that it has
as text. In a ParallelEnv an agent that does not act has a mask that allows 0 alone, and what it says is ignored.
"""

import operator
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from mas_envs.core.errors import ActionError, UsageError, one_of
from mas_envs.core.game import AgentID, Game, check_actions
from mas_envs.core.numeric import NumericView
from mas_envs.core.text import AnyText

OBSERVATION_LENGTH = 2**21
OBSERVATION_TYPES = ("text", "flat", "masked")
INFO_TYPES = ("full", "numbers")

Observation = Any  # dict[str, str], an array, or a dict of arrays, as `observation_type` says
Action = str | int | None  # None for agents that do not act, or whose episode is over


class View:
    """What is seen of a game, and how actions are said.

    Args:
        game: the rules, with their `action_type`.
        observation_type: see above; by default "text" where actions are text, "flat" where they are numbers.
        info_type: see above; by default "full" where observations are text, "numbers" where they are planes.

    Raises UsageError for a game without a numeric view where one is needed, and for a mask without discrete actions.

    Attributes:
        observation_type, info_type: as given, or the default.
        discrete, shows_text, numbers_alone: whether actions are numbers, observations text, infos numbers only.
    """

    def __init__(self, game: Game[Any], observation_type: str | None = None, info_type: str | None = None):
        self._game = game
        self.discrete = game.action_type == "discrete"
        default = "flat" if self.discrete else "text"
        kind = default if observation_type is None else one_of("observation_type", observation_type, OBSERVATION_TYPES)
        self.observation_type, self.shows_text = kind, kind == "text"
        default = "full" if self.shows_text else "numbers"
        self.info_type = default if info_type is None else one_of("info_type", info_type, INFO_TYPES)
        self.numbers_alone = self.info_type == "numbers"
        if kind == "masked" and not self.discrete:
            raise UsageError(
                "observation_type 'masked' says which numbers make sense as actions, but the actions are text. "
                "Add action_type='discrete', or take observation_type='flat'."
            )
        all_text = self.shows_text and not self.discrete
        self._numeric = None if all_text else game.numeric()
        if self._numeric is None and not all_text:
            raise UsageError(f"{game.name} has no numeric view; take action_type='text', observation_type='text'.")

    @property
    def numeric(self) -> NumericView:
        """The game as numbers; raises UsageError where neither actions nor observations are."""
        if self._numeric is None:
            raise UsageError("All is text here; make the environment with action_type='discrete'.")
        return self._numeric

    # ---- spaces ------------------------------------------------------------------------------------------------
    def observation_space(self) -> "spaces.Space[Any]":
        """Returns a fresh space of what one agent sees."""
        if self.shows_text:
            return spaces.Dict({"text": AnyText(OBSERVATION_LENGTH)})
        if self.observation_type == "flat":
            return self.state_space()
        mask = spaces.Box(0, 1, (len(self.numeric.actions),), np.int8)
        return spaces.Dict({"observation": self.state_space(), "action_mask": mask})

    def action_space(self) -> "spaces.Space[Any]":
        """Returns a fresh space of one agent's actions."""
        if self.discrete:
            return spaces.Discrete(len(self.numeric.actions))
        return AnyText(examples=self._game.example_actions())

    def state_space(self) -> "spaces.Space[Any]":
        """Returns a fresh space of `state`."""
        if self.shows_text:
            return AnyText(OBSERVATION_LENGTH)
        return spaces.Box(0.0, 1.0, (prod(self.numeric.shape),), np.float32)

    # ---- observations ------------------------------------------------------------------------------------------
    def check(self, state: Any) -> None:
        """Raises UsageError where this view cannot show the task of `state`: its board has another shape."""
        if not self.shows_text:
            self._vector(state, self._game.agents[0])

    def observe(self, state: Any, agent: AgentID) -> Observation:
        """Returns what `agent` sees in `state`."""
        if self.shows_text:
            return {"text": self._game.observe(state, agent).text}
        if self.observation_type == "flat":
            return self._vector(state, agent)
        return {"observation": self._vector(state, agent), "action_mask": self.numeric.mask(state, agent)}

    def state(self, state: Any) -> str | NDArray[np.float32]:
        """Returns the global view: what `render` shows as text; as numbers, what the first agent to act sees."""
        if self.shows_text:
            return self._game.render(state)
        return self._vector(state, (self._game.acting(state) or self._game.agents)[0])

    def _vector(self, state: Any, agent: AgentID) -> NDArray[np.float32]:
        return self.numeric.planes(state, agent).reshape(-1)

    # ---- actions -----------------------------------------------------------------------------------------------
    def texts(self, acting: tuple[AgentID, ...], actions: Mapping[AgentID, Any]) -> dict[AgentID, str]:
        """Returns the actions of those who act as the text that the game takes; other agents' are left out.

        Raises UsageError for an action that is missing or a number out of range, ActionError for one of another type.
        """
        if self.discrete:
            actions = {**actions, **{agent: self._said(agent, actions[agent]) for agent in acting if agent in actions}}
        check_actions(acting, actions)
        return {agent: actions[agent] for agent in acting}

    def _said(self, agent: AgentID, action: Any) -> str:
        """Returns what a number says; NumPy's numbers and arrays of no dimension are numbers, too."""
        words = self.numeric.actions
        meaning = f"a whole number from 0 (nothing) to {len(words) - 1}; the last is {words[-1]!r}"
        try:
            if isinstance(action, bool):
                raise TypeError
            number = operator.index(action)
        except TypeError:
            kind = type(action).__name__
            raise ActionError(f"The action of {agent} is a {kind} ({action!r}); it must be {meaning}.") from None
        if not 0 <= number < len(words):
            raise UsageError(f"The action of {agent} is {number}; it must be {meaning}.")
        return words[number]
