"""Text as the agents speak it: a space that takes any string, and finding the answer in a reply.

Every function here is total (any string in, no exception) and linear in the length of the string.
"""

from typing import Any

from gymnasium import spaces

MAX_LENGTH = 65_536
"""Characters of an action that count; of a longer one, the last this many."""


class AnyText(spaces.Text):
    """A Gymnasium `Text` space that contains every `str` of at most `max_length` characters.

    Gymnasium's own `Text` contains only strings over a fixed character set and of at least one character; what
    a language model writes is neither. `sample` draws from `examples`, so that a random agent is not merely noise,
    or a few ASCII letters where there are none.
    """

    def __init__(self, max_length: int = MAX_LENGTH, examples: tuple[str, ...] = ()):
        super().__init__(max_length=max_length, min_length=0)
        self.examples = examples

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        if self.examples:
            return self.examples[int(self.np_random.integers(len(self.examples)))]
        return "".join(chr(97 + int(i)) for i in self.np_random.integers(26, size=8))

    def __repr__(self) -> str:
        return f"AnyText(max_length={self.max_length})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyText) and (self.max_length, self.examples) == (other.max_length, other.examples)

    def __hash__(self) -> int:
        return hash((self.max_length, self.examples))

    # Gymnasium's Text pickles its character list; ours has nothing to add to the attributes.
    def to_jsonable(self, sample_n: Any) -> list[str]:
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:
        return [str(s) for s in sample_n]


def clip_action(text: str) -> tuple[str, bool]:
    """Returns the part of an action that counts (its last MAX_LENGTH characters) and whether it was cut."""
    return (text, False) if len(text) <= MAX_LENGTH else (text[-MAX_LENGTH:], True)


def without_thinking(text: str) -> str:
    """Returns what follows the last `</think>`; all of the text where there is none."""
    end = text.rfind("</think>")
    return text if end < 0 else text[end + len("</think>") :]


def after_marker(text: str, marker: str) -> str | None:
    """Returns what follows the last `marker` (any case), or None where there is none."""
    at = text.lower().rfind(marker.lower())
    # Lower-casing can change the length of exotic characters; then the index does not fit, and the tail is searched.
    if at < 0:
        return None
    if text[at : at + len(marker)].lower() == marker.lower():
        return text[at + len(marker) :]
    return text.lower()[at + len(marker) :]


def last_fenced(text: str) -> str | None:
    """Returns the body of the last complete ``` block without its language tag, or None."""
    end = text.rfind("```")
    start = text.rfind("```", 0, end) if end >= 0 else -1
    if start < 0:
        return None
    body = text[start + 3 : end]
    tag, newline, rest = body.partition("\n")
    return rest if newline and tag.strip().isalnum() else body


def last_bracketed(text: str) -> str | None:
    """Returns what stands inside the last complete `[...]`, or None."""
    end = text.rfind("]")
    start = text.rfind("[", 0, end) if end >= 0 else -1
    return text[start + 1 : end] if start >= 0 else None


def first_bracketed(text: str) -> str | None:
    """Returns what stands inside the first complete `[...]`, or None."""
    start = text.find("[")
    end = text.find("]", start) if start >= 0 else -1
    return text[start + 1 : end] if end >= 0 else None
