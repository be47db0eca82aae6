"""Wall time as something that is passed in.

Deadlines are monotonic and belong to trio; expiry, retention and log entries use a `Clock`. Nothing else in the hub
calls ``datetime.now``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
"""Where Linux names this boot: running times of two boots cannot be compared."""


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


@dataclass(frozen=True)
class Moment:
    """A reading of both clocks, which can outlive the process."""

    wall: datetime
    """Wall time, timezone-aware."""
    boottime: float
    """CLOCK_BOOTTIME in seconds."""
    boot: str
    """Identifier of the boot to which `boottime` belongs."""


def boot_identifier() -> str:
    """Return the identifier of this boot; "" where the system does not tell, which equals no other."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def advance(seen: Moment | None, now: Moment) -> Moment:
    """Return a moment whose wall time is the latest that it can be, whatever somebody set the clock to.

    At least as much time has passed since `seen` as the running clock counted: since then in the same boot, and since
    its start after a restart (how long the machine was off, nobody knows).

    Args:
        seen: What was known before; None where nothing was.
        now: What both clocks say.
    """
    if seen is None:
        return now
    same = bool(now.boot) and seen.boot == now.boot
    ran = max(now.boottime - seen.boottime, 0.0) if same else max(now.boottime, 0.0)
    return Moment(max(now.wall, seen.wall + timedelta(seconds=ran)), now.boottime, now.boot)


class SteadyClock:
    """A clock that follows the wall clock forward and, where that was set back, goes on with the running time.

    What is due by it therefore comes due, which it does not by a clock that stands still until the wall clock has
    caught up.

    Args:
        clock: The clock underneath.
        boot: Identifier of this boot.
        seen: What was known before, such as before a restart; None where nothing was.
    """

    def __init__(self, clock: Clock, *, boot: str = "", seen: Moment | None = None) -> None:
        self._clock = clock
        self._boot = boot or "this process"
        self._seen = seen

    def moment(self) -> Moment:
        """Return the time as it is known now."""
        now = Moment(self._clock.now(), self._clock.boottime(), self._boot)
        self._seen = advance(self._seen, now)
        return self._seen

    def now(self) -> datetime:
        """Return the wall time, never less than before and never slower than the running time."""
        return self.moment().wall

    def boottime(self) -> float:
        """Return the running time of the clock underneath."""
        return self._clock.boottime()


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
