"""Record sources that need no file: one that answers by a script and remembers what it was asked.

It is held to the same contract as a real source (`hub.testing.contracts_sources`); sources that fail on purpose are in
`hub.testing.faults`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.errors import SourceError, TrustError
from hub.lookups import typed_plate
from hub.messages import Box, PlateRead, Query, Reach, SourceKind, SubjectKind
from hub.plates.alphabet import INDEX, SYMBOLS

__all__ = ["CLOSED_LIST", "EVERYTHING", "ScriptedSource", "context", "plate_read", "typed_plate", "vehicles"]

START: Final = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When tests take place."""
EVERYTHING: Final = frozenset(SubjectKind)
CLOSED_LIST: Final = SourceInfo(entries=0, list_digest="0" * 64, expires="2100-01-01T00:00:00+00:00")
"""What a source says of itself that holds a signed list."""


class ScriptedSource(RecordSource):
    """Hands over the same records whatever it is asked, and leaves it to the host which of them are hits.

    Args:
        name: Its name.
        records: What it holds: entry to fields.
        reach: When it may be asked.
        answers: What it can be asked about.
        exact_only: Whether it says that it looks plates up exactly only.
        info: What it says when opened; by default a closed list where `reach` is automatic, else a register.
    """

    name: ClassVar[str] = "scripted"
    answers: ClassVar[frozenset[SubjectKind]] = EVERYTHING

    def __init__(
        self,
        name: str = "scripted",
        records: Mapping[str, Mapping[str, object]] | None = None,
        *,
        reach: Reach = Reach.ON_REQUEST,
        answers: Iterable[SubjectKind] = EVERYTHING,
        exact_only: bool = False,
        info: SourceInfo | None = None,
    ) -> None:
        # What a class declares once, each of these objects declares for itself.
        vars(self).update(name=name, reach=reach, answers=frozenset(answers), exact_only=exact_only)
        self.records = [SourceRecord(entry, fields) for entry, fields in (records or {}).items()]
        register = SourceInfo(entries=len(self.records))
        self._info = info or (CLOSED_LIST if reach is Reach.AUTOMATIC else register)
        self._open = False
        self.queries: list[Query] = []
        """Every query that it has seen, oldest first."""
        self.opened = 0
        """How often it was opened."""

    def open(self, context: PluginContext) -> SourceInfo:
        """Say what was scripted."""
        if self._info.development and not context.development:
            raise TrustError("the list is unsigned, which needs --development")
        self._open = True
        self.opened += 1
        return self._info

    def find(self, query: Query) -> Iterator[SourceRecord]:
        """Note the query and hand over all records."""
        self.queries.append(query)
        if not self._open:
            raise SourceError(f"{self.name} is not open")
        if self._info.expires and query.now.isoformat() >= self._info.expires:
            raise TrustError("the list has expired")
        yield from self.records

    def plates(self) -> Iterable[str]:
        """Return the plates of all records."""
        return [str(record.fields["plate"]) for record in self.records if "plate" in record.fields]

    def close(self) -> None:
        """Answer no more."""
        self._open = False


def plate_read(plate: str, camera: str = "front") -> PlateRead:
    """Return a read as the plate readers hand it over, sure of every character."""
    slots = np.zeros((len(plate), len(SYMBOLS) + 1), np.float32)
    for place, symbol in enumerate(plate):
        slots[place, INDEX[symbol]] = 1.0
    return PlateRead(
        camera=camera,
        track=1,
        origin="test",
        kind=SourceKind.STILL,
        first_seen=0.0,
        last_seen=0.0,
        at=START,
        frames=1,
        votes=1,
        box=Box(0, 0, 100, 20),
        readings=typed_plate(plate).readings,
        slots=slots,
        crop=None,
        scene=None,
    )


def context(
    state: Path,
    *,
    development: bool = False,
    now: datetime = START,
    trust: Path | None = None,
    authority: Path | None = None,
) -> PluginContext:
    """Return what a plugin is opened with, for tests."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return PluginContext(
        state=state, models=state, settings={}, development=development, now=now, trust=trust, authority=authority
    )


def vehicles(plates: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return one entry a plate, as a list of stolen vehicles has it."""
    return {
        f"E{number}": {
            "plate": plate,
            "category": "stolen_vehicle",
            "legal_basis": "Test order 1",
            "issuing_authority": "Test authority",
            "expires": "2099-12-31",
        }
        for number, plate in enumerate(plates, 1)
    }
