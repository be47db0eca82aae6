"""The hub's end of a child process: start it by exec, ask it within a deadline, kill it with everything it started.

Blocking, for a worker thread: whoever calls waits no longer than the deadline. The child gets two pipes and a short
environment, no other descriptor. What is asked, and what follows from a failure, is `hub.isolation.source`'s.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import msgspec

from hub.errors import DeadlineError, PluginError
from hub.isolation.calls import LONGEST_REPLY, CloseSource, Reply, Request, pack, read_reply
from hub.isolation.limits import hide_memory
from hub.isolation.pipes import LENGTH

_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")
"""What a child gets of our environment: enough to start Python, none of the secrets that others keep there."""

_LEAST: Final = 1024
"""Bytes that a reply counts for at least: an answer in a million small ones would keep us busy until its deadline."""
_starter: Final = ThreadPoolExecutor(1, "starts children")
"""The one thread that starts children, and stays: the kernel ends a child with the thread that started it, not with the
process, and the worker threads that call us come and go."""


class ChildGoneError(Exception):
    """The child ended, or sent what is none of ours; the text says which."""


class ChildProcess:
    """A running child.

    Args:
        home: Folder that it takes for its home and for temporary files.

    Raises:
        PluginError: It cannot be started.
    """

    def __init__(self, home: str) -> None:
        hide_memory()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        folders = [entry for entry in sys.path if entry.startswith(os.sep)]
        environment |= {
            "PYTHONPATH": os.pathsep.join(folders),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": home,
            "TMPDIR": home,
            "OPENBLAS_NUM_THREADS": "1",  # each thread of it takes address space, of which there is little
            "OMP_NUM_THREADS": "1",
        }
        try:
            self._process = _starter.submit(
                subprocess.Popen[bytes],
                [sys.executable, "-P", "-s", "-m", "hub.isolation.child", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
                start_new_session=True,  # a process group of its own, which is killed as one
                bufsize=0,
            ).result()
        except OSError as error:
            raise PluginError(f"its process cannot be started: {error.strerror}") from error
        assert self._process.stdin is not None  # noqa: S101  # asked for above
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, request: Request, *, until: float, most: int = LONGEST_REPLY) -> Iterator[Reply]:
        """Send a request and yield the replies as they come; the caller stops at the one that ends it.

        Args:
            request: What is asked.
            until: Time on `time.monotonic` by which everything must be there.
            most: Bytes of all replies together; nothing of one that goes beyond is read.

        Raises:
            DeadlineError: It is not; the child is of no more use.
            ChildGoneError: The child has ended or talks nonsense; it is of no more use.
        """
        self._send(pack(request), until)
        left = most
        while True:
            (length,) = LENGTH.unpack(self._read(LENGTH.size, until))
            if not length:
                raise ChildGoneError("it sent what is no reply")
            left -= max(length, _LEAST)
            if left < 0:
                raise ChildGoneError(f"its answer is too large: over {most >> 20} MiB")
            try:
                yield read_reply(self._read(length, until))
            except msgspec.MsgspecError:
                raise ChildGoneError("it sent what is no reply") from None

    def kill(self) -> str:
        """Kill the whole process group and return how it ended, in words."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return self.ending()

    def stop(self) -> None:
        """Kill the process group from another thread, at once: whoever waits for an answer gets `ChildGoneError`."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self, *, patience: float) -> None:
        """Ask the child to close its source and leave; kill it where it does not within so many seconds."""
        with suppress(OSError, ChildGoneError, DeadlineError, subprocess.TimeoutExpired):
            until = time.monotonic() + patience
            self._send(pack(CloseSource()), until)
            self._process.wait(max(0.0, until - time.monotonic()))
        self.kill()

    def ending(self) -> str:
        """Return how the process ended, in words."""
        status = self._process.poll()
        if status is None:
            return "it still runs"
        if status < 0:
            return f"its process was ended by {_signal(-status)}"
        return f"its process left with status {status}"

    def _send(self, data: bytes, until: float) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(self._input, select.POLLOUT, until)
            try:
                rest = rest[os.write(self._input, rest) :]
            except BlockingIOError:
                continue
            except OSError:
                raise ChildGoneError(self._gone()) from None

    def _read(self, size: int, until: float) -> bytearray:
        data = bytearray()
        while len(data) < size:
            self._wait(self._output, select.POLLIN, until)
            try:
                part = os.read(self._output, min(size - len(data), 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise ChildGoneError(self._gone())
            data += part
        return data

    def _wait(self, descriptor: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            raise DeadlineError("no answer in time")

    def _gone(self) -> str:
        try:  # its end of the pipe is closed a moment before it has ended
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            return "it closed its pipe to the hub"
        return self.ending()


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return {"SIGXCPU": "SIGXCPU (its processor time is used up)"}.get(name, name)
