"""Asks record sources on behalf of officers and of the unit, and lets no source harm a look-up.

The host, not the plugin, enforces everything here: reach through `hub.authority.policy` right before a query is
handed over (C5), and a deadline and a breaker for each source. What is taken of an answer, and what is a hit, is
decided in `hub.consulting`. Accounting for look-ups, and what follows from a hit, belong to `hub.lookups`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

import trio
from msgspec import Struct, structs

from hub.authority.policy import Decision, may_look_up
from hub.backends import PluginContext, RecordSource, SourceInfo
from hub.breaker import Breaker, BreakerState
from hub.clocks import Clock
from hub.consulting import Found, Opened, check_info, consult, erase_in_source, open_source, reach_of
from hub.errors import (
    BusyError,
    DeadlineError,
    HubError,
    PluginParkedError,
    SourceChangedError,
    SourceGoneError,
    TrustError,
    UsageError,
)
from hub.granted import Granted, narrow
from hub.inference import Worker, let_go
from hub.messages import (
    Alert,
    Answer,
    AnswerStatus,
    Hit,
    LookupRequest,
    Query,
    Reach,
    Requester,
    SubjectKind,
)
from hub.plates.budget import CostLimit, cost_limit
from hub.plates.grammar import GrammarBook
from hub.subjects import asks_in_part, check_subject, kind_of
from hub.text import plain

OPEN_SECONDS: Final = 60.0
"""Longest time that a source may take to open; large lists count their keys then."""
PATIENCE: Final = 1.5
"""Seconds that a start waits for sources which no read is compared with."""
CLOSE_SECONDS: Final = 2.0
"""Longest wait for a source to close when the hub stops."""
REOPEN_SECONDS: Final = 10.0
"""Shortest time between two attempts to open a source that did not open."""

Deliver: TypeAlias = Callable[[Answer], Awaitable[None]]


class SourceSpec(Struct, frozen=True, eq=False):
    """A source that the host is to open."""

    plugin: str
    """Name of the plugin that it comes from."""
    source: type[RecordSource] | RecordSource
    """Its class, or an object that is used as it is."""
    context: PluginContext
    """What it is opened with; the host adds the time."""
    deadline: float = 3.0
    """Seconds for each answer."""
    name: str = ""
    """Its name in this unit; "" for the one that it gives itself."""
    reach: Reach | None = None
    """When it may be asked, as the configuration has it; None for what it declares itself."""


class SourceStatus(Struct, frozen=True):
    """A source as it stands, for health, ``doctor`` and the log."""

    name: str
    plugin: str
    reach: Reach
    answers: tuple[SubjectKind, ...]
    exact_only: bool
    usable: bool
    detail: str
    """Why it cannot be asked, or what it says of itself."""
    info: SourceInfo
    limit: CostLimit | None
    """Cost limit of its plates; None where it has none."""
    breaker: BreakerState
    asked: int
    """Queries that were handed over."""
    unavailable: int
    """Answers that did not come."""
    dropped: int
    """Fields outside the closed schema that were dropped."""
    milliseconds: float = 0.0
    """From the newest question to its answer; 0 where it has answered none."""
    parked: bool = False
    """True where it could not be opened because its plugin is parked."""


class Selection(Struct, frozen=True):
    """Which sources a look-up will ask, and which it may not."""

    asked: tuple[str, ...]
    refused: tuple[Answer, ...]


class _Hosted:
    """One source with everything that the host knows of it."""

    def __init__(self, spec: SourceSpec, name: str) -> None:
        self.spec, self.name = spec, name
        self.opened: Opened | None = None
        # Read once: what a plugin declares is fixed when it is loaded. Undeclared or nonsense is restricted.
        self.reach = reach_of(spec.source.reach) if spec.reach is None else spec.reach
        self._answers = tuple(kind for kind in SubjectKind if kind in getattr(spec.source, "answers", ()))
        self._exact_only = spec.source.exact_only is True
        self.worker = Worker(f"source {name}")
        self.eraser = Worker(f"erasing {name}")  # its own: a source that hangs keeps no list longer
        self.breaker = Breaker()
        self.expires: datetime | None = None
        self.ends = math.inf
        """Running time at which the list has expired, whatever the wall clock says by then."""
        self.ended = False
        """True once the end of the list that is open was accounted for."""
        self.problem = "it is being opened"
        self.settled = trio.Event()
        """Set while it is not being opened."""
        self.awaited = True
        """True while it is opened for the first time, or because its list was replaced: a look-up waits for it."""
        self.opened_at = 0.0
        self.asked = self.unavailable = self.dropped = 0
        self.milliseconds = 0.0

    @property
    def info(self) -> SourceInfo:
        return self.opened.info if self.opened else SourceInfo(entries=-1)

    @property
    def answers(self) -> tuple[SubjectKind, ...]:
        less = self.info.answers
        return self._answers if less is None else tuple(kind for kind in self._answers if kind in less)

    @property
    def exact_only(self) -> bool:
        return self._exact_only or self.info.exact_only

    def status(self) -> SourceStatus:
        return SourceStatus(
            name=self.name,
            plugin=self.spec.plugin,
            reach=self.reach,
            answers=self.answers,
            exact_only=self.exact_only,
            usable=not self.problem,
            detail=self.problem or plain(self.info.detail, limit=200),
            info=self.info,
            limit=self.opened.limit if self.opened else None,
            breaker=self.breaker.state(),
            asked=self.asked,
            unavailable=self.unavailable,
            dropped=self.dropped,
            milliseconds=self.milliseconds,
        )


class SourceHost:
    """The opened sources of a unit, in the order of the configuration; made by `open_sources`."""

    def __init__(
        self,
        nursery: trio.Nursery,
        clock: Clock,
        book: GrammarBook,
        per_ten_thousand: float,
        on_opened: Callable[[SourceStatus], Awaitable[None]] | None,
        on_ended: Callable[[SourceStatus], Awaitable[None]] | None,
    ) -> None:
        self._nursery, self._clock, self._book = nursery, clock, book
        self._per_ten_thousand = per_ten_thousand
        self._on_opened = on_opened
        self._on_ended = on_ended
        self._hosted: dict[str, _Hosted] = {}

    # ------------------------------------------------------------------------------------- what there is

    def statistics(self) -> tuple[SourceStatus, ...]:
        """Return each source as it stands, in the order of the configuration."""
        return tuple(hosted.status() for hosted in self._hosted.values())

    def select(
        self,
        kind: SubjectKind,
        requester: Requester,
        reason: str,
        names: Sequence[str] = (),
        alert: Alert | None = None,
        granted: Granted | None = None,
    ) -> Selection:
        """Say which sources a look-up may ask. Asks none.

        Args:
            kind: What the look-up is about.
            requester: The officer of a checked session, or the unit itself.
            reason: The officer's; "" for an automatic look-up.
            names: Sources to ask; empty for every one that is eligible.
            alert: The alert that the look-up follows, where it follows one.
            granted: A grant that was verified for this look-up; opens its own source and no other.

        Returns:
            Names in the order of the configuration. Refused are named sources only: one that was not named and may
            not be asked is left out.

        Raises:
            UsageError: A named source does not exist.
        """
        if unknown := [name for name in names if name not in self._hosted]:
            there = ", ".join(self._hosted) or "none"
            raise UsageError(f"there is no source {plain(unknown[0], limit=40)!r}: the sources are {there}")
        asked, refused = [], []
        for hosted in self._hosted.values():
            if names and hosted.name not in names:
                continue
            why_not = ""
            if kind not in hosted.answers:
                why_not = f"this source does not answer about a {kind.value}"
            elif not (decision := _may_ask(hosted, requester, reason, alert, granted)).allowed:
                why_not = decision.reason
            if not why_not:
                asked.append(hosted.name)
            elif names:
                refused.append(_answer(hosted, "", AnswerStatus.REFUSED, why_not))
        return Selection(tuple(asked), tuple(refused))

    # --------------------------------------------------------------------------------------------- asking

    async def ask(
        self,
        request: LookupRequest,
        *,
        deliver: Deliver,
        alert: Alert | None = None,
        granted: Granted | None = None,
    ) -> tuple[Answer, ...]:
        """Ask all eligible sources at once and hand each answer over as it comes.

        Args:
            request: The look-up. A source that `select` leaves out or refuses never sees it.
            deliver: Called with one answer at a time; it may wait.
            alert: The alert that the look-up follows, where it follows one.
            granted: A grant that was verified for this look-up. What `request` carries opens nothing by itself.

        Returns:
            All answers, in the order of the configuration: refusals, hits, non-hits and "unavailable", exactly one a
            source.

        Raises:
            UsageError: A named source does not exist, or the subject says too little; see `check_subject`.
            Exception: Whatever `deliver` raises, as it is; no further answer is given then.
        """
        check_subject(request.subject)
        kind = kind_of(request.subject)
        selection = self.select(kind, request.requester, request.reason, request.sources, alert, granted)
        query = Query(lookup=request.lookup, subject=request.subject, now=request.at)
        answers: dict[str, Answer] = {}
        one_at_a_time = trio.Lock()
        raised: list[Exception] = []

        async def hand_over(answer: Answer) -> None:
            answers[answer.source] = answer
            async with one_at_a_time:
                await deliver(answer)

        async def ask_one(hosted: _Hosted) -> None:
            restricted = hosted.reach is Reach.RESTRICTED  # and so only ever selected under the grant
            answer = await self._ask_one(hosted, query, granted if restricted else None)
            try:
                await hand_over(answer)
            except Exception as error:  # noqa: BLE001  # raised again below, outside of the nursery and so ungrouped
                raised.append(error)
                nursery.cancel_scope.cancel()

        for refusal in selection.refused:
            await hand_over(structs.replace(refusal, lookup=request.lookup))
        async with trio.open_nursery() as nursery:
            for name in selection.asked:
                nursery.start_soon(ask_one, self._hosted[name])
        if raised:
            raise raised.pop(0)  # what it comes from does not hold it in turn (C3)
        return tuple(answers[name] for name in self._hosted if name in answers)

    async def _ask_one(self, hosted: _Hosted, query: Query, granted: Granted | None) -> Answer:
        """Ask a source; once more, within the same deadline, where it is being opened: no read is lost to that."""
        start = trio.current_time()
        answer = await self._ask_until(hosted, query, granted, start)
        if hosted.awaited and answer.status is AnswerStatus.UNAVAILABLE:
            with trio.move_on_at(start + hosted.spec.deadline):
                await hosted.settled.wait()
                answer = await self._ask_until(hosted, query, granted, start)
        hosted.unavailable += answer.status is AnswerStatus.UNAVAILABLE
        return answer

    async def _ask_until(self, hosted: _Hosted, query: Query, granted: Granted | None, start: float) -> Answer:
        answer = partial(_answer, hosted, query.lookup)
        why_not, opened = self._withheld(hosted, query), hosted.opened
        if why_not or opened is None:
            return answer(AnswerStatus.UNAVAILABLE, why_not)
        hosted.asked += 1
        hosted.breaker = hosted.breaker.started()
        left = start + hosted.spec.deadline - trio.current_time()
        try:
            asked = granted.query(query) if granted else query
            found = await hosted.worker.call(consult, opened, asked, deadline=left)
        except trio.Cancelled:
            hosted.breaker = hosted.breaker.withdrawn()
            raise
        except Exception as error:  # noqa: BLE001  # whatever a plugin raises costs its own answer only
            why_not = self._failed(hosted, error)
            let_go(error)
            return answer(AnswerStatus.UNAVAILABLE, why_not, milliseconds=_since(start))
        hosted.breaker = hosted.breaker.succeeded()
        hosted.dropped += found.dropped
        hosted.milliseconds = _since(start)
        withheld = 0
        if granted:
            narrowed = narrow(found.hits, granted.grant, hosted.name)
            found = structs.replace(found, hits=narrowed.hits)
            withheld = narrowed.fields + narrowed.others
        said = _said(hosted, found, withheld)
        return answer(_status(found), said, hits=found.hits, milliseconds=_since(start), withheld=withheld)

    def _withheld(self, hosted: _Hosted, query: Query) -> str:
        """Say why a source is not asked now, "" where it is."""
        if hosted.problem:
            self._try_again(hosted)
            return f"not available: {hosted.problem}"
        if why_not := self._expired(hosted, query.now):
            return why_not
        if hosted.exact_only and asks_in_part(query.subject):
            return "this source can only look a plate up exactly as written, not in part"
        if not hosted.breaker.lets_through(trio.current_time()):
            return f"it failed {hosted.breaker.failures} times in a row and is left alone for a while"
        return ""

    def _expired(self, hosted: _Hosted, now: datetime) -> str:
        """Say that a list has expired, by either clock; "" where it has not."""
        if hosted.expires is not None and now >= hosted.expires:
            return f"its list expired at {hosted.expires:%Y-%m-%d %H:%M} UTC and may not be used"
        if self._clock.boottime() >= hosted.ends:
            return "its list has expired since it was opened, although the clock was set back, and may not be used"
        return ""

    def _failed(self, hosted: _Hosted, error: Exception) -> str:
        """Draw the consequence of a failed call and say in one line what it was."""
        if isinstance(error, SourceChangedError):
            hosted.breaker = hosted.breaker.withdrawn()
            gone = isinstance(error, SourceGoneError)
            hosted.problem = "its process is started again" if gone else "its list was replaced and is being opened"
            hosted.awaited = True
            self._try_again(hosted, at_once=True)
            return f"not available: {hosted.problem}"
        if isinstance(error, (TrustError, BusyError)):  # says nothing of whether the source works
            hosted.breaker = hosted.breaker.withdrawn()
        else:
            hosted.breaker = hosted.breaker.failed(trio.current_time())
        if isinstance(error, DeadlineError):
            return f"no answer within {hosted.spec.deadline:g} s"
        if isinstance(error, PluginParkedError):
            hosted.problem = "it is parked: too many of its calls never ended"
            if not hosted.worker.parked:  # its own process was ended for what it did: that is accounted for at once
                hosted.problem = plain(str(error), limit=200)
                self._try_again(hosted, at_once=True)
            return f"not available: {hosted.problem}"
        if isinstance(error, HubError):
            return plain(str(error), limit=200)
        return _type_of(error)

    # -------------------------------------------------------------------------------------------- ending

    async def account_ends(self) -> None:
        """Tell `on_ended` once of each open list that has expired; from then on it answered nothing in any case.

        Raises:
            HubError: The end of a list cannot be accounted for; it is told of again at the next call.
        """
        now = self._clock.now()
        for hosted in self._hosted.values():
            if hosted.opened is None or hosted.ended or not (why := self._expired(hosted, now)):
                continue
            if self._on_ended is not None:
                await self._on_ended(structs.replace(hosted.status(), usable=False, detail=why))
            hosted.ended = True

    # -------------------------------------------------------------------------------------------- erasing

    async def erase_due(self, keep: timedelta) -> dict[str, int]:
        """Let each source destroy what is past its date (C11), whether it is open, parked or refused.

        Args:
            keep: How long a closed list may lie there after its expiry.

        Returns:
            How many entries each source destroyed, where it destroyed any. One that could not is asked again the next
            time.
        """
        erased: dict[str, int] = {}
        for hosted in self._hosted.values():
            context = structs.replace(hosted.spec.context, now=self._clock.now())
            with suppress(Exception):
                count = await hosted.eraser.call(
                    erase_in_source, hosted.spec.source, context, keep, deadline=OPEN_SECONDS
                )
                if count:
                    erased[hosted.name] = count
        return erased

    # -------------------------------------------------------------------------------------------- opening

    async def _first_opened(self, patience: float) -> None:
        """Wait for automatic sources, as no read may go past a list that is not there yet, and a little for others."""
        for hosted in self._hosted.values():
            if hosted.reach is Reach.AUTOMATIC:
                await hosted.settled.wait()
        with trio.move_on_after(patience):
            for hosted in self._hosted.values():
                await hosted.settled.wait()

    def _try_again(self, hosted: _Hosted, *, at_once: bool = False) -> None:
        rested = at_once or trio.current_time() >= hosted.opened_at + REOPEN_SECONDS
        if rested and hosted.settled.is_set() and not hosted.worker.parked:
            hosted.settled = trio.Event()
            self._nursery.start_soon(self._open, hosted)

    async def _open(self, hosted: _Hosted) -> None:
        """Open a source; whatever goes wrong is its problem alone."""
        try:
            hosted.problem = await self._opened(hosted)
        except HubError as error:
            hosted.problem = f"its list cannot be accounted for: {plain(str(error), limit=200)}"
        finally:
            hosted.awaited, hosted.opened_at = False, trio.current_time()
            hosted.settled.set()

    async def _opened(self, hosted: _Hosted) -> str:
        """Open a source and account for it; return what is wrong with it, "" where nothing is."""
        context = structs.replace(hosted.spec.context, now=self._clock.now())
        limit_for = partial(cost_limit, book=self._book, per_ten_thousand=self._per_ten_thousand)
        problem, parked = "", False
        try:
            opened = await hosted.worker.call(
                open_source, hosted.opened, hosted.spec.source, context, limit_for, deadline=OPEN_SECONDS
            )
            hosted.expires = check_info(hosted.reach, opened.info, context)
            hosted.ends = self._running_end(hosted.expires)
            hosted.opened, hosted.ended = opened, False
        except Exception as error:  # noqa: BLE001  # one source that does not open stops nothing
            problem = plain(str(error), limit=200) if isinstance(error, HubError) else _type_of(error)
            parked = isinstance(error, PluginParkedError)
        if self._on_opened is not None:
            await self._on_opened(structs.replace(hosted.status(), usable=not problem, detail=problem, parked=parked))
        return problem

    def _running_end(self, expires: datetime | None) -> float:
        """Return the running time at which a list ends: it has no more left than the wall clock says now."""
        if expires is None:
            return math.inf
        return self._clock.boottime() + (expires - self._clock.now()).total_seconds()

    async def _close(self, hosted: _Hosted) -> None:
        if hosted.opened is not None:
            with suppress(Exception):  # a plugin that cannot close is of no more use, and of no more harm
                await hosted.worker.call(hosted.opened.source.close, deadline=CLOSE_SECONDS)


@asynccontextmanager
async def open_sources(
    specs: Sequence[SourceSpec],
    *,
    clock: Clock,
    book: GrammarBook,
    per_ten_thousand: float = 1.0,
    patience: float = PATIENCE,
    on_opened: Callable[[SourceStatus], Awaitable[None]] | None = None,
    on_ended: Callable[[SourceStatus], Awaitable[None]] | None = None,
) -> AsyncIterator[SourceHost]:
    """Open all sources at once, each in a thread of its own, and close them after the block.

    A source that cannot be opened stops nothing: it answers "unavailable" and says why. The block begins once each list
    that reads are compared with is there, or cannot be; others are waited for a little and go on opening.

    Args:
        specs: The sources, in the order of the configuration.
        clock: Wall time, for the expiry of lists.
        book: Grammars from which the cost limit of each list follows.
        per_ten_thousand: Expected false alerts in 10,000 reads of unlisted plates.
        patience: Seconds to wait for sources that are not automatic.
        on_opened: Told of each source that was opened or refused, before it is used; a source for which it raises a
            `HubError` is not used, so a list that cannot be accounted for answers nothing.
        on_ended: Told by `SourceHost.account_ends` of each list that has expired while it was open.
    """
    raised: Exception | None = None
    async with trio.open_nursery() as nursery:
        host = SourceHost(nursery, clock, book, per_ten_thousand, on_opened, on_ended)
        for spec in specs:
            hosted = _Hosted(spec, _name_of(spec, host._hosted))
            host._hosted[hosted.name] = hosted
        try:
            for hosted in host._hosted.values():
                nursery.start_soon(host._open, hosted)
            await host._first_opened(patience)
            yield host
        except Exception as error:  # noqa: BLE001  # raised again below, outside of the nursery and so ungrouped
            raised = error
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_SECONDS):
                async with trio.open_nursery() as closing:
                    for hosted in host._hosted.values():
                        closing.start_soon(host._close, hosted)
            nursery.cancel_scope.cancel()
    if raised is not None:
        raise raised


# ------------------------------------------------------------------------------------------------- small parts


def _name_of(spec: SourceSpec, taken: dict[str, _Hosted]) -> str:
    given = spec.name or str(getattr(spec.source, "name", ""))
    name = plain(given, limit=40).strip() or plain(spec.plugin, limit=40)
    while name in taken:  # two plugins may choose the same name; neither hides the other
        name += "_"
    return name


def _answer(
    hosted: _Hosted,
    lookup: str,
    status: AnswerStatus,
    explanation: str,
    *,
    hits: tuple[Hit, ...] = (),
    milliseconds: float = 0.0,
    withheld: int = 0,
) -> Answer:
    return Answer(
        lookup=lookup,
        source=hosted.name,
        reach=hosted.reach,
        status=status,
        hits=hits,
        milliseconds=milliseconds,
        explanation=explanation,
        list_digest=plain(hosted.info.list_digest, limit=64),
        development=hosted.info.development,
        withheld=withheld,
    )


def _may_ask(
    hosted: _Hosted, requester: Requester, reason: str, alert: Alert | None, granted: Granted | None
) -> Decision:
    if granted is not None and hosted.reach is Reach.RESTRICTED:
        return granted.opens(hosted.name)
    return may_look_up(requester, hosted.reach, reason, alert=alert)


def _status(found: Found) -> AnswerStatus:
    if not found.hits:
        return AnswerStatus.NO_HIT
    return AnswerStatus.AMBIGUOUS if found.hits[0].ambiguous else AnswerStatus.HIT


def _said(hosted: _Hosted, found: Found, withheld: int) -> str:
    said = [found.hits[0].why if found.hits else _none_of(found.compared)]
    if found.hits and found.hits[0].ambiguous:
        equal = sum(hit.cost == found.hits[0].cost for hit in found.hits)
        if equal > 1:
            said.append(f"{equal} entries agree equally well; none is put first.")
    if hosted.exact_only:
        said.append("This source looks a plate up exactly as written only.")
    if found.dropped:
        said.append(f"{found.dropped} fields outside the closed schema were dropped.")
    if withheld:
        said.append(f"{withheld} fields or records were withheld: the grant does not cover them.")
    if hosted.info.development:
        said.append("Unsigned development list.")
    return plain(" ".join(said), limit=600)


def _none_of(compared: int) -> str:
    return f"None of {compared} candidate records agrees." if compared > 1 else "No record agrees."


def _type_of(error: Exception) -> str:
    """Name an error without its text, which may repeat what was asked."""
    return f"it failed with {plain(type(error).__name__, limit=60)}"


def _since(start: float) -> float:
    return (trio.current_time() - start) * 1000.0
