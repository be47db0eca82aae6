"""Blocking calls (models, plugins) in worker threads that a hung call cannot use up.

A thread cannot be stopped, and a trio limiter keeps the token of a call that was abandoned. So a thread that outlives
its deadline is given up together with its limiter, a limited number of times; then the worker is parked. Which calls
are made, and what a failure means, is not decided here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar, TypeVarTuple

import trio
from msgspec import Struct

from hub.errors import BusyError, DeadlineError, PluginError, PluginParkedError

Ts = TypeVarTuple("Ts")
T = TypeVar("T")

_SLACK: Final = 0.01
"""Seconds by which a thread may fall short of its deadline and still count as late when its caller leaves."""


class Device:
    """A processor that several workers share: at most so many of their calls run on it at once.

    Args:
        calls: Calls at a time, at least 1. More models at once than the processor has room for take longer together
            than one after the other.
    """

    def __init__(self, calls: int = 1) -> None:
        if calls < 1:
            raise ValueError("a device takes at least one call")
        self._slots = trio.Semaphore(calls, max_value=calls)

    async def __aenter__(self) -> None:
        await self._slots.acquire()

    async def __aexit__(self, *error: object) -> None:
        self._slots.release()


class WorkerStatistics(Struct, frozen=True):
    """A worker's counters; ``calls`` is the sum of the outcomes and of what is still under way."""

    name: str
    calls: int
    """Calls that were taken."""
    returned: int
    raised: int
    late: int
    """Calls that did not end within their deadline, in the queue or in the thread."""
    cancelled: int
    """Calls whose caller went away."""
    refused: int
    """Calls not taken because the queue was full or the worker parked; not part of ``calls``."""
    waiting: int
    """Calls in the queue now."""
    given_up: int
    """Threads that outlived their deadline and were left behind."""
    parked: bool


class _Lane:
    """One thread's worth of a worker."""

    def __init__(self) -> None:
        self.limiter = trio.CapacityLimiter(1)
        self.overdue_at = math.inf
        """When the thread that runs here, if any, has had its time, on trio's clock; -inf once it was given up."""


class Worker:
    """Runs blocking calls in threads of its own, in order, each with a deadline.

    A caller always gets its answer or an error by its deadline. The thread gets as long as the deadline from its own
    start: one that merely started late, or whose caller was cancelled, is waited for before the next call takes its
    place, so that no more run at once than were asked for; one that is overdue then is given up.

    Args:
        name: Whose calls these are; stands in errors.
        replacements: How many overdue threads are replaced before the worker is parked for good.
        concurrent: Calls that run at the same time.
        queue: Most calls that wait for their turn.
        device: What the calls run on, shared with other workers; None where that does not matter.
    """

    def __init__(
        self, name: str, *, replacements: int = 2, concurrent: int = 1, queue: int = 32, device: Device | None = None
    ) -> None:
        if concurrent < 1 or queue < 0 or replacements < 0:
            raise ValueError("a worker needs a thread, and numbers that are not negative")
        self.name = name
        self._replacements = replacements
        self._queue = queue
        self._device = device
        self._turns = trio.Semaphore(concurrent, max_value=concurrent)
        self._idle = [_Lane() for _ in range(concurrent)]
        self._parked = False
        self._waiting = self._calls = self._returned = self._raised = 0
        self._late = self._cancelled = self._refused = self._given_up = 0

    async def call(self, fn: Callable[[*Ts], T], *args: *Ts, deadline: float) -> T:
        """Run ``fn(*args)`` in a thread and return what it returns.

        Args:
            fn: A blocking function. What it raises comes out unchanged, except that an exit it asks for becomes a
                `PluginError`.
            *args: Its arguments.
            deadline: Seconds from now until the answer must be there, waiting included.

        Raises:
            DeadlineError: It did not end in time. Its thread may still run; its result is thrown away.
            BusyError: The queue is full.
            PluginParkedError: Too many threads of this worker hung.
        """
        if self._parked:
            self._refused += 1
            raise self._parked_error()
        if self._waiting >= self._queue and self._turns.value == 0:
            self._refused += 1
            raise BusyError(f"{self.name}: {self._waiting} calls wait already")
        self._calls += 1
        try:
            with trio.move_on_after(deadline):
                result = await self._run(partial(_contained, self.name, partial(fn, *args)), deadline)
                self._returned += 1
                return result
        except trio.Cancelled:
            self._cancelled += 1
            raise
        except BaseException:
            self._raised += 1
            raise
        self._late += 1
        raise DeadlineError(f"{self.name}: no answer within {deadline:g} s")

    @property
    def parked(self) -> bool:
        """True where too many threads hung: every further call is refused."""
        return self._parked

    def statistics(self) -> WorkerStatistics:
        """Return the counters as they are now."""
        return WorkerStatistics(
            name=self.name,
            calls=self._calls,
            returned=self._returned,
            raised=self._raised,
            late=self._late,
            cancelled=self._cancelled,
            refused=self._refused,
            waiting=self._waiting,
            given_up=self._given_up,
            parked=self._parked,
        )

    async def _run(self, fn: Callable[[], T], deadline: float) -> T:
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        # The semaphore leaves a lane for each holder. A lane whose thread lingers is taken last.
        lane = self._idle.pop(self._idle.index(min(self._idle, key=lambda lane: lane.limiter.borrowed_tokens)))
        try:
            lane = await self._free(lane)
            if self._device is None:
                return await self._run_in(lane, fn, deadline)
            async with self._device:
                return await self._run_in(lane, fn, deadline)
        finally:
            self._idle.append(_Lane() if lane.overdue_at == -math.inf else lane)
            self._turns.release()

    async def _free(self, lane: _Lane) -> _Lane:
        """Wait for the thread that a former caller left in this lane, and give it up when it is overdue."""
        if not lane.limiter.borrowed_tokens:
            return lane
        with trio.move_on_at(lane.overdue_at):
            async with lane.limiter:
                return lane
        self._give_up(lane)
        if self._parked:
            raise self._parked_error()
        return _Lane()

    async def _run_in(self, lane: _Lane, fn: Callable[[], T], deadline: float) -> T:
        if self._parked:
            raise self._parked_error()
        lane.overdue_at = trio.current_time() + deadline
        try:
            return await trio.to_thread.run_sync(fn, abandon_on_cancel=True, limiter=lane.limiter)
        except trio.Cancelled:
            if lane.limiter.borrowed_tokens and trio.current_time() >= lane.overdue_at - _SLACK:
                self._give_up(lane)
            raise

    def _give_up(self, lane: _Lane) -> None:
        lane.overdue_at = -math.inf
        self._given_up += 1
        self._parked = self._given_up > self._replacements

    def _parked_error(self) -> PluginParkedError:
        return PluginParkedError(f"{self.name} is parked: {self._given_up} of its calls never ended")


def let_go(error: BaseException) -> None:
    """Drop where a call's error came from, once nobody will ask.

    The frames that it came through hold it in turn, and with it what the call was given: a picture, a face or a plate
    would wait for Python's collector (C3). An error that is raised again afterwards comes from there.
    """
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or each.__traceback__ is None:  # a chain may lead back to where it began
            continue
        each.__traceback__ = None
        waiting += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def _contained(name: str, fn: Callable[[], T]) -> T:
    """Run ``fn``; a request to leave the process, made by a plugin, is only an error of that plugin."""
    try:
        return fn()
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        raise PluginError(f"{name} asked the process to exit") from error
