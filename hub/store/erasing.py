"""Deleted rows whose bytes are still to be overwritten, remembered in the database itself.

A store marks the deletion in the same transaction and overwrites afterwards; where that fails (another process reads)
or the power goes in between, the mark is still there and the next round does it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from hub.store.sqlite import Database

MIGRATION: Final = """
    CREATE TABLE erasing (due INTEGER NOT NULL) STRICT;
    INSERT INTO erasing (due) VALUES (0);
"""
"""A migration of each store that erases."""


def mark(connection: sqlite3.Connection) -> None:
    """Say, in the transaction that deletes, that bytes are to be overwritten."""
    connection.execute("UPDATE erasing SET due = due + 1")


async def overwrite(database: Database) -> bool:
    """Overwrite what was deleted, where something was. Returns whether there was something.

    Raises:
        StoreError: Another process holds the file: call again later.
    """
    due = await database.read(_due)
    if not due:
        return False
    await database.purge()

    def settle(connection: sqlite3.Connection) -> None:
        # What was deleted while the file was rewritten keeps its mark.
        connection.execute("UPDATE erasing SET due = due - ?", (due,))

    await database.write(settle)
    return True


def _due(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT due FROM erasing").fetchone()[0])
