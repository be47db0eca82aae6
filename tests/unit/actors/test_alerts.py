from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import trio

import hub.actors.alerts
from hub.actors.alerts import Outcomes, run_alerts
from hub.alerts import AlertBook
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.ledger import Ledger, Stage
from hub.messages import AlertState, Box, PlateRead, RaisedHit, Reason, SourceKind
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.sqlite import open_database
from hub.testing import alerts as kit

S = AlertState


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hub.actors.alerts, "TICK_SECONDS", 0.01)


class Unit:
    def __init__(self, path):
        self.path = path
        self.clock = ManualClock(kit.START)
        self.log = kit.MemoryLog()
        self.count = itertools.count(1)
        self.hits = Mailbox[RaisedHit](8)
        self.told = []
        self.changed = trio.Event()
        self.ledger = Ledger()
        self.outcomes = Outcomes(self.ledger)
        self.health = []

    def publish(self, alert):
        self.told.append((alert.alert, alert.state))
        self.changed.set()
        self.changed = trio.Event()

    async def until(self, condition):
        with trio.fail_after(5):
            while not condition():  # noqa: ASYNC110  # what is waited for is another task's doing
                await trio.sleep(0.005)

    @asynccontextmanager
    async def open(self):
        async with (
            open_database(self.path / alert_store.ALERTS_FILE, alert_store.MIGRATIONS) as alerts,
            open_database(self.path / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS) as outbox,
        ):
            yield AlertBook(
                alert_store.AlertStore(alerts),
                outbox_store.OutboxStore(outbox),
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                identify=lambda: f"a-{next(self.count)}",
            )

    async def run(self, book, *, task_status=trio.TASK_STATUS_IGNORED):
        await run_alerts(
            book,
            self.hits,
            publish=self.publish,
            outcomes=self.outcomes,
            on_health=self.health.append,
            task_status=task_status,
        )

    def raised(self, lookup="l-1", source="wanted", entry="e-1"):
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
            slots=np.zeros((7, 37), np.float32),
            crop=None,
            scene=None,
        )
        answer = kit.answer(kit.hit(entry=entry), lookup=lookup, source=source)
        return RaisedHit(read, answer, kit.requester("", "unit"))

    def reasons(self):
        return {count.reason: count.count for count in self.ledger.snapshot() if count.stage == Stage.READ}


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


async def test_hits_become_alerts_and_each_read_gets_one_reason(unit):
    async with unit.open() as book:
        for hit in (
            unit.raised("l-1"),
            unit.raised("l-1", source="second"),
            unit.raised("l-2"),
            unit.raised("l-3", entry="e-2"),
        ):
            await unit.hits.send(hit)
        unit.hits.close()
        await unit.run(book)
    assert [name for name, _ in unit.told] == ["a-1", "a-2", "a-3"]
    assert unit.reasons() == {Reason.ALERT: 2, Reason.SAME_ALERT: 1}


async def test_a_read_has_one_reason_when_the_actor_is_stopped_between_two_lists_that_name_it(unit):
    async with unit.open() as book:
        await unit.hits.send(unit.raised("l-1"))
        await unit.hits.send(unit.raised("l-1", source="second"))
        with trio.CancelScope() as stopping:
            book.raise_hit = partial(_stopped, stopping)
            await unit.run(book)
        for left in unit.hits.drain():  # as the hub does at its end
            unit.outcomes.leave(left, Reason.STOPPED)
    assert unit.reasons() == {Reason.STOPPED: 1}


async def _stopped(stopping, _):
    stopping.cancel()
    await trio.sleep_forever()


async def test_an_alert_that_cannot_be_raised_is_counted_and_the_next_one_is_raised(unit):
    async with unit.open() as book, trio.open_nursery() as nursery:
        await nursery.start(unit.run, book)
        unit.log.broken = True
        await unit.hits.send(unit.raised("l-1"))
        await unit.until(lambda: unit.reasons() == {Reason.UNAVAILABLE: 1})
        assert unit.health[-1].lost == 1
        assert "log" in unit.health[-1].detail
        unit.log.broken = False
        await unit.hits.send(unit.raised("l-2"))
        await unit.until(lambda: unit.told)
        assert unit.health[-1].detail == ""
        nursery.cancel_scope.cancel()


async def test_an_alert_expires_by_itself_and_everybody_is_told(unit):
    async with unit.open() as book, trio.open_nursery() as nursery:
        await nursery.start(unit.run, book)
        await unit.hits.send(unit.raised())
        await unit.until(lambda: unit.told)
        unit.clock.advance(180)
        await unit.until(lambda: len(unit.told) == 2)
        assert unit.told[-1] == ("a-1", S.EXPIRED)
        nursery.cancel_scope.cancel()


async def test_what_another_process_decides_is_told_too_and_what_was_before_the_start_is_not(unit):
    async with unit.open() as book, unit.open() as command, trio.open_nursery() as nursery:
        await command.raise_hit(unit.raised("l-0", entry="e-0"))
        await nursery.start(unit.run, book)
        await unit.hits.send(unit.raised())
        await unit.until(lambda: unit.told)
        await kit.decide(command, kit.requester(), "a-2", S.ADJUDICATED_TRUE, "seen")
        await unit.until(lambda: len(unit.told) == 2)
        assert unit.told == [("a-2", S.ALERT), ("a-2", S.ADJUDICATED_TRUE)]
        nursery.cancel_scope.cancel()


async def test_what_ran_out_while_the_hub_was_off_is_done_before_it_says_that_it_runs(unit):
    async with unit.open() as book:
        await book.raise_hit(unit.raised())
    unit.clock.advance(timedelta(hours=1).total_seconds())
    async with unit.open() as book, trio.open_nursery() as nursery:
        await nursery.start(unit.run, book)
        (alert,) = await book.list(kit.requester(), everything=True)
        assert alert.state is S.EXPIRED
        assert unit.log.outcomes()[-1] == ("alert_expired", "expired")
        nursery.cancel_scope.cancel()


async def test_a_read_in_hand_when_the_hub_stops_is_counted_as_stopped(unit, monkeypatch):
    async def slow(self, raised):
        await trio.sleep_forever()

    monkeypatch.setattr(AlertBook, "raise_hit", slow)
    async with unit.open() as book, trio.open_nursery() as nursery:
        await nursery.start(unit.run, book)
        await unit.hits.send(unit.raised())
        await unit.until(lambda: unit.hits.statistics().received == 1)
        nursery.cancel_scope.cancel()
    assert unit.reasons() == {Reason.STOPPED: 1}
