"""A whole unit that may compare faces: an authority, a face list, an order, officers with the unit's key, an engine.

    async with Deploy(folder).unit() as ready:
        await ready.probe(face_picture(0))
        async with ready.watching(ready.order()) as watching: ...

Two people are as alike as the cosine of their difference in degrees; listed are 0 and 90, strangers lie between.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hub.app import Hub, Watched, open_hub
from hub.authority.officers import Role
from hub.authority.orders import Order, Purpose, build_order, sign_order
from hub.authority.place import Place
from hub.authority.unit_key import UnitKey
from hub.clocks import ManualClock
from hub.config import Settings
from hub.messages import Requester
from hub.plugins import Part, PluginHost
from hub.probes import ProbeAnswer
from hub.probing import ProbeDesk, one
from hub.testing.faces import MODEL, ScriptedEngine, calibration
from hub.testing.readers import PaintedReader
from hub.unit import Unit, open_unit
from hub.watching import Watching, open_watching
from hub.watchlists.budget import FaceSettings
from hub.watchlists.face_building import Particulars, ReceivingUnit, build_faces
from hub.watchlists.faces import read_header, sign_faces
from hub.watchlists.gallery import Gallery
from hub.watchlists.trust import TRUSTED_FOLDER
from hub.watchlists.trusted import keep
from tests.kit_authority import NORTH, NOW, Ceremony, signer
from tests.kit_lists import checked
from tests.kit_watch import LISTED, people

CAMERA = "gate"
UNIT = "car-1"
PASSPHRASE = "a long passphrase"
SQUARE = ((48.0, 17.0), (48.0, 17.2), (48.2, 17.2), (48.2, 17.0))
INSIDE, OUTSIDE = (48.1, 17.1), (48.3, 17.1)


class Compared:
    """Counts every comparison of any gallery in this process, and keeps the galleries that were opened."""

    def __init__(self) -> None:
        self.galleries: list[Gallery] = []

    @property
    def comparisons(self) -> int:
        """Templates that were compared with a face."""
        return sum(each.comparisons for each in self.galleries)

    @property
    def zeroed(self) -> bool:
        """Whether no template is left of any."""
        return all(each.ended and not len(each) for each in self.galleries)


@contextmanager
def counted() -> Iterator[Compared]:
    """Count comparisons for the block."""
    compared = Compared()
    make = Gallery.__init__

    def noted(self: Gallery, *args: Any, **more: Any) -> None:
        compared.galleries.append(self)
        make(self, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gallery, "__init__", noted)
        yield compared


class ScriptedPlugins(PluginHost):
    """A reader of painted plates and the scripted engine; no other plugin."""

    def __init__(self, engine: ScriptedEngine) -> None:
        super().__init__(path=[])
        self._engine = Part("kit", "scripted", lambda context: engine)
        self._reader = Part("kit", "painted", lambda context: PaintedReader())

    @property
    def face_engines(self) -> Mapping[str, Part[Any]]:
        """The engine."""
        return {"scripted": self._engine}

    @property
    def plate_readers(self) -> Mapping[str, Part[Any]]:
        """The reader."""
        return {"painted": self._reader}


class Ready:
    """An open unit with an officer signed in."""

    def __init__(self, deploy: Deploy, unit: Unit, requester: Requester, key: UnitKey) -> None:
        self.deploy, self.unit, self.requester, self.key = deploy, unit, requester, key

    async def probe(self, picture: Any, **options: Any) -> ProbeAnswer:
        """Probe one picture."""
        desk = ProbeDesk(self.unit, self.deploy.plugins, self.unit.officers.key_of)
        options = {"camera": "", "digest": ""} | options
        return await desk.probe(one(picture), self.requester, options.pop("reason", "who is it?"), **options)

    @asynccontextmanager
    async def watching(
        self, envelope: bytes, position: str = "", *, hub: Hub | None = None, development: bool = True
    ) -> AsyncIterator[Watching]:
        """Load an order for the block, for a hub's cameras; tests watch files, hence with ``--development``."""
        async with open_watching(
            self.unit,
            self.deploy.plugins,
            envelope,
            self.requester,
            self.key,
            clock=self.deploy.clock,
            cameras={} if hub is None else hub.cameras,
            position=position,
            development=development,
        ) as watching:
            yield watching


class Deploy:
    """What stays while units are opened and closed: an authority, a state folder, clocks, an engine.

    In a folder that has been one already it is the same authority and state again.

    Attributes:
        list: The list's file, signed and published; not loaded yet.
        clock: The machine's.
        engine: Counts embeddings.
    """

    def __init__(self, folder: Path, engine: ScriptedEngine | None = None, now: datetime = NOW) -> None:
        self.folder, self.state = folder, folder / "state"
        again = self.state.exists()
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock, self.engine = ManualClock(now), engine or ScriptedEngine()
        self.plugins = ScriptedPlugins(self.engine)
        calibrations = folder / "calibrations"
        calibrations.mkdir(exist_ok=True)
        (calibrations / "scripted.json").write_bytes(msgspec.json.encode(calibration()))
        faces = FaceSettings(false_alerts_per_hour=60, faces_per_hour=100)
        self.settings = replace(Settings(), unit=UNIT, calibrations_folder=calibrations, faces=faces)
        self.settings = replace(self.settings, plates=replace(self.settings.plates, reader="painted"))
        self.ceremony = Ceremony(folder) if again else Ceremony(folder).begin(now)
        self.list = folder / "children.faces"
        self.digest = ""

    @asynccontextmanager
    async def unit(self, *, listed: Sequence[int] = LISTED, load: bool = True, **header: Any) -> AsyncIterator[Ready]:
        """Open the unit for the block, with its officer, its authority and its list."""
        async with open_unit(self.settings, self.state, clock=self.clock) as unit:
            ready = await self.sign_in(unit)
            await self.publish(unit, listed, **header)
            if load:
                await unit.face_lists.load(self.list, ready.requester, ready.key, MODEL)
            yield ready

    @asynccontextmanager
    async def hub(
        self, watched: Sequence[Watched], *, listed: Sequence[int] = LISTED, **options: Any
    ) -> AsyncIterator[tuple[Hub, Ready]]:
        """Open a hub on the unit for the block, with its list loaded."""
        async with open_hub(
            self.settings, self.state, watched, clock=self.clock, plugins=self.plugins, **options
        ) as hub:
            ready = await self.sign_in(hub.unit)
            await self.publish(hub.unit, listed)
            await hub.unit.face_lists.load(self.list, ready.requester, ready.key, MODEL)
            yield hub, ready

    async def sign_in(self, unit: Unit) -> Ready:
        """Have the officer signed in; added first where there is none."""
        if not await unit.officers.list():
            await unit.officers.add("4711", PASSPHRASE, Role.SUPERVISOR)
        session = await unit.officers.sign_in("4711", PASSPHRASE)
        key = unit.officers.key_of(session.requester)
        assert key is not None
        return Ready(self, unit, session.requester, key)

    async def publish(self, unit: Unit, listed: Sequence[int] = LISTED, **header: Any) -> None:
        """Make the list, have its issuer sign and publish it, and take the update."""
        public = await unit.officers.public_key()
        assert public is not None
        self.make(public, listed, **header)
        self.ceremony.desk.publish(self.list, _info(self.list), self.clock.now())
        self.ceremony.sign("cleo", "dan")
        self.ceremony.refresh(self.clock.now())
        self.take_update()

    def take_update(self) -> None:
        """Have the unit take what the authority says now."""
        keep(self.state / TRUSTED_FOLDER, self.ceremony.unit(now=self.clock.now()))

    def make(
        self,
        public: bytes,
        listed: Sequence[int] = LISTED,
        *,
        signers: Sequence[str] = ("cleo", "dan"),
        model: str = MODEL,
        rows: Any = None,
        **changes: Any,
    ) -> None:
        """Make the list's file, signed by so many; of those listed, or of other templates."""
        particulars = Particulars(
            name="children",
            issuer=NORTH,
            authority="Test authority",
            purpose=Purpose.MISSING_OR_VULNERABLE,
            place="Test town",
            legal_basis="Test act",
            size=20_000,
            created=self.clock.now(),
            expires=self.clock.now() + timedelta(hours=12),
            version=1,
            units=(ReceivingUnit(UNIT, public),),
        )
        rows = people(*listed) if rows is None else rows
        build_faces(self.list, checked(rows), replace(particulars, **changes), model=model, random=secrets.token_bytes)
        for name in signers:
            sign_faces(self.list, signer(name))
        self.digest = _info(self.list).digest
        assert read_header(self.list).entries == len(rows)

    def order(self, *signers: str, **changes: Any) -> bytes:
        """Return an order for the list, signed by the judge and the chief unless others are named."""
        order = Order(
            order="2026/117",
            purpose=Purpose.MISSING_OR_VULNERABLE,
            place=Place(unit=UNIT, cameras=(CAMERA,)),
            begins=self.clock.now(),
            ends=self.clock.now() + timedelta(hours=2),
            list_digest=self.digest,
            impact_assessment="DPIA 2026-4",
            authorisation="Judge 3 Ntc 118/26",
        )
        file = build_order(replace(order, **changes))
        for name in signers or ("judge", "chief"):
            file = sign_order(file, signer(name))
        return file


def _info(file: Path) -> Any:
    from hub.watchlists.package_info import read_info

    return read_info(file)
