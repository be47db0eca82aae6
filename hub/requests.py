"""What a dashboard may ask of the hub: each request is checked and accounted for as the commands' acts are.

Who is signed in on which connection is `hub.attach`'s; what an officer may do is decided in `hub.authority.policy`,
behind the same functions that the commands call.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import trio
from msgspec import Struct, structs

from hub.alerts import AlertBook
from hub.answers import Answers
from hub.audit.log import AuditLog
from hub.audit.reading import LoggedEntry, read_entries
from hub.audit.verify import verify_log
from hub.audit.witness import export_checkpoint
from hub.authority.policy import may_read_log, may_see_alerts, may_see_authority
from hub.clocks import Clock
from hub.lookups import Lookups, subject_of
from hub.messages import Answer, Field, Requester
from hub.probes import ProbeAnswer
from hub.standing import Standing
from hub.text import plain
from hub.wire import (
    AlertShown,
    AnswerCame,
    CheckpointTaken,
    DecideAlert,
    Done,
    LogLine,
    LogShown,
    LogVerified,
    LookUp,
    Message,
    Probed,
    ProbeEntry,
    ProbeFace,
    Request,
    SayPhrase,
    ShowAlert,
    ShowAnswering,
    ShowAuthority,
    ShowLog,
    StopHub,
    TakeCheckpoint,
    Translate,
    VerifyLog,
)

NEWEST: Final = 10_000
"""Entries of the log among which an officer's own are looked for."""

T = TypeVar("T")
Tell: TypeAlias = Callable[[Message], Awaitable[None]]
Probe: TypeAlias = Callable[[str, str, Requester, str], Awaitable[ProbeAnswer]]


class Requests:
    """Carries out the requests of signed-in officers.

    Args:
        alerts: The unit's alerts.
        lookups: The unit's look-ups.
        log: The unit's log.
        log_path: The log's file.
        origin: The log's identity.
        clock: Wall time.
        answers: Answers people in other languages.
        stop: Stops the hub; called with who asked for it.
        probe: Compares the face in front of a camera; called with camera, list, who asked for it and why.
        standing: Tells on what authority the unit works.
    """

    def __init__(
        self,
        *,
        alerts: AlertBook,
        lookups: Lookups,
        log: AuditLog,
        log_path: Path,
        origin: str,
        clock: Clock,
        answers: Answers,
        stop: Callable[[Requester], None],
        probe: Probe,
        standing: Standing,
    ) -> None:
        self._alerts = alerts
        self._lookups = lookups
        self._log = log
        self._path = log_path
        self._origin = origin
        self._clock = clock
        self._answers = answers
        self._stop = stop
        self._probe = probe
        self._standing = standing
        self._reading = trio.CapacityLimiter(1)  # reading or verifying a long log keeps a processor busy

    async def answer(self, request: Request, requester: Requester, tell: Tell) -> Message:
        """Carry a request out.

        Args:
            request: What is asked; not about the session or pictures, which are the connection's.
            requester: The officer of a session that was just checked.
            tell: Takes what comes before the end of a request.

        Returns:
            The message that ends the request.

        Raises:
            HubError: It was refused or could not be done; the message says why.
        """
        number = request.request
        match request:
            case ShowAlert():
                alert = await self._alerts.show(requester, request.alert)
                return AlertShown(request=number, alert=alert, repeats=await self._alerts.repeats(request.alert))
            case DecideAlert():
                alert = await self._alerts.decide(
                    requester, request.alert, request.state, request.reason, correction=request.correction
                )
                return AlertShown(request=number, alert=alert, repeats=await self._alerts.repeats(request.alert))
            case LookUp():
                return await self._look_up(request, requester, tell)
            case ShowAuthority():
                may_see_authority(requester).demand()
                return await self._standing.show(number)
            case ShowLog():
                may_read_log(requester).demand()
                lines = await self._in_thread(partial(_lines, self._path, request.last, request.own, requester.officer))
                return LogShown(request=number, lines=lines)
            case VerifyLog():
                may_see_alerts(requester).demand()
                found = await self._in_thread(
                    partial(verify_log, self._path, request.checkpoint or None, origin=self._origin)
                )
                return LogVerified(
                    request=number,
                    ok=found.ok,
                    entries=found.entries,
                    first_bad=found.first_bad,
                    witnessed=found.witnessed,
                    reason=found.reason,
                )
            case TakeCheckpoint():
                text = await export_checkpoint(self._log, requester, self._clock.now())
                return CheckpointTaken(request=number, text=text)
            case ShowAnswering() | Translate() | SayPhrase():
                return await self._answers.answer(request)
            case ProbeFace():
                return probed(number, await self._probe(request.camera, request.list_digest, requester, request.reason))
            case StopHub():
                self._stop(requester)
                return Done(request=number, text="the hub stops")
            case _:
                raise AssertionError(f"{type(request).__name__} is carried out by the connection")

    async def _look_up(self, request: LookUp, requester: Requester, tell: Tell) -> Message:
        subject = subject_of(request.subject_kind.value, request.value, request.born or None, request.country)
        asked = self._lookups.request(subject, requester, request.reason, request.sources, request.grant)

        async def deliver(answer: Answer) -> None:
            await tell(AnswerCame(request=request.request, answer=answer))

        answers = await self._lookups.on_request(asked, deliver)
        statuses = Counter(answer.status.value.replace("_", " ") for answer in answers)
        text = ", ".join(f"{status}: {count}" for status, count in statuses.items())
        return Done(request=request.request, text=text or "no source was asked")

    async def _in_thread(self, fn: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(fn, limiter=self._reading, abandon_on_cancel=True)


def probed(request: int, answer: ProbeAnswer) -> Probed:
    """Return what came of a probe as dashboards are told of it."""
    entries = (
        ProbeEntry(each.entry, each.similarity, each.margin, each.category, each.name, each.instruction)
        for each in answer.candidates
    )
    return Probed(request=request, status=answer.status.value, candidates=tuple(entries), reason=answer.reason)


def _lines(path: Path, last: int, own: bool, officer: str) -> tuple[LogLine, ...]:
    """Return the newest entries of the log, oldest first."""
    entries = read_entries(path, start=-NEWEST if own else -last)
    kept = deque((each for each in entries if not own or each.metadata.officer == officer), maxlen=last)
    return tuple(_line(entry) for entry in kept)


def _line(entry: LoggedEntry) -> LogLine:
    data = entry.metadata
    return LogLine(
        index=data.index,
        at=data.at,
        act=data.act.value,
        officer=data.officer,
        role=data.role,
        outcome=data.outcome,
        camera=data.camera,
        source=data.source,
        particulars=_particulars(entry.payload),
        payload=entry.state.value,
    )


def _particulars(payload: Struct | None) -> tuple[Field, ...]:
    if payload is None:
        return ()
    return tuple(Field(name, plain(str(value))) for name, value in structs.asdict(payload).items() if value)
