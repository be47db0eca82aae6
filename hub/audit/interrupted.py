"""Finds what was begun and never ended: look-ups that a crash or a power cut interrupted.

An officer's look-up has an entry before any source is asked and another when it has ended; a minute of automatic
look-ups has one when it begins and one a source when it was counted. What lacks its second entry was interrupted, or is
under way right now. Only metadata are needed, so the answer is the same after payloads were destroyed on their date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from hub.audit.leaf import Metadata
from hub.audit.reading import LoggedEntry, read_entries
from hub.messages import Act

INTERRUPTED: Final = "interrupted"
"""Outcome of a look-up that was cut short while the unit could still say so."""
_MOST: Final = 65_536
"""Entries that are searched for the unit's last start."""


class Pending:
    """Pairs entries that begin something with those that end it, as they are read in order."""

    def __init__(self) -> None:
        self._begun: defaultdict[tuple[str, ...], list[Metadata]] = defaultdict(list)

    def add(self, entry: LoggedEntry) -> Metadata | None:
        """Take the next entry; returns it where it says itself that a look-up was interrupted."""
        data = entry.metadata
        if data.act is Act.LOOKUP and data.outcome == "asked":
            self._begun[_lookup(data)].append(data)
        elif data.act is Act.LOOKUP_DONE:
            _pop(self._begun[_lookup(data)])
            return data if data.outcome == INTERRUPTED else None
        elif data.act is Act.AUTOMATIC_OPENED:
            for source in data.source.split(","):
                self._begun[_minute(data, source)].append(data)
        elif data.act is Act.AUTOMATIC_COUNTED:
            _pop(self._begun[_minute(data, data.source)])
        return None

    def left(self) -> Iterator[Metadata]:
        """Yield the entries whose second one is missing; a minute counts once however many sources it had."""
        seen: set[int] = set()
        for begun in self._begun.values():
            for data in begun:
                if data.index not in seen:
                    seen.add(data.index)
                    yield data


def _lookup(data: Metadata) -> tuple[str, ...]:
    return ("lookup", data.unit, data.officer, data.source)


def _minute(data: Metadata, source: str) -> tuple[str, ...]:
    return ("minute", data.unit, data.camera, source)


def _pop(begun: list[Metadata]) -> None:
    """Take the newest one off: an older one that is left was interrupted."""
    if begun:
        begun.pop()


class LastRun(Struct, frozen=True):
    """What a unit that starts finds of the time since it started last."""

    lookups: int
    """Officers' look-ups that were interrupted."""
    minutes: int
    """Minutes of automatic look-ups that were never counted."""
    cut_off: bool
    """True where the last run did not end by itself."""

    def describe(self) -> str:
        """Return one line for the log and the operator, "" where nothing was interrupted."""
        parts = ["the last run was cut off"] if self.cut_off else []
        if self.lookups:
            parts.append(f"look-ups that were interrupted: {self.lookups}")
        if self.minutes:
            parts.append(f"minutes of automatic look-ups that were not counted: {self.minutes}")
        return "; ".join(parts)


def last_run(path: Path) -> LastRun:
    """Return what was interrupted since the unit started last, or in all of the log where it never did.

    Raises:
        StoreError: The file cannot be read.
        AuditError: An entry was changed; `hub.audit.verify` says which.
    """
    return since_last_start(_newest(path))


def since_last_start(entries: Iterable[LoggedEntry]) -> LastRun:
    """Return the same from entries, of which those before the last start count for nothing."""
    pending, interrupted, running = Pending(), 0, False
    for entry in entries:
        if entry.metadata.act is Act.UNIT_START:
            pending, interrupted, running = Pending(), 0, True
        elif entry.metadata.act is Act.UNIT_STOP:
            running = False
        elif pending.add(entry):
            interrupted += 1
    left = list(pending.left())
    lookups = sum(data.act is Act.LOOKUP for data in left)
    return LastRun(lookups + interrupted, len(left) - lookups, running)


def _newest(path: Path) -> list[LoggedEntry]:
    """Return the entries since the last start, found from the end: a log may be years long."""
    count = 256
    while True:
        entries = list(read_entries(path, start=-count))
        started = any(entry.metadata.act is Act.UNIT_START for entry in entries)
        if started or len(entries) < count or count >= _MOST:
            return entries
        count *= 4
