"""`hub.channels` on both back ends; pytest-trio is kept out by running each body through ``anyio.run``."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.channels import Broadcast, Mailbox, Overflow
from hub.errors import ClosedChannelError, LaggedError

BACK_ENDS = ("trio", "asyncio")


@pytest.fixture(params=BACK_ENDS)
def run(request):
    return partial(anyio.run, backend=request.param)


async def collect(mailbox, into):
    async for item in mailbox:
        into.append(item)


# ------------------------------------------------------------------------------------------ mailbox


def test_waiting_keeps_order_and_holds_the_sender_back(run):
    async def body():
        mailbox = Mailbox[int](2)
        sent, got = [], []

        async def produce():
            with mailbox:
                for number in range(5):
                    await mailbox.send(number)
                    sent.append(number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(produce)
            await wait_all_tasks_blocked()
            assert sent == [0, 1]
            got.append(await mailbox.receive())
            await wait_all_tasks_blocked()
            assert sent == [0, 1, 2]
            tasks.start_soon(collect, mailbox, got)
        assert got == [0, 1, 2, 3, 4]
        counted = mailbox.statistics()
        assert (counted.sent, counted.received, counted.dropped, counted.peak) == (5, 5, 0, 2)

    run(body)


def test_newest_replaces_the_old_one_and_says_which(run):
    async def body():
        dropped = []
        mailbox = Mailbox[str](1, Overflow.NEWEST, on_drop=dropped.append)
        for item in "abc":
            await mailbox.send(item)
        assert dropped == ["a", "b"]
        assert await mailbox.receive() == "c"
        assert mailbox.statistics().dropped == 2

    run(body)


def test_drop_oldest_keeps_the_latest_ones(run):
    async def body():
        dropped = []
        mailbox = Mailbox[int](3, Overflow.DROP_OLDEST, on_drop=dropped.append)
        for number in range(5):
            await mailbox.send(number)
        assert dropped == [0, 1]
        assert mailbox.drain() == (2, 3, 4)
        assert mailbox.statistics().waiting == 0

    run(body)


def test_offer_says_when_there_is_no_room():
    mailbox = Mailbox[int](1)
    assert mailbox.offer(1)
    assert not mailbox.offer(2)
    assert mailbox.drain() == (1,)


@pytest.mark.parametrize(("capacity", "overflow"), [(0, Overflow.WAIT), (-1, Overflow.WAIT), (2, Overflow.NEWEST)])
def test_a_mailbox_is_bounded(capacity, overflow):
    with pytest.raises(ValueError, match="hold"):
        Mailbox[int](capacity, overflow)


def test_closing_lets_receivers_take_what_is_left(run):
    async def body():
        mailbox = Mailbox[int](3)
        await mailbox.send(1)
        await mailbox.send(2)
        mailbox.close()
        mailbox.close()
        with pytest.raises(ClosedChannelError):
            await mailbox.send(3)
        assert [item async for item in mailbox] == [1, 2]
        with pytest.raises(ClosedChannelError):
            await mailbox.receive()
        assert mailbox.statistics().closed

    run(body)


def test_closing_wakes_those_who_wait_on_either_side(run):
    async def body():
        full, empty, ended = Mailbox[int](1), Mailbox[int](1), []
        full.offer(0)

        async def expect_closed(call, *args):
            with pytest.raises(ClosedChannelError):
                await call(*args)
            ended.append(call)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expect_closed, full.send, 1)
            tasks.start_soon(expect_closed, empty.receive)
            tasks.start_soon(expect_closed, empty.receive)
            await wait_all_tasks_blocked()
            full.close()
            empty.close()
        assert len(ended) == 3
        assert full.drain() == (0,)

    run(body)


def test_an_item_is_not_lost_with_the_receiver_that_was_woken_for_it(run):
    async def body():
        mailbox = Mailbox[int](1)
        got = []

        async with anyio.create_task_group() as tasks:
            doomed = anyio.CancelScope()

            async def first():
                with doomed, suppress(ClosedChannelError):  # where the other one ran first, and took it
                    got.append(("first", await mailbox.receive()))

            async def second():
                got.extend([("second", item) async for item in mailbox])

            tasks.start_soon(first)
            await wait_all_tasks_blocked()
            tasks.start_soon(second)
            await wait_all_tasks_blocked()
            mailbox.offer(7)
            doomed.cancel()
            mailbox.close()
        assert [item for _, item in got] == [7]

    run(body)


def test_sending_and_receiving_always_yield(run):
    async def body():
        mailbox = Mailbox[int](1, Overflow.NEWEST)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await mailbox.send(1)
        assert mailbox.statistics().sent == 0
        mailbox.offer(1)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await mailbox.receive()
        assert mailbox.statistics().waiting == 1

    run(body)


@pytest.mark.parametrize("backend", BACK_ENDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), overflow=st.sampled_from(Overflow), senders=st.integers(1, 3))
def test_any_storm_of_cancellations_adds_up(backend, seed, overflow, senders):
    """Each item is received once, dropped with its callback, or known not to have been sent."""

    async def body():
        rng = random.Random(seed)
        got, dropped, sent = [], [], []
        capacity = 1 if overflow is Overflow.NEWEST else rng.randint(1, 4)
        mailbox = Mailbox[tuple[int, int]](capacity, overflow, on_drop=dropped.append)

        async def nap():
            for _ in range(rng.randint(0, 3)):
                await checkpoint()

        async def cancel_soon(scope):
            await nap()
            scope.cancel()

        async def produce(name, tasks):
            for number in range(20):
                with anyio.CancelScope() as scope:
                    if rng.random() < 0.4:
                        tasks.start_soon(cancel_soon, scope)
                    await mailbox.send((name, number))
                    sent.append((name, number))
                await nap()

        async def consume(tasks):
            while True:
                with anyio.CancelScope() as scope:
                    if rng.random() < 0.4:
                        tasks.start_soon(cancel_soon, scope)
                    try:
                        got.append(await mailbox.receive())
                    except ClosedChannelError:
                        return
                await nap()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(consume, tasks)
            tasks.start_soon(consume, tasks)
            async with anyio.create_task_group() as producing:
                for name in range(senders):
                    producing.start_soon(produce, name, producing)
            mailbox.close()
        assert sorted(got + dropped) == sorted(sent)
        counted = mailbox.statistics()
        assert (counted.sent, counted.received, counted.dropped) == (len(sent), len(got), len(dropped))
        assert counted.waiting == 0
        assert overflow is not Overflow.WAIT or not dropped

    anyio.run(body, backend=backend)


# ---------------------------------------------------------------------------------------- broadcast


def test_a_slow_subscriber_is_told_and_the_others_lose_nothing(run):
    async def body():
        missed_items = []
        broadcast = Broadcast[int](2, on_miss=missed_items.append)
        quick_got = []
        with broadcast.subscribe() as slow, broadcast.subscribe() as quick:
            for number in range(5):
                broadcast.publish(number)
                quick_got.append(await quick.receive())
            with pytest.raises(LaggedError) as caught:
                await slow.receive()
            assert caught.value.missed == 3
            assert [await slow.receive(), await slow.receive()] == [3, 4]
            assert broadcast.statistics().subscribers == 2
        assert quick_got == [0, 1, 2, 3, 4]
        assert missed_items == [0, 1, 2]
        assert broadcast.statistics().missed == 3
        assert broadcast.statistics().subscribers == 0

    run(body)


def test_a_burst_while_a_subscriber_wakes_up_is_not_silent(run):
    async def body():
        broadcast = Broadcast[int](1)
        seen = []

        async def read(subscription):
            while True:
                try:
                    seen.append(await subscription.receive())
                except LaggedError as error:
                    seen.append(f"missed {error.missed}")
                except ClosedChannelError:
                    return

        with broadcast.subscribe() as subscription:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read, subscription)
                await wait_all_tasks_blocked()
                for number in range(3):
                    broadcast.publish(number)
                await wait_all_tasks_blocked()
                broadcast.publish(3)
                broadcast.close()
        assert seen == ["missed 2", 2, 3]

    run(body)


def test_a_closed_broadcast_takes_nothing_and_ends_its_subscribers(run):
    async def body():
        broadcast = Broadcast[int](3)
        with broadcast.subscribe() as subscription:
            broadcast.publish(1)
            broadcast.close()
            assert [item async for item in subscription] == [1]
        with pytest.raises(ClosedChannelError):
            broadcast.publish(2)
        with pytest.raises(ClosedChannelError), broadcast.subscribe():
            pass

    run(body)


def test_a_broadcast_is_bounded():
    with pytest.raises(ValueError, match="keeps"):
        Broadcast[int](0)


def test_who_subscribes_late_starts_with_the_present(run):
    async def body():
        broadcast = Broadcast[int](3)
        broadcast.publish(1)
        with broadcast.subscribe() as subscription:
            broadcast.publish(2)
            assert await subscription.receive() == 2

    run(body)
