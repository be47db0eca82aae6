"""A register that a plugin keeps in SQLite: opened, asked and closed, and filled from a table, in one transaction.

For plugins. Which fields there are, what a row must hold and how it is identified is the plugin's business; what may
be asked of whom is the host's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import InputError, SourceError
from hub.messages import Query
from hub.store.records import TABLES, count_records, find_records, put_records
from hub.store.sqlite import connect, mapped_errors, snapshot, transaction
from hub.tables import ENTRY, Table


class Register(RecordSource):
    """Records in a file of the plugin's folder; a subclass says what they are and who may ask."""

    file: ClassVar[str]
    """Name of the file."""
    detail: ClassVar[str]
    """What is kept, for an operator."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._path = Path()

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the register; an empty one is made where there is none.

        Raises:
            StoreError: It cannot be opened.
        """
        self.close()
        self._path = context.state / self.file
        self._connection = connect(self._path, [TABLES], check_same_thread=False)
        with mapped_errors(self._path):
            entries = count_records(self._connection)
        return SourceInfo(entries=entries, detail=self.detail)

    def find(self, query: Query) -> list[SourceRecord]:
        """Return candidates.

        Raises:
            SourceError: The register is not open.
            StoreError: It cannot be read.
        """
        if self._connection is None:
            raise SourceError("the register is not open")
        with snapshot(self._connection, self._path):
            return find_records(self._connection, query)

    def close(self) -> None:
        """Close the register."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def keep_table(path: Path, file: Path, table: Table, identify: Callable[[Mapping[str, str]], str]) -> int:
    """Keep every row of a table in a register, in one transaction.

    Args:
        path: The register.
        file: Where the table comes from.
        table: From `hub.tables.read_table`.
        identify: Gives a row's identifier; a row takes the place of the one with the same.

    Returns:
        How many were kept.

    Raises:
        InputError: The table holds no good row.
        StoreError: The register cannot be written; nothing was kept.
    """
    if not table.rows:
        first = f": line {table.bad[0].line}, {table.bad[0].problem}" if table.bad else ""
        raise InputError(f"{file.name} holds no row that could be imported{first}")
    connection = connect(path, [TABLES])
    try:
        with transaction(connection, path):
            rows = (row.values for row in table.rows)
            return put_records(connection, ((identify(row), _without_entry(row)) for row in rows))
    finally:
        connection.close()


def _without_entry(row: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in row.items() if name != ENTRY}
