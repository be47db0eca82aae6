"""What comparing a face with a list means for an officer: the hit that raises an alert, in the words of the charter.

Pure functions, shared by the probe and the watch. Nothing is compared or raised here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.backends import SourceRecord
from hub.calibration import Calibration
from hub.errors import UsageError
from hub.messages import Answer, AnswerStatus, FaceCandidate, Hit, HitKind, RaisedHit, Reach, Record, Requester
from hub.records import apply_schema
from hub.watchlists.budget import FaceStatus, ListThreshold, Ranking, Resembled, describe
from hub.watchlists.faces import Card, FaceEntry

_STATUSES: Final = {FaceStatus.CANDIDATE: AnswerStatus.HIT, FaceStatus.AMBIGUOUS: AnswerStatus.AMBIGUOUS}


def record_of(entry: FaceEntry) -> Record:
    """Return an entry as officers are shown it: the closed schema's fields (C9) and no other."""
    fields = {
        "category": entry.category.value,
        "instruction": entry.instruction,
        "legal_basis": entry.legal_basis,
        "issuing_authority": entry.issuing_authority,
        "reference": entry.reference,
        "expires": entry.expires,
        "name": entry.name,
    }
    return apply_schema(SourceRecord(entry.entry, fields))[0]


def hits_of(
    ranking: Ranking, cards: Sequence[Card], threshold: ListThreshold, calibration: Calibration, *, views: int, per: str
) -> tuple[Hit, ...]:
    """Return what a ranking puts first, with why.

    Args:
        ranking: A candidate, or several that are ambiguous.
        cards: The card of each entry of it, in its order.
        threshold: From which it is one.
        calibration: That the threshold was set from.
        views: Pictures of the face that were pooled.
        per: What the false alerts are expected for, such as ``a probe``.
    """
    ambiguous = ranking.status is FaceStatus.AMBIGUOUS
    names = [each.entry for each in ranking.resembled]
    return tuple(
        Hit(
            kind=HitKind.FACE,
            record=record_of(card.entry),
            cost=0.0,
            limit=0.0,
            aligned=(),
            region_agrees=None,
            ambiguous=ambiguous,
            competing=tuple(name for name in names if name != each.entry),
            why=_why(each, card, threshold, calibration, views=views, per=per, ambiguous=ambiguous),
            similarity=round(each.similarity, 4),
            margin=None if each.margin is None else round(each.margin, 4),
        )
        for each, card in zip(ranking.resembled, cards, strict=True)
    )


def raised(
    hits: tuple[Hit, ...],
    ranking: Ranking,
    face: FaceCandidate,
    *,
    lookup: str,
    source: str,
    digest: str,
    requester: Requester,
    milliseconds: float,
    development: bool = False,
) -> RaisedHit:
    """Return what goes to the alerts.

    Args:
        hits: From `hits_of`.
        ranking: What they come from.
        face: The face.
        lookup: Identifier of the comparison.
        source: The list's name.
        digest: The list's digest.
        requester: The officer of a probe; the unit itself under an order.
        milliseconds: From the frame to the answer.
        development: Whether it comes of a watch with ``--development``.

    Raises:
        UsageError: Nothing was resembled: nothing is raised.
    """
    if ranking.status not in _STATUSES:
        raise UsageError("a face that resembles no entry raises nothing")
    answer = Answer(
        lookup=lookup,
        source=source,
        reach=Reach.ON_REQUEST if requester.officer else Reach.AUTOMATIC,
        status=_STATUSES[ranking.status],
        hits=hits,
        milliseconds=milliseconds,
        explanation=hits[0].why,
        list_digest=digest,
        development=development,
    )
    return RaisedHit(None, answer, requester, face)


def _why(
    found: Resembled,
    card: Card,
    threshold: ListThreshold,
    calibration: Calibration,
    *,
    views: int,
    per: str,
    ambiguous: bool,
) -> str:
    lead = "the only entry" if found.margin is None else f"{abs(found.margin):.3f} {_side(found.margin)}"
    doubt = " Two entries are too near to tell apart: neither is put first." if ambiguous else ""
    seen = "1 picture" if views == 1 else f"{views} pictures"
    return (
        f"The face resembles the reference photo of {card.entry.photo_date.isoformat()}: similarity "
        f"{found.similarity:.3f} over {seen}, a candidate from {threshold.threshold:.3f} on, {lead}.{doubt} "
        f"{describe(threshold, per).capitalize()}. Not measured: {', '.join(calibration.not_measured)}."
    )


def _side(margin: float) -> str:
    return "ahead of the next entry" if margin >= 0 else "behind the first entry"
