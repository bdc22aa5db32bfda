"""What the exact rules say, and that they say nothing where they are not certain."""

from fractions import Fraction
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.core.errors import UsageError
from mas_envs.grading.arithmetic import decimal_value, exact_value
from mas_envs.grading.math import MathGrader, Verdict, by_rules
from mas_envs.grading.pool import Job

PAIRS = [
    tuple(part.strip() for part in line.split(";;"))
    for line in (Path(__file__).parent / "labelled.txt").read_text().splitlines()
    if not line.startswith("# ")
]
numbers = st.fractions(max_denominator=10**6)


def equal(gold: str, answer: str | None, tolerance: float = 0.0) -> bool | None:
    """What the rules alone say: None where a worker has to."""
    verdict = by_rules(gold, answer, tolerance)
    return verdict.correct if isinstance(verdict, Verdict) else None


def test_there_are_many_labelled_pairs_of_both_kinds() -> None:
    assert len(PAIRS) > 300
    assert sum(label == "0" for _, _, label in PAIRS) > 90


@pytest.mark.parametrize(("gold", "answer", "label"), PAIRS)
def test_the_rules_alone_are_never_wrong(gold: str, answer: str, label: str) -> None:
    assert equal(gold, answer) in (label == "1", None)


def test_the_rules_alone_decide_three_pairs_of_four() -> None:
    decided = [isinstance(by_rules(gold, answer), Verdict) for gold, answer, _ in PAIRS]
    assert sum(decided) > 0.75 * len(decided)


@pytest.mark.needs("math")
def test_every_labelled_pair_gets_its_verdict() -> None:
    with MathGrader() as grader:
        verdicts = grader.grade_many([(gold, answer) for gold, answer, _ in PAIRS])
    wrong = [pair for pair, verdict in zip(PAIRS, verdicts, strict=True) if verdict.correct != (pair[2] == "1")]
    assert wrong == []


# ---- numbers ------------------------------------------------------------------------------------------------------
@given(numbers, numbers)
def test_fractions_are_equal_exactly_where_rational_numbers_are(left: Fraction, right: Fraction) -> None:
    assert equal(f"{left.numerator}/{left.denominator}", f"{right.numerator}/{right.denominator}") is (left == right)
    latex = rf"\frac{{{right.numerator}}}{{{right.denominator}}}"
    assert equal(f"{left.numerator}/{left.denominator}", latex) in ((left == right), None)


@given(st.integers(-(10**60), 10**60), st.integers(-3, 3))
def test_integers_of_any_size_are_never_rounded(number: int, change: int) -> None:
    assert equal(str(number), str(number + change)) is (change == 0)
    assert equal(f"{number:,}", str(number + change)) is (change == 0)
    assert equal(f"{number}.0", str(number + change)) is (change == 0)


@given(st.fractions(-(10**6), 10**6, max_denominator=10**4))
def test_a_mixed_number_is_its_fraction(value: Fraction) -> None:
    whole, part = divmod(abs(value), 1)
    sign = "-" if value < 0 else ""
    if whole and part:
        mixed = rf"{sign}{whole}\frac{{{part.numerator}}}{{{part.denominator}}}"
        assert exact_value(mixed) == value == exact_value(f"{sign}{whole} {part}")


@given(st.integers(-(10**9), 10**9), st.integers(0, 12))
def test_a_decimal_has_the_value_and_the_places_that_are_written(digits: int, places: int) -> None:
    value = Fraction(digits, 10**places)
    text = f"{'-' * (digits < 0)}{abs(digits) // 10**places}"
    text += f".{abs(digits) % 10**places:0{places}d}" if places else ""
    assert decimal_value(text) == (value, places)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        ("(2+3)*4", 20),
        ("-2^2", -4),
        ("2^{-2}", Fraction(1, 4)),
        (r"\frac{1}{2} \cdot 4", 2),
        ("3(2+1)", 9),
        ("5!", 120),
        (r"0.1\overline{6}", Fraction(1, 6)),
        ("1A_{16}", 26),
        ("--5", 5),
    ],
)
def test_arithmetic_is_read_as_people_write_it(text: str, value: Fraction) -> None:
    assert exact_value(text) == value


@pytest.mark.parametrize(
    "text",
    ["41 42", "1/0", "0^0", "0^{-1}", "2^{9999999}", "9^{9^9}", "201!", "(-1)!", "2^2^2", "x", "(1", "1)", "", "2_2",
     r"2\frac{3}{2}", "1" * 401, "(" * 30 + "1" + ")" * 30],
)  # fmt: skip
def test_what_is_no_arithmetic_or_too_large_has_no_value(text: str) -> None:
    assert exact_value(text) is None


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("1/3", "0.333333", True),
        ("1/3", "0.33333", False),  # five decimals
        ("404", "404.000001", False),  # an integer is never approximate
        ("0", "0.0000001", False),
        ("0.0012345678", "0.001234", True),
        ("0.0000012", "0.000001", False),  # one significant digit
        ("2.4", "2.4000000000000004", True),  # a float's noise
        ("10000000000000", "10000000000001.000000", False),
    ],
)
def test_a_decimal_is_approximate_only_with_six_decimals(gold: str, answer: str, same: bool) -> None:
    assert equal(gold, answer) is same


def test_a_tolerance_holds_for_every_number() -> None:
    assert equal("0.003, 5.233", "5.234, 0.002") is False
    assert equal("0.003, 5.233", "5.234, 0.002", tolerance=0.001) is None or equal("5.233", "5.234", 0.0011) is True
    assert equal("100", "101", tolerance=1) is True
    assert equal("100", "102", tolerance=1) is False


# ---- any input ----------------------------------------------------------------------------------------------------
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_strings_get_a_verdict_or_a_job(gold: str, answer: str) -> None:
    assert isinstance(by_rules(gold, answer), Verdict | Job)


@given(st.text(alphabet="0123456789.,/-+^_{}()[]\\ $%°=<>|&;:!abcxpmlinoru", max_size=40))
def test_an_answer_is_always_the_same_as_itself(text: str) -> None:
    assert equal(text, text) is True or by_rules(text, text).verdict == "unparsable"


@given(st.text(alphabet="0123456789./-{}()[]\\frac,", max_size=12), st.text(alphabet="0123456789./-(),", max_size=8))
def test_the_rules_decide_the_same_the_other_way_round(left: str, right: str) -> None:
    if left.strip(" .,:;\\") and right.strip(" .,:;\\"):
        assert equal(left, right) is equal(right, left)


def test_a_missing_or_empty_answer_is_unparsable() -> None:
    assert by_rules("5", None) == ("unparsable", "no answer")
    assert by_rules("5", " ") == ("unparsable", "no answer")


def test_an_answer_past_the_cap_is_unparsable() -> None:
    verdict = by_rules("5", "9" * 2001)
    assert verdict.verdict == "unparsable"
    assert "2,000 characters" in verdict.why
    assert equal("9" * 2000, "9" * 2000) is True


@pytest.mark.parametrize(("gold", "answer"), [(5, "5"), ("5", 5), (None, "5"), ("5", b"5")])
def test_what_is_no_string_is_refused(gold: object, answer: object) -> None:
    with pytest.raises(UsageError, match="give strings"):
        by_rules(gold, answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_no_distance_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match="tolerance is"):
        by_rules("5", "5", tolerance)


@pytest.mark.parametrize(
    "unit",
    ["\\(", "\\[", "$$ ", "$", "\\boxed{", "\\boxed{5}", "\\boxed 5 ", "{", "}", " ", "\n", "\t a:", "####", "\\", "|x",
     "\\alpha", "a<b", "\\text{", "1,", "1,111", "\\pm", "((", "x=", "`", "**", "and ", "^{\\circ", "I hope "],
)  # fmt: skip
def test_the_rules_take_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    start = perf_counter()
    for answer in (text, text + "5", text[:1990], text[:1990] + "+", f"${text[:1980]}$"):
        by_rules(r"x^2+\sqrt{2}", answer)
    assert perf_counter() - start < 3.0
