"""The unit's trusted set: kept whole in one private file, read back through the machine that accepted it, updated.

What an update must be is `hub.watchlists.steps`', what the set answers `hub.watchlists.trusted_set`'s, fetching and
accounting `hub.watchlists.updating`'s.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hub.authority.files import make_folder, read_private, write_file
from hub.errors import InputError, TrustError
from hub.watchlists.metadata import RoleKeys, Withdrawn
from hub.watchlists.steps import Steps, Wanted, steps
from hub.watchlists.trust import TRUSTED_FILE, TRUSTED_FOLDER
from hub.watchlists.trusted_set import Anchor, Listing, TrustedSet

__all__ = [
    "TRUSTED_FILE", "TRUSTED_FOLDER", "Anchor", "Listing", "Repository", "RoleKeys", "TrustedReader", "TrustedSet",
    "Withdrawn", "keep", "open_trusted", "update",
]  # fmt: skip

_LARGEST: Final = 256 * 2**20
_PIECE: Final = 2**20
EVER: Final = datetime.min.replace(tzinfo=UTC)
"""Before every date: what was accepted once is read back whatever the time; `TrustedSet.standing` asks for that."""


class Repository(Struct, frozen=True):
    """What was fetched, by file name below the repository; as untrusted as it gets."""

    files: Mapping[str, bytes]


def update(trusted: TrustedSet | Anchor, fetched: Repository, now: datetime) -> TrustedSet:
    """Return what is trusted after an update.

    Args:
        trusted: What was trusted before; it is not changed.
        fetched: The files.
        now: The time, timezone-aware, floored by the newest log entry.

    Raises:
        TrustError: The update is refused; the message is the one reason (one signature, altered, expired, rolled
            back, files of different updates, too large, missing), and what was trusted before stands.
    """
    return drive(steps(trusted, now), lambda wanted: fetched.files.get(wanted.name))


def drive(asking: Steps, fetch: Callable[[Wanted], bytes | None]) -> TrustedSet:
    """Answer what an update asks for until it is done; raises what it raises, and what fetching raises."""
    try:
        wanted = next(asking)
        while True:
            wanted = asking.send(fetch(wanted))
    except StopIteration as done:
        result: TrustedSet = done.value
        return result


def read_below(folder: Path, name: str, most: int) -> bytes | None:
    """Return a file of a repository in a folder or on a stick, or None where there is none; see `copy_below`."""
    data = bytearray()
    return bytes(data) if copy_below(folder, name, most, data.extend) else None


def copy_below(folder: Path, name: str, most: int, take: Callable[[bytes], object]) -> bool:
    """Hand a file of a repository over piece by piece, and say whether there is one.

    Args:
        folder: The repository.
        name: Path below it.
        most: Bytes that it may have; one more is read, to show that it is too large.
        take: Gets the pieces.

    Raises:
        InputError: It is no plain file, or cannot be read.
    """
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{folder / name} cannot be read: {error.strerror} (links are not followed)") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{folder / name} is no plain file")
    with os.fdopen(descriptor, "rb") as file:
        left = most + 1
        while left > 0:
            try:
                piece = file.read(min(left, _PIECE))
            except OSError as error:
                raise InputError(f"{folder / name} cannot be read: {error.strerror}") from error
            if not piece:
                break
            take(piece)
            left -= len(piece)
    return True


def open_trusted(folder: Path) -> TrustedSet | None:
    """Return what the unit has kept, or None where no authority was ever trusted. Whether it has expired is not asked.

    Args:
        folder: `TRUSTED_FOLDER` in the state folder.

    Raises:
        NotAllowedError: Others may read or write the file, it belongs to somebody else, or what it holds does not
            verify.
        InputError: It is damaged.
        StoreError: It cannot be read.
    """
    path = folder / TRUSTED_FILE
    if not path.exists() and not path.is_symlink():
        return None
    try:
        files = msgspec.json.decode(read_private(path, limit=_LARGEST), type=dict[str, bytes])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged: what the authority says is unknown, and no list is used") from error
    root = next((data for name, data in files.items() if name.endswith(".root.json")), b"")
    try:
        return update(Anchor(root), Repository(files), EVER)
    except TrustError as error:
        raise TrustError(f"{path} does not verify: {error}") from error


def keep(folder: Path, trusted: TrustedSet) -> None:
    """Keep a trusted set in place of the one before it, in one durable step.

    Raises:
        StoreError: It cannot be written; the older one is as it was.
    """
    make_folder(folder)
    write_file(folder / TRUSTED_FILE, msgspec.json.encode(dict(trusted.files)))


class TrustedReader:
    """What the unit trusts now, read again when the file has changed: for whoever looks at every query.

    Not for several threads at once.

    Args:
        folder: `TRUSTED_FOLDER` in the state folder; None never holds anything.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None
        self._trusted: TrustedSet | None = None

    def current(self) -> TrustedSet | None:
        """Return the trusted set, or None where no authority was ever trusted.

        Raises:
            HubError: As `open_trusted`, at every call until it is mended; TrustError also where the file is gone.
        """
        if self._folder is None:
            return None
        try:
            status = (self._folder / TRUSTED_FILE).stat()
        except OSError as error:
            if self._trusted is not None:
                raise TrustError("what the authority says was removed from this unit: no list is used") from error
            return open_trusted(self._folder)
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp != self._seen:
            trusted = open_trusted(self._folder)
            self._trusted, self._seen = trusted, stamp
        return self._trusted
