"""The faces actor: watches the frames of one camera for the people of a list, under a deployment order alone (C4).

Every frame asks the order first; where the answer is no, the frame is not looked at and what was seen of faces is
dropped. Every face is compared once, and only above the quality floor. Each frame and each face leaves exactly one
reason in the ledger; of a face that resembles nobody nothing else is left (C3).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import trio

from hub.authority.policy import may_watch
from hub.backends import FaceEngine, FaceRegion
from hub.channels import Mailbox, Overflow
from hub.errors import ClosedChannelError, ModelError
from hub.face_answers import hits_of, raised
from hub.face_watch import PER_HOUR, Compared, FaceWatch, is_candidate
from hub.inference import Worker, let_go
from hub.ledger import Ledger, Stage
from hub.messages import FaceCandidate, Frame, OrderReason, RaisedHit, Reason
from hub.vision.face_quality import FaceFloor, flaw, measure
from hub.vision.face_tracks import FaceOutcome, FaceTracks, FaceTrackSettings, PooledFace, SeenFace
from hub.watchlists.gallery import UNIT_LENGTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hub.messages import Pixels

    Floats: TypeAlias = NDArray[np.float32]

IDLE: Final = 1.5
"""Seconds without a frame of a live source after which its faces end."""
TICK_SECONDS: Final = 1.0
"""How often the order is asked when no frame does: templates outlive it by this at most."""


def faces_mailbox(ledger: Ledger, camera: str, *, lossless: bool) -> Mailbox[Frame]:
    """Return the mailbox from which a camera's faces actor reads; of live sources the newest frame wins."""
    if lossless:
        return Mailbox(1, Overflow.WAIT)
    return Mailbox(1, Overflow.NEWEST, on_drop=lambda _: ledger.leave(camera, Stage.FACE_FRAME, Reason.REPLACED))


async def _nothing() -> None:
    """Do nothing."""


async def run_watch(
    watch: FaceWatch,
    *,
    on_tick: Callable[[], Awaitable[None]] = _nothing,
    on_problem: Callable[[str], None] = lambda _: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Look after a watch until its order has ended or this is cancelled; no template is left when this returns.

    Args:
        watch: The watch; its cameras have an actor each.
        on_tick: Called each time that the order was asked, also after its end.
        on_problem: Gets why the log or the list cannot be used, once each time that changes.
        task_status: Started once the order was asked for the first time.
    """
    told = ""
    try:
        while True:
            problem = ""
            try:
                await watch.tick()
                await on_tick()
            except Exception as error:  # noqa: BLE001  # whatever fails, the order is asked again in a second
                watch.check(None)
                problem = str(error) or type(error).__name__
            problem = problem or watch.state().detail
            if problem != told:
                told = problem
                on_problem(problem)
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            if watch.ended.is_set():
                return
            with trio.move_on_after(TICK_SECONDS):
                await watch.ended.wait()
    finally:
        await watch.aclose()


async def run_faces(
    camera: str,
    frames: Mailbox[Frame],
    out: Mailbox[RaisedHit],
    *,
    engine: FaceEngine,
    worker: Worker,
    watch: FaceWatch,
    ledger: Ledger,
    identify: Callable[[], str],
    floor: FaceFloor = FaceFloor(),  # noqa: B008  # frozen
    settings: FaceTrackSettings = FaceTrackSettings(),  # noqa: B008  # frozen
    deadline: float = 5.0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Watch one camera until its frames end or the order has.

    Args:
        camera: Name of the camera.
        frames: Its frames; each has entered stage "face_frame" of the ledger. Closed when this returns.
        out: Where candidates go; each still is in stage "face". Not closed here.
        engine: Finds and embeds.
        worker: Runs the engine; cameras share it.
        watch: Says whether to look, and compares.
        ledger: Takes the reasons.
        identify: Gives a new identifier.
        floor: Least quality; the hub's own.
        settings: When a face is compared.
        deadline: Seconds in which the engine must answer for one frame.
        task_status: Started at once.
    """
    actor = _Actor(camera, out, engine, worker, watch, ledger, identify, floor, settings, deadline)
    task_status.started()
    wait = math.inf
    try:
        while not watch.ended.is_set():
            with trio.move_on_after(wait) as waiting:
                frame = await frames.receive()
            if waiting.cancelled_caught:
                await actor.silent()
                wait = math.inf
                continue
            wait = IDLE if frame.kind.newest_wins else math.inf
            await actor.look(frame)
            del frame  # not kept while the next one is awaited (C3)
        actor.drop(Reason.NO_ORDER)
    except ClosedChannelError:
        await actor.silent()
    finally:
        frames.close()
        why = Reason.NO_ORDER if watch.ended.is_set() else Reason.STOPPED
        ledger.leave(camera, Stage.FACE_FRAME, why, len(frames.drain()))
        actor.drop(why)


class _Actor:
    """The faces of one camera and their part of the ledger."""

    def __init__(
        self,
        camera: str,
        out: Mailbox[RaisedHit],
        engine: FaceEngine,
        worker: Worker,
        watch: FaceWatch,
        ledger: Ledger,
        identify: Callable[[], str],
        floor: FaceFloor,
        settings: FaceTrackSettings,
        deadline: float,
    ) -> None:
        self._camera, self._out, self._engine, self._worker = camera, out, engine, worker
        self._watch, self._ledger, self._identify = watch, ledger, identify
        self._floor, self._deadline = floor, deadline
        self._tracks = FaceTracks(settings)

    async def look(self, frame: Frame) -> None:
        """Look at one frame, where the order allows it; it leaves with one reason."""
        reason = Reason.STOPPED
        try:
            reason = await self._look(frame)
        finally:
            self._ledger.leave(self._camera, Stage.FACE_FRAME, reason)

    async def silent(self) -> None:
        """The source has ended or says nothing any more: compare the faces that are still to be."""
        await self._conclude(self._tracks.finish())

    def drop(self, reason: Reason) -> None:
        """Drop the faces that are still to be compared, for a reason."""
        self._ledger.leave(self._camera, Stage.FACE, reason, self._tracks.undecided)
        self._tracks.forget()

    async def _look(self, frame: Frame) -> Reason:
        if not may_watch(self._watch.check(self._camera)).allowed:
            self.drop(Reason.NO_ORDER)
            return Reason.NO_ORDER
        if not self._watch.is_open:
            self.drop(Reason.NO_LIST)
            return Reason.NO_LIST
        try:
            call = self._worker.call
            seen = await call(look_at, self._engine, frame.image, self._floor, deadline=self._deadline)
            step = self._tracks.step(frame, seen)
            self._ledger.enter(self._camera, Stage.FACE, step.started)
            await self._conclude(step.outcomes)
            regions = [seen[place].region for place in step.wanted]
            rows = await call(embed, self._engine, frame.image, regions, deadline=self._deadline) if regions else []
        except Exception as error:  # noqa: BLE001  # an engine may raise anything; it costs this frame
            let_go(error)
            self.drop(Reason.ENGINE_UNAVAILABLE)
            return Reason.ENGINE_UNAVAILABLE
        await self._conclude(self._tracks.add(frame, seen, step.wanted, rows))
        return Reason.FACES if seen else Reason.NO_FACE

    async def _conclude(self, outcomes: Sequence[FaceOutcome]) -> None:
        """Give each face its one reason, or hand it on as a candidate."""
        waiting = deque(outcomes)
        try:
            while waiting:
                outcome = waiting[0]
                reason = await self._decide(outcome)
                waiting.popleft()
                if reason is not None:
                    self._ledger.leave(self._camera, Stage.FACE, reason)
        finally:
            for outcome in waiting:
                if outcome.face is not None:
                    outcome.face.embedding[:] = 0
            self._ledger.leave(self._camera, Stage.FACE, Reason.STOPPED, len(waiting))

    async def _decide(self, outcome: FaceOutcome) -> Reason | None:
        """Return why a face goes nowhere; None where it went to the alerts, which give it its reason."""
        face = outcome.face
        if face is None:
            return Reason(outcome.flaw.value) if outcome.flaw is not None else Reason.ENGINE_UNAVAILABLE
        started = trio.current_time()
        try:
            compared = await self._watch.compare(self._camera, face.embedding)
        except Exception as error:  # noqa: BLE001  # the log, the store or the search failed: nothing came of it
            let_go(error)
            return Reason.UNAVAILABLE
        if compared is None:
            in_force = self._watch.check(self._camera).reason is OrderReason.IN_FORCE
            return Reason.NO_LIST if in_force else Reason.NO_ORDER
        if not is_candidate(compared):
            return Reason.NOT_RESEMBLED
        try:
            await self._out.send(self._raised(face, compared, 1000 * (trio.current_time() - started)))
        except ClosedChannelError:
            return Reason.STOPPED
        return None

    def _raised(self, face: PooledFace, compared: Compared, milliseconds: float) -> RaisedHit:
        hits = hits_of(
            compared.ranking,
            compared.cards,
            compared.threshold,
            self._watch.calibration,
            views=face.views,
            per=PER_HOUR,
        )
        candidate = FaceCandidate(
            camera=self._camera,
            track=face.track,
            at=face.best.frame.at,
            first_seen=face.first_seen,
            last_seen=face.last_seen,
            views=face.views,
            box=face.best.box,
            scene=face.best.frame.image,
            others=face.best.others,
            order=self._watch.order,
            references=tuple((card.entry.entry, card.photo) for card in compared.cards),
        )
        return raised(
            hits,
            compared.ranking,
            candidate,
            lookup=self._identify(),
            source=compared.name,
            digest=compared.digest,
            requester=self._watch.requester,
            milliseconds=milliseconds,
            development=self._watch.development,
        )


def embed(engine: FaceEngine, image: Pixels, regions: Sequence[FaceRegion]) -> list[Floats]:
    """Embed faces of a frame, and believe the engine no more than it has to be. Blocking.

    Raises:
        ModelError: The engine does not run, or gave no directions of length 1.
    """
    rows = np.array(engine.embed(image, regions), np.float32)
    if rows.shape != (len(regions), engine.size) or not (np.abs(np.linalg.norm(rows, axis=1) - 1) < UNIT_LENGTH).all():
        raise ModelError("the face engine gave no usable numbers")
    return list(rows)


def look_at(engine: FaceEngine, image: Pixels, floor: FaceFloor) -> list[SeenFace]:
    """Find the faces of a frame and measure them. Blocking; keeps nothing."""
    seen = []
    for region in engine.detect(image):
        quality = measure(image, region)
        seen.append(SeenFace(region, quality, flaw(quality, floor)))
    return seen
