"""Register of keepers, licences, insurance and inspection for Patrol Hub.

Registers one source that is asked on request only, and its importer; see `drivers.importer` for the columns.
"""

from __future__ import annotations

from drivers.importer import DriversImporter
from drivers.source import Drivers
from hub.hookspecs import RegisterImporter, RegisterRecordSource, hookimpl

__all__ = ["Drivers", "DriversImporter", "register_importers", "register_record_sources"]


@hookimpl
def register_record_sources(register: RegisterRecordSource) -> None:
    """Register the source."""
    register(Drivers)


@hookimpl
def register_importers(register: RegisterImporter) -> None:
    """Register its importer."""
    register(DriversImporter)
