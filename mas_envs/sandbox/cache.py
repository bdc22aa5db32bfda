"""Results of runs, kept by the content of what was run: the same program on the same input need not run again.

Only verdicts that a busy or a small machine cannot change are kept: no time, memory or infrastructure.
"""

import hashlib
import json
import os
import threading
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path

from mas_envs.core.errors import in_range
from mas_envs.sandbox.jobs import Result, RunProgram, Verdict

KEPT = frozenset({Verdict.OK, Verdict.RUNTIME_ERROR, Verdict.OUTPUT_LIMIT})
_NO_THREAD = b"can't start new thread"
"""What Python says where a user's threads are used up, which the programs beside this one have a part in."""
_FORMAT = 1
_OVERHEAD = 1000
"""Bytes that an entry is taken to cost beside its output."""


class Cache:
    """Keeps results in memory and, where a folder is given, on disk too. To be used from any number of threads.

    Args:
        max_mb: MiB of output that are kept in memory; what was used longest ago goes first.
        folder: where results are kept beyond this process, one file each; made if it is not there. Several processes
            may share it. Nothing is ever deleted from it.
    """

    def __init__(self, max_mb: int = 256, folder: str | os.PathLike[str] | None = None):
        self._room = in_range("max_mb", max_mb, 1, 1 << 20) << 20
        self._folder = Path(folder) if folder is not None else None
        self._entries: OrderedDict[str, Result] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def get(self, key: str) -> Result | None:
        """Returns the result that was kept under a key, or None."""
        with self._lock:
            result = self._entries.get(key)
            if result is not None:
                self._entries.move_to_end(key)
        if result is None and self._folder is not None and (result := _read(self._path(key))) is not None:
            self._remember(key, result)
        with self._lock:
            self.hits += result is not None
            self.misses += result is None
        return result

    def put(self, key: str, result: Result) -> None:
        """Keeps a result under a key, if its verdict is one that only program and input decide."""
        if result.verdict not in KEPT or _NO_THREAD in result.err:
            return
        self._remember(key, result)
        if self._folder is not None:
            _write(self._path(key), result)

    def _remember(self, key: str, result: Result) -> None:
        with self._lock:
            old = self._entries.pop(key, None)
            self._size += _cost(result) - (_cost(old) if old else 0)
            self._entries[key] = result
            while self._size > self._room and self._entries:
                self._size -= _cost(self._entries.popitem(last=False)[1])

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / key[2:]


def key_of(job: RunProgram, setting: str) -> str:
    """Returns the name of a run by its content: program, input, limits, and in which sandbox it ran."""
    digest = hashlib.blake2b(digest_size=20)
    for part in (setting.encode(), repr(job.limits).encode(), job.source, job.input):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _cost(result: Result) -> int:
    return len(result.out) + len(result.err) + _OVERHEAD


def _write(path: Path, result: Result) -> None:
    """Writes a result so that a reader sees all of it or nothing."""
    fields = asdict(result)
    out, err = fields.pop("out"), fields.pop("err")
    head = json.dumps({"format": _FORMAT, "out": len(out), "err": len(err), **fields}).encode()
    body = head + b"\n" + out + err
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    beside.write_bytes(hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b"\n" + body)
    beside.replace(path)


def _read(path: Path) -> Result | None:
    """Returns the result in a file, or None where there is none or it is damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    checksum, _, body = data.partition(b"\n")
    if hashlib.blake2b(body, digest_size=16).hexdigest().encode() != checksum:
        return None
    head, _, streams = body.partition(b"\n")
    fields = json.loads(head)
    if fields.pop("format") != _FORMAT:
        return None
    size = fields.pop("out")
    fields.pop("err")
    fields["verdict"] = Verdict(fields["verdict"])
    return Result(**fields, out=streams[:size], err=streams[size:])
