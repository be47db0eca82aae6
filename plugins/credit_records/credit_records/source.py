"""The source: asked under a grant alone, it answers with the granted fields and with who the record is about."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

from msgspec.structs import replace

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import SourceError
from hub.messages import Query, Reach, SubjectKind
from hub.store.records import TABLES, count_records, find_records
from hub.store.sqlite import connect, mapped_errors

FILE: Final = "credit_records.sqlite3"
"""Name of the store in the plugin's folder."""

SUBJECT: Final = frozenset({"family_name", "given_names", "birth_date"})
"""Fields by which the host tells whether a record is about the granted subject; it hands them on only where granted."""


class CreditRecords(RecordSource):
    """Accounts and insolvencies of persons."""

    name: ClassVar[str] = "credit_records"
    reach: ClassVar[Reach] = Reach.RESTRICTED
    answers: ClassVar[frozenset[SubjectKind]] = frozenset({SubjectKind.PERSON})

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._path = Path()

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the store; an empty one is made where there is none.

        Raises:
            StoreError: It cannot be opened.
        """
        self.close()
        self._path = context.state / FILE
        self._connection = connect(self._path, [TABLES], check_same_thread=False)
        with mapped_errors(self._path):
            entries = count_records(self._connection)
        return SourceInfo(entries=entries, detail="accounts and insolvencies, under a grant alone")

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Return candidates with the granted fields.

        Raises:
            SourceError: The source is not open, or the query comes without a grant.
            StoreError: The store cannot be read.
        """
        if self._connection is None:
            raise SourceError("the store is not open")
        if not query.fields or not query.reference:
            raise SourceError("credit records are answered under a grant alone")
        wanted = SUBJECT | frozenset(query.fields)
        with mapped_errors(self._path):
            found = find_records(self._connection, query)
        return [
            replace(record, fields={name: value for name, value in record.fields.items() if name in wanted})
            for record in found
        ]

    def close(self) -> None:
        """Close the store."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
