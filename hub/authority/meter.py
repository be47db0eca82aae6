"""Remembers face checks for as long as `hub.authority.metering` needs them.

Who and when stay for a shift. What tells whether the same picture comes again stays for an hour: a hash of its pixels
under a random key of that check alone. Key and hash are destroyed together, bytes included. No picture, no template and
nothing computed from a face is ever here (C3).
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from hub.authority.metering import CHARTER, Limits, Outcome, Turn, may_begin
from hub.authority.policy import Decision
from hub.clocks import Clock
from hub.store import erasing
from hub.store.sqlite import Database

if TYPE_CHECKING:
    from hub.messages import Pixels

METER_FILE: Final = "checks.sqlite3"
"""Name of the database in the state folder."""

MIGRATIONS: Final = (
    """
    CREATE TABLE turns (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        officer TEXT NOT NULL,
        begun TEXT NOT NULL,
        ended TEXT,
        outcome TEXT NOT NULL,
        key BLOB,
        live BLOB,
        document BLOB
    ) STRICT;
    """,
    erasing.MIGRATION,
    "ALTER TABLE turns ADD COLUMN probe INTEGER NOT NULL DEFAULT 0;",
)

_KEY_BYTES: Final = 32


class Meter:
    """The unit's face checks in their database.

    Args:
        database: Opened with `MIGRATIONS`.
        clock: Wall time that is never less than the newest entry of the log's.
        random: Gives that many random bytes.
        limits: Those in force.
    """

    def __init__(
        self, database: Database, *, clock: Clock, random: Callable[[int], bytes], limits: Limits = CHARTER
    ) -> None:
        self._database = database
        self._clock = clock
        self._random = random
        self._limits = limits

    async def begin(self, officer: str, live: bytes, document: bytes) -> tuple[Decision, int]:
        """Take a turn, where the rules leave one; of two at once, in whatever processes, one gets it.

        Args:
            officer: Number of the officer.
            live: Digest of the live picture, see `digest`.
            document: Digest of the document's picture.

        Returns:
            Whether it may begin, and the turn's number for `end`; 0 where it may not.

        Raises:
            StoreError: The turn could not be written: nothing may be compared.
        """
        return await self._begin(officer, live, document, probe=False)

    async def begin_probe(self, officer: str) -> tuple[Decision, int]:
        """Take a turn for a comparison with the list in force, as `begin`; nothing is remembered of the picture.

        Raises:
            StoreError: The turn could not be written: nothing may be compared.
        """
        return await self._begin(officer, b"", b"", probe=True)

    async def _begin(self, officer: str, live: bytes, document: bytes, *, probe: bool) -> tuple[Decision, int]:
        now, key = self._clock.now(), self._random(_KEY_BYTES)

        def write(connection: sqlite3.Connection) -> tuple[Decision, int]:
            rows = connection.execute("SELECT officer, begun, ended, outcome, key, live, document, probe FROM turns")
            turns = [_turn(row, live, document) for row in rows.fetchall()]
            decision = may_begin(turns, officer, now, self._limits, probe=probe)
            if not decision.allowed:
                return decision, 0
            tags = (None, None, None) if probe else (key, _tag(key, live), _tag(key, document))
            added = connection.execute(
                "INSERT INTO turns (officer, begun, outcome, key, live, document, probe) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (officer, now.isoformat(), Outcome.UNDER_WAY.value, *tags, int(probe)),
            )
            return decision, added.lastrowid or 0

        return await self._database.write(write)

    async def end(self, number: int, outcome: Outcome) -> None:
        """Say what became of a turn.

        Raises:
            StoreError: It was not written; the turn counts as one that found no candidate.
        """
        now = self._clock.now()

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE turns SET ended = ?, outcome = ? WHERE number = ?", (now.isoformat(), outcome.value, number)
            )

        await self._database.write(write)

    async def sweep(self) -> None:
        """Destroy what is past its date (C11): keys and hashes after an hour, the turn itself after its shift.

        Raises:
            StoreError: Another process holds the file: call again later.
        """
        now = self._clock.now()
        old, over = (now - self._limits.hour).isoformat(), (now - self._limits.shift).isoformat()

        def due(connection: sqlite3.Connection) -> bool:
            found = connection.execute(
                "SELECT 1 FROM turns WHERE begun <= ? AND key IS NOT NULL OR begun <= ?", (old, over)
            )
            return found.fetchone() is not None

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE turns SET key = NULL, live = NULL, document = NULL WHERE begun <= ?", (old,))
            connection.execute("DELETE FROM turns WHERE begun <= ?", (over,))
            erasing.mark(connection)

        if await self._database.read(due):
            await self._database.write(write)
        await erasing.overwrite(self._database)


def digest(picture: Pixels) -> bytes:
    """Return SHA-256 over a picture's size and pixels: the same for the same picture in another lossless file."""
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).digest()


def _tag(key: bytes, of: bytes) -> bytes:
    return hmac.digest(key, of, "sha256")


def _turn(row: tuple[str, str, str | None, str, bytes | None, bytes, bytes, int], live: bytes, document: bytes) -> Turn:
    officer, begun, ended, outcome, key, tag, document_tag, probe = row
    return Turn(
        officer,
        datetime.fromisoformat(begun),
        datetime.fromisoformat(ended) if ended else None,
        Outcome(outcome),
        same_live=key is not None and hmac.compare_digest(_tag(key, live), tag),
        same_document=key is not None and hmac.compare_digest(_tag(key, document), document_tag),
        probe=bool(probe),
    )
