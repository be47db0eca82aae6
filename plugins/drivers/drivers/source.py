"""The register, asked by an officer with a reason or for an alert adjudicated true, never by a plate read."""

from __future__ import annotations

from typing import ClassVar, Final

from hub.messages import Reach, SubjectKind
from hub.store.registers import Register

FILE: Final = "drivers.sqlite3"
"""Name of the register in the plugin's folder."""


class Drivers(Register):
    """Vehicles with their keepers, insurance and inspection, and driving licences."""

    name: ClassVar[str] = "drivers"
    reach: ClassVar[Reach] = Reach.ON_REQUEST
    answers: ClassVar[frozenset[SubjectKind]] = frozenset(SubjectKind)
    file: ClassVar[str] = FILE
    detail: ClassVar[str] = "keepers, licences, insurance and inspection"
