"""What happens in a source's own thread: opening it, asking it, bounding what it says, and deciding what is a hit.

Everything here blocks, is called by `hub.sources` with a deadline, and trusts a source with nothing: what it answers
is bounded, cut to the closed schema of `hub.records` (C9) and ranked by `hub.plates.matching`, `hub.names` and
`hub.documents` alone. Whether a source is asked at all is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct, structs

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.documents import match_document
from hub.errors import SourceError, TrustError
from hub.messages import Hit, PersonQuery, PlateQuery, Query, Reach, Record, Subject
from hub.names import match_person
from hub.plates.budget import CostLimit
from hub.plates.matching import match_plate
from hub.records import apply_schema

MAX_RECORDS: Final = 10_000
"""Most records that one answer may hold."""
MAX_CHARACTERS: Final = 4 * 2**20
"""Most characters that the values of one answer may hold together."""
MAX_HITS: Final = 50
"""Most hits that one answer hands on."""


class Opened(Struct, frozen=True, eq=False):
    """A source that answers."""

    source: RecordSource
    info: SourceInfo
    limit: CostLimit


class Found(Struct, frozen=True, eq=False):
    """What a source's thread brings back."""

    hits: tuple[Hit, ...]
    compared: int
    dropped: int


def open_source(
    old: Opened | None,
    source: type[RecordSource] | RecordSource,
    context: PluginContext,
    limit_for: Callable[[Sequence[str] | int], CostLimit],
) -> Opened:
    """Open a source, the one before it closed first.

    Args:
        old: What was open before; None at first.
        source: Its class, or an object that is used as it is.
        context: What it is opened with.
        limit_for: Gives the cost limit of a list, from its plates or their number.

    Raises:
        SourceError: It says nothing of itself. Else whatever the source raises.
    """
    if old is not None:
        old.source.close()
    opened = source() if isinstance(source, type) else source
    info = opened.open(context)
    if type(info) is not SourceInfo or not isinstance(info.answers, frozenset | None):
        raise SourceError("it said nothing of itself when it was opened")
    plates = list(opened.plates())
    return Opened(opened, info, limit_for(plates or max(info.entries, 0)))


def erase_in_source(source: type[RecordSource] | RecordSource, context: PluginContext, keep: timedelta) -> int:
    """Have a source destroy what is past its date; it need not be open."""
    return int((source() if isinstance(source, type) else source).erase_due(context, keep))


def consult(opened: Opened, query: Query) -> Found:
    """Ask a source, take no more than the bounds allow, and decide what is a hit."""
    records: list[Record] = []
    characters = dropped = 0
    for raw in opened.source.find(structs.replace(query, within=opened.limit.limit)):
        if type(raw) is not SourceRecord or not isinstance(raw.entry, str):
            raise SourceError("it answered with something that is no record")
        characters += _size(raw, MAX_CHARACTERS)
        if len(records) == MAX_RECORDS or characters > MAX_CHARACTERS:
            raise SourceError(
                f"its answer is too large: over {MAX_RECORDS} records or {MAX_CHARACTERS >> 20} million characters"
            )
        record, lost = apply_schema(raw, granted=bool(query.fields))
        records.append(record)
        dropped += lost
    today = query.now.astimezone(UTC).date().isoformat()
    current = [record for record in records if not record.get("expires") or record.get("expires") >= today]
    return Found(_match(query.subject, current, opened.limit)[:MAX_HITS], len(current), dropped)


def _size(raw: SourceRecord, enough: int) -> int:
    """Return how many characters a record's values hold, counting no further than needed."""
    size = len(raw.entry)
    for value in raw.fields.values():
        size += len(value) if isinstance(value, (str, bytes)) else 8
        if size > enough:
            break
    return size


def _match(subject: Subject, records: Sequence[Record], limit: CostLimit) -> tuple[Hit, ...]:
    if isinstance(subject, PlateQuery):
        return match_plate(subject, records, limit)
    if isinstance(subject, PersonQuery):
        return match_person(subject, records)
    return match_document(subject, records)


def reach_of(declared: object) -> Reach:
    """Return a source's reach; what is not declared, or nonsense, is restricted (C5)."""
    return declared if isinstance(declared, Reach) else Reach.RESTRICTED


def check_info(reach: Reach, info: SourceInfo, context: PluginContext) -> datetime | None:
    """Hold a source to what C1 asks of a closed list, and return when it expires."""
    if reach is Reach.AUTOMATIC and not (info.list_digest and info.expires):
        raise TrustError("it declares itself automatic, but has no closed list with a digest and an expiry")
    if info.development and not context.development:
        raise TrustError("its list is unsigned, which needs --development")
    if not info.expires:
        return None
    try:
        expires = datetime.fromisoformat(info.expires)
    except ValueError:
        raise TrustError("it does not say when its list expires") from None
    expires = expires.astimezone(UTC) if expires.tzinfo else expires.replace(tzinfo=UTC)
    if context.now is not None and context.now >= expires:
        raise TrustError(f"its list expired at {expires:%Y-%m-%d %H:%M} UTC and may not be used")
    return expires
