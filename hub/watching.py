"""Puts a watch together: the loaded order, the position, the face engine, and an actor for each camera.

Nothing is decided here. Whether faces may be looked for is `hub.authority.order_watch`'s to say, what is done with
them `hub.face_watch`'s and `hub.actors.faces`'. `hub.running` starts what `Watching.specs` returns.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import trio
from msgspec import Struct, structs

from hub.actors.faces import faces_mailbox, run_faces, run_watch
from hub.actors.position import run_position
from hub.authority.orders import Order
from hub.authority.policy import Decision, WatchedCamera, may_watch_cameras
from hub.authority.signatories import trusted_now
from hub.authority.unit_key import UnitKey
from hub.backends import FaceEngine
from hub.capture import Medium, SourceSpec, parse_source
from hub.channels import Mailbox
from hub.clocks import Clock
from hub.config import Settings
from hub.deployment import Deployment
from hub.errors import HubError, TrustError
from hub.face_watch import FaceWatch, WatchTrust
from hub.inference import Worker
from hub.ledger import Ledger
from hub.messages import Frame, PositionHealth, RaisedHit, Requester, WatchHealth
from hub.parts import calibration_of, open_face_engine, position_makers
from hub.plugins import PluginHost
from hub.position import MakePosition, Whereabouts, make_position
from hub.supervisor import ActorSpec, RestartPolicy, TaskStatus
from hub.unit import Unit, new_identifier
from hub.watchlists.trust import TRUSTED_FOLDER
from hub.watchlists.trusted import TrustedReader
from hub.wire import OrderShown

WATCH: Final = "watch"
"""Name of the actor that looks after the order."""
_NEVER_AGAIN: Final = RestartPolicy(limit=0)
"""For the position, which is opened again by its actor and fails only once too many of its threads hang."""


_MEDIA: Final = {Medium.VIDEO: "video file"}


class Told(Struct, frozen=True):
    """Where a watch tells what goes wrong."""

    problem: Callable[[str, str], None]
    """Gets an actor's name and what is wrong, "" once it is over."""


class Watching:
    """A watch with its actors; made by `open_watching`.

    Attributes:
        watch: The watch.
        cameras: The cameras that the order was loaded for; a hub watches these or none.
        frames: The mailbox of each camera's faces actor.
    """

    def __init__(
        self,
        deployment: Deployment,
        watch: FaceWatch,
        cameras: Mapping[str, SourceSpec],
        engine: FaceEngine,
        position: tuple[str, MakePosition] | None,
        whereabouts: Whereabouts,
        clock: Clock,
    ) -> None:
        self.watch = watch
        self.cameras = dict(cameras)
        self.frames: dict[str, Mailbox[Frame]] = {}
        self._deployment = deployment
        self._engine = engine
        self._position = position
        self._whereabouts = whereabouts
        self._clock = clock
        self._asked = trio.Event()  # the watch has ended, or the hub stops

    def mailbox(self, camera: str, spec: SourceSpec, ledger: Ledger, *, until_end: bool) -> Mailbox[Frame]:
        """Return the mailbox into which capture puts a camera's frames."""
        lossless = not spec.kind(until_end=until_end).newest_wins
        return self.frames.setdefault(camera, faces_mailbox(ledger, camera, lossless=lossless))

    def specs(
        self, hits: Mailbox[RaisedHit], ledger: Ledger, worker: Worker, rng: random.Random, told: Told
    ) -> tuple[ActorSpec, ...]:
        """Return the actors; after those of capture, before those that read `hits`.

        Args:
            hits: Where candidates go.
            ledger: Takes the reasons.
            worker: Runs the engine, on the device that the plate reader's uses.
            rng: Spreads waits.
            told: Where problems are told.
        """
        specs = []
        if self._position is not None:
            name, make = self._position
            report = _PositionTeller(told)
            run = partial(run_position, name, make, self._whereabouts.keep, clock=self._clock, rng=rng, report=report)
            specs.append(ActorSpec("position", partial(self._locate, run), _NEVER_AGAIN))
        specs += [
            ActorSpec(
                faces_actor(camera),
                partial(
                    run_faces,
                    camera,
                    frames,
                    hits,
                    engine=self._engine,
                    worker=worker,
                    watch=self.watch,
                    ledger=ledger,
                    identify=new_identifier,
                ),
                ask=frames.close,
            )
            for camera, frames in self.frames.items()
        ]
        specs.append(ActorSpec(WATCH, partial(self._run, told), ask=self._asked.set))
        return tuple(specs)

    async def _run(self, told: Told, *, task_status: TaskStatus) -> None:
        """Look after the order; where that ends, however it does, nothing is looked at any more."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_after, self._asked, nursery.cancel_scope)
                await run_watch(
                    self.watch,
                    on_tick=self._deployment.tick,
                    on_problem=partial(told.problem, WATCH),
                    task_status=task_status,
                )
                nursery.cancel_scope.cancel()
        finally:
            self._asked.set()
            for frames in self.frames.values():
                frames.close()

    async def _locate(self, run: Callable[..., Awaitable[None]], *, task_status: TaskStatus) -> None:
        """Keep the newest position until the watch ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_after, self._asked, nursery.cancel_scope)
            await run(task_status=task_status)
            nursery.cancel_scope.cancel()

    def state(self) -> WatchHealth:
        """Return the watch as dashboards are told of it."""
        said = self._position[0] if self._position and self._deployment.watch.order.place.polygon else ""
        return structs.replace(self.watch.state(), position=said)

    def order(self) -> OrderShown:
        """Return the order as dashboards are shown it."""
        return self._deployment.shown()


@asynccontextmanager
async def open_watching(
    unit: Unit,
    plugins: PluginHost,
    envelope: bytes,
    requester: Requester,
    key: UnitKey,
    *,
    clock: Clock,
    cameras: Mapping[str, SourceSpec],
    position: str = "",
    development: bool = False,
) -> AsyncIterator[Watching]:
    """Load an order for the block: an officer's act, in the log before anything is opened.

    Args:
        unit: The unit.
        plugins: Loaded.
        envelope: The order's file.
        requester: The officer of a checked session.
        key: The unit's, unlocked by that officer.
        clock: The machine's own clock, so that one that is set back is noticed.
        cameras: What the hub watches, by name.
        position: What says where the unit is, see `hub.position.HOW`; "" where nothing does.
        development: Allow pictures in files, and cameras that the configuration lacks; marked wherever it shows.

    Raises:
        UsageError: The position is none.
        NotAllowedError: The officer may not, the order does not stand, or the cameras may not be watched under it; the
            refusal is in the log.
        HubError: The model or its calibration is missing, or a store failed.
    """
    makers = position_makers(plugins, unit.settings, unit.state)
    source = make_position(position, clock.boottime, makers) if position else None
    reader = TrustedReader(unit.state / TRUSTED_FOLDER)
    deployment = await Deployment.load(
        envelope,
        requester,
        trusted=reader.current,
        log=unit.log,
        clock=unit.clock,
        state=unit.state,
        position=source[0] if source else "",
        admit=partial(_admit, unit.settings, cameras, development=development),
        development=development,
    )
    engine = None
    try:
        engine = await trio.to_thread.run_sync(open_face_engine, plugins, unit.settings, unit.state)
        digest, whereabouts = deployment.watch.order.list_digest, Whereabouts()
        watch = FaceWatch(
            deployment.watch,
            open_list=partial(unit.face_lists.open, key, engine.model, digest=digest),
            calibration=calibration_of(unit.settings, engine.model),
            settings=unit.settings.faces,
            clock=clock,
            account_clock=unit.clock,
            fix=lambda: whereabouts.fix,
            trust=partial(_trust, reader, digest, unit.clock),
            log=unit.log,
            requester=unit.itself,
            development=development,
        )
        del key  # the watch alone holds it, until the order ends
        try:
            await watch.tick()  # where it is in force already, its list is open before the first frame comes
            yield Watching(deployment, watch, cameras, engine, source, whereabouts, clock)
        finally:
            await watch.aclose()
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 2):
            await deployment.aclose()
        if engine is not None:
            engine.close()


def _admit(settings: Settings, cameras: Mapping[str, SourceSpec], order: Order, *, development: bool) -> Decision:
    watched = [
        WatchedCamera(name, _MEDIA.get(spec.medium, spec.medium.value), spec.live, _is_configured(settings, name, spec))
        for name, spec in cameras.items()
    ]
    return may_watch_cameras(watched, order.place.cameras, development=development)


def _is_configured(settings: Settings, name: str, spec: SourceSpec) -> bool:
    """Say whether the configuration has this camera; one whose file is missing is another."""
    with suppress(HubError):
        return any(camera.name == name and parse_source(camera.source) == spec for camera in settings.cameras)
    return False


async def _cancel_after(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def faces_actor(camera: str) -> str:
    """Return the name of a camera's faces actor."""
    return f"faces {camera}"


def _trust(reader: TrustedReader, digest: str, clock: Clock) -> WatchTrust:
    now = clock.now()
    trusted = reader.current()
    try:
        standing = trusted_now(trusted, now)
    except TrustError as error:
        return WatchTrust(refused=str(error))
    return WatchTrust(standing.revoked, standing.admits(digest, now))


class _PositionTeller:
    """Tells how the position fares, once each time that changes; never where the unit is."""

    def __init__(self, told: Told) -> None:
        self._told, self._last = told, ""

    def __call__(self, health: PositionHealth) -> None:
        text = health.detail or ("" if health.fix else "no position")
        if text != self._last:
            self._last = text
            self._told.problem("position", text)
