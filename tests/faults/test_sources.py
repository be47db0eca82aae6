"""One source that hangs, crashes, floods or talks nonsense costs its own answer and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from hub.backends import RecordSource, SourceRecord
from hub.breaker import BreakerState
from hub.clocks import ManualClock
from hub.errors import SourceError
from hub.messages import Answer, AnswerStatus, LookupRequest, Query, Reach, Requester
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceHost, SourceSpec, open_sources
from hub.testing.faults import FaultySource, crash, flap, flood, garbage, hang, slow
from hub.testing.sources import ScriptedSource, context, typed_plate, vehicles

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
REQUEST = LookupRequest("L1", typed_plate("KE123AB"), Requester("4711", "officer", "unit-1"), "stop", (), NOW)


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@pytest.fixture
def opener(book: GrammarBook, tmp_path: Path):
    @asynccontextmanager
    async def opened(*sources: RecordSource, deadline: float) -> AsyncIterator[SourceHost]:
        specs = [SourceSpec("plugin", source, context(tmp_path / "p"), deadline) for source in sources]
        async with open_sources(specs, clock=ManualClock(NOW), book=book) as host:
            try:
                yield host
            finally:
                for source in sources:
                    if isinstance(source, FaultySource):
                        source.release.set()

    return opened


def good(name: str) -> ScriptedSource:
    return ScriptedSource(name, vehicles(["KE123AB"]))


async def ask(host: SourceHost, times: dict[str, float] | None = None) -> dict[str, Answer]:
    start = trio.current_time()

    async def deliver(answer: Answer) -> None:
        if times is not None:
            times[answer.source] = trio.current_time() - start

    return {answer.source: answer for answer in await host.ask(REQUEST, deliver=deliver)}


@pytest.mark.slow
async def test_others_answer_in_time_beside_one_that_takes_30_s_one_that_raises_and_one_of_10_mb(opener) -> None:
    longest = 0.0

    async def watch_the_loop() -> None:
        nonlocal longest
        while True:
            before = trio.current_time()
            await trio.sleep(0.01)
            longest = max(longest, trio.current_time() - before)

    sources = [
        hang(good("hangs"), 30.0),
        good("first"),
        crash(good("raises")),
        flood(good("floods"), 10),
        flood(good("endless"), endless=True),
        good("last"),
    ]
    times: dict[str, float] = {}
    async with opener(*sources, deadline=1.0) as host, trio.open_nursery() as nursery:
        nursery.start_soon(watch_the_loop)
        answers = await ask(host, times)
        nursery.cancel_scope.cancel()
    assert list(answers) == ["hangs", "first", "raises", "floods", "endless", "last"]
    assert {name: answer.status.value for name, answer in answers.items()} == {
        "hangs": "unavailable",
        "first": "hit",
        "raises": "unavailable",
        "floods": "unavailable",
        "endless": "unavailable",
        "last": "hit",
    }
    assert answers["hangs"].explanation == "no answer within 1 s"
    assert answers["raises"].explanation == "it failed with ZeroDivisionError"
    assert "too large" in answers["floods"].explanation
    assert times["first"] < times["hangs"]
    assert times["last"] < times["hangs"]
    assert 0.9 < times["hangs"] < 1.9
    assert longest < 0.5


@pytest.mark.slow
async def test_a_source_that_always_hangs_is_left_alone_and_then_parked(opener) -> None:
    async with opener(hang(good("hangs")), good("fine"), deadline=0.1) as host:
        said = [(await ask(host))["hangs"].explanation for _ in range(5)]
        parked = host.statistics()[0]
        fine = host.statistics()[1]
    assert said[:3] == ["no answer within 0.1 s"] * 3
    assert said[3] == "it failed 3 times in a row and is left alone for a while"
    assert parked.breaker is BreakerState.OPEN
    assert parked.asked == 3
    assert parked.unavailable == 5
    assert (fine.asked, fine.unavailable) == (5, 0)


async def test_a_source_that_comes_and_goes_is_asked_as_long_as_it_does_not_fail_three_times(opener) -> None:
    async with opener(flap(good("flaps"), bad=2, good=1), deadline=5.0) as host:
        said = [(await ask(host))["flaps"].status for _ in range(9)]
    assert said == [AnswerStatus.UNAVAILABLE, AnswerStatus.UNAVAILABLE, AnswerStatus.HIT] * 3


async def test_after_its_rest_the_breaker_lets_one_query_through(opener, monkeypatch: pytest.MonkeyPatch) -> None:
    source = flap(good("flaps"), bad=3, good=9)
    async with opener(source, deadline=5.0) as host:
        for _ in range(4):
            await ask(host)
        assert host.statistics()[0].breaker is BreakerState.OPEN
        real = trio.current_time
        monkeypatch.setattr("hub.sources.trio.current_time", lambda: real() + 31.0)
        answers = await ask(host)
        assert host.statistics()[0].breaker is BreakerState.CLOSED
    assert answers["flaps"].status is AnswerStatus.HIT


@pytest.mark.parametrize(
    "answer",
    [
        None,
        7,
        "KE123AB",
        [{"entry": "1"}],
        [None],
        [SourceRecord(7, {})],  # type: ignore[arg-type]
        [SourceRecord("1", None)],  # type: ignore[arg-type]
        [SourceRecord("1", [("plate", "KE123AB")])],  # type: ignore[arg-type]
        object(),
    ],
)
async def test_nonsense_is_unavailable(opener, answer: object) -> None:
    async with opener(garbage(good("nonsense"), answer), good("fine"), deadline=5.0) as host:
        answers = await ask(host)
    assert answers["nonsense"].status is AnswerStatus.UNAVAILABLE
    assert "\n" not in answers["nonsense"].explanation
    assert answers["fine"].status is AnswerStatus.HIT


@pytest.mark.parametrize(
    "error",
    [
        lambda: SystemExit(3),
        KeyboardInterrupt,
        MemoryError,
        RecursionError,
        GeneratorExit,
        StopIteration,
        lambda: SourceError("the server is down\x1b[2J\nFAKE ALERT"),
        lambda: type("Evil\x1b[31m", (Exception,), {})("KE123AB"),
    ],
)
async def test_whatever_is_raised_is_unavailable_in_one_plain_line(opener, error: Callable[[], BaseException]) -> None:
    async with opener(crash(good("raises"), error), good("fine"), deadline=5.0) as host:
        answers = await ask(host)
    assert answers["raises"].status is AnswerStatus.UNAVAILABLE
    assert answers["raises"].explanation.isprintable()
    assert "KE123AB" not in answers["raises"].explanation
    assert answers["fine"].status is AnswerStatus.HIT


@pytest.mark.slow
async def test_a_slow_trickle_ends_at_the_deadline(opener) -> None:
    records = vehicles([f"KE{number:03}AB" for number in range(30)])
    async with opener(slow(ScriptedSource("slow", records), 0.05), deadline=0.2) as host:
        answers = await ask(host)
    assert answers["slow"].explanation == "no answer within 0.2 s"


async def test_a_source_that_hangs_while_it_opens_harms_no_other(opener, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(FaultySource):
        def open(self, context):
            self.release.wait(30.0)
            return super().open(context)

    def find(query: Query) -> Iterable[SourceRecord]:
        return ()

    monkeypatch.setattr("hub.sources.OPEN_SECONDS", 0.1)
    async with opener(Hangs(good("hangs"), find), good("fine"), deadline=5.0) as host:
        answers = await ask(host)
    assert answers["hangs"].status is AnswerStatus.UNAVAILABLE
    assert answers["fine"].status is AnswerStatus.HIT


async def test_a_cancelled_look_up_leaves_no_mark_on_its_sources(opener) -> None:
    source = hang(good("hangs"), 30.0)
    async with opener(source, deadline=5.0) as host:
        with trio.move_on_after(0.05):
            await ask(host)
        source.release.set()
        assert host.statistics()[0].breaker is BreakerState.CLOSED
        assert (await ask(host))["hangs"].status is AnswerStatus.HIT


def test_reach_of_a_fault_is_that_of_its_source() -> None:
    assert crash(ScriptedSource("x", reach=Reach.AUTOMATIC)).reach is Reach.AUTOMATIC
