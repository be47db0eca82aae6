"""What may be done with alerts: raise, show, decide, let expire, erase. The hub and the commands call the same class.

Each act asks `hub.authority.policy`, is entered in the log, and only then takes place, inside a transaction that
reads the alert again; so several processes may work on the same files. The actor that feeds it is
`hub.actors.alerts`, the states are `hub.authority.adjudication`'s, the files `hub.store`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import trio
from msgspec import Struct
from msgspec.structs import replace

from hub.audit.records import AlertPayload, DecisionPayload, ErasedPayload
from hub.authority import adjudication, policy
from hub.authority.accounting import NOT_DONE, Log
from hub.authority.adjudication import is_open, is_told, is_true, settle
from hub.authority.policy import unit_requester
from hub.clocks import Clock
from hub.errors import AuditError, HubError, StoreError, UsageError
from hub.messages import (
    Act,
    Alert,
    AlertState,
    Answer,
    AnswerStatus,
    Box,
    Dispatch,
    Entry,
    FaceCandidate,
    Hit,
    Picture,
    RaisedHit,
    Reason,
    Requester,
    Step,
)
from hub.store.alerts import AlertStore, Changes
from hub.store.outbox import OutboxStore
from hub.store.retention import CHARTER, Retention

if TYPE_CHECKING:
    from hub.messages import Pixels

Redactor: TypeAlias = "Callable[[Pixels, Box], Awaitable[tuple[Picture, Picture]]]"
"""Makes the pictures that an alert keeps, crop and scene, from a frame and the subject's box in it (C8)."""

Pictured: TypeAlias = tuple[Picture, Picture, Mapping[str, Picture]]
"""Crop, scene, and reference photos by entry."""

FaceRedactor: TypeAlias = Callable[[FaceCandidate], Awaitable[Pictured]]
"""Makes the pictures that alerts about a face keep."""

FollowUp: TypeAlias = Callable[[Alert, Requester], Awaitable[None]]
"""Called with an alert that has just been adjudicated true and the officer who did, to ask registers about it.

`AlertBook.decide` waits for it: where officers should not, it hands over to a task and returns."""

REDACT_SECONDS: Final = 5.0
"""Longest wait for an alert's pictures; without them it is raised all the same."""
TIED: Final = 8
"""Most alerts that one ambiguous answer raises."""
_UNDECIDED_SECONDS: Final = 1.0


class Swept(Struct, frozen=True):
    """What a round of `AlertBook.sweep` found due."""

    expired: int
    """Alerts that nobody decided in time."""
    erased: int
    """Alerts whose date had come."""
    unaccounted: int
    """Of both, those that the log could not take. They go all the same: no fault of the log keeps a datum longer."""


class _Pictures(Struct, frozen=True):
    crop: Picture | None
    scene: Picture | None
    trouble: str
    """Why there are none, "" where there are or were never to be."""
    references: Mapping[str, Picture] = MappingProxyType({})
    """Reference photos by entry."""


class AlertBook:
    """The unit's alerts.

    Args:
        store: Where they lie.
        outbox: Where dispatches wait.
        log: Takes an entry before each act.
        clock: Wall and running time.
        unit: The unit's name.
        identify: Gives a new identifier, unique and short enough to type.
        redact: Makes an alert's pictures; without it an alert has none.
        redact_face: Makes those of an alert about a face.
        follow_up: Asks registers about an alert adjudicated true (C5).
        retention: How long what is kept (C11).
    """

    def __init__(
        self,
        store: AlertStore,
        outbox: OutboxStore,
        *,
        log: Log,
        clock: Clock,
        unit: str,
        identify: Callable[[], str],
        redact: Redactor | None = None,
        redact_face: FaceRedactor | None = None,
        follow_up: FollowUp | None = None,
        retention: Retention = CHARTER,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._unit = unit
        self._identify = identify
        self._redact = redact
        self._redact_face = redact_face
        self._follow_up = follow_up
        self._retention = retention
        self._ends: dict[str, float] = {}  # running time at which an open alert ends, whatever the wall clock says
        self._shown: dict[tuple[str, str], datetime] = {}  # alert and officer: when it was last put before them

    # ------------------------------------------------------------------------------------------ raising

    async def raise_hit(self, raised: RaisedHit) -> Reason:
        """Raise an alert for each entry that a source put first; several only where they are tied.

        Returns:
            `Reason.ALERT`, or `Reason.SAME_ALERT` where each entry has an open alert on this camera already.

        Raises:
            AuditError: The log cannot take the entry; nothing was raised.
            StoreError: The alert could not be kept, so it was not raised.
        """
        outcome = Reason.SAME_ALERT
        pictures: _Pictures | None = None
        camera = _camera(raised)
        for hit in _first(raised.answer):
            if await self._store.repeat(camera, raised.answer.source, hit.record.entry, self._clock.now()):
                continue
            if pictures is None:
                pictures = await self._pictures(raised)
            if await self._raise(raised, hit, pictures):
                outcome = Reason.ALERT
        return outcome

    async def _raise(self, raised: RaisedHit, hit: Hit, pictures: _Pictures) -> bool:
        now = self._clock.now()
        keep_until = self._retention.true_alert_until(now, _list_date(hit))
        read, answer = raised.read, raised.answer
        alert = Alert(
            alert=self._identify(),
            unit=self._unit,
            camera=_camera(raised),
            raised_by=raised.requester.officer,
            at=now,
            source=answer.source,
            hit=hit,
            readings=read.readings if read else (),
            category=hit.record.get("category"),
            list_digest=answer.list_digest,
            development=answer.development,
            state=AlertState.ALERT,
            steps=(Step(AlertState.ALERT, now, raised.requester.officer, pictures.trouble),),
            decide_by=min(self._retention.decide_by(now), keep_until),
            keep_until=keep_until,
            crop=pictures.crop,
            scene=pictures.scene,
            reference=pictures.references.get(hit.record.entry),
        )
        await self._append(Act.ALERT_RAISED, raised.requester, "raised", alert, now)
        try:
            kept = await self._store.insert(alert)
        except BaseException:
            await self._not_done(Act.ALERT_RAISED, raised.requester, alert, now)
            raise
        if not kept:  # another process raised it between the question and the answer
            await self._not_done(Act.ALERT_RAISED, raised.requester, alert, now)
        return kept

    async def _pictures(self, raised: RaisedHit) -> _Pictures:
        """Make the alert's redacted pictures; where that fails it has none, which is better than no alert."""
        make = self._maker(raised)
        if make is None:
            pictured = raised.face is not None or (raised.read is not None and raised.read.scene is not None)
            return _Pictures(None, None, "no picture: nothing here redacts it" if pictured else "")
        with trio.move_on_after(REDACT_SECONDS):
            try:
                crop, scene, references = await make()
            except HubError as error:
                return _Pictures(None, None, f"no picture: {error}")
            except Exception as error:  # noqa: BLE001  # a model's fault must not lose an alert
                return _Pictures(None, None, f"no picture: redacting it failed ({type(error).__name__})")
            return _Pictures(crop, scene, "", references)
        return _Pictures(None, None, f"no picture: redacting it took over {REDACT_SECONDS:g} s")

    def _maker(self, raised: RaisedHit) -> Callable[[], Awaitable[Pictured]] | None:
        """Return what makes the pictures; None where there is nothing to make them of, or nothing that does."""
        read, face = raised.read, raised.face
        if face is not None and self._redact_face is not None:
            return partial(self._redact_face, face)
        if read is None or read.scene is None or self._redact is None:
            return None
        redact, scene, box = self._redact, read.scene, read.box

        async def of_plate() -> Pictured:
            return *(await redact(scene, box)), {}

        return of_plate

    # ------------------------------------------------------------------------------------------ officers

    async def list(self, requester: Requester, *, everything: bool = False) -> tuple[Alert, ...]:
        """Return alerts without pictures, oldest first: those that wait for a decision, or all that are kept.

        Raises:
            NotAllowedError: The requester may not see alerts; NotSignedInError where nobody is signed in.
            StoreError: They cannot be read.
        """
        policy.may_see_alerts(requester).demand()
        now = self._clock.now()
        alerts = await self._store.list(everything=everything)
        return tuple(shown for alert in alerts if (shown := self._as_of(alert, now)) and (everything or is_open(shown)))

    async def show(self, requester: Requester, alert: str) -> Alert:
        """Return one alert with its pictures, for this officer's eyes: who has seen it may then decide on it (C6).

        Raises:
            UsageError: There is none of that identifier.
            NotAllowedError: The requester may not see alerts; NotSignedInError where nobody is signed in.
            StoreError: It cannot be read.
        """
        shown = await self.current(requester, alert)
        self._shown[alert, requester.officer] = self._clock.now()
        return shown

    async def current(self, requester: Requester, alert: str) -> Alert:
        """Return one alert as it stands now, for the hub's own use on an officer's behalf: nobody has seen it by that.

        Raises:
            UsageError, NotAllowedError, StoreError: As `show`.
        """
        policy.may_see_alerts(requester).demand()
        found = await self._store.get(alert)
        shown = self._as_of(found, self._clock.now())
        if shown is None:
            raise UsageError(f"alert {alert} was kept until {found.keep_until:%Y-%m-%d %H:%M} UTC and is gone")
        return shown

    async def repeats(self, alert: str) -> int:
        """Return how many further hits of the same entry an alert stands for."""
        return await self._store.repeats(alert)

    async def decide(
        self, requester: Requester, alert: str, state: AlertState, reason: str, *, correction: bool = False
    ) -> Alert:
        """Let an officer take a step of an alert, or correct a decision.

        Once an alert is adjudicated true, each step is in the outbox as a dispatch, durably, when this returns.

        Args:
            requester: The officer of a checked session.
            alert: Identifier of the alert.
            state: Where the step leads.
            reason: Why.
            correction: Whether it corrects the decision before it.

        Raises:
            UsageError: There is no such alert.
            NotAllowedError: Policy says no; NotSignedInError where nobody is signed in.
            StateError: The step does not exist or comes too late.
            AuditError: The log cannot take the entry; nothing was decided.
            StoreError: It could not be kept; nothing was decided.
        """
        before = await self._store.get(alert)
        shown = self._shown.get((alert, requester.officer))
        policy.may_adjudicate(requester, before, state, shown=shown is not None).demand()
        now = self._clock.now()
        move = adjudication.correct if correction else adjudication.advance

        def step(current: Alert) -> Alert:
            return move(current, state, requester.officer, reason, now)

        after = step(before)  # refused before anything is written
        newest = after.steps[-1]
        payload = DecisionPayload(alert, state, newest.reason, newest.corrects, shown)
        entry = Entry(Act.ALERT_DECIDED, now, requester, state.value, payload, camera=after.camera, source=after.source)
        await self._log.append(entry)
        try:
            after = await self._store.change(alert, lambda current: settle(step(current)), before_commit=self._prepare)
        except BaseException:
            # The log says what was about to happen; now it also says that it did not.
            with suppress(AuditError), trio.move_on_after(_UNDECIDED_SECONDS, shield=True):
                await self._log.append(replace(entry, outcome=NOT_DONE))
            raise
        self._ends.pop(alert, None)
        with suppress(StoreError):  # decided it is; what could not be finished is, in the next round of `sweep`
            if is_told(after):
                await self._outbox.release(_dispatch(after).dispatch)
            await self._store.overwrite()
        if self._follow_up is None or state is not AlertState.ADJUDICATED_TRUE:
            return after
        with suppress(HubError):  # a register that cannot be asked undoes no decision; why stands in the log
            await self._follow_up(after, requester)
        return await self._store.get(alert)

    async def add_answer(self, alert: str, answer: Answer) -> Alert | None:
        """Keep the answer of a source that was asked because an alert was adjudicated true.

        Returns:
            The alert, or None where it does not stand adjudicated true any more: the answer is then dropped.

        Raises:
            UsageError: There is no such alert.
            StoreError: It could not be kept.
        """

        def add(current: Alert) -> Alert:
            if not is_true(current):
                return current
            others = tuple(each for each in current.answers if each.source != answer.source)
            return replace(current, answers=(*others, answer))

        after = await self._store.change(alert, add)
        return after if answer in after.answers else None

    # ------------------------------------------------------------------------------------------ time

    async def sweep(self) -> Swept:
        """Do what time asks for: expire, erase, overwrite, and finish what a crash left half done.

        Raises:
            StoreError: Something could not be done; it will be tried again.
        """
        now = self._clock.now()
        expired = erased = unaccounted = 0
        due = await self._store.due(now)
        for alert in dict.fromkeys((*due.expired, *await self._overdue())):
            found = await self._store.get(alert)
            if not is_open(found):
                continue
            unaccounted += not await self._try_append(Act.ALERT_EXPIRED, "expired", found, now)
            await self._store.change(alert, lambda current: _expired(current, now) if is_open(current) else current)
            self._ends.pop(alert, None)
            expired += 1
        if due.over:
            payload = ErasedPayload("alert", len(due.over))
            entry = Entry(Act.ERASED, now, unit_requester(self._unit), "erased", payload)
            try:
                await self._log.append(entry)
            except AuditError:
                unaccounted += len(due.over)
            await self._store.delete(due.over)
            self._shown = {key: at for key, at in self._shown.items() if key[0] not in due.over}
            erased = len(due.over)
        await self._settle()
        await self._store.overwrite()
        return Swept(expired, erased, unaccounted)

    async def changes(self, since: int) -> Changes:
        """Return what was raised or changed after a revision, by whatever process, without pictures.

        Raises:
            StoreError: They cannot be read.
        """
        return await self._store.changes(since)

    async def revision(self) -> int:
        """Return the number of the newest change.

        Raises:
            StoreError: It cannot be read.
        """
        return await self._store.revision()

    async def _overdue(self) -> tuple[str, ...]:
        """Return open alerts whose running time is over although the wall clock, set back, does not say so."""
        now, running = self._clock.now(), self._clock.boottime()
        waiting = {alert.alert: alert for alert in await self._store.list()}
        self._ends = {name: ends for name, ends in self._ends.items() if name in waiting}
        for name, alert in waiting.items():
            left = min((alert.decide_by - now).total_seconds(), self._retention.undecided_alert.total_seconds())
            self._ends[name] = min(self._ends.get(name, running + left), running + left)
        return tuple(name for name, ends in self._ends.items() if running >= ends)

    async def _settle(self) -> None:
        """Release or drop what a crash between the two files left in the outbox."""
        if not await self._outbox.has_unreleased():
            return

        def finish(find: Callable[[str], Alert | None]) -> None:
            self._outbox.settle(lambda dispatch: _decided(dispatch, find(dispatch.alert)))

        await self._store.locked(finish)

    # ------------------------------------------------------------------------------------------ helpers

    def _prepare(self, alert: Alert) -> None:
        if is_told(alert):
            self._outbox.prepare(_dispatch(alert))

    def _as_of(self, alert: Alert, now: datetime) -> Alert | None:
        """Return an alert as it stands now, also where no process was there to let it expire; None past its date."""
        if now >= alert.keep_until:
            return None
        if is_open(alert) and now >= alert.decide_by:
            return _expired(alert, now)
        return alert

    async def _append(self, act: Act, requester: Requester, outcome: str, alert: Alert, now: datetime) -> None:
        payload = AlertPayload(
            alert=alert.alert,
            camera=alert.camera,
            source=alert.source,
            entry=alert.hit.record.entry,
            category=alert.category,
            kind=alert.hit.kind,
            list_digest=alert.list_digest,
            development=alert.development,
        )
        entry = Entry(act, now, requester, outcome, payload, camera=alert.camera, source=alert.source)
        await self._log.append(entry)

    async def _try_append(self, act: Act, outcome: str, alert: Alert, now: datetime) -> bool:
        try:
            await self._append(act, unit_requester(self._unit), outcome, alert, now)
        except AuditError:
            return False
        return True

    async def _not_done(self, act: Act, requester: Requester, alert: Alert, now: datetime) -> None:
        with suppress(AuditError), trio.move_on_after(_UNDECIDED_SECONDS, shield=True):
            await self._append(act, requester, NOT_DONE, alert, now)


def _camera(raised: RaisedHit) -> str:
    """Return the camera that saw it, "" where none did."""
    seen = raised.read or raised.face
    return seen.camera if seen else ""


def _first(answer: Answer) -> tuple[Hit, ...]:
    """Return what an answer puts first: its best hit, or all that tie with it."""
    if answer.status is AnswerStatus.HIT:
        return answer.hits[:1]
    if answer.status is AnswerStatus.AMBIGUOUS:
        return tuple(hit for hit in answer.hits if hit.cost <= answer.hits[0].cost)[:TIED]
    return ()


def _list_date(hit: Hit) -> datetime | None:
    """Return the end of the last day on which the entry may be acted on, or None where it names none."""
    try:
        day = datetime.fromisoformat(hit.record.get("expires")).replace(tzinfo=UTC)
    except ValueError:
        return None
    return day + timedelta(days=1)


def _expired(alert: Alert, now: datetime) -> Alert:
    return settle(adjudication.expire(alert, max(now, alert.decide_by)))


def _dispatch(alert: Alert) -> Dispatch:
    """Return the dispatch that tells of an alert's newest step. The same step always has the same identifier."""
    number, step = len(alert.steps) - 1, alert.steps[-1]
    read = alert.readings[0].plate if alert.readings else ""
    return Dispatch(
        dispatch=f"{alert.alert}-{number}",
        alert=alert.alert,
        unit=alert.unit,
        at=step.at,
        officer=step.officer,
        category=alert.category,
        plate=alert.hit.record.get("plate") or read,
        entry=alert.hit.record.entry,
        source=alert.source,
        state=step.state,
        reason=step.reason,
        correction=step.corrects is not None,
    )


def _decided(dispatch: Dispatch, alert: Alert | None) -> bool:
    """Say whether an alert has the very step that a dispatch tells of."""
    if alert is None:
        return False
    return any(
        f"{alert.alert}-{number}" == dispatch.dispatch
        and (step.state, step.at, step.officer) == (dispatch.state, dispatch.at, dispatch.officer)
        for number, step in enumerate(alert.steps)
    )
