"""The unit's public key and its officers' slots, as tables beside the officers. What is in a slot is `unit_key`'s."""

from __future__ import annotations

import sqlite3
from typing import Final

from hub.authority.passphrases import ScryptCost
from hub.authority.unit_key import KeySlot

TABLES: Final = """
    CREATE TABLE unit_key (one INTEGER PRIMARY KEY CHECK (one = 1), public BLOB NOT NULL) STRICT;
    CREATE TABLE key_slots (
        number TEXT PRIMARY KEY REFERENCES officers (number),
        n INTEGER NOT NULL, r INTEGER NOT NULL, p INTEGER NOT NULL,
        salt BLOB NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
"""
"""A migration of the officers' database."""


def public_key(connection: sqlite3.Connection) -> bytes | None:
    """Return the unit's raw public key, None where it has none yet."""
    row = connection.execute("SELECT public FROM unit_key").fetchone()
    return None if row is None else bytes(row[0])


def put_public_key(connection: sqlite3.Connection, public: bytes) -> None:
    """Keep the key that was made with the first officer; a unit never changes it."""
    connection.execute("INSERT INTO unit_key (one, public) VALUES (1, ?)", (public,))


def put_slot(connection: sqlite3.Connection, number: str, slot: KeySlot) -> None:
    """Keep the slot of an officer who has none."""
    cost = slot.cost
    connection.execute(
        "INSERT INTO key_slots (number, n, r, p, salt, sealed) VALUES (?, ?, ?, ?, ?, ?)",
        (number, cost.n, cost.r, cost.p, slot.salt, slot.sealed),
    )


def find_slot(connection: sqlite3.Connection, number: str) -> KeySlot | None:
    """Return an officer's slot, None where they have none."""
    row = connection.execute("SELECT n, r, p, salt, sealed FROM key_slots WHERE number = ?", (number,)).fetchone()
    return None if row is None else KeySlot(ScryptCost(*row[:3]), row[3], row[4])
