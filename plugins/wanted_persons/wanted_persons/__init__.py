"""Closed list of wanted, missing and stolen for Patrol Hub: persons, vehicles and documents.

Registers one automatic record source and its importer. The list itself is a signed, expiring package, or under
``--development`` a CSV file; see `wanted_persons.importer` for its columns.
"""

from __future__ import annotations

from hub.hookspecs import RegisterImporter, RegisterRecordSource, hookimpl
from wanted_persons.importer import WantedPersonsImporter
from wanted_persons.source import WantedPersons

__all__ = ["WantedPersons", "WantedPersonsImporter", "register_importers", "register_record_sources"]


@hookimpl
def register_record_sources(register: RegisterRecordSource) -> None:
    """Register the source."""
    register(WantedPersons)


@hookimpl
def register_importers(register: RegisterImporter) -> None:
    """Register its importer."""
    register(WantedPersonsImporter)
