"""Many tasks at once: `step_all`, which trees, chains and evaluation share, and `VectorEnv`, for RL code.

Whoever has an inference server wants every prompt that needs an answer now, in one list, and to hand back one list
of answers:

    envs = VectorEnv(make_game("sokoban"), num_envs=256)
    asked = envs.reset(seed=0)
    while asked:
        chats = [[message._asdict() for message in ask.prompt.messages] for ask in asked]
        answers = [done.outputs[0].text for done in llm.chat(chats)]  # vLLM's; any other server will do
        asked, rewards, terminated, truncated, infos = envs.step(answers)

Each environment gives what it would give alone; what the games want done in the world is carried out in one batch.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mas_envs.core.errors import UsageError, in_range
from mas_envs.core.game import AgentID, Game, Prompt, Step
from mas_envs.core.seeding import derive
from mas_envs.effects import EffectRunner, run_effects, runner_for
from mas_envs.play import Stream, checked, clipped
from mas_envs.views import View


def step_all(
    game: Game[Any], joint: Iterable[tuple[Any, Mapping[AgentID, str]]], effect_runner: EffectRunner | None
) -> list[Step[Any] | None]:
    """Returns the step of every (state, actions), or None where an effect of it failed; all effects in one batch.

    Actions are taken as they are: clip what a model wrote (`core.text.clip_action`) before.
    """
    return [step for step, _ in step_with_results(game, joint, effect_runner)]


def step_with_results(
    game: Game[Any], joint: Iterable[tuple[Any, Mapping[AgentID, str]]], effect_runner: EffectRunner | None
) -> list[tuple[Step[Any] | None, tuple[Any, ...]]]:
    """Returns what `step_all` does, each with the values of its effects' results."""
    asked = [(state, actions, game.effects(state, actions)) for state, actions in joint]
    runner = runner_for(game, effect_runner)
    done = iter(run_effects(runner, [effect for _, _, effects in asked for effect in effects]))
    steps: list[tuple[Step[Any] | None, tuple[Any, ...]]] = []
    for state, actions, effects in asked:
        results = [next(done) for _ in effects]
        if any(result.failed for result in results):
            steps.append((None, ()))
        else:
            steps.append((game.step(state, actions, results), tuple(result.value for result in results)))
    return steps


class Asked(NamedTuple):
    """One answer that is needed now: the environment (0, 1, ...), the agent that acts in it, and what it reads."""

    env: int
    agent: AgentID
    prompt: Prompt


class VectorStep(NamedTuple):
    """What the answers to all that was asked led to, for N environments and A agents.

    asked: the answers that are needed next, ordered by environment; empty when every episode is over.
    rewards: float64 (N, A), agents in the order of `VectorEnv.agents`: alpha * team + local.
    terminated, truncated: bool (N,); an episode ends for all agents at once.
    infos: "success", "mask_sample" (the infrastructure failed: leave the episode out), both bool (N,), and "turn",
        int (N,), as in the infos of a single environment; "steps": of each environment the game's own `Step`, with
        the terms of the reward and what was wrong with whose action (`step.info["errors"]`), or None.

    An environment whose episode was over before has rewards 0 and no step; the rest is what it was.
    """

    asked: tuple[Asked, ...]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    infos: dict[str, Any]


class _Report(NamedTuple):
    """How an environment stands."""

    terminated: bool = False
    truncated: bool = False
    success: bool = False
    masked: bool = False
    turn: int = 0


class VectorEnv:
    """N tasks of one game that are stepped together, each as a single environment would be.

    Args:
        game: the rules, as from `mas_envs.make_game`.
        num_envs: N.
        alpha: weight of the team's reward in each agent's: r_i = alpha * team + local_i.
        effect_runner: carries out what the game wants done in the world, for all environments in one batch; by
            default the game's own does.
        autoreset: an environment whose episode ends draws its next task in that same step: `asked` has the first
            prompts of the new episode beside the rewards and infos of the old one. Without it (the default, for
            evaluation) the environment is asked no more, and the loop ends by itself.

    Attributes:
        agents: every agent of the game, in the order of the columns of `rewards`.
        states: where each environment stands, as the game's own state: `game.render(envs.states[3])`.
    """

    def __init__(
        self,
        game: Game[Any],
        num_envs: int,
        alpha: float = 1.0,
        effect_runner: EffectRunner | None = None,
        autoreset: bool = False,
    ):
        self.game, self.alpha = checked(game, alpha)
        self.num_envs, self.agents = in_range("num_envs", num_envs, 1, 2**20), game.agents
        self.effect_runner, self.autoreset = effect_runner, bool(autoreset)
        self._view = View(game, observation_type="text")
        self.states: list[Any] = []
        self._streams = [Stream()] * self.num_envs
        self._reports = [_Report()] * self.num_envs
        self._asked: tuple[Asked, ...] = ()

    def reset(self, seed: int | Iterable[int] | None = None, tasks: Iterable[Any] | None = None) -> tuple[Asked, ...]:
        """Begins N episodes and returns the answers that are needed, ordered by environment.

        Nothing has changed when this raises.

        Args:
            seed: of all; environment i is reset with `derive("vector", seed, i)`. A list has each environment's own
                seed, and without any each draws the next task of its own stream, as a single environment does.
            tasks: what each plays: a Task, or a text that the game reads as one.
        """
        if isinstance(seed, Iterable):
            seeds = _list_of("seed", seed, self.num_envs, "environment")
        elif seed is not None:
            seeds = [derive("vector", in_range("seed", seed, 0, 2**63), i) for i in range(self.num_envs)]
        else:
            seeds = [None] * self.num_envs
        streams = [stream.next(own) for stream, own in zip(self._streams, seeds, strict=True)]
        given = (
            [stream.task_of(self.game) for stream in streams]
            if tasks is None
            else ([self.game.task_from(task) for task in _list_of("tasks", tasks, self.num_envs, "environment")])
        )
        self.states = [self.game.initial(task) for task in given]
        self._streams, self._reports = streams, [_Report()] * self.num_envs
        return self._ask()

    def step(self, answers: Iterable[str]) -> VectorStep:
        """Takes one answer for each of the latest `asked`, in that order. Nothing has changed when this raises.

        Of an answer longer than `core.text.MAX_LENGTH` the last so many characters count.
        """
        if not self._asked:
            raise UsageError("Nothing is asked: call reset() first, or again where every episode is over.")
        said = self._by_env(answers)
        joint = [(self.states[i], self._view.texts(self.game.acting(self.states[i]), said[i])) for i in said]
        steps = step_all(self.game, [(state, clipped(texts)[0]) for state, texts in joint], self.effect_runner)
        rewards = np.zeros((self.num_envs, len(self.agents)))
        made: list[Step[Any] | None] = [None] * self.num_envs
        for i, step in zip(said, steps, strict=True):
            made[i] = step
            if step is None:
                self._reports[i] = self._reports[i]._replace(truncated=True, masked=True)
            else:
                self.states[i] = state = step.state
                rewards[i] = [step.reward.of(agent, self.alpha) for agent in self.agents]
                self._reports[i] = _Report(step.terminated, step.truncated, step.info["success"], False, state.turn)
        *flags, turn = map(np.array, zip(*self._reports, strict=True))
        terminated, truncated, success, masked = flags
        if self.autoreset:
            for i in np.flatnonzero(terminated | truncated):
                self._streams[i] = self._streams[i].next()
                self.states[i], self._reports[i] = self.game.initial(self._streams[i].task_of(self.game)), _Report()
        infos = {"success": success, "mask_sample": masked, "turn": turn, "steps": tuple(made)}
        return VectorStep(self._ask(), rewards, terminated, truncated, infos)

    def _ask(self) -> tuple[Asked, ...]:
        """Returns, and keeps, what is asked of those who act now."""
        game = self.game
        self._asked = tuple(
            Asked(i, agent, game.observe(state, agent))
            for i, (state, report) in enumerate(zip(self.states, self._reports, strict=True))
            if not (report.terminated or report.truncated)
            for agent in game.acting(state)
        )
        return self._asked

    def _by_env(self, answers: Iterable[str]) -> dict[int, dict[AgentID, str]]:
        """Returns the answers by environment and agent."""
        said: dict[int, dict[AgentID, str]] = {}
        texts = _list_of("answers", answers, len(self._asked), "prompt that was asked")
        for ask, text in zip(self._asked, texts, strict=True):
            said.setdefault(ask.env, {})[ask.agent] = text
        return said


def _list_of(what: str, given: Iterable[Any], count: int, owner: str) -> list[Any]:
    """Returns what was given as a list; raises UsageError unless it has `count` elements, one for each `owner`."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UsageError(f"{what} is a {type(given).__name__}; give a list of {count}, one for each {owner}.")
    found = list(given)
    if len(found) != count:
        raise UsageError(f"{what} has length {len(found)}; it must be {count}, one for each {owner}.")
    return found
