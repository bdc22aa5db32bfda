"""Files that are written whole or not at all."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mas_envs.core.errors import StateError, UsageError

try:
    from safetensors import SafetensorError
except ImportError:  # then nothing here writes any
    SafetensorError = OSError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what goes wrong while a file or folder is written (a full disk, mostly) into one clear error."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # each writer has its own kind
        raise StateError(
            f"{str(path)!r} cannot be written ({error}). What was saved before stands: make room, then go on from it "
            "(trainers: --resume)."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Writes a file under another name, then moves it into place."""
    part = path.with_name(f".{path.name}.part")
    with writing(path):
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Lets `fill` write a folder under another name, then moves it into place (an older one of that name goes)."""
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with writing(path):
            fill(part)
            for file in part.rglob("*"):
                if file.is_file():
                    with file.open("rb") as opened:
                        os.fsync(opened.fileno())
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)  # on a full disk it is in the way
        raise
    if path.exists():
        remove_folder(path)
    part.replace(path)


def remove_folder(path: Path) -> None:
    """Takes a folder out of sight before it is deleted, so that a kill never leaves half of it under its name."""
    part = path.with_name(f".{path.name}.old")
    shutil.rmtree(part, ignore_errors=True)
    path.replace(part)
    shutil.rmtree(part)


def make_folder(path: Path) -> Path:
    """Creates a folder that can be written to; raises UsageError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".write-test"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"The output folder {str(path)!r} cannot be written ({error.strerror}). Choose another folder."
        ) from error
    return path
