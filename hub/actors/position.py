"""The position actor: keeps one position source open and the newest fix at hand.

It opens again what failed, waits longer each time, and says so. A source's calls run in a thread with a deadline; one
that hangs is given up, three times at most. What a fix allows is not decided here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from hub.backends import PositionSource
from hub.clocks import Clock
from hub.errors import HubError, PluginParkedError
from hub.inference import Worker
from hub.messages import Fix, PositionHealth
from hub.text import plain

FIRST_WAIT: Final = 0.5
"""Seconds before a source is opened again for the first time; doubles each time."""
LONGEST_WAIT: Final = 15.0
OPEN_SECONDS: Final = 10.0
"""Longest time that opening may take, the look-up of a host's name included."""
CALL_SECONDS: Final = 5.0
"""Longest time for one `PositionSource.fix`, which itself waits a second at most."""
CLOSE_SECONDS: Final = 1.0
PAUSE: Final = 0.25
"""Shortest time between two calls, so that a flood does not keep a processor busy."""
FRESH_SECONDS: Final = 30.0
"""Age up to which health says that there is a fix; the same as an order's."""


def _ignore(_: object) -> None:
    """Drop a report."""


async def run_position(
    name: str,
    make: Callable[[], PositionSource],
    keep: Callable[[Fix], None],
    *,
    clock: Clock,
    rng: random.Random,
    report: Callable[[PositionHealth], None] = _ignore,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep the newest fix until cancelled.

    Args:
        name: What the source is called in health.
        make: Opens it; blocking.
        keep: Takes each new fix.
        clock: Tells how old a fix is.
        rng: Spreads the waits.
        report: Gets the source's health whenever it changes.
        task_status: Started at once: a receiver that is not there yet is no failure of the actor.

    Raises:
        PluginParkedError: Too many of the source's calls never ended.
    """
    keeper = _Keeper(name, keep, clock, report)
    worker = Worker(f"position {plain(name, limit=40)}")
    task_status.started()
    wait = FIRST_WAIT
    while True:
        opening = _Opening(make)
        try:
            source = await worker.call(opening.make, deadline=OPEN_SECONDS)
            keeper.tell(is_open=True)
            while True:
                began = trio.current_time()
                if keeper.take(await worker.call(source.fix, deadline=CALL_SECONDS), source.refused):
                    wait = FIRST_WAIT
                await trio.sleep(max(PAUSE - (trio.current_time() - began), 0.0))
        except PluginParkedError as error:
            keeper.tell(detail=str(error))
            raise
        except Exception as error:  # noqa: BLE001  # a source may raise anything; it is opened again
            keeper.tell(detail=plain(str(error), limit=200) if isinstance(error, HubError) else type(error).__name__)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_SECONDS), suppress(Exception):
                await worker.call(opening.close, deadline=CLOSE_SECONDS)
        await trio.sleep(wait * rng.uniform(0.75, 1.25))
        wait = min(2 * wait, LONGEST_WAIT)
        keeper.reopen()


class _Opening:
    """One attempt: a source that opened after nobody waited for it any more is closed again."""

    def __init__(self, make: Callable[[], PositionSource]) -> None:
        self._make = make
        self._source: PositionSource | None = None
        self._over = False

    def make(self) -> PositionSource:
        source = self._source = self._make()
        if self._over:
            source.close()
        return source

    def close(self) -> None:
        self._over = True
        if self._source is not None:
            self._source.close()


class _Keeper:
    """Believes a source no more than it has to, and says how it does."""

    def __init__(
        self, name: str, keep: Callable[[Fix], None], clock: Clock, report: Callable[[PositionHealth], None]
    ) -> None:
        self.reopened = 0
        self._name, self._keep, self._clock, self._report = name, keep, clock, report
        self._newest = -math.inf
        self._refused = self._refused_here = 0
        self._told: PositionHealth | None = None

    def reopen(self) -> None:
        """Count another opening; what the source before refused stays counted."""
        self.reopened += 1
        self._refused_here, self._refused = self._refused_here + self._refused, 0

    def take(self, fix: object, refused: object) -> bool:
        """Keep a fix that may be one; return whether it was."""
        now = self._clock.boottime()
        good = fix is not None and _possible(fix, self._newest, now)
        if isinstance(fix, Fix) and good:
            self._newest = fix.at
            self._keep(fix)
        elif fix is not None:
            self._refused_here += 1
        self._refused = refused if isinstance(refused, int) else 0
        self.tell(is_open=True)
        return good

    def tell(self, *, is_open: bool = False, detail: str = "") -> None:
        health = PositionHealth(
            source=self._name,
            open=is_open,
            fix=self._clock.boottime() - self._newest < FRESH_SECONDS,
            reopened=self.reopened,
            refused=self._refused + self._refused_here,
            detail=detail,
        )
        if health != self._told:
            self._told = health
            self._report(health)


def _possible(fix: object, newest: float, now: float) -> bool:
    """Say whether something is a fix, of a place on the globe, newer than the last one and not from the future."""
    if type(fix) is not Fix:
        return False
    numbers: tuple[object, ...] = (fix.latitude, fix.longitude, fix.at, fix.accuracy)
    return (
        all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)
        and abs(fix.latitude) <= 90
        and abs(fix.longitude) <= 180
        and fix.accuracy > 0
        and newest < fix.at <= now
    )
