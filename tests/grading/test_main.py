"""`python -m mas_envs.grading`."""

import subprocess
import sys

import pytest


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mas_envs.grading", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_verdict_is_explained() -> None:
    result = run("(1,2)", r"so \boxed{\{1,2\}}.")
    assert result.returncode == 1
    assert "verdict: incorrect" in result.stdout
    assert "a tuple or an interval is not a set" in result.stdout
    assert "exact rules" in result.stdout
    assert r"answer:  \{1,2\}" in result.stdout


@pytest.mark.needs("math")
def test_a_verdict_by_algebra_says_so() -> None:
    result = run(r"\sqrt{8}", r"2\sqrt{2}")
    assert result.returncode == 0
    assert "math-verify" in result.stdout


def test_a_tolerance_can_be_given() -> None:
    assert run("100", "101").returncode == 1
    assert run("100", "101", "--tolerance", "1").returncode == 0


def test_a_wrong_command_line_is_refused() -> None:
    assert run("5").returncode == 2
