"""One training run from its folder to its summary: everything around the algorithm's own loop."""

import json
import platform
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch

from mas_envs.agents import CallableAgent
from mas_envs.core.errors import UsageError
from mas_envs.core.game import Task, role_of
from mas_envs.core.seeding import derive, rng
from trainers.rl.batch import Row, pack
from trainers.rl.types import Sample
from trainers.rl.update import Optimizer, divergence, update
from trainers.run import checkpoint, reading, setup
from trainers.run.checkpoint import Progress
from trainers.run.config import TINY, Config
from trainers.run.control import Control
from trainers.run.curve import draw_curve
from trainers.run.files import make_folder, write_folder, write_json, write_text
from trainers.run.health import Health
from trainers.run.metrics import Display, JsonLines
from trainers.run.report import Reporter, check_reporters, flat, open_reporters
from trainers.run.scores import Score, score
from trainers.run.signals import Stopped, StopRequest
from trainers.run.warm_start import warm_start

_PACKAGES = ("mas-envs", "torch", "transformers", "numpy", "gymnasium", "pettingzoo")


class Run:
    """What plays, where it writes, and how far it is.

    Opening a run makes its folder, or with `--resume` continues the last checkpoint there.
    """

    def __init__(self, config: Config, stop: StopRequest, argv: Sequence[str]):
        if config.model == TINY:
            torch.set_num_threads(1)  # more cost more than they bring at this size, and the comparison has a core too
        self.config, self.stop, self.argv, self.display = config, stop, argv, Display()
        self.game = setup.make_game(config)
        self.team = setup.team_of(config, self.game)
        self.folder = config.folder
        found = _open_folder(config)
        if found is None:
            self.policies = setup.make_policies(config, self.game, self.team)
        else:
            self.policies = checkpoint.load_policies(config, self.game, self.team, found)
        self.optimizers = {
            name: Optimizer(policy.model, config.optimizer, config.learning_rate, only=policy.trained().values())
            for name, policy in self.policies.items()
        }
        self.progress, self._saved_parts = Progress(), {}
        if found is not None:
            self.progress, self._saved_parts = checkpoint.load_trainer_state(found, self.optimizers)
        check_reporters(config.report_to)
        write_text(self.folder / "config.yaml", config.to_yaml())  # once all is read: what fails leaves no run behind
        self.metrics, self.groups = JsonLines(self.folder / "metrics.jsonl"), JsonLines(self.folder / "groups.jsonl")
        for log in (self.metrics, self.groups):
            log.keep_until(self.progress.iteration)
        self.samplers = {role: self.policies[name] for role, name in self.team.items()}
        self.agents = setup.agents_of(self.team, self.policies)
        self.validation = setup.first_tasks(self.game, "validation", config.validation_tasks)
        self.held_out = setup.first_tasks(self.game, "test", config.limit)
        self.versions = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
        self._parts: dict[str, Any] = {}
        self._health, self._reporters = Health(), list[Reporter]()
        self._opened, self._wall_before, self._begun = time.monotonic(), self.progress.wall_s, 0.0
        if self.progress.before:
            self.keep_reference()

    def begin(self) -> None:
        """Brings a fresh run to the start of RL: warm start, the score before, the first checkpoint."""
        if self.config.demos:
            warm_start(self)
        start = self.progress.warm_start.get("validation") if self.config.demos else self.validate().success
        self.progress.best = {"iteration": 0, "validation": round(start or 0.0, 4)}
        self.progress.tracker_id = secrets.token_hex(8)
        self.display.say(f"playing {len(self.held_out)} held-out tasks before RL")
        self.progress.before = score(self.game, self.agents, self.held_out).to_json()
        for name in ("start", "best"):
            write_folder(self.folder / name, lambda path: checkpoint.save_policies(path, self.policies))
        self.keep_reference()
        self.save()

    def keep_reference(self) -> None:
        """Lets every policy know the one that RL began with, where that is asked for or costs nothing."""
        if self.config.kl or self.config.model == TINY:
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
        n = self.config.tasks_per_iteration
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
            name: pack([s for s in samples if self.team[role_of(s.agent)] == name], constant=bool(self.config.kl))
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
        config, progress, rollout_s = self.config, self.progress, time.process_time() - self._begun
        scale = rate(progress.iteration, config.iterations)
        record["tokens_trained"] = int(sum(row.trained_tokens for of_policy in rows.values() for row in of_policy))
        for name, policy in self.policies.items():
            if rows[name]:
                how = (config.loss, rng("shuffle", seed, name), config.minibatch_samples, config.max_places, scale)
                record[name] = update(policy, self.optimizers[name], rows[name], *how, epochs=config.epochs)
        progress.iteration += 1
        progress.rl_cpu_s += time.process_time() - self._begun
        for name, policy in self.policies.items():
            if rows[name] and progress.iteration % config.eval_every == 0 and policy.reference is not None:
                record[name]["kl_start"] = divergence(policy, rows[name][: config.minibatch_rows], config.max_places)
        progress.tokens_generated += record["tokens_generated"]
        progress.tokens_trained += record["tokens_trained"]
        times = {"rollout_cpu_s": round(rollout_s, 3), "rl_cpu_s": round(progress.rl_cpu_s, 3)}
        self.end_iteration({"iteration": progress.iteration, **times, **record}, groups)

    def validate(self) -> Score:
        """Scores the policies on the validation split, greedily."""
        return score(self.game, self.agents, self.validation)

    def save(self) -> None:
        """Writes a checkpoint."""
        self.progress.wall_s = self.wall_s
        parts = {**self._saved_parts, **{name: part.state_dict() for name, part in self._parts.items()}}
        checkpoint.save_checkpoint(
            self.folder / "checkpoints",
            self.policies,
            self.optimizers,
            self.progress,
            parts,
            self.config.keep_checkpoints,
        )

    @property
    def wall_s(self) -> float:
        """Seconds that the run has taken, over all its resumptions."""
        return self._wall_before + time.monotonic() - self._opened

    def end_iteration(self, record: dict[str, Any], groups: list[dict[str, Any]]) -> None:
        """Validates and saves where it is time, writes metrics and groups to read; raises Stopped if asked to."""
        config, iteration = self.config, self.progress.iteration
        last, note = iteration == config.iterations, f"reward {record['reward']:.3f}"
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
            success, cpu = f"{validation.success:.3f} (n = {validation.n})", f"{self.progress.rl_cpu_s:.0f} CPU s of RL"
            self.display.say(f"iteration {iteration}: validation {success}, {note}, {cpu}")
        if self.stop.asked:
            raise Stopped(f"Saved iteration {iteration} of {config.iterations}; --resume goes on from there.")

    def finish(self, control: Control | None) -> dict[str, Any]:
        """Scores the trained team on the held-out tasks; writes curve.png and summary.json."""
        self.stop.at_once = "Stopped after the last iteration, which is saved; --resume finishes the run."
        self.display.end()
        progress = self.progress
        self.display.say(f"playing {len(self.held_out)} held-out tasks after RL")
        scores: dict[str, Any] = {
            "before": progress.before,
            "after": score(self.game, self.agents, self.held_out).to_json(),
            **{f"after_without_{role}": found.to_json() for role, found in _without_each(self).items()},
        }
        if control is not None:
            self.display.say("waiting for the comparison: the same CPU time on the demonstrations alone")
            scores["warm_start_only"] = control.finish(progress.rl_cpu_s)
            if scores["warm_start_only"] is None:
                self.display.say("The comparison process failed (its error is above); warm_start_only stays empty.")
        summary = {
            **scores,
            "wall_s": round(self.wall_s, 1),
            "rl_cpu_s": round(progress.rl_cpu_s, 1),
            "warm_start": progress.warm_start,
            "iterations": progress.iteration,
            "best": progress.best,
            "tokens_generated": progress.tokens_generated,
            "tokens_trained": progress.tokens_trained,
            "parameters": {name: policy.model.num_parameters() for name, policy in self.policies.items()},
            "trained_parameters": {n: sum(w.numel() for w in p.trained().values()) for n, p in self.policies.items()},
            "trainer": self.config.trainer,
            "env": self.game.name,
            "env_version": self.game.version,
            "env_settings": self.game.settings(),
            "decoding": "greedy",
            "seed": self.config.seed,
            "command": shlex.join(["python", "-m", f"trainers.{self.config.trainer}", *self.argv]),
            "versions": self.versions,
        }
        write_json(self.folder / "summary.json", summary)
        self.draw(summary)
        return summary

    def close(self) -> None:
        """Closes what metrics go to."""
        for reporter in self._reporters:
            reporter.close()

    def finished(self) -> bool:
        """Says whether there is nothing left to do; a picture that a kill prevented is drawn."""
        path = self.folder / "summary.json"
        if not path.exists() or self.progress.iteration < self.config.iterations:
            return False
        if not (self.folder / "curve.png").exists():
            self.draw(json.loads(path.read_text()))
        return True

    def draw(self, summary: Mapping[str, Any]) -> None:
        """Draws curve.png."""
        title = f"{self.config.title} on {self.game.name}, {self.config.policies}"
        draw_curve(self.folder / "curve.png", title, self.metrics.read(), summary)


def rate(iteration: int, iterations: int) -> float:
    """Returns the learning-rate factor: up over 5 iterations, then 1, over the last half down to a tenth."""
    return min(1.0, (iteration + 1) / 5, 0.1 + 1.8 * (1 - iteration / iterations))


def _open_folder(config: Config) -> Any:
    """Makes the run's folder; returns the checkpoint to resume from, or None."""
    folder = config.folder
    saved = folder / "config.yaml"
    if saved.exists():
        if not config.resume:
            raise UsageError(f"{str(folder)!r} holds a run. Go on with --resume, or choose another --output-dir.")
        reading.check_same(reading.read(saved), config)
    elif config.resume:
        raise UsageError(f"There is no run to resume in {str(folder)!r}. Leave --resume out to start one.")
    make_folder(folder)
    found = checkpoint.steps(folder / "checkpoints")
    return found[-1] if found else None


def _without_each(run: Run) -> dict[str, Score]:
    """Returns the score of the trained team with one role replaced by its passive action, where it has one."""
    found: dict[str, Score] = {}
    for role in run.team:
        passive = run.game.passive_action(role)
        if passive is not None:
            stand_in = CallableAgent(lambda prompt, text=passive: text)
            found[role] = score(run.game, {**run.agents, role: stand_in}, run.held_out)
    return found
