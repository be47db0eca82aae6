"""Deleted rows whose bytes are still to be overwritten, remembered in the database itself.

A store marks the deletion in the same transaction and overwrites afterwards; where that fails (another process reads)
or the power goes in between, the mark is still there and the next round does it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from hub.store.sqlite import Database, mapped_errors, purge, transaction

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

    await database.write(lambda connection: _settle(connection, due))
    return True


def overwrite_blocking(connection: sqlite3.Connection, path: Path) -> bool:
    """Do the same on a connection of `hub.store.sqlite.connect`, for plugins' blocking code.

    Raises:
        StoreError: Another process holds the file: call again later.
    """
    with mapped_errors(path):
        due = _due(connection)
    if not due:
        return False
    purge(connection, path)
    with transaction(connection, path):
        _settle(connection, due)
    return True


def _settle(connection: sqlite3.Connection, due: int) -> None:
    # What was deleted while the file was rewritten keeps its mark.
    connection.execute("UPDATE erasing SET due = due - ?", (due,))


def _due(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT due FROM erasing").fetchone()[0])
