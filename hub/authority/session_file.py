"""Where the command line keeps the token of the officer who signed in: one private file in the state folder.

Whether the token still stands for a session is `hub.authority.officers`' to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hub.authority.files import read_private, write_file
from hub.errors import InputError

SESSION_FILE: Final = "session.json"
"""Name of the file in the state folder, mode 0600."""


class _Session(Struct, frozen=True):
    token: str


def write_token(state: Path, token: str) -> None:
    """Keep a token, in place of an older one.

    Raises:
        StoreError: The file cannot be written.
    """
    write_file(state / SESSION_FILE, msgspec.json.encode(_Session(token)))


def read_token(state: Path) -> str | None:
    """Return the token, or None where nobody signed in here.

    Raises:
        NotAllowedError: Others may read the file, or it belongs to somebody else.
        StoreError: It cannot be read.
    """
    try:
        return msgspec.json.decode(read_private(state / SESSION_FILE), type=_Session).token
    except (InputError, msgspec.DecodeError):
        return None


def remove_token(state: Path) -> None:
    """Forget the token. May be called twice."""
    (state / SESSION_FILE).unlink(missing_ok=True)
