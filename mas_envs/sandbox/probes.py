"""Live probes: a program that really tries to get out, and the level that its failure proves.

Level 0 holds resource limits alone; 1 adds seccomp, 2 Landlock, 3 bubblewrap. A level counts only if every probe of it
and of those below was stopped: what a machine claims to have is not asked.
"""

import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from mas_envs.sandbox.jobs import Limits, Result, RunProgram, SandboxError

SAFE_LEVEL = 2
"""Below this level nothing runs unless the caller opts in by name."""


class Probe(NamedTuple):
    """Something that must not be possible. `level`: from which level on. `code`: raises OSError where it is stopped."""

    name: str
    level: int
    code: str


PROBES = (
    Probe("write a larger file than allowed", 0, "os.pwrite(1, b'x', 1 << 30)"),
    Probe("take more memory than allowed", 0, "mmap.mmap(-1, 8 << 30)"),
    Probe("raise a limit", 0, "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
    Probe("be root", 0, "os.setresuid(0, 0, 0) if os.getuid() else None\nif os.getuid(): raise OSError"),
    Probe("start a process", 1, "pid = os.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)"),
    Probe("signal its parent", 1, "os.kill(os.getppid() or 1, 0)"),
    Probe("make a TCP connection", 1, "socket.create_connection(('127.0.0.1', {port}), 1)"),
    Probe("send a UDP packet", 1, "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))"),
    Probe("connect to an abstract socket", 1, "socket.socket(1, 1).connect({abstract!r})"),
    Probe("make a user namespace", 1, "os_call(LIBC.unshare(0x10000000))"),
    Probe("change a file's mode", 1, "os.chmod({path!r}, 0o600)"),
    Probe("delete a file", 1, "os.unlink({path!r})"),
    Probe("write a file", 1, "open({path!r}, 'a').write('x')"),
    Probe("read a file", 2, "open({path!r}).read()"),
    Probe("list a folder", 2, "os.listdir({folder!r})"),
    Probe("read another process's environment", 2, "open(f'/proc/{{os.getppid() or 1}}/environ').read()"),
    Probe("see that a file exists", 3, "os.stat({path!r})"),
)
_PRELUDE = """
import ctypes, json, mmap, os, resource, socket, sys
LIBC = ctypes.CDLL(None, use_errno=True)
def os_call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
results = {}
for name, code in json.load(sys.stdin).items():
    try:
        exec(code)
        results[name] = "possible"
    except (OSError, ValueError) as error:
        results[name] = f"{type(error).__name__}: {error}"
print(json.dumps(results))
"""


class Finding(NamedTuple):
    """What came of a probe. `said`: how it was stopped, or "possible"."""

    probe: Probe
    stopped: bool
    said: str


def probe(run: Callable[[RunProgram], Result]) -> list[Finding]:
    """Tries every probe in one run of a sandbox. Raises SandboxError where the program of the probes does not run."""
    with _targets() as targets:
        codes = {probe.name: probe.code.format(**targets) for probe in PROBES}
        result = run(RunProgram(_PRELUDE, json.dumps(codes), Limits(memory_mb=512, output_kb=1024)))
    # A file that was made too large shows up here, and not in what the program says.
    if result.verdict not in ("ok", "output_limit"):
        raise SandboxError(f"The sandbox's probes did not run: {result.detail}. {result.stderr[-500:]}")
    line = result.stdout.rpartition("\n")[0] or "{}"
    said = json.loads(line.lstrip("\0"))
    return [Finding(each, said[each.name] != "possible", said[each.name]) for each in PROBES]


def worst(findings: list[Finding]) -> list[Finding]:
    """Returns one finding per probe, of several zygotes' findings: one that was not stopped, where there is one."""
    found: dict[Probe, Finding] = {}
    for finding in findings:
        if finding.probe not in found or not finding.stopped:
            found[finding.probe] = finding
    return list(found.values())


def level_of(findings: list[Finding]) -> int:
    """Returns the highest level all of whose probes, and all of those below, were stopped; -1 if not even 0's."""
    open_doors = [finding.probe.level for finding in findings if not finding.stopped]
    return min(open_doors, default=4) - 1


@contextmanager
def _targets() -> Iterator[dict[str, object]]:
    """Makes what the probes aim at: a file that anyone may read and change, and two sockets that listen."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "secret")
        with open(path, "w") as file:
            file.write("secret")
        os.chmod(path, 0o666)
        tcp = stack.enter_context(socket.socket())
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        abstract = f"\0mas-envs-{os.urandom(8).hex()}"
        with ExitStack() as only_linux:
            unix = only_linux.enter_context(socket.socket(socket.AF_UNIX))
            try:
                unix.bind(abstract)
                unix.listen()
            except OSError:
                only_linux.close()
            stack.push(only_linux.pop_all())
        yield {"path": path, "folder": folder, "port": tcp.getsockname()[1], "abstract": abstract}
