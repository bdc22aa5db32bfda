"""Entries and runs for the tests of verify and of the leaderboard: honest ones, and ones full of hostile texts."""

import json
from pathlib import Path
from random import Random

from benchmarks import agents, evaluate, leaderboard, verify
from benchmarks.entries import summarise
from mas_envs import make_game
from mas_envs.agents import CallableAgent
from tests.browser import Tab
from trainers.rl.rollout import collect_tree
from trainers.rl.types import Candidates, Sampled
from trainers.run.metrics import readable_groups

HOSTILE = (
    "</script><script>window.pwned = 1</script><!-- <script> <img src=x onerror='window.pwned = 1'>"
    "<svg onload=window.pwned=1> \" ' & | `x` [a](javascript:alert(1)) \u2028 \u202e \x00 \ud800"
)


def evaluated(folder: Path, agent: str, env: str = "sokoban", limit: int = 12, *more: str) -> Path:
    words = ["--env", env, "--agent", agent, "--limit", str(limit), "--out", str(folder), *more]
    assert evaluate.main(words) == 0
    return folder


def hostile(folder: Path, monkeypatch, env: str = "sokoban") -> Path:
    """Makes an entry that verifies, whose answers, agents and command are hostile."""
    monkeypatch.setitem(agents.ALONE, "random", lambda: CallableAgent(lambda prompt: HOSTILE))
    evaluated(folder, "random", env, 3)
    edit(folder / "entry.json", agents=lambda found: dict.fromkeys(found, HOSTILE))
    edit(folder / "summary.json", command=lambda found: HOSTILE)
    return sealed(folder)


def sealed(folder: Path) -> Path:
    """Makes an edited entry's summary fit again, as somebody could who takes the trouble."""
    found = verify.load(folder)
    edit(folder / "summary.json", digest=lambda _: summarise(*found)["digest"])
    return folder


def edit(path: Path, **changes) -> None:
    """Changes values of a JSON file by functions of what they are."""
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, **{key: change(found[key]) for key, change in changes.items()}}))


def lines_of(folder: Path) -> list[dict]:
    """Returns the records of an entry's episodes."""
    return [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]


def write_lines(folder: Path, lines: list[dict]) -> None:
    (folder / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


class Drawing:
    """A sampler that draws from the game's example actions."""

    def __init__(self, game):
        self._actions = game.example_actions()

    def sample(self, prompts, k, seeds, temperature=None):
        return [
            Candidates((), tuple(Sampled(Random(seed + i).choice(self._actions), (), ()) for i in range(k)))
            for seed in seeds
        ]


def run_folder(folder: Path, env: str = "sokoban", iterations=(10, 20)) -> Path:
    """Writes what a run leaves, with groups of real rollouts; returns the path of its checkpoint's policy."""
    game = make_game(env, style="compact")
    sampler = Drawing(game)
    folder.mkdir()
    groups = [
        {"iteration": iteration, **group}
        for iteration in iterations
        for group in readable_groups(
            collect_tree(game, [game.task("train", iteration)], {r.name: sampler for r in game.roles}, 6, iteration)[0]
        )
    ]
    metrics = [
        {"iteration": i, "rl_cpu_s": 6.0 * i, "validation": {"success": i / 40, "n": 40}} for i in iterations
    ]  # fmt: skip
    for name, records in (("groups", groups), ("metrics", metrics)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "config.yaml").write_text(f"trainer: atgrpo\nenv: {env}\nalpha: 1.0\n")
    settings = {"env": env, "env_settings": game.settings(), "warm_start": {"validation": 0.125}}
    (folder / "summary.json").write_text(json.dumps(settings))
    policy = folder / "checkpoints" / "step-000020" / "shared"
    policy.mkdir(parents=True)
    return policy


def of_run(entry: Path, policy: Path) -> Path:
    """Says of an entry that a run's policy played it (who wrote the actions, nobody can verify)."""
    edit(entry / "entry.json", agents=lambda found: dict.fromkeys(found, f"hf:{policy}"))
    return sealed(entry)


def built(results: Path, out: Path, *more: str) -> int:
    return leaderboard.main([str(results), "--out", str(out), *more])


def data_of(page: Path) -> dict:
    """Returns what a page's script is given."""
    text = page.read_text(encoding="utf-8")
    return json.loads(text.partition('id="data">')[2].partition("</script>")[0])


def pages(site: Path) -> list[str]:
    """Returns the addresses of all pages, the index first."""
    return [path.as_uri() for path in (site / "index.html", *sorted((site / "entries").iterdir()))]


def entry(site: Path, name: str, where: str = "") -> str:
    return (site / f"entries/{name}.html").as_uri() + where


def where(tab: Tab) -> str:
    [text] = tab.texts("#where")
    return text


def choose(tab: Tab, selector: str, value: str) -> None:
    tab.js(
        f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event('input')) }})(document.querySelector({selector!r}))"
    )
