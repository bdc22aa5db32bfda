"""Runs a program's source as `python program.py` would, in a process that was forked for it, and ends that process."""

import _thread
import atexit
import builtins
import io
import os
import site
import sys
import threading
import traceback
import types
from typing import TextIO

NAME = "program.py"
_TRACEBACK = 40
"""Innermost calls that a traceback shows; a million, after deep recursion, would take seconds to print."""


def prepare() -> types.ModuleType:
    """Returns a fresh `__main__` and sets up what a script finds: argv, streams, exit and quit.

    Done once, before the fork: streams know their descriptor's number, behind which each child puts files of its own.
    """
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __file__=NAME, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv = [NAME]
    site.setquit()  # `-S` leaves exit and quit out
    sys.stdin = sys.__stdin__ = _stream(0, "r")
    sys.stdout = sys.__stdout__ = _stream(1, "w")
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace")
    return main


def rehearse() -> None:
    """Does what every child does, often enough for the interpreter to have adapted its code before the first fork."""
    for _ in range(40):
        exec(compile(b"print(1)", NAME, "exec", dont_inherit=True), {"__name__": "rehearsal"})
        _flush(0)


def run(main: types.ModuleType, source: bytes) -> int:
    """Executes `source` in the module `main`; returns the exit status that Python would give it."""
    try:
        exec(compile(source, NAME, "exec", dont_inherit=True), main.__dict__)
        status = 0
    except SystemExit as end:
        status = _exit_status(end)
    except MemoryError as error:
        error.__traceback__ = None  # lets go of what the program's functions held, so that there is room to go on
        os.write(2, b"MemoryError\n")
        status = 1
    except BaseException as error:  # noqa: BLE001  whatever a program raises is its own affair, and reported on stderr
        _report(error, source)
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
    return _finish(main, status)


def _stream(descriptor: int, mode: str, errors: str = "strict") -> TextIO:
    # Python's own streams on Linux: UTF-8, and newline="\n", so that "\r" arrives as it was sent.
    raw = io.FileIO(descriptor, mode, closefd=False)
    buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    name = ("<stdin>", "<stdout>", "<stderr>")[descriptor]
    stream = io.TextIOWrapper(buffered, "utf-8", errors, newline="\n", line_buffering=descriptor == 2)
    stream.mode = mode  # type: ignore[misc]
    raw.name = name
    return stream


def _exit_status(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    _say(str(end.code) + "\n")
    return 1


def _report(error: BaseException, source: bytes) -> None:
    """Writes a traceback to stderr as the interpreter would, without the frames of this file."""
    shown = error.__traceback__.tb_next if error.__traceback__ else None
    error.__traceback__ = shown
    try:
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(error), error, shown)
            return
        _remember(source)
        limit = -_TRACEBACK if shown else None
        _say("".join(traceback.format_exception(type(error), error, shown, limit=limit)))
    except BaseException as second:  # noqa: BLE001  its __str__ or hook may raise anything
        _say(f"{type(error).__name__} (and {type(second).__name__} while it was reported)\n")


def _remember(source: bytes) -> None:
    """Lets tracebacks quote the program, which lies in no file."""
    import linecache

    lines = source.decode("utf-8", "replace").splitlines(keepends=True)
    linecache.cache[NAME] = (len(source), None, lines, NAME)


def _say(text: str) -> None:
    """Writes to stderr; a program may have closed or replaced it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:  # noqa: BLE001  there is nowhere left to say it
        return


def _finish(main: types.ModuleType, status: int) -> int:
    """Does what the interpreter does at its end: joins threads, calls atexit functions, drops globals, flushes."""
    for step in (_join_threads, atexit._run_exitfuncs, main.__dict__.clear):
        try:
            step()
        except BaseException as error:  # noqa: BLE001  a program's own functions run here
            _say(f"{type(error).__name__} at exit: {error!s:.200}\n")
    return _flush(status)


def _join_threads() -> None:
    if _thread._count():
        threading._shutdown()  # type: ignore[attr-defined]


def _flush(status: int) -> int:
    """Writes out what streams hold; returns the exit status, which is another one where that does not go."""
    for stream in (sys.stdout, sys.__stdout__, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:  # noqa: BLE001  a full file, a stream of the program's own making
            status = status or 120  # the interpreter's own status for output that was lost
    return status
