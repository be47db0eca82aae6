"""Alerts as they lie on disk: durable before acknowledged, read again inside the transaction that changes them.

Several processes may use the file at once (the hub and a command). What steps there are is
`hub.authority.adjudication`'s; who may take them, and what is logged, is `hub.alerts`'. Pictures lie in a table of
their own, so that one can be erased without touching the decision.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from hub.errors import StoreError, UsageError
from hub.messages import Alert, AlertState, Picture
from hub.store import erasing
from hub.store.sqlite import Database

ALERTS_FILE: Final = "alerts.sqlite3"
"""Name of the database in the state folder."""

MIGRATIONS: Final = (
    """
    CREATE TABLE alerts (
        alert TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        camera TEXT NOT NULL,
        source TEXT NOT NULL,
        entry TEXT NOT NULL,
        at REAL NOT NULL,
        decide_by REAL NOT NULL,
        keep_until REAL NOT NULL,
        repeats INTEGER NOT NULL DEFAULT 0,
        revision INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE pictures (
        alert TEXT NOT NULL REFERENCES alerts (alert) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (alert, kind)
    ) STRICT;
    CREATE TABLE revisions (newest INTEGER NOT NULL) STRICT;
    INSERT INTO revisions (newest) VALUES (0);
    """,
    erasing.MIGRATION,
)

_PICTURES: Final = ("crop", "scene", "reference")
"""Fields of an alert that hold pictures."""
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Alert)


class Changes(Struct, frozen=True):
    """Alerts that were raised or changed since a revision."""

    revision: int
    """Ask again from here."""
    alerts: tuple[Alert, ...]
    """Without pictures, oldest change first; of several changes of one alert only the newest."""


class Due(Struct, frozen=True):
    """Alerts whose time has come, by identifier."""

    expired: tuple[str, ...]
    """Nobody decided in time."""
    over: tuple[str, ...]
    """Everything of them is to go."""


class AlertStore:
    """Alerts in their database, which was opened with `MIGRATIONS`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, alert: Alert) -> bool:
        """Keep a new alert; returns False, and counts it, where its entry has an open alert on the same camera.

        Raises:
            StoreError: It was not kept.
        """

        def insert(connection: sqlite3.Connection) -> bool:
            if _repeat(connection, alert.camera, alert.source, alert.hit.record.entry, alert.at):
                return False
            connection.execute(
                "INSERT INTO alerts (alert, state, camera, source, entry, at, decide_by, keep_until, revision, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    alert.alert,
                    alert.state.value,
                    alert.camera,
                    alert.source,
                    alert.hit.record.entry,
                    alert.at.timestamp(),
                    alert.decide_by.timestamp(),
                    alert.keep_until.timestamp(),
                    _revision(connection),
                    _body(alert),
                ),
            )
            _put_pictures(connection, alert)
            return True

        return await self._database.write(insert)

    async def repeat(self, camera: str, source: str, entry: str, now: datetime) -> bool:
        """Count a hit where its entry has an open alert on the same camera already; returns whether it has.

        Raises:
            StoreError: The database cannot be read or written.
        """
        return await self._database.write(lambda connection: _repeat(connection, camera, source, entry, now))

    async def repeats(self, alert: str) -> int:
        """Return how many further hits an alert stands for."""

        def read(connection: sqlite3.Connection) -> int:
            row = connection.execute("SELECT repeats FROM alerts WHERE alert = ?", (alert,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._database.read(read)

    async def get(self, alert: str) -> Alert:
        """Return an alert with its pictures.

        Raises:
            UsageError: There is none of that identifier, or it was erased on its date.
            StoreError: The database cannot be read.
        """
        return await self._database.read(lambda connection: _get(connection, alert))

    async def list(self, *, everything: bool = False) -> tuple[Alert, ...]:
        """Return alerts without pictures, oldest first: those that wait for a decision, or all.

        Raises:
            StoreError: The database cannot be read.
        """

        def read(connection: sqlite3.Connection) -> tuple[Alert, ...]:
            rows = connection.execute(
                "SELECT body FROM alerts WHERE ? OR state = ? ORDER BY at, alert", (everything, AlertState.ALERT.value)
            )
            return tuple(_decode(body) for (body,) in rows)

        return await self._database.read(read)

    async def change(
        self, alert: str, change: Callable[[Alert], Alert], *, before_commit: Callable[[Alert], None] | None = None
    ) -> Alert:
        """Change an alert as it is at this moment, in one transaction.

        Args:
            alert: Its identifier.
            change: Returns the changed alert; a picture that it drops is erased. Raises to leave all as it was.
            before_commit: Called with the changed alert while other processes still wait; raises to undo.

        Raises:
            UsageError: There is no such alert.
            StoreError: Nothing was changed.
        """

        def write(connection: sqlite3.Connection) -> Alert:
            before = _get(connection, alert)
            after = change(before)
            connection.execute(
                "UPDATE alerts SET state = ?, entry = ?, revision = ?, body = ? WHERE alert = ?",
                (after.state.value, after.hit.record.entry, _revision(connection), _body(after), alert),
            )
            _put_pictures(connection, after)
            if _loses(before, after):
                erasing.mark(connection)
            if before_commit is not None:
                before_commit(after)
            return after

        return await self._database.write(write)

    async def delete(self, alerts: tuple[str, ...]) -> None:
        """Delete alerts and everything of them.

        Raises:
            StoreError: Nothing was deleted.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM alerts WHERE alert = ?", [(alert,) for alert in alerts])
            erasing.mark(connection)

        await self._database.write(write)

    async def overwrite(self) -> bool:
        """Overwrite the bytes of what was deleted or dropped, if anything was. Returns whether it was.

        Raises:
            StoreError: Another process holds the file: call again later.
        """
        return await erasing.overwrite(self._database)

    async def due(self, now: datetime) -> Due:
        """Return the alerts whose time has come.

        Raises:
            StoreError: The database cannot be read.
        """

        def read(connection: sqlite3.Connection) -> Due:
            over = connection.execute("SELECT alert FROM alerts WHERE keep_until <= ? ORDER BY at", (now.timestamp(),))
            expired = connection.execute(
                "SELECT alert FROM alerts WHERE state = ? AND decide_by <= ? AND keep_until > ? ORDER BY at",
                (AlertState.ALERT.value, now.timestamp(), now.timestamp()),
            )
            return Due(expired=tuple(alert for (alert,) in expired.fetchall()), over=tuple(alert for (alert,) in over))

        return await self._database.read(read)

    async def revision(self) -> int:
        """Return the number of the newest change.

        Raises:
            StoreError: The database cannot be read.
        """
        return await self._database.read(
            lambda connection: int(connection.execute("SELECT newest FROM revisions").fetchone()[0])
        )

    async def changes(self, since: int) -> Changes:
        """Return what was raised or changed after a revision, by whatever process.

        Raises:
            StoreError: The database cannot be read.
        """

        def read(connection: sqlite3.Connection) -> Changes:
            newest = int(connection.execute("SELECT newest FROM revisions").fetchone()[0])
            if newest == since:
                return Changes(since, ())
            rows = connection.execute("SELECT body FROM alerts WHERE revision > ? ORDER BY revision", (since,))
            return Changes(newest, tuple(_decode(body) for (body,) in rows))

        return await self._database.read(read)

    async def locked(self, fn: Callable[[Callable[[str], Alert | None]], None]) -> None:
        """Run a function while no process can change an alert; it gets a way to read one, None where there is none.

        Raises:
            StoreError: The database cannot be locked or read.
        """

        def write(connection: sqlite3.Connection) -> None:
            fn(lambda alert: _find(connection, alert))

        await self._database.write(write)


def _repeat(connection: sqlite3.Connection, camera: str, source: str, entry: str, now: datetime) -> bool:
    done = connection.execute(
        "UPDATE alerts SET repeats = repeats + 1"
        " WHERE camera = ? AND source = ? AND entry = ? AND state = ? AND decide_by > ?",
        (camera, source, entry, AlertState.ALERT.value, now.timestamp()),
    )
    return done.rowcount > 0


def _revision(connection: sqlite3.Connection) -> int:
    connection.execute("UPDATE revisions SET newest = newest + 1")
    return int(connection.execute("SELECT newest FROM revisions").fetchone()[0])


def _body(alert: Alert) -> bytes:
    return _ENCODER.encode(msgspec.structs.replace(alert, crop=None, scene=None, reference=None))


def _decode(body: bytes) -> Alert:
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise StoreError("an alert on disk is damaged or from another version of this program") from error


def _get(connection: sqlite3.Connection, alert: str) -> Alert:
    found = _find(connection, alert)
    if found is None:
        raise UsageError(f"there is no alert {alert}: it never was, or it was erased on its date")
    return found


def _find(connection: sqlite3.Connection, alert: str) -> Alert | None:
    row = connection.execute("SELECT body FROM alerts WHERE alert = ?", (alert,)).fetchone()
    if row is None:
        return None
    rows = connection.execute("SELECT kind, jpeg, width, height FROM pictures WHERE alert = ?", (alert,))
    pictures = {kind: Picture(jpeg, width, height) for kind, jpeg, width, height in rows}
    return msgspec.structs.replace(_decode(row[0]), **{kind: pictures.get(kind) for kind in _PICTURES})


def _put_pictures(connection: sqlite3.Connection, alert: Alert) -> None:
    for kind in _PICTURES:
        picture: Picture | None = getattr(alert, kind)
        if picture is None:
            connection.execute("DELETE FROM pictures WHERE alert = ? AND kind = ?", (alert.alert, kind))
        else:
            connection.execute(
                "INSERT INTO pictures (alert, kind, width, height, jpeg) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (alert, kind) DO NOTHING",  # an alert's pictures never change, they only go
                (alert.alert, kind, picture.width, picture.height, picture.jpeg),
            )


def _loses(before: Alert, after: Alert) -> bool:
    """Say whether a change dropped something whose bytes must go."""
    parts = (*_PICTURES, "readings", "hit")
    return any(getattr(before, part) != getattr(after, part) for part in parts)
