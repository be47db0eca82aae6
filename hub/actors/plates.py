"""The plates actor: reads the frames of one camera, tracks what it sees and emits one `PlateRead` a vehicle.

It calls the reader in a worker thread with a deadline and gives every frame, region and track its one reason in the
ledger. A reader that raises or hangs costs frames, never the actor. Nothing of a read is logged or counted by its
text, and nothing but `PlateRead` leaves (C3). What a frame says is decided in `hub.plates`, where frames come from in
`hub.actors.capture`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar, TypeVarTuple

import trio
from msgspec import Struct

from hub.backends import PlateReader
from hub.channels import Mailbox
from hub.errors import ClosedChannelError
from hub.inference import Worker, let_go
from hub.ledger import Ledger, Stage
from hub.messages import Box, Frame, PlateEvidence, PlateRead, Reason, SourceKind
from hub.plates import reading
from hub.plates.grammar import GrammarBook
from hub.plates.reading import ImageRead
from hub.plates.settings import PlateSettings
from hub.plates.vehicles import Vehicles, VehicleSettings, VehicleStep

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

IDLE: Final = 2.0
"""Seconds without a frame of a live source after which its tracks end: nothing waits for a camera to come back."""


class FrameSeen(Struct, frozen=True):
    """What may be told of a frame before there is an alert: boxes, counts and a reason code, no text (C3)."""

    camera: str
    number: int
    origin: str
    position: float
    """Seconds from the start of the medium."""
    reason: Reason
    """The frame's one reason."""
    boxes: tuple[Box, ...]
    """Regions that passed every gate."""
    milliseconds: float
    """From handing the frame to the reader to its answer or failure."""
    detail: str
    """What the reader's failure was, "" where it answered."""


async def _ignore(_: object) -> None:
    """Drop a report."""


async def run_plates(
    camera: str,
    frames: Mailbox[Frame],
    out: Mailbox[PlateRead],
    *,
    reader: PlateReader,
    worker: Worker,
    book: GrammarBook,
    plates: PlateSettings,
    ledger: Ledger,
    key: bytes,
    vehicles: VehicleSettings = VehicleSettings(),  # noqa: B008  # frozen
    deadline: float = 5.0,
    at_once: int = 1,
    on_frame: Callable[[FrameSeen], Awaitable[None]] = _ignore,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Read plates until `frames` is closed and empty. When cancelled it closes `frames` and accounts for what is left.

    Args:
        camera: Name of the camera.
        frames: What capture hands over; each has entered stage "frame" of the ledger.
        out: Where reads go; each enters stage "read". Not closed here: cameras share it.
        reader: The plate reader.
        worker: Runs the reader; cameras share it, so that no more calls are made at once than the reader takes.
        book: The grammars.
        plates: Settings of decoding and gates.
        ledger: Takes the reasons.
        key: 32 random bytes of this run, see `hub.plates.vehicles`.
        vehicles: When a track gives a read.
        deadline: Seconds in which the reader must answer for one frame.
        at_once: Frames that are looked at at the same time where none may be dropped: two that share the cores are
            done sooner than one after the other. Where the newest frame wins they are looked at one by one.
        on_frame: Gets what may be told of each frame, after its reads went out.
        task_status: Started at once; the reader was opened before.
    """
    watch = _Watch(camera, out, ledger, Vehicles(book, plates, vehicles, key=key))
    desk = Worker(f"plates of {camera}")
    # What was seen is judged while the model already looks at the next frame: both together take as long as the model.
    # Each has its turn from before it is received until what was seen of it is taken, and is taken in that order.
    turns = trio.Semaphore(at_once, max_value=at_once)
    begun: Mailbox[_Look | _Silence] = Mailbox(at_once)

    async def read_on(looks: trio.Nursery) -> None:
        # A live source that falls silent: first its tracks end, then what was remembered of vehicles goes.
        silence = (IDLE, vehicles.memory, math.inf)
        step = 2
        try:
            while True:
                await turns.acquire()
                with trio.move_on_after(silence[step]) as waiting:
                    frame = await frames.receive()
                if waiting.cancelled_caught:
                    begun.offer(_Silence(forget=step == 1))
                    step += 1
                    continue
                step = 0 if frame.kind.newest_wins else 2
                look = _Look(frame)
                begun.offer(look)  # there is room for every turn
                looks.start_soon(see, look)
                if frame.kind.newest_wins:
                    await look.ended.wait()
                del frame, look  # not kept while the next one is awaited (C3)
        except ClosedChannelError:
            begun.close()

    async def see(look: _Look) -> None:
        started = trio.current_time()
        look.evidence, look.detail = await ask(worker, reader.read, look.frame.image)
        look.milliseconds = 1000 * (trio.current_time() - started)
        look.ended.set()

    async def ask(by: Worker, function: Callable[[*Ts], T], *arguments: *Ts) -> tuple[T | None, str]:
        try:
            answer = await by.call(function, *arguments, deadline=deadline)
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything; it costs this frame
            let_go(error)
            # Not its message, which could quote what it read.
            return None, f"the plate reader failed: {type(error).__name__}"
        return answer, "" if answer is not None else "the plate reader gave nothing"

    async def conclude(each: _Look) -> None:
        try:
            await each.ended.wait()
            turns.release()
            image, detail = None, each.detail
            if each.evidence is not None:
                size = (each.frame.image.shape[0], each.frame.image.shape[1])
                image, detail = await ask(desk, reading.judge, each.evidence, size, book, plates)
        except trio.Cancelled:
            ledger.leave(camera, Stage.FRAME, Reason.STOPPED)
            raise
        reason = image.reason if image is not None else Reason.READER_UNAVAILABLE
        ledger.leave(camera, Stage.FRAME, reason)
        told = FrameSeen(
            camera=camera,
            number=each.frame.number,
            origin=each.frame.origin,
            position=each.frame.position,
            reason=reason,
            boxes=tuple(region.evidence.box for region in image.passed) if image is not None else (),
            milliseconds=each.milliseconds,
            detail=detail,
        )
        if image is not None:
            await watch.take(each.frame, image)
        await on_frame(told)

    async def judge_on() -> None:
        async for each in begun:
            if isinstance(each, _Look):
                await conclude(each)
            else:
                turns.release()
                await (watch.forget() if each.forget else watch.end())
            del each  # not kept while the next one is awaited (C3)
        await watch.end()

    task_status.started()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_on, nursery)
            await judge_on()
    finally:
        left = sum(isinstance(each, _Look) for each in begun.drain())
        if trio.current_effective_deadline() == -math.inf:  # cancelled: nobody will read this camera any more
            frames.close()
            left += len(frames.drain())
        ledger.leave(camera, Stage.FRAME, Reason.STOPPED, left)
        watch.stop()


class _Look:
    """A frame that the reader looks at, and once that has ended what it saw in it."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.ended = trio.Event()
        self.evidence: Sequence[PlateEvidence] | None = None
        """None where the reader failed."""
        self.detail = ""
        """What its failure was."""
        self.milliseconds = 0.0


class _Silence(Struct, frozen=True):
    """A live source gives nothing any more, in its place among what was seen."""

    forget: bool
    """For so long that the vehicles of before are forgotten."""


class _Watch:
    """The tracks of one camera and their part of the ledger."""

    def __init__(self, camera: str, out: Mailbox[PlateRead], ledger: Ledger, vehicles: Vehicles) -> None:
        self._camera = camera
        self._out = out
        self._ledger = ledger
        self._vehicles = vehicles
        # Decoding a track's sum takes tens of milliseconds, which the event loop does not have.
        self._limiter = trio.CapacityLimiter(1)

    async def take(self, frame: Frame, image: ImageRead) -> None:
        """Count a frame's regions, follow its tracks, and emit what they give."""
        for region in image.regions:
            self._ledger.enter(self._camera, Stage.REGION)
            self._ledger.leave(self._camera, Stage.REGION, region.reason)
        if frame.kind is SourceKind.STILL:  # stands alone: nothing is summed, so a thread would only cost its wake-up
            step = self._vehicles.step(frame, image)
        else:
            step = await trio.to_thread.run_sync(self._vehicles.step, frame, image, limiter=self._limiter)
        await self._emit(step)

    async def end(self) -> None:
        """End all tracks and emit what they give."""
        await self._emit(await trio.to_thread.run_sync(self._vehicles.finish, limiter=self._limiter))

    async def forget(self) -> None:
        """Forget the vehicles that were seen; all tracks have ended."""
        self._vehicles.forget()

    def stop(self) -> None:
        """Drop what is left without reading it."""
        self._ledger.leave(self._camera, Stage.TRACK, Reason.STOPPED, self._vehicles.undecided)
        self._vehicles.forget()

    async def _emit(self, step: VehicleStep) -> None:
        self._ledger.enter(self._camera, Stage.TRACK, step.started)
        for outcome in step.outcomes:
            self._ledger.leave(self._camera, Stage.TRACK, outcome.reason)
        reads = deque(outcome.read for outcome in step.outcomes if outcome.read is not None)
        self._ledger.enter(self._camera, Stage.READ, len(reads))
        try:
            while reads:
                await self._out.send(reads[0])
                reads.popleft()
        finally:
            self._ledger.leave(self._camera, Stage.READ, Reason.STOPPED, len(reads))
