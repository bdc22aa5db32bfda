"""Hard families: systems, roots, number theory and counting; a program searches, or knows a formula."""

from fractions import Fraction
from math import comb, isqrt, perm
from random import Random

from mas_envs.games.math_verify.problems import Drawn, Family, number, printing, printing_exactly


def _systems(draw: Random, size: int) -> Drawn:
    x, y = draw.randint(1, 9 * size), draw.randint(1, 9 * size)
    a, b, c, d = 1, 1, 1, 1
    while a * d == b * c:
        a, b, c, d = (draw.randint(2, 9) for _ in range(4))
    e, f = a * x + b * y, c * x + d * y
    question = f"Given {a}x + {b}y = {e} and {c}x + {d}y = {f}, what is x?"
    program = printing_exactly(f"{e} * {d} - {b} * {f}", f"{a} * {d} - {b} * {c}")
    return Drawn(question, f"solve {a} x + {b} y = {e} , {c} x + {d} y = {f}", program, x)


def _quadratic_roots(draw: Random, size: int) -> Drawn:
    r, s = sorted(draw.sample(range(1, 15 * size), 2))
    question = f"What is the larger root of x^2 - {r + s}x + {r * s} = 0?"
    program = printing(f"max ( x for x in range ( {r * s + 1} ) if x * x - {r + s} * x + {r * s} == 0 )")
    return Drawn(question, f"root x ** 2 - {r + s} x + {r * s}", program, s)


def _divisor_counts(draw: Random, size: int) -> Drawn:
    n = number(draw, size)
    question = f"How many positive divisors does {n} have?"
    program = printing(f"sum ( {n} % d == 0 for d in range ( 1 , {n} + 1 ) )")
    return Drawn(question, f"divisors of {n}", program, sum(n % d == 0 for d in range(1, n + 1)))


def _divisor_sums(draw: Random, size: int) -> Drawn:
    n = number(draw, size)
    question = f"What is the sum of the positive divisors of {n}?"
    program = printing(f"sum ( d for d in range ( 1 , {n} + 1 ) if {n} % d == 0 )")
    return Drawn(question, f"divisors sum of {n}", program, sum(d for d in range(1, n + 1) if n % d == 0))


def _combinations(draw: Random, size: int) -> Drawn:
    n, k = draw.randint(8, 10 * size), draw.randint(2, 6)
    question = f"In how many ways can {k} of {n} different books be chosen?"
    return Drawn(question, f"choose {k} of {n}", f"from math import comb ; print ( comb ( {n} , {k} ) )", comb(n, k))


def _arrangements(draw: Random, size: int) -> Drawn:
    n, k = draw.randint(8, 10 * size), draw.randint(2, 5)
    question = f"In how many ways can {k} of {n} runners take the first {k} places?"
    return Drawn(question, f"places {k} of {n}", f"from math import perm ; print ( perm ( {n} , {k} ) )", perm(n, k))


def _geometric_sums(draw: Random, size: int) -> Drawn:
    a, q, n = number(draw, size - 1), draw.randint(2, 5), draw.randint(4, 4 * size)
    question = f"A geometric sequence begins with {a} and {a * q}. What is the sum of its first {n} terms?"
    program = printing(f"sum ( {a} * {q} ** i for i in range ( {n} ) )")
    return Drawn(question, f"term sum {n} of {a} , {a * q}", program, a * (q**n - 1) // (q - 1))


def _recurrences(draw: Random, size: int) -> Drawn:
    a, b, n = draw.randint(1, 9), draw.randint(1, 9), draw.randint(8, 10 * size)
    pair = [a, b]
    while len(pair) < n:
        pair.append(pair[-1] + pair[-2])
    question = (
        f"A sequence begins with {a} and {b}; each further term is the sum of the two before it. "
        f"What is its term number {n}?"
    )
    program = (
        f"x = [ {a} , {b} ] ; [ x . append ( x [ - 1 ] + x [ - 2 ] ) for i in range ( {n} ) ] ; print ( x [ {n} - 1 ] )"
    )
    return Drawn(question, f"term {n} of {a} , {b} sum", program, pair[n - 1])


def _dice(draw: Random, size: int) -> Drawn:
    sides = draw.randint(6, 7 * size)
    total = draw.randint(sides // 2, 2 * sides)
    ways = sum(1 <= total - i <= sides for i in range(1, sides + 1))
    question = f"Two fair dice have sides numbered from 1 to {sides}. What is the probability that they sum to {total}?"
    rolls = f"range ( 1 , {sides} + 1 )"
    program = printing_exactly(f"sum ( 0 < {total} - x <= {sides} for x in {rolls} )", f"{sides} ** 2")
    return Drawn(question, f"dice {sides} = {total}", program, Fraction(ways, sides**2))


def _last_digits(draw: Random, size: int) -> Drawn:
    a, k = number(draw, size - 1), number(draw, size - 1)
    question = f"What is the remainder when {a}^{k} + {k}^{a} is divided by 1000?"
    program = printing(f"( pow ( {a} , {k} , 1000 ) + pow ( {k} , {a} , 1000 ) ) % 1000")
    return Drawn(question, f"( {a} ** {k} + {k} ** {a} ) % 1000", program, (pow(a, k, 1000) + pow(k, a, 1000)) % 1000)


def _multiples(draw: Random, size: int) -> Drawn:
    n, a, b = number(draw, size), *draw.sample(range(3, 13), 2)
    question = f"How many positive integers up to {n} are multiples of {a} or of {b}?"
    program = printing(f"sum ( x % {a} == 0 or x % {b} == 0 for x in range ( 1 , {n} + 1 ) )")
    answer = sum(x % a == 0 or x % b == 0 for x in range(1, n + 1))
    return Drawn(question, f"multiples of {a} or {b} in {n}", program, answer)


def _primes(draw: Random, size: int) -> Drawn:
    n = number(draw, size - 1)
    question = f"How many primes are there up to {n}?"
    program = printing(f"sum ( all ( p % d for d in range ( 2 , p ) ) for p in range ( 2 , {n} + 1 ) )")
    answer = sum(all(p % d for d in range(2, isqrt(p) + 1)) for p in range(2, n + 1))
    return Drawn(question, f"primes in {n}", program, answer)


def _inverses(draw: Random, size: int) -> Drawn:
    prime = draw.choice((101, 211, 307, 401, 503, 601, 701, 809, 907, 1009)[: 4 * size])
    a = draw.randint(2, prime - 2)
    question = f"Which number x from 1 to {prime - 1} makes {a}x leave the remainder 1 when divided by {prime}?"
    return Drawn(question, f"solve {a} x % {prime} = 1", printing(f"pow ( {a} , - 1 , {prime} )"), pow(a, -1, prime))


FAMILIES = (
    Family("systems", 3, "train", _systems),
    Family("quadratic_roots", 3, "train", _quadratic_roots),
    Family("divisor_counts", 3, "train", _divisor_counts),
    Family("combinations", 3, "train", _combinations),
    Family("arrangements", 3, "train", _arrangements),
    Family("geometric_sums", 3, "train", _geometric_sums),
    Family("recurrences", 3, "train", _recurrences),
    Family("dice", 3, "train", _dice),
    Family("multiples", 3, "train", _multiples),
    Family("last_digits", 3, "train", _last_digits),
    Family("divisor_sums", 3, "validation", _divisor_sums),
    Family("primes", 3, "test", _primes),
    Family("inverses", 3, "test", _inverses),
)
