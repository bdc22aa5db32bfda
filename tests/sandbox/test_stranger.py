"""The same programs, with a sandbox that an ordinary user runs: the tests of this folder, as nobody."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.stranger import NOBODY, run_as_nobody, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be done")


@pytest.fixture
def stage() -> Iterator[Path]:
    """A folder that others may enter; pytest's own are closed to them, and closed again whenever pytest starts."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def run_tests(stage: Path, *arguments: str) -> str:
    folder = stage / "tmp"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", f"--basetemp={folder}/t", *arguments]
    result = run_as_nobody(command, stage)
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    return result.stdout


def test_sandbox_of_an_ordinary_user_is_safe(stage: Path) -> None:
    code = "import os; assert os.getuid() == 65534; from mas_envs.sandbox.__main__ import report; "
    code += "import sys; text, status = report([]); sys.stdout.write(text); sys.exit(status)"
    result = run_as_nobody([sys.executable, "-c", code], stage)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^level [23]:", result.stdout, re.M)


@pytest.mark.slow
def test_every_program_is_held_by_an_ordinary_users_sandbox(stage: Path) -> None:
    said = run_tests(stage, "tests/sandbox/test_conformance.py")
    passed = re.search(r"(\d+) passed", said)
    assert passed, said
    assert int(passed[1]) > 300


@pytest.mark.slow
def test_losses_are_survived_by_an_ordinary_users_sandbox(stage: Path) -> None:
    run_tests(stage, "-m", "not slow", "tests/sandbox/test_losses.py", "tests/sandbox/test_levels.py")
