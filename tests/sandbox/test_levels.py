import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mas_envs.core.errors import UsageError
from mas_envs.sandbox import Sandbox, SandboxError, Verdict
from mas_envs.sandbox.inside import landlock, syscalls
from mas_envs.sandbox.launch import LAYERS
from mas_envs.sandbox.probes import PROBES, Finding, level_of, worst

ROOT = Path(__file__).parents[2]
TRY = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-net", "true"]
HERE = 3 if shutil.which("bwrap") and subprocess.run(TRY, capture_output=True, check=False).returncode == 0 else 2


@pytest.mark.parametrize(
    ("layers", "level"),
    [
        (LAYERS, HERE),
        (("seccomp", "landlock"), 2),
        (("seccomp",), 1),
        ((), 0),
        (("landlock",), 0),
        (("bubblewrap",), 0),
        (("bubblewrap", "landlock"), 0),
    ],
)
def test_level_is_what_the_layers_hold(layers: tuple[str, ...], level: int) -> None:
    with Sandbox(1, layers=layers, allow_unsafe=True, packages=()) as sandbox:
        assert sandbox.level == level
        result = sandbox.run("print(1)")
        assert (result.verdict, result.stdout, result.level) == ("ok", "1\n", level)
        assert {layer for layer in LAYERS if layer not in layers} <= sandbox.missing.keys()


@pytest.mark.parametrize("layers", [(), ("seccomp",), ("landlock",)])
def test_below_level_two_nothing_runs_unless_asked_for_by_name(layers: tuple[str, ...]) -> None:
    with pytest.raises(SandboxError, match=r"level \d .* 2 is needed.*--check.*allow_unsafe=True"):
        Sandbox(1, layers=layers)


def test_refusal_names_what_a_program_could_do_and_what_is_missing() -> None:
    with pytest.raises(SandboxError, match=r"could: .*start a process.*seccomp: switched off"):
        Sandbox(1, layers=("landlock",))


def test_unknown_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="Unknown layer 'secomp'. Did you mean 'seccomp'"):
        Sandbox(1, layers=("secomp",))


def test_kernel_without_landlock_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    with Sandbox(1, layers=("seccomp", "landlock"), allow_unsafe=True) as sandbox:
        assert (sandbox.level, sandbox.missing["landlock"]) == (1, "this kernel has no Landlock")


def test_other_system_has_resource_limits_alone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "machine", lambda: "")
    monkeypatch.setenv("PATH", "/nowhere")
    with Sandbox(1, allow_unsafe=True) as sandbox:
        assert sandbox.level == 0
        assert set(sandbox.missing) == set(LAYERS)
        assert sandbox.run("print(1)").level == 0


def test_bubblewrap_that_does_not_work_is_left_out_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Sandbox(1) as sandbox:
        assert sandbox.level == 2
        assert "uid map: Permission denied" in sandbox.missing["bubblewrap"]


def test_one_open_door_lowers_the_level_to_what_is_below_it() -> None:
    shut = [Finding(probe, True, "refused") for probe in PROBES]
    assert level_of(shut) == 3
    for number, probe in enumerate(PROBES):
        one_open = [*shut[:number], Finding(probe, False, "possible"), *shut[number + 1 :]]
        assert level_of(one_open) == probe.level - 1
        assert worst([*shut, *one_open]) == worst([*one_open, *shut]) == one_open


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mas_envs.sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_check_shows_every_probe_and_the_level() -> None:
    result = check("--check")
    assert result.returncode == 0, result.stderr
    assert all(probe.name in result.stdout for probe in PROBES)
    assert f"level {HERE}: " in result.stdout
    assert "stopped (" in result.stdout


def test_check_fails_below_level_two() -> None:
    result = check("--check", "--without", "landlock", "--without", "bubblewrap")
    assert result.returncode == 1
    assert "POSSIBLE" in result.stdout
    assert "landlock is not used: switched off" in result.stdout
    assert "level 1: seccomp and resource limits" in result.stdout


@pytest.mark.parametrize("layers", [("seccomp", "landlock"), ("seccomp", "landlock", "bubblewrap")], ids=["2", "3"])
def test_a_package_under_a_private_home_is_imported_also_when_a_program_does_not_name_it(tmp_path, monkeypatch, layers):
    installed = Path(tempfile.mkdtemp(dir=tmp_path)) / "lib"  # in a folder that its owner alone may enter
    (installed / "kept_apart").mkdir(parents=True)
    (installed / "kept_apart" / "__init__.py").write_text("answer = 42")
    monkeypatch.syspath_prepend(str(installed))
    with Sandbox(1, packages=("kept_apart",), layers=layers) as sandbox:
        for program in ("import kept_apart as m", "m = __import__('kept' + '_apart')"):
            result = sandbox.run(program + "\nprint(m.answer)")
            assert (result.verdict, result.stdout) == (Verdict.OK, "42\n"), result.stderr
