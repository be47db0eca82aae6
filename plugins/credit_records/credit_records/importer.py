"""Takes credit records from a CSV file into the store.

Columns, in any order; the first line names them. Each row is one account or insolvency of one person:

* whom it is about, in every row: ``family_name``, ``given_names``, ``birth_date``
* account: ``lender``, ``account_opened``, ``account_status`` (current, overdue, settled or written_off),
  ``amount_owed`` with its currency, as the lender reports it
* insolvency: ``insolvency_status`` (none, open or discharged), ``insolvency_until``
* ``reference``: the file's number at its keeper; ``entry``: the row's identifier, made from the row where it is missing

A row takes the place of the one with the same identifier; what the file does not mention stays. A column with a score,
rating or rank of a person is refused and reported; its values go nowhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from msgspec.structs import replace

from credit_records.source import FILE
from hub.backends import BadRow, Importer, ImportReport, PluginContext
from hub.store.records import encode_fields
from hub.store.registers import keep_table
from hub.tables import ENTRY, read_table

REQUIRED: Final = ("family_name", "given_names", "birth_date")
"""Columns of every row: without these nobody could say whom a grant opens."""
COLUMNS: Final = (
    ENTRY, *REQUIRED, "lender", "account_opened", "account_status", "amount_owed", "insolvency_status",
    "insolvency_until", "reference",
)  # fmt: skip
"""Columns of a CSV file."""
_SCORE: Final = re.compile(r"column '[^']*(score|rating|rank|grade|points|risk|probab|default_rate)[^']*'")


class CreditRecordsImporter(Importer):
    """Takes records into the store."""

    name: ClassVar[str] = "credit_records"

    def import_file(self, context: PluginContext, file: Path) -> ImportReport:
        """Import every good row in one transaction.

        Raises:
            InputError: The file is no such table, or holds no good row.
            StoreError: The store cannot be written; nothing was imported.
        """
        table = read_table(file, COLUMNS, required=REQUIRED, check=_check, key=_identifier)
        count = keep_table(context.state / FILE, file, table, _identifier)
        return ImportReport(imported=count, bad=tuple(map(_say, table.bad)))


def _check(values: Mapping[str, str]) -> str:
    if not values.keys() & {"lender", "insolvency_status"}:
        return "lender and insolvency_status are missing: a row needs one of them"
    return ""


def _identifier(values: Mapping[str, str]) -> str:
    """Return a row's identifier: as given, or the same for the same row. It holds nothing of what the row says."""
    return values.get(ENTRY) or "row-" + hashlib.sha256(encode_fields(values)).hexdigest()[:12]


def _say(bad: BadRow) -> BadRow:
    found = _SCORE.match(bad.problem)
    if bad.line != 1 or found is None:
        return bad
    return replace(bad, problem=f"{found.group()} is refused: no score or rank of a person is kept, and none was read")
