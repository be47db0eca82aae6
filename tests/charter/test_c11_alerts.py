"""C11: alerts and dispatches are gone on their date, and no byte of them is left in any file."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import numpy as np
import pytest
import trio

from hub.actors.outbox import Outbox
from hub.alerts import AlertBook
from hub.clocks import ManualClock
from hub.errors import SourceUnavailableError, UsageError
from hub.messages import AlertState, Box, Picture, PlateRead, RaisedHit, SourceKind
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.retention import CHARTER
from hub.store.sqlite import connect, open_database
from hub.testing import alerts as kit

S = AlertState
RNG = np.random.default_rng(4)


def jpeg():
    return RNG.bytes(30_000)


class Unit:
    """A unit's alerts, its files, and what must not be found in them."""

    def __init__(self, path):
        self.path = path
        self.clock = ManualClock(kit.START)
        self.log = kit.MemoryLog()
        self.count = itertools.count(1)
        self.target = kit.ScriptedDispatcher()

    @asynccontextmanager
    async def open(self):
        async with (
            open_database(self.path / alert_store.ALERTS_FILE, alert_store.MIGRATIONS) as alerts,
            open_database(self.path / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS) as outbox,
        ):
            self.outbox_store = outbox_store.OutboxStore(outbox)
            self.store = alert_store.AlertStore(alerts)
            self.outbox = Outbox(self.outbox_store, [self.target], log=self.log, clock=self.clock, unit="unit-1")
            yield AlertBook(
                self.store,
                self.outbox_store,
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                identify=lambda: f"a-{next(self.count)}",
                redact=self.redact,
            )

    async def redact(self, scene, box):
        self.pictures = (Picture(jpeg(), 40, 20), Picture(jpeg(), 400, 200))
        return self.pictures

    def raised(self, number):
        plate = f"ZX{number:04d}QW"
        read = PlateRead(
            camera="front",
            track=number,
            origin="clip",
            kind=SourceKind.LIVE,
            first_seen=0.0,
            last_seen=1.0,
            at=self.clock.now(),
            frames=3,
            votes=3,
            box=Box(1, 1, 5, 3),
            readings=(kit.reading(plate),),
            slots=np.zeros((7, 37), np.float32),
            crop=None,
            scene=np.zeros((20, 20, 3), np.uint8),
        )
        answer = kit.answer(kit.hit(plate, f"entry-{number:04d}-no"), lookup=f"l-{number}")
        return RaisedHit(read, answer, kit.requester("", "unit"))

    def left(self, *needles):
        """Return which of these byte strings still stand in some file of the unit."""
        found = []
        for file in sorted(self.path.rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                found += [(file.name, needle[:12]) for needle in needles if needle in content]
        return found


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


def pieces(picture):
    """Return stretches of a picture that would be found wherever SQLite cut it into pages."""
    data = picture.jpeg
    return [data[start : start + 64] for start in range(0, len(data) - 64, 512)]


async def test_an_undecided_alert_is_gone_after_three_minutes_to_the_byte(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        needles = [b"ZX0001QW", b"entry-0001-no", *pieces(unit.pictures[0]), *pieces(unit.pictures[1])]
        assert unit.left(*needles), "the test must be able to find what it looks for"
        unit.clock.advance(179)
        assert (await book.sweep()).expired == 0
        assert (await book.show(kit.requester(), "a-1")).crop == unit.pictures[0]
        unit.clock.advance(1)
        assert (await book.sweep()).expired == 1
        assert unit.left(*needles) == []
        shown = await book.show(kit.requester(), "a-1")
        assert (shown.state, shown.crop, shown.scene, shown.readings) == (S.EXPIRED, None, None, ())
    assert unit.left(*needles) == []


async def test_nobody_is_shown_what_is_over_although_nothing_has_erased_it_yet(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        unit.clock.advance(180)
        shown = await book.show(kit.requester(), "a-1")
        assert (shown.state, shown.crop, shown.readings) == (S.EXPIRED, None, ())
        assert await book.list(kit.requester()) == ()


async def test_an_alert_adjudicated_false_loses_pictures_and_read_at_once(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        needles = [*pieces(unit.pictures[0]), *pieces(unit.pictures[1])]
        await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_FALSE, "another car")
        assert unit.left(*needles) == []
        kept = await book.show(kit.requester(), "a-1")
        assert (kept.crop, kept.scene, kept.readings) == (None, None, ())
        assert kept.hit.record.entry == "entry-0001-no"


async def test_an_alert_adjudicated_true_is_kept_until_its_date_and_then_gone_to_the_byte(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        needles = [b"ZX0001QW", b"entry-0001-no", b"seen clearly", *pieces(unit.pictures[0]), *pieces(unit.pictures[1])]
        await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen clearly")
        assert await unit.outbox.flush() == 0
        unit.clock.advance(CHARTER.true_alert.total_seconds() - 1)
        assert (await book.sweep()).erased == 0
        assert (await book.show(kit.requester(), "a-1")).scene == unit.pictures[1]
        unit.clock.advance(1)
        with pytest.raises(UsageError, match="is gone"):
            await book.show(kit.requester(), "a-1")
        assert (await book.sweep()).erased == 1
        assert unit.left(*needles) == []
        with pytest.raises(UsageError, match="no alert"):
            await book.show(kit.requester(), "a-1")


async def test_the_date_of_the_list_is_earlier(unit):
    raised = unit.raised(1)
    hit = kit.hit("ZX0001QW", "e-1", expires="2030-01-04")
    raised = msgspec.structs.replace(raised, answer=kit.answer(hit))
    async with unit.open() as book:
        await book.raise_hit(raised)
        alert = await book.show(kit.requester(), "a-1")
        assert alert.keep_until == kit.START.replace(day=5, hour=0, minute=0, second=0)


async def test_a_dispatch_is_gone_once_it_is_acknowledged(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "a rare reason")
        outbox = unit.path / outbox_store.OUTBOX_FILE

        def holds(needle):
            return any(needle in file.read_bytes() for file in unit.path.glob(f"{outbox.name}*"))

        assert holds(b"a rare reason")
        assert await unit.outbox.flush() == 0
        assert [each.dispatch for each in unit.target.arrived] == ["a-1-1"]
        assert not holds(b"a rare reason")
        assert not holds(b"entry-0001-no")


async def test_of_many_alerts_only_what_may_stay_stays(unit):
    """Rows move between pages as the tables grow and shrink: the copies that this leaves must go as well."""
    gone, kept = [], []
    async with unit.open() as book:
        for number in range(1, 41):
            await book.raise_hit(unit.raised(number))
            needles = [f"ZX{number:04d}QW".encode(), f"entry-{number:04d}-no".encode(), *pieces(unit.pictures[0])[:8]]
            if number % 5 == 0:
                await kit.decide(book, kit.requester(), f"a-{number}", S.ADJUDICATED_TRUE, "seen")
                kept += needles
            else:
                gone += needles
        unit.clock.advance(200)
        assert (await book.sweep()).expired == 32
        assert unit.left(*gone) == []
        await unit.outbox.flush()
        assert len({needle for _, needle in unit.left(*kept)}) >= 8
        unit.clock.advance(timedelta(days=31).total_seconds())
        await book.sweep()
        assert unit.left(*gone, *kept) == []


@pytest.mark.slow
async def test_bytes_that_a_reader_holds_go_as_soon_as_it_lets_go(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        needles = pieces(unit.pictures[0])
        other = connect(unit.path / alert_store.ALERTS_FILE)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM alerts").fetchone()
        # The decision stands, whatever becomes of the bytes.
        with trio.fail_after(30):
            await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_FALSE, "another car")
        assert unit.left(*needles)
        other.execute("ROLLBACK")
        other.close()
        await book.sweep()
        assert unit.left(*needles) == []


async def test_a_clock_that_was_set_back_keeps_nothing_longer(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        await book.sweep()
        unit.clock.set_wall(unit.clock.now() - timedelta(hours=2))
        unit.clock.advance(180)
        assert (await book.sweep()).expired == 1
        assert unit.left(*pieces(unit.pictures[0])) == []


async def test_a_log_that_cannot_be_written_keeps_nothing_longer(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised(1))
        unit.clock.advance(180)
        unit.log.broken = True
        swept = await book.sweep()
        assert (swept.expired, swept.unaccounted) == (1, 1)
        assert unit.left(*pieces(unit.pictures[0])) == []


async def test_what_was_acknowledged_goes_although_the_next_one_does_not_arrive(unit):
    unit.target = kit.ScriptedDispatcher()
    async with unit.open() as book:
        for number in (1, 2):
            await book.raise_hit(unit.raised(number))
            await kit.decide(book, kit.requester(), f"a-{number}", S.ADJUDICATED_TRUE, f"reason number {number}")
        assert await unit.outbox.deliver(unit.target)
        unit.target._faults = [SourceUnavailableError("no network")]
        assert not await unit.outbox.deliver(unit.target)
        files = list(unit.path.glob(f"{outbox_store.OUTBOX_FILE}*"))
        assert not any(b"reason number 1" in file.read_bytes() for file in files)
        assert any(b"reason number 2" in file.read_bytes() for file in files)
