"""Other people's RL libraries learn here through their own wrappers: the code of docs/other_libraries.md, as it is.

Every section of that page is a program that begins with the first section's code. It leaves `guessing`, the success
rate without learning, and `trained`, those after it.
"""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs/other_libraries.md"
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.S | re.M))
FIRST = "One loop for all"


def run(section: str) -> dict[str, Any]:
    """Returns the names that a section's program defines."""
    names: dict[str, Any] = {}
    for title in (FIRST, section):
        for code in re.findall(r"```python\n(.*?)```", SECTIONS[title], re.S):
            exec(compile(code, f"{PAGE.name}, {title}", "exec"), names)
    return names


def check(names: dict[str, Any], views: set[object], guessing: float, gain: float) -> None:
    assert set(names["trained"]) == views
    assert names["guessing"] <= guessing
    assert all(rate >= names["guessing"] + gain for rate in names["trained"].values()), names["trained"]


@pytest.mark.slow
@pytest.mark.needs("supersuit", "stable_baselines3", "torch")
@pytest.mark.filterwarnings("ignore")
def test_stable_baselines3_learns_with_supersuit_from_both_numeric_views():
    check(run("SuperSuit and stable-baselines3"), {"flat", "masked"}, guessing=0.4, gain=0.25)


@pytest.mark.slow
@pytest.mark.needs("tianshou", "torch")
@pytest.mark.filterwarnings("ignore")
def test_tianshou_learns_from_both_numeric_views_with_agents_in_turn():
    check(run("Tianshou"), {"flat", "masked"}, guessing=0.4, gain=0.25)


@pytest.mark.slow
@pytest.mark.needs("torchrl", "torch")
@pytest.mark.filterwarnings("ignore")
def test_torchrl_learns_from_numbers_and_text_in_both_apis():
    views = {("parallel", "flat"), ("parallel", "masked"), ("parallel", "text"), ("aec", "masked")}
    check(run("TorchRL"), views, guessing=0.4, gain=0.15)


def test_a_plain_loop_learns_from_text_alone():
    check(run("Text, without a library"), {"text"}, guessing=0.5, gain=0.3)


def test_every_section_with_code_is_tested():
    code = [title for title, text in SECTIONS.items() if "```python" in text]
    tests = Path(__file__).read_text()
    assert code[0] == FIRST and len(code) == 5 and all(f'run("{title}")' in tests for title in code[1:])
