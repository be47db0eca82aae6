"""Locks on open files, which the system ends with the last process that has the file open.

Who takes one, and what it stands for, is their users' business; SQLite's own locks are `hub.store.sqlite`'s.
"""

from __future__ import annotations

import fcntl


def take(descriptor: int) -> bool:
    """Lock an open file, for whoever inherits it as well, without waiting. Returns whether nobody else has it locked.

    Raises:
        OSError: The file cannot be locked.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
