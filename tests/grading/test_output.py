import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.core.errors import UsageError
from mas_envs.grading.output import Difference, Grade, first_difference, grade_output
from mas_envs.sandbox import Result, Verdict


def grade(printed: str | bytes, expected: str | bytes, tolerance: float | None = None) -> str:
    out = printed if isinstance(printed, bytes) else printed.encode()
    return grade_output(Result(Verdict.OK, out=out), expected, tolerance)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [("1 2\n3", "1\n2 3\n"), ("YES\r\n", "YES"), ("", ""), (" \n", ""), ("\t1\f", "1"), ("é", "é"), (b"\xff", b"\xff")],
)
def test_only_whitespace_is_forgiven(printed: str | bytes, expected: str | bytes) -> None:
    assert grade(printed, expected) == "accepted"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        *(("1.0", "1"), ("1", "1.0"), ("+1", "1"), ("01", "1"), ("1_000", "1000"), ("1,000", "1000"), ("1e3", "1000")),
        *(("\uff11", "1"), ("-100000500", "-100000000"), ("yes", "YES"), ("1 2 3", "1 2"), ("1", "1 2"), ("0", "-0")),
        *(("1\x002", "1 2"), ("1\u00a02", "1 2"), ("Infinity", "inf"), ("1 or 2", "1"), ("\ufeff1", "1")),
    ],
)
def test_without_a_tolerance_tokens_are_the_same_bytes_or_wrong(printed: str, expected: str) -> None:
    assert grade(printed, expected) == "wrong_answer"


@pytest.mark.parametrize("printed", ["", " ", "\n\n"])
def test_nothing_printed_is_a_verdict_of_its_own(printed: str) -> None:
    assert grade(printed, "1") == Grade.NO_OUTPUT


@pytest.mark.parametrize(
    ("printed", "expected", "right"),
    [
        ("1.0000001", "1.0", True),
        ("1.00001", "1.0", False),
        ("1000000.5", "1000000.0", True),  # relative
        ("0.0000001", "0.0", True),  # absolute
        ("1", "1.0", True),
        ("1.0", "1", True),
        ("-100000500", "-100000000", False),  # integers stay integers
        ("1000001", "1000000", False),
        ("+5", "5", True),
        ("007", "7", True),
        ("1e999999999", "1", False),
        ("1e-999999999", "0.0", True),
        ("1e999999999", "1e999999999", True),
        ("nan", "nan", True),
        ("nan", "1.0", False),
        ("inf", "1.0", False),
        ("1_0.0", "10.0", False),
        ("\uff11.0", "1.0", False),
        ("0x1p0", "1.0", False),
        ("Case", "case", False),
        ("9" * 10**6, "9" * 10**6 + ".0", False),
    ],
)
def test_a_declared_tolerance_is_for_numbers_alone(printed: str, expected: str, right: bool) -> None:
    assert (grade(printed, expected, 1e-6) == "accepted") is right


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.OK])
def test_a_run_that_did_not_end_well_is_never_accepted_whatever_it_printed(verdict: Verdict) -> None:
    assert grade_output(Result(verdict, out=b"42\n"), "42") == verdict.value


def test_flood_is_not_taken_apart_beyond_what_is_expected() -> None:
    flood = b"1 " * 8_000_000
    start = time.process_time()
    assert grade(flood, "1 1 1") == "wrong_answer"
    assert first_difference(flood, "1 1 1") == Difference(3, "1", "")
    assert time.process_time() - start < 0.5
    assert grade(b"1 1 1" + b" " * 100, "1 1 1") == "accepted"


def test_first_difference_shows_both_tokens() -> None:
    assert first_difference(b"1 2 4", "1 2 3") == Difference(2, "4", "3")
    assert first_difference(b"1", "1 2") == Difference(1, "", "2")
    assert first_difference(b"1 \xff", "1") == Difference(1, "\\xff", "")
    assert first_difference(b"1", "1") is None


@pytest.mark.parametrize("tolerance", [-1, 1, 2.0, float("nan")])
def test_a_tolerance_that_means_nothing_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match="at least 0 and below 1"):
        grade("1", "1", tolerance)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_exact_grading_is_equality_of_tokens(printed: bytes, expected: bytes) -> None:
    assert (grade(printed, expected) == "accepted") is (printed.split() == expected.split())


@given(st.text(alphabet="0123456789+-.eE _x", max_size=12), st.text(alphabet="0123456789+-.eE", max_size=12))
def test_a_tolerance_accepts_no_less_and_never_raises(printed: str, expected: str) -> None:
    if grade(printed, expected) == "accepted":
        assert grade(printed, expected, 1e-6) == "accepted"


@given(st.integers(), st.integers(), st.floats(0, 0.5))
def test_different_integers_are_never_close_enough(ours: int, theirs: int, tolerance: float) -> None:
    assert (grade(str(ours), str(theirs), tolerance) == "accepted") is (ours == theirs)
