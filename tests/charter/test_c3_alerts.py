"""C3: once a hit was raised, or counted as one that has an alert, no frame of it is left in memory."""

from __future__ import annotations

import itertools
import weakref

import numpy as np
import trio

from hub.actors.alerts import Outcomes, run_alerts
from hub.alerts import AlertBook
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.ledger import Ledger, Stage
from hub.messages import Box, Picture, PlateRead, RaisedHit, SourceKind
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.sqlite import open_database
from hub.testing import alerts as kit


def raised(lookup, entry):
    """Return a hit and weak references to the pixels that come with it."""
    scene, crop = np.ones((40, 40, 3), np.uint8), np.ones((4, 8, 3), np.uint8)
    slots = np.zeros((7, 37), np.float32)
    read = PlateRead(
        camera="front",
        track=1,
        origin="clip",
        kind=SourceKind.LIVE,
        first_seen=0.0,
        last_seen=1.0,
        at=kit.START,
        frames=3,
        votes=3,
        box=Box(1, 1, 5, 3),
        readings=(kit.reading(),),
        slots=slots,
        crop=crop,
        scene=scene,
    )
    hit = RaisedHit(read, kit.answer(kit.hit(entry=entry), lookup=lookup), kit.requester("", "unit"))
    return hit, [weakref.ref(each) for each in (scene, crop, slots)]


async def redact(scene, box):
    return Picture(b"crop", 1, 1), Picture(b"scene", 1, 1)


async def test_no_pixel_of_a_read_outlives_its_alert_being_raised(tmp_path):
    count, ledger = itertools.count(1), Ledger()
    async with (
        open_database(tmp_path / "alerts.sqlite3", alert_store.MIGRATIONS) as alerts,
        open_database(tmp_path / "outbox.sqlite3", outbox_store.MIGRATIONS) as outbox,
        trio.open_nursery() as nursery,
    ):
        log = kit.MemoryLog()
        book = AlertBook(
            alert_store.AlertStore(alerts),
            outbox_store.OutboxStore(outbox),
            log=log,
            clock=ManualClock(kit.START),
            unit="unit-1",
            identify=lambda: f"a-{next(count)}",
            redact=redact,
        )
        hits = Mailbox[RaisedHit](4)

        async def run(*, task_status=trio.TASK_STATUS_IGNORED):
            await run_alerts(book, hits, outcomes=Outcomes(ledger), task_status=task_status)

        await nursery.start(run)
        # One that is raised, one that has an alert already, one that the log cannot take.
        for lookup, broken in (("l-1", False), ("l-2", False), ("l-3", True)):
            log.broken = broken
            hit, pixels = raised(lookup, f"entry-{broken}")
            await hits.send(hit)
            del hit
            with trio.fail_after(5):
                while any(pixel() is not None for pixel in pixels):  # noqa: ASYNC110  # nobody tells when memory goes
                    await trio.sleep(0.005)
        assert sum(each.count for each in ledger.snapshot() if each.stage == Stage.READ) == 3
        nursery.cancel_scope.cancel()
