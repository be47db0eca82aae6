"""What `patrol-hub run` tells the outside, one frozen record an event, each with ``kind``, ``at`` and ``unit``.

No read is among them before it is an alert (rule C3): until then there are counts and reason codes only. The encoding
is JSON, one object a line; who receives the lines is not decided here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct

from hub.messages import (
    ActorHealth,
    Alert,
    AlertState,
    CameraHealth,
    CharacterRead,
    HitKind,
    ListenMode,
    ReasonCount,
)


class _Event(Struct, frozen=True, kw_only=True, tag_field="kind"):
    at: datetime
    """Wall time, UTC."""
    unit: str
    """Name of the unit."""


class SourceState(Struct, frozen=True):
    """A record source as it was opened."""

    source: str
    reach: str
    entries: int
    """Number of entries; -1 where unknown."""
    list_digest: str
    expires: str
    development: bool
    """True where the list is unsigned; shown on every screen."""
    cost_limit: float
    """Highest cost of a candidate in nats; 0 where only exact plates count."""
    detail: str
    false_alert_budget: float = 0.0
    """False alerts allowed in 10,000 reads of unlisted plates; 0 where no plate of the source is compared."""
    expected_false_alerts: float = 0.0
    """Expected at the limit in as many reads."""


class UnitStarted(_Event, frozen=True, tag="unit_started"):
    """The hub runs."""

    cameras: tuple[str, ...]
    sources: tuple[SourceState, ...]
    parked: tuple[str, ...]
    """Plugins that could not be used, each with its reason."""
    development: bool
    detail: str = ""
    """What was found at the start, such as look-ups that had been interrupted; "" where nothing was."""


class ActorChanged(_Event, frozen=True, tag="actor"):
    """An actor changed its state."""

    health: ActorHealth


class CameraChanged(_Event, frozen=True, tag="camera"):
    """A camera was opened, stalled, reopened or ended."""

    health: CameraHealth


class AlertEvent(_Event, frozen=True, tag="alert"):
    """An alert was raised or changed its state. Pictures stay in the store."""

    alert: str
    state: AlertState
    camera: str
    category: str
    source: str
    entry: str
    plate: str
    """The best reading; what the entry says is in `entry_plate`."""
    entry_plate: str
    confidence: float
    characters: tuple[CharacterRead, ...]
    candidate: HitKind
    cost: float
    limit: float
    ambiguous: bool
    why: str
    decide_by: datetime
    development: bool


class ListeningChanged(_Event, frozen=True, tag="listening"):
    """The microphone was opened or closed. What was said is in no event."""

    mode: ListenMode
    officer: str
    """Number of the officer who opened it; "" where it is off."""
    detail: str = ""
    """Why it was closed, such as an unplugged microphone; "" where somebody closed it."""


class Counts(_Event, frozen=True, tag="counts"):
    """Why nothing? Counts by camera, stage and reason since the hub started."""

    counts: tuple[ReasonCount, ...]


class UnitStopped(_Event, frozen=True, tag="unit_stopped"):
    """The hub stopped; the last event."""

    counts: tuple[ReasonCount, ...]
    balanced: bool
    """True where every frame and read has exactly one reason."""
    overran: tuple[str, ...]
    """Actors that did not stop within their time."""
    cause: str
    """``end of sources``, ``signal`` or what failed."""


Event: TypeAlias = UnitStarted | ActorChanged | CameraChanged | AlertEvent | ListeningChanged | Counts | UnitStopped

_ENCODER = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON with its newline."""
    return _ENCODER.encode(event) + b"\n"


def alert_event(alert: Alert, *, at: datetime, unit: str) -> AlertEvent:
    """Return the event that tells of an alert's present state."""
    best = alert.readings[0] if alert.readings else None
    return AlertEvent(
        at=at,
        unit=unit,
        alert=alert.alert,
        state=alert.state,
        camera=alert.camera,
        category=alert.category,
        source=alert.source,
        entry=alert.hit.record.entry,
        plate=best.plate if best else "",
        entry_plate=alert.hit.record.get("plate"),
        confidence=best.confidence if best else 0.0,
        characters=best.characters if best else (),
        candidate=alert.hit.kind,
        cost=alert.hit.cost,
        limit=alert.hit.limit,
        ambiguous=alert.hit.ambiguous,
        why=alert.hit.why,
        decide_by=alert.decide_by,
        development=alert.development,
    )
