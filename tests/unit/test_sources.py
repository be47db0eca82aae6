from __future__ import annotations

import functools
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import trio
import trio.testing

from hub.backends import PluginContext, RecordSource, SourceInfo, SourceRecord
from hub.breaker import BreakerState
from hub.clocks import ManualClock
from hub.consulting import MAX_HITS
from hub.errors import AuditError, SourceChangedError, SourceError, UsageError
from hub.messages import (
    Answer,
    AnswerStatus,
    DocumentQuery,
    LookupRequest,
    PersonQuery,
    PlateQuery,
    Query,
    Reach,
    Requester,
    Subject,
    SubjectKind,
)
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceHost, SourceSpec, SourceStatus, open_sources
from hub.testing.sources import ScriptedSource, context, typed_plate, vehicles
from tests.kit_memory import gone, uncollected

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")
UNIT = Requester("", "unit", "unit-1")


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


Opener = Callable[..., "asynccontextmanager[SourceHost]"]


@pytest.fixture
def opener(book: GrammarBook, tmp_path: Path) -> Opener:
    @asynccontextmanager
    async def opened(
        *sources: RecordSource | type[RecordSource],
        deadline: float = 5.0,
        development: bool = False,
        on_opened: Callable[[SourceStatus], object] | None = None,
        patience: float = 5.0,
    ) -> AsyncIterator[SourceHost]:
        plugin = context(tmp_path / "plugin", development=development)
        specs = [SourceSpec("plugin", source, plugin, deadline) for source in sources]
        clock = ManualClock(NOW)
        async with open_sources(specs, clock=clock, book=book, on_opened=on_opened, patience=patience) as host:
            yield host

    return opened


def request(subject: Subject, requester: Requester = OFFICER, *, sources: tuple[str, ...] = ()) -> LookupRequest:
    reason = "traffic stop" if requester.officer else ""
    return LookupRequest("L1", subject, requester, reason, sources, NOW)


async def ask(host: SourceHost, asked: LookupRequest) -> tuple[Answer, ...]:
    delivered: list[Answer] = []

    async def deliver(answer: Answer) -> None:
        delivered.append(answer)

    answers = await host.ask(asked, deliver=deliver)
    assert sorted(answer.source for answer in delivered) == sorted(answer.source for answer in answers)
    return answers


async def test_a_plate_is_found_and_explained(opener: Opener) -> None:
    source = ScriptedSource("stolen", vehicles(["KE123AB", "BA777XY"]), reach=Reach.AUTOMATIC)
    async with opener(source) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB"), UNIT))
    assert answer.status is AnswerStatus.HIT
    assert [hit.record.entry for hit in answer.hits] == ["E1"]
    assert answer.explanation == answer.hits[0].why
    assert (answer.lookup, answer.source, answer.reach) == ("L1", "stolen", Reach.AUTOMATIC)
    assert answer.list_digest == "0" * 64
    assert answer.milliseconds > 0


async def test_people_and_documents_are_decided_by_the_host(opener: Opener) -> None:
    records = {
        "p": {"family_name": "Nováková", "given_names": "Jana", "birth_date": "1980-01-02"},
        "q": {"family_name": "Novák", "given_names": "Jan", "birth_date": "1980-01-02"},
        "d": {"document_number": "X-1", "document_country": "SVK"},
    }
    async with opener(ScriptedSource("register", records)) as host:
        (person,) = await ask(host, request(PersonQuery("jana novakova", date(1980, 1, 2))))
        (document,) = await ask(host, request(DocumentQuery("X1", "SVK")))
        (elsewhere,) = await ask(host, request(DocumentQuery("X1", "AUT")))
    assert [hit.record.entry for hit in person.hits] == ["p"]
    assert [hit.record.entry for hit in document.hits] == ["d"]
    assert document.status is AnswerStatus.HIT
    assert elsewhere.status is AnswerStatus.AMBIGUOUS
    assert elsewhere.explanation.startswith("Same number, another issuing state: the entry says SVK")


async def test_answers_stand_in_the_order_of_the_configuration(opener: Opener) -> None:
    sources = [ScriptedSource(name, vehicles(["KE123AB"])) for name in ("zebra", "ant", "moth")]
    async with opener(*sources) as host:
        answers = await ask(host, request(typed_plate("KE123AB")))
    assert [answer.source for answer in answers] == ["zebra", "ant", "moth"]


async def test_a_source_sees_the_subject_and_nothing_else(opener: Opener) -> None:
    source = ScriptedSource("register")
    async with opener(source) as host:
        await ask(host, request(typed_plate("KE123AB")))
    (seen,) = source.queries
    assert seen.__struct_fields__ == ("lookup", "subject", "now", "fields", "reference", "within")
    assert (seen.fields, seen.reference) == ((), ""), "no grant, nothing of one"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (typed_plate(""), "no letters or digits"),
        (typed_plate("A?"), "neighbouring"),
        (PersonQuery(" - ", None), "no name"),
        (DocumentQuery("<<", ""), "no letters or digits"),
    ],
)
async def test_what_says_too_little_is_refused(opener: Opener, subject: Subject, said: str) -> None:
    source = ScriptedSource("register")
    async with opener(source) as host:
        with pytest.raises(UsageError, match=said):
            await ask(host, request(subject))
    assert not source.queries


async def test_a_named_source_that_may_not_be_asked_says_so(opener: Opener) -> None:
    sources = [
        ScriptedSource("credit", reach=Reach.RESTRICTED),
        ScriptedSource("keepers", answers={SubjectKind.PLATE}),
        ScriptedSource("people", answers={SubjectKind.PERSON}),
    ]
    async with opener(*sources) as host:
        answers = await ask(host, request(typed_plate("KE123AB"), sources=("credit", "people", "keepers")))
        with pytest.raises(UsageError, match="the sources are credit, keepers, people"):
            await ask(host, request(typed_plate("KE123AB"), sources=("keeper",)))
        assert host.select(SubjectKind.PLATE, OFFICER, "stop").asked == ("keepers",)
    assert [(answer.source, answer.status) for answer in answers] == [
        ("credit", AnswerStatus.REFUSED),
        ("keepers", AnswerStatus.NO_HIT),
        ("people", AnswerStatus.REFUSED),
    ]
    assert "signed grant" in answers[0].explanation
    assert not sources[0].queries
    assert not sources[2].queries


async def test_an_exact_only_source_says_so_and_is_not_asked_in_part(opener: Opener) -> None:
    source = ScriptedSource("exact", vehicles(["KE123AB"]), exact_only=True)
    async with opener(source) as host:
        (whole,) = await ask(host, request(typed_plate("KE123AB")))
        (part,) = await ask(host, request(typed_plate("KE12*")))
    assert whole.status is AnswerStatus.HIT
    assert "exactly as written" in whole.explanation
    assert part.status is AnswerStatus.UNAVAILABLE
    assert "not in part" in part.explanation
    assert len(source.queries) == 1


async def test_entries_past_their_own_date_are_not_returned(opener: Opener) -> None:
    records = vehicles(["KE123AB", "KE123AB"])
    records["E1"]["expires"] = "2030-01-01"
    records["E2"]["expires"] = "2030-01-02"
    async with opener(ScriptedSource("stolen", records, reach=Reach.AUTOMATIC)) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB")))
    assert [hit.record.entry for hit in answer.hits] == ["E2"]


async def test_fields_outside_the_schema_are_dropped_and_counted(opener: Opener) -> None:
    records = {"1": {"plate": "KE123AB", "gender": "f", "risk_score": 97}}
    async with opener(ScriptedSource("register", records)) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB")))
        assert host.statistics()[0].dropped == 2
    assert [field.name for field in answer.hits[0].record.fields] == ["plate"]
    assert "2 fields outside the closed schema were dropped" in answer.explanation


async def test_no_more_hits_than_an_officer_can_look_at(opener: Opener) -> None:
    source = ScriptedSource("register", vehicles(["KE123AB"] * (MAX_HITS + 5)))
    async with opener(source) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB")))
    assert len(answer.hits) == MAX_HITS


# ------------------------------------------------------------------------------------------------ opening


async def test_one_that_does_not_open_stops_nothing(opener: Opener) -> None:
    class Broken(ScriptedSource):
        def open(self, context: PluginContext) -> SourceInfo:
            raise SourceError("no list is loaded")

    class Crashing(ScriptedSource):
        def open(self, context: PluginContext) -> SourceInfo:
            raise ValueError("KE123AB")

    class Mute(ScriptedSource):
        def open(self, context: PluginContext) -> SourceInfo:
            return None  # type: ignore[return-value]

    sources = [Broken("broken"), Crashing("crashing"), Mute("mute"), ScriptedSource("good", vehicles(["KE123AB"]))]
    async with opener(*sources) as host:
        answers = await ask(host, request(typed_plate("KE123AB")))
        assert [status.usable for status in host.statistics()] == [False, False, False, True]
    assert [answer.status.value for answer in answers] == ["unavailable"] * 3 + ["hit"]
    assert answers[0].explanation == "not available: no list is loaded"
    assert answers[1].explanation == "not available: it failed with ValueError"


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (SourceInfo(entries=1), "no closed list"),
        (SourceInfo(entries=1, list_digest="ab"), "no closed list"),
        (SourceInfo(entries=1, list_digest="ab", expires="soon"), "does not say when"),
        (SourceInfo(entries=1, list_digest="ab", expires="2030-01-02T03:04:05+00:00"), "expired"),
        (SourceInfo(entries=1, list_digest="ab", expires="2031-01-01", development=True), "--development"),
    ],
)
async def test_an_automatic_source_must_hold_a_valid_closed_list(opener: Opener, info: SourceInfo, said: str) -> None:
    source = ScriptedSource("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC, info=info)
    async with opener(source) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB"), UNIT))
    assert answer.status is AnswerStatus.UNAVAILABLE
    assert said in answer.explanation
    assert not source.queries


async def test_a_development_list_is_marked_on_every_answer(opener: Opener) -> None:
    info = SourceInfo(entries=1, list_digest="ab", expires="2031-01-01", development=True)
    source = ScriptedSource("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC, info=info)
    async with opener(source, development=True) as host:
        hit, miss = [(await ask(host, request(typed_plate(p), UNIT)))[0] for p in ("KE123AB", "BA999ZZ")]
    assert hit.development
    assert miss.development
    assert "Unsigned development list." in hit.explanation


async def test_a_list_that_expires_while_open_is_withheld(opener: Opener, book: GrammarBook, tmp_path: Path) -> None:
    info = SourceInfo(entries=1, list_digest="ab", expires="2030-01-02T04:00:00+01:00")
    source = ScriptedSource("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC, info=info)
    early = ManualClock(datetime(2030, 1, 2, 2, 0, tzinfo=UTC))
    async with open_sources([SourceSpec("p", source, context(tmp_path))], clock=early, book=book) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB"), UNIT))
    assert answer.explanation == "its list expired at 2030-01-02 03:00 UTC and may not be used"
    assert not source.queries


async def test_the_end_of_an_open_list_is_accounted_for_once(book: GrammarBook, tmp_path: Path) -> None:
    info = SourceInfo(entries=1, list_digest="ab", expires="2030-01-02T04:00:00+00:00")
    source = ScriptedSource("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC, info=info)
    clock = ManualClock(datetime(2030, 1, 2, 2, 0, tzinfo=UTC))
    told: list[SourceStatus] = []
    failing = True

    async def account(status: SourceStatus) -> None:
        if failing:
            raise AuditError("the disk is full")
        told.append(status)

    async with open_sources(
        [SourceSpec("p", source, context(tmp_path))], clock=clock, book=book, on_ended=account
    ) as host:
        await host.account_ends()
        clock.advance(7200.0)
        with pytest.raises(AuditError):
            await host.account_ends()
        failing = False
        await host.account_ends()
        await host.account_ends()
    (status,) = told
    assert (status.name, status.usable) == ("list", False)
    assert status.detail == "its list expired at 2030-01-02 04:00 UTC and may not be used"


async def test_each_source_is_accounted_for_before_it_is_used(opener: Opener) -> None:
    told: list[SourceStatus] = []

    async def account(status: SourceStatus) -> None:
        told.append(status)
        if status.name == "unaccounted":
            raise AuditError("the disk is full")

    names = ("fine", "unaccounted", "undeclared")
    sources = [ScriptedSource(name, vehicles(["KE123AB"]), reach=Reach.AUTOMATIC) for name in names[:2]]
    sources.append(ScriptedSource("undeclared", reach=Reach.AUTOMATIC, info=SourceInfo(entries=1)))
    async with opener(*sources, on_opened=account) as host:
        answers = await ask(host, request(typed_plate("KE123AB"), UNIT))
    assert sorted((status.name, status.usable) for status in told) == [
        ("fine", True),
        ("unaccounted", True),
        ("undeclared", False),
    ]
    assert [answer.status.value for answer in answers] == ["hit", "unavailable", "unavailable"]
    assert "cannot be accounted for: the disk is full" in answers[1].explanation
    assert not sources[1].queries


class Replaced(ScriptedSource):
    """A list that is replaced while it is open, so many times."""

    times = 1

    def find(self, query: Query):
        if self.opened <= self.times:
            raise SourceChangedError("replaced")
        return super().find(query)


class SlowToOpen(ScriptedSource):
    """Opens once it may."""

    may_open = threading.Event()

    def open(self, context: PluginContext) -> SourceInfo:
        assert self.may_open.wait(5)
        return super().open(context)


async def test_a_register_that_takes_long_to_open_holds_up_no_start_and_is_waited_for_when_asked(
    opener: Opener,
) -> None:
    slow, quick = SlowToOpen("slow", vehicles(["KE123AB"])), ScriptedSource("quick", vehicles(["KE123AB"]))
    slow.may_open = threading.Event()
    async with opener(slow, quick, deadline=0.5, patience=0.01) as host:
        first = await ask(host, request(typed_plate("KE123AB")))
        assert [answer.status for answer in first] == [AnswerStatus.UNAVAILABLE, AnswerStatus.HIT]
        assert first[0].explanation == "not available: it is being opened"
        assert slow.opened == 0
    async with opener(slow, deadline=5.0, patience=0.01) as host, trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, slow.may_open.set)
        (answer,) = await ask(host, request(typed_plate("KE123AB")))
        assert answer.status is AnswerStatus.HIT


async def test_a_list_that_reads_are_compared_with_is_there_before_the_first_read(opener: Opener) -> None:
    slow = SlowToOpen("slow", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC)
    slow.may_open = threading.Event()
    threading.Timer(0.1, slow.may_open.set).start()
    async with opener(slow, patience=0.0) as host:
        assert slow.opened == 1
        (answer,) = await ask(host, request(typed_plate("KE123AB"), UNIT))
    assert answer.status is AnswerStatus.HIT


async def test_a_replaced_list_is_opened_again_and_no_look_up_is_lost_to_that(opener: Opener) -> None:
    source = Replaced("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC)
    asked, answers = request(typed_plate("KE123AB"), UNIT), []

    async def note() -> None:
        answers.extend(await ask(host, asked))

    async with opener(source) as host:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(note)
        (status,) = host.statistics()
    assert [answer.status for answer in answers] == [AnswerStatus.HIT] * 3
    assert (source.opened, status.unavailable, status.breaker) == (2, 0, BreakerState.CLOSED)


async def test_a_list_that_is_replaced_again_and_again_is_opened_once_a_look_up(opener: Opener) -> None:
    source = Replaced("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC)
    source.times = 99
    async with opener(source) as host:
        (answer,) = await ask(host, request(typed_plate("KE123AB"), UNIT))
        assert answer.status is AnswerStatus.UNAVAILABLE
        assert source.opened in (2, 3)  # the next attempt has begun, or will
    assert "replaced" in answer.explanation


@pytest.mark.slow
async def test_a_replaced_list_that_takes_long_to_open_costs_no_more_than_the_deadline(opener: Opener) -> None:
    class Slow(Replaced):
        def open(self, context: PluginContext) -> SourceInfo:
            if self.opened:
                time.sleep(1.0)
            return super().open(context)

    async with opener(Slow("list", vehicles(["KE123AB"]), reach=Reach.AUTOMATIC), deadline=0.3) as host:
        started = trio.current_time()
        (answer,) = await ask(host, request(typed_plate("KE123AB"), UNIT))
        assert trio.current_time() - started < 0.8
        assert (answer.status, host.statistics()[0].unavailable) == (AnswerStatus.UNAVAILABLE, 1)
    assert "replaced" in answer.explanation


async def test_classes_are_made_by_the_host_and_names_stay_apart(opener: Opener) -> None:
    class Named(ScriptedSource):
        name = "twin"
        reach = Reach.ON_REQUEST

        def __init__(self) -> None:
            super().__init__("twin", vehicles(["KE123AB"]))

    async with opener(Named, Named) as host:
        answers = await ask(host, request(typed_plate("KE123AB")))
        assert [status.name for status in host.statistics()] == ["twin", "twin_"]
    assert [answer.status for answer in answers] == [AnswerStatus.HIT] * 2


async def test_an_error_of_the_block_comes_out_as_it_is(opener: Opener) -> None:
    with pytest.raises(UsageError):
        async with opener(ScriptedSource("register")) as host:
            await ask(host, request(typed_plate("")))


async def test_what_deliver_raises_comes_out(opener: Opener) -> None:
    async def refuse(_: Answer) -> None:
        raise OSError("gone")

    async with opener(ScriptedSource("register")) as host:
        with pytest.raises(OSError, match="gone"):  # not in a group: who handles errors of its kind, handles it
            await functools.partial(host.ask, request(typed_plate("KE123AB")), deliver=refuse)()


class Failing(ScriptedSource):
    """Raises for each query, and keeps none."""

    def __init__(self, fault: str) -> None:
        super().__init__("register")
        self.fault = fault

    def find(self, query: Query) -> Iterator[SourceRecord]:
        try:
            return self.fail(query)
        except KeyError as error:
            if self.fault == "foreign":
                raise
            raise SourceError("no") from (error if self.fault == "with its cause" else None)

    def fail(self, query: Query) -> Iterator[SourceRecord]:
        if self.fault == "its own":
            raise SourceError("no")
        raise KeyError(query)


class Forgetful(ScriptedSource):
    """Has nothing and keeps no query."""

    def find(self, query: Query) -> Iterator[SourceRecord]:
        return iter(())


def remembered(plate: str) -> int:
    """Return how many questions about a plate are in memory."""
    asked = [each for each in gc.get_objects() if isinstance(each, PlateQuery)]
    return sum(each.readings[0].plate == plate for each in asked)


@pytest.mark.parametrize("fault", ["its own", "foreign", "with its cause", "without its cause"])
async def test_a_plate_that_a_source_failed_on_goes_without_the_collector(opener: Opener, fault: str) -> None:
    async with opener(Failing(fault)) as host:
        with uncollected():
            (answer,) = await ask(host, request(typed_plate("KE421ZZ")))
            assert answer.status is AnswerStatus.UNAVAILABLE
            await gone(lambda: remembered("KE421ZZ"))


async def test_a_plate_whose_answer_nobody_took_goes_without_the_collector(opener: Opener) -> None:
    async def deliver(answer: Answer) -> None:
        raise AuditError("the log cannot be written")

    async with opener(Forgetful("register")) as host:
        with uncollected():
            with suppress(AuditError):
                await host.ask(request(typed_plate("KE422ZZ")), deliver=deliver)
            await gone(lambda: remembered("KE422ZZ"))
