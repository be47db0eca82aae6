"""Yearly statistics of a log: how often, by unit, camera and source. Never about whom.

Counts come from the entries' metadata, which stay for ever, and from `CountPayload`, which holds numbers only; so a
year's figures do not change when payloads are destroyed on their date. The exception is `Counts.corrections`, which
only the particulars of a decision tell: it counts those that can still be read. What was begun and never ended is
told by `hub.audit.interrupted`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.audit.interrupted import Pending
from hub.audit.leaf import Metadata
from hub.audit.reading import LoggedEntry, PayloadState, read_entries
from hub.audit.records import CountPayload, DecisionPayload
from hub.messages import Act, AlertState

NOT_DONE: Final = "not_done"
"""Outcome of an entry that says that the act accounted for before it could then not be done."""


class Counts(Struct, frozen=True):
    """How often something happened. An entry stands before its act; `not_done` says how many acts then failed."""

    lookups: int = 0
    """Look-ups that officers began."""
    lookups_refused: int = 0
    lookups_done: int = 0
    """Look-ups that came to their end, if only to say that they were interrupted."""
    lookups_interrupted: int = 0
    """Look-ups cut short by a crash, a power cut or a stop. One that is under way right now counts among them."""
    automatic_asked: int = 0
    """Questions to sources that plate reads started."""
    automatic_hit: int = 0
    automatic_unavailable: int = 0
    automatic_interrupted: int = 0
    """Minutes of a camera whose automatic look-ups began and were never counted; the present minute among them."""
    alerts: int = 0
    adjudicated_true: int = 0
    adjudicated_false: int = 0
    expired: int = 0
    """Alerts that nobody decided on in time."""
    engaged: int = 0
    confirmed_true: int = 0
    confirmed_false: int = 0
    corrections: int = 0
    """Decisions that corrected an earlier one, as far as their particulars still exist."""
    dispatches: int = 0
    lists_loaded: int = 0
    lists_refused: int = 0
    imports: int = 0
    documents_checked: int = 0
    """Documents whose lines were checked; looking their number up counts as a look-up."""
    faces_checked: int = 0
    """Face checks that began: one live picture against one document."""
    faces_refused: int = 0
    """Face checks that policy or metering refused."""
    orders_loaded: int = 0
    orders_refused: int = 0
    orders_ended: int = 0
    grants_used: int = 0
    """Look-ups for which a grant opened a restricted source."""
    grants_refused: int = 0
    files_read: int = 0
    """Calls that read files without any look-up."""
    sign_ins: int = 0
    sign_ins_refused: int = 0
    not_done: int = 0


class Share(Struct, frozen=True):
    """The counts of one unit, camera or source."""

    name: str
    counts: Counts


class Year(Struct, frozen=True):
    """One calendar year, UTC."""

    year: int
    total: Counts
    units: tuple[Share, ...]
    cameras: tuple[Share, ...]
    sources: tuple[Share, ...]
    """An entry about several sources counts once in each, and once in the total."""


class Report(Struct, frozen=True):
    """Statistics of a whole log."""

    entries: int
    first: datetime | None
    last: datetime | None
    years: tuple[Year, ...]
    unread: int
    """Counts of automatic look-ups that are missing above, because the file of keys is not beside the log."""


_ACTS: Final = MappingProxyType(
    {
        Act.LOOKUP: "lookups",
        Act.LOOKUP_REFUSED: "lookups_refused",
        Act.LOOKUP_DONE: "lookups_done",
        Act.ALERT_RAISED: "alerts",
        Act.ALERT_EXPIRED: "expired",
        Act.DISPATCHED: "dispatches",
        Act.LIST_LOADED: "lists_loaded",
        Act.LIST_REFUSED: "lists_refused",
        Act.FILES_READ: "files_read",
        Act.SIGN_IN: "sign_ins",
        Act.SIGN_IN_REFUSED: "sign_ins_refused",
    }
)
_FACES: Final = MappingProxyType({"begun": "faces_checked", "refused": "faces_refused"})
_ORDERS: Final = MappingProxyType({"loaded": "orders_loaded", "refused": "orders_refused", "ended": "orders_ended"})
_GRANTS: Final = MappingProxyType({"used": "grants_used", "refused": "grants_refused"})
_DECISIONS: Final = frozenset(
    {
        AlertState.ADJUDICATED_TRUE,
        AlertState.ADJUDICATED_FALSE,
        AlertState.ENGAGED,
        AlertState.CONFIRMED_TRUE,
        AlertState.CONFIRMED_FALSE,
    }
)


def report_log(path: Path) -> Report:
    """Return the statistics of a log's file.

    Raises:
        StoreError: The file cannot be read.
        AuditError: An entry was changed; `hub.audit.verify` says which.
    """
    return report(read_entries(path))


def report(entries: Iterable[LoggedEntry]) -> Report:
    """Return the statistics of entries."""
    tables: defaultdict[int, _Tables] = defaultdict(_Tables)
    number = unread = 0
    first = last = None
    pending = Pending()
    for number, entry in enumerate(entries, start=1):  # noqa: B007  # counts the entries
        at = entry.metadata.at
        first, last = first or at, at
        tables[at.year].add(entry)
        if interrupted := pending.add(entry):
            tables[at.year].add_interrupted(interrupted)
        unread += entry.metadata.act is Act.AUTOMATIC_COUNTED and entry.state is not PayloadState.OPEN
    for begun in pending.left():
        tables[begun.at.year].add_interrupted(begun)
    years = tuple(tables[year].finish(year) for year in sorted(tables))
    return Report(entries=number, first=first, last=last, years=years, unread=unread)


class _Tables:
    """Counters of one year."""

    def __init__(self) -> None:
        self._total: Counter[str] = Counter()
        self._units: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._cameras: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._sources: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, entry: LoggedEntry) -> None:
        metadata, payload = entry.metadata, entry.payload
        cameras, sources = _names(metadata.camera), _names(metadata.source)
        if isinstance(payload, CountPayload):
            cameras, sources = {payload.camera}, {payload.source}
        self._add(Counter(dict(_count(entry))), metadata.unit, cameras, sources)

    def add_interrupted(self, begun: Metadata) -> None:
        field = "automatic_interrupted" if begun.act is Act.AUTOMATIC_OPENED else "lookups_interrupted"
        self._add(Counter({field: 1}), begun.unit, _names(begun.camera), _names(begun.source))

    def _add(self, counts: Counter[str], unit: str, cameras: set[str], sources: set[str]) -> None:
        self._total += counts
        for table, names in (
            (self._units, {unit}),
            (self._cameras, cameras),
            (self._sources, sources),
        ):
            for name in names:
                table[name] += counts

    def finish(self, year: int) -> Year:
        return Year(
            year=year,
            total=Counts(**self._total),
            units=_shares(self._units),
            cameras=_shares(self._cameras),
            sources=_shares(self._sources),
        )


def _names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",") if name.strip()}


def _shares(table: dict[str, Counter[str]]) -> tuple[Share, ...]:
    return tuple(Share(name=name, counts=Counts(**counts)) for name, counts in sorted(table.items()) if counts)


def _count(entry: LoggedEntry) -> Iterator[tuple[str, int]]:
    """Yield what an entry adds to which field of `Counts`."""
    act, outcome, payload = entry.metadata.act, entry.metadata.outcome, entry.payload
    if outcome == NOT_DONE:
        yield "not_done", 1
    elif isinstance(payload, CountPayload):
        yield "automatic_asked", payload.asked
        yield "automatic_hit", payload.hit
        yield "automatic_unavailable", payload.unavailable
    elif act is Act.ALERT_DECIDED:
        if outcome in _DECISIONS:
            yield outcome, 1
        if isinstance(payload, DecisionPayload) and payload.corrects is not None:
            yield "corrections", 1
    elif act is Act.RECORDS_IMPORTED:
        if outcome == "begun":  # a second entry tells how it went
            yield "imports", 1
    elif act is Act.DOCUMENT_CHECK:
        if outcome == "checked":  # a photograph of one has an entry more, before it is read
            yield "documents_checked", 1
    elif act is Act.FACE_CHECK:
        if outcome in _FACES:
            yield _FACES[outcome], 1
    elif act is Act.ORDER:
        if outcome in _ORDERS:
            yield _ORDERS[outcome], 1
    elif act is Act.GRANT:
        if outcome in _GRANTS:
            yield _GRANTS[outcome], 1
    elif act in _ACTS:
        yield _ACTS[act], 1
