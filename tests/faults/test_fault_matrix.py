"""Each kind of source times each named fault, in the hub's process and in one of its own.

The others answer within their deadline, the loop on which every other actor lives does not falter, and the answer, the
statistics and nobody else's name the culprit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
import trio
from msgspec import structs

from hub.backends import RecordSource
from hub.breaker import BreakerState
from hub.clocks import ManualClock
from hub.granted import Granted
from hub.isolation.limits import guards
from hub.messages import Answer, AnswerStatus, LookupRequest, PersonQuery, Reach, Requester
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceHost, SourceSpec, open_sources
from hub.testing.faults import NAMED, FaultySource
from hub.testing.sources import ScriptedSource, context
from tests.kit_isolation import NOW, Stranger
from tests.kit_orders import GRANT

pytestmark = pytest.mark.slow

DEADLINE = 0.6
SUBJECT = PersonQuery("Jana Novak", date(1980, 1, 2))
PERSON = {"family_name": "Novak", "given_names": "Jana", "birth_date": "1980-01-02", "licence_status": "valid"}
OFFICER = Requester("4711", "officer", "unit-1")
GRANTED_SOURCE = structs.replace(GRANT, source="culprit", issued=NOW, expires=NOW.replace(day=4))

SOURCE = f"""\
from hub.backends import RecordSource, SourceInfo, SourceRecord
from hub.hookspecs import hookimpl
from hub.messages import Reach, SubjectKind
from hub.testing.sources import CLOSED_LIST

class Source(RecordSource):
    name = "{{name}}"
    reach = Reach("REACH")
    answers = frozenset(SubjectKind)

    def open(self, context):
        return CLOSED_LIST

    def find(self, query):
        return [SourceRecord("E1", {PERSON!r}.copy())]

@hookimpl
def register_record_sources(register):
    register(Source)
""".replace("{'", "{{'").replace("'}", "'}}")
MANIFEST = """\
api = 1
[[record_sources]]
name = "{name}"
reach = "REACH"
answers = ["plate", "person", "document"]
"""

SAID = {
    "hang": f"no answer within {DEADLINE:g} s",
    "slow": f"no answer within {DEADLINE:g} s",
    "crash": "ZeroDivisionError",
    "flap": "ConnectionError",
    "garbage": "no record",
    "flood": "too large",
    "die": "left with status 7",
}


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@asynccontextmanager
async def hub_of(culprit: RecordSource, folder: Path, book: GrammarBook) -> AsyncIterator[SourceHost]:
    """Open the culprit between two neighbours."""
    sources = [ScriptedSource("first", {"N1": PERSON}), culprit, ScriptedSource("last", {"N2": PERSON})]
    specs = [
        SourceSpec(source.name, source, context(folder / "state" / "plugins" / source.name), DEADLINE)
        for source in sources
    ]
    async with open_sources(specs, clock=ManualClock(NOW), book=book) as host:
        yield host


async def ask(host: SourceHost) -> tuple[dict[str, Answer], dict[str, float], float]:
    """Ask all three; return their answers, when each came, and the loop's longest pause meanwhile."""
    request = LookupRequest("L1", SUBJECT, OFFICER, "stop", ("first", "culprit", "last"), NOW)
    start, longest = trio.current_time(), 0.0
    times: dict[str, float] = {}

    async def deliver(answer: Answer) -> None:
        times[answer.source] = trio.current_time() - start

    async def watch_the_loop() -> None:
        nonlocal longest
        while True:
            before = trio.current_time()
            await trio.sleep(0.005)
            longest = max(longest, trio.current_time() - before)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_the_loop)
        granted = Granted(GRANTED_SOURCE, request, NOW)
        answers = await host.ask(request, deliver=deliver, granted=granted)
        nursery.cancel_scope.cancel()
    return {answer.source: answer for answer in answers}, times, longest


async def check(host: SourceHost, fault: str) -> None:
    answers, times, longest = await ask(host)
    assert list(answers) == ["first", "culprit", "last"]
    for name in ("first", "last"):
        assert answers[name].status is AnswerStatus.HIT
        assert times[name] < DEADLINE
    assert answers["culprit"].status is AnswerStatus.UNAVAILABLE
    assert SAID[fault] in answers["culprit"].explanation
    assert times["culprit"] < DEADLINE + 0.3
    assert longest < 0.3
    if fault == "flap":
        assert (await ask(host))[0]["culprit"].status is AnswerStatus.HIT
    unavailable = {status.name: status.unavailable for status in host.statistics()}
    assert unavailable == {"first": 0, "culprit": 1, "last": 0}
    assert {status.breaker for status in host.statistics()} == {BreakerState.CLOSED}


@pytest.mark.parametrize("reach", list(Reach))
@pytest.mark.parametrize("fault", [name for name in NAMED if name != "die"])
async def test_in_the_hub_s_process(tmp_path: Path, book: GrammarBook, reach: Reach, fault: str) -> None:
    culprit: FaultySource = NAMED[fault](ScriptedSource("culprit", {"E1": PERSON}, reach=reach))
    async with hub_of(culprit, tmp_path, book) as host:
        try:
            await check(host, fault)
        finally:
            culprit.release.set()


@pytest.mark.skipif(not guards().landlock, reason="this kernel has no Landlock")
@pytest.mark.parametrize("reach", list(Reach))
@pytest.mark.parametrize("fault", list(NAMED))
async def test_in_a_process_of_its_own(
    tmp_path: Path, book: GrammarBook, monkeypatch: pytest.MonkeyPatch, reach: Reach, fault: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "site")
    code, manifest = (text.replace("REACH", reach.value) for text in (SOURCE, MANIFEST))
    plugin = Stranger.put(tmp_path / "site", "culprit", code, manifest=manifest)
    with plugin.source(tmp_path / "state", deadline=DEADLINE, fault=fault) as culprit:
        async with hub_of(culprit, tmp_path, book) as host:
            await check(host, fault)
