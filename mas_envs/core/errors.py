"""One base error and a few kinds, each also the stdlib type that a caller would expect.

A message says what was given, what is allowed, and what to do.
"""

import difflib
import operator
from collections.abc import Iterable


class MasEnvsError(Exception):
    """Base of every error this project raises on purpose."""


class UsageError(MasEnvsError, ValueError):
    """An argument has a value that is not allowed."""


class ActionError(MasEnvsError, TypeError):
    """An action is not a string. (Every string is legal: a bad model output is data, not an error.)"""


class StateError(MasEnvsError, ValueError):
    """A saved state belongs to another game, another version, or is damaged."""


class EndpointError(MasEnvsError, ConnectionError):
    """A server that answers for a model cannot be used as it is set up: no such model, a wrong key, nobody there."""


class MissingExtraError(MasEnvsError, ImportError):
    """What was asked for needs a package that an extra of this distribution installs."""


class UnknownNameError(MasEnvsError, KeyError):
    """A name is not registered."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0])


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Returns `" Did you mean 'x'?"` for the closest known name, or the empty string."""
    close = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def one_of(what: str, given: object, allowed: Iterable[str]) -> str:
    """Returns `given` if it is one of `allowed`; raises UsageError otherwise."""
    names = tuple(allowed)
    if isinstance(given, str) and given in names:
        return given
    raise UsageError(f"Unknown {what} {given!r}.{did_you_mean(str(given), names)} Allowed: {', '.join(names)}.")


def in_range(what: str, given: object, low: int, high: int) -> int:
    """Returns `given` as an int if it is a whole number in [low, high]; raises UsageError otherwise."""
    try:
        number = low - 1 if isinstance(given, bool) else operator.index(given)  # pyright: ignore[reportArgumentType]
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise UsageError(f"{what} is {given!r}; it must be a whole number from {low} to {high}.")
    return number
