"""A site for the tests that look at it in a browser; each worker makes one, where it has such a test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Tab, browser


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """Returns a site with two boards, a run, an entry that does not verify, and hostile ones."""
    from tests.benchmarks.sites import built, edit, evaluated, hostile, of_run, run_folder

    folder = tmp_path_factory.mktemp("leaderboard")
    results = folder / "results"
    for agent in ("expert", "random"):
        evaluated(results / agent, agent)
    of_run(shutil.copytree(results / "random", results / "learned"), run_folder(folder / "run"))
    evaluated(results / "math", "random", "math_verify", 3, "--samples", "2", "--temperature", "1")
    edit(shutil.copytree(results / "random", results / "lies") / "summary.json", success=lambda _: 1.0)
    with pytest.MonkeyPatch.context() as monkeypatch:
        hostile(results / "<img src=x onerror=window.pwned=1>", monkeypatch)
        hostile(results / "hostile-math", monkeypatch, "math_verify")
    bad = shutil.copytree(results / "<img src=x onerror=window.pwned=1>", results / "<b onclick=window.pwned=1>bad")
    edit(bad / "summary.json", success=lambda _: "</p><script>window.pwned = 1</script>")
    assert built(results, folder / "site") == 1
    return folder / "site"


@pytest.fixture(scope="session")
def only_tab() -> Iterator[Tab]:
    with browser() as tab:
        yield tab


@pytest.fixture
def tab(only_tab) -> Tab:
    only_tab.size(1280, 900)
    only_tab.dark(False)
    only_tab.open("about:blank")
    return only_tab


@pytest.fixture
def shots(tmp_path) -> Path:
    folder = Path(os.environ.get("MAS_ENVS_TEST_ARTEFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
