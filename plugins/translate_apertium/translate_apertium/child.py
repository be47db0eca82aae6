"""One run of a program: bytes in, bytes out, until a deadline and within a limit. No shell, nothing on the disk.

The program may start others, as Apertium's pipeline does: they form a group of their own, which is ended with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from typing import IO, Final

from hub.errors import TranslatorError

LONGEST: Final = 2**16
"""Bytes of an answer; also what a pipe holds, so that writing that much never waits for the reader."""
_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def run(call: list[str], text: bytes, seconds: float) -> bytes:
    """Run a program on a text and return what it says.

    Args:
        call: Program and arguments.
        text: Its standard input, at most `LONGEST` bytes.
        seconds: Deadline.

    Raises:
        TranslatorError: It cannot be started, fails, is too slow or says too much.
    """
    if len(text) > LONGEST:
        raise TranslatorError("this text is too long for Apertium")
    until = time.monotonic() + seconds
    try:
        process = subprocess.Popen(
            call,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise TranslatorError(f"Apertium cannot be started: {error.strerror}") from error
    with process:
        try:
            said = _talk(process, text, until)
            if process.wait(max(0.1, until - time.monotonic())):
                raise TranslatorError(f"Apertium failed with status {process.returncode}")
        except subprocess.TimeoutExpired as error:
            raise _late(seconds) from error
        except TimeoutError as error:
            raise _late(seconds) from error
        finally:
            with suppress(ProcessLookupError):  # also what the program left running
                os.killpg(process.pid, signal.SIGKILL)
    return said


def _talk(process: subprocess.Popen[bytes], text: bytes, until: float) -> bytes:
    assert process.stdin is not None  # noqa: S101  # both are pipes
    assert process.stdout is not None  # noqa: S101
    with suppress(BrokenPipeError):  # its exit status tells
        process.stdin.write(text)
        process.stdin.flush()
    with suppress(BrokenPipeError):
        process.stdin.close()
    return _read(process.stdout, until)


def _read(stream: IO[bytes], until: float) -> bytes:
    said = bytearray()
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            raise TimeoutError
        some = os.read(stream.fileno(), LONGEST)
        if not some:
            return bytes(said)
        said += some
        if len(said) > LONGEST:
            raise TranslatorError("Apertium said too much")


def _late(seconds: float) -> TranslatorError:
    return TranslatorError(f"Apertium took longer than {seconds:g} s")
