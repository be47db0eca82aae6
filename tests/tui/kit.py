"""A scripted hub for tests of the dashboard: it speaks the wire's records and nothing else, in the same loop."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from PIL import Image, ImageDraw
from textual.widgets import Input

from hub.errors import HubLostError
from hub.events import AlertEvent, SourceState, alert_event
from hub.messages import (
    ActorHealth,
    ActorState,
    Alert,
    AlertState,
    AlignedCharacter,
    Answer,
    AnswerStatus,
    Box,
    CameraHealth,
    CharacterRead,
    Field,
    Hit,
    HitKind,
    Picture,
    Reach,
    Reading,
    Reason,
    ReasonCount,
    Record,
    RegionFit,
    Requester,
    Step,
    SubjectKind,
    WatchHealth,
)
from hub.tui.app import Dashboard, make_app
from hub.wire import (
    AlertShown,
    AnswerCame,
    AuthorityShown,
    CameraPicture,
    CheckpointTaken,
    DecideAlert,
    Done,
    Latency,
    LogLine,
    LogShown,
    LogVerified,
    LookUp,
    Probed,
    ProbeFace,
    Pulse,
    QueueHealth,
    Refused,
    SeenBox,
    ShowAlert,
    ShowAuthority,
    ShowLog,
    SignIn,
    SignOut,
    Snapshot,
    SourceHealth,
    StopHub,
    Stopping,
    TakeCheckpoint,
    Told,
    VerifyLog,
    Watch,
    Welcome,
)

NOW = datetime(2030, 1, 2, 9, 30, 0, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")
PASSPHRASE = "a long passphrase"


def plate_jpeg(text: str = "4721 XKP", size: tuple[int, int] = (220, 48)) -> Picture:
    """Return a drawn plate."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((14, 4), text, fill="black", font_size=36)
    return _jpeg(image)


def scene_jpeg() -> Picture:
    """Return a scene of coarse blocks."""
    image = Image.new("RGB", (32, 18))
    image.putdata([(40 + 5 * (i % 32), 60 + 7 * (i // 32), 90 if i % 3 else 60) for i in range(32 * 18)])
    return _jpeg(image.resize((640, 360), Image.Resampling.NEAREST))


def _jpeg(image: Image.Image) -> Picture:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return Picture(file.getvalue(), *image.size)


def alert(
    name: str = "A-1",
    *,
    category: str = "stolen_vehicle",
    read: str = "4721XKP",
    entry: str = "4721XKR",
    camera: str = "front",
    after: float = 0.0,
    pictures: bool = True,
    **changes: object,
) -> Alert:
    """Return an alert whose read may differ from its entry."""
    chances = [0.99, 0.98, 0.99, 0.83, 0.99, 0.97, 0.71][: len(read)]
    aligned = tuple(
        AlignedCharacter(r, e, p if r == e else 0.22, 0.0 if r == e else 1.31)
        for r, e, p in zip(read, entry, chances, strict=True)
    )
    fuzzy = read != entry
    hit = Hit(
        kind=HitKind.FUZZY if fuzzy else HitKind.EXACT,
        record=Record(
            "V-1",
            (
                Field("plate", entry),
                Field("category", category),
                Field("make", "Seat"),
                Field("colour", "red"),
                Field("instruction", "Stop and check the driver"),
            ),
        ),
        cost=1.31 if fuzzy else 0.0,
        limit=3.4,
        aligned=aligned,
        region_agrees=True,
        ambiguous=False,
        competing=(),
        why="6 of 7 characters are as listed; P and R look alike." if fuzzy else "All 7 characters are as listed.",
    )
    at = NOW + timedelta(seconds=after)
    characters = tuple(CharacterRead(c, p) for c, p in zip(read, chances, strict=True))
    made = Alert(
        alert=name,
        unit="unit-1",
        camera=camera,
        raised_by="",
        at=at,
        source="wanted_persons",
        hit=hit,
        readings=(
            Reading(read, 0.68, (RegionFit("ES", 0.97),), characters),
            Reading(entry, 0.21, (RegionFit("ES", 0.97),), characters),
        ),
        category=category,
        list_digest="5f" * 32,
        development=False,
        state=AlertState.ALERT,
        steps=(Step(AlertState.ALERT, at, "", ""),),
        decide_by=at + timedelta(minutes=3),
        keep_until=at + timedelta(days=7),
        crop=plate_jpeg() if pictures else None,
        scene=scene_jpeg() if pictures else None,
    )
    return replace(made, **changes)


def answer(source: str = "wanted_persons", status: AnswerStatus = AnswerStatus.NO_HIT, **changes: object) -> Answer:
    """Return a source's answer."""
    said = {
        AnswerStatus.HIT: "All 7 characters are as listed.",
        AnswerStatus.UNAVAILABLE: "it did not answer within 2 s",
    }.get(status, "No entry is near.")
    made = Answer(
        lookup="L-1",
        source=source,
        reach=Reach.ON_REQUEST,
        status=status,
        hits=(replace(alert(entry="4721XKP").hit, why=said),) if status is AnswerStatus.HIT else (),
        milliseconds=3.2,
        explanation=said,
        list_digest="",
        development=False,
    )
    return replace(made, **changes)


def source(name: str = "wanted_persons", reach: str = "automatic", **changes: object) -> SourceHealth:
    """Return a source that is in use."""
    automatic = reach == "automatic"
    state = SourceState(
        source=name,
        reach=reach,
        entries=312 if automatic else 48210,
        list_digest="5f" * 32 if automatic else "",
        expires="2030-01-09T06:00:00Z" if automatic else "",
        development=False,
        cost_limit=3.4 if automatic else 0.0,
        detail="stolen, version 12, of Traffic Police" if automatic else "",
        false_alert_budget=1.0 if automatic else 0.0,
        expected_false_alerts=0.42 if automatic else 0.0,
    )
    made = SourceHealth(
        state=state, answers=(SubjectKind.PLATE,), usable=True, breaker="closed", asked=7, unavailable=0
    )
    return replace(made, **changes)


COUNTS = (
    ReasonCount("front", "frame", Reason.READ, 118),
    ReasonCount("front", "frame", Reason.NO_TEXT, 2210),
    ReasonCount("front", "region", Reason.TOO_SMALL, 64),
    ReasonCount("front", "region", Reason.NOT_A_PLATE, 31),
    ReasonCount("front", "track", Reason.READ, 12),
    ReasonCount("front", "read", Reason.NOT_LISTED, 10),
    ReasonCount("front", "read", Reason.ALERT, 2),
    ReasonCount("rear", "frame", Reason.NO_TEXT, 940),
)


class ScriptedHub:
    """What the dashboard attaches to. Tests set what it knows and look at what it was asked."""

    def __init__(self, *alerts: Alert) -> None:
        self.alerts = {each.alert: each for each in alerts}
        self.officer: Requester | None = None
        self.asked: list[object] = []
        self.up = True
        self.now = NOW
        self.cameras = (
            CameraHealth("front", open=True, stalled=False, frames=2328, reopened=0, detail=""),
            CameraHealth("rear", open=True, stalled=False, frames=940, reopened=1, detail=""),
        )
        self.actors = tuple(
            ActorHealth(name, ActorState.RUNNING, 0, "")
            for name in ("capture front", "capture rear", "plates front", "plates rear", "lookups", "alerts", "outbox")
        )
        self.sources = (source(), source("drivers", "on_request"))
        self.parked: tuple[str, ...] = ()
        self.development = False
        self.answers = (answer(), answer("drivers", AnswerStatus.HIT))
        self.welcome = Welcome(protocol=1, unit="unit-1", version="0.1.0")
        self.watched = ""
        self.scene = scene_jpeg()
        self.watch: WatchHealth | None = None
        self.authority = AuthorityShown(request=0, order=None, face_lists=(), grants=())
        self.probed: Probed | Refused | None = None
        self.takes = 116.0
        self._numbers = 0
        self._queue: asyncio.Queue[object] = asyncio.Queue()

    # ------------------------------------------------------------------------------- as `hub.client` has it

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ScriptedHub]:
        if not self.up:
            raise HubLostError("no hub answers on hub.sock: start one with `patrol-hub run`")
        self.officer, self._queue = None, asyncio.Queue()
        self.tell(self.snapshot())
        yield self

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def messages(self) -> AsyncIterator[object]:
        while (message := await self._queue.get()) is not None:
            yield message
        raise HubLostError("the hub is gone")

    async def send(self, request: object) -> None:
        self.asked.append(request)
        for message in self.replies(request):
            self.tell(message)

    # ------------------------------------------------------------------------------- what tests do with it

    def tell(self, message: object) -> None:
        self._queue.put_nowait(message)

    def lose(self) -> None:
        self.up = False
        self._queue.put_nowait(None)

    def raise_alert(self, made: Alert) -> None:
        self.alerts[made.alert] = made
        self.tell(Told(event=self.event(made)))

    def event(self, made: Alert) -> AlertEvent:
        return alert_event(made, at=self.now, unit="unit-1")

    def pulse(self) -> Pulse:
        return Pulse(
            at=self.now,
            session_left=900.0 if self.officer else None,
            open_alerts=sum(each.state is AlertState.ALERT for each in self.alerts.values()),
            counts=COUNTS,
            queues=(QueueHealth("frames front", 0, 1, 57), QueueHealth("reads", 0, 16, 0)),
            sources=self.sources,
            latencies=(Latency("plates front", self.takes), Latency("source wanted_persons", 2.5)),
            watch=self.watch,
        )

    def picture(self, camera: str) -> CameraPicture:
        return CameraPicture(
            camera=camera,
            at=self.now,
            picture=self.scene,
            frame_width=1280,
            frame_height=720,
            boxes=(SeenBox(Box(560, 420, 160, 60), Reason.READ),) if camera == "front" else (),
        )

    def snapshot(self) -> Snapshot:
        return Snapshot(
            at=self.now,
            officer=self.officer,
            cameras=self.cameras,
            actors=self.actors,
            alerts=tuple(self.event(each) for each in self.alerts.values()) if self.officer else (),
            parked=self.parked,
            development=self.development,
            detail="",
            pulse=self.pulse(),
        )

    def replies(self, request: object) -> list[object]:
        number = request.request
        match request:
            case SignIn():
                if request.passphrase != PASSPHRASE:
                    return [Refused(request=number, reason="number or passphrase is wrong")]
                self.officer = Requester(request.number, "officer", "unit-1")
                return [self.snapshot(), Done(request=number, text=f"{request.number} signed in as officer")]
            case SignOut():
                self.officer = None
                return [self.snapshot(), Done(request=number, text="signed out")]
            case Watch():
                self.watched = request.camera
                came = [self.picture(request.camera)] if request.camera else []
                return [*came, Done(request=number, text=f"watching {request.camera}" if request.camera else "")]
            case ShowAlert():
                return [AlertShown(request=number, alert=self.alerts[request.alert], repeats=0)]
            case DecideAlert():
                return self.decide(request)
            case LookUp():
                came = [AnswerCame(request=number, answer=each) for each in self.answers]
                return [*came, Done(request=number, text="")]
            case ProbeFace():
                return [] if self.probed is None else [replace(self.probed, request=number)]
            case ShowAuthority():
                return [replace(self.authority, request=number)]
            case ShowLog():
                return [LogShown(request=number, lines=LINES)]
            case VerifyLog():
                reason = "the log agrees with itself; nothing outside this unit vouches for the log"
                said = LogVerified(request=number, ok=False, entries=42, first_bad=None, witnessed=False, reason=reason)
                return [said]
            case TakeCheckpoint():
                return [CheckpointTaken(request=number, text="patrol-hub/unit-1\n42\nq83vEjRWeJCrze8SNFZ4kA==\n")]
            case StopHub():
                return [Done(request=number, text="the hub stops"), Stopping(cause="an officer asked")]
        return []

    def decide(self, request: DecideAlert) -> list[object]:
        before = self.alerts[request.alert]
        corrects = len(before.steps) - 1 if request.correction else None
        step = Step(request.state, self.now, "4711", request.reason, corrects)
        after = replace(before, state=request.state, steps=(*before.steps, step))
        if request.state is AlertState.ADJUDICATED_FALSE:
            hit = replace(after.hit, cost=0.0, aligned=(), competing=(), region_agrees=None, why="")
            after = replace(after, hit=hit, readings=(), crop=None, scene=None)
        self.alerts[request.alert] = after
        shown = AlertShown(request=request.request, alert=after, repeats=0)
        return [Told(event=self.event(after)), shown, self.pulse()]


LINES = (
    LogLine(
        index=38, at=NOW - timedelta(minutes=4), act="sign_in", officer="4711", role="officer", outcome="signed_in",
        camera="", source="", particulars=(), payload="none",
    ),
    LogLine(
        index=40, at=NOW - timedelta(minutes=2), act="lookup", officer="4711", role="officer", outcome="asked",
        camera="", source="drivers", particulars=(Field("reason", "parked across a gate"), Field("kind", "plate")),
        payload="open",
    ),
)  # fmt: skip


def dashboard(hub: ScriptedHub) -> Dashboard:
    """Return a dashboard that attaches to a scripted hub, on its clock."""
    return make_app(None, connect=hub.connect, now=lambda: hub.now)


def shown(app: Dashboard) -> str:
    """Return what is on the screen as text, without the spaces at line ends."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


async def settle(pilot, seconds: float = 0.12) -> None:
    """Let messages come in and be drawn."""
    await pilot.pause(seconds)
    await pilot.pause()


async def sign_in(pilot) -> None:
    """Sign officer 4711 in through the dialog; the text is put into its fields, which is faster than keys."""
    await settle(pilot)
    fields = pilot.app.screen.query(Input)
    for field, text in zip(fields, ("4711", PASSPHRASE), strict=True):
        field.value = text
    await pilot.press("enter", "enter")
    await settle(pilot, 0.2)
