"""Credit records of a person, only under a signed grant, for Patrol Hub.

The example of a restricted source: the host shows it a query only under a grant, it hands back no field that the grant
does not name, and the host takes none. It keeps, computes and shows no score. See `credit_records.importer` for the
columns of a file.
"""

from __future__ import annotations

from credit_records.importer import CreditRecordsImporter
from credit_records.source import CreditRecords
from hub.hookspecs import RegisterImporter, RegisterRecordSource, hookimpl

__all__ = ["CreditRecords", "CreditRecordsImporter", "register_importers", "register_record_sources"]


@hookimpl
def register_record_sources(register: RegisterRecordSource) -> None:
    """Register the source."""
    register(CreditRecords)


@hookimpl
def register_importers(register: RegisterImporter) -> None:
    """Register its importer."""
    register(CreditRecordsImporter)
