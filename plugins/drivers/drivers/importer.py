"""Takes vehicles and licences from a CSV file into the register.

Columns, in any order; the first line names them. A row is about a vehicle, a licence, or a vehicle and its keeper's
licence, so it has ``plate``, ``licence_number`` or both:

* vehicle: ``plate``, ``region``, ``make``, ``model``, ``colour``, ``vehicle_type``, ``keeper_name``,
  ``keeper_address``, ``keeper_since``, ``insurance_status``, ``insurer``, ``insurance_until``,
  ``inspection_status``, ``inspection_until``
* licence: ``licence_number``, ``family_name``, ``given_names``, ``birth_date``, ``licence_status``,
  ``licence_categories``, ``licence_until``
* ``entry``: the entry's identifier; plate or licence number where it is missing

A row takes the place of the one with the same identifier; what the file does not mention stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from drivers.source import FILE
from hub.backends import Importer, ImportReport, PluginContext
from hub.store.registers import keep_table
from hub.tables import ENTRY, read_table

COLUMNS: Final = (
    ENTRY, "plate", "region", "make", "model", "colour", "vehicle_type", "keeper_name", "keeper_address",
    "keeper_since", "insurance_status", "insurer", "insurance_until", "inspection_status", "inspection_until",
    "licence_number", "family_name", "given_names", "birth_date", "licence_status", "licence_categories",
    "licence_until",
)  # fmt: skip
"""Columns of a CSV file."""


class DriversImporter(Importer):
    """Takes records into the register."""

    name: ClassVar[str] = "drivers"

    def import_file(self, context: PluginContext, file: Path) -> ImportReport:
        """Import every good row in one transaction.

        Raises:
            InputError: The file is no such table, or holds no good row.
            StoreError: The register cannot be written; nothing was imported.
        """
        table = read_table(file, COLUMNS, check=_check, key=_identifier)
        count = keep_table(context.state / FILE, file, table, _identifier)
        return ImportReport(imported=count, bad=table.bad)


def _check(values: Mapping[str, str]) -> str:
    if not values.keys() & {"plate", "licence_number"}:
        return "plate and licence_number are missing: a row needs one of them"
    if "licence_number" in values and "family_name" not in values:
        return "a licence needs family_name"
    return ""


def _identifier(values: Mapping[str, str]) -> str:
    """Return an entry's identifier; a plate is one only together with the region that issued it."""
    if ENTRY in values:
        return values[ENTRY]
    if "plate" in values:
        return f"{values.get('region', '')}:{values['plate']}".lstrip(":")
    return f"licence:{values.get('licence_number', '')}"
