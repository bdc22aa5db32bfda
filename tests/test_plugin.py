"""A package of somebody else's, installed: its game gets shells, registry, agents and trainers for nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "tests/plugin"
PAGE = (ROOT / "docs/add_an_environment.md").read_text()

pytestmark = pytest.mark.needs("pip", "setuptools")


def run(arguments: list[str], folder: Path, path: tuple[Path, ...] = (), seconds: int = 300) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder of packages that holds the plug-in alone, built and installed from its pyproject.toml."""
    source, target = tmp_path_factory.mktemp("plugin") / "source", tmp_path_factory.mktemp("site")
    shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = "-m pip install --quiet --no-input --no-index --no-deps --no-build-isolation --disable-pip-version-check"
    run([*pip.split(), "--target", str(target), str(source)], source)
    return target


def test_the_installed_package_announces_its_game_and_nothing_is_imported_before_it_is_made(site, tmp_path):
    program = """
import sys, mas_envs
from mas_envs.registry import registration
print("number_line" in mas_envs.registered(), "number_line" in sys.modules, registration("number_line").gymnasium_id)
print(type(mas_envs.make_game("number_line")).__module__, sys.modules["number_line"].__file__)
"""
    first, second = run(["-c", program], tmp_path, (site, ROOT)).splitlines()
    assert first == "True False mas_envs/NumberLine-v0"
    assert second.split() == ["number_line", str(site / "number_line.py")], "the installed one, not the source"


def test_without_the_package_there_is_no_such_game(tmp_path):
    program = "import mas_envs; print('number_line' in mas_envs.registered())"
    assert run(["-c", program], tmp_path, (ROOT,)).strip() == "False"


def test_the_game_keeps_the_contract_and_passes_the_checks_of_both_libraries(site, tmp_path):
    program = """
import warnings
warnings.simplefilter("ignore")
import gymnasium, pettingzoo
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test, seed_test
import mas_envs
from mas_envs.testing import check_game

for settings in ({}, {"style": "compact"}, {"numbers": 10, "turns": 1}, {"numbers": 99, "turns": 8}):
    check_game(mas_envs.make_game("number_line", **settings))
api_test(pettingzoo.make("aec", "mas_envs/number_line-v0"), num_cycles=50)
seed_test(lambda: pettingzoo.make("aec", "mas_envs/number_line-v0"), num_cycles=20)
parallel_api_test(pettingzoo.make("parallel", "mas_envs/number_line-v0", numbers=30), num_cycles=50)
check_env(gymnasium.make("mas_envs/NumberLine-v0").unwrapped)
print("all passed")
"""
    assert run(["-c", program], tmp_path, (site, ROOT)).splitlines()[-1] == "all passed"


def test_the_guesser_cannot_read_the_secret_and_needs_the_hinter(site, tmp_path):
    program = """
import mas_envs
from mas_envs.agents import ExpertAgent, RandomAgent, play

for style in ("compact", "full"):
    game = mas_envs.make_game("number_line", style=style, numbers=99)
    seen = {}
    for index in range(300):
        task = game.task("train", index)
        seen.setdefault(task.content.start, set()).add(game.observe(game.initial(task), "guesser_0"))
    assert max(map(len, seen.values())) == 1, "what the guesser reads at first depends on more than the start"
game = mas_envs.make_game("number_line")
tasks = [game.task("test", index) for index in range(100)]
for hinter in (ExpertAgent(), RandomAgent()):
    episodes = play(game, {"hinter": hinter, "guesser": ExpertAgent()}, tasks)
    print(sum(episode.success for episode in episodes))
"""
    helped, misled = map(int, run(["-c", program], tmp_path, (site, ROOT)).split())
    assert helped == 100 and misled < 80


def test_many_of_its_tasks_are_played_at_once_and_an_episode_becomes_an_animation(site, tmp_path):
    program = """
import mas_envs
from mas_envs.agents import ExpertAgent, play
from mas_envs.animation import frames
from mas_envs.vector import VectorEnv

game = mas_envs.make_game("number_line")
envs, lengths = VectorEnv(game, num_envs=3), []
asked = envs.reset(seed=0)
while asked:
    lengths.append(len(asked))
    asked, *_ = envs.step(["higher 1"] * len(asked))
task = game.task("test", 0)
[episode] = play(game, {"hinter": ExpertAgent(), "guesser": ExpertAgent()}, [task])
print(lengths[0], len(lengths) <= 10, len(frames(game, task, episode)) == len(episode.moments) + 1)
"""
    assert run(["-c", program], tmp_path, (site, ROOT)).split() == ["3", "True", "True"]


@pytest.mark.slow
@pytest.mark.needs("train")
def test_it_trains_by_name(site, tmp_path):
    small = "--iterations 2 --tasks-per-iteration 4 --num-generations 4 --demos 30 --warm-start-steps 20 --limit 8"
    small += " --validation-tasks 8 --eval-every 1 --no-control"
    arguments = f"-m trainers.atgrpo --env number_line {small} --output-dir run".split()
    run(arguments, tmp_path, (site, ROOT))
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert len(lines) >= 2 and all(json.loads(line) for line in lines)
    assert json.loads((tmp_path / "run/summary.json").read_text())


@pytest.mark.needs("train")
def test_it_is_evaluated_and_verified_by_name(site, tmp_path):
    played = ["--env", "number_line", "--agent", "expert", "--limit", "20", "--out", "entry"]
    run(["-m", "benchmarks.evaluate", *played], tmp_path, (site, ROOT))
    assert "verified, success 1.000" in run(["-m", "benchmarks.verify", "entry"], tmp_path, (site, ROOT))


# ---- the tutorial ------------------------------------------------------------------------------------------------
def code(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def blocks(language: str, title: str = "") -> list[str]:
    head = f'```{language} title="{title}"' if title else f"```{language}"
    return re.findall(re.escape(head) + r"\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize(("language", "title"), [("python", "number_line.py"), ("toml", "pyproject.toml")])
def test_the_code_of_the_tutorial_is_the_package(language, title):
    shown, real = code("\n".join(blocks(language, title))), code((PLUGIN / title).read_text())
    assert shown == real, f"docs/add_an_environment.md and tests/plugin/{title} differ; change both alike"


@pytest.mark.parametrize("block", blocks("python"))
def test_what_the_tutorial_does_with_the_package_runs(block, site, tmp_path):
    run(["-c", block], tmp_path, (site, ROOT))
