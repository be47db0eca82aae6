"""Small files on which something depends: written whole and durably, and private ones read only while they are private.

What stands in them is the business of `hub.authority.keys`, `hub.authority.session_file` and others.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from hub.errors import InputError, NotAllowedError, StoreError, StoreFullError

PRIVATE_BYTES: Final = 4096
"""Most bytes of a private file that are read unless more are asked for: keys and tokens are far smaller."""

UNFINISHED_SECONDS: Final = 3600.0
"""Age at which nobody writes on what was begun any more."""
_UNFINISHED: Final = re.compile(r"\..+\.[0-9]+\.tmp", re.DOTALL)
"""Names under which files are written before they take their place."""
_WRITES: Final = itertools.count()
"""Tells a process's writes apart: one in a thread that was given up may end while the same file is written again."""


def read_private(path: Path, *, limit: int = PRIVATE_BYTES) -> bytes:
    """Read a small file that only its owner, who must be us, may read or write.

    Raises:
        NotAllowedError: Its mode, owner or kind is wrong.
        InputError: It is missing.
        StoreError: It cannot be read.
    """
    try:
        # The open file is what gets checked, so it cannot be swapped between the check and the reading.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror} (links are not followed)") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotAllowedError(f"{path} is not a plain file")
        if status.st_uid != os.geteuid():
            raise NotAllowedError(f"{path} belongs to another user: it is not used")
        if status.st_mode & 0o077:
            raise NotAllowedError(
                f"{path} may be read by others (mode {stat.S_IMODE(status.st_mode):04o}): "
                "find out who could have, replace it, and keep it at mode 0600"
            )
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def read_bounded(path: Path, what: str, limit: int) -> bytes:
    """Read a small file that somebody brings.

    Args:
        path: The file.
        what: What it should be, in words.
        limit: Bytes that no such file exceeds.

    Raises:
        InputError: It cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > limit:
        raise InputError(f"{path} is no {what}: it has over {limit // 1024} kB")
    return content


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk.

    Raises:
        OSError: It cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, mode 0700, so that a power cut does not lose their names.

    Raises:
        OSError: It cannot be made.
    """
    for folder in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def write_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file in one durable step; an older one is replaced, and is whole until then.

    Raises:
        StoreFullError: The disk is full; the older file, if any, is as it was.
        StoreError: It cannot be written; the same.
    """
    temporary = _unfinished(path)
    try:
        temporary.unlink(missing_ok=True)
        _write_new(temporary, content, mode)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _store_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Give a new file for the block, for what is too large to be held in memory; at its end it takes the path's place.

    Where the block or the writing fails the older file, if any, is as it was.

    Raises:
        StoreFullError: The disk is full.
        StoreError: It cannot be written.
    """
    temporary = _unfinished(path)
    try:
        temporary.unlink(missing_ok=True)
        with _new(temporary, mode) as file:
            yield file
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _store_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_once(path: Path, content: bytes) -> None:
    """Write a file with mode 0600 whole or not at all, and only where none is.

    Raises:
        FileExistsError: There is one.
        StoreFullError: The disk is full.
        StoreError: It cannot be written.
    """
    temporary = _unfinished(path)
    try:
        temporary.unlink(missing_ok=True)
        _write_new(temporary, content, 0o600)
        os.link(temporary, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _store_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def sweep_unfinished(folder: Path, now: datetime) -> int:
    """Delete what a process left of its writing when it was killed, an hour later, and return how many files.

    What cannot be deleted, or not even listed, stays for the next time.

    Args:
        folder: Whose files; folders in it are left alone.
        now: The machine's time, timezone-aware. A file from the future was written by a clock that was wrong.
    """
    count = 0
    with suppress(OSError):
        for path in [path for path in folder.iterdir() if _UNFINISHED.fullmatch(path.name)]:
            with suppress(OSError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and abs(now.timestamp() - status.st_mtime) >= UNFINISHED_SECONDS:
                    path.unlink()
                    count += 1
    return count


def _unfinished(path: Path) -> Path:
    """Return the name under which one write of a file is done."""
    return path.with_name(f".{path.name}.{os.getpid()}.{next(_WRITES)}.tmp")


def _store_error(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFullError(f"the disk is full: {path} could not be written; free some space")
    return StoreError(f"{path} cannot be written: {error.strerror}")


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with _new(path, mode) as file:
        file.write(content)


@contextmanager
def _new(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Give a file that was not there, and have it on the disk at the end of the block."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        yield file
        file.flush()
        os.fsync(descriptor)
