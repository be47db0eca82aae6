"""What a child process that runs foreign code may not do, by means of the Linux kernel: taken up once, never let go.

Files by Landlock, system calls by seccomp, memory and processor time by resource limits, rights by dropping every
capability and, where one is configured, by an account of its own. Standard library and msgspec only: this runs before
anything foreign is imported, in a process with one thread. Who is confined how is decided elsewhere.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on every architecture
_LANDLOCK_VERSION, _PATH_BENEATH = 1, 1

# Rights over files, from the kernel's Landlock documentation; a later version of the interface adds rights at the end.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_RIGHTS_OF_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_OWN: Final = (
    _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
)
_ON_A_FILE: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_NET_TCP: Final = 0b11
"""Bind and connect, since version 4."""
_SCOPES: Final = 0b11
"""Abstract sockets of, and signals to, processes outside; since version 6."""

_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_AF_UNIX: Final = 1
_SOCK_STREAM: Final = 1
_SOCK_TYPES: Final = 0xF
"""The bits of a socket's type that are no flags."""
_NETWORK: Final = (2, 10, 16)
"""Families of sockets that "network" means: internet, its version 6, and the kernel's answer to which addresses this
machine has, without which no name is resolved as it should be."""
_CLONE_THREAD: Final = 0x10000
_SIGNALS_BY_FILE: Final = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: have the kernel send any signal to any process once a file can be read."""
_SIGNALS_BY_SOCKET: Final = (0x8901, 0x8902)
"""FIOSETOWN, SIOCSPGRP: the same."""


class _Calls(Struct, frozen=True):
    """Numbers of system calls on one architecture."""

    audit: int
    """AUDIT_ARCH_*: which architecture a call was made for."""
    socket: int
    socketpair: int
    clone: int
    fcntl: int
    ioctl: int
    prctl: int
    refused: tuple[int, ...]
    """Starting programs, looking into other processes, leaving the process group; and what Landlock lets through:
    changing whose a file is and who may open it, signals, other processes' limits and priority, memory and keys that
    are shared by number, memory that no limit counts, watching files that may not be read, room on the disk that is
    taken without being written to, name spaces."""
    own: tuple[int, ...]
    """Calls whose first argument is a process: refused for any but this one."""


_CLONE3: Final = 435
_EVERYWHERE: Final = (
    *(425, 426, 427),  # io_uring_setup, io_uring_enter, io_uring_register
    *(
        438,
        424,
        452,
        463,
        466,
        469,
    ),  # pidfd_getfd, pidfd_send_signal, fchmodat2, setxattrat, removexattrat, file_setattr
    447,  # memfd_secret
)
_ARCHITECTURES: Final = {
    "x86_64": _Calls(
        audit=0xC000003E,
        socket=41,
        socketpair=53,
        clone=56,
        fcntl=72,
        ioctl=16,
        prctl=157,
        refused=(
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(101, 310, 311, 298),  # ptrace, process_vm_readv, process_vm_writev, perf_event_open
            *(112, 109, 272, 308),  # setsid, setpgid, unshare, setns
            *(90, 268, 92, 94, 260),  # chmod, fchmodat, chown, lchown, fchownat
            *(188, 189, 197, 198),  # setxattr, lsetxattr, removexattr, lremovexattr
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
            *(200, 129, 297),  # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
            *(141, 142, 144, 203, 314, 251),  # setpriority, sched_set(param, scheduler, affinity, attr), ioprio_set
            *(29, 64, 68, 240, 248, 249, 250),  # shmget, semget, msgget, mq_open, add_key, request_key, keyctl
            *(321, 323, 319),  # bpf, userfaultfd, memfd_create
            *(253, 294, 254, 300, 301),  # inotify_init, inotify_init1, inotify_add_watch, fanotify_init, fanotify_mark
            285,  # fallocate
            *_EVERYWHERE,
        ),
        own=(62, 234, 302),  # kill, tgkill, prlimit64
    ),
    "aarch64": _Calls(
        audit=0xC00000B7,
        socket=198,
        socketpair=199,
        clone=220,
        fcntl=25,
        ioctl=29,
        prctl=167,
        refused=(
            *(221, 281),  # execve, execveat
            *(117, 270, 271, 241),  # ptrace, process_vm_readv, process_vm_writev, perf_event_open
            *(157, 154, 97, 268),  # setsid, setpgid, unshare, setns
            *(53, 54),  # fchmodat, fchownat
            *(5, 6, 14, 15),  # setxattr, lsetxattr, removexattr, lremovexattr
            88,  # utimensat
            *(130, 138, 240),  # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
            *(140, 118, 119, 122, 274, 30),  # setpriority, sched_set(param, scheduler, affinity, attr), ioprio_set
            *(194, 190, 186, 180, 217, 218, 219),  # shmget, semget, msgget, mq_open, add_key, request_key, keyctl
            *(280, 282, 279),  # bpf, userfaultfd, memfd_create
            *(26, 27, 262, 263),  # inotify_init1, inotify_add_watch, fanotify_init, fanotify_mark
            47,  # fallocate
            *_EVERYWHERE,
        ),
        own=(129, 131, 261),  # kill, tgkill, prlimit64
    ),
}


class Confinement(Struct, frozen=True):
    """What one child may do."""

    read: tuple[str, ...]
    """Files and folders that it may read; those that are absent are left out."""
    write: tuple[str, ...] = ()
    """Folders in which it may make, change and delete files."""
    network: bool = False
    """Whether it may use the network. Never local sockets: the hub listens on one."""
    memory: int = 1 << 30
    """Bytes of address space."""
    processor: int = 600
    """Seconds of processor time in its whole life."""
    files: int = 64
    """Open files."""
    file_size: int = 512 << 20
    """Bytes of one file; nothing can be written behind them. How many files there are is not bounded."""
    user: int | None = None
    """Account that it changes to; None to keep the hub's. Only a process started as root can change."""
    group: int | None = None


class Guards(Struct, frozen=True):
    """What this kernel and account offer."""

    landlock: int
    """Version of the Landlock interface; 0 where there is none."""
    seccomp: bool
    """Whether system calls can be refused on this architecture."""
    root: bool
    """Whether the hub was started as root, so that another account can be taken."""

    def describe(self) -> str:
        """Return one line for an operator."""
        files = f"Landlock {self.landlock}" if self.landlock else "no Landlock"
        calls = "seccomp" if self.seccomp else "no seccomp for this processor"
        return f"{files}, {calls}, {'root: capabilities are dropped' if self.root else 'no root'}"


_libc: Final = ctypes.CDLL(None, use_errno=True)


def guards() -> Guards:
    """Return what can be used here. Changes nothing."""
    version = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    return Guards(max(0, version), platform.machine() in _ARCHITECTURES, os.geteuid() == 0)


def hide_memory() -> None:
    """Make this process undumpable: no core file, and no other process of its account may read its memory."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def confine(confinement: Confinement, parent: int | None = None) -> tuple[str, ...]:
    """Confine this process for the rest of its life.

    Args:
        confinement: What it may do.
        parent: Process with which it is to end; the kernel sees to it when the thread ends that started this one.

    Returns:
        What was taken up, for the record.

    Raises:
        OSError: The kernel refused a part. The process is then to end, as it may be confined in part only.
    """
    there = guards()
    done: list[str] = []
    rulesets = _landlock_ruleset(confinement, there.landlock) if there.landlock else -1
    if there.root:
        _drop_rights(confinement.user, confinement.group)
        done.append("no capabilities" if confinement.user is None else f"account {confinement.user}")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if parent is not None:
        _end_with(parent)  # after the change of account, which would undo it, and before the call is refused
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, confinement.memory),
        (resource.RLIMIT_CPU, confinement.processor),
        (resource.RLIMIT_NOFILE, confinement.files),
        (resource.RLIMIT_FSIZE, confinement.file_size),
    ):
        _lower(limit, value)
    if rulesets >= 0:
        _check(_libc.syscall(_LANDLOCK_RESTRICT, rulesets, 0))
        os.close(rulesets)
        done.append(f"Landlock {there.landlock}")
    if there.seccomp:
        _refuse_calls(_ARCHITECTURES[platform.machine()], network=confinement.network)
        done.append("seccomp")
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
    return tuple(done)


def _check(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(result)


def _end_with(parent: int) -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os._exit(0)  # it ended before


def _lower(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def _drop_rights(user: int | None, group: int | None) -> None:
    """Drop every capability, of the bounding set too, and change the account where one is given."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            break  # the kernel has no more of them, or we have no right to: the sets below are what counts
    if user is not None:
        os.setgroups([])
        os.setresgid(*(3 * (user if group is None else group,)))
        os.setresuid(user, user, user)
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    # Version 3 of capset: two words each of effective, permitted and inheritable.
    header = ctypes.create_string_buffer(struct.pack("<Ii", 0x20080522, 0))
    _check(_libc.capset(header, ctypes.create_string_buffer(bytes(24))))


def _landlock_ruleset(confinement: Confinement, version: int) -> int:
    """Return the descriptor of a ruleset that allows what the confinement says, and nothing else."""
    handled = (1 << _RIGHTS_OF_VERSION.get(version, 16)) - 1
    fields = [handled]
    if version >= 4:
        fields.append(0 if confinement.network else _NET_TCP)
    if version >= 6:
        fields.append(_SCOPES)
    attributes = struct.pack(f"<{len(fields)}Q", *fields)
    ruleset = _check(_libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    _allow(ruleset, confinement.read, _READ & handled)
    _allow(ruleset, confinement.write, _OWN & handled)
    _allow(ruleset, ("/dev/null", "/dev/zero", "/dev/urandom"), (_READ_FILE | _WRITE_FILE) & handled)
    return ruleset


def _allow(ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what is not there needs no right
        try:
            is_folder = os.path.isdir(path)  # noqa: PTH112  # pathlib would be loaded for this alone
            rule = struct.pack("<Qi", rights if is_folder else rights & _ON_A_FILE, descriptor)
            _check(_libc.syscall(_LANDLOCK_ADD, ruleset, _PATH_BENEATH, rule, 0))
        finally:
            os.close(descriptor)


# ------------------------------------------------------------------------------------ system calls (classic BPF)

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = (
    0,
    4,
    16,
    24,
)  # offsets in struct seccomp_data, little-endian
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_FOREIGN_NUMBERS: Final = 0x40000000
"""Numbers from here on belong to x86's second set of calls, which would go round the others."""


def _refuse_calls(calls: _Calls, *, network: bool) -> None:
    """Refuse `_Calls.refused`, `_Calls.own` for other processes, to open sockets, and what would undo the rest."""
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, calls.audit, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _FOREIGN_NUMBERS, 0, 1),
        _step(_RETURN, _ERROR | _EPERM),
        _step(_EQUAL, _CLONE3, 0, 1),
        _step(_RETURN, _ERROR | _ENOSYS),  # the C library then takes clone, whose flags can be looked at
    ]
    for number in calls.refused:
        program += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERROR | _EPERM)]
    itself = (os.getpid(), 0)  # for kill 0 is its group, in which it is alone
    for number in calls.own:
        program += _by_argument(number, _FIRST_ARGUMENT, itself, listed=_ALLOW, others=_ERROR | _EPERM)
    for number, argument, values in (
        (calls.fcntl, _SECOND_ARGUMENT, _SIGNALS_BY_FILE),
        (calls.ioctl, _SECOND_ARGUMENT, _SIGNALS_BY_SOCKET),
        (calls.prctl, _FIRST_ARGUMENT, (_PR_SET_PDEATHSIG,)),
    ):
        program += _by_argument(number, argument, values, listed=_ERROR | _EPERM, others=_ALLOW)
    families = _NETWORK if network else ()
    program += _by_argument(calls.socket, _FIRST_ARGUMENT, families, listed=_ALLOW, others=_ERROR | _EACCES)
    program += [
        _step(_EQUAL, calls.clone, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_ANY_BIT, _CLONE_THREAD, 0, 1),
        _step(_RETURN, _ALLOW),  # a thread
        _step(_RETURN, _ERROR | _EPERM),
        # A pair of streams, which event loops wake themselves with. Each half of a pair of datagrams could send to any
        # local socket, such as the system's log.
        _step(_EQUAL, calls.socketpair, 0, 7),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_EQUAL, _AF_UNIX, 0, 4),
        _step(_LOAD, _SECOND_ARGUMENT),
        _step(_AND, _SOCK_TYPES),
        _step(_EQUAL, _SOCK_STREAM, 0, 1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERROR | _EACCES),
        _step(_RETURN, _ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(program))
    # struct sock_fprog: a length and a pointer
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    _check(_libc.prctl(_PR_SET_SECCOMP, 2, ctypes.c_char_p(header), 0, 0))


def _by_argument(number: int, argument: int, values: Sequence[int], *, listed: int, others: int) -> list[bytes]:
    """Return the steps that decide on a call by one of its arguments, of which the kernel too takes 32 bits."""
    tests = [_step(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    steps = [_step(_LOAD, argument), *tests, _step(_RETURN, others), _step(_RETURN, listed)]
    return [_step(_EQUAL, number, 0, len(steps)), *steps]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
