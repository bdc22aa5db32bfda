r"""Readings with rules of their own: sums of units, inequalities joined by "or", the imaginary unit,
numbers in words; and what is a number that is written out."""

from fractions import Fraction

import pytest

from mas_envs.grading.inequalities import as_union
from mas_envs.grading.latex import clean
from mas_envs.grading.math import MathGrader, is_number
from mas_envs.grading.values import Many, Scalar, readings
from mas_envs.grading.words import number_in_words


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("2 hours 30 minutes", Fraction(5, 2), "hours"),
        ("2 hours, 30 minutes and 36 seconds", Fraction(251, 100), "hours"),
        ("2h30min", Fraction(5, 2), "h"),
        ("5 m 30.5 cm", Fraction(5305, 1000), "m"),
        ("0 days 6 hours", Fraction(1, 4), "days"),
        (r"1 \text{ week } 1 \text{ day}", Fraction(8, 7), "week"),
    ],
)
def test_quantities_of_one_kind_in_a_row_are_one(text, value, unit):
    found = readings(clean(text))[0]
    assert isinstance(found, Scalar) and found.value == value and found.unit.text == unit


@pytest.mark.parametrize(
    "text",
    ["30 minutes 2 hours", "2 hours 60 minutes", "2 hours 3 cm", "2 hours 30", "2.5 hours 30 minutes", "2 h 30 apples",
     "2 hours", "3 x 4 y", "1 m 1 m", "7 hours or 5 minutes", "1 hour 2 minutes 3 hours"],
)  # fmt: skip
def test_what_is_no_sum_of_units_is_read_as_before(text):
    assert not any(isinstance(each, Scalar) and each.value and each.unit for each in readings(clean(text))[:-1])


@pytest.mark.parametrize(
    ("text", "intervals"),
    [
        ("x<1 or x>3", [r"(-\infty,1)", r"(3,\infty)"]),
        (r"1 \geq x \text{ or } 3 \leq x", [r"(-\infty,1]", r"[3,\infty)"]),
        (r"4 > t > 3 or t < -\pi", ["(3,4)", r"(-\infty,-\pi)"]),
    ],
)
def test_alternatives_in_one_variable_are_a_union(text, intervals):
    (listed,) = readings(clean(text))
    union = as_union(listed)
    assert union is not None and union.kind == "union"
    shown = [f"{i.brackets[0]}{i.items[0].text},{i.items[1].text}{i.brackets[1]}" for i in union.items]
    assert [each.replace(" ", "") for each in shown] == intervals


@pytest.mark.parametrize(
    "text",
    ["x<1 and x>3", "x<1, x>3", "x<1 or y>3", "x<1 or x=3", "1<x>3 or x<0", "x<y<2 or x>3", "1<2 or 3<4", "1 or 2"],
)
def test_other_lists_are_no_union(text):
    (listed,) = readings(clean(text))
    assert not isinstance(listed, Many) or as_union(listed) is None


@pytest.mark.needs("math")
def test_a_lone_i_is_the_imaginary_unit_and_an_index_is_not():
    same = [
        (r"1+2i", r"1+\sqrt{-4}"),
        (r"\frac{1+i\sqrt{3}}{2}", r"e^{i\pi/3}"),
        ("2i", "(1+i)^2"),
        ("|3+4i|", "5"),
        ("-i", r"\frac{1}{i}"),
    ]
    other = [
        ("2+i", "2-i"),
        ("a_i^2", "-a"),
        ("a_i", "i"),
        ("i", "j"),
        ("x_{i}^2+1", "0"),
        ("i", "1"),
        (r"\sin^2", "-1"),
    ]
    with MathGrader(workers=1) as grader:
        assert [pair for pair in same if not grader.grade(*pair).correct] == []
        assert [pair for pair in other if grader.grade(*pair).correct] == []


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("zero", 0),
        ("nineteen", 19),
        ("Twenty-One", 21),
        ("ninety nine", 99),
        ("seven hundred and five", 705),
        ("two thousand three hundred forty", 2340),
        ("one million and one", 1_000_001),
    ],
)
def test_whole_numbers_are_read_in_words(words, number):
    assert number_in_words(words) == number


@pytest.mark.parametrize(
    "words", ["", " ", "hundred", "twenty twelve", "five ten", "twenty zero", "two and three", "on"]
)
def test_other_words_are_no_number(words):
    assert number_in_words(words) is None


@pytest.mark.parametrize(
    "text",
    ["12", "-3.5", "1,234", "7/12", r"-\frac{7}{12}", r"2\frac12", "2 1/2", "x = 7/3", "50%", "$5", "(5)", "two",
     "5 cm", "- 5", "- 7 / 12", "- 2 1/2", "- 0.5",
     r"0.\overline{3}", r"1.2\times10^5"],
)  # fmt: skip
def test_a_number_that_is_written_out_is_one(text):
    assert is_number(text)


@pytest.mark.parametrize(
    "text",
    ["3+4", "x = 3 + 4", "34 * 5 + 1", "2^10", "5!", "(3+4)", "3(4)", "1/2 + 1/3", r"\frac{3+4}{1}", "3+4 cm", "3+4%",
     "1, 2", "", "x", "101_2", "1" * 3000],
)  # fmt: skip
def test_what_would_have_to_be_worked_out_is_no_number(text):
    assert not is_number(text)
