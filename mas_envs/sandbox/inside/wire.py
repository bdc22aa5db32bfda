"""What trainer and zygote say to each other over their socket: fixed-size frames, and file descriptors beside a job.

Program, input and outputs never travel here: they lie in anonymous files whose descriptors come with the job, so the
zygote's memory holds neither the programs that went before nor their inputs.
"""

import json
import socket
import struct
from enum import IntEnum
from typing import Any, NamedTuple

DESCRIPTORS = 4
"""Descriptors that come with a job: the program's source, its stdin, stdout and stderr."""

_JOB = struct.Struct("=dddQQQQ")
_REPLY = struct.Struct("=BBidddQ")
_FDS = struct.Struct(f"={DESCRIPTORS}i")
_LENGTH = struct.Struct("=I")


class Ending(IntEnum):
    """Why a program's process is gone."""

    BY_ITSELF = 0
    """It ended, or something other than the zygote killed it; its wait status says which."""
    CPU = 1
    """The zygote killed it: its CPU time was used up."""
    WALL = 2
    """The zygote killed it: it slept or waited for too long."""
    NOT_SCHEDULED = 3
    """The zygote killed it: it could have run but the machine gave it no core."""


class Job(NamedTuple):
    """One program to run. Seconds, and bytes.

    patience_s: real seconds after which the zygote gives up on a program that the machine does not let run.
    memory: address space beyond what the interpreter itself takes. file: size that stdout and stderr may each reach.
    tasks: RLIMIT_NPROC, where threads are counted for all of a user's processes. source: length of the program.
    """

    cpu_s: float
    wall_s: float
    patience_s: float
    memory: int
    file: int
    tasks: int
    source: int


class Reply(NamedTuple):
    """What the zygote saw of a program. Seconds, and bytes.

    boxed: every wall of the box stood before the first line of the program ran.
    status: as from waitpid. delay_s: seconds that it could have run and got no core.
    peak: most memory it held at once.
    """

    ending: Ending
    boxed: bool
    status: int
    cpu_s: float
    wall_s: float
    delay_s: float
    peak: int


class LostError(Exception):
    """The other end of the socket is gone."""


def send_job(end: socket.socket, job: Job, descriptors: list[int]) -> None:
    """Sends a job with its four descriptors."""
    socket.send_fds(end, [_JOB.pack(*job)], descriptors)


def receive_job(end: socket.socket) -> tuple[Job, list[int]]:
    """Returns the next job and its descriptors; raises LostError at the end of the stream."""
    # Not by socket.recv_fds, which imports modules: every line that a zygote runs costs it pages, after every fork.
    data, beside, _, _ = end.recvmsg(_JOB.size, socket.CMSG_LEN(_FDS.size))
    if len(data) < _JOB.size:
        data += _exactly(end, _JOB.size - len(data), bool(data))
    return Job(*_JOB.unpack(data)), list(_FDS.unpack(beside[0][2]))


def send_reply(end: socket.socket, reply: Reply) -> None:
    """Sends what became of a job."""
    end.sendall(_REPLY.pack(*reply))


def receive_reply(end: socket.socket) -> Reply:
    """Returns the reply to the job that was sent; raises LostError at the end of the stream."""
    ending, boxed, *rest = _REPLY.unpack(_exactly(end, _REPLY.size))
    return Reply(Ending(ending), bool(boxed), *rest)


def send_hello(end: socket.socket, hello: dict[str, Any]) -> None:
    """Sends what a zygote says of itself once it is ready."""
    data = json.dumps(hello).encode()
    end.sendall(_LENGTH.pack(len(data)) + data)


def receive_hello(end: socket.socket) -> dict[str, Any]:
    """Returns what a zygote says of itself; raises LostError at the end of the stream."""
    (length,) = _LENGTH.unpack(_exactly(end, _LENGTH.size))
    return json.loads(_exactly(end, length))


def _exactly(end: socket.socket, count: int, begun: bool = True) -> bytes:
    parts = b""
    while len(parts) < count or not begun:
        part = end.recv(count - len(parts))
        if not part:
            raise LostError("The other end of the socket was closed.")
        parts += part
    return parts
