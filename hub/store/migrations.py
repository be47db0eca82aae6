"""Numbered changes of a database's tables, counted in ``PRAGMA user_version``.

Migration 1 is the first script of the sequence that a store hands over. A script is never edited once released: a
change of tables is a new script at the end. Opening files and threads are `hub.store.sqlite`'s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from hub.errors import StoreError


def statements(script: str) -> Iterator[str]:
    """Split a script into its statements; a semicolon inside a string or a trigger does not split."""
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            if pending.strip(" \n\t;"):
                yield pending.strip()
            pending = ""
    if pending.strip(" \n\t;"):
        raise ValueError(f"unfinished statement at the end of a migration: {pending.strip()[:40]!r}")


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], path: Path) -> int:
    """Bring a database to the newest known version, each migration in a transaction of its own.

    Args:
        connection: In autocommit mode, no transaction open.
        migrations: Scripts, oldest first.
        path: Only for messages.

    Returns:
        How many migrations ran.

    Raises:
        StoreError: The file is newer than this program, or is not one of its databases.
        sqlite3.Error: As SQLite raises it; the version stays at the last migration that was whole.
    """
    ran = 0
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Asked inside the transaction: another process may be migrating the same file.
            version = _version(connection, len(migrations), path)
            if version == len(migrations):
                connection.execute("ROLLBACK")
                return ran
            for statement in statements(migrations[version]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        ran += 1


def _version(connection: sqlite3.Connection, known: int, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known:
        raise StoreError(
            f"{path} was written by a newer version (its tables have number {version}, this program knows {known}): "
            "use that version"
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        raise StoreError(f"{path} is a database of some other program: name another file")
    return version
