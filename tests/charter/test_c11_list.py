"""C11: a list is gone 24 hours after its expiry, to the byte, whatever state its source is in."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.audit.records import ErasedPayload
from hub.backends import PluginContext, SourceRecord
from hub.clocks import ManualClock
from hub.lookups import Lookups
from hub.messages import Act, AnswerStatus, Query
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceSpec, open_sources
from hub.store.retention import CHARTER, RetentionSettings, shorten
from hub.testing.alerts import MemoryLog
from hub.testing.sources import context, plate_read
from wanted_persons import WantedPersons, WantedPersonsImporter

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
EXPIRES = datetime(2030, 1, 10, tzinfo=UTC)
TABLE = """\
category,plate,family_name,legal_basis,issuing_authority,expires
stolen_vehicle,KE123AB,,Warrant 7,Court,2030-01-09
wanted_person,,Kovalenko,Warrant 8,Court,2030-01-05
"""


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@pytest.fixture
def where(tmp_path: Path) -> PluginContext:
    plugin = context(tmp_path / "wanted_persons", development=True)
    file = tmp_path / "list.csv"
    file.write_text(TABLE)
    assert WantedPersonsImporter().import_file(plugin, file).imported == 2
    file.unlink()
    return plugin


def left(where: PluginContext) -> bytes:
    return b"".join(file.read_bytes() for file in where.state.iterdir())


@pytest.mark.parametrize(
    ("retention", "hours"), [(CHARTER, 24), (shorten(RetentionSettings(list_hours=1.5)), 1.5)], ids=["charter", "less"]
)
async def test_a_list_is_gone_on_its_date_and_the_log_says_so(book, where, retention, hours) -> None:
    clock, log, numbers = ManualClock(NOW), MemoryLog(), itertools.count()
    async with open_sources([SourceSpec("wanted_persons", WantedPersons, where)], clock=clock, book=book) as host:
        lookups = Lookups(
            host, log=log, clock=clock, unit="u", identify=lambda: str(next(numbers)), retention=retention
        )

        async def nobody(_: object) -> None:
            pass

        (answer,) = await lookups.automatic(plate_read("KE123AB"), nobody)
        assert answer.status is AnswerStatus.HIT
        clock.set_wall(EXPIRES)
        (answer,) = await lookups.automatic(plate_read("KE123AB"), nobody)
        assert answer.status is AnswerStatus.UNAVAILABLE
        clock.set_wall(EXPIRES + timedelta(hours=hours, seconds=-1))
        await lookups.erase_due()
        assert b"KE123AB" in left(where)
        clock.advance(1)
        await lookups.erase_due()
        await lookups.erase_due()
        for trace in (b"KE123AB", b"Kovalenko", b"KOVALENKO", b"Warrant", b"Court"):
            assert trace not in left(where)
    (erased,) = [entry for entry in log.entries if entry.act is Act.ERASED]
    assert (erased.payload, erased.source) == (ErasedPayload("list", 2), "wanted_persons")


class Stuck(WantedPersons):
    """A source that never answers: it ends up parked."""

    def find(self, query: Query) -> Iterable[SourceRecord]:
        raise SystemExit


async def test_a_list_goes_although_its_source_does_not_open_or_is_broken(book, where) -> None:
    clock = ManualClock(EXPIRES + timedelta(hours=24))
    for source in (WantedPersons, Stuck):
        async with open_sources([SourceSpec("wanted_persons", source, where)], clock=clock, book=book) as host:
            assert not host.statistics()[0].usable
            await host.erase_due(timedelta(hours=24))
    assert b"KE123AB" not in left(where)


def test_a_list_that_was_deleted_while_somebody_read_it_is_overwritten_afterwards(where: PluginContext) -> None:
    due, day = replace(where, now=EXPIRES + timedelta(hours=24)), timedelta(hours=24)
    reader = sqlite3.connect(where.state / "wanted_persons.sqlite3", isolation_level=None)
    with closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        assert WantedPersons().erase_due(due, day) == 2  # accounted for, although its bytes are still there
        assert b"KE123AB" in left(where)
    assert WantedPersons().erase_due(due, day) == 0
    assert b"KE123AB" not in left(where)


async def test_a_list_expires_while_it_is_open_although_the_clock_was_set_back(book, where) -> None:
    clock, asked = ManualClock(NOW), plate_read("KE123AB")
    async with open_sources([SourceSpec("wanted_persons", WantedPersons, where)], clock=clock, book=book) as host:
        lookups = Lookups(host, log=MemoryLog(), clock=clock, unit="u", identify=lambda: "L")

        async def nobody(_: object) -> None:
            pass

        clock.advance((EXPIRES - NOW).total_seconds() - 1)
        clock.set_wall(NOW)
        (answer,) = await lookups.automatic(asked, nobody)
        assert answer.status is AnswerStatus.HIT
        clock.advance(1)
        (answer,) = await lookups.automatic(asked, nobody)
        assert (answer.status, answer.hits) == (AnswerStatus.UNAVAILABLE, ())
        assert "the clock was set back" in answer.explanation
