"""Files without a name, for what goes into a program and comes out of it.

A file cannot fill up and block as a pipe does, so neither side ever has to wait for the other.
"""

import os
import sys
import tempfile


class Anonymous:
    """A file without a name, in memory where the system can; gone once nobody has it open. Close it, or use `with`."""

    def __init__(self, data: bytes = b""):
        if sys.platform == "linux":
            self.fd = os.memfd_create("stream")
        else:
            with tempfile.TemporaryFile() as file:
                self.fd = os.dup(file.fileno())
        self._open = True
        done = 0
        while done < len(data):
            done += os.pwrite(self.fd, memoryview(data)[done:], done)

    def __enter__(self) -> "Anonymous":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.fd)

    def size(self) -> int:
        """Returns its length in bytes."""
        return os.fstat(self.fd).st_size

    def part(self, start: int, count: int) -> bytes:
        """Returns `count` bytes from `start` on, fewer at its end."""
        data = os.pread(self.fd, count, start)
        while len(data) < count and (more := os.pread(self.fd, count - len(data), start + len(data))):
            data += more
        return data
