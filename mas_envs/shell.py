"""What the PettingZoo and Gymnasium shells share: drawing tasks, taking actions, reporting, saving.

A shell holds the one state of an episode and asks the game for everything else. What it adds is bookkeeping, and
all of it is in `get_state()`, so that a restored environment goes on identically from any moment.
"""

import hashlib
import json
import math
import operator
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from mas_envs.core.errors import StateError, UsageError, in_range, one_of
from mas_envs.core.game import AgentID, Game, Reward, Task, check_actions
from mas_envs.core.seeding import SPLITS, derive
from mas_envs.core.text import MAX_LENGTH
from mas_envs.effects import EffectRunner, run_effects
from mas_envs.saved import of_type, plain, terms

FORMAT = 0
"""Version of what `get_state` writes around the game's own state."""

NOTHING = Reward({}, {})
_NO_TERMS: Mapping[str, float] = {}
_NO_INFO: Mapping[str, Any] = {"success": False, "errors": {}}
_OWN_INFO = ("success", "errors")


class Shell:
    """An episode of one game, advanced one moment at a time.

    Args:
        game: the rules; one game object may serve many shells.
        alpha: weight of the team's reward in each agent's: r_i = alpha * team + local_i.
        effect_runner: carries out what the game wants done in the world; most games want nothing.
        render_mode: "ansi" (`render()` returns text) or None.
    """

    api: ClassVar[str]

    def __init__(
        self,
        game: Game[Any],
        alpha: float = 1.0,
        effect_runner: EffectRunner | None = None,
        render_mode: str | None = None,
    ):
        if not isinstance(game, Game):
            raise UsageError(f"{game!r} is no game; give one, as from mas_envs.make_game(name).")
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
            raise UsageError(f"alpha is {alpha!r}; it must be a finite number.")
        if render_mode is not None:
            one_of("render_mode", render_mode, ("ansi",))
        self.game = game
        self.alpha = float(alpha)
        self.effect_runner = effect_runner
        self.render_mode = render_mode
        self._entropy: int | None = None  # names the stream of tasks that reset() without a seed draws from
        self._draws = 0
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
        self._terminated = self._truncated = self._masked = False

    # ---- tasks -------------------------------------------------------------------------------------------------
    def _begin(self, seed: int | None, options: Mapping[str, Any] | None) -> None:
        """Starts the episode of the task that `options` names, else of `seed`, else of the next draw."""
        if seed is not None:
            try:
                seed = operator.index(seed)
            except TypeError:
                raise UsageError(f"seed is {seed!r}; it must be a whole number or None.") from None
        entropy, draws = self._entropy, self._draws + 1
        if seed is not None:
            entropy, draws = seed, 0
        elif entropy is None:
            entropy = secrets.randbits(63)
        task = self._named_task(options or {})
        if task is None:
            task = self.game.task_for_seed(entropy if draws == 0 else derive("next task", entropy, draws))
        self._state = self.game.initial(task)
        self._entropy, self._draws = entropy, draws
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
        if not isinstance(action, str):
            check_actions((agent,), {agent: action})
        actions = {**self._pending, agent: action} if self._pending else {agent: action}
        if len(actions) == len(self._acting):
            self._carry_out(actions)
        else:
            self._pending, self._reward = actions, NOTHING

    def _carry_out(self, actions: dict[AgentID, str]) -> None:
        """Carries out the actions, strings all, of those who act now. Nothing has changed when this raises."""
        cut: tuple[AgentID, ...] = ()
        for agent, text in actions.items():
            if len(text) > MAX_LENGTH:
                cut = (*cut, agent)
        if cut:
            actions = {agent: text[-MAX_LENGTH:] for agent, text in actions.items()}
        game, results = self.game, ()
        effects = game.effects(self._state, actions)
        if effects:
            results = run_effects(self.effect_runner, effects)
            if any(result.failed for result in results):
                self._mask()
                return
        step = game.step(self._state, actions, results)
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
        self._acting = game.acting(self._state)

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
        leave the episode out. What else the game reports follows.
        """
        team, report = self._reward.team_terms, self._step_info
        local = self._reward.local_terms.get(agent) or _NO_TERMS
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

    # ---- views -------------------------------------------------------------------------------------------------
    def state(self) -> str:
        """Returns the whole state as text, the same that `render` shows: the global view of a text game."""
        self._need_begun("state()")
        return self.game.render(self._state)

    def render(self) -> str | None:
        """Returns the state as text in render mode "ansi", None (with no render mode) otherwise."""
        self._need_begun("render()")
        return self.game.render(self._state) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing is held open; here because callers of an environment close it."""

    # ---- saving ------------------------------------------------------------------------------------------------
    def get_state(self) -> dict[str, Any]:
        """Returns everything that decides how the environment goes on, as a JSON-serialisable dict."""
        self._need_begun("get_state()")
        reward = self._reward
        return {
            "format": FORMAT,
            "api": self.api,
            "alpha": self.alpha,
            "game": self.game.save(self._state),
            "pending": list(self._pending.values()),  # of the first of those who act
            "ending": [self._terminated, self._truncated, self._masked],
            "report": {
                "team": dict(reward.team_terms),
                "local": {agent: dict(terms) for agent, terms in reward.local_terms.items()},
                "info": plain(self._step_info),
                "errors": dict(self._errors),
                "cut": list(self._cut),
            },
            "generator": [self._entropy, self._draws],
            "books": self._dump_books(),
        }

    def set_state(self, data: Any) -> None:
        """Makes this environment go on from a moment that `get_state` saved; raises StateError for anything else.

        Nothing has changed when this raises. Wishes to the world (`effect_runner`) and the render mode stay this
        environment's own.
        """
        if not isinstance(data, Mapping):
            raise StateError(f"A {type(data).__name__} is no saved environment state; give what get_state() returned.")
        for key, mine in (("format", FORMAT), ("api", self.api), ("alpha", self.alpha)):
            if key not in data or data[key] != mine:
                raise StateError(
                    f"The saved state has {key} {data.get(key)!r}, this environment has {mine!r}. "
                    f"Make the environment with the same {key} to load it."
                )
        fresh = type(self)(self.game, self.alpha, self.effect_runner, self.render_mode)
        try:
            fresh._read(data)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            if isinstance(error, StateError):
                raise
            raise StateError(f"The saved environment state is damaged ({type(error).__name__}: {error}).") from error
        self._adopt(fresh)

    def _read(self, data: Mapping[str, Any]) -> None:
        """Fills a fresh shell from saved data; raises what a damaged value happens to raise."""
        game, report = self.game, data["report"]
        self._state = game.load(data["game"])
        self._terminated, self._truncated, self._masked = (of_type(bool, value) for value in data["ending"])
        acting = () if self._masked else game.acting(self._state)
        if bool(acting) == self._over:
            raise ValueError("the game's state and `ending` disagree on whether the episode is over")
        self._acting = acting
        said = of_type(list, data["pending"])
        if len(said) >= max(1, len(acting)):
            raise ValueError(f"{len(said)} actions are pending where {len(acting)} agents act")
        self._pending = {agent: of_type(str, text) for agent, text in zip(acting, said, strict=False)}
        local = {one_of("agent", agent, game.agents): terms(found) for agent, found in report["local"].items()}
        self._reward = Reward(terms(report["team"]), local)
        self._step_info = plain(report["info"])
        of_type(bool, self._step_info["success"])
        self._errors = {
            one_of("agent", agent, game.agents): of_type(str, text) for agent, text in report["errors"].items()
        }
        self._cut = tuple(one_of("agent", agent, game.agents) for agent in report["cut"])
        self._entropy, self._draws = (of_type(int, value) for value in data["generator"])
        self._read_books(data["books"])

    def clone(self) -> Self:
        """Returns an independent environment that goes on from this very moment.

        The game and the effect runner are shared (they hold no episode); spaces are the clone's own.
        """
        self._need_begun("clone()")
        twin = type(self)(self.game, self.alpha, self.effect_runner, self.render_mode)
        twin._adopt(self)
        return twin

    def state_hash(self) -> str:
        """Returns 32 hexadecimal digits of the game's state and what simultaneous actors have said in this moment.

        Equal hashes mean that the same actions lead to the same future; rewards so far do not enter.
        """
        self._need_begun("state_hash()")
        content = [self.game.save(self._state), list(self._pending.items()), self._masked]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _adopt(self, other: Self) -> None:
        """Takes over another shell's episode. States, rewards and reports are never changed in place."""
        self._state, self._acting, self._pending = other._state, other._acting, other._pending
        self._reward, self._step_info, self._errors = other._reward, other._step_info, dict(other._errors)
        self._cut, self._masked = other._cut, other._masked
        self._terminated, self._truncated = other._terminated, other._truncated
        self._entropy, self._draws = other._entropy, other._draws

    def _dump_books(self) -> dict[str, Any]:
        """Returns what one kind of shell keeps beside this, as JSON values."""
        return {}

    def _read_books(self, data: Mapping[str, Any]) -> None:
        """Reads what `_dump_books` wrote; called last in `_read`."""
