"""What the dashboard shows, as one frozen value, and the only function that changes it.

Pure: no Textual, no I/O, no clock. `reduce` takes the hub's messages and the few things that happen on this side of
the socket; times come with them. What belongs to an officer (alerts, answers, lines of the log) is here only while
one is signed in: it goes with the session, also where the hub cannot be asked about it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hub.events import (
    ActorChanged,
    AlertEvent,
    CameraChanged,
    Counts,
    Event,
    ListeningChanged,
    UnitStarted,
    UnitStopped,
)
from hub.messages import (
    ActorHealth,
    Alert,
    AlertState,
    Answer,
    CameraHealth,
    ListenMode,
    ReasonCount,
    Requester,
    SubjectKind,
    WatchHealth,
    is_missing,
)
from hub.tui import speech
from hub.tui.order_words import words_for
from hub.tui.speech import Expected, Marked, Opened, Picked, SpeechChoice, SpeechPage, Spoke
from hub.wire import (
    AlertShown,
    AnswerCame,
    AnsweringShown,
    AuthorityShown,
    CameraPicture,
    CheckpointTaken,
    DecideAlert,
    Done,
    Heard,
    HearingNow,
    Lagged,
    LogLine,
    LogShown,
    LogVerified,
    LookUp,
    Probed,
    ProbeFace,
    Pulse,
    QueueHealth,
    Refused,
    Rejected,
    Request,
    SignIn,
    Snapshot,
    SourceHealth,
    Stopping,
    TakeCheckpoint,
    Told,
    Translated,
    VerifyLog,
    Watch,
    Welcome,
)
from hub.wire import Message as HubMessage

ALERTS_KEPT: Final = 200
"""Alerts in the queue; the oldest decided ones go first."""
REMARKS_KEPT: Final = 20
HISTORY_KEPT: Final = 60
"""Pulses of which latencies are drawn: half a minute."""

_Ending: TypeAlias = (
    Done
    | Refused
    | AlertShown
    | AuthorityShown
    | Probed
    | LogShown
    | LogVerified
    | CheckpointTaken
    | AnsweringShown
    | Translated
)
"""What ends a request."""

# --------------------------------------------------------------------------------------- what happens on this side


class Lost(Struct, frozen=True):
    """The hub cannot be reached."""

    at: datetime
    reason: str


class Asked(Struct, frozen=True):
    """A request was sent."""

    request: Request


class Chose(Struct, frozen=True):
    """The officer put the mark on an alert."""

    alert: str


class Watched(Struct, frozen=True):
    """The officer looks at a camera's pictures, or at none any more."""

    camera: str
    """Name of the camera; "" for none."""


class Muted(Struct, frozen=True):
    """The officer switched the bell."""

    muted: bool


class Remarked(Struct, frozen=True):
    """The dashboard has something to say."""

    at: datetime
    text: str
    trouble: bool = False


class Tick(Struct, frozen=True):
    """Time went on."""

    at: datetime


Message: TypeAlias = HubMessage | Lost | Asked | Chose | Watched | Muted | Remarked | Tick | SpeechChoice


# ----------------------------------------------------------------------------------------------------- the state


class Link(StrEnum):
    """How the dashboard stands to the hub."""

    CONNECTING = "connecting"
    UP = "hub up"
    LOST = "hub lost"


class Remark(Struct, frozen=True):
    """A line about what was done or refused."""

    at: datetime
    text: str
    trouble: bool


class LookUpPage(Struct, frozen=True):
    """A look-up and its answers as they come."""

    request: int
    title: str
    answers: tuple[Answer, ...] = ()
    ended: bool = False
    refused: str = ""
    kind: SubjectKind | None = None
    """What was asked about."""
    granted: bool = False
    """Whether a grant came with it."""


class ProbePage(Struct, frozen=True):
    """A probe and what came of it; gone with the session, or when the officer looks at no camera any more."""

    request: int
    camera: str
    answer: Probed | None = None
    refused: str = ""


class LogPage(Struct, frozen=True):
    """Lines of the log, and what was last heard about all of it."""

    lines: tuple[LogLine, ...] = ()
    verified: LogVerified | None = None
    checkpoint: str = ""
    """Signed text, to be kept outside the unit."""


class History(Struct, frozen=True):
    """How long something took, pulse by pulse."""

    what: str
    milliseconds: tuple[float, ...]
    """Newest last, at most `HISTORY_KEPT`."""


class State(Struct, frozen=True):
    """All that is shown."""

    link: Link = Link.CONNECTING
    link_detail: str = ""
    heard_at: datetime | None = None
    """When the hub last said how it is."""
    unit: str = ""
    version: str = ""
    detail: str = ""
    """What the hub found when it started."""
    development: bool = False
    officer: Requester | None = None
    session_ends: datetime | None = None
    cameras: tuple[CameraHealth, ...] = ()
    actors: tuple[ActorHealth, ...] = ()
    sources: tuple[SourceHealth, ...] = ()
    queues: tuple[QueueHealth, ...] = ()
    counts: tuple[ReasonCount, ...] = ()
    history: tuple[History, ...] = ()
    """How long things took lately."""
    parked: tuple[str, ...] = ()
    watch: WatchHealth | None = None
    """The deployment order under which faces are watched for; None where there is none."""
    authority: AuthorityShown | None = None
    """Order, face lists and grants, once they came; only while an officer is signed in."""
    listening: ListenMode = ListenMode.OFF
    """Whether the unit's microphone is open, for whichever dashboard."""
    alerts: tuple[AlertEvent, ...] = ()
    """In the order in which they should be looked at; only while an officer is signed in."""
    waiting: int = 0
    """Alerts that wait for a decision, as the hub counts them; known to everybody."""
    chosen: str = ""
    """Identifier of the alert under the mark."""
    page: AlertShown | None = None
    """The chosen alert with its pictures, once it came."""
    watched: str = ""
    """Camera whose pictures are wanted; "" for none."""
    live: CameraPicture | None = None
    """Its newest picture, reduced by the hub; in memory only, and only while an officer is signed in."""
    probe: ProbePage | None = None
    look_up: LookUpPage | None = None
    log: LogPage = LogPage()
    speech: SpeechPage = SpeechPage()
    """What was heard on this connection, and what is being answered."""
    pending: tuple[Request, ...] = ()
    """Requests that the hub has not answered, without what is secret in them."""
    remarks: tuple[Remark, ...] = ()
    missed: int = 0
    """Events that this dashboard was too slow for."""
    muted: bool = False
    rung: int = 0
    """How often there was a new alert to decide; the bell follows it."""


def is_open(alert: AlertEvent | Alert) -> bool:
    """Say whether an alert waits for its decision."""
    return alert.state is AlertState.ALERT


# ------------------------------------------------------------------------------------------------------ changing it


def reduce(state: State, message: Message) -> State:
    """Return the state after a message. A message that changes nothing returns the same state."""
    match message:
        case Told():
            return _event(replace(state, heard_at=message.event.at), message.event)
        case Pulse():
            return _pulse(state, message)
        case Snapshot():
            return _snapshot(state, message)
        case Welcome():
            return replace(state, unit=message.unit, version=message.version)
        case Lagged():
            return replace(state, missed=state.missed + message.missed)
        case Stopping():
            return _lost(state, f"it was stopped: {message.cause}")
        case Rejected():
            return _lost(state, message.reason)
        case Lost():
            # What the hub said at its end tells more than that the line is dead.
            return _lost(state, (state.link is Link.LOST and state.link_detail) or message.reason)
        case Asked():
            return _asked(state, message.request)
        case Chose():
            return _choose(state, message.alert)
        case Watched():
            return replace(state, watched=message.camera, live=None, probe=None)
        case CameraPicture():
            wanted = state.officer is not None and message.camera == state.watched
            return replace(state, live=message) if wanted else state
        case Heard() | HearingNow():
            return replace(state, speech=speech.hear(state.speech, message)) if state.officer is not None else state
        case Spoke() | Opened() | Picked() | Marked() | Expected():
            return replace(state, speech=speech.choose(state.speech, message))
        case Muted():
            return replace(state, muted=message.muted)
        case Remarked():
            return _remark(state, message.at, message.text, trouble=message.trouble)
        case Tick():
            over = state.session_ends is not None and message.at >= state.session_ends
            return _signed_out(state) if over else state
        case _:
            return _answer(state, message)


def _snapshot(state: State, told: Snapshot) -> State:
    if told.officer is None or told.officer != state.officer:
        state = _signed_out(state)
    state = replace(
        state,
        link=Link.UP,
        link_detail="",
        detail=told.detail,
        development=told.development,
        officer=told.officer,
        cameras=told.cameras,
        actors=told.actors,
        parked=told.parked,
        listening=told.listening,
    )
    state = _pulse(state, told.pulse)
    return _queue(state, told.alerts) if told.officer is not None else state


def _pulse(state: State, pulse: Pulse) -> State:
    left = pulse.session_left
    state = _watch(state, pulse)
    state = replace(
        state,
        heard_at=pulse.at,
        session_ends=None if left is None else pulse.at + timedelta(seconds=left),
        waiting=pulse.open_alerts,
        counts=pulse.counts,
        queues=pulse.queues,
        sources=pulse.sources,
        history=_history(state.history, pulse),
    )
    return _signed_out(state) if left is None and state.officer is not None else state


def _watch(state: State, pulse: Pulse) -> State:
    """Take over how the watch for faces stands; whoever looks at another screen is told once that it ends."""
    before, watch = state.watch, pulse.watch
    state = replace(state, watch=watch)
    if watch is None or not watch.ended or before is None or before.ended:
        return state
    text = f"the order {watch.order} has ended: {words_for(watch.reason)}; faces are not watched for any more"
    return _remark(state, pulse.at, text, trouble=True)


def _history(known: tuple[History, ...], pulse: Pulse) -> tuple[History, ...]:
    before = {each.what: each.milliseconds for each in known}
    return tuple(
        History(each.what, (*before.get(each.what, ()), each.milliseconds)[-HISTORY_KEPT:]) for each in pulse.latencies
    )


def _event(state: State, event: Event) -> State:
    match event:
        case AlertEvent():
            return _alert(state, event) if state.officer is not None else state
        case ActorChanged():
            return replace(state, actors=_put(state.actors, event.health, lambda health: health.actor))
        case CameraChanged():
            return replace(state, cameras=_put(state.cameras, event.health, lambda health: health.camera))
        case Counts() | UnitStopped():
            return replace(state, counts=event.counts)
        case ListeningChanged():
            state = replace(state, listening=event.mode, speech=speech.hear(state.speech, event))
            if event.detail:
                state = _remark(state, event.at, f"nothing is heard: {event.detail}", trouble=True)
            return state
        case UnitStarted():
            return replace(state, parked=event.parked, development=event.development, detail=event.detail)


def _alert(state: State, event: AlertEvent) -> State:
    page = state.page
    if page is not None and page.alert.alert == event.alert and page.alert.state is not event.state:
        state = replace(state, page=None)  # what is shown is not what is: it is asked for again
    return _queue(state, (*(each for each in state.alerts if each.alert != event.alert), event))


def _queue(state: State, alerts: tuple[AlertEvent, ...]) -> State:
    """Take over alerts. What is new and waits rings; the mark stays on its alert, or goes to the first."""
    known = {each.alert for each in state.alerts}
    news = any(is_open(each) and each.alert not in known for each in alerts)
    state = replace(state, alerts=_ordered(alerts), rung=state.rung + news)
    names = [each.alert for each in state.alerts]
    return state if state.chosen in names else _choose(state, names[0] if names else "")


def _ordered(alerts: tuple[AlertEvent, ...]) -> tuple[AlertEvent, ...]:
    """Return alerts in the order in which they should be looked at.

    Those that wait come first: missing persons before the others, and among them what ends first. Then what was
    decided, the newest first.
    """
    waiting = sorted(
        (each for each in alerts if is_open(each)), key=lambda each: (not is_missing(each.category), each.decide_by)
    )
    decided = sorted((each for each in alerts if not is_open(each)), key=lambda each: each.decide_by, reverse=True)
    return (*waiting, *decided)[:ALERTS_KEPT]


_Health = TypeVar("_Health", bound=ActorHealth | CameraHealth)


def _put(known: tuple[_Health, ...], health: _Health, name: Callable[[_Health], str]) -> tuple[_Health, ...]:
    """Return what is known with one's health in its place, at the end where it is new."""
    if any(name(each) == name(health) for each in known):
        return tuple(health if name(each) == name(health) else each for each in known)
    return (*known, health)


def _asked(state: State, request: Request) -> State:
    match request:
        case SignIn():
            request = replace(request, passphrase="")
        case LookUp():
            title = f"{request.subject_kind.value} {request.value}"
            page = LookUpPage(request.request, title, kind=request.subject_kind, granted=bool(request.grant))
            request, state = replace(request, grant=b""), replace(state, look_up=page)
        case ProbeFace():
            state = replace(state, probe=ProbePage(request.request, request.camera))
        case VerifyLog():
            state = replace(state, log=replace(state.log, verified=None))
        case TakeCheckpoint():
            state = replace(state, log=replace(state.log, checkpoint=""))
        case _ if state.officer is not None:
            state = replace(state, speech=speech.ask(state.speech, request))
    return replace(state, pending=(*state.pending, request))


def _answer(state: State, reply: Message) -> State:
    """Take in the hub's answer to a request; one that was asked before the session ended changes nothing."""
    if isinstance(reply, AnswerCame):
        page = state.look_up
        if page is None or page.request != reply.request:
            return state
        return replace(state, look_up=replace(page, answers=(*page.answers, reply.answer)))
    if not isinstance(reply, _Ending):
        return state
    request = next((each for each in state.pending if each.request == reply.request), None)
    state = replace(state, pending=tuple(each for each in state.pending if each.request != reply.request))
    if isinstance(reply, Done | Refused):
        state = replace(state, speech=speech.answer(state.speech, request, reply))
    if isinstance(reply, Refused):
        return _refused(state, request, reply)
    if isinstance(reply, Done):
        return _done(state, request, reply)
    if state.officer is None:
        return state
    match reply:
        case AlertShown():
            return _shown(state, request, reply)
        case LogShown():
            return replace(state, log=replace(state.log, lines=reply.lines))
        case LogVerified():
            return replace(state, log=replace(state.log, verified=reply))
        case CheckpointTaken():
            return replace(state, log=replace(state.log, checkpoint=reply.text))
        case AuthorityShown():
            return replace(state, authority=reply)
        case Probed():
            return _probed(state, reply)
        case AnsweringShown() | Translated():
            return replace(state, speech=speech.answer(state.speech, request, reply))


def _shown(state: State, request: Request | None, reply: AlertShown) -> State:
    alert = reply.alert
    if alert.alert == state.chosen:
        state = replace(state, page=reply)
    if isinstance(request, DecideAlert) and state.heard_at is not None:
        words = alert.state.value.replace("_", " ")
        state = _remark(state, state.heard_at, f"alert {alert.alert}: {words}")
    return state


def _probed(state: State, reply: Probed) -> State:
    page = state.probe
    if page is not None and page.request == reply.request:
        return replace(state, probe=replace(page, answer=reply))
    at = state.heard_at  # the officer looks at something else meanwhile
    return _remark(state, at, f"probe: {reply.status.replace('_', ' ')}") if at is not None else state


def _done(state: State, request: Request | None, reply: Done) -> State:
    page = state.look_up
    if isinstance(request, LookUp) and page is not None and page.request == reply.request:
        return replace(state, look_up=replace(page, ended=True))
    at = state.heard_at
    if isinstance(request, Watch) or not reply.text or at is None:
        return state  # which camera is watched is on the screen already
    return _remark(state, at, reply.text)


def _refused(state: State, request: Request | None, reply: Refused) -> State:
    page = state.look_up
    if isinstance(request, LookUp) and page is not None and page.request == reply.request:
        state = replace(state, look_up=replace(page, ended=True, refused=reply.reason))
    if state.probe is not None and state.probe.request == reply.request:
        state = replace(state, probe=replace(state.probe, refused=reply.reason))
    if reply.sign_in and not isinstance(request, SignIn):
        state = _signed_out(state)
    at = state.heard_at
    return _remark(state, at, f"refused: {reply.reason}", trouble=True) if at is not None else state


def _choose(state: State, alert: str) -> State:
    return state if alert == state.chosen else replace(state, chosen=alert, page=None)


def _lost(state: State, reason: str) -> State:
    """Note that nobody answers. What is known stays, marked as old, until the session's time is over."""
    state = replace(state, link=Link.LOST, link_detail=reason, pending=(), live=None)
    state = replace(state, speech=speech.lose(state.speech))
    page = state.look_up
    if page is not None and not page.ended:
        state = replace(state, look_up=replace(page, ended=True, refused="the hub was lost before all had answered"))
    if state.probe is not None and state.probe.answer is None:
        state = replace(state, probe=replace(state.probe, refused="the hub was lost before it answered"))
    return state


def _signed_out(state: State) -> State:
    state = replace(state, speech=speech.forget(state.speech))
    return replace(
        state,
        officer=None,
        session_ends=None,
        alerts=(),
        chosen="",
        page=None,
        live=None,
        probe=None,
        look_up=None,
        log=LogPage(),
        authority=None,
    )


def _remark(state: State, at: datetime, text: str, *, trouble: bool = False) -> State:
    return replace(state, remarks=(*state.remarks, Remark(at, text, trouble))[-REMARKS_KEPT:])
