from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from hub.actors.lookups import run_lookups
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.ledger import Ledger, Stage
from hub.lookups import Lookups
from hub.messages import (
    Act,
    PlateRead,
    Query,
    RaisedHit,
    Reach,
    Reason,
    Requester,
)
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceSpec, open_sources
from hub.testing.alerts import MemoryLog
from hub.testing.faults import crash, hang
from hub.testing.sources import ScriptedSource, context, plate_read, vehicles

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


class Bench:
    def __init__(self, lookups: Lookups, log: MemoryLog) -> None:
        self.lookups, self.log = lookups, log
        self.reads: Mailbox[PlateRead] = Mailbox(16)
        self.hits: Mailbox[RaisedHit] = Mailbox(16)
        self.ledger = Ledger()
        self.problems: list[str] = []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        await run_lookups(
            self.lookups,
            self.reads,
            self.hits,
            unit="unit-1",
            ledger=self.ledger,
            on_problem=self.problems.append,
            task_status=task_status,
        )

    async def drive_past(self, *plates: str) -> dict[Reason, int]:
        """Let reads through until the end and return the reasons that the actor gave."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.run)
            for plate in plates:
                self.ledger.enter("front", Stage.READ)
                await self.reads.send(plate_read(plate))
            self.reads.close()
        return {count.reason: count.count for count in self.ledger.snapshot()}


@pytest.fixture
def bench(book: GrammarBook, tmp_path: Path):
    @asynccontextmanager
    async def opened(*sources: ScriptedSource, deadline: float = 5.0) -> AsyncIterator[Bench]:
        log, clock, numbers = MemoryLog(), ManualClock(NOW), itertools.count(1)
        specs = [SourceSpec("plugin", source, context(tmp_path / "p"), deadline) for source in sources]
        async with open_sources(specs, clock=clock, book=book) as host:
            lookups = Lookups(host, log=log, clock=clock, unit="unit-1", identify=lambda: f"L{next(numbers)}")
            yield Bench(lookups, log)

    return opened


def stolen(name: str = "stolen") -> ScriptedSource:
    return ScriptedSource(name, vehicles(["KE123AB"]), reach=Reach.AUTOMATIC)


async def test_each_read_that_hits_nothing_leaves_one_reason(bench) -> None:
    async with bench(stolen()) as on:
        assert await on.drive_past("BA999ZZ", "BA998ZZ", "BA997ZZ") == {Reason.NOT_LISTED: 3}
        assert not on.ledger.check()
        assert on.hits.statistics().sent == 0


async def test_a_hit_goes_to_the_alerts_which_give_the_reason(bench) -> None:
    async with bench(stolen("one"), stolen("two")) as on:
        assert await on.drive_past("KE123AB") == {}
        raised = on.hits.drain()
    assert sorted(hit.answer.source for hit in raised) == ["one", "two"]
    assert {hit.answer.lookup for hit in raised} == {"L1"}
    assert all(hit.requester == Requester("", "unit", "unit-1") for hit in raised)
    assert all(hit.read is not None and hit.read.readings[0].plate == "KE123AB" for hit in raised)


async def test_no_source_and_no_answer_are_told_apart(bench) -> None:
    async with bench(ScriptedSource("keepers")) as on:
        assert await on.drive_past("BA999ZZ") == {Reason.NO_SOURCE: 1}
    async with bench(crash(stolen())) as on:
        assert await on.drive_past("BA999ZZ") == {Reason.UNAVAILABLE: 1}
    async with bench(crash(stolen("one")), stolen("two")) as on:
        assert await on.drive_past("BA999ZZ") == {Reason.NOT_LISTED: 1}


async def test_where_the_log_fails_nothing_is_looked_up_and_it_is_said_once(bench) -> None:
    source = stolen()
    async with bench(source) as on:
        on.log.broken = True
        assert await on.drive_past("KE123AB", "BA999ZZ") == {Reason.UNAVAILABLE: 2}
        assert on.problems == ["the log cannot be written"]
    assert not source.queries


async def test_the_minute_is_counted_when_it_ends_and_when_the_unit_stops(bench) -> None:
    async with bench(stolen()) as on:
        await on.drive_past("BA999ZZ", "KE123AB")
    assert [entry.act for entry in on.log.entries] == [Act.AUTOMATIC_OPENED, Act.AUTOMATIC_COUNTED]
    payload = on.log.entries[1].payload
    assert (payload.asked, payload.hit, payload.unavailable) == (2, 1, 0)


async def test_cancelled_it_gives_reads_in_hand_their_reason_and_writes_its_count(bench) -> None:
    source = hang(stolen(), 30.0)
    async with bench(source) as on:
        async with trio.open_nursery() as nursery:
            await nursery.start(on.run)
            on.ledger.enter("front", Stage.READ)
            await on.reads.send(plate_read("BA999ZZ"))
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        source.release.set()
        assert [(count.reason, count.count) for count in on.ledger.snapshot()] == [(Reason.STOPPED, 1)]
    assert on.log.entries[-1].act is Act.AUTOMATIC_COUNTED


async def test_where_the_alerts_are_gone_a_hit_counts_as_stopped(bench) -> None:
    async with bench(stolen()) as on:
        on.hits.close()
        assert await on.drive_past("KE123AB") == {Reason.STOPPED: 1}


class Forgetful(ScriptedSource):
    """The scripted source remembers what it was asked; a real one does not."""

    def find(self, query: Query):
        yield from super().find(query)
        self.queries.clear()


async def test_nothing_of_a_read_stays_behind(bench) -> None:
    source = Forgetful("stolen", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC)
    async with bench(source) as on, trio.open_nursery() as nursery:
        await nursery.start(on.run)
        read = plate_read("BA999ZZ")
        slots = weakref.ref(read.slots)
        on.ledger.enter("front", Stage.READ)
        await on.reads.send(read)
        del read
        with trio.fail_after(5):
            while on.ledger.check():  # noqa: ASYNC110
                await trio.sleep(0.01)
        gc.collect()
        assert slots() is None
        nursery.cancel_scope.cancel()
