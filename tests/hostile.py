"""Actions that nobody should write: well-formed answers, mutations of them, and strings made to break parsers."""

import json
import string
from collections.abc import Callable, Sequence
from random import Random

SIZES = (3, 10, 30, 30, 100, 100, 300, 1000)
LARGE = (3_000, 10_000, 70_000, 200_000)
"""Repetitions; a large one is one in fifty."""
LARGE_SHARE = 0.02

MARKS = (
    "Moves:",
    "moves:",
    "MOVES:",
    "Moves :",
    "M\u043eves:",
    "</think>",
    "<think>",
    "```",
    "```json\n",
    "+",
    "[",
    "]",
    '"',
    "\n",
)
_LINE = (
    "U D L R u d l r up Down LEFT right noop ? + ++ = ! -1 0 1 9 @a1 @b2 @c9 @zz99 @a0 @A1 @a @ #b2 $c3 *d4 _a1 "
    "b3=4 c3=0 a1=9 b3=44 b3= =4 b3==4 r1c1=5 z9=1 1234 true null NaN None Moves: UURD U,D up; stop"
)
WORDS = _LINE.split()
CHARACTERS = (
    "\x00\x01\x1b\x7f\x85\xa0\u00ad\u0130\u0131\u017f\u00df\u0308\u200b\u200f\u202e\u2028\ufeff\uff35\u216b\u00b2\u0661"
    "\ud800\udfff\U0001f600\U0001f468\u200d\U0001f469\U000e0041\U0010ffff"
)
KILLERS = (
    "a", " ", "\t", "\n", "\r", ".", ",", "|;", "a a", "aA!", "(", "((a+)+)+$", "[[", "][", "]]", "{", '{"a":', '["',
    '"', "'", "\\", "\\u", "```", "``` ", "Moves:", "moves: [", "</think>", "<think>", "+", "+ ", "U", "U ", "U,",
    '"U", ', "@a1 ", "@", "b3=4 ", "=", "\x00", "\ud800", "\u0130", "\u0130Moves:", "\u2028", "0", "-", "1e9", "9",
    "\U0001f468\u200d",
)  # fmt: skip


def hostile(generator: Random, answers: Sequence[str]) -> str:
    """Returns the next string; `answers` are some that are well-formed here."""
    return generator.choice(_KINDS)(generator, answers)


def _size(generator: Random) -> int:
    return generator.choice(LARGE if generator.random() < LARGE_SHARE else SIZES)


def _well(generator: Random, answers: Sequence[str]) -> str:
    return generator.choice(answers)


def _mutated(generator: Random, answers: Sequence[str]) -> str:
    text = generator.choice(answers)
    for _ in range(generator.randint(1, 6)):
        at = generator.randint(0, len(text))
        to = min(len(text), at + generator.randint(0, 8))
        piece = generator.choice(
            (text[at:to] * 2, "", _odd_characters(generator, answers)[:3], generator.choice(WORDS))
        )
        text = generator.choice((text[:at] + piece + text[to:], text[:at] + piece + text[at:]))
    return generator.choice((text, text, text.swapcase(), text[::-1], text * 2))


def _wrapped(generator: Random, answers: Sequence[str]) -> str:
    parts = [generator.choice((_mutated, _well, _words))(generator, answers) for _ in range(generator.randint(1, 3))]
    parts += generator.choices(MARKS, k=generator.randint(1, 5))
    generator.shuffle(parts)
    return generator.choice(("", " ", "\n")).join(parts)


def _words(generator: Random, _answers: Sequence[str]) -> str:
    chosen = generator.choices(WORDS, k=min(_size(generator), 10_000))
    return generator.choice((" ", ", ", "\n", "", '", "', "+", "\x00")).join(chosen)


def _odd_characters(generator: Random, _answers: Sequence[str]) -> str:
    size = generator.choice(SIZES)
    if generator.random() < 0.5:
        return "".join(chr(generator.randrange(0x110000)) for _ in range(min(size, 100)))
    return "".join(generator.choices(CHARACTERS + string.printable, k=size))


def _repeated(generator: Random, answers: Sequence[str]) -> str:
    pieces = generator.choices((*KILLERS, *answers[:20]), k=generator.randint(1, 3))
    size = _size(generator)
    text = "".join(piece * (size // len(piece) + 1 if piece else 0) for piece in pieces)
    return text + generator.choice(("", "!", "]", "U", "\n", "Moves:"))


def _digits(generator: Random, _answers: Sequence[str]) -> str:
    number = generator.choice("0123456789-.e") * generator.choice((1, 5, 400, 5_000, 10_000))
    return generator.choice(("{}", "Moves: [{}]", '["{}"]', "-{}", "1e{}", "b{}=4", "@a{}", "b3={}", "0x{}")).format(
        number
    )


def _nested(generator: Random, answers: Sequence[str]) -> str:
    size = _size(generator)
    opening, closing = generator.choice(
        (("[", "]"), ("{", "}"), ('{"a":', "}"), ('["', '"]'), ("(", ")"), ("```", "```"))
    )
    closed = generator.choice((0, size // 2, size, size + 1))
    return generator.choice(("", "Moves: ")) + opening * size + generator.choice(answers) + closing * closed


def _json(generator: Random, answers: Sequence[str]) -> str:
    return generator.choice(("", "Moves: ", "```json\n")) + json.dumps(_value(generator, answers, 0))


def _value(generator: Random, answers: Sequence[str], depth: int) -> object:
    kind = generator.randrange(8 if depth < 4 else 5)
    if kind < 3:
        return generator.choice((*WORDS, *answers[:20]))
    if kind < 5:
        return generator.choice((None, True, False, 0, -1, 10**30, 1e308, float("nan"), float("inf"), ""))
    inside = [_value(generator, answers, depth + 1) for _ in range(generator.randrange(4))]
    return inside if kind < 7 else {str(generator.choice(WORDS)): each for each in inside}


_KINDS: tuple[Callable[[Random, Sequence[str]], str], ...] = (
    *(_well, _mutated, _wrapped) * 2,
    *(_mutated, _words, _odd_characters, _repeated, _digits, _nested, _json),
)
