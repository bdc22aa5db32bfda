"""What the PettingZoo and Gymnasium shells share beside play: views, rendering, saving.

A shell holds the one state of an episode and asks the game for everything else. What it adds is bookkeeping, and
all of it is in `get_state()`, so that a restored environment goes on identically from any moment.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mas_envs.core.errors import StateError, one_of
from mas_envs.core.game import Game, Reward
from mas_envs.effects import EffectRunner
from mas_envs.play import Play, Stream
from mas_envs.saved import of_type, plain, terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
"""Version of what `get_state` writes around the game's own state; since 1 it says the observation type."""

RENDER_FPS = 2
"""Frames a second at which somebody who watches an episode's `render()` can follow."""


class Shell(Play):
    """An episode of one game as an environment.

    Args:
        game: the rules; one game object may serve many shells.
        alpha: weight of the team's reward in each agent's: r_i = alpha * team + local_i.
        effect_runner: carries out what the game wants done in the world; by default the game's own does.
        render_mode: what `render()` returns: "ansi" (text), "rgb_array" (a picture, where the game has one) or None.
        observation_type: "text", "flat" or "masked": see `mas_envs.views`; by default "text" for a game whose
            actions are text, "flat" for one whose actions are numbers.
        info_type: "full" or "numbers": see `mas_envs.views`; by default "full" with text observations.
    """

    api: ClassVar[str]

    def __init__(
        self,
        game: Game[Any],
        alpha: float = 1.0,
        effect_runner: EffectRunner | None = None,
        render_mode: str | None = None,
        observation_type: str | None = None,
        info_type: str | None = None,
    ):
        super().__init__(game, alpha, effect_runner, observation_type, info_type)
        if render_mode is not None:
            one_of("render_mode", render_mode, game.render_modes)
        self.render_mode = render_mode
        self._prepare()

    def _prepare(self) -> None:
        """Sets what one kind of shell has beside this."""

    def _fresh(self) -> Self:
        """Returns a shell like this one, without an episode."""
        view = self.view
        return type(self)(
            self.game, self.alpha, self.effect_runner, self.render_mode, view.observation_type, view.info_type
        )

    # ---- views -------------------------------------------------------------------------------------------------
    def _rendering(self) -> dict[str, Any]:
        """Returns what `metadata` has to say of rendering."""
        return {"render_modes": list(self.game.render_modes), "render_fps": RENDER_FPS}

    def state(self) -> "str | NDArray[np.float32]":
        """Returns the global view: as text the same that `render` shows, as numbers what the agent to act sees."""
        self._need_begun("state()")
        return self.view.state(self._state)

    def render(self) -> "str | NDArray[np.uint8] | None":
        """Returns the state as text or as a picture, (height, width, 3) in RGB; None where there is no render mode."""
        self._need_begun("render()")
        if self.render_mode == "rgb_array":
            return self.game.picture(self._state)
        return self.game.render(self._state) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing is held open; here because callers of an environment close it."""

    # ---- saving ------------------------------------------------------------------------------------------------
    def get_state(self) -> dict[str, Any]:
        """Returns everything that decides how the environment goes on, as a JSON-serialisable dict."""
        self._need_begun("get_state()")
        reward = self._reward
        return {
            **self._kind(),
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
            "generator": list(self._stream),
            "books": self._dump_books(),
        }

    def _kind(self) -> dict[str, Any]:
        """Returns what a saved state and the environment that loads it must have in common, beside the game."""
        return {
            "format": FORMAT,
            "api": self.api,
            "alpha": self.alpha,
            "observation_type": self.view.observation_type,
        }

    def set_state(self, data: Any) -> None:
        """Makes this environment go on from a moment that `get_state` saved; raises StateError for anything else.

        Nothing has changed when this raises. Wishes to the world (`effect_runner`) and the render mode stay this
        environment's own.
        """
        if not isinstance(data, Mapping):
            raise StateError(f"A {type(data).__name__} is no saved environment state; give what get_state() returned.")
        for key, mine in self._kind().items():
            if key not in data or data[key] != mine:
                raise StateError(
                    f"The saved state has {key} {data.get(key)!r}, this environment has {mine!r}. "
                    f"Make the environment with the same {key} to load it."
                )
        fresh = self._fresh()
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
        self.view.check(self._state)
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
        entropy, draws = (of_type(int, value) for value in data["generator"])
        self._stream = Stream(entropy, draws)
        self._read_books(data["books"])

    def clone(self) -> Self:
        """Returns an independent environment that goes on from this very moment.

        The game and the effect runner are shared (they hold no episode); spaces are the clone's own.
        """
        self._need_begun("clone()")
        twin = self._fresh()
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
        self._stream = other._stream

    def _dump_books(self) -> dict[str, Any]:
        """Returns what one kind of shell keeps beside this, as JSON values."""
        return {}

    def _read_books(self, data: Mapping[str, Any]) -> None:
        """Reads what `_dump_books` wrote; called last in `_read`."""
