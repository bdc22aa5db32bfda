"""Labelled pairs of others, and real references."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.bench_grading import Count, Pair, compared, counted, labelled_pairs, table
from mas_envs.grading.answers import boxed_answer
from mas_envs.grading.math import MathGrader, Verdict, by_rules

pytestmark = pytest.mark.data


def references(data: Path) -> list[str]:
    """The final answers of MATH's and MATH-500's problems."""
    found: list[str] = []
    with gzip.open(data / "math_math500/math500.jsonl.gz", "rt") as file:
        found += [json.loads(line)["answer"] for line in file]
    with gzip.open(data / "math_math_test/test_without_math500.jsonl.gz", "rt") as file:
        found += [boxed_answer(json.loads(line)["solution"]) for line in file]
    return found


@pytest.mark.needs("math")
@pytest.mark.slow
def test_no_subset_has_more_wrong_verdicts_than_math_verify_alone_gives_and_the_total_fewer(test_data: Path) -> None:
    with MathGrader() as grader:
        ours, alone = compared(labelled_pairs(test_data), grader)
    for subset, count in ours.items():
        assert len(count.false_positives) <= len(alone[subset].false_positives), table(ours, alone)
        assert len(count.false_negatives) <= len(alone[subset].false_negatives), table(ours, alone)
    wrong = [sum(count.wrong for count in counts.values()) for counts in (ours, alone)]
    assert wrong[0] < wrong[1] / 2, table(ours, alone)


def test_the_rules_alone_decide_nearly_every_gsm8k_answer_and_rightly(test_data: Path) -> None:
    pairs = [pair for pair in labelled_pairs(test_data) if pair.subset == "gsm8k"]
    verdicts = [by_rules(pair.gold, pair.answer) for pair in pairs]
    decided = [(v, pair) for v, pair in zip(verdicts, pairs, strict=True) if isinstance(v, Verdict)]
    assert len(decided) > 0.99 * len(pairs)
    assert [pair for verdict, pair in decided if verdict.correct != pair.equal] == []


def test_every_reference_of_math_is_found_and_is_the_same_as_itself(test_data: Path) -> None:
    found = references(test_data)
    assert len(found) == 2500
    assert all(by_rules(gold, rf"It follows that it is $\boxed{{{gold}}}$.")[0] == "correct" for gold in found)


def test_a_reference_of_math_is_not_the_next_ones(test_data: Path) -> None:
    found = references(test_data)
    same = [pair for pair in pairwise(found) if isinstance(v := by_rules(*pair), Verdict) and v.correct]
    plain = [(one, other) for one, other in same if one.strip("$ ") != other.strip("$ ")]
    assert len(plain) < 10  # 1/2 next to \frac12, 4 next to 4^\circ
    assert len(same) < 60


def test_a_count_lists_each_kind_of_wrong_verdict() -> None:
    pairs = [Pair("a", "1", "1", True), Pair("a", "1", "2", False), Pair("b", "3", "3", True)]
    assert counted(pairs, lambda pair: True) == {"a": Count(2, [pairs[1]], []), "b": Count(1, [], [])}
    assert counted(pairs, lambda pair: False) == {"a": Count(2, [], [pairs[0]]), "b": Count(1, [], [pairs[2]])}
