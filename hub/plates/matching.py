"""Compares what was read with the entries of a hot-list, and says why an entry counts.

The only place that decides whether an entry agrees with a read: a source hands over candidate records and nothing
more. Costs come from `hub.plates.alignment`, the limit from `hub.plates.budget`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from hub.messages import AlignedCharacter, Hit, HitKind, PlateQuery, Record, RegionFit
from hub.plates.alignment import LONGEST, SHORTEST, ReadCosts, align, read_costs
from hub.plates.alphabet import UNKNOWN, normalise
from hub.plates.budget import CostLimit
from hub.plates.confusion import cost, fold
from hub.plates.partial import check_partial, is_partial, lay

SAME_COST: Final = 0.1
"""Costs closer than this are the same: the difference says nothing of which plate it was."""


class _Agreement(Struct, frozen=True):
    """An entry that counts, before it is known which others do."""

    kind: HitKind
    record: Record
    plate: str
    cost: float
    aligned: tuple[AlignedCharacter, ...]
    region_agrees: bool | None


def match_plate(query: PlateQuery, records: Sequence[Record], limit: CostLimit) -> tuple[Hit, ...]:
    """Find the records that agree with a read or a typed plate.

    An exact hit always counts, anything else up to the list's cost limit. Records whose plates or regions differ and
    whose costs do not (within `SAME_COST`) are ambiguous, each of them.

    Args:
        query: Ranked readings and, for a read, its evidence. A partial plate is compared with the best reading alone.
        records: Candidates; field ``plate`` as the list has it, field ``region`` an ISO 3166 code or empty. Records
            without a plate are passed over.
        limit: What still counts on this list.

    Returns:
        Hits, cheapest first, records at the same cost in the order of their identifiers.

    Raises:
        UsageError: A partial plate that says too little.
    """
    plate = normalise(query.readings[0].plate) if query.readings else ""
    if not plate:
        return ()
    if is_partial(plate):
        check_partial(plate)
        found = [_compare_partial(plate, record, limit.limit) for record in records]
    else:
        read = read_costs(query)
        found = [_compare(read, record, limit.limit) for record in records]
    agreements = sorted(
        (
            msgspec.structs.replace(a, region_agrees=_region_agrees(a.record.get("region"), query.readings[0].regions))
            for a in found
            if a
        ),
        key=lambda a: (a.cost, a.record.entry),
    )
    names = tuple(agreement.record.entry for agreement in agreements)
    return tuple(
        _hit(agreement, agreements, names[:place] + names[place + 1 :], limit.limit, seen=query.slots is not None)
        for place, agreement in enumerate(agreements)
    )


def _compare(read: ReadCosts, record: Record, limit: float) -> _Agreement | None:
    plate = normalise(record.get("plate"))
    if not plate or is_partial(plate):
        return None
    if plate == read.plate:
        aligned = tuple(
            AlignedCharacter(read=symbol, entry=symbol, probability=probability, cost=0.0)
            for symbol, probability in read.best()
        )
        return _Agreement(HitKind.EXACT, record, plate, 0.0, aligned, None)
    folded = fold(plate) == fold(read.plate)
    if not folded and not SHORTEST <= min(len(plate), len(read.plate)) <= max(len(plate), len(read.plate)) <= LONGEST:
        return None
    laid = align(read, plate, limit)
    if laid is None:
        return None
    return _Agreement(HitKind.FOLDED if folded else HitKind.FUZZY, record, plate, *laid, None)


def _compare_partial(pattern: str, record: Record, limit: float) -> _Agreement | None:
    plate = normalise(record.get("plate"))
    columns = None if is_partial(plate) else lay(pattern, plate)
    if not columns:
        return None
    aligned = tuple(
        AlignedCharacter(
            read=known,
            entry=symbol,
            probability=float(known == symbol),
            cost=0.0 if known == UNKNOWN else cost(known, symbol),
        )
        for known, symbol in columns
    )
    total = sum(column.cost for column in aligned)
    # What is known and written as listed is exact as far as it goes, and always counts.
    return _Agreement(HitKind.PARTIAL, record, plate, total, aligned, None) if total <= limit or not total else None


def _region_agrees(region: str, regions: tuple[RegionFit, ...]) -> bool | None:
    """Say whether an entry's region is among a read's; a country agrees with its subdivisions."""
    if not region or not regions:
        return None
    region = region.upper()
    return any(
        fit.code == region or (fit.code[:2] == region[:2] and "" in (fit.code[2:], region[2:])) for fit in regions
    )


def _hit(
    agreement: _Agreement, agreements: Sequence[_Agreement], competing: tuple[str, ...], limit: float, *, seen: bool
) -> Hit:
    equal = tuple(other.record.entry for other in agreements if _equal(agreement, other))
    return Hit(
        kind=agreement.kind,
        record=agreement.record,
        cost=agreement.cost,
        limit=limit,
        aligned=agreement.aligned,
        region_agrees=agreement.region_agrees,
        ambiguous=bool(equal),
        competing=competing,
        why=_why(agreement, limit, equal, len(competing), seen=seen),
    )


def _equal(a: _Agreement, b: _Agreement) -> bool:
    """Say whether nothing tells two entries apart; two entries on one plate are both meant and compete with nobody."""
    if abs(a.cost - b.cost) > SAME_COST:
        return False
    return (a.plate, a.record.get("region").upper()) != (b.plate, b.record.get("region").upper())


def _why(agreement: _Agreement, limit: float, equal: Sequence[str], others: int, *, seen: bool) -> str:
    """Put the reasons into one sentence; `seen` where a camera gave probabilities."""
    parts = [_agreement(agreement, limit, seen=seen)]
    if agreement.region_agrees is not None:
        region = agreement.record.get("region").upper()
        parts.append(f"the plate {'has the form' if agreement.region_agrees else 'does not have the form'} of {region}")
    if equal:
        parts.append(
            f"ambiguous: it agrees no better than {', '.join(equal[:3])}{' and more' if len(equal) > 3 else ''}"
        )
    elif others:
        parts.append(f"{others} other {'entry counts' if others == 1 else 'entries count'} as well")
    return "; ".join(parts) + "."


def _agreement(agreement: _Agreement, limit: float, *, seen: bool) -> str:
    columns = agreement.aligned
    differ = [_difference(place, column, seen=seen) for place, column in enumerate(columns, start=1) if column.cost]
    if agreement.kind is HitKind.EXACT:
        return f"All {len(columns)} characters are as listed"
    if agreement.kind is HitKind.PARTIAL:
        known = sum(column.read != UNKNOWN for column in columns)
        start = f"Agrees in the {known} characters that are known, {len(columns) - known} unknown"
        return ", ".join([start, *differ])
    spent = f"(cost {agreement.cost:.1f} of at most {limit:.1f})"
    if agreement.kind is HitKind.FOLDED:
        return f"The same once look-alikes are taken as one: {', '.join(differ)} {spent}"
    return f"{len(columns) - len(differ)} of {len(columns)} characters agree: {', '.join(differ)} {spent}"


def _difference(place: int, column: AlignedCharacter, *, seen: bool) -> str:
    if not column.entry:
        return f"place {place} reads {column.read}, the entry has nothing there"
    if not column.read:
        return f"the entry's {column.entry} in place {place} was not read"
    given = f" ({column.entry} was given {column.probability:.2f})" if seen else ""
    return f"place {place} reads {column.read}, the entry has {column.entry}{given}"
