"""The speed suite finds what has become slower, and nothing else; it says so by its exit status."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tyro")

from benchmarks import speed
from benchmarks.rounds import fewer
from benchmarks.speed import Line, compare, slower
from mas_envs.core.errors import StateError


def test_a_ratio_that_fell_by_more_than_the_tolerance_is_slower():
    assert compare({"a": 1.0}, {"a": 0.74}, 0.25) == [Line("a", 1.0, 0.74, "slower")]
    assert compare({"a": 1.0}, {"a": 0.76}, 0.25) == [Line("a", 1.0, 0.76, "")]
    assert slower(compare({"a": 4.0, "b": 0.1}, {"a": 2.0, "b": 0.1}, 0.25)) == ["a"]


def test_a_ratio_that_rose_as_much_is_faster_and_no_fault():
    (line,) = compare({"a": 0.3}, {"a": 0.41}, 0.25)
    assert line.says == "faster" and slower([line]) == []


def test_what_was_not_measured_or_is_new_is_named_and_no_fault():
    lines = compare({"gone": 2.0, "stays": 1.0}, {"stays": 1.0, "comes": 9.0}, 0.25)
    assert [(line.name, line.says) for line in lines] == [("gone", "not measured"), ("stays", ""), ("comes", "new")]
    assert slower(lines) == []


def test_without_a_record_nothing_is_called_new():
    assert compare({}, {"a": 1.0}, 0.25) == [Line("a", None, 1.0, "")]


def test_the_table_has_every_ratio_with_three_digits():
    text = speed.table(compare({"step": 0.12345, "gone": 2.0}, {"step": 0.0512, "new": 12.3456}, 0.25))
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["step", "0.123", "0.0512", "slower"], ["gone", "2", "not", "measured"], ["new", "12.3", "new"]
    ]  # fmt: skip


def benchmark(folder, ratio, floor=0.0):
    """Writes a benchmark whose ratio is read from a file, and counts how often it ran; returns its path."""
    path = folder / f"bench_{folder.name}.py"  # a module of its own in this process
    (folder / "ratio").write_text(str(ratio))
    (folder / "conftest.py").write_text("from benchmarks.conftest import ratios\n")
    path.write_text(
        f"from pathlib import Path\nHERE = Path({str(folder)!r})\n"
        "def test_it(ratios):\n"
        "    ratios['it'] = float((HERE / 'ratio').read_text())\n"
        "    with (HERE / 'runs').open('a') as file: file.write('x')\n"
        f"    assert ratios['it'] >= {floor}\n"
        "def test_without_ratios(): raise AssertionError('not for the suite')\n"
    )
    return str(path)


def test_a_record_is_written_and_the_next_run_is_compared_with_it(tmp_path, capsys):
    path, record = benchmark(tmp_path, 2.0), str(tmp_path / "speed.json")
    assert speed.main([path, "--json", record, "--compare", record]) == 2  # nothing to compare with yet
    (tmp_path / "speed.json").write_text(json.dumps({"ratios": {"it": 2.5}}))
    assert speed.main([path, "--json", record, "--compare", record]) == 0
    written = json.loads((tmp_path / "speed.json").read_text())
    assert written["ratios"] == {"it": 2.0} and written["machine"].keys() == {"cores", "python", "torch"}
    benchmark(tmp_path, 1.4)
    capsys.readouterr()
    assert speed.main([path, "--compare", record]) == 1
    said = capsys.readouterr().out
    assert "slower by more than 25%" in said and "another machine" not in said
    assert speed.main([path, "--compare", record, "--tolerance", "0.5"]) == 0


def test_without_a_record_the_suite_says_that_nothing_was_compared(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(speed, "RECORD", tmp_path / "speed.json")
    assert speed.main([benchmark(tmp_path, 1.0)]) == 0
    assert "no record yet" in capsys.readouterr().out


def test_a_part_of_the_benchmarks_does_not_replace_the_record_under_any_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "RECORD", tmp_path / "speed.json")
    monkeypatch.chdir(tmp_path)
    assert speed.main([benchmark(tmp_path, 1.0), "--json", "speed.json"]) == 2
    assert "would drop the others' ratios" in capsys.readouterr().err


def test_a_record_of_another_machine_is_named_as_one(tmp_path, capsys):
    record = tmp_path / "speed.json"
    record.write_text(json.dumps({"machine": {"cores": 96}, "ratios": {"it": 1.0}}))
    assert speed.main([benchmark(tmp_path, 1.0), "--compare", str(record)]) == 0
    assert "another machine" in capsys.readouterr().out


def test_a_benchmark_whose_package_is_not_there_is_skipped_and_one_that_cannot_be_read_fails(tmp_path, capsys):
    there = benchmark(tmp_path, 1.0)
    (tmp_path / "bench_missing.py").write_text("import nobody_has_this\n")
    assert speed.main([there, str(tmp_path / "bench_missing.py")]) == 0
    assert "skipped: bench_missing.py: nobody_has_this is not installed" in capsys.readouterr().out
    (tmp_path / "bench_broken.py").write_text("from benchmarks.nothing import this\n")
    assert speed.main([there, str(tmp_path / "bench_broken.py")]) == 1
    said = capsys.readouterr().out
    assert "FAILED: bench_broken.py: ModuleNotFoundError: No module named 'benchmarks.nothing'" in said


def test_what_seems_slower_is_measured_once_more(tmp_path):
    path, record = benchmark(tmp_path, 1.0), tmp_path / "speed.json"
    record.write_text(json.dumps({"ratios": {"it": 1.1}}))
    assert speed.main([path, "--compare", str(record)]) == 0
    assert (tmp_path / "runs").read_text() == "x"
    record.write_text(json.dumps({"ratios": {"it": 3.0}}))
    assert speed.main([path, "--compare", str(record)]) == 1
    assert (tmp_path / "runs").read_text() == "xxx"


def test_a_benchmark_that_misses_its_own_figure_fails_the_suite_and_its_ratio_is_shown(tmp_path, capsys):
    path = benchmark(tmp_path, 1.0, floor=2.0)
    (tmp_path / "speed.json").write_text(json.dumps({"ratios": {"it": 1.0}}))
    assert speed.main([path, "--compare", str(tmp_path / "speed.json")]) == 1
    said = capsys.readouterr().out
    assert f"FAILED: {Path(path).name}::test_it: assert 1.0 >= 2.0" in said
    assert (tmp_path / "runs").read_text() == "xx"  # it had a second chance
    assert "it                                 1           1" in said


@pytest.mark.parametrize("content", ["", "[]", '{"ratios": 3}', '{"ratios": {"a": "fast"}}', '{"ratios": {"a": 0}}'])
def test_a_file_that_is_no_record_is_refused(tmp_path, content):
    (tmp_path / "speed.json").write_text(content)
    with pytest.raises(StateError, match=r"speed\.json.*benchmarks\.speed --json"):
        speed.read(tmp_path / "speed.json")


@pytest.mark.parametrize("tolerance", ["0", "1", "-0.1", "nan"])
def test_a_tolerance_that_is_none_is_refused(tolerance, capsys):
    assert speed.main(["--tolerance", tolerance]) == 2
    assert "between 0 and 1" in capsys.readouterr().err


def test_a_record_of_some_benchmarks_alone_does_not_replace_that_of_all(tmp_path, capsys):
    assert speed.main([benchmark(tmp_path, 1.0), "--json"]) == 2
    assert "--json FILE" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_benchmarks_without_a_ratio_are_refused(tmp_path, capsys):
    path = tmp_path / "bench_none.py"
    path.write_text("def test_without_ratios(): pass\n")
    assert speed.main([str(path)]) == 2
    assert "has a ratio" in capsys.readouterr().err


def test_a_quick_run_has_a_fifth_of_the_rounds(monkeypatch):
    monkeypatch.delenv("MAS_ENVS_QUICK", raising=False)
    assert fewer(30) == 30
    monkeypatch.setenv("MAS_ENVS_QUICK", "1")
    assert (fewer(30), fewer(4)) == (6, 2)


def test_every_ratio_of_the_benchmarks_is_collected():
    """The suite takes every file of benchmarks; those that compare use `ratios`."""
    files = sorted(path.name for path in speed.FOLDER.glob("bench_*.py") if "ratios" in path.read_text())
    assert {"bench_envs.py", "bench_grading.py", "bench_peers.py", "bench_policy.py", "bench_rollout.py"} <= set(files)
    assert {"bench_sandbox.py", "bench_tasks.py", "bench_vector.py", "bench_scaling.py", "bench_trl.py"} <= set(files)
