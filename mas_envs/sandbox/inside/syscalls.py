"""The system calls that a boxed program may make, with their numbers on both processors.

Numbers are those of Linux' `asm/unistd_64.h` (x86-64) and `asm-generic/unistd.h` (aarch64, which left out the older
of two calls that do the same; None there). Whatever is not here is refused.
"""

import os
import sys

X86_64, AARCH64 = "x86_64", "aarch64"
AUDIT_ARCH = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}
"""What the kernel calls a processor in `seccomp_data.arch` (`linux/audit.h`)."""
X32_BIT = 0x40000000
"""Set in the number of a call of the x32 ABI, which shares its AUDIT_ARCH with x86-64."""

# A call that is here may be narrowed further by its arguments: see `seccomp.CONDITIONS`.
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # memory
    "brk": (12, 214),
    "madvise": (28, 233),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "msync": (26, 227),
    "munmap": (11, 215),
    "membarrier": (324, 283),
    # threads
    "clone": (56, 220),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "futex": (202, 98),
    "futex_waitv": (449, 449),
    "get_robust_list": (274, 100),
    "getcpu": (309, 168),
    "gettid": (186, 178),
    "rseq": (334, 293),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_yield": (24, 124),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    # signals
    "alarm": (37, None),
    "getitimer": (36, 102),
    "kill": (62, 129),
    "pause": (34, None),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigpending": (127, 136),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    "setitimer": (38, 103),
    "sigaltstack": (131, 132),
    "tgkill": (234, 131),
    # time
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "getrusage": (98, 165),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "time": (201, None),
    "times": (100, 153),
    # files
    "access": (21, None),
    "close": (3, 57),
    "close_range": (436, 436),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "epoll_create": (213, None),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "epoll_wait": (232, None),
    "eventfd2": (290, 19),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "fadvise64": (221, 223),
    "fcntl": (72, 25),
    "fdatasync": (75, 83),
    "fstat": (5, 80),
    "fsync": (74, 82),
    "ftruncate": (77, 46),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "ioctl": (16, 29),
    "lseek": (8, 62),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "open": (2, None),
    "openat": (257, 56),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "poll": (7, None),
    "ppoll": (271, 73),
    "pread64": (17, 67),
    "preadv": (295, 69),
    "preadv2": (327, 286),
    "pselect6": (270, 72),
    "pwrite64": (18, 68),
    "pwritev": (296, 70),
    "pwritev2": (328, 287),
    "read": (0, 63),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "readv": (19, 65),
    "select": (23, None),
    "stat": (4, None),
    "statx": (332, 291),
    "write": (1, 64),
    "writev": (20, 66),
    # pairs
    "getpeername": (52, 205),
    "getsockname": (51, 204),
    "getsockopt": (55, 209),
    "recvfrom": (45, 207),
    "sendto": (44, 206),
    "shutdown": (48, 210),
    "socketpair": (53, 199),
    # itself
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getgroups": (115, 158),
    "getpgid": (121, 155),
    "getpgrp": (111, None),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getpriority": (140, 141),
    "getrandom": (318, 278),
    "getresgid": (120, 150),
    "getresuid": (118, 148),
    "getrlimit": (97, 163),
    "getsid": (124, 156),
    "getuid": (102, 174),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    "sysinfo": (99, 179),
    "umask": (95, 166),
    "uname": (63, 160),
}

# What the zygote or the box calls by number, because the C library has no function for it.
OWN: dict[str, tuple[int, int]] = {
    "capset": (126, 91),
    "clone3": (435, 435),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "seccomp": (317, 277),
}


def machine() -> str:
    """Returns the processor's name if the sandbox knows its system calls, else the empty string."""
    name = os.uname().machine if sys.platform == "linux" and sys.maxsize > 1 << 32 else ""
    return name if name in AUDIT_ARCH else ""


def number(name: str, processor: str = "") -> int | None:
    """Returns a system call's number on a processor (by default this one), or None where it has none."""
    row = OWN.get(name) or ALLOWED[name]
    return row[0 if (processor or machine()) == X86_64 else 1]
