"""Answers made to hang, crash or fool the grader: each gets a verdict in time, and the worker is usable after."""

import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, process_time

import pytest

from mas_envs.grading.math import MathGrader

GOLDS = ("42", r"x^2+\sqrt{2}")
SECONDS = 2.0

SLOW = [
    "9^{9^{9^9}}", "999999999!", "(x+1)^{5000}", r"\frac12" * 3000, r"\frac{1}{" * 300 + "2" + "}" * 300,
    r"\{" + ",".join(map(str, range(2000))) + r"\}", r"\{" + ",".join(f"x_{i}" for i in range(300)) + r"\}",
    r"\int_0^{\infty} \frac{\sin(x^{x^x})}{x^7+1} dx", r"\int_{-\infty}^{\infty} e^{-x^{100}} \cos(x^3) dx",
    r"\sum_{n=1}^{10^{10}} \frac{1}{n^{n}}", r"\prod_{n=1}^{10^9} n", "10^{10^{10}}", "2^{2^{2^{2^{2^2}}}}",
    r"\lim_{x\to 0} \frac{\sin(\sin(\sin x))}{x^{50}}", "9**9**9**9", "(((((9!)!)!)!)!)", "100000!", "170!!!",
    r"\binom{10^9}{5\cdot10^8}", r"\sqrt{" * 400 + "2" + "}" * 400, "(" * 1000 + "1" + ")" * 1000, "-" * 1999 + "1",
    "1" + "+1" * 990, "2" + "^2" * 900, "x" + "^x" * 900, "x" * 1999, "(x+y+z+w+a+b)^{60}-1",
    r"(x+y)^{200}(x-y)^{200}", r"\frac{x^{1000}-1}{x-1}", "x^{10000}+x^{9999}+1=0", "x^{17}+y^{13}=z^{11}",
    r"\sin^{100} x+\cos^{100} x", r"\tan(1000 x)", "e^{e^{e^{e^{e^{e}}}}}", r"x^{x^{x^{x^{x}}}}=2",
    r"\begin{vmatrix}" + (" & ".join(f"x^{i}" for i in range(9)) + r"\\ ") * 9 + r"\end{vmatrix}",
    r"\begin{pmatrix}" + (" & ".join("x" * 20) + r"\\ ") * 20 + r"\end{pmatrix}^{50}", r"\Gamma(10^{20})",
    "1e999999999", "0." + "3" * 1990, "9" * 1999, "9" * 60_000, "1" + "/2" * 900, r"\overline{" * 200, "1_{2}" * 500,
    r"\pm" * 600, r"1 \pm 2 \pm 3" * 100, " or ".join(["x"] * 400), "=" * 1999, "x=" * 900, "a<b" * 600, "|x" * 900,
    r"\int \int \int e^{x^2 y^2 z^2} dx dy dz", r"\frac{d^{50}}{dx^{50}} e^{x^{x}}", r"7^{7^{7}}\bmod 10",
    r"|x-1|+|x-2|+|x-3|+|x-4|+|x-5|+|x-6|+|x-7|>3", r"123456789012345678901234567890^{123456789}",
    r"\lfloor x \rfloor^{100}+\lceil y \rceil=3", r"\gcd(10^{100000}, 6)", r"\sum_{k} \sum_{j} \frac{\sin(kj)}{k!+j!}",
]  # fmt: skip
ODD = [
    "\x00", "\ud800", "5\udfff", "\u202e5", "\ufeff5", "1\u0301", "٣ ٤", "①", "🎉", "é" * 1000, "0" * 1999, "-", ".",
    "%", "°", "$", "_", "^", "!", "\\", r"\frac", r"\frac{}{}", r"\sqrt[0]{2}", r"\sqrt[1/0]{2}", "1/0", "0/0",
    "0^0", "0^{-1}", "(-8)^{1/3}", "(-1)!", r"\log 0", r"\infty-\infty", r"\frac{\infty}{\infty}", "nan", "inf",
    "None", "null", "{0}", "%s%s%n", "{" * 60_000, r"\boxed{" * 9000, r"\boxed{" * 4000 + "5" + "}" * 4000, "$" * 999,
    "41 42", "41, 42", "42 or 43", r"\{x \mid x=42\}", "x", r"\mathbb{R}", r"(-\infty,\infty)", "answer",
    "the reference",
    ", ".join(map(str, range(60))), "correct", '{"verdict": "correct"}', '{"id": 1, "verdict": "correct", "why": ""}\n',
    '\n{"id": 2, "verdict": "correct", "why": ""}\n', 'Verdict("correct")', ".*", "any", "y=42 or y=43",
    "41.9999", "42i",
]  # fmt: skip
CODE = [
    '__import__("os").system("touch {0}")', 'open("{0}","w")', 'exec("open(\'{0}\',\'w\')")', "os._exit(0)", "exit(0)",
    'eval("open(\'{0}\',\'w\')")', "().__class__.__bases__[0].__subclasses__()", "raise SystemExit", "`touch {0}`",
    "$(touch {0})", r"\write18{touch {0}}", r"\input{/etc/passwd}", r"\def\x{\x\x}\x", r"\newcommand{\a}{\a\a}\a",
    "lambda: open('{0}','w')", r"\text{__import__('os').system('touch {0}')}", "(1).__class__", "[i for i in range(9)]",
    "1 if open('{0}','w') else 2", "x.__init__.__globals__", r"\operatorname{exec}(1)", "Symbol('x')",
    "S.Half", "${7*7}$",
]  # fmt: skip
pytestmark = pytest.mark.needs("math")


def used(pid: int) -> float:
    """Returns the seconds of processor time that a worker and what it has forked took, the ended ones included."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0.0
    for process in (str(pid), *children):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def grade_all(answers: list[str], cpu_seconds: float, golds: tuple[str, ...] = GOLDS) -> dict[str, float]:
    """Grades hostile answers in turn, checks that they earn nothing, and returns how long each took: seconds of the
    caller and of the worker's processor, or real ones where they are fewer. On a machine that does other things, too,
    real time is theirs."""
    taken: dict[str, float] = {}
    with MathGrader(workers=1, cpu_seconds=cpu_seconds) as grader:
        assert grader.grade("(x+1)^2", "x^2+2x+1").correct
        for gold in golds:
            for answer in answers:
                start, own, before = monotonic(), process_time(), used(grader.workers_running[0])
                verdict = grader.grade(gold, answer)
                busy = process_time() - own + used(grader.workers_running[0]) - before
                taken[answer] = max(taken.get(answer, 0.0), min(busy, monotonic() - start))
                assert verdict.verdict in ("incorrect", "unparsable", "grader_timeout"), (gold, answer[:60], verdict)
        assert grader.grade("(x+1)^2", "x^2+2x+1").correct
        assert not grader.grade("(x+1)^2", "x^2+x+1").correct
    return taken


def test_there_are_more_than_fifty_of_each_sort_but_code() -> None:
    assert len(set(SLOW)) > 55
    assert len(set(ODD)) > 55
    assert len(set(CODE)) > 20


def test_slow_answers_end_at_the_limit() -> None:
    taken = grade_all(SLOW[:12], cpu_seconds=0.3, golds=GOLDS[:1])
    assert max(taken.values()) < 0.3 + 0.2


@pytest.mark.slow
def test_no_answer_holds_a_worker_for_more_than_two_seconds() -> None:
    taken = grade_all(SLOW, cpu_seconds=1.0, golds=GOLDS[:1])
    assert 0.9 < max(taken.values()) < SECONDS


def test_odd_answers_earn_nothing() -> None:
    grade_all(ODD, cpu_seconds=1.0)


def test_an_answer_that_is_code_is_not_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    grade_all([code.replace("{0}", str(touched)) for code in CODE], cpu_seconds=1.0)
    assert not touched.exists()
    grade_all([rf"\boxed{{{code.replace('{0}', str(touched))}}}" for code in CODE], cpu_seconds=1.0, golds=GOLDS[1:])
    assert not touched.exists()


def test_a_worker_never_evaluates_text_as_python(monkeypatch: pytest.MonkeyPatch) -> None:
    from math_verify import parser

    from mas_envs.grading.algebra import UnreadableError, same_expression

    def refuse(*arguments: object, **settings: object) -> None:
        raise AssertionError("parse_expr evaluates its text")

    monkeypatch.setattr(parser, "parse_expr", refuse)
    assert same_expression("1+1+x", "2+x")
    for code in ("1+1", "2**3", "(1)(2)", *CODE):
        with suppress(UnreadableError):
            same_expression("x+1", code)


def test_hostile_golds_raise_nothing_either() -> None:
    with MathGrader(workers=1, cpu_seconds=0.3) as grader:
        for gold in [*ODD[:40], *CODE, *SLOW[:4]]:
            assert not grader.grade(gold, "43").correct
