"""What generated problems ask of some numbers. Whole families are held out: they turn up in no training task."""

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby, pairwise
from math import gcd
from typing import NamedTuple

GRADES = ("easy", "medium", "hard", "expert")
"""How difficult a problem is. Medium ones are of the easy families, with a filter and a map."""


class Family(NamedTuple):
    """What is said of the numbers y that were kept and changed. {k} stands for its own constant.

    phrase: what is to be printed; {y} stands for what y is. code: an expression over `y`, or
    `* ...` for several numbers. function: the right answer, a number or several; 0 where there is nothing to say.
    split: in whose problems it turns up where families are held out: "train", "validation" or "test".
    """

    grade: str
    phrase: str
    words: str
    code: str
    function: Callable[[list[int], int], int | list[int]]
    constants: Sequence[int] = (0,)
    near: tuple[str, ...] = ()
    split: str = "train"


def _run_lengths(y: Sequence[int]) -> list[int]:
    return [len(list(run)) for _, run in groupby(y)]


def _longest_rise(y: Sequence[int]) -> int:
    best = length = min(len(y), 1)
    for before, after in pairwise(y):
        length = length + 1 if after > before else 1
        best = max(best, length)
    return best


def _best_slice(y: Sequence[int]) -> int:
    return max((sum(y[i:j]) for j in range(len(y) + 1) for i in range(j)), default=0)


def _pairs(y: Sequence[int], fits: Callable[[int, int], bool]) -> int:
    return sum(fits(y[i], y[j]) for j in range(len(y)) for i in range(j))


_PAIRS = "for j in range ( len ( y ) ) for i in range ( j )"
_TWO = "for a , b in zip ( y , y [ 1 : ] )"

FAMILIES: dict[str, Family] = {
    # One number or list from simple aggregates.
    "sum": Family("easy", "the sum of {y}", "sum", "sum ( y )", lambda y, k: sum(y), near=("count", "largest")),
    "count": Family("easy", "the count of {y}", "count", "len ( y )", lambda y, k: len(y), near=("sum", "distinct")),
    "largest": Family(
        "easy", "the largest of {y}", "largest", "max ( y , default = 0 )", lambda y, k: max(y, default=0),
        near=("smallest", "last"),
    ),
    "smallest": Family(
        "easy", "the smallest of {y}", "smallest", "min ( y , default = 0 )", lambda y, k: min(y, default=0),
        near=("largest", "first"),
    ),
    "first": Family(
        "easy", "the first of {y}", "first", "y [ 0 ] if y else 0", lambda y, k: y[0] if y else 0,
        near=("last", "smallest"),
    ),
    "each": Family("easy", "{y}", "each", "* y or [ 0 ]", lambda y, k: y or [0], near=("reverse", "ascending")),
    "last": Family(
        "easy", "the last of {y}", "last", "y [ - 1 ] if y else 0", lambda y, k: y[-1] if y else 0,
        near=("first", "largest"), split="validation",
    ),
    "range": Family(
        "easy", "the difference between the largest and the smallest of {y}", "range",
        "max ( y ) - min ( y ) if y else 0", lambda y, k: max(y) - min(y) if y else 0,
        near=("largest", "smallest"), split="test",
    ),
    # Rules of their own, with one idea.
    "kth_largest": Family(
        "hard", "number {k} in falling order (equal ones count each time) of {y}", "falling {k}",
        "sorted ( y ) [ - {k} ] if len ( y ) >= {k} else 0",
        lambda y, k: sorted(y)[-k] if len(y) >= k else 0, (2, 3, 4), ("kth_smallest", "largest"),
    ),
    "kth_smallest": Family(
        "hard", "number {k} in rising order (equal ones count each time) of {y}", "rising {k}",
        "sorted ( y ) [ {k} - 1 ] if len ( y ) >= {k} else 0",
        lambda y, k: sorted(y)[k - 1] if len(y) >= k else 0, (2, 3, 4), ("kth_largest", "smallest"),
    ),
    "distinct": Family(
        "hard", "how many different ones there are among {y}", "distinct", "len ( set ( y ) )",
        lambda y, k: len(set(y)), near=("count", "sum"),
    ),
    "alternating": Family(
        "hard", "the alternating sum (first minus second plus third, and so on) of {y}", "alternating",
        "sum ( y [ : : 2 ] ) - sum ( y [ 1 : : 2 ] )", lambda y, k: sum(y[::2]) - sum(y[1::2]), near=("sum", "first"),
    ),
    "reverse": Family(
        "hard", "in reverse order {y}", "reverse", "* y [ : : - 1 ] or [ 0 ]", lambda y, k: y[::-1] or [0],
        near=("each", "descending"),
    ),
    "ascending": Family(
        "hard", "in rising order {y}", "ascending", "* sorted ( y ) or [ 0 ]", lambda y, k: sorted(y) or [0],
        near=("descending", "each"),
    ),
    "descending": Family(
        "hard", "in falling order {y}", "descending", "* sorted ( y ) [ : : - 1 ] or [ 0 ]",
        lambda y, k: sorted(y)[::-1] or [0], near=("ascending", "reverse"),
    ),
    "digits": Family(
        "hard", "the sum of all decimal digits (signs left aside) of {y}", "digits",
        "sum ( int ( d ) for v in y for d in str ( abs ( v ) ) )",
        lambda y, k: sum(int(digit) for v in y for digit in str(abs(v))), near=("sum", "count"),
    ),
    "gcd": Family(
        "hard", "the greatest common divisor of {y}", "gcd", "__import__ ( 'math' ) . gcd ( * y )",
        lambda y, k: gcd(*y), near=("smallest", "first"),
    ),
    "prefix": Family(
        "hard", "the running sums (first, first plus second, and so on) of {y}", "prefix",
        "* [ sum ( y [ : i + 1 ] ) for i in range ( len ( y ) ) ] or [ 0 ]", lambda y, k: list(accumulate(y)) or [0],
        near=("each", "sum"),
    ),
    "running": Family(
        "hard", "for each place the largest so far of {y}", "running",
        "* [ max ( y [ : i + 1 ] ) for i in range ( len ( y ) ) ] or [ 0 ]",
        lambda y, k: list(accumulate(y, max)) or [0], near=("each", "prefix"),
    ),
    "steps": Family(
        "hard", "the differences between neighbours (later minus earlier) of {y}", "steps",
        f"* [ b - a {_TWO} ] or [ 0 ]", lambda y, k: [b - a for a, b in pairwise(y)] or [0], near=("each", "prefix"),
    ),
    "rotate": Family(
        "hard", "with the first {k} moved to the end {y}", "rotate {k}",
        "* y [ {k} : ] + y [ : {k} ] or [ 0 ]", lambda y, k: y[k:] + y[:k] or [0], (1, 2, 3), ("each", "reverse"),
        split="validation",
    ),
    "every": Family(
        "hard", "those at places divisible by {k} (counting from 1) of {y}", "every {k}",
        "* y [ {k} - 1 : : {k} ] or [ 0 ]", lambda y, k: y[k - 1 :: k] or [0], (2, 3), ("each", "rotate"), split="test",
    ),
    "above_mean": Family(
        "hard", "how many are greater than the mean of {y}", "above_mean",
        "sum ( v * len ( y ) > sum ( y ) for v in y )",
        lambda y, k: sum(v * len(y) > sum(y) for v in y), near=("count", "distinct"), split="test",
    ),
    # Rules that need a search or some counting.
    "longest_run": Family(
        "expert", "the length of the longest run of equal neighbours in {y}", "longest_run",
        "max ( [ sum ( all ( w == y [ i ] for w in y [ i : j + 1 ] ) for j in range ( i , len ( y ) ) ) "
        "for i in range ( len ( y ) ) ] , default = 0 )",
        lambda y, k: max(_run_lengths(y), default=0), near=("count", "runs"),
    ),
    "runs": Family(
        "expert", "how many runs of equal neighbours there are in {y}", "runs",
        f"len ( y [ : 1 ] ) + sum ( a != b {_TWO} )", lambda y, k: len(_run_lengths(y)), near=("distinct", "count"),
    ),
    "best_slice": Family(
        "expert", "the largest sum of one or more neighbours in {y}", "best_slice",
        "max ( [ sum ( y [ i : j ] ) for j in range ( len ( y ) + 1 ) for i in range ( j ) ] , default = 0 )",
        lambda y, k: _best_slice(y), near=("sum", "largest"),
    ),
    "frequent": Family(
        "expert", "the most frequent (if several are, the smallest of those) of {y}", "frequent",
        "min ( y , key = lambda v : ( - y . count ( v ) , v ) , default = 0 )",
        lambda y, k: min(y, key=lambda v: (-y.count(v), v), default=0), near=("smallest", "largest"),
    ),
    "pairs": Family(
        "expert", "how many pairs (of two places) with the sum {k} there are in {y}", "pairs {k}",
        f"sum ( y [ i ] + y [ j ] == {{k}} {_PAIRS} )", lambda y, k: _pairs(y, lambda a, b: a + b == k),
        range(10), ("inversions", "count"),
    ),
    "inversions": Family(
        "expert", "how many pairs of places with the greater number first there are in {y}", "inversions",
        f"sum ( y [ i ] > y [ j ] {_PAIRS} )", lambda y, k: _pairs(y, lambda a, b: a > b), near=("falls", "count"),
    ),
    "falls": Family(
        "expert", "how many are less than the one right before them in {y}", "falls", f"sum ( b < a {_TWO} )",
        lambda y, k: sum(b < a for a, b in pairwise(y)), near=("inversions", "runs"),
    ),
    "longest_rise": Family(
        "expert", "the length of the longest stretch of strictly growing neighbours in {y}", "longest_rise",
        "max ( [ j - i for j in range ( len ( y ) + 1 ) for i in range ( j ) "
        "if all ( a < b for a , b in zip ( y [ i : j ] , y [ i + 1 : j ] ) ) ] , default = 0 )",
        lambda y, k: _longest_rise(y), near=("longest_run", "count"), split="validation",
    ),
    "records": Family(
        "expert", "how many are greater than all before them in {y}", "records",
        "sum ( all ( w < y [ i ] for w in y [ : i ] ) for i in range ( len ( y ) ) )",
        lambda y, k: sum(all(w < v for w in y[:i]) for i, v in enumerate(y)), near=("distinct", "count"), split="test",
    ),
    "second": Family(
        "expert", "the second largest of the different ones among {y}", "second",
        "sorted ( set ( y ) ) [ - 2 ] if len ( set ( y ) ) > 1 else 0",
        lambda y, k: sorted(set(y))[-2] if len(set(y)) > 1 else 0, near=("largest", "smallest"), split="test",
    ),
    # No family of problems, but the mistake to print what one sample shows.
    "constant": Family("", "", "", "{k}", lambda y, k: k),
}  # fmt: skip
