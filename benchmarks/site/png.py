"""Pictures as data URIs of PNG files, without an imaging library."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def data_uri(picture: NDArray[np.uint8]) -> str:
    """Returns a picture, (height, width, 3) in RGB, as "data:image/png;base64,...", without loss.

    With up to 256 colours, which all boards have, a pixel is one number of a palette: a twentieth of the bytes.
    """
    high, wide, _ = picture.shape
    packed = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, numbers = np.unique(packed, return_inverse=True)
    if len(colours) <= 256:
        kind, pixels = 3, numbers.reshape(high, wide).astype(np.uint8)
        palette = _chunk(b"PLTE", (colours[:, None] >> np.array([16, 8, 0])).astype(np.uint8).tobytes())
    else:
        kind, pixels, palette = 2, picture.reshape(high, wide * 3), b""
    rows = np.zeros((high, pixels.shape[1] + 1), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, kind, 0, 0, 0))
    content = head + palette + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + content).decode()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
