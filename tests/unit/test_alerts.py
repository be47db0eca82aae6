from __future__ import annotations

import itertools
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest
import trio

import hub.alerts
from hub.alerts import AlertBook
from hub.clocks import ManualClock
from hub.errors import (
    AuditError,
    InputError,
    NotAllowedError,
    NotSignedInError,
    StateError,
    StoreError,
    StoreFullError,
    UsageError,
)
from hub.messages import AlertState, AnswerStatus, Box, Picture, PlateRead, RaisedHit, Reason, SourceKind
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.sqlite import connect, open_database
from hub.testing import alerts as kit

S = AlertState
UNIT = kit.requester("", "unit")


def raised(*hits, camera="front", lookup="l-1", scene=None):
    read = PlateRead(
        camera=camera,
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
        slots=np.zeros((7, 37), np.float32),
        crop=None,
        scene=scene,
    )
    return RaisedHit(read, kit.answer(*(hits or (kit.hit(),)), lookup=lookup), UNIT)


class Unit:
    def __init__(self, path):
        self.path = path
        self.clock = ManualClock(kit.START)
        self.log = kit.MemoryLog()
        self.count = itertools.count(1)

    @asynccontextmanager
    async def open(self, **settings):
        async with (
            open_database(self.path / alert_store.ALERTS_FILE, alert_store.MIGRATIONS) as self.alerts,
            open_database(self.path / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS) as outbox,
        ):
            self.store = alert_store.AlertStore(self.alerts)
            yield AlertBook(
                self.store,
                outbox_store.OutboxStore(outbox),
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                identify=lambda: f"a-{next(self.count)}",
                **settings,
            )


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


async def test_an_alert_is_in_the_log_before_it_is_kept_and_says_what_was_read(unit):
    async with unit.open() as book:
        assert await book.raise_hit(raised()) is Reason.ALERT
        (alert,) = await book.list(kit.requester())
        assert (alert.camera, alert.source, alert.category) == ("front", "wanted", "stolen_vehicle")
        assert alert.readings == (kit.reading(),)
        assert (alert.decide_by - alert.at).total_seconds() == 180
        assert unit.log.outcomes() == [("alert_raised", "raised")]
        assert unit.log.entries[0].payload.entry == "e-1"
        assert "AB123CD" not in repr(unit.log.entries[0])


async def test_the_same_entry_on_the_same_camera_is_counted_and_not_raised_again(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        assert await book.raise_hit(raised()) is Reason.SAME_ALERT
        assert await book.raise_hit(raised()) is Reason.SAME_ALERT
        assert await book.raise_hit(raised(camera="rear")) is Reason.ALERT
        assert await book.raise_hit(raised(kit.hit(entry="e-2"))) is Reason.ALERT
        assert await book.repeats("a-1") == 2
        assert len(await book.list(kit.requester())) == 3
        assert len(unit.log.entries) == 3
        # Decided, or over, it is not open any more.
        await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_FALSE, "another car")
        assert await book.raise_hit(raised()) is Reason.ALERT
        unit.clock.advance(180)
        assert await book.raise_hit(raised()) is Reason.ALERT


async def test_of_tied_entries_none_is_put_first(unit):
    tied = [kit.hit(entry=f"e-{number}", cost=0.5) for number in range(12)]
    async with unit.open() as book:
        await book.raise_hit(raised(*tied[:2], kit.hit(entry="worse", cost=1.0)))
        assert [alert.hit.record.entry for alert in await book.list(kit.requester())] == ["e-0", "e-1"]
        await book.raise_hit(raised(*tied, camera="rear"))
        assert len(await book.list(kit.requester())) == 2 + hub.alerts.TIED


@pytest.mark.parametrize("status", [AnswerStatus.NO_HIT, AnswerStatus.UNAVAILABLE, AnswerStatus.REFUSED])
async def test_an_answer_that_is_no_hit_raises_nothing(unit, status):
    hit = raised()
    async with unit.open() as book:
        await book.raise_hit(msgspec.structs.replace(hit, answer=msgspec.structs.replace(hit.answer, status=status)))
        assert await book.list(kit.requester()) == ()


async def test_what_the_log_cannot_take_is_neither_raised_nor_decided(unit):
    async with unit.open() as book:
        unit.log.broken = True
        with pytest.raises(AuditError):
            await book.raise_hit(raised())
        assert await book.list(kit.requester()) == ()
        unit.log.broken = False
        await book.raise_hit(raised())
        unit.log.broken = True
        (alert,) = await book.list(kit.requester())
        with pytest.raises(AuditError):
            await kit.decide(book, kit.requester(), alert.alert, S.ADJUDICATED_TRUE, "seen")
        assert (await book.show(kit.requester(), alert.alert)).state is S.ALERT


async def test_a_full_disk_raises_nothing_decides_nothing_and_loses_nothing(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())

        def fill(connection):
            connection.execute("PRAGMA max_page_count = 1")

        await unit.alerts.read(fill)
        pictures = (Picture(bytes(100_000), 1, 1), Picture(bytes(100_000), 1, 1))
        alert = msgspec.structs.replace(kit.alert("big"), crop=pictures[0], scene=pictures[1])
        with pytest.raises(StoreFullError, match="disk is full"):
            await unit.store.insert(msgspec.structs.replace(alert, camera="rear"))
        assert [each.alert for each in await book.list(kit.requester())] == ["a-1"]


async def test_an_alert_that_could_not_be_kept_is_visible_in_the_log_as_such(unit, monkeypatch):
    async def full(self, alert):
        raise StoreFullError("the disk is full")

    monkeypatch.setattr(alert_store.AlertStore, "insert", full)
    async with unit.open() as book:
        with pytest.raises(StoreFullError):
            await book.raise_hit(raised())
    assert unit.log.outcomes() == [("alert_raised", "raised"), ("alert_raised", "not_done")]


@pytest.mark.slow
async def test_a_locked_file_leaves_the_alert_undecided_and_says_so(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        other = connect(unit.path / alert_store.ALERTS_FILE)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        other.execute("ROLLBACK")
        other.close()
        assert (await book.show(kit.requester(), "a-1")).state is S.ALERT
        assert unit.log.outcomes()[-1] == ("alert_decided", "not_done")


async def test_only_a_signed_in_officer_sees_and_decides(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        for act in (
            lambda: book.list(UNIT),
            lambda: book.show(UNIT, "a-1"),
            lambda: kit.decide(book, UNIT, "a-1", S.ADJUDICATED_TRUE, "seen"),
        ):
            with pytest.raises(NotSignedInError):
                await act()
        with pytest.raises(NotAllowedError, match="administrator"):
            await kit.decide(book, kit.requester("1", "administrator"), "a-1", S.ADJUDICATED_TRUE, "seen")
        assert len(unit.log.entries) == 1


async def test_what_the_hub_reads_for_itself_was_put_before_nobody(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        assert (await book.current(kit.requester(), "a-1")).alert == "a-1"
        with pytest.raises(NotAllowedError, match="not seen"):
            await book.decide(kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        await book.show(kit.requester(), "a-1")
        looked = unit.clock.now()
        unit.clock.advance(60)
        await book.decide(kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        await book.current(kit.requester(), "a-1")  # the follow-up's turn
        await book.decide(kit.requester(), "a-1", S.ENGAGED, "stopped it")
        assert unit.log.entries[-1].payload.shown == looked


async def test_refusals_say_why_and_leave_no_entry(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        with pytest.raises(UsageError, match="no alert x"):
            await kit.decide(book, kit.requester(), "x", S.ADJUDICATED_TRUE, "seen")
        with pytest.raises(StateError, match="reason"):
            await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, " ")
        with pytest.raises(StateError, match="next is adjudicated true or adjudicated false"):
            await kit.decide(book, kit.requester(), "a-1", S.ENGAGED, "seen")
        unit.clock.advance(180)
        with pytest.raises(StateError, match="expired"):
            await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        assert len(unit.log.entries) == 1


async def test_a_correction_stands_beside_the_decision(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        with pytest.raises(StateError, match="not undone"):
            await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_FALSE, "another car")
        alert = await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_FALSE, "another car", correction=True)
        assert [step.state for step in alert.steps] == [S.ALERT, S.ADJUDICATED_TRUE, S.ADJUDICATED_FALSE]
        assert unit.log.entries[-1].payload.corrects == 1


async def test_registers_are_asked_only_after_an_alert_was_adjudicated_true(unit):
    asked = []

    async def follow_up(alert, requester):
        asked.append((alert.alert, requester.officer))

    async with unit.open(follow_up=follow_up) as book:
        for entry in ("e-1", "e-2"):
            await book.raise_hit(raised(kit.hit(entry=entry)))
        assert asked == []
        await kit.decide(book, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        await kit.decide(book, kit.requester(), "a-2", S.ADJUDICATED_FALSE, "another car")
        assert asked == [("a-1", "4711")]
        keeper = kit.answer(kit.hit(entry="k-1"), source="drivers")
        assert (await book.add_answer("a-1", keeper)).answers == (keeper,)
        assert (await book.add_answer("a-1", keeper)).answers == (keeper,), "a source answers once"
        assert await book.add_answer("a-2", keeper) is None
        assert (await book.show(kit.requester(), "a-2")).answers == ()


@pytest.mark.parametrize(
    ("fault", "why"),
    [(InputError("the scene is empty"), "the scene is empty"), (RuntimeError("boom"), "RuntimeError"), (None, "over")],
)
async def test_an_alert_without_a_picture_is_better_than_none_and_says_why(unit, fault, why, monkeypatch):
    monkeypatch.setattr(hub.alerts, "REDACT_SECONDS", 0.01)

    async def redact(scene, box):
        if fault is not None:
            raise fault
        await trio.sleep_forever()

    async with unit.open(redact=redact) as book:
        await book.raise_hit(raised(scene=np.zeros((9, 9, 3), np.uint8)))
        alert = await book.show(kit.requester(), "a-1")
        assert (alert.crop, alert.scene) == (None, None)
        assert why in alert.steps[0].reason


async def test_a_damaged_row_is_one_clear_line(unit):
    async with unit.open() as book:
        await book.raise_hit(raised())
        await unit.alerts.write(lambda connection: connection.execute("UPDATE alerts SET body = x'01'").rowcount)
        with pytest.raises(StoreError, match="damaged"):
            await book.show(kit.requester(), "a-1")


async def test_changes_are_told_whichever_process_made_them(unit):
    async with unit.open() as book, unit.open() as other:
        start = await book.revision()
        await book.raise_hit(raised())
        await kit.decide(other, kit.requester(), "a-1", S.ADJUDICATED_TRUE, "seen")
        changes = await book.changes(start)
        assert [alert.state for alert in changes.alerts] == [S.ADJUDICATED_TRUE]
        assert (await book.changes(changes.revision)).alerts == ()
