"""Seeds by hashing, never by arithmetic: neighbouring names give unrelated streams.

`seed + 1` style derivation makes streams collide (seed 1, task 2 is seed 2, task 1); a hash of the whole
path does not. Nothing here, and nothing in the project, touches a global generator.
"""

import hashlib
from random import Random

SPLITS = ("train", "validation", "test")


def derive(*path: str | int) -> int:
    """Returns a 63-bit seed that depends on every part of `path` and their order.

    Parts are separated unambiguously and typed: `derive("a", 1)` and `derive("a1")` differ, as do 1 and "1".
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in path)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def rng(*path: str | int) -> Random:
    """Returns a fresh generator seeded by `derive(*path)`."""
    return Random(derive(*path))


def split_of(digest: int) -> str:
    """Returns the split that an instance with this digest belongs to: 80 % train, 10 % validation, 10 % test.

    The instance itself decides, so the splits are disjoint by construction, whatever generated them.
    """
    bucket = digest % 10
    return "test" if bucket == 0 else "validation" if bucket == 1 else "train"
