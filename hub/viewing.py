"""A camera's picture for whoever watches: fully reduced (C8), a few a second, and nothing while nobody watches.

Frames pass by here and are not kept: one is reduced at once in a thread, or not at all. Boxes carry a reason and no
text (C3). Who may watch is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import trio

from hub.actors.plates import FrameSeen
from hub.channels import Mailbox, Overflow
from hub.errors import UsageError
from hub.inference import Worker
from hub.messages import Frame, Picture
from hub.text import plain
from hub.wire import CameraPicture, SeenBox

if TYPE_CHECKING:
    from hub.messages import Pixels

EVERY: Final = 0.2
"""Seconds between two pictures of one camera."""
WIDTH: Final = 640
"""Most columns of a picture; what is left out are repetitions of the blocks' means."""
REDUCE_SECONDS: Final = 2.0
BOXES_FOR: Final = 1.0
"""Seconds for which the boxes of a frame are shown on later ones."""


class Viewing:
    """The pictures of a unit's cameras.

    Args:
        cameras: Their names.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._cameras = tuple(cameras)
        self._watchers: dict[str, list[Mailbox[CameraPicture]]] = {}
        self._next: dict[str, float] = {}
        self._busy: set[str] = set()
        self._seen: dict[str, tuple[float, FrameSeen]] = {}
        self._worker = Worker("pictures for dashboards")
        self._nursery: trio.Nursery | None = None

    @contextmanager
    def watch(self, camera: str) -> Iterator[Mailbox[CameraPicture]]:
        """Give a mailbox with the newest picture of a camera, for the block.

        Raises:
            UsageError: There is no such camera.
        """
        self.check(camera)
        pictures: Mailbox[CameraPicture] = Mailbox(1, Overflow.NEWEST)
        watchers = self._watchers.setdefault(camera, [])
        watchers.append(pictures)
        try:
            yield pictures
        finally:
            watchers.remove(pictures)
            pictures.close()

    def check(self, camera: str) -> None:
        """Check that there is such a camera.

        Raises:
            UsageError: There is none.
        """
        if camera not in self._cameras:
            raise UsageError(f"there is no camera {plain(camera, 60)!r}: {', '.join(self._cameras) or 'there is none'}")

    def note(self, seen: FrameSeen) -> None:
        """Take in what was seen in a frame, for the boxes of the next pictures."""
        if self._watchers.get(seen.camera):
            self._seen[seen.camera] = (trio.current_time(), seen)
        else:
            self._seen.pop(seen.camera, None)

    def offer(self, frame: Frame) -> None:
        """Show a frame to whoever watches its camera, where the last picture is old enough; never waits."""
        camera, now = frame.camera, trio.current_time()
        if self._nursery is None or not self._watchers.get(camera) or camera in self._busy:
            return
        if now >= self._next.get(camera, 0.0):
            self._next[camera] = now + EVERY
            self._busy.add(camera)
            self._nursery.start_soon(self._show, frame)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Reduce pictures until cancelled; without this no frame is looked at."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self._busy.clear()

    async def _show(self, frame: Frame) -> None:
        try:
            picture = await self._worker.call(_reduce, frame.image, deadline=REDUCE_SECONDS)
        except Exception:  # noqa: BLE001  # no picture is better than one that is late or was not reduced
            return
        finally:
            self._busy.discard(frame.camera)
        height, width = frame.image.shape[:2]
        at, seen = self._seen.get(frame.camera, (0.0, None))
        fresh = seen is not None and trio.current_time() - at <= BOXES_FOR
        shown = CameraPicture(
            camera=frame.camera,
            at=frame.at,
            picture=picture,
            frame_width=width,
            frame_height=height,
            boxes=tuple(SeenBox(box, seen.reason) for box in seen.boxes) if seen is not None and fresh else (),
        )
        for watcher in self._watchers.get(frame.camera, ()):
            watcher.offer(shown)


def _reduce(image: Pixels) -> Picture:
    """Return a picture in which nothing is left but the means of blocks."""
    from numpy import ascontiguousarray

    from hub.vision.redaction import encode_jpeg, redact

    step = max(1, -(-image.shape[1] // WIDTH))
    return encode_jpeg(ascontiguousarray(redact(image, None)[::step, ::step]))
