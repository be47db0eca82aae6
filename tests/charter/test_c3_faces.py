"""C3: of a thousand strangers whom a watch compared nothing is left: no byte written, no crop, embedding or box.

The walk over what is reachable is that of `test_c3_plates`. The pictures bear a mark where the face is, the boxes have
a size of their own, and the engine remembers by weak references which arrays it gave out.
"""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress

import numpy as np
import pytest
import trio

from hub.actors.faces import faces_mailbox, run_faces
from hub.app import Watched
from hub.backends import FaceRegion
from hub.capture import parse_source
from hub.channels import Mailbox
from hub.errors import ClosedChannelError
from hub.events import encode
from hub.inference import Worker
from hub.ledger import Ledger, Stage
from hub.messages import Box, FaceCandidate, Frame, Reason, SourceKind
from hub.testing.faces import ScriptedEngine, face_picture
from hub.testing.frames import write_photo
from hub.vision.face_quality import FaceQuality
from hub.vision.face_tracks import FaceView, PooledFace, SeenFace
from tests.charter.test_c3_plates import everything_reachable
from tests.kit_deploy import CAMERA, Deploy, counted
from tests.kit_lists import NOW
from tests.kit_watch import STRANGERS, benches

WIDTH, HEIGHT = 117, 119
"""Of every stranger's box, and of nothing else."""


def mark():
    """Return 48 bytes that stand in every stranger's face; made when they are asked for, so that no constant holds
    them.
    """
    return np.frombuffer(np.random.default_rng(20300102).bytes(48), np.uint8)


class WatchingEngine(ScriptedEngine):
    """Remembers which pictures it saw and which embeddings it gave out, without keeping them."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[weakref.ref] = []
        self.rows: list[weakref.ref] = []

    def detect(self, image):
        self.images.append(weakref.ref(image))
        return tuple(
            FaceRegion(Box(each.box.x, each.box.y, WIDTH, HEIGHT), each.score, each.landmarks)
            for each in super().detect(image)
        )

    def embed(self, image, faces):
        rows = np.array(super().embed(image, faces))
        self.rows.append(weakref.ref(rows))
        return rows


def stranger(number, kind=SourceKind.STILL):
    image = face_picture(STRANGERS[number % len(STRANGERS)], shot=number % 251).copy()
    image[100, 60:76] = mark().reshape(16, 3)
    image.setflags(write=False)
    return Frame(CAMERA, number, NOW, 0.5 * number, kind, CAMERA, image)


def traces():
    """Return what is left of strangers' faces, by type."""
    gc.collect()
    sought = mark().tobytes()
    left = []
    for thing in everything_reachable():
        if isinstance(thing, (bytes, bytearray)):
            if sought in thing and bytes(thing) != sought:
                left.append(type(thing).__name__)
        elif isinstance(thing, np.ndarray) and thing.dtype == np.uint8 and thing.nbytes > len(sought):
            if sought in thing.tobytes():
                left.append("picture")
        elif isinstance(thing, Box) and (thing.w, thing.h) == (WIDTH, HEIGHT):
            left.append("box")
        elif isinstance(thing, (FaceRegion, FaceQuality, SeenFace, FaceView, PooledFace, FaceCandidate)):
            left.append(type(thing).__name__)
    return left


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SourceKind.STILL, SourceKind.LOSSLESS])
async def test_c3_nothing_is_left_of_a_thousand_strangers(tmp_path, kind, capfd):
    engine, ledger = WatchingEngine(), Ledger()
    with benches(tmp_path) as make:
        bench = make()
        await bench.watch.tick()
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        box, out = faces_mailbox(ledger, CAMERA, lossless=True), Mailbox(1)
        async with trio.open_nursery() as nursery:

            async def act():
                await run_faces(
                    CAMERA,
                    box,
                    out,
                    engine=engine,
                    worker=Worker("faces"),
                    watch=bench.watch,
                    ledger=ledger,
                    identify=lambda: "L",
                )

            nursery.start_soon(act)
            for number in range(1000):
                ledger.enter(CAMERA, Stage.FACE_FRAME)
                await box.send(stranger(number, kind))
            box.close()
        counts = {(each.stage, each.reason): each.count for each in ledger.snapshot()}
        assert counts["face_frame", Reason.FACES] == 1000
        faces = 1000 if kind is SourceKind.STILL else 1  # in a video they all stand in one place
        assert counts["face", Reason.NOT_RESEMBLED] == faces
        assert bench.comparisons == 2 * faces
        assert ledger.check() == ()
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        assert traces() == []
        assert [each for each in engine.images if each() is not None] == []
        assert [each for each in engine.rows if each() is not None and each().any()] == []
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
        # What the log holds of them are numbers.
        bench.clock.advance(61)
        await bench.watch.tick()
        told = repr([entry.payload for entry in bench.log.entries])
        assert str(WIDTH) not in told
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
async def test_c3_the_walk_finds_what_is_kept():
    """The tests prove nothing unless what is kept somewhere is found."""
    kept = [stranger(1), {"row": Box(1, 2, WIDTH, HEIGHT)}, (mark().tobytes() * 2,)]
    found = traces()
    assert {"picture", "box", "bytes"} <= set(found)
    del kept


@pytest.mark.slow
async def test_c3_a_hub_that_watches_writes_and_tells_nothing_of_strangers(tmp_path):
    deploy = Deploy(tmp_path, WatchingEngine())
    folder = tmp_path / "street"
    folder.mkdir()
    for number in range(40):
        write_photo(folder / f"{number:02d}.png", np.array(stranger(number).image))
    lines = []
    with counted() as seen:
        watched = (Watched(CAMERA, parse_source(str(folder))),)
        async with deploy.hub(watched, until_end=True) as (hub, ready):
            async with ready.watching(deploy.order(), hub=hub) as watching:
                hub.watch_under(watching)
                with hub.events.subscribe() as events:
                    ended = await hub.run(trio.Event())
                    with suppress(ClosedChannelError):
                        while True:
                            lines.append(encode(await events.receive()))
                counts = {(each.stage, each.reason): each.count for each in ended.event.counts}
                await trio.lowlevel.checkpoint()
                assert traces() == []
            written = b"".join(path.read_bytes() for path in deploy.state.rglob("*") if path.is_file())
    assert ended.event.balanced
    assert counts["face_frame", Reason.FACES] + counts.get(("face_frame", Reason.NO_LIST), 0) == 40
    assert counts["face", Reason.NOT_RESEMBLED] >= 1
    assert seen.comparisons == 2 * counts["face", Reason.NOT_RESEMBLED]
    assert seen.zeroed
    sought = mark().tobytes()
    assert sought not in written + b"".join(lines)
    assert b"JFIF" not in written
