"""The tables of the log and how rows are read from them. Whether they agree is `hub.audit.verify`'s question."""

from __future__ import annotations

import sqlite3
from typing import Final

from hub.audit.leaf import Metadata, decode_metadata
from hub.audit.merkle import NodeReader
from hub.errors import AuditError

MIGRATIONS: Final = (
    """
    CREATE TABLE log (origin TEXT NOT NULL);
    -- One row an entry. Metadata are canonical JSON: their bytes are what the leaf is the hash of.
    CREATE TABLE entry (number INTEGER PRIMARY KEY, metadata BLOB NOT NULL);
    -- Hashes of complete subtrees, level 0 being the leaves: see hub.audit.merkle.
    CREATE TABLE node (
        level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)
    ) WITHOUT ROWID;
    -- Outside of the tree: destroyed on their date. `until` is microseconds since 1970.
    CREATE TABLE payload (number INTEGER PRIMARY KEY, until INTEGER NOT NULL, sealed BLOB NOT NULL);
    CREATE INDEX payload_until ON payload (until);
    -- Signed notes, the newest of each size, without leaf prefixes.
    CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL);
    """,
)

ERASED_WHAT: Final = "log_payload"
"""Outcome of the entries that account for destroyed payloads of the log itself."""


def read_newest(connection: sqlite3.Connection) -> Metadata | None:
    """Return the newest entry's metadata, None where the log is empty.

    Raises:
        AuditError: They are damaged.
    """
    row = connection.execute("SELECT number, metadata FROM entry ORDER BY number DESC LIMIT 1").fetchone()
    if row is None:
        return None
    number, data = row
    metadata = decode_metadata(bytes(data))
    if metadata.index != number:
        raise AuditError(f"the newest entry stands at {number} and says that it is {metadata.index}")
    return metadata


def node_reader(connection: sqlite3.Connection) -> NodeReader:
    """Return a function that reads the hash of a complete subtree.

    Raises:
        AuditError: When the hash is not there.
    """

    def read(level: int, number: int) -> bytes:
        row = connection.execute("SELECT hash FROM node WHERE level = ? AND number = ?", (level, number)).fetchone()
        if row is None:
            raise AuditError(f"the tree's hash {number} of level {level} is missing")
        return bytes(row[0])

    return read
