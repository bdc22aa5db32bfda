"""What a test may need, and what happens where it is missing.

`@pytest.mark.needs("torch")` skips the test, with a reason, where the package is not installed. A name is a package,
an extra of this distribution (all of its packages), `data` (the folder that MAS_ENVS_TEST_DATA names) or `chromium`;
the marks `data`, `vllm` and `chromium` alone say the same. (A test file that imports an extra at its top begins with
`pytest.importorskip`.) MAS_ENVS_REQUIRE, a list like "train,data", makes the whole run fail where one of them is
missing: a continuous-integration machine that has lost what it should have must not pass.
"""

import fcntl
import os
import shutil
import signal
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

# A job in the background is often told to ignore Ctrl-C, and what it starts as well; the tests of Ctrl-C need it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Workers of pytest-xdist share the cores; must be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

EXTRAS = {
    "train": ("matplotlib", "yaml", "rich", "safetensors", "tokenizers", "torch", "transformers", "tyro"),
    "render": ("PIL",),
    "math": ("latex2sympy2_extended", "math_verify"),
    "hub": ("datasets",),
    "lora": ("peft",),
    "vllm": ("vllm",),
    "rl": ("stable_baselines3", "supersuit", "tianshou", "torchrl"),
    "trl": ("trl",),
    "peers": ("gem", "reasoning_gym", "textarena"),
    "dev": (
        "hypothesis",
        "importlinter",
        "pre_commit",
        "pyright",
        "pytest",
        "pytest_benchmark",
        "pytest_timeout",
        "xdist",
        "ruff",
        "setuptools",
    ),
    "docs": ("material", "mkdocstrings", "PIL"),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MARKS_THAT_NEED = ("data", "vllm", "chromium")


def data_folder() -> Path | None:
    """Returns the folder of real data, or None where MAS_ENVS_TEST_DATA names none."""
    folder = os.environ.get("MAS_ENVS_TEST_DATA", "")
    return Path(folder) if folder and Path(folder).is_dir() else None


def missing(name: str) -> str:
    """Returns why what a test needs is not there, and what to do; "" where it is there."""
    if name == "data":
        return "" if data_folder() else "no data: set MAS_ENVS_TEST_DATA to the folder that holds it"
    if name == "chromium":
        return "" if any(map(shutil.which, BROWSERS)) else f"no browser: install one of {', '.join(BROWSERS)}"
    absent = [package for package in EXTRAS.get(name, (name,)) if find_spec(package) is None]
    extras = [extra for extra, packages in EXTRAS.items() if extra == name or name in packages]
    install = f'pip install -e ".[{extras[0]}]"' if extras else f"pip install {name}"
    return f"{', '.join(absent)} not installed: {install}" if absent else ""


def check_required() -> None:
    """Raises UsageError, which ends the run before the first test, where MAS_ENVS_REQUIRE names what is missing."""
    for name in filter(None, map(str.strip, os.environ.get("MAS_ENVS_REQUIRE", "").split(","))):
        if name not in (known := sorted([*EXTRAS, "data", "chromium"])):
            raise pytest.UsageError(f"MAS_ENVS_REQUIRE names {name!r}; allowed: {', '.join(known)}.")
        if reason := missing(name):
            raise pytest.UsageError(f"MAS_ENVS_REQUIRE asks for {name}, but: {reason}.")


def needed(item: pytest.Item) -> list[str]:
    """Returns the names that a test's marks ask for."""
    names = [name for mark in item.iter_markers("needs") for name in mark.args]
    return names + [name for name in MARKS_THAT_NEED if item.get_closest_marker(name)]


def pytest_configure() -> None:
    check_required()
    if find_spec("hypothesis") is not None:
        from hypothesis import settings

        settings.register_profile("any machine", deadline=None)  # how long an example takes is the machine's affair
        settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Holds a lock during a `heavy` test, so that two never run at once, whatever worker they are on.

    (With pytest 9.2, pytest-xdist 3.8's own groups are ignored.) This is outside pytest-timeout's clock.
    """
    if not item.get_closest_marker("heavy"):
        return (yield)
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in needed(item):
        if reason := missing(name):
            pytest.skip(reason)


@pytest.fixture
def test_data() -> Path:
    """The folder of real data; for tests marked `data`."""
    folder = data_folder()
    assert folder is not None, "a test that uses test_data has to be marked with @pytest.mark.data"
    return folder
