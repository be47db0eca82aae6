"""How long things took lately: the few newest times of each, for a dashboard. Nothing is measured or decided here."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

from hub.wire import Latency

NEWEST: Final = 16
"""Times of each thing that are kept."""
MOST_THINGS: Final = 64
"""Things that are told of; what is new beyond that is left out."""


class Latencies:
    """The newest times. For the event loop's thread alone."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def note(self, what: str, milliseconds: float) -> None:
        """Take in how long something took."""
        if what not in self._times and len(self._times) == MOST_THINGS:
            return
        self._times.setdefault(what, deque(maxlen=NEWEST)).append(milliseconds)

    def recent(self) -> tuple[Latency, ...]:
        """Return the median of the newest times of each thing, in the order in which they came up."""
        return tuple(Latency(what, median(times)) for what, times in self._times.items())
