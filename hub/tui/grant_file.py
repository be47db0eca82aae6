"""A grant's file, read as it is: what it says and whether it stands is for the hub to find out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hub.errors import InputError
from hub.text import plain
from hub.wire import LONGEST_GRANT


def read_grant_file(name: str) -> bytes:
    """Return the content of a file that an officer named.

    Never waits: what is no plain file, such as a pipe, is not read.

    Raises:
        InputError: It cannot be read, or is larger than a grant may be.
    """
    shown = plain(name, limit=100)
    try:
        file = os.open(Path(name).expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as grant:
            if not stat.S_ISREG(os.fstat(grant.fileno()).st_mode):
                raise InputError(f"{shown} is no file")
            content = grant.read(LONGEST_GRANT + 1)
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte in it, no such home
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{shown} cannot be read: {why}") from error
    if not content or len(content) > LONGEST_GRANT:
        raise InputError(f"{shown} is no grant: it has {'nothing in it' if not content else 'too many bytes'}")
    return content
