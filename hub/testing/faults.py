"""Named faults: a source wrapped so that it hangs, crashes, is slow, comes and goes, talks nonsense or floods.

Each takes a source that works and returns one that declares the same; `NAMED` has them by name, as
`patrol-hub plugins check` uses them. What the host makes of them is tested in `tests/faults`; plugin authors may use
them the same way.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.messages import Query

Find = Callable[[Query], Iterable[SourceRecord]]


class FaultySource(RecordSource):
    """A source whose `find` was replaced; everything else is the wrapped source's."""

    answers = frozenset()

    def __init__(self, source: RecordSource, find: Find) -> None:
        vars(self).update(name=source.name, reach=source.reach, answers=source.answers, exact_only=source.exact_only)
        self.source = source
        self._find = find
        self.release = threading.Event()
        """Set it to let calls that hang go on, so that a test leaves no thread behind."""

    def open(self, context: PluginContext) -> SourceInfo:
        """Open the wrapped source."""
        return self.source.open(context)

    def find(self, query: Query) -> Iterable[SourceRecord]:
        """Fail as told."""
        return self._find(query)

    def plates(self) -> Iterable[str]:
        """Return the wrapped source's plates."""
        return self.source.plates()

    def close(self) -> None:
        """Close the wrapped source and let hanging calls go."""
        self.release.set()
        self.source.close()


def hang(source: RecordSource, seconds: float = 30.0) -> FaultySource:
    """Answer, but only after so many seconds."""

    def find(query: Query) -> Iterable[SourceRecord]:
        faulty.release.wait(seconds)
        return source.find(query)

    faulty = FaultySource(source, find)
    return faulty


def slow(source: RecordSource, seconds: float) -> FaultySource:
    """Take so many seconds for each record."""

    def find(query: Query) -> Iterator[SourceRecord]:
        for record in source.find(query):
            faulty.release.wait(seconds)
            yield record

    faulty = FaultySource(source, find)
    return faulty


def crash(source: RecordSource, error: Callable[[], BaseException] = lambda: ZeroDivisionError("x")) -> FaultySource:
    """Raise each time."""

    def find(query: Query) -> Iterable[SourceRecord]:
        del query
        raise error()

    return FaultySource(source, find)


def flap(source: RecordSource, *, bad: int, good: int) -> FaultySource:
    """Raise so many times, answer so many times, and so on."""
    turns = itertools.cycle([False] * bad + [True] * good)

    def find(query: Query) -> Iterable[SourceRecord]:
        if not next(turns):
            raise ConnectionError("gone")
        return source.find(query)

    return FaultySource(source, find)


def garbage(source: RecordSource, answer: object) -> FaultySource:
    """Answer with something that is no sequence of records."""

    def find(query: Query) -> Iterable[SourceRecord]:
        del query
        return answer  # type: ignore[return-value]  # that is the fault

    return FaultySource(source, find)


def flood(source: RecordSource, megabytes: int = 10, *, endless: bool = False) -> FaultySource:
    """Answer with so many megabytes at once, or with small records without an end."""

    def find(query: Query) -> Iterator[SourceRecord]:
        del query
        if not endless:
            yield SourceRecord("flood", {"instruction": "x" * (megabytes << 20)})
            return
        for number in itertools.count():
            yield SourceRecord(str(number), {"make": "x"})

    return FaultySource(source, find)


def die(source: RecordSource, status: int = 7) -> FaultySource:
    """Take the process along, without a word. For a source in a process of its own."""

    def find(query: Query) -> Iterable[SourceRecord]:
        del query
        os._exit(status)

    return FaultySource(source, find)


NAMED: Final[Mapping[str, Callable[[RecordSource], FaultySource]]] = MappingProxyType(
    {
        "hang": lambda source: hang(source, 600.0),
        "crash": crash,
        "slow": lambda source: slow(source, 60.0),
        "flap": lambda source: flap(source, bad=1, good=1),
        "garbage": lambda source: garbage(source, [{"entry": "1"}]),
        "flood": flood,
        "die": die,
    }
)
"""The faults by name, each as bad as it gets: ``slow`` ends within no deadline, ``flap`` fails every other time."""
