"""C6: only an adjudicated alert leaves, once; no crash between deciding and sending loses or doubles one."""

from __future__ import annotations

import itertools
import shutil
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.actors.outbox import Outbox
from hub.alerts import AlertBook
from hub.clocks import ManualClock
from hub.errors import HubError, NotAllowedError, SourceUnavailableError, StateError, StoreError
from hub.messages import AlertState, RaisedHit
from hub.store import alerts as alert_store
from hub.store import outbox as outbox_store
from hub.store.sqlite import open_database
from hub.testing import alerts as kit

S = AlertState
OFFICER = kit.requester("7")


class Unit:
    """A unit in a folder; opened again it is the same unit after a crash."""

    def __init__(self, path, target=None):
        self.path = path
        self.clock = ManualClock(kit.START)
        self.log = kit.MemoryLog()
        self.target = target or kit.ScriptedDispatcher()
        self.count = itertools.count(1)

    @asynccontextmanager
    async def open(self, outbox_class=outbox_store.OutboxStore):
        async with (
            open_database(self.path / alert_store.ALERTS_FILE, alert_store.MIGRATIONS) as alerts,
            open_database(self.path / outbox_store.OUTBOX_FILE, outbox_store.MIGRATIONS) as outbox,
        ):
            waiting = outbox_class(outbox)
            self.outbox = Outbox(waiting, [self.target], log=self.log, clock=self.clock, unit="unit-1")
            yield AlertBook(
                alert_store.AlertStore(alerts),
                waiting,
                log=self.log,
                clock=self.clock,
                unit="unit-1",
                identify=lambda: f"a-{next(self.count)}",
            )

    def sent(self):
        """Return identifiers as they were sent, repetitions included."""
        return self.target.sent


async def raise_one(book, entry="e-1", officer=""):
    raised = RaisedHit(None, kit.answer(kit.hit(entry=entry)), kit.requester(officer, "officer" if officer else "unit"))
    return await book.raise_hit(raised)


def test_a_step_leaves_only_once_the_alert_was_adjudicated_true(tmp_path):
    async def scenario(folder, steps):
        unit = Unit(folder)
        async with unit.open() as book:
            await raise_one(book)
            true_at = None
            for number, (state, correction) in enumerate(steps):
                with_error = False
                try:
                    await kit.decide(book, OFFICER, "a-1", state, "seen", correction=correction)
                except (StateError, NotAllowedError):
                    with_error = True
                if not with_error and state is S.ADJUDICATED_TRUE and true_at is None:
                    true_at = number
                await unit.outbox.flush()
                if true_at is None:
                    assert unit.sent() == []
            alert = await book.show(OFFICER, "a-1")
            states = [step.state for step in alert.steps]
            first = states.index(S.ADJUDICATED_TRUE) if S.ADJUDICATED_TRUE in states else len(states)
            assert unit.sent() == [f"a-1-{number}" for number in range(first, len(states))]

    folders = itertools.count()

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(list(S)), st.booleans()), max_size=7))
    def check(steps):
        trio.run(scenario, tmp_path / str(next(folders)), steps)

    check()


class Photographed(outbox_store.OutboxStore):
    """Copies the unit's files at each point between deciding and sending at which the power may go."""

    def photograph(self, name):
        folder = self._database.path.parent
        shutil.copytree(folder, folder.parent / name)

    def prepare(self, dispatch):
        self.photograph("before-prepared")
        super().prepare(dispatch)
        self.photograph("prepared")

    async def release(self, dispatch):
        self.photograph("decided")
        await super().release(dispatch)
        self.photograph("released")


async def test_nobody_decides_on_an_alert_that_was_not_put_before_them(tmp_path):
    unit = Unit(tmp_path)
    async with unit.open() as book:
        await raise_one(book)
        for state in (S.ADJUDICATED_TRUE, S.ADJUDICATED_FALSE):
            with pytest.raises(NotAllowedError, match="have not seen"):
                await book.decide(OFFICER, "a-1", state, "surely")
        await book.show(kit.requester("8"), "a-1")
        await book.list(OFFICER)  # a line of a list is no look at the alert
        with pytest.raises(NotAllowedError, match="have not seen"):
            await book.decide(OFFICER, "a-1", S.ADJUDICATED_TRUE, "surely")
        await book.show(OFFICER, "a-1")
        alert = await book.decide(OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
    assert alert.state is S.ADJUDICATED_TRUE


async def test_a_power_cut_at_any_point_of_a_decision_loses_and_doubles_nothing(tmp_path):
    unit = Unit(tmp_path / "live")
    async with unit.open(Photographed) as book:
        await raise_one(book)
        await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
    for name, decided in (("before-prepared", False), ("prepared", False), ("decided", True), ("released", True)):
        after = Unit(tmp_path / name)
        async with after.open() as book:
            assert (await after.outbox.deliver(after.target)) == (name == "released")
            await book.sweep()
            await after.outbox.flush()
            alert = await book.show(OFFICER, "a-1")
            assert (alert.state is S.ADJUDICATED_TRUE) == decided, name
            assert after.sent() == (["a-1-1"] if decided else []), name
            if not decided:  # and it can still be decided, otherwise too
                await kit.decide(book, kit.requester("8"), "a-1", S.ADJUDICATED_TRUE, "looked again")
                await after.outbox.flush()
                assert [(each.dispatch, each.officer) for each in after.target.arrived] == [("a-1-1", "8")]


async def test_what_was_prepared_for_a_decision_that_never_came_is_dropped(tmp_path):
    unit = Unit(tmp_path / "live")
    async with unit.open(Photographed) as book:
        await raise_one(book)
        await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
    after = Unit(tmp_path / "prepared")
    async with after.open() as book:
        await kit.decide(book, kit.requester("8"), "a-1", S.ADJUDICATED_FALSE, "another car")
        await book.sweep()
        assert await after.outbox.flush() == 0
    assert after.sent() == []


async def test_nothing_is_sent_ahead_of_a_decision_that_a_crash_left_half_done(tmp_path):
    unit = Unit(tmp_path / "live")
    async with unit.open(Photographed) as book:
        await raise_one(book)
        await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
    after = Unit(tmp_path / "decided")
    async with after.open() as book:
        await kit.decide(book, OFFICER, "a-1", S.ENGAGED, "stopped at the lights")
        await after.outbox.flush()
        assert after.sent() == []
        await book.sweep()
        await after.outbox.flush()
    assert after.sent() == ["a-1-1", "a-1-2"]


async def test_an_outbox_that_cannot_be_written_leaves_the_alert_undecided(tmp_path):
    class Full(outbox_store.OutboxStore):
        def prepare(self, dispatch):
            raise StoreError("the disk is full")

    unit = Unit(tmp_path)
    async with unit.open(Full) as book:
        await raise_one(book)
        with pytest.raises(StoreError, match="full"):
            await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
        assert (await book.show(OFFICER, "a-1")).state is S.ALERT
        assert unit.log.outcomes()[-2:] == [("alert_decided", "adjudicated_true"), ("alert_decided", "not_done")]


async def test_a_dispatch_is_sent_again_until_it_arrived_and_in_order(tmp_path):
    faults = [SourceUnavailableError("no network"), OSError("boom"), SourceUnavailableError("no network")]
    unit = Unit(tmp_path, kit.ScriptedDispatcher(faults))
    async with unit.open() as book:
        for number in range(1, 4):
            await raise_one(book, f"e-{number}")
            await kit.decide(book, OFFICER, f"a-{number}", S.ADJUDICATED_TRUE, "seen")
        for left in (3, 3, 3, 0):
            assert await unit.outbox.flush() == left
            assert unit.outbox.health()[0].detail == ("" if left == 0 else unit.outbox.health()[0].detail)
        assert unit.sent() == ["a-1-1", "a-2-1", "a-3-1"]
        assert unit.outbox.health()[0].delivered == 3
    sent = [entry for entry in unit.log.outcomes() if entry[0] == "dispatched"]
    assert len(sent) == 3, "one entry a dispatch, not one an attempt"


async def test_a_crash_between_sending_and_noting_it_sends_the_same_identifier_again(tmp_path):
    unit = Unit(tmp_path)

    class Forgetful(outbox_store.OutboxStore):
        async def acknowledge(self, dispatch, target, targets):
            raise StoreError("the power went")

    async with unit.open(Forgetful) as book:
        await raise_one(book)
        await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
        assert await unit.outbox.flush() == 1
    async with unit.open():
        assert await unit.outbox.flush() == 0
    assert unit.sent() == ["a-1-1", "a-1-1"]
    assert len(unit.target.arrived) == 1
    assert len([entry for entry in unit.log.outcomes() if entry[0] == "dispatched"]) == 1


async def test_without_the_log_nothing_leaves(tmp_path):
    unit = Unit(tmp_path)
    async with unit.open() as book:
        await raise_one(book)
        await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
        unit.log.broken = True
        assert await unit.outbox.flush() == 1
        assert unit.sent() == []
        assert "log" in unit.outbox.health()[0].detail
        unit.log.broken = False
        assert await unit.outbox.flush() == 0
    assert unit.sent() == ["a-1-1"]


async def test_whoever_raised_an_alert_cannot_send_it(tmp_path):
    unit = Unit(tmp_path)
    async with unit.open() as book:
        await raise_one(book, officer="7")
        with pytest.raises(NotAllowedError, match="second verifier"):
            await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_TRUE, "seen")
        await kit.decide(book, kit.requester("8"), "a-1", S.ADJUDICATED_TRUE, "seen")
        with pytest.raises(NotAllowedError, match="second verifier"):
            await kit.decide(book, OFFICER, "a-1", S.ADJUDICATED_FALSE, "not seen", correction=True)
        await unit.outbox.flush()
    assert unit.sent() == ["a-1-1"]


async def test_of_two_who_decide_at_once_one_decides(tmp_path):
    unit = Unit(tmp_path)
    outcomes = []

    async def decide(book, officer, state):
        try:
            await kit.decide(book, kit.requester(officer), "a-1", state, "seen")
        except HubError as error:
            outcomes.append(type(error))
        else:
            outcomes.append(state)

    async with unit.open() as one, unit.open() as two:
        await raise_one(one)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(decide, one, "7", S.ADJUDICATED_TRUE)
            nursery.start_soon(decide, two, "8", S.ADJUDICATED_FALSE)
        alert = await one.show(OFFICER, "a-1")
        assert sorted(map(str, outcomes)) == sorted([str(alert.state), str(StateError)])
        assert len(alert.steps) == 2
        await one.sweep()
        await unit.outbox.flush()
        assert unit.sent() == (["a-1-1"] if alert.state is S.ADJUDICATED_TRUE else [])
