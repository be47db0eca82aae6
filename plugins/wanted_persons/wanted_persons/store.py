"""Where the unit keeps its one closed list: what it says of itself, its envelope as signed, and its entries.

The envelope is kept so that the list is verified again each time that it is opened; the entries are an index of it.
What a list must be to be loaded is decided by `hub.watchlists.package`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from hub.backends import PluginContext
from hub.store import erasing
from hub.store.records import TABLES, clear_records, put_records
from hub.store.sqlite import connect

FILE: Final = "wanted_persons.sqlite3"
_LISTS: Final = """
CREATE TABLE list (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    stored BLOB NOT NULL
);
CREATE TABLE envelope (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    envelope BLOB NOT NULL
);
CREATE TABLE versions (
    issuer TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (issuer, name)
);
"""


class StoredList(Struct, frozen=True):
    """What is known of the list without reading its entries."""

    digest: str
    """SHA-256 of the signed content, or of the entries of a development list."""
    issuer: str
    name: str
    version: int
    created: datetime
    expires: datetime
    development: bool


def path_of(context: PluginContext) -> Path:
    """Return the store's file."""
    return context.state / FILE


def open_store(context: PluginContext, *, any_thread: bool = False) -> sqlite3.Connection:
    """Open the store, made where it is missing.

    Raises:
        StoreError: It cannot be opened.
    """
    return connect(path_of(context), [TABLES, _LISTS, erasing.MIGRATION], check_same_thread=not any_thread)


def stored_list(connection: sqlite3.Connection) -> StoredList | None:
    """Return what is known of the list, or None where none is loaded. Asked at every query, so it reads no more."""
    row = connection.execute("SELECT stored FROM list").fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=StoredList)


def stored_envelope(connection: sqlite3.Connection) -> bytes:
    """Return the list's envelope as it was signed; empty for a development list."""
    row = connection.execute("SELECT envelope FROM envelope").fetchone()
    return b"" if row is None else bytes(row[0])


def replace_list(
    connection: sqlite3.Connection,
    stored: StoredList,
    envelope: bytes,
    records: Iterable[tuple[str, Mapping[str, str]]],
) -> int:
    """Put a list in place of the one that is there; to be called inside a transaction."""
    if clear_records(connection):
        erasing.mark(connection)
    count = put_records(connection, records)
    connection.execute("INSERT OR REPLACE INTO list (id, stored) VALUES (1, ?)", (msgspec.json.encode(stored),))
    connection.execute("INSERT OR REPLACE INTO envelope (id, envelope) VALUES (1, ?)", (envelope,))
    if envelope:
        connection.execute(
            "INSERT OR REPLACE INTO versions (issuer, name, version, digest) VALUES (?, ?, ?, ?)",
            (stored.issuer, stored.name, stored.version, stored.digest),
        )
    return count


def delete_list(connection: sqlite3.Connection) -> int:
    """Delete the list and return how many entries it had; its version stays, so that no older one can follow."""
    connection.execute("DELETE FROM list")
    connection.execute("DELETE FROM envelope")
    erasing.mark(connection)
    return clear_records(connection)


def newest_version(connection: sqlite3.Connection, issuer: str, name: str) -> tuple[int, str]:
    """Return version and digest of the newest list of an issuer and name that was ever loaded; 0 and "" for none."""
    row = connection.execute("SELECT version, digest FROM versions WHERE issuer = ? AND name = ?", (issuer, name))
    found = row.fetchone()
    return (0, "") if found is None else (int(found[0]), str(found[1]))


def digest_of(records: Sequence[tuple[str, bytes]]) -> str:
    """Return the SHA-256 of entries, hexadecimal: each identifier and its encoded fields, with their lengths."""
    digest = hashlib.sha256()
    for entry, fields in records:
        for part in (entry.encode(), fields):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
