"""C7: a look-up is accounted for before it happens; what hits nothing is accounted for by number only."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.audit.records import CountPayload, LookupPayload
from hub.clocks import ManualClock
from hub.errors import AuditError
from hub.lookups import Lookups
from hub.messages import Act, Entry, Reach, Requester
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceSpec, open_sources
from hub.testing.alerts import MemoryLog
from hub.testing.sources import ScriptedSource, context, plate_read, typed_plate, vehicles

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")


class WatchfulLog(MemoryLog):
    """Notes how many queries the sources had seen when each entry came, and fails from an entry on."""

    def __init__(self, sources: list[ScriptedSource], fail_from: int | None = None) -> None:
        super().__init__()
        self._sources, self._fail_from = sources, fail_from
        self.seen: list[int] = []

    async def append(self, entry: Entry, /) -> object:
        await trio.lowlevel.checkpoint()
        self.broken = self._fail_from is not None and len(self.entries) >= self._fail_from
        self.seen.append(self.queries())
        return await super().append(entry)

    def queries(self) -> int:
        return sum(len(source.queries) for source in self._sources)


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@asynccontextmanager
async def unit(
    book: GrammarBook, folder: Path, fail_from: int | None = None
) -> AsyncIterator[tuple[Lookups, WatchfulLog, ManualClock]]:
    sources = [
        ScriptedSource("stolen", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC),
        ScriptedSource("keepers", vehicles(["KE123AB"])),
    ]
    log, clock, numbers = WatchfulLog(sources, fail_from), ManualClock(NOW), itertools.count()
    specs = [SourceSpec("p", source, context(folder)) for source in sources]
    async with open_sources(specs, clock=clock, book=book) as host:
        yield Lookups(host, log=log, clock=clock, unit="u", identify=lambda: str(next(numbers))), log, clock


async def nobody(_: object) -> None:
    pass


async def test_the_entry_comes_before_the_first_query(book: GrammarBook, tmp_path: Path) -> None:
    async with unit(book, tmp_path) as (lookups, log, _):
        await lookups.on_request(lookups.request(typed_plate("KE123AB"), OFFICER, "traffic stop"), nobody)
        assert log.seen == [0, 2]
        await lookups.automatic(plate_read("KE123AB"), nobody)
        assert log.seen == [0, 2, 2]
        assert log.queries() == 3
    assert [entry.act for entry in log.entries] == [Act.LOOKUP, Act.LOOKUP_DONE, Act.AUTOMATIC_OPENED]
    assert isinstance(log.entries[0].payload, LookupPayload)
    assert (log.entries[0].requester, log.entries[0].payload.reason) == (OFFICER, "traffic stop")


async def test_what_is_not_in_the_log_does_not_happen(book: GrammarBook, tmp_path: Path) -> None:
    async with unit(book, tmp_path, fail_from=0) as (lookups, log, _):
        for _ in range(3):
            with pytest.raises(AuditError):
                await lookups.on_request(lookups.request(typed_plate("KE123AB"), OFFICER, "stop"), nobody)
            with pytest.raises(AuditError):
                await lookups.automatic(plate_read("KE123AB"), nobody)
        assert log.queries() == 0


async def test_a_look_up_that_never_ended_has_no_end_in_the_log(book: GrammarBook, tmp_path: Path) -> None:
    async with unit(book, tmp_path, fail_from=1) as (lookups, log, _):
        with pytest.raises(AuditError):
            await lookups.on_request(lookups.request(typed_plate("KE123AB"), OFFICER, "stop"), nobody)
    assert [entry.act for entry in log.entries] == [Act.LOOKUP]


STEPS = st.lists(
    st.tuples(st.sampled_from(["front", "rear"]), st.sampled_from(["KE123AB", "BA999ZZ"]), st.integers(0, 70)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_reads_add_up_to_the_numbers_in_the_log(
    book: GrammarBook, tmp_path: Path, steps: list[tuple[str, str, int]]
) -> None:
    async def run() -> WatchfulLog:
        async with unit(book, tmp_path) as (lookups, log, clock):
            for camera, plate, seconds in steps:
                await lookups.automatic(plate_read(plate, camera), nobody)
                clock.advance(seconds)
                await lookups.count()
            await lookups.count(stopping=True)
        return log

    log = trio.run(run)
    counts = [entry.payload for entry in log.entries if isinstance(entry.payload, CountPayload)]
    for camera in ("front", "rear"):
        mine = [count for count in counts if count.camera == camera]
        assert sum(count.asked for count in mine) == sum(step[0] == camera for step in steps)
        assert sum(count.hit for count in mine) == sum(step[:2] == (camera, "KE123AB") for step in steps)
    opened = [(e.camera, e.payload.minute) for e in log.entries if e.act is Act.AUTOMATIC_OPENED]
    assert sorted(opened) == sorted((count.camera, count.minute) for count in counts)
    text = repr(log.entries)
    assert "KE123AB" not in text
    assert "BA999ZZ" not in text
