"""Automatic look-ups by number only (C7): camera, source and minute, and how many were asked, hit and unavailable.

Nothing of a read can be in here. A minute is over when the clock shows another and no look-up of it is under way;
`hub.lookups` writes it to the log then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from hub.messages import AnswerStatus

Minute: TypeAlias = tuple[str, datetime]
"""A camera and the start of a minute."""


class Count(Struct, frozen=True):
    """One source's look-ups in one camera's minute."""

    camera: str
    minute: datetime
    source: str
    asked: int
    hit: int
    unavailable: int


class Tally:
    """Counts; to be used from one thread."""

    def __init__(self) -> None:
        self._counts: dict[Minute, dict[str, list[int]]] = {}
        self._under_way: dict[Minute, int] = {}

    def __contains__(self, minute: Minute) -> bool:
        return minute in self._counts

    def open(self, minute: Minute) -> None:
        """Begin a minute, which was entered in the log."""
        self._counts.setdefault(minute, {})
        self._under_way.setdefault(minute, 0)

    def begin(self, minute: Minute) -> None:
        """A look-up of an open minute begins."""
        self._under_way[minute] += 1

    def end(self, minute: Minute, outcomes: dict[str, AnswerStatus]) -> None:
        """The look-up has ended with these answers, one for each source that was asked."""
        self._under_way[minute] -= 1
        for source, status in outcomes.items():
            count = self._counts[minute].setdefault(source, [0, 0, 0])
            count[0] += 1
            count[1] += status in (AnswerStatus.HIT, AnswerStatus.AMBIGUOUS)
            count[2] += status is AnswerStatus.UNAVAILABLE

    def over(self, now: datetime | None) -> list[Minute]:
        """Return the minutes that are over; all that no look-up keeps open where `now` is None."""
        current = None if now is None else minute_of(now)
        return [m for m in self._counts if m[1] != current and not self._under_way[m]]

    def counts(self, minute: Minute) -> Iterator[Count]:
        """Yield a minute's counts that were not written yet, one a source."""
        for source, (asked, hit, unavailable) in list(self._counts[minute].items()):
            yield Count(*minute, source, asked, hit, unavailable)

    def written(self, minute: Minute, source: str) -> None:
        """A source's count stands in the log."""
        del self._counts[minute][source]

    def close(self, minute: Minute) -> None:
        """All of a minute was written."""
        del self._counts[minute], self._under_way[minute]


def minute_of(now: datetime) -> datetime:
    """Return the start of the minute."""
    return now.replace(second=0, microsecond=0)
