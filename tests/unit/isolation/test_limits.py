"""What a confined process may not do, each seen in a process that tried."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.isolation.limits import Guards, guards

ROOT = Path(__file__).parents[3]
THERE = guards()
pytestmark = pytest.mark.skipif(not THERE.landlock, reason="this kernel has no Landlock")

SCRIPT = """
import ctypes, errno, fcntl, json, os, resource, signal, socket, sqlite3, subprocess, sys, threading
from hub.isolation.limits import Confinement, confine
libc = ctypes.CDLL(None, use_errno=True)
def by_c(name, *arguments):
    return libc[name](*arguments) == -1 and errno.errorcode[ctypes.get_errno()]
wanted = json.loads(sys.argv[1])
attempts = wanted.pop("attempts")
done = confine(Confinement(**{**wanted, "read": tuple(wanted["read"]), "write": tuple(wanted["write"])}))
said = {"done": done}
for attempt in attempts:
    try:
        said[attempt] = repr(eval(attempt))
    except BaseException as error:
        said[attempt] = type(error).__name__
print(json.dumps(said))
"""


def confined(attempts, *, read=(), write=(), **more):
    wanted = {"attempts": attempts, "read": [sys.prefix, sys.base_prefix, str(ROOT / "hub"), "/usr", "/lib", *read]}
    wanted |= {"write": list(write), **more}
    call = [sys.executable, "-c", SCRIPT, json.dumps(wanted)]
    environment = os.environ | {"TMPDIR": write[0]} if write else None
    done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_files_programs_sockets_memory_and_other_processes(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / "x").write_text("x")
    tries = {
        f"open({str(own / 'x')!r}).read()": "'x'",
        f"open({str(own / 'y')!r}, 'w').write('y')": "1",
        f"os.listdir({str(own)!r}) != []": "True",
        f"sqlite3.connect({str(own / 'db')!r}).execute('create table t(x)') and 1": "1",
        f"open({str(other / 'x')!r})": "PermissionError",
        f"os.unlink({str(other / 'x')!r})": "PermissionError",
        f"os.rename({str(own / 'x')!r}, {str(other / 'z')!r})": "PermissionError",
        f"os.symlink({str(other / 'x')!r}, {str(own / 'link')!r})": "PermissionError",
        f"open({str(ROOT / 'hub' / '__init__.py')!r}, 'a')": "PermissionError",
        "open('/etc/passwd')": "PermissionError",
        "open(f'/proc/{os.getppid()}/mem', 'rb')": "PermissionError",
        "os.fork()": "PermissionError",
        "subprocess.run(['/bin/true'])": "PermissionError",
        "os.execv('/bin/true', ['true'])": "PermissionError",
        "os.setsid()": "PermissionError",
        "os.kill(os.getppid(), 0)": "PermissionError",
        "socket.socket(socket.AF_UNIX)": "PermissionError",
        "socket.socket(socket.AF_INET)": "PermissionError",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)": "PermissionError",
        "len(bytearray(2 << 30))": "MemoryError",
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))": "ValueError",
        "(lambda t: (t.start(), t.join()))(threading.Thread(target=int)) and 1": "1",
        "sum(range(10))": "45",
    }
    said = confined(list(tries), write=[str(own)])
    said.pop("done")
    assert said == tries
    assert (other / "x").exists()


def test_what_landlock_lets_through_is_refused_for_what_belongs_to_the_hub(tmp_path):
    private = tmp_path / "audit.sqlite3"
    private.write_text("x")
    private.chmod(0o600)
    before = private.stat()
    parent = "os.getppid()"
    tries = {
        f"os.chmod({str(private)!r}, 0o666)": "PermissionError",
        f"os.chown({str(private)!r}, os.getuid(), os.getgid())": "PermissionError",
        f"os.utime({str(private)!r}, (0, 0))": "PermissionError",
        f"os.setxattr({str(private)!r}, 'user.x', b'1')": "PermissionError",
        f"resource.prlimit({parent}, resource.RLIMIT_NOFILE, (0, 0))": "PermissionError",
        f"resource.prlimit({parent}, resource.RLIMIT_NOFILE)": "PermissionError",
        f"os.setpriority(os.PRIO_PROCESS, {parent}, 19)": "PermissionError",
        f"os.sched_setaffinity({parent}, {{0}})": "PermissionError",
        f"signal.pidfd_send_signal(os.pidfd_open({parent}), 0)": "PermissionError",
        "ctypes.CDLL(None).unshare(0x10000000)": "-1",
        "ctypes.CDLL(None).shmget(1, 4096, 0o1600)": "-1",
        "os.kill(os.getpid(), 0)": "None",  # itself it may signal, as abort() does
        "resource.getrlimit(resource.RLIMIT_NOFILE)": "(64, 64)",
    }
    said = confined(list(tries), write=[str(tmp_path)])
    said.pop("done")
    assert said == tries
    assert (private.stat().st_mode, private.stat().st_mtime) == (before.st_mode, before.st_mtime)


def test_memory_that_no_limit_counts_watching_and_ways_round_the_rest(tmp_path):
    tries = {
        "os.memfd_create('x')": "PermissionError",
        "{by_c('syscall', each, 0) for each in (425, 426, 427)}": "{'EPERM'}",  # io_uring
        "by_c('syscall', 447, 0)": "'EPERM'",  # memfd_secret
        "{by_c('inotify_init'), by_c('inotify_init1', 0), by_c('inotify_add_watch', 0, b'/', 1)}": "{'EPERM'}",
        "{by_c('fanotify_init', 0, 0), by_c('fanotify_mark', 0, 0, 0, 0, 0)}": "{'EPERM'}",
        f"os.posix_fallocate(os.open({str(tmp_path / 'x')!r}, os.O_CREAT | os.O_RDWR), 0, 1 << 20)": "PermissionError",
        # The kernel signals whoever owns a file that can be read: nobody is made its owner, no signal is chosen.
        "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())": "PermissionError",
        "fcntl.fcntl(0, 10, signal.SIGKILL)": "PermissionError",
        "fcntl.fcntl(0, 15, bytes(8))": "PermissionError",
        "[fcntl.ioctl(socket.socketpair()[0], each, bytes(4)) for each in (0x8901,)]": "PermissionError",
        "[fcntl.ioctl(socket.socketpair()[0], each, bytes(4)) for each in (0x8902,)]": "PermissionError",
        "by_c('prctl', 1, 0, 0, 0, 0)": "'EPERM'",  # it would outlive the hub
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)": "PermissionError",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)": "PermissionError",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)": "PermissionError",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)": "PermissionError",
        "by_c('syscall', 0x40000000 + 39)": "'EPERM'",  # getpid, by its number in another set of calls
    }
    for network in (False, True):
        said = confined(list(tries), write=[str(tmp_path)], network=network)
        said.pop("done")
        assert said == tries


def test_what_honest_code_needs(tmp_path):
    loop = "(lambda a: a.run(a.wait_for(a.to_thread(int), 5)))(__import__('asyncio'))"
    tasks = "(lambda t: t.run(t.to_thread.run_sync, int))(__import__('trio'))"
    tries = {
        loop: "0",
        tasks: "0",
        "[each.close() for each in socket.socketpair()]": "[None, None]",
        "(lambda a, b: a.send(b'x'))(*socket.socketpair(1, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))": "1",
        "fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3) > 2": "True",
        "fcntl.ioctl(socket.socketpair()[0], 0x541B, bytes(4))": repr(bytes(4)),  # FIONREAD
        "ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(abs)(-3)": "3",
        "ctypes.CDLL(None).prctl(15, b'worker', 0, 0, 0)": "0",
        "len(__import__('ssl').create_default_context().get_ciphers()) > 0": "True",
        f"sqlite3.connect({str(tmp_path / 'db')!r}).execute('pragma journal_mode = wal').fetchone()": "('wal',)",
        f"sqlite3.connect({str(tmp_path / 'db')!r}).executescript('create table t(x); vacuum') and 1": "1",
        f"__import__('numpy').arange(9.0).tofile({str(tmp_path / 'array')!r})": "None",
    }
    said = confined(list(tries), write=[str(tmp_path)])
    said.pop("done")
    assert said == tries


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its processor knows one set of calls")
def test_a_call_of_the_processor_s_older_kind_ends_it():
    # mov eax, 20 (getpid); int 0x80; ret
    code = (
        "(lambda page: (page.write(bytes.fromhex('b814000000cd80c3')), ctypes.CFUNCTYPE(ctypes.c_int)"
        "(ctypes.addressof(ctypes.c_char.from_buffer(page)))()))(__import__('mmap').mmap(-1, 4096, prot=7))"
    )
    call = [sys.executable, "-c", SCRIPT, json.dumps({"attempts": [code], "read": [sys.base_prefix], "write": []})]
    assert subprocess.run(call, cwd=ROOT, capture_output=True, check=False).returncode == -signal.SIGSYS


def test_the_network_where_it_is_allowed_but_never_a_local_socket():
    tries = {
        "socket.socket(socket.AF_INET) and 1": "1",
        "socket.create_connection(('127.0.0.1', 1))": "ConnectionRefusedError",
        "socket.socket(socket.AF_UNIX)": "PermissionError",
        "socket.getaddrinfo('127.0.0.1', 80)[0][4]": "('127.0.0.1', 80)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) and 1": "1",  # which addresses there are here
        "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)": "PermissionError",  # the machine that this one runs on
        "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)": "PermissionError",
    }
    said = confined(list(tries), network=True)
    said.pop("done")
    assert said == tries


def test_a_hub_that_runs_as_root_gives_its_children_no_capability_and_an_account_where_one_is_set(tmp_path):
    if os.geteuid() != 0:
        assert THERE.root is False
        return
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    tmp_path.chmod(0o755)
    tries = [f"open({str(secret)!r})", "os.getresuid()", "os.getresgid()", "os.getgroups()", "os.setuid(0)"]
    said = confined(tries, write=[str(tmp_path)], user=65534, group=65534)
    assert said["done"] == ["account 65534", f"Landlock {THERE.landlock}", "seccomp"]
    assert said["os.getresuid()"] == "(65534, 65534, 65534)"
    assert said["os.getresgid()"] == "(65534, 65534, 65534)"
    assert said["os.getgroups()"] == "[]"
    assert said["os.setuid(0)"] == "PermissionError"
    assert said[f"open({str(secret)!r})"] == "PermissionError"
    said = confined(["os.chown('/dev/null', 1, 1)", "os.getuid()"])
    assert said["done"][0] == "no capabilities"
    assert said["os.chown('/dev/null', 1, 1)"] == "PermissionError"


@pytest.mark.slow
def test_processor_time_ends():
    wanted = {"attempts": ["sum(iter(int, 1))"], "read": [], "write": [], "processor": 1}
    call = [sys.executable, "-c", SCRIPT, json.dumps(wanted)]
    assert subprocess.run(call, cwd=ROOT, capture_output=True, check=False).returncode < 0


def test_what_is_missing_is_said():
    assert Guards(0, False, False).describe() == "no Landlock, no seccomp for this processor, no root"
    assert Guards(7, True, True).describe() == "Landlock 7, seccomp, root: capabilities are dropped"
