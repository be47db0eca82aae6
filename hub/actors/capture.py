"""The capture actor: keeps one source open and hands its frames to its reader.

It opens again what has stopped, waits longer each time, says so within 2 s, and gives each frame that enters the
ledger either to the reader or a reason. Decoding is in `hub.capture`; looking at frames is another actor's work.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final

import trio

from hub.capture import SourceSpec, Timeouts, open_frames
from hub.channels import Mailbox, Overflow
from hub.clocks import Clock
from hub.errors import CaptureError, ClosedChannelError
from hub.ledger import Ledger, Stage
from hub.messages import CameraHealth, Frame, FrameGap, Reason

FIRST_WAIT: Final = 0.5
"""Seconds before a camera is opened again for the first time; doubles each time."""

LONGEST_WAIT: Final = 10.0
"""Seconds between two attempts, at most."""

KINDS: Final = 10
"""Most reasons of one source, for frames that could not be decoded, that are told apart."""

HEALTHY_AFTER: Final = 5.0
"""Seconds of frames after which the next wait is the first again."""


def mailbox_for(spec: SourceSpec, ledger: Ledger, camera: str, *, until_end: bool = False) -> Mailbox[Frame]:
    """Return a mailbox for one reader of a source: lossless ones wait, of live and paced ones the newest frame wins.

    Args:
        spec: The source.
        ledger: Takes `Reason.REPLACED` for each frame that a newer one replaced.
        camera: Name of the camera.
        until_end: See `SourceSpec.kind`.
    """
    if not spec.kind(until_end=until_end).newest_wins:
        return Mailbox(1, Overflow.WAIT)
    return Mailbox(1, Overflow.NEWEST, on_drop=lambda _: ledger.leave(camera, Stage.FRAME, Reason.REPLACED))


def _ignore(_: object) -> None:
    """Drop a report."""


class GapRemarks:
    """Says which frames could not be decoded: the first for each reason, and in the end how many more there were.

    A folder that is taken away while it is read, or a camera with a bad cable, would fill the log otherwise.

    Args:
        say: Gets one-line remarks.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._counts: Counter[str] = Counter()

    def note(self, gap: FrameGap) -> None:
        """Take a frame in that could not be decoded."""
        # Some reasons have the frame's number in them; those are one and the same.
        kind = re.sub("[0-9]+", "N", gap.detail)
        if kind not in self._counts and len(self._counts) >= KINDS:
            kind = ""
        self._counts[kind] += 1
        if self._counts[kind] == 1:
            self._say(f"{gap.origin}: {gap.detail}")

    def end(self, origin: str) -> None:
        """Say how many frames nothing was said of; nothing where there are none."""
        more = sum(self._counts.values()) - len(self._counts)
        self._counts.clear()
        if more:
            self._say(f"{origin}: more frames that could not be decoded, for reasons already told: {more}")


async def run_capture(
    spec: SourceSpec,
    camera: str,
    frames: Mailbox[Frame],
    *,
    ledger: Ledger,
    clock: Clock,
    rng: random.Random,
    until_end: bool = False,
    timeouts: Timeouts = Timeouts(),  # noqa: B008  # frozen
    report: Callable[[CameraHealth], None] = _ignore,
    on_gap: Callable[[FrameGap], None] | None = None,
    say: Callable[[str], None] = _ignore,
    peek: Callable[[Frame], None] = _ignore,
    also: Mailbox[Frame] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Hand a source's frames on; a photo, folder or video to its end, a camera or stream until cancelled.

    A source that has an end is never opened twice, and `frames` is closed when it is reached; a reader that closes
    `frames` ends the capture. Whether a frame waits or
    replaces the one before is the policy of `frames`: make it with `mailbox_for`.

    Args:
        spec: What to open.
        camera: Name of the camera.
        frames: Where frames go.
        ledger: Each frame, decoded or not, enters stage "frame" here and leaves it with its reader, or here.
        clock: Gives `Frame.at`.
        rng: Spreads the waits of several cameras.
        until_end: See `SourceSpec.kind`.
        timeouts: When a child process counts as hung.
        report: Gets the camera's health whenever it changes.
        on_gap: Gets each frame that could not be decoded; without it `say` is told of them, see `GapRemarks`.
        say: Gets one-line remarks.
        peek: Gets each frame before its reader does; must not block, raise or keep it.
        also: Where each decoded frame goes as well, for faces under an order: there it is in stage "face_frame" of the
            ledger. Closed with `frames`; where its reader closes it, the capture goes on without.
        task_status: Started at once: a camera that is not there yet is no failure of the actor.

    Raises:
        InputError: A photo, folder or video gives no frame at all.
        CaptureError: The child process that decodes a video cannot be started.
    """
    remarks = GapRemarks(say)
    supply = _Supply(camera, frames, ledger, report, on_gap or remarks.note, peek, also)
    task_status.started()
    if until_end and spec.live:
        say(f"{spec.origin} is a camera or stream and has no end: it is read until it is stopped")
    wait, since = FIRST_WAIT, trio.current_time()
    while True:
        opened_at = trio.current_time()
        try:
            async with open_frames(
                spec,
                camera,
                clock=clock,
                until_end=until_end,
                first=supply.number,
                since=since,
                timeouts=timeouts,
                say=say,
            ) as source:
                supply.report(is_open=True)
                await supply.pass_on(source)
        except CaptureError as error:
            if not spec.live:
                raise
            supply.report(stalled=True, detail=str(error))
        except ClosedChannelError:
            return  # nobody reads any more
        finally:
            remarks.end(spec.origin)
            if not spec.live:
                frames.close()
                if also is not None:
                    also.close()
        if not spec.live:
            supply.report(detail="end")
            return
        if trio.current_time() - opened_at > HEALTHY_AFTER:
            wait = FIRST_WAIT
        await trio.sleep(wait * rng.uniform(0.75, 1.25))
        wait = min(2 * wait, LONGEST_WAIT)
        supply.reopened += 1


class _Supply:
    """Counts what a source gives and hands it on, over all times that it is opened."""

    def __init__(
        self,
        camera: str,
        frames: Mailbox[Frame],
        ledger: Ledger,
        report: Callable[[CameraHealth], None],
        on_gap: Callable[[FrameGap], None],
        peek: Callable[[Frame], None],
        also: Mailbox[Frame] | None,
    ) -> None:
        self.number = 0
        """Number of the next frame."""
        self.reopened = 0
        self._camera = camera
        self._frames = frames
        self._ledger = ledger
        self._report = report
        self._on_gap = on_gap
        self._peek = peek
        self._also = also

    def report(self, *, is_open: bool = False, stalled: bool = False, detail: str = "") -> None:
        self._report(
            CameraHealth(
                camera=self._camera,
                open=is_open,
                stalled=stalled,
                frames=self.number,
                reopened=self.reopened,
                detail=detail,
            )
        )

    async def pass_on(self, source: AsyncIterator[Frame | FrameGap]) -> None:
        async for item in source:
            self.number = item.number + 1
            self._ledger.enter(self._camera, Stage.FRAME)
            if isinstance(item, FrameGap):
                self._ledger.leave(self._camera, Stage.FRAME, Reason.UNREADABLE)
                self._on_gap(item)
                continue
            self._peek(item)
            try:
                await self._frames.send(item)
            except (trio.Cancelled, ClosedChannelError):
                self._ledger.leave(self._camera, Stage.FRAME, Reason.STOPPED)
                raise
            await self._pass_also(item)
            del item  # not kept while the next frame is awaited (C3)

    async def _pass_also(self, frame: Frame) -> None:
        if self._also is None:
            return
        self._ledger.enter(self._camera, Stage.FACE_FRAME)
        try:
            await self._also.send(frame)
        except ClosedChannelError:  # the order has ended
            self._also = None
            self._ledger.leave(self._camera, Stage.FACE_FRAME, Reason.NO_ORDER)
        except trio.Cancelled:
            self._ledger.leave(self._camera, Stage.FACE_FRAME, Reason.STOPPED)
            raise
