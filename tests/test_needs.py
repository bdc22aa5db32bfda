"""conftest.py's own rules: what is missing is a skip with a reason, or the end of the run where it is required."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MARKERS = """
[pytest]
markers =
    needs
    data
    heavy
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with our conftest.py, and no requirements from outside."""
    monkeypatch.delenv("MAS_ENVS_REQUIRE", raising=False)
    monkeypatch.delenv("MAS_ENVS_TEST_DATA", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makefile(".ini", pytest=MARKERS)
    return pytester


def run(project: pytest.Pytester, body: str) -> pytest.RunResult:
    project.makepyfile(f"import pytest\n{body}")
    return project.runpytest_inprocess("-rs", "-p", "no:cacheprovider")


def test_a_missing_package_skips_and_says_how_to_install_it(project: pytest.Pytester) -> None:
    result = run(project, "@pytest.mark.needs('no_such_package')\ndef test(): assert False")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*no_such_package not installed: pip install no_such_package*")


def test_a_present_package_runs(project: pytest.Pytester) -> None:
    run(project, "@pytest.mark.needs('numpy', 'pytest')\ndef test(): pass").assert_outcomes(passed=1)


def test_one_missing_name_of_several_skips(project: pytest.Pytester) -> None:
    run(project, "@pytest.mark.needs('numpy', 'data')\ndef test(): assert False").assert_outcomes(skipped=1)


def test_the_mark_data_skips_without_the_folder(project: pytest.Pytester) -> None:
    result = run(project, "@pytest.mark.data\ndef test(test_data): assert False")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("*set MAS_ENVS_TEST_DATA*")


def test_the_mark_data_runs_with_the_folder(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAS_ENVS_TEST_DATA", str(project.path))
    body = f"@pytest.mark.data\ndef test(test_data): assert str(test_data) == {str(project.path)!r}"
    run(project, body).assert_outcomes(passed=1)


def test_a_data_folder_that_is_not_there_counts_as_missing(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAS_ENVS_TEST_DATA", str(project.path / "nowhere"))
    run(project, "@pytest.mark.data\ndef test(): assert False").assert_outcomes(skipped=1)


def test_what_is_required_and_missing_fails_the_run(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAS_ENVS_REQUIRE", "dev, data")
    result = run(project, "def test(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*MAS_ENVS_REQUIRE asks for data, but: *set MAS_ENVS_TEST_DATA*")


def test_what_is_required_and_there_lets_the_run_begin(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAS_ENVS_REQUIRE", "data")
    monkeypatch.setenv("MAS_ENVS_TEST_DATA", str(project.path))
    run(project, "def test(): pass").assert_outcomes(passed=1)


def test_a_misspelt_requirement_fails_the_run(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAS_ENVS_REQUIRE", "trian")
    result = run(project, "def test(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*'trian'; allowed: chromium, data, dev, docs, *train, *vllm*")


def test_heavy_tests_never_run_two_at_once(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import time
        from pathlib import Path
        import pytest

        @pytest.mark.heavy
        @pytest.mark.parametrize("n", range(4))
        def test(n):
            open("busy", "x").close()  # fails where another test is between these lines
            time.sleep(0.2)
            Path("busy").unlink()
        """
    )
    project.runpytest_subprocess("-p", "xdist", "-n2", "-p", "no:cacheprovider").assert_outcomes(passed=4)
