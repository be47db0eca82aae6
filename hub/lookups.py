"""What may be looked up and how it is accounted for. The hub and the commands call the same class.

An officer's look-up is entered in the log before any source is asked and again when it has ended, so one that was
interrupted is visible as such; a refusal is an entry too. An automatic look-up is counted: the log learns that a
camera's minute begins before the first query of that minute, and its numbers when it is over (C7). Where the log
cannot be written, nothing is looked up. Which source may be asked is `hub.authority.policy`'s, how it is asked
`hub.sources`'; the actor around this is `hub.actors.lookups`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Final

import trio
from msgspec import Struct

from hub.audit.records import (
    AnswerCount,
    ErasedPayload,
    LookupDonePayload,
    LookupPayload,
)
from hub.authority.accounting import Log
from hub.authority.policy import may_look_up, unit_requester
from hub.clocks import Clock
from hub.documents import check_state
from hub.errors import AuditError, NotAllowedError, UsageError
from hub.grant_use import GrantUse
from hub.granted import GrantBook, Granted
from hub.messages import (
    Act,
    Alert,
    Answer,
    AnswerStatus,
    CharacterRead,
    DocumentQuery,
    Entry,
    LookupRequest,
    PersonQuery,
    PlateQuery,
    PlateRead,
    Reach,
    Reading,
    Requester,
    Subject,
    SubjectKind,
)
from hub.minutes import Minutes
from hub.plates.alphabet import ANY, UNKNOWN, normalise
from hub.plates.partial import check_partial
from hub.sources import Deliver, SourceHost
from hub.store.retention import CHARTER, Datum, Retention
from hub.subjects import check_subject, kind_of
from hub.text import plain
from hub.wire import GrantShown

LAST_SECONDS: Final = 2.0
"""Longest time for what is still written to the log once a look-up was cancelled or the unit stops."""


class Lookups:
    """The unit's look-ups.

    Args:
        host: The sources.
        log: Takes an entry before each look-up.
        clock: Wall time.
        unit: The unit's name.
        identify: Gives a new identifier, unique.
        retention: How long a list stays after its expiry (C11).
        grants: Verifies grants; without it none opens anything.
    """

    def __init__(
        self,
        host: SourceHost,
        *,
        log: Log,
        clock: Clock,
        unit: str,
        identify: Callable[[], str],
        retention: Retention = CHARTER,
        grants: GrantBook | None = None,
    ) -> None:
        self._host = host
        self._grants = GrantUse(grants or GrantBook(lambda: None), log=log, clock=clock)
        self._log = log
        self._clock = clock
        self._unit = unit
        self._identify = identify
        self._retention = retention
        self._minutes = Minutes(unit_requester(unit), log=log, clock=clock)

    def grants_used(self) -> tuple[GrantShown, ...]:
        """Return the grants that look-ups were made under and that have not expired, the newest last."""
        return self._grants.used()

    # ----------------------------------------------------------------------------------- an officer's look-up

    def request(
        self, subject: Subject, requester: Requester, reason: str, sources: Sequence[str] = (), grant: bytes = b""
    ) -> LookupRequest:
        """Return a request with an identifier and the time of now."""
        return LookupRequest(self._identify(), subject, requester, reason, tuple(sources), self._clock.now(), grant)

    async def on_request(
        self, request: LookupRequest, deliver: Deliver, *, alert: Alert | None = None
    ) -> tuple[Answer, ...]:
        """Look something up for an officer.

        Args:
            request: Who asks what, and why.
            deliver: Called with each answer as it comes, one at a time.
            alert: The alert that the look-up follows, where it follows one.

        Returns:
            All answers, in the order of the configuration.

        Raises:
            NotAllowedError: Policy says no, or the grant does not stand or opens none of what is asked; the refusal
                stands in the log.
            UsageError: Nothing to look for, no such source, or none that answers.
            AuditError: The log cannot be written: no source was asked, or, at the end, the outcome is not in it.
        """
        check_subject(request.subject)
        decision = may_look_up(request.requester, Reach.ON_REQUEST, request.reason, alert=alert)
        if not decision.allowed:
            await self._refused(request, request.sources, decision.reason)
            decision.demand()
        kind = kind_of(request.subject)
        granted = await self._open_grant(request) if request.grant else None
        chosen = self._host.select(kind, request.requester, request.reason, request.sources, alert, granted)
        if chosen.refused:
            why = "; ".join(f"{answer.source}: {answer.explanation}" for answer in chosen.refused)
            await self._refused(request, [answer.source for answer in chosen.refused], why)
        elif not chosen.asked:
            raise UsageError(f"no source answers about a {kind.value}: see `patrol-hub plugins list`")
        if not chosen.asked:
            return await self._host.ask(request, deliver=deliver, alert=alert)
        if granted:
            await self._grants.account(granted, "used")
        reason = request.reason or (f"alert {alert.alert} was adjudicated true" if alert else "")
        payload = LookupPayload(request.lookup, reason, kind, describe(request.subject), chosen.asked)
        await self._append(Act.LOOKUP, request.requester, "asked", payload, chosen.asked)
        given: list[Answer] = []

        async def note(answer: Answer) -> None:
            given.append(answer)
            await deliver(answer)

        try:
            answers = await self._host.ask(request, deliver=note, alert=alert, granted=granted)
        except BaseException:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_SECONDS), suppress(AuditError):
                await self._done(request, given, chosen.asked, "interrupted")
            raise
        withheld = sum(answer.withheld for answer in answers)
        if granted and withheld:
            await self._grants.account(granted, "withheld", withheld=withheld)
        await self._done(request, answers, chosen.asked, "")
        return answers

    async def follow_up(
        self, alert: Alert, requester: Requester, keep: Callable[[str, Answer], Awaitable[object]]
    ) -> None:
        """Ask the registers about the plate of an alert that was adjudicated true.

        Args:
            alert: The alert, adjudicated true.
            requester: The officer who did.
            keep: Called with the alert's identifier and each answer.

        Raises:
            HubError: As `on_request`, and what `keep` raises.
        """
        plate = alert.hit.record.get("plate")
        registers = [
            status.name
            for status in self._host.statistics()
            if status.reach is Reach.ON_REQUEST and SubjectKind.PLATE in status.answers
        ]
        if not plate or not registers:
            return

        async def deliver(answer: Answer) -> None:
            await keep(alert.alert, answer)

        await self.on_request(self.request(typed_plate(plate), requester, "", registers), deliver, alert=alert)

    # ----------------------------------------------------------------------------------- automatic look-ups

    async def automatic(self, read: PlateRead, deliver: Deliver) -> tuple[Answer, ...]:
        """Look a read up on the automatic sources.

        Args:
            read: The read; nothing of it is kept.
            deliver: Called with each answer as it comes, one at a time.

        Returns:
            All answers; empty where there is no automatic source.

        Raises:
            AuditError: The log cannot be written: no source was asked.
        """
        now, requester = self._clock.now(), unit_requester(self._unit)
        sources = self._host.select(SubjectKind.PLATE, requester, "").asked
        if not sources:
            return ()
        minute = await self._minutes.begin(read.camera, sources)
        outcomes = dict.fromkeys(sources, AnswerStatus.UNAVAILABLE)

        async def note(answer: Answer) -> None:
            outcomes[answer.source] = answer.status
            await deliver(answer)

        subject = PlateQuery(read.readings, read.slots)
        request = LookupRequest(self._identify(), subject, requester, "", sources, now)
        try:
            return await self._host.ask(request, deliver=note)
        finally:
            self._minutes.end(minute, outcomes)

    async def count(self, *, stopping: bool = False) -> None:
        """Enter the numbers of every minute that is over in the log; of all minutes where the unit stops.

        Raises:
            AuditError: The log cannot be written; what is not in it yet is entered the next time.
        """
        await self._minutes.write(stopping=stopping)

    async def erase_due(self) -> None:
        """Let sources destroy lists that are past their date (C11), and say so in the log.

        Raises:
            AuditError: The log cannot be written; what was destroyed is destroyed all the same.
        """
        for source, entries in (await self._host.erase_due(self._retention.list_after_expiry)).items():
            payload = ErasedPayload(what=Datum.LIST.value, count=entries)
            await self._append(Act.ERASED, unit_requester(self._unit), "erased", payload, [source])

    # ------------------------------------------------------------------------------------------- the log

    async def _open_grant(self, request: LookupRequest) -> Granted:
        restricted = {
            status.name: status.answers for status in self._host.statistics() if status.reach is Reach.RESTRICTED
        }
        try:
            return await self._grants.open(request, restricted)
        except NotAllowedError as error:
            await self._refused(request, request.sources, plain(str(error), limit=300))
            raise

    async def _refused(self, request: LookupRequest, sources: Sequence[str], why: str) -> None:
        kind = kind_of(request.subject)
        asked = describe(request.subject)
        payload = LookupPayload(request.lookup, request.reason, kind, asked, tuple(sources), refusal=why)
        await self._append(Act.LOOKUP_REFUSED, request.requester, "refused", payload, sources)

    async def _done(
        self, request: LookupRequest, answers: Sequence[Answer], sources: Sequence[str], reason: str
    ) -> None:
        counts = tuple(AnswerCount(answer.source, answer.status, len(answer.hits)) for answer in answers)
        payload = LookupDonePayload(request.lookup, counts, reason)
        await self._append(Act.LOOKUP_DONE, request.requester, _outcome(answers, reason), payload, sources)

    async def _append(
        self, act: Act, requester: Requester, outcome: str, payload: Struct, sources: Sequence[str], *, camera: str = ""
    ) -> None:
        at: datetime = self._clock.now()
        entry = Entry(act, at, requester, outcome, payload, camera=camera, source=",".join(sources))
        await self._log.append(entry)


def typed_plate(text: str) -> PlateQuery:
    """Return the query for a plate that somebody typed, with "?" and "*" for unknown characters."""
    plate = normalise(text)
    characters = tuple(CharacterRead(character, 1.0) for character in plate)
    return PlateQuery(readings=(Reading(plate, 1.0, (), characters),) if plate else (), slots=None)


def subject_of(kind: str, value: str, born: str | None = None, country: str = "") -> Subject:
    """Return what is asked from what somebody typed.

    Args:
        kind: ``plate``, ``person`` or ``document``.
        value: Plate, name (a day of birth may follow it), or number.
        born: Day of birth, ISO 8601.
        country: Issuing state of a document.

    Raises:
        UsageError: It cannot be looked up; the message says how to mend it.
    """
    if not value.strip():
        raise UsageError(f"there is no {kind} to look for")
    if kind == "plate":
        query = typed_plate(value)
        if not query.readings:
            raise UsageError("a plate has letters and digits; write ? for one you do not know and * for several")
        plate = query.readings[0].plate
        if UNKNOWN in plate or ANY in plate:
            check_partial(plate)
        return query
    if kind == "document":
        return DocumentQuery("".join(value.upper().split()).replace("<", ""), check_state(country))
    found = re.search(r"[\s,]+(\d{4}-\d{2}-\d{2})$", value)
    if found and born is None:
        value, born = value[: found.start()], found.group(1)
    try:
        return PersonQuery(value.strip(), date.fromisoformat(born) if born else None)
    except ValueError as error:
        raise UsageError(f"{born!r} is no day of birth: write it as YYYY-MM-DD") from error


def describe(subject: Subject) -> str:
    """Return what was asked, for the log."""
    if isinstance(subject, PlateQuery):
        return plain(subject.readings[0].plate, limit=40)
    if isinstance(subject, PersonQuery):
        born = f", born {subject.birth_date.isoformat()}" if subject.birth_date else ""
        return plain(subject.name, limit=200) + born
    return plain(f"{subject.number} {subject.country}", limit=60)


def _outcome(answers: Sequence[Answer], reason: str) -> str:
    statuses = {answer.status for answer in answers}
    if reason:
        return reason
    for status in (AnswerStatus.HIT, AnswerStatus.AMBIGUOUS, AnswerStatus.NO_HIT, AnswerStatus.UNAVAILABLE):
        if status in statuses:
            return status.value
    return AnswerStatus.REFUSED.value
