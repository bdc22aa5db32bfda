"""Playing an episode of a game: drawing its task, taking actions, what there is to report of them.

`Shell` adds what callers of an environment expect beside that: views, rendering, saving.
"""

import math
import operator
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from mas_envs.core.errors import UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Game, Reward, Step, Task
from mas_envs.core.seeding import SPLITS, derive
from mas_envs.core.text import MAX_LENGTH
from mas_envs.effects import EffectRunner, run_effects, runner_for
from mas_envs.views import View

NOTHING = Reward({}, {})
_NO_TERMS: Mapping[str, float] = {}
_NO_INFO: Mapping[str, Any] = {"success": False, "errors": {}}
_OWN_INFO = ("success", "errors")


class Stream(NamedTuple):
    """The tasks that an environment plays one after the other.

    entropy: names them; None before the first reset. draws: how many were drawn since it was named.
    """

    entropy: int | None = None
    draws: int = 0

    def next(self, seed: int | None = None) -> "Stream":
        """Returns the stream at its next task: that of `seed`, or the one after this; the first is the system's choice.

        Raises UsageError for a seed that is no whole number.
        """
        if seed is None:
            return Stream(secrets.randbits(63) if self.entropy is None else self.entropy, self.draws + 1)
        try:
            return Stream(operator.index(seed))
        except TypeError:
            raise UsageError(f"seed is {seed!r}; it must be a whole number or None.") from None

    def task_of(self, game: Game[Any]) -> Task:
        """Returns the task where the stream stands; `next` was called before."""
        seed = self.entropy or 0
        return game.task_for_seed(derive("next task", seed, self.draws) if self.draws else seed)


class Play:
    """An episode of one game, advanced one moment at a time. It holds the one state, and asks the game for all else.

    Args:
        game, alpha, effect_runner, observation_type, info_type: see `Shell`.
    """

    def __init__(
        self,
        game: Game[Any],
        alpha: float,
        effect_runner: EffectRunner | None,
        observation_type: str | None,
        info_type: str | None,
    ):
        self.game, self.alpha = checked(game, alpha)
        self.effect_runner = effect_runner
        self.view = View(game, observation_type, info_type)
        self._stream = Stream()
        self._state: Any = None
        self._forget()

    def _forget(self) -> None:
        """Clears everything that belongs to one episode, but for its state."""
        self._acting: tuple[AgentID, ...] = ()
        self._pending: dict[AgentID, str] = {}  # what the first of several simultaneous actors have said
        self._reward = NOTHING
        self._step_info = _NO_INFO
        self._errors: dict[AgentID, str] = {}
        self._cut: tuple[AgentID, ...] = ()
        self._terminated: bool = False
        self._truncated: bool = False
        self._masked: bool = False

    # ---- tasks -------------------------------------------------------------------------------------------------
    def _begin(self, seed: int | None, options: Mapping[str, Any] | None) -> None:
        """Starts the episode of the task that `options` names, else of `seed`, else of the next draw."""
        stream = self._stream.next(seed)
        task = self._named_task(options or {})
        state = self.game.initial(stream.task_of(self.game) if task is None else task)
        self.view.check(state)
        self._state, self._stream = state, stream
        self._forget()
        self._acting = self.game.acting(self._state)

    def _named_task(self, options: Mapping[str, Any]) -> Task | None:
        if not isinstance(options, Mapping):
            raise UsageError(f"options is a {type(options).__name__}; it must be a dict or None.")
        if "task" in options:
            return self.game.task_from(options["task"])
        if ("split" in options) != ("index" in options):
            raise UsageError("options has one of split and index; give both, as in {'split': 'test', 'index': 0}.")
        if "split" not in options:
            return None
        split = one_of("split", options["split"], SPLITS)
        return self.game.task(split, in_range("index", options["index"], 0, 2**63))

    # ---- play --------------------------------------------------------------------------------------------------
    @property
    def begun(self) -> bool:
        """Says whether there is an episode: `reset` or `set_state` was called."""
        return self._state is not None

    def _need_begun(self, what: str) -> None:
        if self._state is None:
            raise UsageError(f"{what} before reset(); call reset() first.")

    def _submit(self, agent: AgentID, action: Any) -> None:
        """Takes an acting agent's action; once all who act now have spoken, carries the moment out.

        Nothing has changed when this raises.
        """
        if self.view.discrete or not isinstance(action, str):
            action = self.view.texts((agent,), {agent: action})[agent]
        actions = {**self._pending, agent: action} if self._pending else {agent: action}
        if len(actions) == len(self._acting):
            self._carry_out(actions)
        else:
            self._pending, self._reward = actions, NOTHING

    def _carry_out(self, actions: dict[AgentID, str]) -> None:
        """Carries out the actions, strings all, of those who act now. Nothing has changed when this raises."""
        actions, cut = clipped(actions)
        game, state, results = self.game, self._state, ()
        effects = game.effects(state, actions)
        if effects:
            results = run_effects(runner_for(game, self.effect_runner), effects)
            if any(result.failed for result in results):
                self._mask()
                return
        self._go_on(actions, cut, game.step(state, actions, results))

    def _go_on(self, actions: Mapping[AgentID, str], cut: tuple[AgentID, ...], step: Step[Any]) -> None:
        """Takes over what the actions led to; those of the agents in `cut` were too long."""
        self._state, self._reward, self._terminated, self._truncated, self._step_info = step
        self._pending = {}
        errors = self._step_info["errors"]
        if errors or self._errors:
            for agent in self._acting:
                if agent in errors:
                    self._errors[agent] = errors[agent]
                else:
                    self._errors.pop(agent, None)
        if cut or self._cut:
            self._cut = (*(agent for agent in self._cut if agent not in actions), *cut)
        self._acting = self.game.acting(self._state)

    def _mask(self) -> None:
        """Ends the episode where the infrastructure failed: what the agents did is not judged."""
        self._pending, self._reward, self._acting = {}, NOTHING, ()
        self._truncated = self._masked = True

    @property
    def _over(self) -> bool:
        return self._terminated or self._truncated

    def _info(self, agent: AgentID) -> dict[str, Any]:
        """Returns a fresh info of `agent`.

        turn: turns completed. team_reward, local_reward, reward_components ({"team": {...}, "local": {...}}): of the
        latest step. success: of the episode so far. error, and truncated_action where there was one: of this agent's
        latest action. legal_actions: the single moves that it may make now. mask_sample: the infrastructure failed;
        leave the episode out. What else the game reports follows. With info_type="numbers" there are only those of
        these that are numbers: turn, team_reward, local_reward, success and mask_sample.
        """
        team, report = self._reward.team_terms, self._step_info
        local = self._reward.local_terms.get(agent) or _NO_TERMS
        if self.view.numbers_alone:
            return {
                "turn": self._state.turn,
                "team_reward": sum(team.values(), 0.0),
                "local_reward": sum(local.values(), 0.0),
                "success": report["success"],
                "mask_sample": self._masked,
            }
        info = {
            "turn": self._state.turn,
            "team_reward": sum(team.values(), 0.0) if team else 0.0,
            "local_reward": sum(local.values(), 0.0) if local else 0.0,
            "reward_components": {"team": {**team}, "local": {**local}},
            "success": report["success"],
            "error": self._errors.get(agent, ""),
            "legal_actions": [] if self._masked else [*self.game.legal_actions(self._state, agent)],
            "mask_sample": self._masked,
        }
        if agent in self._cut:
            info["truncated_action"] = True
        if len(report) > len(_OWN_INFO):
            info.update({key: value for key, value in report.items() if key not in _OWN_INFO and key not in info})
        return info


def checked(game: Any, alpha: Any) -> tuple[Game[Any], float]:
    """Returns the game and the weight of the team's reward; raises UsageError unless they are such."""
    if not isinstance(game, Game):
        raise UsageError(f"{game!r} is no game; give one, as from mas_envs.make_game(name).")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise UsageError(f"alpha is {alpha!r}; it must be a finite number.")
    return game, float(alpha)


def clipped(actions: dict[AgentID, str]) -> tuple[dict[AgentID, str], tuple[AgentID, ...]]:
    """Returns the part of each action that counts, its last MAX_LENGTH characters, and whose were longer."""
    for text in actions.values():
        if len(text) > MAX_LENGTH:
            cut = tuple(agent for agent, text in actions.items() if len(text) > MAX_LENGTH)
            return {agent: text[-MAX_LENGTH:] for agent, text in actions.items()}, cut
    return actions, ()
