"""Fakes around alerts, for tests of the hub and of plugins: a log in memory, a scripted target, ready-made records.

They keep the contracts of the real things and are held to no more than those.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from hub.backends import Dispatcher
from hub.errors import AuditError
from hub.messages import (
    Alert,
    AlertState,
    Answer,
    AnswerStatus,
    CharacterRead,
    Dispatch,
    Entry,
    Field,
    Hit,
    HitKind,
    Picture,
    Reach,
    Reading,
    Record,
    RegionFit,
    Requester,
    Step,
)

if TYPE_CHECKING:
    from hub.alerts import AlertBook


START: Final = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When the records made here begin."""


class MemoryLog:
    """A log that keeps its entries in a list, and refuses them where a test says so."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.broken = False

    async def append(self, entry: Entry, /) -> object:
        """Keep an entry.

        Raises:
            AuditError: `broken` is set.
        """
        if self.broken:
            raise AuditError("the log cannot be written")
        self.entries.append(entry)
        return len(self.entries) - 1

    def outcomes(self) -> list[tuple[str, str]]:
        """Return act and outcome of each entry."""
        return [(entry.act.value, entry.outcome) for entry in self.entries]


class ScriptedDispatcher(Dispatcher):
    """A target that fails as often as told and keeps what arrives."""

    name: ClassVar[str] = "scripted"

    def __init__(self, faults: Iterable[Exception] = ()) -> None:
        self._faults = list(faults)
        self.sent: list[str] = []
        """Identifiers in the order in which they came, repetitions included."""
        self.arrived: list[Dispatch] = []
        """Dispatches in the order in which they came, each identifier once."""

    async def send(self, dispatch: Dispatch) -> None:
        """Raise the next fault, or keep the dispatch."""
        if self._faults:
            raise self._faults.pop(0)
        if dispatch.dispatch not in self.sent:
            self.arrived.append(dispatch)
        self.sent.append(dispatch.dispatch)


def requester(officer: str = "4711", role: str = "officer", unit: str = "unit-1") -> Requester:
    """Return an officer's requester."""
    return Requester(officer=officer, role=role, unit=unit)


def reading(plate: str = "AB123CD") -> Reading:
    """Return a reading without doubt."""
    return Reading(
        plate=plate,
        confidence=0.99,
        regions=(RegionFit("XX", 1.0),),
        characters=tuple(CharacterRead(each, 0.99) for each in plate),
    )


def hit(plate: str = "AB123CD", entry: str = "e-1", *, expires: str = "", cost: float = 0.0) -> Hit:
    """Return a hit on a stolen vehicle's entry."""
    fields = [Field("plate", plate), Field("category", "stolen_vehicle")]
    if expires:
        fields.append(Field("expires", expires))
    return Hit(
        kind=HitKind.EXACT,
        record=Record(entry, tuple(fields)),
        cost=cost,
        limit=3.0,
        aligned=(),
        region_agrees=True,
        ambiguous=False,
        competing=(),
        why=f"the plate reads {plate}, as the entry says",
    )


def answer(*hits: Hit, source: str = "wanted", lookup: str = "l-1") -> Answer:
    """Return an automatic source's answer with these hits."""
    return Answer(
        lookup=lookup,
        source=source,
        reach=Reach.AUTOMATIC,
        status=AnswerStatus.HIT if len(hits) == 1 else AnswerStatus.AMBIGUOUS if hits else AnswerStatus.NO_HIT,
        hits=hits,
        milliseconds=1.0,
        explanation="",
        list_digest="",
        development=False,
    )


def alert(
    identifier: str = "a-1", *, plate: str = "AB123CD", at: datetime = START, raised_by: str = "", marker: bytes = b""
) -> Alert:
    """Return an alert that waits for its decision; `marker` stands in for what its pictures show."""
    return Alert(
        alert=identifier,
        unit="unit-1",
        camera="front",
        raised_by=raised_by,
        at=at,
        source="wanted",
        hit=hit(plate),
        readings=(reading(plate),),
        category="stolen_vehicle",
        list_digest="",
        development=False,
        state=AlertState.ALERT,
        steps=(Step(AlertState.ALERT, at, raised_by, ""),),
        decide_by=at + timedelta(minutes=3),
        keep_until=at + timedelta(days=31),
        crop=Picture(b"crop" + marker, 4, 2),
        scene=Picture(b"scene" + marker, 8, 6),
    )


async def decide(
    book: AlertBook, officer: Requester, alert: str, state: AlertState, reason: str, *, correction: bool = False
) -> Alert:
    """Have an officer look at an alert and then take a step of it."""
    await book.show(officer, alert)
    return await book.decide(officer, alert, state, reason, correction=correction)
