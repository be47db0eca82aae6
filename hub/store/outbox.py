"""Dispatches on their way to the desk: in order, each once, gone for good once every target has it.

A dispatch is written unreleased while the alert that it tells of is being decided, and released once that is
durable; only released ones are sent. So a crash between the two files loses nothing and sends nothing that was not
decided: what is unreleased is settled against the alert when the hub starts (`hub.alerts`). Sending is
`hub.actors.outbox`', in one process at a time: hub and commands take turns.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

import msgspec
from msgspec import Struct

from hub.errors import StoreError
from hub.messages import Dispatch
from hub.store import erasing
from hub.store.locks import take
from hub.store.sqlite import Database, connect, store_error, transaction

OUTBOX_FILE: Final = "outbox.sqlite3"
"""Name of the database in the state folder."""

MIGRATIONS: Final = (
    """
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        dispatch TEXT NOT NULL UNIQUE,
        released INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE progress (
        dispatch TEXT NOT NULL REFERENCES outbox (dispatch) ON DELETE CASCADE,
        target TEXT NOT NULL,
        delivered INTEGER NOT NULL,
        PRIMARY KEY (dispatch, target)
    ) STRICT;
    """,
    erasing.MIGRATION,
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Dispatch)


class Waiting(Struct, frozen=True):
    """The next dispatch for a target."""

    dispatch: Dispatch
    accounted: bool
    """Whether the log has its entry for this target already."""


class OutboxStore:
    """Dispatches in their database, which was opened with `MIGRATIONS`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self, dispatch: Dispatch) -> None:
        """Write a dispatch unreleased, durably; blocking, for use inside the transaction that decides its alert.

        One of the same identifier that is still unreleased is a leftover and is replaced.

        Raises:
            StoreError: It was not written.
        """
        path = self._database.path
        with closing(connect(path, MIGRATIONS)) as connection, transaction(connection, path):
            connection.execute(
                "INSERT INTO outbox (dispatch, released, body) VALUES (?, 0, ?)"
                " ON CONFLICT (dispatch) DO UPDATE SET body = excluded.body WHERE released = 0",
                (dispatch.dispatch, _ENCODER.encode(dispatch)),
            )

    async def release(self, dispatch: str) -> None:
        """Let a dispatch be sent. Does nothing where it is released or gone.

        Raises:
            StoreError: The database cannot be written.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE outbox SET released = 1 WHERE dispatch = ?", (dispatch,))

        await self._database.write(write)

    async def has_unreleased(self) -> bool:
        """Say whether a dispatch waits to be settled.

        Raises:
            StoreError: The database cannot be read.
        """
        return await self._database.read(
            lambda connection: connection.execute("SELECT 1 FROM outbox WHERE released = 0").fetchone() is not None
        )

    def settle(self, decided: Callable[[Dispatch], bool]) -> None:
        """Release the unreleased dispatches that were decided and drop the others; blocking.

        For use while no process can decide an alert.

        Raises:
            StoreError: Nothing was changed.
        """
        path = self._database.path
        with closing(connect(path, MIGRATIONS)) as connection, transaction(connection, path):
            for name, body in connection.execute("SELECT dispatch, body FROM outbox WHERE released = 0").fetchall():
                if decided(_decode(body)):
                    connection.execute("UPDATE outbox SET released = 1 WHERE dispatch = ?", (name,))
                else:
                    connection.execute("DELETE FROM outbox WHERE dispatch = ?", (name,))
                    erasing.mark(connection)

    async def next(self, target: str) -> Waiting | None:
        """Return the oldest released dispatch that a target does not have, or None.

        Raises:
            StoreError: The database cannot be read.
        """

        def read(connection: sqlite3.Connection) -> Waiting | None:
            row = connection.execute(
                "SELECT o.body, p.target IS NOT NULL FROM outbox o"
                " LEFT JOIN progress p ON p.dispatch = o.dispatch AND p.target = ?"
                " WHERE o.released = 1 AND coalesce(p.delivered, 0) = 0"
                # Behind one that is still to be settled nothing is sent, so that the order holds.
                " AND NOT EXISTS (SELECT 1 FROM outbox u WHERE u.released = 0 AND u.number < o.number)"
                " ORDER BY o.number LIMIT 1",
                (target,),
            ).fetchone()
            return None if row is None else Waiting(_decode(row[0]), accounted=bool(row[1]))

        return await self._database.read(read)

    @contextmanager
    def turn(self, target: str) -> Iterator[bool]:
        """Take the turn to deliver to a target for the block; gives False, at once, where somebody else has it.

        Whoever has had it asks `next` again before leaving: what others released meanwhile was left to them. The turn
        is a lock that ends with its process, so that after a crash in between the next one can go on at once.

        Raises:
            StoreError: The lock cannot be made.
        """
        name = hashlib.sha256(target.encode()).hexdigest()[:16]  # a target may be called anything
        path = self._database.path.with_name(f"outbox.{name}.lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise store_error(path, error) from error
        try:
            try:
                ours = take(descriptor)
            except OSError as error:
                raise store_error(path, error) from error
            yield ours
        finally:
            os.close(descriptor)

    async def account(self, dispatch: str, target: str) -> None:
        """Remember that the log has the entry of a dispatch for a target, so that a restart adds no second one.

        Raises:
            StoreError: The database cannot be written.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO progress (dispatch, target, delivered)"
                " SELECT dispatch, ?, 0 FROM outbox WHERE dispatch = ? ON CONFLICT DO NOTHING",
                (target, dispatch),
            )

        await self._database.write(write)

    async def acknowledge(self, dispatch: str, target: str, targets: Sequence[str]) -> None:
        """Note that a target has a dispatch for good; once every target has it, it is deleted and overwritten.

        Raises:
            StoreError: The database cannot be written: the dispatch will be sent again, with the same identifier.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO progress (dispatch, target, delivered)"
                " SELECT dispatch, ?, 1 FROM outbox WHERE dispatch = ?"
                " ON CONFLICT (dispatch, target) DO UPDATE SET delivered = 1",
                (target, dispatch),
            )
            _drop_if_delivered(connection, dispatch, targets)

        await self._database.write(write)

    async def tidy(self, targets: Sequence[str]) -> None:
        """Delete the dispatches that every one of these targets has.

        Raises:
            StoreError: Nothing was deleted.
        """

        def write(connection: sqlite3.Connection) -> None:
            for (dispatch,) in connection.execute("SELECT dispatch FROM outbox WHERE released = 1").fetchall():
                _drop_if_delivered(connection, dispatch, targets)

        await self._database.write(write)

    async def overwrite(self) -> bool:
        """Overwrite the bytes of what was deleted, if anything was. Returns whether it was.

        Raises:
            StoreError: Another process holds the file: call again later.
        """
        return await erasing.overwrite(self._database)

    async def count(self) -> int:
        """Return how many dispatches are not yet with every target.

        Raises:
            StoreError: The database cannot be read.
        """
        return await self._database.read(
            lambda connection: int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
        )


def _drop_if_delivered(connection: sqlite3.Connection, dispatch: str, targets: Sequence[str]) -> None:
    rows = connection.execute("SELECT target FROM progress WHERE dispatch = ? AND delivered = 1", (dispatch,))
    if {name for (name,) in rows} >= set(targets):
        connection.execute("DELETE FROM outbox WHERE dispatch = ?", (dispatch,))
        erasing.mark(connection)


def _decode(body: bytes) -> Dispatch:
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise StoreError("a dispatch on disk is damaged or from another version of this program") from error
