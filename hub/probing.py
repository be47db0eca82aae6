"""Puts probes together: the face engine, its calibration, the list in force, and a camera's next frames.

What a probe may do is `hub.probes`' to say. The command opens it for one probe; a hub opens the engine with the first
probe that a dashboard asks for and keeps it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing
from typing import TYPE_CHECKING, Final

import trio

from hub.authority.unit_key import UnitKey
from hub.backends import FaceEngine
from hub.channels import Mailbox, Overflow
from hub.errors import NotAllowedError, UsageError
from hub.inference import Device, Worker
from hub.messages import Frame, Requester
from hub.parts import calibration_of, open_face_engine
from hub.plugins import PluginHost
from hub.probes import ProbeAnswer, Probes
from hub.text import plain
from hub.unit import Unit, new_identifier
from hub.watchlists.gallery import Gallery

if TYPE_CHECKING:
    from hub.messages import Pixels

LOOK_SECONDS: Final = 4.0
"""Longest time for which a camera is looked at for one probe."""
MOST_PICTURES: Final = 12
"""Most pictures of a camera that are looked at for one probe."""
APART: Final = 0.15
"""Least seconds between two of them."""


class ProbeDesk:
    """Opens what probes need, once, when the first is made.

    Args:
        unit: The unit.
        plugins: Loaded.
        key_of: Returns the unit's key as an officer has unlocked it; None where it is not.
    """

    def __init__(
        self,
        unit: Unit,
        plugins: PluginHost,
        key_of: Callable[[Requester], UnitKey | None],
    ) -> None:
        self._unit = unit
        self._plugins = plugins
        self._key_of = key_of
        self._device: Device | None = None
        self._opening = trio.Lock()
        self._engine: FaceEngine | None = None
        self._probes: Probes | None = None

    def share(self, device: Device) -> None:
        """Say what the engine runs on, together with the plate reader."""
        self._device = device

    async def probe(
        self, pictures: AsyncGenerator[Pixels, None], requester: Requester, reason: str, *, camera: str, digest: str
    ) -> ProbeAnswer:
        """Compare one face with a list; see `Probes.probe`. The pictures are closed, whatever came of it."""
        async with aclosing(pictures):
            probes = await self._open()
            return await probes.probe(pictures, requester, reason, camera=camera, digest=digest)

    def close(self) -> None:
        """Free the engine. May be called twice."""
        engine, self._engine, self._probes = self._engine, None, None
        if engine is not None:
            engine.close()

    async def _open(self) -> Probes:
        async with self._opening:
            if self._probes is None:
                unit = self._unit
                engine = await trio.to_thread.run_sync(open_face_engine, self._plugins, unit.settings, unit.state)
                self._engine = engine
                self._probes = Probes(
                    engine,
                    calibration_of(unit.settings, engine.model),
                    unit.meter,
                    open_list=lambda requester, digest: self._list(engine.model, requester, digest),
                    alerts=unit.alerts,
                    log=unit.log,
                    clock=unit.clock,
                    identify=new_identifier,
                    settings=unit.settings.faces,
                    worker=Worker("probe", device=self._device),
                )
            return self._probes

    def _list(self, model: str, requester: Requester, digest: str) -> AbstractContextManager[Gallery]:
        key = self._key_of(requester)
        if key is None:
            why = "the key of this unit is locked: sign in again to open a face list"
            none = "no face list is loaded: load one with `patrol-hub watchlist load`"
            raise NotAllowedError(why if self._unit.face_lists.lists() else none)
        return self._unit.face_lists.open(key, model, digest=digest)


class NextFrames:
    """Hands a camera's next frames to whoever waits for some; holds none for anybody else.

    Args:
        cameras: Names of the cameras.
    """

    def __init__(self, cameras: tuple[str, ...]) -> None:
        self._cameras = cameras
        self._waiting: dict[str, list[Mailbox[Frame]]] = {}

    def offer(self, frame: Frame) -> None:
        """Take a frame, in the moment in which it comes; never waits."""
        for each in self._waiting.get(frame.camera, ()):
            each.offer(frame)

    def check(self, camera: str) -> None:
        """Check that there is such a camera.

        Raises:
            UsageError: There is none.
        """
        if camera not in self._cameras:
            raise UsageError(f"there is no camera {plain(camera, 60)!r}: {', '.join(self._cameras) or 'there is none'}")

    async def of(self, camera: str) -> AsyncGenerator[Pixels, None]:
        """Yield a camera's next pictures, a moment apart, for a few seconds at most."""
        box: Mailbox[Frame] = Mailbox(1, Overflow.NEWEST)
        waiting = self._waiting.setdefault(camera, [])
        waiting.append(box)
        try:
            async with aclosing(spaced(_receive(box))) as pictures:
                async for picture in pictures:
                    yield picture
        finally:
            waiting.remove(box)
            box.close()
            box.drain()


async def spaced(frames: AsyncGenerator[Frame, None]) -> AsyncGenerator[Pixels, None]:
    """Yield the pictures of frames a moment apart, for `LOOK_SECONDS` and `MOST_PICTURES` at most; closes `frames`."""
    until, after = trio.current_time() + LOOK_SECONDS, 0.0
    given = 0
    async with aclosing(frames):
        while given < MOST_PICTURES:
            frame = None
            with trio.move_on_at(until):
                frame = await anext(frames, None)
            if frame is None:
                return
            if trio.current_time() >= after:
                after, given = trio.current_time() + APART, given + 1
                yield frame.image
            del frame


async def one(picture: Pixels) -> AsyncGenerator[Pixels, None]:
    """Yield a single picture."""
    yield picture


async def _receive(box: Mailbox[Frame]) -> AsyncGenerator[Frame, None]:
    while True:
        yield await box.receive()
