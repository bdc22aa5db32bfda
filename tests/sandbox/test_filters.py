"""The seccomp filters of both processors, executed by a small interpreter of BPF; and the tables of numbers."""

import errno
import re
import struct
from pathlib import Path

import pytest

from mas_envs.sandbox.inside import landlock, seccomp, syscalls

KILL, ERRNO, ALLOW = 0x80000000, 0x50000, 0x7FFF0000
PID = 4321
BOTH = pytest.mark.parametrize("processor", [syscalls.X86_64, syscalls.AARCH64])


def decide(processor: str, number: int, *arguments: int, arch: int | None = None, read_only: bool = False) -> int:
    """Returns what the filter says to a system call."""
    code, own = seccomp.build(processor, read_only)
    patched = bytearray(code)
    for position in own:
        patched[position : position + 4] = struct.pack("=I", PID)
    words = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    arch = syscalls.AUDIT_ARCH[processor] if arch is None else arch
    data = struct.pack("<IIQ6Q", number, arch, 0, *(word & (1 << 64) - 1 for word in words))
    at, accumulator = 0, 0
    for _ in range(4096):
        operation, yes, no, k = struct.unpack_from("=HBBI", patched, 8 * at)
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:
                accumulator &= k
            case 0x05:
                at += k
            case 0x15:
                at += yes if accumulator == k else no
            case 0x35:
                at += yes if accumulator >= k else no
            case 0x06:
                return k
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")
    raise AssertionError("the filter does not end")


def call(processor: str, name: str, *arguments: int) -> int:
    number = syscalls.number(name, processor)
    assert number is not None
    return decide(processor, number, *arguments)


def table(path: str) -> dict[str, int]:
    text = Path(path).read_text()
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", text)}
    shared = {name: int(number) for name, number in re.findall(r"#define __NR3264_(\w+)\s+(\d+)", text)}
    renamed = re.findall(r"#define __NR_(\w+)\s+__NR3264_(\w+)", text)
    return numbers | {name: shared[old] for name, old in renamed if old in shared}


@pytest.mark.parametrize(
    ("column", "path"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
)
def test_numbers_are_those_of_the_kernels_headers(column: int, path: str) -> None:
    if not Path(path).is_file():
        pytest.skip(f"no {path}: install linux-libc-dev")
    known = table(path)
    for name, row in (syscalls.ALLOWED | syscalls.OWN).items():
        if name in known or row[column] is not None:
            assert known.get(name) == row[column], name


@BOTH
def test_what_is_not_in_the_table_is_refused(processor: str) -> None:
    special = {syscalls.number("clone3", processor)}
    allowed = {syscalls.number(name, processor) for name in syscalls.ALLOWED}
    for number in range(600):
        verdict = decide(processor, number)
        if number not in allowed | special:
            assert verdict == ERRNO | errno.EPERM, number
    assert decide(processor, 10_000) == ERRNO | errno.EPERM


@BOTH
def test_what_is_in_the_table_without_condition_is_allowed(processor: str) -> None:
    for name in syscalls.ALLOWED:
        number = syscalls.number(name, processor)
        if number is not None and name not in seccomp.CONDITIONS and name not in seccomp.DOES_NOTHING:
            assert decide(processor, number, -1, -1, -1, -1, -1, -1) == ALLOW, name


@BOTH
@pytest.mark.parametrize("arch", [0x40000003, 0x40000028, 0, 0xC000003E, 0xC00000B7])
def test_foreign_processor_kills(processor: str, arch: int) -> None:
    if arch != syscalls.AUDIT_ARCH[processor]:
        assert decide(processor, 0, arch=arch) == KILL


def test_every_call_of_the_x32_abi_kills() -> None:
    for number in (0, 1, 39, 59, 512, 0x3FFFFFFF):
        assert decide(syscalls.X86_64, number | 0x40000000) == KILL
    assert decide(syscalls.X86_64, 0xFFFFFFFF) == KILL


@BOTH
def test_threads_yes_processes_and_namespaces_no(processor: str) -> None:
    glibc, musl = 0x3D0F00, 0x7D0F00
    assert call(processor, "clone", glibc) == call(processor, "clone", musl) == ALLOW
    for flags in (0, 17, 0x4111, 0x100, 0x1200011):
        assert call(processor, "clone", flags) == ERRNO | errno.EPERM
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80, 0x2000, 0x4000):
        assert call(processor, "clone", glibc | bit) == ERRNO | errno.EPERM
    assert call(processor, "clone3") == ERRNO | errno.ENOSYS


@BOTH
def test_all_threads_have_one_table_of_descriptors(processor: str) -> None:
    glibc, files, unshare, cloexec = 0x3D0F00, 0x400, 2, 4
    assert call(processor, "clone", glibc & ~files) == ERRNO | errno.EPERM
    assert call(processor, "close_range", 3, 9, 0) == call(processor, "close_range", 3, 9, cloexec) == ALLOW
    for flags in (unshare, unshare | cloexec, 8):
        assert call(processor, "close_range", 3, 9, flags) == ERRNO | errno.EPERM


@BOTH
def test_signals_go_to_itself_only_and_never_sigkill(processor: str) -> None:
    assert call(processor, "kill", PID, 10) == call(processor, "tgkill", PID, 5, 6) == ALLOW
    for pid in (0, 1, -1, -PID, PID + 1):
        assert call(processor, "kill", pid, 10) == call(processor, "tgkill", pid, 5, 10) == ERRNO | errno.EPERM
    assert call(processor, "kill", PID, 9) == call(processor, "tgkill", PID, PID, 9) == ERRNO | errno.EPERM


@BOTH
def test_limits_are_read_and_only_the_stacks_is_set(processor: str) -> None:
    stack, cpu, address = 3, 0, 0x7FFF00001000
    assert call(processor, "prlimit64", 0, cpu, 0, address) == call(processor, "prlimit64", PID, 9, 0, 1) == ALLOW
    assert call(processor, "prlimit64", 0, stack, address, 0) == call(processor, "setrlimit", stack) == ALLOW
    assert call(processor, "prlimit64", 0, cpu, address, 0) == ERRNO | errno.EPERM
    assert call(processor, "prlimit64", 0, cpu, 1 << 32, 0) == ERRNO | errno.EPERM  # a pointer has two halves
    assert call(processor, "prlimit64", 1, stack, address, 0) == ERRNO | errno.EPERM
    assert call(processor, "prlimit64", 1, cpu, 0, address) == ERRNO | errno.EPERM


@BOTH
def test_sockets_are_connected_pairs_without_addresses(processor: str) -> None:
    stream, cloexec, nonblock = 1, 0o2000000, 0o4000
    assert call(processor, "socketpair", 1, stream | cloexec | nonblock) == ALLOW
    for domain, kind in ((1, 2), (1, 5), (2, 1), (16, 3), (1, 2 | cloexec)):
        assert call(processor, "socketpair", domain, kind) == ERRNO | errno.EPERM
    assert call(processor, "sendto", 3, 1, 1, 0, 0, 0) == ALLOW
    assert call(processor, "sendto", 3, 1, 1, 0, 0x7FFF00000000, 110) == ERRNO | errno.EPERM


@BOTH
def test_files_cannot_be_opened_for_writing_where_no_landlock_watches(processor: str) -> None:
    openat = syscalls.number("openat", processor)
    assert openat is not None
    for flags in (0, 0o2000000, 0o200000):
        assert decide(processor, openat, -100, 1, flags, read_only=True) == ALLOW
    for flags in (1, 2, 0o101, 0o1000, 0o20200002, 3):
        assert decide(processor, openat, -100, 1, flags, read_only=True) == ERRNO | errno.EPERM
        assert decide(processor, openat, -100, 1, flags) == ALLOW


def test_yielding_succeeds_without_being_done() -> None:
    assert call(syscalls.X86_64, "sched_yield") == ERRNO


@pytest.mark.parametrize(
    ("abi", "bits", "net", "scoped", "size"),
    [(1, 13, 0, 0, 8), (2, 14, 0, 0, 8), (3, 15, 0, 0, 8), (4, 15, 3, 0, 16), (5, 16, 3, 0, 16), (6, 16, 3, 3, 24),
     (7, 16, 3, 3, 24), (99, 16, 3, 3, 24)],
)  # fmt: skip
def test_landlock_is_used_in_full_whatever_its_version(abi: int, bits: int, net: int, scoped: int, size: int) -> None:
    assert landlock.handled(abi) == ((1 << bits) - 1, net, scoped, size)
