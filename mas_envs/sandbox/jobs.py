"""What can be asked of a sandbox and what comes back: a program with its limits, and a result with its verdict."""

from dataclasses import dataclass, field
from enum import StrEnum

from mas_envs.core.errors import MasEnvsError, UsageError, in_range
from mas_envs.core.game import Effect


class SandboxError(MasEnvsError, RuntimeError):
    """The sandbox cannot be started here, or is not to be used in this way."""


class Verdict(StrEnum):
    """How a run ended. What the program printed is compared elsewhere: see `mas_envs.grading.output`."""

    OK = "ok"
    """It ended with exit status 0."""
    RUNTIME_ERROR = "runtime_error"
    """It ended with another status or by a signal; so does a program that cannot be compiled."""
    TIME_LIMIT = "time_limit"
    """It used up its CPU time, or slept or waited past the wall limit."""
    MEMORY_LIMIT = "memory_limit"
    """It ran out of the memory that it was allowed."""
    OUTPUT_LIMIT = "output_limit"
    """It wrote more to stdout or stderr than it was allowed."""
    INFRASTRUCTURE = "infrastructure"
    """A fault of ours or of the machine; it says nothing of the program."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use.

    cpu_s: CPU seconds of all its threads.
    wall_s: real seconds, less those that the machine kept it waiting for a core; by default 2 * cpu_s + 1. Past that a
        program that sleeps or waits is stopped.
    memory_mb: MiB of address space beyond what the interpreter with its preloaded modules takes.
    output_kb: KiB that stdout may hold, and stderr as well.
    threads: how many it may have at once. (Processes it may have none.)

    Raises UsageError for values outside of what a program could be run with.
    """

    cpu_s: float = 4.0
    wall_s: float | None = None
    memory_mb: int = 1024
    output_kb: int = 16 * 1024
    threads: int = 64

    def __post_init__(self):
        _seconds("cpu_s", self.cpu_s)
        if self.wall_s is not None:
            _seconds("wall_s", self.wall_s)
        in_range("memory_mb", self.memory_mb, 16, 1 << 20)
        in_range("output_kb", self.output_kb, 1, 1 << 20)
        in_range("threads", self.threads, 1, 4096)

    @property
    def wall(self) -> float:
        """The wall limit in seconds."""
        return 2 * self.cpu_s + 1 if self.wall_s is None else self.wall_s


def _seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.01 <= value <= 3600:
        raise UsageError(f"{name} is {value!r}; it must be a number of seconds from 0.01 to 3600.")


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class RunProgram(Effect):
    """A wish to have a Python program run on an input: a job for a sandbox, and an effect that a game can name.

    program: source text; any string is legal. stdin: what it reads, text (sent as UTF-8) or bytes.
    Raises UsageError where one of them is something else.
    """

    program: str = field(repr=False)
    stdin: str | bytes = field(default="", repr=False)
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self):
        for name, value, kinds in (("program", self.program, str), ("stdin", self.stdin, (str, bytes))):
            if not isinstance(value, kinds):
                allowed = "str" if kinds is str else "str or bytes"
                raise UsageError(f"{name} is a {type(value).__name__}; it must be {allowed}.")
        if not isinstance(self.limits, Limits):
            raise UsageError(f"limits is a {type(self.limits).__name__}; give a mas_envs.sandbox.Limits.")

    @property
    def source(self) -> bytes:
        """The program in UTF-8; a lone surrogate, which UTF-8 has not, becomes bytes that Python refuses to compile."""
        return self.program.encode("utf-8", "surrogatepass")

    @property
    def input(self) -> bytes:
        """Stdin in bytes."""
        return self.stdin if isinstance(self.stdin, bytes) else self.stdin.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    verdict: how it ended. detail: the same in words, e.g. "exit status 3"; "" for ok.
    out, err: the bytes it wrote; of stderr at most the last 64 KiB, of both the first 64 KiB past the output limit.
    exit_status: as from Python's subprocess (negative: the signal), or None where the sandbox stopped it.
    cpu_s, wall_s, peak_mb: what it used, the box and the interpreter's own memory included.
    level: what the sandbox was proven to hold, 0 to 3; see `mas_envs.sandbox.probes`.
    """

    verdict: Verdict
    detail: str = ""
    out: bytes = field(default=b"", repr=False)
    err: bytes = field(default=b"", repr=False)
    exit_status: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    level: int = 0

    @property
    def stdout(self) -> str:
        r"""What it printed, as text; bytes that are not UTF-8 are shown as \xNN."""
        return self.out.decode("utf-8", "backslashreplace")

    @property
    def stderr(self) -> str:
        r"""What it wrote to stderr, as text; bytes that are not UTF-8 are shown as \xNN."""
        return self.err.decode("utf-8", "backslashreplace")
