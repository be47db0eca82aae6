"""Seals payloads, and destroys them on their date by destroying a key.

Each date has one key, in a small file beside the log, and every payload that ends on that date is sealed with it
(AES-256-GCM). One key a date, rather than one a payload, because dates are what payloads share: destroying a day's
payloads is then one row of 32 bytes in a file small enough to be rewritten whole, however large the log has grown and
wherever the file system or a backup of the log keeps older copies of the sealed bytes. A file of its own, because a
copy of the log alone then shows nobody's particulars. Dates are whole hours, so that there are few keys
(`hub.store.retention`).

Blocking, and used by one thread: that of the log's database.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.audit.leaf import NONCE_BYTES
from hub.errors import AuditError
from hub.store.sqlite import connect, mapped_errors, open_snapshot, purge, transaction

KEPT: Final = 1 << 62
"""Stands for the date of payloads that live as long as the log."""
_IV_BYTES: Final = 12
_KEY_BYTES: Final = 32
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MIGRATIONS: Final = ("CREATE TABLE key (until INTEGER PRIMARY KEY, key BLOB NOT NULL);",)


def stamp(until: datetime | None) -> int:
    """Return a date as whole microseconds since 1970, which is how tables compare it; `KEPT` for None."""
    return KEPT if until is None else (until - _EPOCH) // timedelta(microseconds=1)


def keys_path(log: Path) -> Path:
    """Return the file of a log's keys: ``audit.keys.sqlite3`` beside ``audit.sqlite3``."""
    return log.with_name(f"{log.stem}.keys{log.suffix}")


def seal(key: bytes, number: int, nonce: bytes, payload: bytes, iv: bytes) -> bytes:
    """Return nonce and payload of entry `number`, sealed so that they open in that place only."""
    return iv + AESGCM(key).encrypt(iv, nonce + payload, str(number).encode())


def unseal(key: bytes, number: int, sealed: bytes) -> tuple[bytes, bytes]:
    """Return nonce and payload of entry `number`.

    Raises:
        AuditError: The sealed bytes, their place or the key were changed.
    """
    try:
        opened = AESGCM(key).decrypt(sealed[:_IV_BYTES], sealed[_IV_BYTES:], str(number).encode())
    except (InvalidTag, ValueError) as error:
        raise AuditError("its payload does not open: it or its key was changed") from error
    return opened[:NONCE_BYTES], opened[NONCE_BYTES:]


def read_keys(path: Path) -> dict[int, bytes] | None:
    """Return all keys by date, or None where the file is not there.

    Raises:
        StoreError: The file cannot be read.
    """
    if not path.exists():
        return None
    with open_snapshot(path) as connection:
        return {until: bytes(key) for until, key in connection.execute("SELECT until, key FROM key")}


class Vault:
    """The keys of one log, open for writing.

    Args:
        path: The file, see `keys_path`.
        random: Gives random bytes.

    Raises:
        StoreError: The file cannot be opened.
    """

    def __init__(self, path: Path, *, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._path = path
        self._random = random
        self._keys: dict[int, bytes] = {}
        self._purged = False
        with closing(connect(path, _MIGRATIONS)):
            pass

    def seal(self, number: int, until: int, payload: bytes) -> tuple[bytes, bytes]:
        """Seal a payload and return its nonce and the sealed bytes; the date's key is durable before.

        Raises:
            StoreError: A new key cannot be written.
        """
        nonce = self._random(NONCE_BYTES)
        return nonce, seal(self._key(until), number, nonce, payload, self._random(_IV_BYTES))

    def unseal(self, number: int, until: int, sealed: bytes) -> tuple[bytes, bytes] | None:
        """Return nonce and payload, or None where the key is destroyed.

        Raises:
            AuditError: The sealed bytes or the key were changed.
        """
        key = self._known_key(until)
        return None if key is None else unseal(key, number, sealed)

    def destroy(self, now: datetime) -> None:
        """Destroy every key whose date has come; afterwards no byte of it is in the file.

        Raises:
            StoreError: It could not be done, or not wholly: call again later.
        """
        due = stamp(now)
        self._keys = {until: key for until, key in self._keys.items() if until > due}
        with closing(connect(self._path, _MIGRATIONS)) as connection:
            with transaction(connection, self._path):
                deleted = connection.execute("DELETE FROM key WHERE until <= ?", (due,)).rowcount
            # Also once after a start: the unit may have stopped between the two.
            if deleted or not self._purged:
                self._purged = False
                purge(connection, self._path)
                self._purged = True

    def _key(self, until: int) -> bytes:
        key = self._known_key(until)
        if key is None:
            with closing(connect(self._path, _MIGRATIONS)) as connection, transaction(connection, self._path):
                connection.execute("INSERT OR IGNORE INTO key VALUES (?, ?)", (until, self._random(_KEY_BYTES)))
            key = self._known_key(until)
        if key is None:
            raise AuditError("the key of a date is gone before it was used")
        return key

    def _known_key(self, until: int) -> bytes | None:
        key = self._keys.get(until)
        if key is None:
            with closing(connect(self._path, _MIGRATIONS)) as connection, mapped_errors(self._path):
                row = connection.execute("SELECT key FROM key WHERE until = ?", (until,)).fetchone()
            if row is not None:
                key = self._keys[until] = bytes(row[0])
        return key
