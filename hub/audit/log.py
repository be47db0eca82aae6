"""The unit's log: appended before the act that an entry accounts for, durable before `append` returns.

Here is what writes: entries, sealed payloads, checkpoints, and the destruction of payloads on their date. Checking a
log is `hub.audit.verify`'s, statistics are `hub.audit.report`'s; both read the file without a hub.

Several processes of one unit may append to the same log: place, time and tree are taken from the file inside the
transaction that appends.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct
from msgspec.structs import replace

from hub.audit.checkpoint import PREFIX_BYTES, Checkpoint, Signer, key_of, parse_note, read_checkpoint, write_checkpoint
from hub.audit.leaf import Metadata, commit, encode_metadata, hash_metadata
from hub.audit.merkle import completed, root_hash
from hub.audit.records import ErasedPayload, Payload, decode_payload, encode_payload
from hub.audit.tables import ERASED_WHAT, MIGRATIONS, node_reader, read_newest
from hub.audit.vault import Vault, keys_path, stamp
from hub.clocks import Clock, FlooredClock, SteadyClock
from hub.errors import AuditError, StoreError
from hub.messages import Act, Entry, Requester
from hub.store.retention import CHARTER, Retention
from hub.store.sqlite import Database, open_database

LARGEST_PAYLOAD: Final = 64 * 1024
"""Bytes of an encoded payload; a longer one is refused."""
_CLOSING_SECONDS: Final = 0.5


class Receipt(Struct, frozen=True):
    """Says that an entry is durable."""

    index: int
    """Place of the entry in the log, from 0."""
    leaf: bytes
    """Its leaf hash, 32 bytes."""
    at: datetime
    """The time that it carries: never less than that of the entry before."""


class LogStatistics(Struct, frozen=True):
    """What this process has done with the log."""

    appended: int
    """Entries that are durable."""
    refused: int
    """Entries that could not be written, so that their acts did not happen."""
    behind: int
    """Entries written while the unit's clock was behind the log's newest entry."""
    erased: int
    """Payloads destroyed on their date."""
    overdue: bool
    """True while old bytes may still lie in a file, because another process held it when they were destroyed, or
    because this process has not looked yet; the next `AuditLog.erase_due` tries again."""
    waiting: int
    """Entries on their way now."""


class AuditLog:
    """A log that is open for writing; see `open_log`."""

    def __init__(
        self,
        database: Database,
        *,
        origin: str,
        signer: Signer,
        clock: Clock,
        unit: str,
        retention: Retention,
        random: Callable[[int], bytes],
    ) -> None:
        self.origin = origin
        self._database = database
        self._signer = signer
        self._clock = clock
        self._unit = unit
        self._retention = retention
        self._random = random
        self._vault: Vault | None = None
        self._newest_at: datetime | None = None
        self._steady = SteadyClock(FlooredClock(clock, lambda: self._newest_at))
        self._unpurged = True  # until proven: the unit may have stopped between deleting and overwriting
        self._unsigned = False
        self._appended = self._refused = self._behind = self._erased = self._waiting = 0

    @property
    def newest_at(self) -> datetime | None:
        """Time of the newest entry that this process has seen, None while the log is empty."""
        return self._newest_at

    def now(self) -> datetime:
        """Return the wall time, but never less than the newest entry's: a clock that is set back revives nothing.

        It then goes on with the running time, so that what is due comes due.
        """
        return self._steady.now()

    def statistics(self) -> LogStatistics:
        """Return counters."""
        return LogStatistics(
            appended=self._appended,
            refused=self._refused,
            behind=self._behind,
            erased=self._erased,
            overdue=self._unpurged,
            waiting=self._waiting,
        )

    async def append(self, entry: Entry) -> Receipt:
        """Write an entry. Call it before the act; when it raises, the act must not happen.

        Entries stand in the order of the calls. Calls that wait together share one fsync. An entry's time is that
        given, but not before the newest entry and not after the clock. Its payload ends on the date given or on
        the date of its act's rule (C11), whichever comes first.

        Raises:
            AuditError: The entry is not in the log: disk full, file locked or damaged, log closed, payload unknown
                or too long.
        """
        self._waiting += 1
        try:
            payload = _encode(entry)
            receipt, behind = await self._database.write(lambda connection: self._insert(connection, entry, payload))
        except (StoreError, AuditError) as error:
            self._refused += 1
            raise AuditError(f"the log cannot take an entry, so nothing was done: {error}") from error
        finally:
            self._waiting -= 1
        self._appended += 1
        self._unsigned = True
        self._behind += behind > 0
        self._seen(receipt.at)
        return receipt

    async def checkpoint(self, *, leaves: bool = True) -> str:
        """Sign the log as it is now, keep the checkpoint in the log's file and return it as a note.

        Args:
            leaves: True for the witness copy, which lies outside the unit and can name the first changed entry; it
                takes about 11 bytes an entry. False for three lines and the key.

        Raises:
            AuditError: The log cannot be read or written, or contradicts its own newest checkpoint.
        """
        try:
            note = await self._database.write(lambda connection: self._checkpoint(connection, leaves=leaves))
        except StoreError as error:
            raise AuditError(f"no checkpoint could be made: {error}") from error
        self._unsigned = False
        return note

    async def erase_due(self) -> int:
        """Destroy the payloads whose date has come, and say how many.

        The destruction is itself an entry, in the same transaction as the deletion. Then the keys are destroyed and
        the write-ahead log is cut, so that no byte of the payloads is left in any file. While another process holds
        a file that has to wait: `LogStatistics.overdue` says so, and the next call, also after a restart, tries again.

        Raises:
            AuditError: The destruction cannot be accounted for, so it did not happen.
        """
        try:
            now, count, receipt = await self._database.write(self._erase)
        except StoreError as error:
            raise AuditError(f"payloads are due to be destroyed and cannot be: {error}") from error
        if receipt is not None:
            self._unpurged = True
            self._appended += 1
            self._erased += count
            self._seen(receipt.at)
        if self._unpurged:
            with suppress(StoreError):
                done = await self._database.write(lambda connection: self._destroy_keys(connection, now))
                await self._database.purge(rewrite=False)
                self._unpurged = not done
        return count

    async def payload(self, index: int) -> Payload | None:
        """Return the payload of an entry; None where it has none, or it was destroyed.

        Raises:
            AuditError: It was changed.
            StoreError: The log cannot be read.
        """

        def read(connection: sqlite3.Connection) -> Payload | None:
            row = connection.execute("SELECT until, sealed FROM payload WHERE number = ?", (index,)).fetchone()
            opened = None if row is None else self._open_vault().unseal(index, row[0], bytes(row[1]))
            return None if opened is None else decode_payload(opened[1])

        return await self._database.read(read)

    # ------------------------------------------------------------------------------ in the database's thread

    def _prepare(self, connection: sqlite3.Connection) -> datetime | None:
        """Open the vault, see that the file is this log's, and return its newest time."""
        row = connection.execute("SELECT origin FROM log").fetchone()
        if row is None:
            connection.execute("INSERT INTO log VALUES (?)", (self.origin,))
        elif row[0] != self.origin:
            raise AuditError(
                f"{self._database.path} is the log of {row[0]!r}, not of {self.origin!r}: name the unit that it "
                "belongs to in the configuration"
            )
        self._vault = Vault(keys_path(self._database.path), random=self._random)
        newest = read_newest(connection)
        return None if newest is None else newest.at

    def _insert(self, connection: sqlite3.Connection, entry: Entry, payload: bytes | None) -> tuple[Receipt, float]:
        newest = read_newest(connection)
        clock = self._clock.now().astimezone(UTC)
        at, behind, index = min(entry.at.astimezone(UTC), clock), 0.0, 0
        if newest is not None:
            at, index = max(at, newest.at), newest.index + 1
            behind = max(0.0, (newest.at - clock).total_seconds())
        until, commitment = None, ""
        if payload is not None:
            until = self._payload_until(entry, at)
            nonce, sealed = self._open_vault().seal(index, stamp(until), payload)
            commitment = commit(nonce, payload)
            connection.execute("INSERT INTO payload VALUES (?, ?, ?)", (index, stamp(until), sealed))
        data = encode_metadata(
            Metadata(
                index=index,
                at=at,
                act=entry.act,
                officer=entry.requester.officer,
                role=entry.requester.role,
                unit=entry.requester.unit,
                outcome=entry.outcome,
                camera=entry.camera,
                source=entry.source,
                payload=commitment,
                payload_until=until,
                behind=behind,
            )
        )
        leaf = hash_metadata(data)
        connection.execute("INSERT INTO entry VALUES (?, ?)", (index, data))
        connection.executemany("INSERT INTO node VALUES (?, ?, ?)", completed(index, leaf, node_reader(connection)))
        return Receipt(index=index, leaf=leaf, at=at), behind

    def _payload_until(self, entry: Entry, at: datetime) -> datetime | None:
        dates = [date for date in (entry.payload_until, self._retention.payload_until(entry.act, at)) if date]
        return max(min(dates).astimezone(UTC), at) if dates else None

    def _checkpoint(self, connection: sqlite3.Connection, *, leaves: bool) -> str:
        newest, read = read_newest(connection), node_reader(connection)
        size = 0 if newest is None else newest.index + 1
        self._check_last(connection, size)
        head = Checkpoint(
            origin=self.origin, size=size, root=root_hash(size, read), at=self.now(), key=key_of(self._signer)
        )
        connection.execute("REPLACE INTO checkpoint VALUES (?, ?)", (size, write_checkpoint(head, self._signer)))
        if not leaves:
            return write_checkpoint(head, self._signer)
        rows = connection.execute("SELECT hash FROM node WHERE level = 0 ORDER BY number")
        prefixes = tuple(bytes(digest[:PREFIX_BYTES]) for (digest,) in rows)
        return write_checkpoint(replace(head, prefixes=prefixes), self._signer)

    def _check_last(self, connection: sqlite3.Connection, size: int) -> None:
        """Never sign what contradicts a checkpoint that was signed before."""
        row = connection.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        if row is None:
            return
        last = read_checkpoint(parse_note(row[0]))
        if last.size > size or last.root != root_hash(last.size, node_reader(connection)):
            raise AuditError("the log contradicts its own newest checkpoint: run `patrol-hub audit verify`")

    def _erase(self, connection: sqlite3.Connection) -> tuple[datetime, int, Receipt | None]:
        newest = read_newest(connection)
        now = self.now() if newest is None else max(self.now(), newest.at)
        count = connection.execute("DELETE FROM payload WHERE until <= ?", (stamp(now),)).rowcount
        if not count:
            return now, 0, None
        entry = Entry(
            act=Act.ERASED,
            at=now,
            requester=Requester(officer="", role="unit", unit=self._unit),
            outcome=ERASED_WHAT,
            payload=None,
        )
        payload = encode_payload(ErasedPayload(what=ERASED_WHAT, count=count))
        return now, count, self._insert(connection, entry, payload)[0]

    def _destroy_keys(self, connection: sqlite3.Connection, now: datetime) -> bool:
        """Destroy the keys of dates up to `now`, unless a payload under one of them was written since."""
        if connection.execute("SELECT 1 FROM payload WHERE until <= ? LIMIT 1", (stamp(now),)).fetchone():
            return False
        self._open_vault().destroy(now)
        return True

    def _open_vault(self) -> Vault:
        if self._vault is None:
            raise AuditError("the log is not open")
        return self._vault

    def _seen(self, at: datetime) -> None:
        self._newest_at = at if self._newest_at is None else max(self._newest_at, at)


def _encode(entry: Entry) -> bytes | None:
    """Return the encoded payload, after a look at what would otherwise fail half way."""
    words = (entry.requester.officer, entry.requester.role, entry.requester.unit, entry.outcome, entry.camera)
    try:
        "".join((*words, entry.source)).encode()
    except UnicodeEncodeError as error:
        raise AuditError("the entry holds bytes that are no text") from error
    if entry.payload is None:
        return None
    payload = encode_payload(entry.payload)
    if len(payload) > LARGEST_PAYLOAD:
        raise AuditError(
            f"its particulars take {len(payload)} bytes, {LARGEST_PAYLOAD} are allowed: shorten the reason"
        )
    return payload


@asynccontextmanager
async def open_log(
    path: Path,
    *,
    origin: str,
    signer: Signer,
    clock: Clock,
    unit: str | None = None,
    retention: Retention = CHARTER,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> AsyncIterator[AuditLog]:
    """Open a unit's log for the block; it is created where missing. When the block ends, the log signs its state.

    Args:
        path: The log's file; the keys of its payloads lie beside it, see `hub.audit.vault`.
        origin: Identity of the log, one line; a file of another origin is refused.
        signer: The unit's key.
        clock: The unit's clock.
        unit: Name of the unit in entries that the log makes itself; the signer's name where None.
        retention: When payloads end.
        random: Gives random bytes for nonces and keys.

    Raises:
        StoreError: The file is locked, damaged, newer than this program, or not to be opened.
        AuditError: It is another log, or its newest entry is damaged.
    """
    async with open_database(path, MIGRATIONS) as database:
        log = AuditLog(
            database,
            origin=origin,
            signer=signer,
            clock=clock,
            unit=signer.name if unit is None else unit,
            retention=retention,
            random=random,
        )
        log._newest_at = await database.write(log._prepare)
        try:
            yield log
        finally:
            if log._unsigned:
                # Without it the log is as whole as before, so neither a full disk nor a slow one may hold up the end.
                with (
                    suppress(AuditError),
                    trio.CancelScope(shield=True, deadline=trio.current_time() + _CLOSING_SECONDS),
                ):
                    await log.checkpoint(leaves=False)
