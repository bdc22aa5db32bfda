"""The words of compact prompts and answers: few, so that a small policy has a token for each.

A number is one word from -99 to 99; a longer one goes on with its further digits, two a word: 1234 is `12 ~34`.
"""

import re
from functools import lru_cache

from mas_envs.games.code_test.families import FAMILIES
from mas_envs.games.code_test.pieces import FILTERS, MAPS
from mas_envs.games.code_test.spec import READ

OTHER = "<other>"
"""Stands for any word of a program or an output that is not in the vocabulary."""
LONGEST = 90
"""Words of a program that are shown, its first ones."""
_MARKS = ("in", "out", "program", "failed", "got", "crash", "no", "cases", "nothing", "...", "coder", "tester", OTHER)
_INTEGER = re.compile(r"(-?)([0-9]{1,12})")


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """Returns every word of compact prompts, and of the programs and cases that answer them."""
    texts = [READ, "; y = [ v for in x if ] print ( ) 0"]
    texts += [text for family in FAMILIES.values() for text in (family.words, family.code)]
    texts += [text for piece in (*MAPS.values(), *FILTERS.values()) for text in (piece.words, piece.code)]
    written = [word for text in texts for word in text.split() if "{" not in word]
    numbers = [str(n) for n in range(-99, 100)]
    return tuple(
        dict.fromkeys((*_MARKS, *written, *numbers, *(f"~{n}" for n in range(10)), *(f"~{n:02}" for n in range(100))))
    )


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(vocabulary())


def said_words(text: str) -> str:
    """Returns a text in known words, its first LONGEST ones."""
    found = text.split(maxsplit=LONGEST)
    known = _known()
    return " ".join(word if word in known else OTHER for word in found[:LONGEST])


def number_words(text: str, most: int) -> str:
    """Returns the numbers of a text in words, the first `most` of them; what is no number is OTHER."""
    tokens = text.split(maxsplit=most)
    words = [word for token in tokens[:most] for word in _number(token)]
    return " ".join([*words, "..."] if len(tokens) > most else words) or "nothing"


def _number(token: str) -> list[str]:
    match = _INTEGER.fullmatch(token)
    if match is None:
        return [OTHER]
    sign, digits = match.groups()
    if token in _known():
        return [token]
    first = 2 if len(digits) % 2 == 0 else 1
    words = [sign + digits[:first], *(f"~{digits[i : i + 2]}" for i in range(first, len(digits), 2))]
    return words if all(word in _known() for word in words) else [OTHER]
