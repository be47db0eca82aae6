from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import trio
from msgspec import structs

from hub.audit.records import AnswerCount, CountPayload, LookupDonePayload, LookupPayload, OpenedPayload
from hub.clocks import ManualClock
from hub.errors import AuditError, NotAllowedError, NotSignedInError, UsageError
from hub.lookups import Lookups, describe, subject_of
from hub.messages import (
    Act,
    AlertState,
    Answer,
    AnswerStatus,
    DocumentQuery,
    PersonQuery,
    Reach,
    Requester,
    SubjectKind,
)
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceSpec, open_sources
from hub.store.retention import CHARTER
from hub.testing.alerts import MemoryLog, alert
from hub.testing.faults import hang
from hub.testing.sources import ScriptedSource, context, plate_read, typed_plate, vehicles

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")


class Bench:
    """Look-ups over scripted sources, with everything that a test looks at."""

    def __init__(
        self, lookups: Lookups, log: MemoryLog, clock: ManualClock, sources: dict[str, ScriptedSource]
    ) -> None:
        self.lookups, self.log, self.clock, self.sources = lookups, log, clock, sources
        self.delivered: list[Answer] = []

    async def deliver(self, answer: Answer) -> None:
        self.delivered.append(answer)

    def asked(self) -> dict[str, int]:
        return {name: len(source.queries) for name, source in self.sources.items()}


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@pytest.fixture
def bench(book: GrammarBook, tmp_path: Path):
    @asynccontextmanager
    async def opened(*sources: ScriptedSource) -> AsyncIterator[Bench]:
        log, clock, numbers = MemoryLog(), ManualClock(NOW), itertools.count(1)
        specs = [SourceSpec("plugin", source, context(tmp_path / "p"), 5.0) for source in sources]
        async with open_sources(specs, clock=clock, book=book) as host:
            lookups = Lookups(host, log=log, clock=clock, unit="unit-1", identify=lambda: f"L{next(numbers)}")
            yield Bench(lookups, log, clock, {source.name: source for source in sources})

    return opened


def stolen() -> ScriptedSource:
    return ScriptedSource("stolen", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC)


def keepers() -> ScriptedSource:
    return ScriptedSource("keepers", {"1": {"plate": "KE123AB", "keeper_name": "Jana"}}, answers={SubjectKind.PLATE})


# --------------------------------------------------------------------------------------- an officer's look-up


async def test_it_is_in_the_log_before_and_after(bench) -> None:
    async with bench(stolen(), keepers()) as on:
        answers = await on.lookups.on_request(
            on.lookups.request(typed_plate("ke-123 AB"), OFFICER, "traffic stop"), on.deliver
        )
    assert [answer.status for answer in answers] == [AnswerStatus.HIT] * 2
    begun, ended = on.log.entries
    assert (begun.act, begun.outcome, begun.requester, begun.at) == (Act.LOOKUP, "asked", OFFICER, NOW)
    assert begun.payload == LookupPayload("L1", "traffic stop", SubjectKind.PLATE, "KE123AB", ("stolen", "keepers"))
    assert CHARTER.payload_until(begun.act, begun.at) is not None
    assert begun.source == "stolen,keepers"
    assert (ended.act, ended.outcome) == (Act.LOOKUP_DONE, "hit")
    assert ended.payload == LookupDonePayload(
        "L1", (AnswerCount("stolen", AnswerStatus.HIT, 1), AnswerCount("keepers", AnswerStatus.HIT, 1))
    )


async def test_nothing_is_asked_where_the_log_cannot_be_written(bench) -> None:
    async with bench(stolen(), keepers()) as on:
        on.log.broken = True
        with pytest.raises(AuditError):
            await on.lookups.on_request(on.lookups.request(typed_plate("KE123AB"), OFFICER, "stop"), on.deliver)
        with pytest.raises(AuditError):
            await on.lookups.automatic(plate_read("KE123AB"), on.deliver)
        assert on.asked() == {"stolen": 0, "keepers": 0}
        assert not on.delivered


@pytest.mark.parametrize(
    ("requester", "reason", "error"),
    [
        (OFFICER, "  ", NotAllowedError),
        (Requester("1", "administrator", "unit-1"), "stop", NotAllowedError),
        (Requester("", "unit", "unit-1"), "stop", NotSignedInError),
    ],
)
async def test_a_refusal_is_in_the_log_and_nothing_is_asked(bench, requester, reason, error) -> None:
    async with bench(stolen(), keepers()) as on:
        with pytest.raises(error):
            await on.lookups.on_request(on.lookups.request(typed_plate("KE123AB"), requester, reason), on.deliver)
        assert on.asked() == {"stolen": 0, "keepers": 0}
    (entry,) = on.log.entries
    assert (entry.act, entry.outcome, entry.requester) == (Act.LOOKUP_REFUSED, "refused", requester)
    assert entry.payload.refusal


async def test_a_refused_source_is_in_the_log_beside_those_that_were_asked(bench) -> None:
    credit = ScriptedSource("credit", reach=Reach.RESTRICTED)
    async with bench(stolen(), credit) as on:
        both = on.lookups.request(typed_plate("KE123AB"), OFFICER, "stop", ["credit", "stolen"])
        answers = await on.lookups.on_request(both, on.deliver)
        alone = await on.lookups.on_request(
            on.lookups.request(typed_plate("KE123AB"), OFFICER, "stop", ["credit"]), on.deliver
        )
        assert on.asked() == {"stolen": 1, "credit": 0}
    assert [answer.status for answer in answers] == [AnswerStatus.HIT, AnswerStatus.REFUSED]
    assert [answer.status for answer in alone] == [AnswerStatus.REFUSED]
    assert [entry.act for entry in on.log.entries] == [
        Act.LOOKUP_REFUSED,
        Act.LOOKUP,
        Act.LOOKUP_DONE,
        Act.LOOKUP_REFUSED,
    ]
    assert on.log.entries[0].payload.refusal.startswith("credit: a restricted source")


async def test_what_nobody_answers_is_said_and_not_logged(bench) -> None:
    async with bench(keepers()) as on:
        with pytest.raises(UsageError, match="no source answers about a person"):
            await on.lookups.on_request(
                on.lookups.request(PersonQuery("Jana Novak", None), OFFICER, "stop"), on.deliver
            )
    assert not on.log.entries


async def test_an_interrupted_look_up_is_visible(bench) -> None:
    slow = hang(ScriptedSource("slow", answers={SubjectKind.PLATE}), 30.0)
    async with bench(stolen(), slow) as on:
        with trio.move_on_after(0.2):
            await on.lookups.on_request(on.lookups.request(typed_plate("KE123AB"), OFFICER, "stop"), on.deliver)
        slow.release.set()
    assert [(entry.act, entry.outcome) for entry in on.log.entries] == [
        (Act.LOOKUP, "asked"),
        (Act.LOOKUP_DONE, "interrupted"),
    ]
    assert on.log.entries[1].payload.reason == "interrupted"
    assert [count.source for count in on.log.entries[1].payload.answers] == ["stolen"]


async def test_registers_are_asked_about_an_alert_that_was_adjudicated_true(bench) -> None:
    kept: list[tuple[str, str]] = []

    async def keep(name: str, answer: Answer) -> None:
        kept.append((name, answer.source))

    async with bench(stolen(), keepers(), ScriptedSource("credit", reach=Reach.RESTRICTED)) as on:
        true = structs.replace(alert(), state=AlertState.ADJUDICATED_TRUE)
        await on.lookups.follow_up(true, OFFICER, keep)
        assert on.asked() == {"stolen": 0, "keepers": 1, "credit": 0}
        with pytest.raises(NotAllowedError):
            await on.lookups.follow_up(alert(), OFFICER, keep)
        assert on.asked()["keepers"] == 1
    assert kept == [(true.alert, "keepers")]
    assert on.log.entries[0].payload.reason == f"alert {true.alert} was adjudicated true"


def test_what_was_asked_is_described_for_the_log() -> None:
    assert describe(typed_plate("ke-123 a?")) == "KE123A?"
    assert describe(PersonQuery("Jana\x1b Novak", date(1980, 1, 2))) == "Jana Novak, born 1980-01-02"
    assert describe(PersonQuery("Jana", None)) == "Jana"
    assert describe(DocumentQuery("AB1", "SVK")) == "AB1 SVK"


@pytest.mark.parametrize("country", ["UT", "utopia", "D1"])
def test_a_document_of_no_state_is_not_looked_up(country: str) -> None:
    with pytest.raises(UsageError, match="is no issuing state"):
        subject_of("document", "L898902C3", country=country)
    assert subject_of("document", "l898902c3<", country="uto") == DocumentQuery("L898902C3", "UTO")


# ---------------------------------------------------------------------------------------- automatic look-ups


async def test_a_read_is_looked_up_on_automatic_sources_alone_and_counted(bench) -> None:
    async with bench(stolen(), keepers(), ScriptedSource("credit")) as on:
        for plate in ("KE123AB", "BA999ZZ", "BA998ZZ"):
            await on.lookups.automatic(plate_read(plate), on.deliver)
        assert on.asked() == {"stolen": 3, "keepers": 0, "credit": 0}
        await on.lookups.count()
        assert [entry.act for entry in on.log.entries] == [Act.AUTOMATIC_OPENED]
        on.clock.advance(60)
        await on.lookups.count()
        await on.lookups.count()
    opened, counted = on.log.entries
    minute = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
    assert opened.payload == OpenedPayload("front", minute, ("stolen",))
    assert CHARTER.payload_until(opened.act, opened.at) is None
    assert (counted.act, counted.outcome, counted.camera, counted.source) == (
        Act.AUTOMATIC_COUNTED,
        "counted",
        "front",
        "stolen",
    )
    assert counted.payload == CountPayload("front", "stolen", minute, asked=3, hit=1, unavailable=0)
    assert opened.requester == Requester("", "unit", "unit-1")


async def test_a_camera_and_minute_is_opened_once_before_its_first_query(bench) -> None:
    async with bench(stolen()) as on:
        async with trio.open_nursery() as nursery:
            for camera in ("front", "rear", "front", "rear"):
                nursery.start_soon(on.lookups.automatic, plate_read("BA999ZZ", camera), on.deliver)
        assert sorted(entry.camera for entry in on.log.entries) == ["front", "rear"]
        on.clock.advance(60)
        await on.lookups.automatic(plate_read("BA999ZZ"), on.deliver)
        assert [entry.act for entry in on.log.entries] == [Act.AUTOMATIC_OPENED] * 3
        await on.lookups.count(stopping=True)
        assert sorted(
            (entry.payload.camera, entry.payload.minute.minute, entry.payload.asked) for entry in on.log.entries[3:]
        ) == [("front", 4, 2), ("front", 5, 1), ("rear", 4, 2)]


async def test_counts_that_could_not_be_written_are_written_later(bench) -> None:
    async with bench(stolen()) as on:
        await on.lookups.automatic(plate_read("BA999ZZ"), on.deliver)
        on.clock.advance(60)
        on.log.broken = True
        with pytest.raises(AuditError):
            await on.lookups.count()
        on.log.broken = False
        await on.lookups.count()
    assert on.log.entries[-1].payload.asked == 1


async def test_a_cancelled_automatic_look_up_is_counted_as_asked(bench) -> None:
    source = hang(stolen(), 30.0)
    async with bench(source) as on:
        with trio.move_on_after(0.1):
            await on.lookups.automatic(plate_read("BA999ZZ"), on.deliver)
        source.release.set()
        await on.lookups.count(stopping=True)
    payload = on.log.entries[-1].payload
    assert (payload.asked, payload.hit, payload.unavailable) == (1, 0, 1)


async def test_without_an_automatic_source_nothing_is_asked_or_logged(bench) -> None:
    async with bench(keepers()) as on:
        assert await on.lookups.automatic(plate_read("KE123AB"), on.deliver) == ()
        assert on.asked() == {"keepers": 0}
    assert not on.log.entries
