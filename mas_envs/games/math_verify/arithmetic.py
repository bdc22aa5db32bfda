"""Easy families: expressions. Copying one into a program is easy; computing it in the head is not."""

from random import Random

from mas_envs.games.math_verify.problems import Drawn, Family, number, printing


def _expression(expression: str, answer: int) -> Drawn:
    question = f"What is {expression.replace('( ', '(').replace(' )', ')')}?"
    return Drawn(question, expression, printing(expression), answer)


def _sums(draw: Random, size: int) -> Drawn:
    a, b, c = number(draw, size), number(draw, size), number(draw, size)
    return _expression(f"{a} + {b} - {c}", a + b - c)


def _products(draw: Random, size: int) -> Drawn:
    a, b = number(draw, size), number(draw, size)
    return _expression(f"{a} * {b}", a * b)


def _bracketed(draw: Random, size: int) -> Drawn:
    a, b, c = number(draw, size), number(draw, size), number(draw, 1)
    if draw.random() < 0.5:
        return _expression(f"( {a} + {b} ) * {c}", (a + b) * c)
    return _expression(f"{c} * ( {a} - {b} )", c * (a - b))


def _products_plus(draw: Random, size: int) -> Drawn:
    a, b, c = number(draw, size), number(draw, 1), number(draw, size)
    return _expression(f"{a} * {b} - {c}", a * b - c)


def _two_products(draw: Random, size: int) -> Drawn:
    a, b, c, d = number(draw, size), draw.randint(2, 9), number(draw, size), draw.randint(2, 9)
    return _expression(f"{a} * {b} + {c} * {d}", a * b + c * d)


def _three_products(draw: Random, size: int) -> Drawn:
    a, b, c = draw.randint(2, 9), number(draw, size), number(draw, 1)
    return _expression(f"{a} * {b} * {c}", a * b * c)


def _remainders(draw: Random, size: int) -> Drawn:
    a, n = number(draw, size + 1), number(draw, 1)
    question = f"What is the remainder when {a} is divided by {n}?"
    return Drawn(question, f"{a} % {n}", printing(f"{a} % {n}"), a % n)


def _powers(draw: Random, size: int) -> Drawn:
    a, k, c = draw.randint(3, 12), draw.randint(2, 3 + size), number(draw, size)
    question = f"What is {a} to the power of {k}, plus {c}?"
    return Drawn(question, f"{a} ** {k} + {c}", printing(f"{a} ** {k} + {c}"), a**k + c)


def _powers_modulo(draw: Random, size: int) -> Drawn:
    a, k, n = number(draw, 1), draw.randint(3, 9 * size), number(draw, size)
    question = f"What is the remainder when {a} to the power of {k} is divided by {n}?"
    return Drawn(question, f"{a} ** {k} % {n}", printing(f"{a} ** {k} % {n}"), pow(a, k, n))


def _squares(draw: Random, size: int) -> Drawn:
    a, b = number(draw, size), number(draw, size)
    question = f"What is the sum of the squares of {a} and {b}?"
    return Drawn(question, f"{a} ** 2 + {b} ** 2", printing(f"{a} ** 2 + {b} ** 2"), a**2 + b**2)


FAMILIES = (
    Family("sums", 1, "train", _sums),
    Family("products", 1, "train", _products),
    Family("bracketed", 1, "train", _bracketed),
    Family("products_plus", 1, "train", _products_plus),
    Family("two_products", 1, "train", _two_products),
    Family("remainders", 1, "train", _remainders),
    Family("powers", 1, "train", _powers),
    Family("powers_modulo", 1, "train", _powers_modulo),
    Family("squares", 1, "validation", _squares),
    Family("three_products", 1, "test", _three_products),
)
