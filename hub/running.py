"""A running hub: which actors there are, who hands what to whom, and in which order things start and stop.

It decides nothing about plates, people or alerts. What it is made of is opened in `hub.app`; how it tells of itself
is in `hub.events` and `hub.health`.
"""

from __future__ import annotations

import random
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio
from msgspec import Struct

from hub import __version__
from hub.actors.alerts import AlertsHealth, Outcomes, run_alerts
from hub.actors.capture import mailbox_for, run_capture
from hub.actors.lookups import run_lookups
from hub.actors.outbox import TargetHealth, run_outbox
from hub.actors.plates import FrameSeen, run_plates
from hub.answering import Answering
from hub.answers import Answers
from hub.attach import Served, run_attach
from hub.audit.interrupted import last_run
from hub.audit.records import UnitPayload
from hub.backends import PlateReader
from hub.board import Board
from hub.capture import Medium
from hub.capture import SourceSpec as FrameSpec
from hub.channels import Broadcast, Mailbox
from hub.errors import ClosedChannelError, HubError, NotAllowedError, UsageError
from hub.events import (
    ActorChanged,
    CameraChanged,
    Counts,
    Event,
    ListeningChanged,
    UnitStarted,
    UnitStopped,
    alert_event,
)
from hub.health import queue_health, source_health, source_state
from hub.hearing import SpeechParts, UnitMicrophone
from hub.inference import Device, Worker
from hub.latencies import Latencies
from hub.ledger import Ledger, Stage
from hub.lookups import Lookups
from hub.messages import (
    Act,
    ActorHealth,
    ActorState,
    Alert,
    CameraHealth,
    Entry,
    Frame,
    FrameGap,
    ListenMode,
    PlateRead,
    RaisedHit,
    Reason,
    Requester,
)
from hub.plates.grammar import GrammarBook
from hub.plates.vehicles import VehicleSettings
from hub.probes import ProbeAnswer
from hub.probing import NextFrames, ProbeDesk
from hub.requests import Requests
from hub.sources import SourceHost
from hub.standing import Standing
from hub.supervisor import ActorSpec, RestartPolicy, StopWaits, SupervisorReport, TaskStatus, run_supervisor
from hub.unit import AUDIT_FILE, Unit, origin_of
from hub.viewing import Viewing
from hub.watching import Told as WatchTold
from hub.watching import Watching, faces_actor
from hub.wire import Latency, QueueHealth, SourceHealth

EVENTS_KEPT: Final = 1024
"""Events that wait for a slow reader before it gets a lag error."""
COUNTS_EVERY: Final = 60.0
"""Seconds between two events with counts."""
ERASE_EVERY: Final = 60.0
"""Seconds between two looks at what the log holds past its date."""
WAITING_READS: Final = 16
"""Reads that wait for their look-up; a full channel makes its camera wait, which then drops frames."""
WAITING_FOLLOW_UPS: Final = 16
"""Alerts adjudicated true whose registers are still to be asked; beyond that a decision waits."""
STOP_WAITS: Final = StopWaits(ask=2.0, cancel=1.5)
"""Together below the 5 s in which a signal must have stopped the hub."""
LAST_SECONDS: Final = 1.0
"""Longest wait for the log to take the entry that the unit stops."""
SWITCH_SECONDS: Final = 0.0005
"""After which a Python thread lets another one go on. A model's thread asks for its turn after each run of a network,
and would wait ten times as long for it by default whenever something else is at work."""
READER_REPLACEMENTS: Final = 2
"""Calls of the plate reader that may hang before it is parked, for each that it takes at once."""
_NEVER_AGAIN: Final = RestartPolicy(limit=0)
_ENDED: Final = (ActorState.DONE, ActorState.PARKED, ActorState.STOPPED)


class Watched(Struct, frozen=True):
    """A source of frames with its name."""

    camera: str
    spec: FrameSpec


class FollowUp(Struct, frozen=True, eq=False):
    """Registers that are to be asked about an alert."""

    alert: Alert
    requester: Requester
    """Who adjudicated it true."""


class Ended(Struct, frozen=True):
    """How a run ended."""

    event: UnitStopped
    failed: tuple[ActorHealth, ...]
    """Actors that were parked."""


class Hub:
    """An open hub; see `open_hub`.

    Attributes:
        unit: The stores and who acts.
        lookups: What officers' look-ups go through.
        sources: The record sources.
        events: What is told to the outside.
        ledger: Why nothing.
        board: What is told, as it stands.
    """

    def __init__(
        self,
        unit: Unit,
        sources: SourceHost,
        lookups: Lookups,
        book: GrammarBook,
        reader: PlateReader | None,
        watched: Sequence[Watched],
        parked: tuple[str, ...],
        *,
        until_end: bool,
        development: bool,
        rng: random.Random,
        say: Callable[[str], None],
        listener: socket.socket | None = None,
        answering: Answering | None = None,
        speech: SpeechParts | None = None,
        probes: ProbeDesk | None = None,
    ) -> None:
        self.unit = unit
        self.sources = sources
        self.lookups = lookups
        self.events: Broadcast[Event] = Broadcast(EVENTS_KEPT)
        self.ledger = Ledger()
        self._outcomes = Outcomes(self.ledger)
        self.board = Board()
        self._latencies = Latencies()
        self._reader = reader
        self._watched = tuple(watched)
        self._parked = parked
        self._until_end = until_end
        self._development = development
        self._rng = rng
        self._say = say
        self._book = book
        at_once = 1 if reader is None else reader.at_once
        # Shared out among the cameras: more frames under way than the reader takes would only wait, each older.
        self._looks = max(1, at_once // max(1, len(watched)))
        self._device = Device(at_once)
        # One stall holds up every call that is under way, and counts once for each.
        replacements = READER_REPLACEMENTS * at_once
        self._worker = Worker("plate reader", concurrent=at_once, replacements=replacements, device=self._device)
        self._watching: Watching | None = None
        self._probes = probes
        if probes is not None:
            probes.share(self._device)
        self._next_frames = NextFrames(tuple(each.camera for each in watched))
        self._reads: Mailbox[PlateRead] = Mailbox(WAITING_READS)
        self._hits: Mailbox[RaisedHit] = Mailbox(WAITING_READS)
        self._frames: dict[str, Mailbox[Frame]] = {}
        self._capturing: dict[str, trio.CancelScope] = {}
        self._dark: set[str] = set()
        self._states: dict[str, ActorState] = {}
        self._follow_ups: Mailbox[FollowUp] = Mailbox(WAITING_FOLLOW_UPS)
        self._listener = listener
        self._answering = answering or Answering(())
        self._hearing = (
            None
            if speech is None
            else UnitMicrophone(
                speech,
                unit.settings.speech,
                log=unit.log,
                clock=unit.clock,
                retention=unit.retention,
                tell=self._on_listening,
            )
        )
        self._viewing = Viewing([each.camera for each in watched])
        self._finished = trio.Event()
        self._stop = trio.Event()
        self._stopped_by: Requester | None = None

    async def run(self, stop: trio.Event) -> Ended:
        """Watch, look up, raise alerts: until told to stop or, where asked to, until every source has ended.

        Args:
            stop: Set it to stop the hub; what is in hand is finished first, within `STOP_WAITS`.

        Raises:
            AuditError: The log cannot be written, so the unit does not start.
        """
        self._stop = stop
        sys.setswitchinterval(SWITCH_SECONDS)
        found = await trio.to_thread.run_sync(_last_run, self.unit.state / AUDIT_FILE)
        if found:
            self._say(found)
        await self._account(Act.UNIT_START, "started", UnitPayload(version=__version__, detail=found))
        for status in self.sources.statistics():
            if not status.usable:
                self._say(f"source {status.name} answers nothing: {status.detail}")
        self._publish(self._started(found))
        overran: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_counts)
            # Also without `until_end`: where alerts are parked nothing can come of what cameras see, so the unit ends
            # and says why, instead of watching on for nobody.
            nursery.start_soon(self._stop_when_finished, stop)
            report = await run_supervisor(
                self._specs(),
                on_health=self._on_health,
                rng=self._rng,
                stop=stop,
                waits=STOP_WAITS,
                on_overrun=lambda late: overran.extend(each.actor for each in late),
            )
            nursery.cancel_scope.cancel()
        return await self._ended(report, overran)

    def watch_under(self, watching: Watching) -> None:
        """Watch for faces under an order as well, from the beginning of `run`.

        Raises:
            NotAllowedError: It was loaded for other cameras than this hub's.
        """
        if watching.cameras != self.cameras:
            raise NotAllowedError("the order was loaded for other cameras than those that this hub watches")
        self._watching = watching

    @property
    def cameras(self) -> dict[str, FrameSpec]:
        """What is watched, by name."""
        return {each.camera: each.spec for each in self._watched}

    @property
    def development(self) -> bool:
        """Whether it was opened with ``--development``."""
        return self._development

    def stop(self, requester: Requester) -> None:
        """Stop the running hub because an officer says so."""
        self._stopped_by = requester
        self._stop.set()

    async def follow_up(self, alert: Alert, requester: Requester) -> None:
        """Have the registers asked about an alert that was adjudicated true: by the actor for it while it runs."""
        if self._states.get("follow-ups") is ActorState.RUNNING:
            with suppress(ClosedChannelError):
                await self._follow_ups.send(FollowUp(alert, requester))
                return
        await self._ask_registers(alert, requester)

    # -------------------------------------------------------------------------------------------- actors

    def _specs(self) -> tuple[ActorSpec, ...]:
        """Return the actors, upstream before downstream."""
        specs = []
        for watched in self._watched:
            frames = mailbox_for(watched.spec, self.ledger, watched.camera, until_end=self._until_end)
            self._frames[watched.camera] = frames
            if self._watching is not None:
                self._watching.mailbox(watched.camera, watched.spec, self.ledger, until_end=self._until_end)
            restart = RestartPolicy() if watched.spec.live else _NEVER_AGAIN
            capture, ask = partial(self._capture, watched, frames), partial(self._end_capture, watched, frames)
            specs.append(ActorSpec(_capture(watched.camera), capture, restart, ask=ask))
        specs += [
            ActorSpec(_plates(camera), partial(self._plates, camera, frames)) for camera, frames in self._frames.items()
        ]
        if self._watching is not None:
            worker = Worker("face engine", device=self._device)
            specs += self._watching.specs(self._hits, self.ledger, worker, self._rng, WatchTold(self._tell_of))
        specs.append(ActorSpec("lookups", self._run_lookups))
        specs.append(ActorSpec("alerts", self._run_alerts))
        specs.append(ActorSpec("outbox", self._run_outbox, ask=self._close_if_idle))
        specs.append(ActorSpec("follow-ups", self._run_follow_ups, ask=self._follow_ups.close))
        if self._listener is not None:
            specs.append(ActorSpec("attach", partial(self._run_attach, self._listener)))
        specs.append(ActorSpec("erasing", self._run_erasing, RestartPolicy(limit=1_000_000)))
        return tuple(specs)

    async def _capture(self, watched: Watched, frames: Mailbox[Frame], *, task_status: TaskStatus) -> None:
        with trio.CancelScope() as scope, suppress(ClosedChannelError):  # closed by `ask`: the hub stops
            self._capturing[watched.camera] = scope
            await run_capture(
                watched.spec,
                watched.camera,
                frames,
                ledger=self.ledger,
                clock=self.unit.clock,
                rng=self._rng,
                until_end=self._until_end,
                report=self._on_camera,
                # Of a photo that cannot be decoded its actor tells when it gives up: once is enough.
                on_gap=_say_nothing if watched.spec.medium is Medium.PHOTO else None,
                say=self._say,
                peek=self._peek,
                also=self._face_frames(watched),
                task_status=task_status,
            )

    def _end_capture(self, watched: Watched, frames: Mailbox[Frame]) -> None:
        """Have nothing more come from a source. One that has no end may be waiting for a camera that is not there."""
        frames.close()
        if watched.spec.live and watched.camera in self._capturing:
            self._capturing[watched.camera].cancel()

    async def _probe(self, camera: str, digest: str, requester: Requester, reason: str) -> ProbeAnswer:
        self._next_frames.check(camera)
        if self._probes is None:
            raise UsageError("this hub has no face engine")
        pictures = self._next_frames.of(camera)
        return await self._probes.probe(pictures, requester, reason, camera=camera, digest=digest)

    def _peek(self, frame: Frame) -> None:
        if frame.camera in self._dark:  # a frame says so: a camera that opens may still give nothing
            self._dark.remove(frame.camera)
            self._say(f"camera {frame.camera}: there again")
        self._viewing.offer(frame)
        self._next_frames.offer(frame)

    def _face_frames(self, watched: Watched) -> Mailbox[Frame] | None:
        return None if self._watching is None else self._watching.frames[watched.camera]

    async def _plates(self, camera: str, frames: Mailbox[Frame], *, task_status: TaskStatus) -> None:
        assert self._reader is not None  # noqa: S101  # there are cameras only where there is a reader
        plates = self.unit.settings.plates
        await run_plates(
            camera,
            frames,
            self._reads,
            reader=self._reader,
            worker=self._worker,
            book=self._book,
            plates=plates.reading,
            ledger=self.ledger,
            key=secrets.token_bytes(32),
            vehicles=VehicleSettings(votes=plates.votes, memory=plates.memory),
            at_once=self._looks,
            on_frame=self._on_frame,
            task_status=task_status,
        )

    async def _run_lookups(self, *, task_status: TaskStatus) -> None:
        await run_lookups(
            self.lookups,
            self._reads,
            self._hits,
            unit=self.unit.settings.unit,
            ledger=self.ledger,
            on_problem=self._on_problem,
            task_status=task_status,
        )

    async def _run_alerts(self, *, task_status: TaskStatus) -> None:
        await run_alerts(
            self.unit.alerts,
            self._hits,
            publish=self._on_alert,
            outcomes=self._outcomes,
            on_health=self._on_alerts_health,
            task_status=task_status,
        )

    async def _run_outbox(self, *, task_status: TaskStatus) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(
                partial(run_outbox, self.unit.outbox, jitter=self._rng.random, on_health=self._on_target_health)
            )
            task_status.started()
            await self._finished.wait()
            nursery.cancel_scope.cancel()

    async def _run_follow_ups(self, *, task_status: TaskStatus) -> None:
        task_status.started()
        async for each in self._follow_ups:
            await self._ask_registers(each.alert, each.requester)

    async def _ask_registers(self, alert: Alert, requester: Requester) -> None:
        with suppress(HubError):  # the decision stands, whatever the registers say; a refusal is in the log
            # As it stands now: it may have been corrected to false while this waited for its turn (C5).
            current = await self.unit.alerts.current(requester, alert.alert)
            await self.lookups.follow_up(current, requester, self.unit.alerts.add_answer)

    async def _run_attach(self, listener: socket.socket, *, task_status: TaskStatus) -> None:
        unit = self.unit
        served = Served(
            unit=unit.settings.unit,
            clock=unit.clock,
            officers=unit.officers,
            alerts=unit.alerts,
            requests=Requests(
                alerts=unit.alerts,
                lookups=self.lookups,
                log=unit.log,
                log_path=unit.state / AUDIT_FILE,
                origin=origin_of(unit.settings.unit),
                clock=unit.clock,
                answers=Answers(self._answering, unit.state),
                stop=self.stop,
                probe=self._probe,
                standing=Standing(
                    order=lambda: None if self._watching is None else self._watching.order(),
                    lists=unit.face_lists.lists,
                    grants=self.lookups.grants_used,
                ),
            ),
            events=self.events,
            board=self.board,
            ledger=self.ledger,
            source_health=self._source_health,
            latencies=self._recent_latencies,
            watch=lambda: None if self._watching is None else self._watching.state(),
            queues=self._queues,
            viewing=self._viewing,
            hearing=self._hearing,
            parked=self._parked,
            development=self._development,
            say=self._say,
        )
        await run_attach(listener, served, self._finished, task_status=task_status)

    def _source_health(self) -> tuple[SourceHealth, ...]:
        return tuple(source_health(status) for status in self.sources.statistics())

    def _recent_latencies(self) -> tuple[Latency, ...]:
        answered = (each for each in self.sources.statistics() if each.milliseconds)
        sources = (Latency(f"source {each.name}", each.milliseconds) for each in answered)
        return (*self._latencies.recent(), *sources)

    def _queues(self) -> tuple[QueueHealth, ...]:
        queues: dict[str, Mailbox[Any]] = {f"frames {camera}": frames for camera, frames in self._frames.items()}
        queues |= {"reads": self._reads, "hits": self._hits, "follow-ups": self._follow_ups}
        return tuple(queue_health(name, mailbox.statistics()) for name, mailbox in queues.items())

    async def _run_erasing(self, *, task_status: TaskStatus) -> None:
        task_status.started()
        while not self._finished.is_set():
            with trio.move_on_after(ERASE_EVERY):
                await self._finished.wait()
            await self.erase()

    async def erase(self) -> None:
        """Erase what is due, each in its turn: what one of them could not do keeps no other (C11)."""
        problems: list[HubError] = []
        for step in (self.unit.sweep, self.unit.log.erase_due, self.sources.account_ends):
            try:
                await step()
            except HubError as error:
                problems.append(error)
        if problems:
            raise problems[0]

    # ------------------------------------------------------------------------------- from end to end

    def _on_health(self, health: ActorHealth) -> None:
        self._states[health.actor] = health.state
        self._publish(ActorChanged(at=self.unit.clock.now(), unit=self.unit.settings.unit, health=health))
        if health.state is ActorState.PARKED and health.actor.startswith("plates "):
            # Nobody reads this camera any more: its capture must not wait for ever.
            self._frames[health.actor.removeprefix("plates ")].close()
        if health.state in _ENDED:
            self._hand_end_down()

    def _hand_end_down(self) -> None:
        """Close each channel once nobody writes to it any more, so that its reader finishes what is left."""
        cameras = tuple(self._frames)  # where there are none, `_close_if_idle` begins the end
        if cameras and all(self._has_ended(name) for each in cameras for name in (_capture(each), _plates(each))):
            self._reads.close()
        watched = () if self._watching is None else tuple(self._watching.frames)
        if self._has_ended("lookups") and all(self._has_ended(faces_actor(each)) for each in watched):
            self._hits.close()
        if self._has_ended("alerts"):
            self._follow_ups.close()
            self._finished.set()

    def _close_if_idle(self) -> None:
        """Begin the end where there is no camera whose end could begin it."""
        if not self._frames:
            self._reads.close()

    def _has_ended(self, actor: str) -> bool:
        return self._states.get(actor) in _ENDED

    async def _stop_when_finished(self, stop: trio.Event) -> None:
        await self._finished.wait()
        stop.set()

    async def _tell_counts(self) -> None:
        while True:
            await trio.sleep(COUNTS_EVERY)
            counts = self.ledger.snapshot()
            self._publish(Counts(at=self.unit.clock.now(), unit=self.unit.settings.unit, counts=counts))

    async def _ended(self, report: SupervisorReport, overran: Sequence[str]) -> Ended:
        """Give what is left in the channels its reason, and close the account."""
        if self._hearing is not None:
            self._hearing.close()
        for camera, frames in self._frames.items():
            self.ledger.leave(camera, Stage.FRAME, Reason.STOPPED, len(frames.drain()))
        for read in self._reads.drain():
            self.ledger.leave(read.camera, Stage.READ, Reason.STOPPED)
        for raised in self._hits.drain():
            self._outcomes.leave(raised, Reason.STOPPED)
        if unasked := self._follow_ups.drain():
            names = ", ".join(each.alert.alert for each in unasked)
            self._say(f"the registers were not asked about {names}: look them up where they are needed")
        failed = tuple(end for end in report.ends if end.state is ActorState.PARKED)
        cause = "; ".join(f"{end.actor}: {end.detail}" for end in failed)
        event = UnitStopped(
            at=self.unit.clock.now(),
            unit=self.unit.settings.unit,
            counts=self.ledger.snapshot(),
            balanced=not self.ledger.check(),
            overran=tuple(dict.fromkeys(overran)),
            cause=cause or self._cause(),
        )
        self._publish(event)
        self.events.close()
        # The acts are over: an end that cannot be written now is told at the next start.
        with suppress(HubError), trio.move_on_after(LAST_SECONDS):
            payload = UnitPayload(version=__version__, detail=event.cause)
            await self._account(Act.UNIT_STOP, "stopped", payload, self._stopped_by)
        return Ended(event, failed)

    def _cause(self) -> str:
        if self._stopped_by is not None:
            return f"told to stop by officer {self._stopped_by.officer}"
        return "end of sources" if self._finished.is_set() and self._until_end else "told to stop"

    # -------------------------------------------------------------------------------------------- telling

    def _publish(self, event: Event) -> None:
        self.board.note(event)
        self.events.publish(event)

    def _on_alert(self, alert: Alert) -> None:
        self._publish(alert_event(alert, at=self.unit.clock.now(), unit=self.unit.settings.unit))

    def _on_camera(self, health: CameraHealth) -> None:
        self._publish(CameraChanged(at=self.unit.clock.now(), unit=self.unit.settings.unit, health=health))
        if health.stalled and health.camera not in self._dark:
            self._dark.add(health.camera)
            self._say(f"camera {health.camera}: {health.detail}; it is tried again and again")

    def _on_listening(self, mode: ListenMode, officer: str, detail: str) -> None:
        self._publish(
            ListeningChanged(
                at=self.unit.clock.now(), unit=self.unit.settings.unit, mode=mode, officer=officer, detail=detail
            )
        )

    async def _on_frame(self, seen: FrameSeen) -> None:
        if not seen.detail:
            self._latencies.note(_plates(seen.camera), seen.milliseconds)
        self._viewing.note(seen)

    def _on_problem(self, problem: str) -> None:
        self._tell_of("lookups", problem)

    def _on_alerts_health(self, health: AlertsHealth) -> None:
        self._tell_of("alerts", health.detail)

    def _on_target_health(self, health: TargetHealth) -> None:
        self._tell_of(f"outbox {health.target}", health.detail)

    def _tell_of(self, actor: str, problem: str) -> None:
        """Tell that something goes wrong, or that it is over."""
        self._say(f"{actor}: {problem or 'works again'}")
        health = ActorHealth(actor, ActorState.RUNNING, 0, problem)
        self._publish(ActorChanged(at=self.unit.clock.now(), unit=self.unit.settings.unit, health=health))

    def plugin_parked(self, name: str, reason: str) -> None:
        """Tell that a plugin was parked while the hub runs."""
        self._parked = (*self._parked, f"{name}: {reason}")
        health = ActorHealth(f"plugin {name}", ActorState.PARKED, 0, reason)
        self._publish(ActorChanged(at=self.unit.clock.now(), unit=self.unit.settings.unit, health=health))

    def _started(self, found: str) -> UnitStarted:
        return UnitStarted(
            at=self.unit.clock.now(),
            unit=self.unit.settings.unit,
            cameras=tuple(each.camera for each in self._watched),
            sources=tuple(source_state(status) for status in self.sources.statistics()),
            parked=self._parked,
            development=self._development,
            detail=found,
        )

    async def _account(self, act: Act, outcome: str, payload: Struct, by: Requester | None = None) -> None:
        await self.unit.log.append(Entry(act, self.unit.clock.now(), by or self.unit.itself, outcome, payload))


def _say_nothing(_: FrameGap) -> None:
    """Tell nobody."""


def _last_run(path: Path) -> str:
    """Return what the last run left unfinished; a log that cannot be read stops no patrol, `audit verify` tells why."""
    try:
        return last_run(path).describe()
    except HubError as error:
        return f"whether anything was interrupted cannot be told: {error}"


def _capture(camera: str) -> str:
    return f"capture {camera}"


def _plates(camera: str) -> str:
    return f"plates {camera}"
