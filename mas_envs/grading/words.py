"""Whole numbers in English words: `forty-two`, `three hundred and five`, `two million`."""

import re

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {word: number for number, word in enumerate((*_ONES, *_TEENS))} | {
    word: number for number, word in zip(range(20, 100, 10), _TENS, strict=True)
}
MULTIPLES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_LONGEST = 120
_JOINTS = re.compile(r"-|(?<=hundred|housand|million|billion) and ")


def number_in_words(text: str) -> int | None:
    """Returns the whole number that words say, None where they say none."""
    words = _JOINTS.sub(" ", text.lower()).split(" ") if len(text) <= _LONGEST else []
    total, part, last = 0, 0, None
    for word in words:
        if word in _WORDS:
            number = _WORDS[word]
            room = 10 if last in _TENS else 100 if last in (None, *MULTIPLES) else 0
            if not number < room or (last in _TENS and not number):
                return None
            part += number
        elif word not in MULTIPLES or not part:
            return None
        elif word == "hundred" and part < 100:
            part *= 100
        else:
            total, part = total + part * MULTIPLES[word], 0
        last = word
    return total + part if words else None
