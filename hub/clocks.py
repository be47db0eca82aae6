"""Wall time as something that is passed in.

Deadlines are monotonic and belong to trio; expiry, retention and log entries use a `Clock`. Nothing else in the hub
calls ``datetime.now``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day and how long the machine has been up."""

    def now(self) -> datetime:
        """Return the wall time, timezone-aware, in UTC."""
        ...

    def boottime(self) -> float:
        """Return seconds since boot, sleep included: setting the clock back does not move it."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall time in UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Return CLOCK_BOOTTIME in seconds."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class FlooredClock:
    """A clock whose wall time is never less than something that is known to have been, such as the newest log entry.

    What has expired therefore stays so when somebody sets the machine's clock back. Not for what has to notice that.

    Args:
        clock: The clock underneath.
        floor: Returns the earliest time that it can be, or None where nothing is known.
    """

    def __init__(self, clock: Clock, floor: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._floor = floor

    def now(self) -> datetime:
        """Return the wall time, but not less than the floor."""
        now, floor = self._clock.now(), self._floor()
        return now if floor is None else max(now, floor)

    def boottime(self) -> float:
        """Return the running time of the clock underneath."""
        return self._clock.boottime()


class ManualClock:
    """A clock that moves only when told to, for tests and replays."""

    def __init__(self, start: datetime, *, boottime: float = 1000.0) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be timezone-aware")
        self._now = start.astimezone(UTC)
        self._boottime = boottime

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def boottime(self) -> float:
        """Return the running time that was set, in seconds."""
        return self._boottime

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._boottime += seconds

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock alone, as somebody with the machine in hand could."""
        self._now = now.astimezone(UTC)
