"""The rows of the table, and the ordinary commands that each is made by.

A row says who plays (a form of the team), how that was trained, and what its policies start from. Its last command is
one of benchmarks.evaluate, on the game's standard task set; before that come a warm start, which all rows of the same
game, form and seed share, and one run of a trainer. Whoever wants to see a row again runs its commands by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import mas_envs
from mas_envs.core.errors import UsageError, one_of
from trainers.run.config import TINY

GAMES = ("sokoban", "plan_path", "sudoku", "code_test", "math_verify")


class Form(NamedTuple):
    """A form of the team: the value of a game's `roles`, and further settings."""

    roles: str
    settings: tuple[str, ...] = ()


FORMS = {
    "single": Form("single"),
    "single-turns": Form("single", ("turns=4",)),
    "team": Form("team"),
    "tools": Form("tool-planner"),
}
# In math_verify a single reasoner's first answer ends the episode; the agent that can use several turns is the tool's.
_OWN_FORMS = {("math_verify", "single-turns"): Form("tool")}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    trainer: module of trainers, or "" where nothing is trained; policies and flags are for that. agent: who plays, a
    spec of benchmarks.evaluate in which {run:NAME} is the folder of the last policies of another row of the same game
    and seed; "" for what was trained (or the warm start). start: the form whose warm start the policies begin with, ""
    for the row's own. games: which games have the row.
    """

    name: str
    title: str
    form: str
    trainer: str = ""
    policies: str = "shared"
    flags: tuple[str, ...] = ()
    agent: str = ""
    start: str = ""
    games: tuple[str, ...] = GAMES


_BOARDS, _ABLATION = GAMES[:3], ("plan_path",)
_SWAPPED = "planner=hf:{run:team-atgrpo-per-role}/executor,executor=hf:{run:team-atgrpo-per-role}/planner"

ROWS = (
    Row("random", "random answers", "team", agent="random"),
    Row("single", "single agent", "single"),
    Row("single-grpo", "single agent + GRPO", "single", "grpo"),
    Row("single-turns", "single agent, as many turns as the team", "single-turns"),
    Row("single-turns-grpo", "single agent, as many turns, + GRPO", "single-turns", "grpo"),
    Row("team", "team", "team"),
    Row("team-grpo", "team + GRPO, whole episodes compared", "team", "grpo"),
    Row("team-atgrpo-shared", "team + AT-GRPO, one policy", "team", "atgrpo"),
    Row("team-atgrpo-per-role", "team + AT-GRPO, one per role", "team", "atgrpo", "per-role"),
    Row("tools", "paper's team", "tools", games=_BOARDS),
    Row("tools-atgrpo-shared", "paper's team + AT-GRPO, one policy", "tools", "atgrpo", games=_BOARDS),
    Row("tools-atgrpo-per-role", "paper's team + AT-GRPO, one per role", "tools", "atgrpo", "per-role", games=_BOARDS),
    Row("expert", "scripted experts", "team", agent="expert"),
)
ABLATION = (
    Row("alone", "trained alone, playing alone", "single-turns", "grpo", start="team", games=_ABLATION),
    Row("alone-in-team", "trained alone, playing as a team", "team", agent="hf:{run:alone}/shared", games=_ABLATION),
    Row("swapped", "one per role, roles swapped", "team", agent=_SWAPPED, games=_ABLATION),
    *(
        Row(f"{flag}-{value}", f"{words} {value}", "team", "atgrpo", flags=(f"--{flag}", value), games=_ABLATION)
        for flag, words, values in (
            ("group-by", "groups of a task by", ("agent", "turn", "none")),
            ("alpha", "weight of the team's reward", ("0.5", "0")),
        )
        for value in values
    ),
)
ALL = {row.name: row for row in (*ROWS, *ABLATION)}

RL_SECONDS = 100
"""CPU seconds that a run of the scale `tiny` has for RL, about."""
# CPU seconds of one iteration of --preset tiny, about, on one thread. By them a run has its number of iterations, so
# that it can be had again exactly, which a clock in the trainer would not allow. Measured over whole runs, or guessed
# from those of the same game. Every row says what it took.
_SECONDS = {
    "sokoban": {"single": 0.8, "single-turns": 0.9, "team-atgrpo": 0.5, "team-grpo": 3.1, "tools-atgrpo": 10.0},
    "plan_path": {"single": 2.0, "single-turns": 3.2, "team-atgrpo": 2.0, "team-grpo": 8.0, "tools-atgrpo": 3.5},
    "sudoku": {"single": 0.6, "single-turns": 4.5, "team-atgrpo": 2.8, "team-grpo": 12.0, "tools-atgrpo": 4.0},
    "code_test": {"single": 1.5, "single-turns": 2.0, "team-atgrpo": 2.3, "team-grpo": 20.0},
    "math_verify": {"single": 0.3, "single-turns": 0.5, "team-atgrpo": 0.75, "team-grpo": 3.4},
}
_MINUTES = {"warm": 1.2, "train": RL_SECONDS / 60 + 0.8, "play": 0.4}
"""Expected minutes of a command at the scale `tiny`, on a core of its own."""


@dataclass(frozen=True)
class Scale:
    """How large everything is.

    model: "tiny", or a local checkpoint, which has no warm start. warm, train, play: further flags for the three kinds
    of commands. iterations: of every trainer; 0 for as many as RL_SECONDS allow.
    """

    name: str
    model: str = TINY
    warm: tuple[str, ...] = ()
    train: tuple[str, ...] = ("--preset", "tiny", "--demos", "0")
    play: tuple[str, ...] = ()
    iterations: int = 0

    def iterations_of(self, game: str, row: Row) -> int:
        """Returns the iterations of a row's trainer."""
        return self.iterations or max(5, 5 * round(RL_SECONDS / seconds_per_iteration(game, row) / 5))


def seconds_per_iteration(game: str, row: Row) -> float:
    """Returns the CPU seconds of an iteration of --preset tiny, about."""
    return _SECONDS[game][row.form if row.form.startswith("single") else f"{row.form}-{row.trainer}"]


class Step(NamedTuple):
    """A command: its folder, the module and its arguments, the steps that come before it, expected minutes."""

    name: str
    module: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...]
    minutes: float


def form_of(game: str, form: str) -> Form:
    """Returns the settings of a form in a game."""
    return _OWN_FORMS.get((game, form), FORMS[form])


def unavailable(game: str, row: Row) -> str:
    """Returns why a game cannot be played in a row's form, "" where it can."""
    try:
        mas_envs.make_game(game, roles=form_of(game, row.form).roles)
    except UsageError as error:
        return str(error)
    return ""


def rows_of(game: str, names: Sequence[str]) -> list[Row]:
    """Returns a game's rows of those names (all where there are none), in order; raises UsageError for a wrong one."""
    for name in names:
        one_of("row", name, ALL)
    return [row for row in ALL.values() if game in row.games and (not names or row.name in names)]


def steps_of(row: Row, game: str, seed: int, scale: Scale, work: Path) -> list[Step]:
    """Returns the commands of a row in their order, the last one its evaluation."""
    steps = _training(row, game, seed, scale, work) if not row.agent else []
    agent = row.agent
    for other in (name for name in ALL if f"{{run:{name}}}" in row.agent):
        steps += _training(ALL[other], game, seed, scale, work)
        last = work / steps[-1].name / "checkpoints" / f"step-{scale.iterations_of(game, ALL[other]):06d}"
        agent = agent.replace(f"{{run:{other}}}", str(last))
    if not agent:
        agent = f"run:{work / steps[-1].name}" if steps else f"hf:{scale.model}"
    name = f"{game}-{row.name}-seed{seed}-play"
    form = form_of(game, row.form)
    words = ["--env", game, "--agent", agent, "--settings", f"roles={form.roles}", *form.settings]
    words += ["--seed", str(seed), *scale.play, "--out", str(work / name)]
    needs = (steps[-1].name,) if steps else ()
    return [*steps, Step(name, "benchmarks.evaluate", tuple(words), needs, _MINUTES["play"])]


def _training(row: Row, game: str, seed: int, scale: Scale, work: Path) -> list[Step]:
    start, model, steps = row.start or row.form, scale.model, list[Step]()
    if scale.model == TINY:
        warm = f"{game}-{start}-seed{seed}-start"
        words = ["--env", game, *_roles(game, start), *scale.warm, "--iterations", "0", "--limit", "1", "--no-control"]
        words += ["--seed", str(seed), "--output-dir", str(work / warm)]
        steps.append(Step(warm, "trainers.atgrpo", tuple(words), (), _MINUTES["warm"]))
        model = str(work / warm / "start" / "shared")
    if row.trainer:
        name = f"{game}-{row.name}-seed{seed}"
        iterations = scale.iterations_of(game, row)
        words = ["--env", game, *_roles(game, row.form), "--policies", row.policies, "--model", model]
        words += [
            *scale.train,
            *row.flags,
            "--iterations",
            str(iterations),
            "--eval-every",
            str(max(1, -(-iterations // 4))),
        ]
        words += ["--limit", "1", "--seed", str(seed), "--output-dir", str(work / name)]
        needs = tuple(step.name for step in steps)
        steps.append(Step(name, f"trainers.{row.trainer}", tuple(words), needs, _MINUTES["train"]))
    return steps


def _roles(game: str, form: str) -> list[str]:
    roles, settings = form_of(game, form)
    return ["--roles", roles, *(("--settings", *settings) if settings else ())]


def wanted(
    games: Sequence[str], names: Sequence[str], seeds: Sequence[int], scale: Scale, work: Path
) -> Mapping[tuple[str, str, int], list[Step]]:
    """Returns (game, row, seed) -> commands, for all rows that their game can be played in."""
    return {
        (game, row.name, seed): steps_of(row, game, seed, scale, work)
        for game in games
        for row in rows_of(game, names)
        if not unavailable(game, row)
        for seed in seeds
    }
