"""LiveCodeBench's way to write tests down: JSON, or JSON as a pickled text, compressed, in base 64."""

import base64
import binascii
import io
import json
import pickle
import zlib
from typing import Any

_LARGEST = 1 << 28
"""Bytes that packed tests may unpack to; the largest have a tenth of it."""


class _TextAlone(pickle.Unpickler):
    """Reads plain values alone: a pickle can name any function, and have it called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise ValueError(f"its packed tests name {module_name}.{global_name}, which is no text")


def unpack(text: str) -> Any:
    """Returns the tests of a text, packed or not; raises ValueError where it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        packed = zlib.decompressobj()
        data = packed.decompress(base64.b64decode(text, validate=True), _LARGEST)
        if not packed.eof:
            raise ValueError("its packed tests are cut off, or too long")
        return json.loads(_TextAlone(io.BytesIO(data)).load())
    except (binascii.Error, zlib.error, pickle.UnpicklingError, EOFError, TypeError, IndexError, KeyError) as error:
        raise ValueError(f"its packed tests cannot be read ({error})") from error
