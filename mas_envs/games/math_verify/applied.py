"""Families of medium difficulty: numbers in words, and a program of one step or two."""

from fractions import Fraction
from math import gcd, lcm
from random import Random

from mas_envs.games.math_verify.problems import Drawn, Family, number, printing, printing_exactly


def _greatest_divisors(draw: Random, size: int) -> Drawn:
    common = draw.randint(2, 9 * size)
    a, b = common * number(draw, 1), common * number(draw, 1)
    question = f"What is the greatest common divisor of {a} and {b}?"
    return Drawn(question, f"gcd {a} , {b}", f"from math import gcd ; print ( gcd ( {a} , {b} ) )", gcd(a, b))


def _least_multiples(draw: Random, size: int) -> Drawn:
    a, b = number(draw, size - 1), number(draw, 1)
    question = f"What is the least common multiple of {a} and {b}?"
    return Drawn(question, f"lcm {a} , {b}", f"from math import lcm ; print ( lcm ( {a} , {b} ) )", lcm(a, b))


def _fraction_sums(draw: Random, size: int) -> Drawn:
    a, b, c, d = draw.randint(1, 9), draw.randint(2, 6 * size), draw.randint(1, 9), draw.randint(2, 6 * size)
    question = f"What is {a}/{b} + {c}/{d}, as a fraction in lowest terms?"
    program = printing_exactly(f"{a} * {d} + {c} * {b}", f"{b} * {d}")
    return Drawn(question, f"sum {a} / {b} , {c} / {d}", program, Fraction(a, b) + Fraction(c, d))


def _percentages(draw: Random, size: int) -> Drawn:
    p, n = draw.randint(2, 99), number(draw, size)
    question = f"What is {p} percent of {n}? Give the exact value as a fraction or a decimal."
    return Drawn(question, f"percent {p} of {n}", printing_exactly(f"{p} * {n}", "100"), Fraction(p * n, 100))


def _linear_equations(draw: Random, size: int) -> Drawn:
    a, b, c = draw.randint(2, 9 * size), number(draw, size - 1), number(draw, size)
    question = f"Solve for x: {a}x + {b} = {c}."
    return Drawn(question, f"solve {a} x + {b} = {c}", printing_exactly(f"{c} - {b}", f"{a}"), Fraction(c - b, a))


def _equations_on_both_sides(draw: Random, size: int) -> Drawn:
    c, a = sorted(draw.sample(range(2, 12 * size), 2))
    b, d = number(draw, size - 1), number(draw, size)
    question = f"Solve for x: {a}x + {b} = {c}x + {d}."
    program = printing_exactly(f"{d} - {b}", f"{a} - {c}")
    return Drawn(question, f"solve {a} x + {b} = {c} x + {d}", program, Fraction(d - b, a - c))


def _digit_sums(draw: Random, size: int) -> Drawn:
    a, b = number(draw, size), number(draw, 1)
    question = f"What is the sum of the digits of the product of {a} and {b}?"
    program = printing(f"sum ( int ( d ) for d in str ( {a} * {b} ) )")
    return Drawn(question, f"digits sum of {a} * {b}", program, sum(map(int, str(a * b))))


def _averages(draw: Random, size: int) -> Drawn:
    numbers = [number(draw, size - 1) for _ in range(draw.randint(3, 3 + size))]
    listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    total = " + ".join(map(str, numbers))
    return Drawn(
        f"What is the average of {listed}?",
        f"average of {' , '.join(map(str, numbers))}",
        printing_exactly(total, str(len(numbers))),
        Fraction(sum(numbers), len(numbers)),
    )


def _unit_prices(draw: Random, size: int) -> Drawn:
    pencils, more = draw.sample(range(2, 10 * size), 2)
    cents = number(draw, size)
    question = f"{pencils} pencils cost {cents} cents. How many cents do {more} pencils cost at the same price each?"
    program = printing_exactly(f"{cents} * {more}", str(pencils))
    return Drawn(question, f"price of {pencils} = {cents} , of {more}", program, Fraction(cents * more, pencils))


def _trapezoid_areas(draw: Random, size: int) -> Drawn:
    a, b, h = number(draw, size - 1), number(draw, size - 1), number(draw, size - 1)
    question = f"A trapezoid has parallel sides of {a} cm and {b} cm and a height of {h} cm. What is its area in cm^2?"
    program = printing_exactly(f"( {a} + {b} ) * {h}", "2")
    return Drawn(question, f"area of {a} , {b} , {h}", program, Fraction((a + b) * h, 2))


def _arithmetic_sequences(draw: Random, size: int) -> Drawn:
    a, d, n = number(draw, size - 1), draw.randint(2, 9 * size), number(draw, size - 1)
    shown = " , ".join(str(a + i * d) for i in range(3))
    question = f"An arithmetic sequence begins {shown.replace(' ,', ',')}. What is its term number {n}?"
    return Drawn(question, f"term {n} of {shown}", printing(f"{a} + ( {n} - 1 ) * {d}"), a + (n - 1) * d)


def _travels(draw: Random, size: int) -> Drawn:
    km, h, more = number(draw, size), draw.randint(2, 9), number(draw, size - 1)
    question = f"A train covers {km} km in {h} hours. How many km does it cover in {more} hours at the same speed?"
    program = printing_exactly(f"{km} * {more}", str(h))
    return Drawn(question, f"way of {km} in {h} , in {more}", program, Fraction(km * more, h))


def _change(draw: Random, size: int) -> Drawn:
    count, cents, paid = draw.randint(2, 9), number(draw, size), 10 ** (size + 2)
    question = f"Anna buys {count} notebooks at {cents} cents each and pays with {paid} cents. How many cents are left?"
    return Drawn(
        question, f"left of {paid} , {count} * {cents}", printing(f"{paid} - {count} * {cents}"), paid - count * cents
    )


FAMILIES = (
    Family("greatest_divisors", 2, "train", _greatest_divisors),
    Family("least_multiples", 2, "train", _least_multiples),
    Family("fraction_sums", 2, "train", _fraction_sums),
    Family("percentages", 2, "train", _percentages),
    Family("linear_equations", 2, "train", _linear_equations),
    Family("digit_sums", 2, "train", _digit_sums),
    Family("averages", 2, "train", _averages),
    Family("unit_prices", 2, "train", _unit_prices),
    Family("trapezoid_areas", 2, "train", _trapezoid_areas),
    Family("arithmetic_sequences", 2, "train", _arithmetic_sequences),
    Family("travels", 2, "validation", _travels),
    Family("equations_on_both_sides", 2, "test", _equations_on_both_sides),
    Family("change", 2, "test", _change),
)
