"""The pages: what they say of a game is what the game says, and all of them are built without a warning."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mas_envs import make_game
from mas_envs.registry import game_class
from mas_envs.sandbox import SandboxError
from mas_envs.vector import step_all

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """The hook of MkDocs, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("environment_pages", DOCS / "environment_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def games() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "mas_envs/games").glob("*/game.py"))


@pytest.mark.parametrize("name", games())
def test_the_page_of_a_game_is_filled_by_asking_it(hook, name):
    page = (DOCS / f"environments/{name}.md").read_text()
    assert f"<!-- game: {name} -->" in page
    assert name in hook.pages(DOCS)
    filled = hook.on_page_markdown(page)
    assert "<!-- game" not in filled and page.partition("<!--")[0] in filled
    game: Any = make_game(name)
    for text in (*game.agents, f"mas_envs/{name}-v{game.version}", f"`{game.settings()}`"):
        assert text in filled
    for low, high in (game.team_range, game.local_range):
        assert f"{low:g} to {high:g}" in filled


@pytest.mark.parametrize("name", games())
def test_a_page_shows_a_real_prompt_and_reply_of_every_role_in_every_style(hook, name):
    filled = hook.sections(name)
    for style in ("full", "compact"):
        game: Any = make_game(name, style=style)
        state, agents = game.initial(game.task("test", 0)), set()
        while not agents >= set(game.acting(state)):
            actions = {agent: game.expert(state, agent) for agent in game.acting(state)}
            for agent, reply in actions.items():
                for message in game.observe(state, agent).messages:
                    assert message.content in filled, (style, agent)
                assert f"```text\n{reply}\n```" in filled
            agents |= set(actions)
            (step,) = step_all(game, [(state, actions)], None)
            for terms in (step.reward.team_terms, *step.reward.local_terms.values()):
                assert all(f"{value:+.3g} ({term})" in filled for term, value in terms.items() if value)
            state = step.state
        if hook.needs_the_world(game):
            assert f"```text\n{game.render(state)}\n```" in filled.replace("````text", "```text")


def test_a_machine_that_holds_no_programs_builds_the_pages_without_what_they_do(hook, monkeypatch):
    def refuse():
        raise SandboxError("not here")

    monkeypatch.setattr(hook, "shared_sandbox", refuse)
    filled = hook.sections("code_test")
    assert "`coder_0` reads" in filled and "which earns" not in filled and "## Rewards that were seen" not in filled


def test_a_transcript_is_shown_as_the_tests_lock_it(hook):
    page = hook.on_page_markdown("<!-- transcript: code_test-full-sequential -->")
    locked = (ROOT / "tests/games/transcripts/code_test-full-sequential.txt").read_text()
    assert locked in page and page.startswith("````text")


@pytest.mark.parametrize("name", games())
def test_a_page_has_the_version_of_its_game_in_its_history(name):
    page = (DOCS / f"environments/{name}.md").read_text()
    history = page.partition("## Versions")[2]
    assert re.search(rf"^\| {game_class(name).version} \|", history, re.M), "say there what changed"


def test_a_reply_with_a_fence_of_its_own_is_shown_whole(hook):
    assert hook.fence("```python\nx\n```") == "````text\n```python\nx\n```\n````"


@pytest.mark.needs("render")
def test_the_film_of_a_game_is_an_animation(hook):
    assert hook.film("sokoban")[:6] == b"GIF89a"


@pytest.mark.needs("render")
def test_the_code_on_pictures_runs_and_makes_the_animation_that_is_shown(tmp_path):
    for code in re.findall(r"```python\n(.*?)```", (DOCS / "rendering.md").read_text(), re.S):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    made, shown = (film(path) for path in (tmp_path / "sokoban.gif", DOCS / "assets/sokoban.gif"))
    assert made.shape == shown.shape and len(shown) > 5
    assert np.abs(made - shown).mean() < 2, "make docs/assets/sokoban.gif anew, by the code in docs/rendering.md"
    assert (DOCS / "assets/sokoban.gif").stat().st_size < 300_000


def film(path: Path) -> np.ndarray:
    """The frames of an animation, (frames, height, width, 3)."""
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        return np.stack([np.asarray(frame.convert("RGB"), np.float32) for frame in ImageSequence.Iterator(image)])


@pytest.mark.slow
@pytest.mark.needs("docs")
def test_the_pages_are_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name in games():
        page = (tmp_path / f"site/environments/{name}/index.html").read_text()
        assert all(agent in page for agent in make_game(name).agents) and "What the agents read" in page
    assert not list((tmp_path / "site").rglob("*.py"))
