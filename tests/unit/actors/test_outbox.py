from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import hub.actors.outbox
from hub.actors.outbox import LONGEST_WAIT, Outbox, run_outbox, wait_after
from hub.backends import Dispatcher
from hub.clocks import ManualClock
from hub.errors import SourceUnavailableError, StoreError
from hub.messages import AlertState, Dispatch
from hub.store.outbox import MIGRATIONS, OUTBOX_FILE, OutboxStore
from hub.store.sqlite import open_database
from hub.testing import alerts as kit


def dispatch(number):
    return Dispatch(
        dispatch=f"a-{number}-1",
        alert=f"a-{number}",
        unit="unit-1",
        at=kit.START,
        officer="7",
        category="stolen_vehicle",
        plate="AB123CD",
        entry="e-1",
        source="wanted",
        state=AlertState.ADJUDICATED_TRUE,
        reason="seen",
    )


class Named(kit.ScriptedDispatcher):
    def __init__(self, name, faults=()):
        super().__init__(faults)
        self.name = name


@pytest.fixture
async def store(tmp_path):
    async with open_database(tmp_path / OUTBOX_FILE, MIGRATIONS) as database:
        yield OutboxStore(database)


async def fill(store, *numbers):
    for number in numbers:
        await trio.to_thread.run_sync(store.prepare, dispatch(number))
        await store.release(dispatch(number).dispatch)


def outbox(store, *targets, log=None):
    return Outbox(store, targets, log=log or kit.MemoryLog(), clock=ManualClock(kit.START), unit="unit-1")


@asynccontextmanager
async def running(box, health):
    async with trio.open_nursery() as nursery:

        async def run(task_status=trio.TASK_STATUS_IGNORED):
            await run_outbox(box, jitter=lambda: 0.0, on_health=health.append, task_status=task_status)

        await nursery.start(run)
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hub.actors.outbox, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(hub.actors.outbox, "FIRST_WAIT", 0.002)


async def until(condition):
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110  # what is waited for is another task's doing
            await trio.sleep(0.005)


def delivered(box, name):
    """Return how many dispatches a target took and the store knows of: a stop in between sends one again."""
    return next(each.delivered for each in box.health() if each.target == name)


async def test_after_an_outage_everything_arrives_once_and_in_order(store):
    target = Named("desk", [SourceUnavailableError("no network")] * 3)
    health = []
    box = outbox(store, target)
    async with running(box, health):
        await fill(store, 1, 2, 3)
        await until(lambda: delivered(box, "desk") == 3 and len(health) == 2)
    assert target.sent == ["a-1-1", "a-2-1", "a-3-1"]
    assert [(each.failed > 0, each.detail) for each in health] == [(True, "no network"), (False, "")]
    assert await store.count() == 0


async def test_a_target_that_is_away_holds_up_no_other(store):
    there, away = Named("there"), Named("away", [SourceUnavailableError("no network")] * 10_000)
    await fill(store, 1, 2)
    box = outbox(store, there, away)
    async with running(box, []):
        await until(lambda: delivered(box, "there") == 2)
    assert away.arrived == []
    assert await store.count() == 2, "kept for the one that is away"
    back = Named("away")
    again = Named("there")
    await outbox(store, again, back).flush()
    assert (len(again.arrived), len(back.arrived)) == (0, 2)
    assert await store.count() == 0


async def test_a_target_that_is_no_longer_configured_is_not_waited_for(store):
    await fill(store, 1)
    box = outbox(store, Named("there"), Named("away", [SourceUnavailableError("no network")] * 9))
    await box.flush()
    assert await store.count() == 1
    async with running(outbox(store, Named("there")), []):
        assert await store.count() == 0


async def test_a_target_that_hangs_is_given_up_and_tried_again(store, monkeypatch):
    monkeypatch.setattr(hub.actors.outbox, "SEND_SECONDS", 0.02)

    class Hanging(Dispatcher):
        name = "hanging"
        calls = 0

        async def send(self, dispatch):
            self.calls += 1
            if self.calls == 1:
                await trio.sleep_forever()

    target = Hanging()
    health = []
    await fill(store, 1)
    async with running(outbox(store, target), health):
        await until(lambda: len(health) == 2)
    assert "did not take the dispatch" in health[0].detail
    assert target.calls == 2


async def test_a_plugin_that_raises_what_it_should_not_loses_nothing(store):
    target = Named("desk", [ZeroDivisionError("x")])
    await fill(store, 1)
    box = outbox(store, target)
    assert await box.flush() == 1
    assert "ZeroDivisionError" in box.health()[0].detail
    assert await box.flush() == 0


async def test_what_is_not_released_is_not_sent_and_preparing_again_changes_nothing_that_was(store):
    target = Named("desk")
    await trio.to_thread.run_sync(store.prepare, dispatch(1))
    box = outbox(store, target)
    assert await box.flush() == 1
    await store.release("a-1-1")
    await trio.to_thread.run_sync(store.prepare, dispatch(1))
    assert await box.flush() == 0
    assert target.sent == ["a-1-1"]
    await store.release("a-1-1")
    await store.release("unknown")


class Slow(kit.MemoryLog):
    """Takes the first entry only when it is told to, as a disk may."""

    def __init__(self):
        super().__init__()
        self.asked, self.told = trio.Event(), trio.Event()

    async def append(self, entry, /):
        first = not self.asked.is_set()
        self.asked.set()
        if first:
            await self.told.wait()
        return await super().append(entry)


@asynccontextmanager
async def another(tmp_path, target, log):
    """Open the outbox a second time, as another process does."""
    async with open_database(tmp_path / OUTBOX_FILE, MIGRATIONS) as database:
        yield outbox(OutboxStore(database), target, log=log)


async def test_hub_and_command_together_enter_and_send_a_dispatch_once(store, tmp_path):
    log, target = Slow(), Named("desk")
    hub = outbox(store, target, log=log)
    await fill(store, 1)
    async with another(tmp_path, target, log) as command, trio.open_nursery() as nursery:
        nursery.start_soon(hub.flush)
        await log.asked.wait()
        await fill(store, 2)
        assert await command.flush() == 2, "left to the hub"
        assert (log.entries, target.sent) == ([], [])
        log.told.set()
    assert [entry.payload.dispatch for entry in log.entries] == ["a-1-1", "a-2-1"]
    assert target.sent == ["a-1-1", "a-2-1"]
    assert await store.count() == 0, "the hub went on with what was released in its turn"


async def test_what_another_process_delivered_in_between_is_not_delivered_again(store, tmp_path, monkeypatch):
    log, target = kit.MemoryLog(), Named("desk")
    hub = outbox(store, target, log=log)
    await fill(store, 1)
    async with another(tmp_path, target, log) as command:
        real = store.next

        async def found(name):
            monkeypatch.setattr(store, "next", real)
            waiting = await real(name)
            assert await command.flush() == 0
            return waiting

        monkeypatch.setattr(store, "next", found)
        assert await hub.flush() == 0
    assert (len(log.entries), target.sent) == (1, ["a-1-1"])
    assert hub.health()[0].detail == ""


async def test_targets_take_their_turns_apart(store):
    await fill(store, 1)
    there = Named("there")
    with store.turn("away") as ours, store.turn("away") as again:
        assert (ours, again) == (True, False)
        await outbox(store, there, Named("away")).flush()
    assert there.sent == ["a-1-1"]


async def test_whoever_is_killed_while_delivering_keeps_no_other_from_it(store, tmp_path):
    """Between its turn and its entry; nothing waits for a date and nothing is lost."""
    await fill(store, 1)
    with store.turn("desk") as ours:
        assert ours
    (lock,) = tmp_path.glob("outbox.*.lock")
    code = "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); input()"
    command = [sys.executable, "-S", "-c", code, str(lock)]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert await process.stdout.receive_some(1) == b"\n"
    target = Named("desk")
    box = outbox(store, target)
    assert await box.flush() == 1
    process.kill()
    await process.wait()
    await process.stdin.aclose()
    await process.stdout.aclose()
    assert await box.flush() == 0
    assert target.sent == ["a-1-1"]


async def test_a_lock_that_cannot_be_made_is_told_and_loses_nothing(store, tmp_path):
    await fill(store, 1)
    with store.turn("desk"):
        pass
    (lock,) = tmp_path.glob("outbox.*.lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    box = outbox(store, Named("desk"))
    assert await box.flush() == 1
    assert "cannot be opened" in box.health()[0].detail
    lock.unlink()
    assert await box.flush() == 0


async def test_a_damaged_row_is_one_clear_line(store):
    await fill(store, 1)
    await store._database.write(lambda connection: connection.execute("UPDATE outbox SET body = x'01'").rowcount)
    with pytest.raises(StoreError, match="damaged"):
        await store.next("desk")


async def test_two_targets_of_one_name_are_a_mistake(store):
    with pytest.raises(ValueError, match="same name"):
        outbox(store, Named("desk"), Named("desk"))


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_wait_grows_is_bounded_and_never_nothing(failed, jitter):
    assert 0 < wait_after(failed, jitter) <= LONGEST_WAIT
    assert wait_after(failed + 1, jitter) >= wait_after(failed, jitter)
