"""Our grader beside math-verify alone, in one run: `python -m pytest benchmarks/bench_grading.py`.

Verdicts are counted on labelled pairs (MAS_ENVS_TEST_DATA names the folder): the vectors that math-verify,
hendrycks/math, NeMo-Skills and OlympiadBench test their graders with, answers and whole responses of Qwen2.5-Math with
the verdicts of its own grader, and GSM8K solutions with their labels.
Both graders read the same texts. math-verify asks for LaTeX between dollars, so that it gets them where a set has none;
the tolerance that a problem of OlympiadBench allows goes to ours, for math-verify has no such thing.

Speed: rounds of all pairs of a set, taken in turns, math-verify in this process with its time-outs off (it is faster
so), ours with one worker. numeric: the GSM8K answers; mixed: the test vectors and Qwen's answers.
"""

import gzip
import json
import logging
import os
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import pytest

from benchmarks.rounds import fewer
from mas_envs.grading.math import MathGrader

ROUNDS = 5
FASTER = {"numeric": 3.0, "mixed": 1.4}


class Pair(NamedTuple):
    """A labelled pair: the subset that it belongs to, its texts, and whether they are equal."""

    subset: str
    gold: str
    answer: str
    equal: bool
    tolerance: float = 0.0


class Count(NamedTuple):
    """How many pairs of a subset a grader was wrong about, and about which."""

    pairs: int
    false_positives: list[Pair]
    false_negatives: list[Pair]

    @property
    def wrong(self) -> int:
        return len(self.false_positives) + len(self.false_negatives)


def labelled_pairs(data: Path) -> list[Pair]:
    """Returns every labelled pair of the data folder."""
    pairs = [*_vectors(data / "math_grading_pairs/pairs.jsonl.gz")]
    for row in _rows(data / "math_grading_pairs/qwen_math_cot_100.jsonl.gz"):
        for subset, key in (("qwen answers", "pred"), ("qwen responses", "response")):
            scored = zip(row[key], row["score"], strict=True)
            pairs += [Pair(subset, row["gt"], text, bool(score)) for text, score in scored]
    for row in _rows(data / "math_gsm8k/example_model_solutions.jsonl.gz"):
        gold = _after_mark(row["ground_truth"])
        solutions = [value for value in row.values() if isinstance(value, dict)]
        pairs += [Pair("gsm8k", gold, _after_mark(one["solution"]), one["is_correct"]) for one in solutions]
    return pairs


def _vectors(path: Path) -> Iterable[Pair]:
    for row in _rows(path):
        subset, precision = row["id"].split("/")[0], row["options"].get("precision", 0)
        precision = precision[0] if isinstance(precision, list) else precision
        tolerance = float(precision) if subset == "olympiadbench" else 0.0
        yield Pair(subset, row["gold"], row["pred"], bool(row["expected"]), tolerance)


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _after_mark(solution: str) -> str:
    """Returns the last line of a GSM8K solution without its "A: "."""
    return solution.split("A: ")[-1].split("\n")[-1] if "A: " in solution else solution


def math_verify_alone(pair: Pair) -> bool:
    """Returns what math-verify says of a pair, which it reads as its documentation asks for."""
    from math_verify import parse, verify

    texts = pair.gold, pair.answer
    if pair.subset != "math-verify":  # its own vectors are as it wants them
        texts = tuple(text if re.search(r"\$|\\\(|\\\[|\\boxed", text) else f"${text}$" for text in texts)
    gold, answer = (parse(text, parsing_timeout=0) for text in texts)
    return bool(verify(gold, answer, timeout_seconds=None))


def counted(pairs: Sequence[Pair], verdict: Callable[[Pair], bool]) -> dict[str, Count]:
    """Returns how a grader does on each subset of the pairs."""
    counts: dict[str, Count] = {}
    for pair in pairs:
        count = counts.setdefault(pair.subset, Count(0, [], []))
        said = verdict(pair)
        if said != pair.equal:
            (count.false_positives if said else count.false_negatives).append(pair)
        counts[pair.subset] = count._replace(pairs=count.pairs + 1)
    return counts


def compared(pairs: Sequence[Pair], grader: MathGrader) -> tuple[dict[str, Count], dict[str, Count]]:
    """Returns the counts of our grader and of math-verify alone."""
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its time-outs are off
    return counted(pairs, verdict_of(grader)), counted(pairs, math_verify_alone)


def verdict_of(grader: MathGrader) -> Callable[[Pair], bool]:
    """Returns a function that says what a grader of ours says of a pair."""
    return lambda pair: grader.grade(pair.gold, pair.answer, pair.tolerance).correct


def table(ours: dict[str, Count], alone: dict[str, Count]) -> str:
    """Returns false positives and negatives of both on each subset, then every one of them."""
    head = f"{'subset':16}{'pairs':>7}   {'ours: FP':>9}{'FN':>5}   {'math-verify: FP':>16}{'FN':>5}"
    lines = [head]
    for subset, mine in ours.items():
        other = alone[subset]
        counts = f"{len(mine.false_positives):9}{len(mine.false_negatives):5}   "
        counts += f"{len(other.false_positives):16}{len(other.false_negatives):5}"
        lines.append(f"{subset:16}{mine.pairs:7}   {counts}")
    for name, found in (("ours", ours), ("math-verify", alone)):
        for kind in ("false_positives", "false_negatives"):
            for pair in (pair for count in found.values() for pair in getattr(count, kind)):
                texts = f"gold {pair.gold[-60:]!r}, answer {pair.answer[-60:]!r}"
                lines.append(f"{name}, {kind.replace('_', ' ')[:-1]} ({pair.subset}): {texts}")
    return "\n".join(lines)


@pytest.fixture
def data() -> Path:
    """The folder of labelled pairs; skips where there is none, or no math-verify."""
    pytest.importorskip("math_verify", reason='math-verify is not installed: pip install -e ".[math]"')
    folder = os.environ.get("MAS_ENVS_TEST_DATA", "")
    if not folder:
        pytest.skip("no data: set MAS_ENVS_TEST_DATA to the folder that holds it")
    return Path(folder)


def test_fewer_wrong_verdicts_than_math_verify_alone(data, capsys):
    with MathGrader() as grader:
        ours, alone = compared(labelled_pairs(data), grader)
    with capsys.disabled():
        print(f"\n\n{table(ours, alone)}")
    assert sum(count.wrong for count in ours.values()) < sum(count.wrong for count in alone.values())


@pytest.mark.parametrize("name", FASTER)
def test_faster_than_math_verify_alone(name, data, capsys, ratios):
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    found = labelled_pairs(data)
    numeric = [pair for pair in found if pair.subset == "gsm8k"][::4]
    mixed = [pair for pair in found if pair.subset not in ("gsm8k", "qwen responses")]
    pairs = numeric if name == "numeric" else mixed
    with MathGrader(workers=1) as grader:
        verdicts = {"math-verify alone": math_verify_alone, "ours": verdict_of(grader)}
        rates: dict[str, list[float]] = {contender: [] for contender in verdicts}
        for number in range(1 + fewer(ROUNDS)):  # the first one warms both up
            for contender, verdict in verdicts.items():
                start = perf_counter()
                for pair in pairs:
                    verdict(pair)
                if number:
                    rates[contender].append(len(pairs) / (perf_counter() - start))
    rounds = zip(rates["ours"], rates["math-verify alone"], strict=True)
    times = statistics.median(ours / alone for ours, alone in rounds)
    with capsys.disabled():
        for contender, found_rates in rates.items():
            print(f"\n{name:10}{contender:20}{statistics.median(found_rates):12,.0f} pairs/s", end="")
        print(f"\n{name:10}{'times as fast':20}{times:12.1f}")
    ratios[f"grader, {name} answers, of math-verify"] = times
    assert times >= FASTER[name]
