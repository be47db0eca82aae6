"""The register, asked by an officer with a reason or for an alert adjudicated true, never by a plate read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import SourceError
from hub.messages import Query, Reach, SubjectKind
from hub.store.records import TABLES, count_records, find_records
from hub.store.sqlite import connect, mapped_errors

FILE: Final = "drivers.sqlite3"
"""Name of the register in the plugin's folder."""


class Drivers(RecordSource):
    """Vehicles with their keepers, insurance and inspection, and driving licences."""

    name: ClassVar[str] = "drivers"
    reach: ClassVar[Reach] = Reach.ON_REQUEST
    answers: ClassVar[frozenset[SubjectKind]] = frozenset(SubjectKind)

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._path = Path()

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the register; an empty one is made where there is none.

        Raises:
            StoreError: It cannot be opened.
        """
        self.close()
        self._path = context.state / FILE
        self._connection = connect(self._path, [TABLES], check_same_thread=False)
        with mapped_errors(self._path):
            entries = count_records(self._connection)
        return SourceInfo(entries=entries, detail="keepers, licences, insurance and inspection")

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Return candidates.

        Raises:
            SourceError: The register is not open.
            StoreError: It cannot be read.
        """
        if self._connection is None:
            raise SourceError("the register is not open")
        with mapped_errors(self._path):
            return find_records(self._connection, query)

    def close(self) -> None:
        """Close the register."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
