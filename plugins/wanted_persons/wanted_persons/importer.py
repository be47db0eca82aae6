"""Loads a list: a signed package anywhere, a CSV file under ``--development`` alone.

Columns of the CSV file, in any order; the first line names them:

* in every row: ``category`` (see `hub.records.Category`), ``legal_basis``, ``issuing_authority``, ``expires`` (a day)
* what the entry is about, at least one: ``plate``, ``family_name``, ``document_number``
* what goes with it: ``region``, ``make``, ``model``, ``colour``, ``vehicle_type``, ``given_names``, ``birth_date``,
  ``document_country``, ``reference``, ``instruction``
* ``entry``: the entry's identifier; made from the row where it is missing

A list replaces the one before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

from hub.backends import BadRow, Importer, ImportReport, PluginContext
from hub.errors import InputError, TrustError
from hub.records import Category
from hub.store.records import encode_fields
from hub.store.sqlite import transaction
from hub.tables import ENTRY, read_table
from hub.watchlists.package import LARGEST_PACKAGE, REQUIRED
from hub.watchlists.trusted import TrustedReader
from wanted_persons.store import StoredList, digest_of, open_store, path_of, replace_list
from wanted_persons.verify import fields_of, looks_like_package, now_of, verified

COLUMNS: Final = (
    ENTRY, "category", "plate", "region", "make", "model", "colour", "vehicle_type", "family_name", "given_names",
    "birth_date", "document_number", "document_country", "legal_basis", "issuing_authority", "reference", "expires",
    "instruction",
)  # fmt: skip
"""Columns of a CSV file."""

_ABOUT: Final = {
    Category.STOLEN_VEHICLE: "plate",
    Category.STOLEN_PLATE: "plate",
    Category.WANTED_VEHICLE: "plate",
    Category.MISSING_PERSON_VEHICLE: "plate",
    Category.WANTED_PERSON: "family_name",
    Category.MISSING_PERSON: "family_name",
    Category.MISSING_CHILD: "family_name",
    Category.VULNERABLE_PERSON: "family_name",
    Category.THREAT_TO_LIFE: "family_name",
    Category.STOLEN_DOCUMENT: "document_number",
    Category.LOST_DOCUMENT: "document_number",
}
"""What an entry of each category cannot do without."""


class WantedPersonsImporter(Importer):
    """Loads the list of `wanted_persons`."""

    name: ClassVar[str] = "wanted_persons"

    def import_file(self, context: PluginContext, file: Path) -> ImportReport:
        """Load a list in place of the one before it.

        Raises:
            InputError: The file cannot be read, or holds no good row.
            TrustError: It is a package that does not verify, or a CSV file without ``--development``.
            StoreError: The store cannot be written; the list before is as it was.
        """
        try:
            with file.open("rb") as opened:
                package = opened.read(LARGEST_PACKAGE + 1)
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        if looks_like_package(package):
            return _import_package(context, package)
        if not context.development:
            raise TrustError(
                f"{file.name} is an unsigned list: sign it with `patrol-hub watchlist build` and `sign`, or use "
                "--development"
            )
        return _import_table(context, file)


def _import_package(context: PluginContext, package: bytes) -> ImportReport:
    connection = open_store(context)
    try:
        signed = verified(connection, context, package, TrustedReader(context.authority).current())
        stored = StoredList(
            digest=signed.digest,
            issuer=signed.list.issuer,
            name=signed.list.name,
            version=signed.list.version,
            created=signed.list.created.astimezone(UTC),
            expires=signed.list.expires.astimezone(UTC),
            development=False,
        )
        records = ((entry.entry, fields_of(entry)) for entry in signed.list.entries)
        with transaction(connection, path_of(context)):
            count = replace_list(connection, stored, package, records)
    finally:
        connection.close()
    bad = tuple(
        BadRow(refused.number, f"{refused.entry}: {refused.problem}" if refused.entry else refused.problem)
        for refused in signed.refused
    )
    return ImportReport(imported=count, bad=bad, list_digest=stored.digest)


def _import_table(context: PluginContext, file: Path) -> ImportReport:
    now = now_of(context)

    def check(values: Mapping[str, str]) -> str:
        about = _ABOUT[Category(values["category"])]
        if about not in values:
            return f"{values['category']} needs {about}"
        return "it has expired already" if values["expires"] < now.date().isoformat() else ""

    table = read_table(file, COLUMNS, required=REQUIRED, check=check, key=_identifier)
    if not table.rows:
        first = f": line {table.bad[0].line}, {table.bad[0].problem}" if table.bad else ""
        raise InputError(f"{file.name} holds no entry that could be imported{first}")
    records = [
        (_identifier(row.values), {name: text for name, text in row.values.items() if name != ENTRY})
        for row in table.rows
    ]
    last = max(date.fromisoformat(fields["expires"]) for _, fields in records)
    stored = StoredList(
        digest=digest_of([(entry, encode_fields(fields)) for entry, fields in records]),
        issuer="nobody",
        name=f"unsigned development list {file.name}",
        version=0,
        created=now,
        expires=datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1),
        development=True,
    )
    connection = open_store(context)
    try:
        with transaction(connection, path_of(context)):
            count = replace_list(connection, stored, b"", records)
    finally:
        connection.close()
    return ImportReport(imported=count, bad=table.bad, list_digest=stored.digest)


def _identifier(values: Mapping[str, str]) -> str:
    """Return an entry's identifier: as given, or the same for the same row."""
    return values.get(ENTRY) or "row-" + hashlib.sha256(encode_fields(values)).hexdigest()[:12]
