"""The source: asked under a grant alone, it answers with the granted fields and with who the record is about."""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec.structs import replace

from hub.backends import SourceRecord
from hub.errors import SourceError
from hub.messages import Query, Reach, SubjectKind
from hub.store.registers import Register

FILE: Final = "credit_records.sqlite3"
"""Name of the store in the plugin's folder."""

SUBJECT: Final = frozenset({"family_name", "given_names", "birth_date"})
"""Fields by which the host tells whether a record is about the granted subject; it hands them on only where granted."""


class CreditRecords(Register):
    """Accounts and insolvencies of persons."""

    name: ClassVar[str] = "credit_records"
    reach: ClassVar[Reach] = Reach.RESTRICTED
    answers: ClassVar[frozenset[SubjectKind]] = frozenset({SubjectKind.PERSON})
    file: ClassVar[str] = FILE
    detail: ClassVar[str] = "accounts and insolvencies, under a grant alone"

    def find(self, query: Query) -> list[SourceRecord]:
        """Return candidates with the granted fields.

        Raises:
            SourceError: The source is not open, or the query comes without a grant.
            StoreError: The store cannot be read.
        """
        if not query.fields or not query.reference:
            raise SourceError("credit records are answered under a grant alone")
        wanted = SUBJECT | frozenset(query.fields)
        return [
            replace(record, fields={name: value for name, value in record.fields.items() if name in wanted})
            for record in super().find(query)
        ]
