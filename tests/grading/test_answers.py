"""Which part of a text is its final answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mas_envs.grading.answers import boxed_answer, final_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{5}", "5"),
        (r"\boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{1 \}}", r"1 \}"),
        (r"\fbox{7}", "7"),
        (r"\boxed 5 and so on", "5"),
        (r"\boxed{ 5 }", "5"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{}", ""),
        (r"\boxed{3} is wrong; the answer is \boxed{4}", "4"),
        ("\\boxed{3}\n\\boxed{4}", "4"),
        (r"\boxed{3}. \boxed{4}", "4"),
        (r"\boxed{3} = \boxed{4}", "4"),
        (r"\boxed{1}, \boxed{2}", "1, 2"),
        (r"\boxed{1} and \boxed{2}", "1, 2"),
        (r"$\boxed{1}$ or $\boxed{2}$", "1, 2"),
        (r"\boxed{1} \quad \text{and} \quad \boxed{2}", "1, 2"),
        (r"\boxed{1} cat and \boxed{2} dogs", "1, 2"),
        (r"\boxed{840}. Final: \boxed{840}", "840"),
        (r"<think>\boxed{3}</think> \boxed{4}", "4"),
    ],
)
def test_the_last_box_counts_and_boxes_side_by_side_are_a_list(text: str, answer: str) -> None:
    assert boxed_answer(text) == answer


@pytest.mark.parametrize("text", ["", "5", "boxed{5}", r"\boxed", r"\boxed{5", r"\boxedx{5}", r"\boxed{5}</think> 6"])
def test_a_text_without_a_complete_box_has_no_boxed_answer(text: str) -> None:
    assert boxed_answer(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("41 42", "41 42"),
        ("12 square units", "12 square units"),
        ("The midpoints form a regular hexagon", "The midpoints form a regular hexagon"),
        ("$9$", "9"),
        ("$$ 9 $$", "9"),
        (r"Answer \[ 9 \]", "9"),
        (r"so $x=2$ and $y=3$", "x=2, y=3"),
        (r"first $x=2$, hence finally $y=3$", "y=3"),
        ("It costs $10 and later $20 altogether.", "20"),
        ("She sells 18 eggs.\n#### 18", "18"),
        ("They eat 14 slices.\nA: 14", "14"),
        ("The final answer is $5$. I hope it is correct.", "5"),
        ("The answer is 5. There were 7 before.", "5"),
        (r"\boxed{3} was a step. The final answer is $4$.", "4"),
        (r"\boxed{4} follows from what the answer is", "4"),
        ("<think>it may be 7</think>8", "8"),
        ("there were not 10 of them but 1,000.99", "1,000.99"),
        ("{1,2}", r"\{1,2\}"),  # braces that a reader sees
        ("${1,2}$", "1,2"),  # braces that LaTeX does not show
        (r"\boxed{{1,2}}", "1,2"),
    ],
)
def test_the_final_answer_of_a_text_is_found(text: str, answer: str) -> None:
    assert final_answer(text).strip(" $") == answer


@given(st.text(alphabet="\\boxedf{}$()[] answer is:5#\n", max_size=80))
def test_any_text_has_a_final_answer_that_is_in_it(text: str) -> None:
    found = final_answer(text)
    assert isinstance(found, str)
    assert boxed_answer(text) is None or isinstance(boxed_answer(text), str)
    assert set(found) <= set(text) | set(", \\{}%")
