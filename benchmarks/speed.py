"""The speed suite: every ratio of the benchmarks by one command, one table, and what has become slower.

    python -m benchmarks.speed                       measures, and compares with benchmarks/results/speed.json
    python -m benchmarks.speed --quick               a fifth of the rounds
    python -m benchmarks.speed --json                writes benchmarks/results/speed.json (or --json FILE)
    python -m benchmarks.speed --compare FILE        compares with another record

Run are the benchmarks (bench_*.py beside this file) that fill in `ratios`: how many times as fast ours is as what it is
measured with in the same run, an empty environment, a bare interpreter, another library. Absolute times say more about
a machine than about code, so they are compared with nothing. What needs a package or data that is not there is skipped,
and said. A ratio that lies more than the tolerance below the recorded one is measured once more, and the better of the
two counts; so is one that misses the figure that its benchmark asks for. The exit status is 1 where that did not help.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.entries import read_json
from mas_envs.core.errors import MasEnvsError, StateError, UsageError
from trainers.run.files import make_folder, write_json

FOLDER = Path(__file__).parent
RECORD = FOLDER / "results" / "speed.json"
TOLERANCE = 0.25
"""By which share a ratio may fall: machines that others use too give ratios that vary by a tenth or two."""


_PYTEST = (
    "-q --no-header --no-summary --import-mode=importlib --continue-on-collection-errors --benchmark-disable "
    "-p no:cacheprovider -p no:xdist"
)
_MISSING = re.compile(r"No module named '(?!benchmarks|mas_envs|trainers)(\w+)")


class Measured(NamedTuple):
    """What a run of benchmarks found.

    ratios: name -> (how many times as fast, the benchmark that says so). skipped, failed: benchmark -> why.
    """

    ratios: dict[str, tuple[float, str]]
    skipped: dict[str, str]
    failed: dict[str, str]


class _Listener:
    """A pytest plug-in that runs the benchmarks with ratios alone, and notes what they found."""

    def __init__(self) -> None:
        self.found = Measured({}, {}, {})
        self._where: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if "ratios" in getattr(item, "fixturenames", ())]
        # Names of tests are relative to a folder of pytest's choice; here they have to be found again.
        self._where = {item.nodeid: f"{item.path}::{item.nodeid.partition('::')[2]}" for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            for name, values in report.user_properties:
                if name == "ratios" and isinstance(values, dict):
                    where = self._where[report.nodeid]
                    self.found.ratios.update({key: (value, where) for key, value in values.items()})
        elif report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.found.skipped[self._where[report.nodeid]] = why.removeprefix("Skipped: ")
        elif report.failed:
            self.found.failed[self._where[report.nodeid]] = _reason(report)
            sys.stderr.write(f"{report.longrepr}\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            why = _reason(report)
            if missing := _MISSING.search(why):
                self.found.skipped[report.nodeid] = f"{missing[1]} is not installed"
            else:
                self.found.failed[report.nodeid] = why


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Returns the line that says what went wrong."""
    lines = report.longreprtext.strip().splitlines()
    return next((line[1:].strip() for line in lines if line.startswith("E ")), lines[-1])


def measure(what: Sequence[str], quick: bool) -> Measured:
    """Runs benchmarks, given as pytest takes them, and returns what they found; their tables go to standard output."""
    listener = _Listener()
    words = [*what, *_PYTEST.split()]
    with _environment(MAS_ENVS_QUICK="1" if quick else "", OMP_NUM_THREADS="1"):
        status = pytest.main(words, plugins=[listener])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise StateError(f"pytest ended with status {status} before the benchmarks did; its words are above.")
    return listener.found


@contextlib.contextmanager
def _environment(**names: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in names}
    try:
        os.environ.update({name: value for name, value in names.items() if value})
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Line(NamedTuple):
    """A ratio, what it was (None where it is new), what it is (None where it was not measured), and what that says."""

    name: str
    was: float | None
    now: float | None
    says: str


def compare(was: Mapping[str, float], now: Mapping[str, float], tolerance: float) -> list[Line]:
    """Returns a line for every ratio, new ones last; those below (1 - tolerance) of what they were say "slower"."""
    lines: list[Line] = []
    for name, old in was.items():
        new = now.get(name)
        if new is None:
            says = "not measured"
        elif new < (1 - tolerance) * old:
            says = "slower"
        else:
            says = "faster" if new > old / (1 - tolerance) else ""
        lines.append(Line(name, old, new, says))
    return lines + [Line(name, None, new, "new" if was else "") for name, new in now.items() if name not in was]


def slower(lines: Sequence[Line]) -> list[str]:
    """Returns the names of the ratios that have become slower."""
    return [line.name for line in lines if line.says == "slower"]


def table(lines: Sequence[Line]) -> str:
    """Returns the lines as text."""
    rows = [
        ("ratio (larger is faster)", "recorded", "now", ""),
        *((n, _shown(was), _shown(now), s) for n, was, now, s in lines),
    ]
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{name:{width}}{was:>12}{now:>12}  {says}".rstrip() for name, was, now, says in rows)


def _shown(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.3g}"


def read(path: Path) -> dict[str, float]:
    """Returns a record's ratios; raises StateError for a file that is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        how = f"Write one: python -m benchmarks.speed --json {path}"
        raise StateError(f"{path} cannot be read ({error}). {how}") from error
    ratios = data.get("ratios") if isinstance(data, dict) else None
    if not isinstance(ratios, dict) or not all(isinstance(r, int | float) and r > 0 for r in ratios.values()):
        raise StateError(f"{path} is no record of the speed suite. Write one: python -m benchmarks.speed --json {path}")
    return ratios


def machine() -> dict[str, Any]:
    """Returns what ratios may depend on: cores, Python, torch."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "none"
    return {"cores": os.cpu_count(), "python": platform.python_version(), "torch": torch}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", help="benchmarks, as pytest takes them; all by default")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds")
    parser.add_argument(
        "--json", nargs="?", type=Path, const=RECORD, metavar="FILE", help=f"write {RECORD.name}, or FILE"
    )
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="a record to compare with; by default the last one"
    )
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="by which share a ratio may fall (%(default)s)"
    )
    return parser


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status: 0, 1 where something is slower or failed, 2 for bad input."""
    given = _parser().parse_args(argv)
    try:
        return run(given.what or sorted(map(str, FOLDER.glob("bench_*.py"))), given)
    except MasEnvsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def run(what: Sequence[str], given: argparse.Namespace) -> int:
    """Measures, prints, compares and writes; returns the exit status."""
    if not 0 < given.tolerance < 1:
        raise UsageError(f"--tolerance is {given.tolerance}; it must lie between 0 and 1, e.g. {TOLERANCE}.")
    if given.what and given.json and given.json.resolve() == RECORD.resolve():
        raise UsageError("A record of some benchmarks alone would drop the others' ratios. Name another: --json FILE.")
    path = given.compare or (RECORD if RECORD.exists() else None)
    was = read(path) if path else {}
    found = measure(what, given.quick)
    if not (found.ratios or found.skipped or found.failed):
        raise UsageError(f"No benchmark of {', '.join(what)} has a ratio. Those that do take the fixture `ratios`.")
    now = {name: value for name, (value, _) in found.ratios.items()}
    failed = {name for name in found.failed if "::" in name}
    again = sorted(failed | {found.ratios[name][1] for name in slower(compare(was, now, given.tolerance))})
    if again:
        print("\nonce more, for what seems slower or failed:")
        more = measure(again, given.quick)
        now |= {name: max(now.get(name, 0.0), value) for name, (value, _) in more.ratios.items()}
        found = Measured(
            found.ratios, found.skipped, {k: v for k, v in found.failed.items() if k not in again} | more.failed
        )
    lines = compare(was, now, given.tolerance)
    print(f"\n{table(lines)}\n")
    if not path:
        print("There is no record yet to compare with; --json writes one.")
    recorded = read_json(path).get("machine", {}) if path else machine()
    if recorded != machine():
        print(f"The record is of another machine or of other versions: {recorded}, not {machine()}.")
    for kind, whys in (("skipped", found.skipped), ("FAILED", found.failed)):
        for name, why in whys.items():
            print(f"{kind}: {name.rpartition('/')[2]}: {why}")
    if given.json:
        make_folder(given.json.parent)
        write_json(
            given.json, {"machine": machine(), "quick": given.quick, "ratios": {n: round(r, 6) for n, r in now.items()}}
        )
        print(f"written to {given.json}")
    worse = slower(lines)
    if worse:
        print(f"slower by more than {given.tolerance:.0%} than {path} says: {', '.join(worse)}")
    return 1 if worse or found.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
