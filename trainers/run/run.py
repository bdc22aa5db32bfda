"""One training run from its folder to its summary: everything around the algorithm's own loop."""

import platform
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mas_envs.core.errors import UsageError
from mas_envs.core.game import Task, role_of
from mas_envs.core.seeding import derive, rng
from trainers.policies.engine import EnginePolicy
from trainers.policies.huggingface import HuggingFacePolicy
from trainers.rl.batch import Row, pack
from trainers.rl.correction import corrected
from trainers.rl.types import Sample
from trainers.rl.update import divergence, update
from trainers.run import checkpoint, reading, setup
from trainers.run.base_config import TINY, Config
from trainers.run.checkpoint import Progress
from trainers.run.config import RL
from trainers.run.control import Control
from trainers.run.files import make_folder, write_folder, write_text
from trainers.run.health import Health
from trainers.run.imitation import Imitated
from trainers.run.metrics import Display, JsonLines
from trainers.run.report import Reporter, check_reporters, flat, open_reporters
from trainers.run.scores import Score, score
from trainers.run.signals import Stopped, StopRequest
from trainers.run.warm_start import warm_start

_PACKAGES = ("mas-envs", "torch", "transformers", "numpy", "gymnasium", "pettingzoo")


class Run:
    """What plays, where it writes, and how far it is.

    Opening a run writes nothing; with `--resume` it continues the last checkpoint in its folder.
    """

    def __init__(self, config: Config, stop: StopRequest, argv: Sequence[str]):
        if config.model == TINY:
            torch.set_num_threads(1)  # more cost more than they bring at this size, and the comparison has a core too
        self.config, self.stop, self.argv, self.display = config, stop, argv, Display()
        self.game = setup.make_game(config)
        self.team = setup.team_of(config, self.game)
        self.folder = config.folder
        found = _saved(config)
        if found is None:
            self.policies = setup.make_policies(config, self.game, self.team)
        else:
            self.policies = checkpoint.load_policies(config, self.game, self.team, found)
        self.optimizers = setup.make_optimizers(config, self.policies, config.learning_rate)
        self.progress, self._saved_parts = Progress(), {}
        if found is not None:
            self.progress, self._saved_parts = checkpoint.load_trainer_state(found, self.optimizers)
        check_reporters(config.report_to)
        self.rollout = setup.rollout_of(config, self.policies)
        self._sampling = setup.make_samplers(self.rollout, config, self.policies)
        self.metrics, self.groups = JsonLines(self.folder / "metrics.jsonl"), JsonLines(self.folder / "groups.jsonl")
        self.samplers = {role: self._sampling[name] for role, name in self.team.items()}
        self.agents = setup.agents_of(self.team, self._sampling)
        self.validation = setup.first_tasks(self.game, "validation", config.validation_tasks)
        self.held_out = setup.first_tasks(self.game, "test", config.limit)
        self.versions = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
        self._parts: dict[str, Any] = {}
        self._health, self._reporters = Health(), list[Reporter]()
        self._opened, self._wall_before, self._begun = time.monotonic(), self.progress.wall_s, 0.0
        self.control: Control | None = None

    @property
    def rl(self) -> RL:
        """The settings of a run that learns from rewards."""
        assert isinstance(self.config, RL)
        return self.config

    def begin(self) -> None:
        """Makes the folder, and brings a fresh run to the start of training; starts the comparison, if there is one.

        A trainer refuses what it cannot train on before it calls this, so that nothing is left behind.
        """
        make_folder(self.folder)
        write_text(self.folder / "config.yaml", self.config.to_yaml())
        for log in (self.metrics, self.groups):
            log.keep_until(self.progress.iteration)
        self.display.say(f"rollout: {self.rollout}")
        if self.progress.before:
            self.keep_reference()
        else:
            self._start()
        if isinstance(self.config, RL) and self.config.control and self.config.demos:
            self.control = Control(self.folder)

    def _start(self) -> None:
        """Makes the warm start, the score before and the first checkpoint."""
        if isinstance(self.config, RL) and self.config.demos:
            warm_start(self)
        start = self.progress.warm_start.get("validation")
        start = self.validate().success if start is None else start
        self.progress.best = {"iteration": 0, "validation": round(start, 4)}
        self.progress.tracker_id = secrets.token_hex(8)
        self.display.say(f"playing {len(self.held_out)} held-out tasks before {self.config.title}")
        self.progress.before = score(self.game, self.agents, self.held_out).to_json()
        for name in ("start", "best"):
            write_folder(self.folder / name, lambda path: checkpoint.save_policies(path, self.policies))
        self.keep_reference()
        self.save()

    def keep_reference(self) -> None:
        """Lets every policy know the one that RL began with, where the settings want it."""
        if self.config.keeps_start:
            for name, policy in self.policies.items():
                policy.keep_reference(self.folder / "start" / name)

    def iterations(self) -> Iterator[int]:
        """Yields the seed of every iteration that is left; `learn` has to end each."""
        config, progress = self.config, self.progress
        self.display.begin(config.title, config.iterations, progress.iteration)
        where = (self.folder, asdict(config), progress.tracker_id, progress.iteration)
        self._reporters = open_reporters(config.report_to, *where) if progress.iteration < config.iterations else []
        while progress.iteration < config.iterations:
            self._begun = time.process_time()
            yield derive("iteration", config.seed, progress.iteration)

    def tasks(self, seed: int, batch: int = 0) -> list[Task]:
        """Returns the training tasks of the iteration with this seed: its first batch, or a further one."""
        n = self.rl.tasks_per_iteration
        return [self.game.task("train", derive("task", seed, i)) for i in range(n * batch, n * (batch + 1))]

    def keep(self, name: str, part: Any) -> Any:
        """Returns a part of a trainer's own (with state_dict and load_state_dict), from now on saved in checkpoints.

        In a run that is resumed it is brought to the state of the checkpoint.
        """
        if name in self._saved_parts:
            part.load_state_dict(self._saved_parts.pop(name))
        self._parts[name] = part
        return part

    def rows(self, samples: Sequence[Sample]) -> dict[str, list[Row]]:
        """Returns every policy's samples as rows."""
        return {
            name: pack([s for s in samples if self.team[role_of(s.agent)] == name], constant=self.rl.kl > 0)
            for name in self.policies
        }

    def learn(
        self, seed: int, rows: Mapping[str, list[Row]], record: dict[str, Any], groups: list[dict[str, Any]]
    ) -> None:
        """Takes every policy one update on by its rows, and ends the iteration.

        Args:
            record: what the trainer measured in the rollout: the mean reward, `tokens_generated` and more.
            groups: a few of the samples for people to read.
        """
        config, progress, rollout_s = self.rl, self.progress, time.process_time() - self._begun
        scale = rate(progress.iteration, config.iterations)
        record["tokens_trained"] = int(sum(row.trained_tokens for of_policy in rows.values() for row in of_policy))
        for name, policy in self.policies.items():
            if rows[name]:
                how = (config.loss, rng("shuffle", seed, name), config.minibatch_samples, config.max_places, scale)
                batch, apart = self._against_sampler(policy, rows[name])
                record[name] = apart | update(policy, self.optimizers[name], batch, *how, epochs=config.epochs)
        self._count(record["tokens_generated"], record["tokens_trained"])
        for name, policy in self.policies.items():
            if rows[name] and progress.iteration % config.eval_every == 0 and policy.reference is not None:
                record[name]["kl_start"] = divergence(policy, rows[name][: config.minibatch_rows], config.max_places)
        self._end_iteration({"rollout_cpu_s": round(rollout_s, 3), **record}, groups, f"reward {record['reward']:.3f}")

    def _against_sampler(self, policy: HuggingFacePolicy, rows: list[Row]) -> tuple[list[Row], dict[str, float]]:
        """Returns rows to learn from, and how far the sampler's probabilities are from the trainer's, if that is asked.

        Where they need no correction, some rows are enough to know; where the policy sampled itself, there is no gap.
        """
        cap, places = self.rl.importance_cap, self.rl.max_places
        if cap is not None:
            return corrected(policy, rows, cap, places)
        some = rows[: self.rl.minibatch_rows] if self.rollout != "hf" else []
        return rows, corrected(policy, some, None, places)[1] if some else {}

    def imitated(self, steps: Mapping[str, Imitated]) -> None:
        """Ends an iteration that was one supervised step of every policy."""
        tokens, loss = sum(one.tokens for one in steps.values()), sum(one.loss for one in steps.values()) / len(steps)
        self._count(0, tokens)
        record = {"tokens_trained": tokens, **{name: {"loss": one.loss} for name, one in steps.items()}}
        self._end_iteration(record, [], f"loss {loss:.3f}")

    def _count(self, tokens_generated: int, tokens_trained: int) -> None:
        self.progress.iteration += 1
        self.progress.rl_cpu_s += time.process_time() - self._begun
        self.progress.tokens_generated += tokens_generated
        self.progress.tokens_trained += tokens_trained

    def validate(self) -> Score:
        """Scores the policies on the validation split, greedily."""
        return score(self.game, self.agents, self.validation)

    def save(self) -> None:
        """Writes a checkpoint."""
        self.progress.wall_s = self.wall_s
        parts = {**self._saved_parts, **{name: part.state_dict() for name, part in self._parts.items()}}
        what = (self.policies, self.optimizers, self.progress, parts, self.config.keep_checkpoints)
        checkpoint.save_checkpoint(self.folder / "checkpoints", *what)

    @property
    def wall_s(self) -> float:
        """Seconds that the run has taken, over all its resumptions."""
        return self._wall_before + time.monotonic() - self._opened

    def _end_iteration(self, found: Mapping[str, Any], groups: list[dict[str, Any]], note: str) -> None:
        """Validates and saves where it is time, writes metrics and groups to read; raises Stopped if asked to."""
        config, iteration = self.config, self.progress.iteration
        record = {"iteration": iteration, "rl_cpu_s": round(self.progress.rl_cpu_s, 3), **found}
        last = iteration == config.iterations
        validation = self.validate() if last or iteration % config.eval_every == 0 else None
        for line in self._health.warnings(record):
            self.display.say(line)
        if validation is not None:
            record["validation"] = validation.to_json()
            if (success := round(validation.success, 4)) > self.progress.best["validation"]:
                self.progress.best = {"iteration": iteration, "validation": success}
                write_folder(self.folder / "best", lambda path: checkpoint.save_policies(path, self.policies))
            self.groups.append(*({"iteration": iteration, **group} for group in groups))
        self.metrics.append(record)
        for reporter in self._reporters:
            reporter.log(iteration, flat(record))
        if last or self.stop.asked or iteration % config.save_every == 0:
            self.save()
        self.display.step(iteration, note)
        if validation is not None:
            success, cpu = f"{validation.success:.3f} (n = {validation.n})", f"{self.progress.rl_cpu_s:.0f} CPU s"
            self.display.say(f"iteration {iteration}: validation {success}, {note}, {cpu}")
        if self.stop.asked:
            raise Stopped(f"Saved iteration {iteration} of {config.iterations}; --resume goes on from there.")

    def close(self) -> None:
        """Closes what metrics go to, and stops the engines that sampled and the comparison."""
        for sampler in self._sampling.values():
            if isinstance(sampler, EnginePolicy):
                sampler.close()
        for reporter in self._reporters:
            reporter.close()
        if self.control is not None:
            self.stop.ignore()
            self.control.stop()


def rate(iteration: int, iterations: int) -> float:
    """Returns the learning-rate factor: up over 5 iterations, then 1, over the last half down to a tenth."""
    return min(1.0, (iteration + 1) / 5, 0.1 + 1.8 * (1 - iteration / iterations))


def _saved(config: Config) -> Path | None:
    """Returns the checkpoint to resume from, or None; raises UsageError where the folder is not as --resume says."""
    folder = config.folder
    saved = folder / "config.yaml"
    if saved.exists():
        if not config.resume:
            raise UsageError(f"{str(folder)!r} holds a run. Go on with --resume, or choose another --output-dir.")
        reading.check_same(reading.read(saved), config)
    elif config.resume:
        raise UsageError(f"There is no run to resume in {str(folder)!r}. Leave --resume out to start one.")
    return next(reversed(checkpoint.steps(folder / "checkpoints")), None)
