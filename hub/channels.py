"""How actors hand records to one another: a bounded mailbox, and a broadcast to many readers.

Written against anyio alone, because the hub runs on trio and the dashboard on asyncio. What travels, and who counts a
drop under which reason, is the owner's business and not here.

A channel's state changes only between two awaits, and whoever waits looks again after each change: a cancelled
receiver therefore never takes an item with it, and a cancelled ``send`` never delivers one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio
from anyio.lowlevel import checkpoint
from msgspec import Struct

from hub.errors import ClosedChannelError, LaggedError

T = TypeVar("T")


class Overflow(StrEnum):
    """What a full mailbox does with one item more."""

    WAIT = "wait"
    """The sender waits: nothing is lost, the pressure goes back to where it comes from."""
    NEWEST = "newest"
    """The item takes the place of the one that waits; only for a mailbox of one."""
    DROP_OLDEST = "drop_oldest"
    """The item that waited longest goes."""


class MailboxStatistics(Struct, frozen=True):
    """A mailbox's counters; ``sent == received + dropped + waiting`` at any time."""

    capacity: int
    """Most items that wait."""
    waiting: int
    """Items in it now."""
    peak: int
    """Most items that ever waited at once."""
    sent: int
    """Items that were put in."""
    received: int
    """Items that somebody took, `Mailbox.drain` included."""
    dropped: int
    """Items that went for a newer one."""
    closed: bool


class _Change:
    """Wakes everybody who waits for a change of state; each then looks for itself, so no wake-up can be lost."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    async def wait(self) -> None:
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()

    def notify(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None


class Mailbox(Generic[T]):
    """A bounded queue between tasks, with a named policy for when it is full and a count of every drop.

    Args:
        capacity: Most items that wait, at least 1.
        overflow: What happens to one item more.
        on_drop: Called with each dropped item, so that its owner can count the reason. Must not raise or block.

    Raises:
        ValueError: No capacity, or `Overflow.NEWEST` with room for more than one.
    """

    def __init__(
        self, capacity: int = 1, overflow: Overflow = Overflow.WAIT, *, on_drop: Callable[[T], None] | None = None
    ) -> None:
        if capacity < 1:
            raise ValueError("a mailbox holds at least one item")
        if overflow is Overflow.NEWEST and capacity != 1:
            raise ValueError("a mailbox that keeps the newest item holds one")
        self._capacity = capacity
        self._overflow = overflow
        self._on_drop = on_drop
        self._items: deque[T] = deque()
        self._filled = _Change()
        self._emptied = _Change()
        self._closed = False
        self._peak = self._sent = self._received = self._dropped = 0

    async def send(self, item: T) -> None:
        """Put an item in; waits for room under `Overflow.WAIT` alone.

        Raises:
            ClosedChannelError: The mailbox is closed, or was closed while this waited; the item is not in it.
        """
        await checkpoint()
        while not self.offer(item):
            await self._emptied.wait()

    def offer(self, item: T) -> bool:
        """Put an item in without waiting, for callers that are not async.

        Returns:
            False where the mailbox is full and its policy is `Overflow.WAIT`; the item is then not in it.

        Raises:
            ClosedChannelError: The mailbox is closed.
        """
        if self._closed:
            raise ClosedChannelError("nobody reads this channel any more")
        old: list[T] = []
        if len(self._items) == self._capacity:
            if self._overflow is Overflow.WAIT:
                return False
            old.append(self._items.popleft())
        self._items.append(item)
        self._sent += 1
        self._dropped += len(old)
        self._peak = max(self._peak, len(self._items))
        self._filled.notify()
        if self._on_drop is not None:
            for dropped in old:
                self._on_drop(dropped)
        return True

    async def receive(self) -> T:
        """Take the item that waited longest; waits for one.

        Raises:
            ClosedChannelError: The mailbox is closed and everything in it has been taken.
        """
        await self._ready()
        return self._take()

    async def _ready(self) -> None:
        """Return when there is something to take, and without another await after that was found true."""
        await checkpoint()
        while not self._items:
            if self._closed:
                raise ClosedChannelError("the channel is closed and empty")
            await self._filled.wait()

    def _take(self) -> T:
        item = self._items.popleft()
        self._received += 1
        self._emptied.notify()
        return item

    def drain(self) -> tuple[T, ...]:
        """Take everything that waits at once, oldest first: at the end, for an owner that accounts for what is left."""
        items = tuple(self._items)
        self._items.clear()
        self._received += len(items)
        self._emptied.notify()
        return items

    def close(self) -> None:
        """Take nothing more in. Senders that wait get an error; receivers first get what is left. May be repeated."""
        self._closed = True
        self._filled.notify()
        self._emptied.notify()

    def statistics(self) -> MailboxStatistics:
        """Return the counters as they are now."""
        return MailboxStatistics(
            capacity=self._capacity,
            waiting=len(self._items),
            peak=self._peak,
            sent=self._sent,
            received=self._received,
            dropped=self._dropped,
            closed=self._closed,
        )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except ClosedChannelError:
            raise StopAsyncIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class BroadcastStatistics(Struct, frozen=True):
    """A broadcast's counters."""

    subscribers: int
    """Readers there are now."""
    published: int
    """Items published."""
    missed: int
    """Items that readers were too slow for, added up over all readers there ever were."""
    closed: bool


class Subscription(Generic[T]):
    """One reader's view of a `Broadcast`. Made by `Broadcast.subscribe`."""

    def __init__(self, capacity: int, on_miss: Callable[[T], None]) -> None:
        self._missed = 0
        self._on_miss = on_miss
        self._mailbox: Mailbox[T] = Mailbox(capacity, Overflow.DROP_OLDEST, on_drop=self._miss)

    def _miss(self, item: T) -> None:
        self._missed += 1
        self._on_miss(item)

    async def receive(self) -> T:
        """Return the next item.

        Raises:
            LaggedError: This reader was too slow and missed items. Reading goes on with the oldest still kept.
            ClosedChannelError: The broadcast is closed and everything before that has been read.
        """
        await self._mailbox._ready()
        if missed := self._missed:
            self._missed = 0
            raise LaggedError(missed)
        return self._mailbox._take()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """As `receive`; iterating again after a `LaggedError` goes on."""
        try:
            return await self.receive()
        except ClosedChannelError:
            raise StopAsyncIteration from None


class Broadcast(Generic[T]):
    """Hands each item to every subscriber and never waits for one: who is too slow gets an error, never silence.

    Args:
        capacity: Most items kept for each subscriber, at least 1.
        on_miss: Called with an item each time that a subscriber misses it. Must not raise or block.
    """

    def __init__(self, capacity: int = 64, *, on_miss: Callable[[T], None] | None = None) -> None:
        if capacity < 1:
            raise ValueError("a broadcast keeps at least one item for each subscriber")
        self._capacity = capacity
        self._on_miss = on_miss
        self._subscriptions: dict[int, Subscription[T]] = {}
        self._closed = False
        self._published = self._missed = 0

    def publish(self, item: T) -> None:
        """Hand an item to every subscriber there is; never waits.

        Raises:
            ClosedChannelError: The broadcast is closed.
        """
        if self._closed:
            raise ClosedChannelError("this broadcast is closed")
        self._published += 1
        for subscription in self._subscriptions.values():
            subscription._mailbox.offer(item)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription[T]]:
        """Read what is published from now on, until the block ends.

        Raises:
            ClosedChannelError: The broadcast is closed.
        """
        if self._closed:
            raise ClosedChannelError("this broadcast is closed")
        subscription = Subscription[T](self._capacity, self._count)
        self._subscriptions[id(subscription)] = subscription
        try:
            yield subscription
        finally:
            del self._subscriptions[id(subscription)]
            subscription._mailbox.close()

    def _count(self, item: T) -> None:
        self._missed += 1
        if self._on_miss is not None:
            self._on_miss(item)

    def close(self) -> None:
        """Publish nothing more; subscribers first get what is left. May be repeated."""
        self._closed = True
        for subscription in self._subscriptions.values():
            subscription._mailbox.close()

    def statistics(self) -> BroadcastStatistics:
        """Return the counters as they are now."""
        return BroadcastStatistics(
            subscribers=len(self._subscriptions), published=self._published, missed=self._missed, closed=self._closed
        )
