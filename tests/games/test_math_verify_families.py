"""Math-verify's generated problems: exact answers, programs that print them, splits that share nothing."""

import re
from fractions import Fraction
from random import Random

import pytest

from mas_envs import make_game
from mas_envs.games.math_verify.parse import joined, program_of
from mas_envs.games.math_verify.tasks import DIFFICULTIES, FAMILIES, families_of, to_problem
from mas_envs.games.math_verify.words import VOCABULARY
from mas_envs.sandbox import Limits, RunProgram
from mas_envs.sandbox.shared import shared_sandbox
from mas_envs.vector import step_all

LIMITS = Limits(cpu_s=0.5, memory_mb=512)
CASES = [(family, size) for family in FAMILIES for size in range(family.level, 4)]


def drawn(family, size, count=15):
    draw = Random(f"{family.name} {size}")
    return [to_problem(family, draw, size) for _ in range(count)]


def test_there_are_more_than_twenty_families_and_every_difficulty_has_held_out_ones():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) == 36
    for difficulty in DIFFICULTIES:
        homes = [{f.name for f in families_of("held_out", difficulty, s)} for s in ("train", "validation", "test")]
        assert all(homes) and not homes[0] & homes[1] and not homes[1] & homes[2] and not homes[0] & homes[2]
        assert {f.name for f in families_of("trained", difficulty, "test")} == homes[0]


@pytest.mark.parametrize(("family", "size"), CASES, ids=lambda value: getattr(value, "name", value))
def test_the_program_of_a_problem_prints_its_answer_in_few_words(family, size):
    problems = drawn(family, size)
    runs = shared_sandbox().run_many([RunProgram(program_of(p.program, compact=True), "", LIMITS) for p in problems])
    for problem, run in zip(problems, runs, strict=True):
        assert run.stdout.strip() == problem.answers[0], (problem, run.stderr)
        assert Fraction(problem.answers[0]) == Fraction(run.stdout.strip())
        assert len(problem.program.split()) < 50
        assert {*problem.words.split(), *problem.program.split()} <= set(VOCABULARY)
    assert len({problem.question for problem in problems}) > len(problems) // 2
    assert sum(p.answers[0] in re.findall(r"[0-9]+", p.question) for p in problems) < len(problems) // 2


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("sums", r"What is (\d+) \+ (\d+) - (\d+)\?", lambda a, b, c: a + b - c),
        ("remainders", r"when (\d+) is divided by (\d+)", lambda a, n: a % n),
        ("powers_modulo", r"when (\d+) to the power of (\d+) is divided by (\d+)", lambda a, k, n: a**k % n),
        ("percentages", r"What is (\d+) percent of (\d+)", lambda p, n: Fraction(p, 100) * n),
        ("linear_equations", r"for x: (\d+)x \+ (\d+) = (\d+)", lambda a, b, c: Fraction(c - b, a)),
        ("equations_on_both_sides", r": (\d+)x \+ (\d+) = (\d+)x \+ (\d+)", lambda a, b, c, d: Fraction(d - b, a - c)),
        ("unit_prices", r"(\d+) pencils cost (\d+) cents.* do (\d+)", lambda n, cents, m: Fraction(cents, n) * m),
        ("trapezoid_areas", r"of (\d+) cm and (\d+) cm and a height of (\d+)", lambda a, b, h: Fraction(a + b, 2) * h),
        ("inverses", r"makes (\d+)x .* divided by (\d+)", lambda a, p: next(x for x in range(p) if a * x % p == 1)),
        ("dice", r"to (\d+)\. .*sum to (\d+)", lambda n, s: Fraction(
            sum(i + j == s for i in range(1, n + 1) for j in range(1, n + 1)), n * n)),
        ("quadratic_roots", r"x\^2 - (\d+)x \+ (\d+) = 0", lambda b, c: max(
            x for x in range(c + 2) if x * x - b * x + c == 0)),
        ("systems", r"(\d+)x \+ (\d+)y = (\d+) and (\d+)x \+ (\d+)y = (\d+)", lambda a, b, e, c, d, f: next(
            x for x in range(100) for y in range(100) if a * x + b * y == e and c * x + d * y == f)),
    ],
)  # fmt: skip
def test_the_answer_is_that_of_the_question_as_it_is_written(name, question, answer):
    (family,) = (family for family in FAMILIES if family.name == name)
    for problem in drawn(family, family.level):
        numbers = map(int, re.search(question, problem.question).groups())
        assert Fraction(problem.answers[0]) == answer(*numbers), problem


def test_no_problem_of_one_split_is_in_another_with_its_numbers_in_another_order():
    game = make_game("math_verify")
    seen = {}
    for split in ("train", "validation", "test"):
        for index in range(400):
            problem = game.task(split, index).content
            key = (problem.family, *sorted(re.findall("[0-9]+", joined(problem.words))))
            assert seen.setdefault(key, split) == split


def test_a_problem_says_its_family_and_difficulty_and_so_does_the_info():
    game = make_game("math_verify", difficulty="medium", families="held_out", style="compact")
    task = game.task("test", 0)
    assert task.content.difficulty == "medium"
    (made,) = step_all(game, [(game.initial(task), {"tool_0": ""})], None)
    assert made is not None and made.info["family"] == task.content.family in (
        "three_products",
        "change",
        "equations_on_both_sides",
    )


def test_numbers_grow_with_the_difficulty():
    longest = [
        max(len(n) for p in drawn(family, size) for n in re.findall("[0-9]+", joined(p.words)))
        for family in FAMILIES[:2]
        for size in (1, 2, 3)
    ]
    assert longest == [2, 3, 4, 2, 3, 4]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_compact_prompts_stay_short_and_within_the_vocabulary(difficulty):
    game = make_game("math_verify", difficulty=difficulty, style="compact")
    draw, words = Random(1), set(game.vocabulary())
    odd = ("x" * 500, "print ( 9 ** 9 ** 3 )", "print ( 'ab c' , 1 ) " * 40, "boxed 7 8", "2 +", "\u0661 \ud800")
    assert len(game.longest_answer().split()) < 50
    for index in range(25):
        state = game.initial(game.task("train", index))
        while acting := game.acting(state):
            for agent in acting:
                prompt = game.observe(state, agent).text.split()
                assert len(prompt) < 120 and set(prompt) <= words
            said = {a: draw.choice((game.expert(state, a), *odd)) for a in acting}
            (made,) = step_all(game, [(state, said)], None)
            assert made is not None
            state = made.state
