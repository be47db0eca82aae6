"""Checks a travel document for an officer: do its lines agree, is its number reported lost or stolen.

Two answers that stay two: nothing here adds them up to a score (a third, the photo, is no business of this module).
The look-up is an ordinary one of `hub.lookups`, accounted for as such; the check has an entry of its own before
anything of it is told. Reading the lines is `hub.mrz`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from hub.audit.records import DocumentCheckPayload
from hub.authority.accounting import Log
from hub.authority.policy import may_check_document
from hub.clocks import Clock
from hub.lookups import Lookups
from hub.messages import Act, Answer, AnswerStatus, DocumentQuery, Entry, Reach, Record, Requester, SubjectKind
from hub.mrz import Zone
from hub.records import Category
from hub.sources import SourceHost
from hub.store.retention import CHARTER, Retention
from hub.text import plain

REPORTED: Final = frozenset({"lost", "stolen", "revoked"})
"""What a record says of a document in its field ``document_status`` where somebody has reported it."""
CATEGORIES: Final = frozenset({Category.LOST_DOCUMENT, Category.STOLEN_DOCUMENT})
"""Why it stands on a list where it is one of documents."""


class Report(StrEnum):
    """What sources of lost and stolen documents say of a number."""

    REPORTED = "reported"
    NOT_REPORTED = "not_reported"
    """Every source that was asked answered, and none has it."""
    UNKNOWN = "unknown"
    """No source has it, and at least one did not answer or has another entry under this number."""
    NOT_ASKED = "not_asked"


class Listed(Struct, frozen=True):
    """The answer about lost and stolen documents."""

    verdict: Report
    reason: str
    """One sentence for the officer."""
    lookup: str = ""
    """Identifier of the look-up, "" where there was none."""
    answers: tuple[Answer, ...] = ()


class DocumentChecks(Struct, frozen=True, eq=False):
    """What document checks of a unit need."""

    lookups: Lookups
    sources: SourceHost
    log: Log
    clock: Clock
    retention: Retention = CHARTER

    async def check(self, zone: Zone, requester: Requester, reason: str, sources: Sequence[str] = ()) -> Listed:
        """Account for a check and look the document's number up.

        Args:
            zone: Its lines.
            requester: The officer of a checked session.
            reason: The officer's.
            sources: Names of the sources to ask; empty for every closed list that answers about documents.

        Returns:
            What the sources say. What the lines themselves say is in the zone, and may be told once this returned.

        Raises:
            NotAllowedError: Policy says no; the refusal stands in the log.
            UsageError: There is no such source.
            AuditError: The log cannot be written: nothing was checked.
        """
        decision = may_check_document(requester, reason)
        await self._account(zone, requester, reason, "" if decision.allowed else decision.reason)
        decision.demand()
        names = tuple(sources) or self._closed_lists()
        if not names:
            return Listed(Report.NOT_ASKED, "No source of lost or stolen documents is there.")
        if not zone.number_agrees:
            # A number that was mistyped is somebody else's.
            why = (
                "The number disagrees with its check digit: correct it, or look it up as it is with `lookup document`."
            )
            return Listed(Report.NOT_ASKED, why)
        request = self.lookups.request(DocumentQuery(zone.number, zone.country), requester, reason, names)
        answers = await self.lookups.on_request(request, _wait_for_all)
        verdict, why = _judge(answers)
        return Listed(verdict, why, request.lookup, answers)

    def _closed_lists(self) -> tuple[str, ...]:
        """Return the lists of lost, stolen and wanted; a register of licences says nothing of what was reported."""
        return tuple(
            status.name
            for status in self.sources.statistics()
            if status.reach is Reach.AUTOMATIC and SubjectKind.DOCUMENT in status.answers
        )

    async def _account(self, zone: Zone, requester: Requester, reason: str, refusal: str) -> None:
        at = self.clock.now()
        payload = DocumentCheckPayload(
            reason=reason,
            document=plain(f"{zone.number} {zone.country}", limit=60),
            agrees=zone.agrees,
            refusal=refusal,
        )
        until = self.retention.payload_until(Act.DOCUMENT_CHECK, at)
        outcome = "refused" if refusal else "checked"
        await self.log.append(Entry(Act.DOCUMENT_CHECK, at, requester, outcome, payload, until))


def _judge(answers: Sequence[Answer]) -> tuple[Report, str]:
    records = [hit.record for answer in answers for hit in answer.hits]
    reported = [_as_reported(record) for record in records if _as_reported(record)]
    if reported:
        return Report.REPORTED, f"Reported: {', '.join(sorted(set(reported)))}."
    silent = [answer.source for answer in answers if answer.status in (AnswerStatus.UNAVAILABLE, AnswerStatus.REFUSED)]
    if silent:
        return Report.UNKNOWN, f"Not found, but {', '.join(silent)} did not answer."
    if records:
        return Report.UNKNOWN, "There are records under this number, and none of them says lost, stolen or revoked."
    return Report.NOT_REPORTED, f"Not found by {', '.join(answer.source for answer in answers)}."


def _as_reported(record: Record) -> str:
    """Return how a document was reported, "" where it was not."""
    status, category = record.get("document_status"), record.get("category")
    if status in REPORTED:
        return status
    return category.replace("_", " ") if category in CATEGORIES else ""


async def _wait_for_all(_: Answer) -> None:
    """Show nothing yet: one verdict comes when all have answered."""
