"""Starts a process that decodes media and sees that it is gone afterwards; what is said to it is up to its user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from hub.errors import CaptureError

_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
"""What the child gets of our environment: enough to start Python, none of the secrets that others keep there."""


@asynccontextmanager
async def open_decoder(module: str, what: str) -> AsyncIterator[trio.Process]:
    """Run a module of `hub.isolation` in a child process for the block; its input and output are pipes.

    Args:
        module: Its name.
        what: What the process is, in words.

    Raises:
        CaptureError: It cannot be started.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is for the hub, which then stops the child
        )
    except OSError as error:
        raise CaptureError(f"{what} cannot be started: {error.strerror}") from error
    assert process.stdin is not None  # noqa: S101  # asked for above
    assert process.stdout is not None  # noqa: S101
    try:
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await process.wait()
        await trio.aclose_forcefully(process.stdin)
        await trio.aclose_forcefully(process.stdout)
