"""Ctrl-C while the command line is still being loaded: the process ends at once and without a word, as it does later.

`hub.cli` imports this before anything else, which is when it takes effect, and calls `restore` when it is loaded.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""Exit status of a command that Ctrl-C ended: 128 and the number of the signal."""


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # nothing is open yet and nothing was printed


def restore() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, as commands expect. May be called twice."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Only the main thread may set this. Whoever started us with Ctrl-C ignored, or handles it, keeps their way.
if threading.current_thread() is threading.main_thread() and (
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, _end)
