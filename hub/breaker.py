"""When to leave a failing source alone: a circuit breaker as a pure state machine.

Closed, it lets every call through. After so many failures in a row it opens and lets none through; after a rest it
lets one through (half-open), whose outcome closes it or opens it again. Time is an argument, on any clock that does
not go back; calls, deadlines and what counts as a failure belong to `hub.sources`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, structs


class BreakerState(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One call is under way to see whether the source is back."""


class Breaker(Struct, frozen=True):
    """One source's breaker; each method returns the breaker that follows."""

    limit: int = 3
    """Failures in a row that open it, at least 1."""
    rest: float = 30.0
    """Seconds for which it stays open."""
    failures: int = 0
    """Failures in a row so far."""
    opened_at: float = 0.0
    """Time of the failure that opened it last."""
    trying: bool = False
    """Whether the one call of the half-open state is under way."""

    def state(self) -> BreakerState:
        """Return the state."""
        if self.failures < self.limit:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self.trying else BreakerState.OPEN

    def lets_through(self, now: float) -> bool:
        """Say whether a call may start; start it with `started`."""
        if self.failures < self.limit:
            return True
        return not self.trying and now >= self.opened_at + self.rest

    def started(self) -> Breaker:
        """A call was let through."""
        return structs.replace(self, trying=self.failures >= self.limit)

    def succeeded(self) -> Breaker:
        """The call was answered."""
        return structs.replace(self, failures=0, trying=False)

    def failed(self, now: float) -> Breaker:
        """The call failed."""
        return structs.replace(self, failures=self.failures + 1, opened_at=now, trying=False)

    def withdrawn(self) -> Breaker:
        """The call was cancelled by its caller and says nothing of the source."""
        return structs.replace(self, trying=False)
