"""The latest moment that the unit knows to have been, kept across restarts: what a clock set back cannot undo.

Whoever runs under an order writes it at the beginning, every `KEEP_SECONDS` and at the end. Within one boot nothing is
lost by a crash, because the running time goes on; after a reboot, at most that long and the time without power.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from hub.authority.files import read_private, write_file
from hub.clocks import Moment
from hub.errors import InputError

CLOCK_FILE: Final = "clock.json"
"""Name of the file in the state folder."""
KEEP_SECONDS: Final = 60.0


def load_moment(path: Path) -> Moment | None:
    """Return what was kept; None where nothing was.

    Raises:
        NotAllowedError: Others may read or write the file, or it belongs to somebody else.
        InputError: It is damaged: how late it was is unknown.
        StoreError: It cannot be read.
    """
    if not path.exists() and not path.is_symlink():
        return None
    try:
        moment = msgspec.json.decode(read_private(path), type=Moment)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged: check this unit's clock, then remove the file") from error
    if moment.wall.tzinfo is None:
        raise InputError(f"{path} holds a time without a zone: check this unit's clock, then remove the file")
    return moment


def keep_moment(path: Path, moment: Moment) -> None:
    """Keep a moment, durably, in place of the one before.

    Raises:
        StoreError: It cannot be written; the one before is as it was.
    """
    write_file(path, msgspec.json.encode(moment) + b"\n")
