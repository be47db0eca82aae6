"""Checks a travel document for an officer: do its lines agree, is its number reported lost or stolen.

Two answers that stay two: nothing here adds them up to a score (a third, the photo, is no business of this module).
The look-up is an ordinary one of `hub.lookups`, accounted for as such; the check has an entry of its own before
anything of it is told, and a photograph one more before it is read. What lines mean is `hub.mrz`'s, what is beyond
doubt in a photograph `hub.mrz_photo`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import DocumentCheckPayload
from hub.authority.accounting import Log
from hub.authority.policy import may_check_document
from hub.clocks import Clock
from hub.errors import AuditError, HubError, ModelError
from hub.inference import Worker, let_go
from hub.lookups import Lookups
from hub.messages import Act, Answer, AnswerStatus, DocumentQuery, Entry, Reach, Record, Requester, SubjectKind
from hub.mrz import Zone
from hub.records import Category
from hub.sources import SourceHost
from hub.text import locate, plain

REPORTED: Final = frozenset({"lost", "stolen", "revoked"})
"""What a record says of a document in its field ``document_status`` where somebody has reported it."""
CATEGORIES: Final = frozenset({Category.LOST_DOCUMENT, Category.STOLEN_DOCUMENT})
"""Why it stands on a list where it is one of documents."""
READ_SECONDS: Final = 40.0
"""Longest time until a photograph's lines are read: model and picture loaded, four orientations on a slow machine."""
LAST_SECONDS: Final = 2.0
"""Longest time for what is still written to the log once a reading was cancelled."""


class Report(StrEnum):
    """What sources of lost and stolen documents say of a number."""

    REPORTED = "reported"
    NOT_REPORTED = "not_reported"
    """Every source that was asked answered, and none has it."""
    UNKNOWN = "unknown"
    """No source has it, and at least one did not answer or has another entry, or another state's, under this number."""
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
        await self._demand(requester, reason, zone)
        await self._account("checked", requester, reason, zone)
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

    async def photographed(self, read: Callable[[], str], requester: Requester, reason: str) -> str:
        """Account for the reading of a photograph, then have it read.

        Args:
            read: Reads it and returns its lines. Blocking: it runs in a thread with a deadline.
            requester: The officer of a checked session.
            reason: The officer's.

        Returns:
            What `read` returned; `check` is what says anything about it.

        Raises:
            NotAllowedError: Policy says no; the refusal stands in the log.
            AuditError: The log cannot be written: nothing was read, or nothing is told of what was.
            NotReadableError: The lines are not readable beyond doubt.
            HubError: The picture or the reader is of no use, or did not answer in time.
        """
        await self._demand(requester, reason)
        await self._account("begun", requester, reason)
        try:
            return await Worker("lines of a photograph").call(read, deadline=READ_SECONDS)
        except BaseException as error:
            where = locate(error)
            let_go(error)  # with the photograph, although it is raised on (C3)
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(AuditError):
                await self._account("not_read", requester, reason)
            if isinstance(error, HubError) or not isinstance(error, Exception):
                raise
            raise ModelError(f"the reader failed: {where}") from None  # its text may hold what it saw

    def _closed_lists(self) -> tuple[str, ...]:
        """Return the lists of lost, stolen and wanted; a register of licences says nothing of what was reported."""
        return tuple(
            status.name
            for status in self.sources.statistics()
            if status.reach is Reach.AUTOMATIC and SubjectKind.DOCUMENT in status.answers
        )

    async def _demand(self, requester: Requester, reason: str, zone: Zone | None = None) -> None:
        decision = may_check_document(requester, reason)
        if not decision.allowed:
            await self._account("refused", requester, reason, zone, decision.reason)
        decision.demand()

    async def _account(
        self, outcome: str, requester: Requester, reason: str, zone: Zone | None = None, refusal: str = ""
    ) -> None:
        at = self.clock.now()
        payload = DocumentCheckPayload(
            reason=reason,
            document=plain(f"{zone.number} {zone.country}", limit=60) if zone else "",
            agrees=zone is not None and zone.agrees,
            refusal=refusal,
        )
        await self.log.append(Entry(Act.DOCUMENT_CHECK, at, requester, outcome, payload))


def _judge(answers: Sequence[Answer]) -> tuple[Report, str]:
    hits = [hit for answer in answers for hit in answer.hits]
    records = [hit.record for hit in hits if not hit.cost]  # with a difference it may be another document
    reported = [_as_reported(record) for record in records if _as_reported(record)]
    if reported:
        return Report.REPORTED, f"Reported: {', '.join(sorted(set(reported)))}."
    silent = [answer.source for answer in answers if answer.status in (AnswerStatus.UNAVAILABLE, AnswerStatus.REFUSED)]
    doubts = [f"Not found, but {', '.join(silent)} did not answer."] if silent else []
    if records:
        doubts.append("There are records under this number, and none of them says lost, stolen or revoked.")
    if other := [hit.why for hit in hits if hit.cost]:
        doubts.append(f"{other[0]} Look at the state on the document: no check digit covers it.")
    if doubts:
        return Report.UNKNOWN, " ".join(doubts)
    return Report.NOT_REPORTED, f"Not found by {', '.join(answer.source for answer in answers)}."


def _as_reported(record: Record) -> str:
    """Return how a document was reported, "" where it was not."""
    status, category = record.get("document_status"), record.get("category")
    if status in REPORTED:
        return status
    return category.replace("_", " ") if category in CATEGORIES else ""


async def _wait_for_all(_: Answer) -> None:
    """Show nothing yet: one verdict comes when all have answered."""
