"""C5: the host, not the plugin, decides when a source may be asked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.actors.lookups import run_lookups
from hub.backends import RecordSource, SourceRecord
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.errors import HubError
from hub.ledger import Ledger, Stage
from hub.lookups import Lookups
from hub.messages import Answer, PlateRead, Query, RaisedHit, Reach, Reason, Requester, SubjectKind
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceSpec, open_sources
from hub.testing.alerts import MemoryLog
from hub.testing.sources import EVERYTHING, ScriptedSource, context, plate_read, typed_plate, vehicles

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


async def test_a_thousand_registered_unlisted_cars_drive_past_and_the_register_receives_no_query(
    book: GrammarBook, tmp_path: Path
) -> None:
    plates = book.sample(np.random.default_rng(5), 1000)
    stolen = ScriptedSource("stolen", vehicles(["QQQ0QQQ0"]), reach=Reach.AUTOMATIC)
    registered = {f"K{n}": {"plate": plate, "keeper_name": "Jana Novak"} for n, plate in enumerate(plates)}
    keepers = ScriptedSource("keepers", registered, reach=Reach.ON_REQUEST)
    credit = ScriptedSource("credit", registered, reach=Reach.RESTRICTED)
    log, ledger, numbers = MemoryLog(), Ledger(), itertools.count()
    reads: Mailbox[PlateRead] = Mailbox(16)
    hits: Mailbox[RaisedHit] = Mailbox(16)
    specs = [SourceSpec("p", source, context(tmp_path), 5.0) for source in (stolen, keepers, credit)]
    async with open_sources(specs, clock=ManualClock(NOW), book=book) as host:
        lookups = Lookups(host, log=log, clock=ManualClock(NOW), unit="u", identify=lambda: str(next(numbers)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: run_lookups(lookups, reads, hits, unit="u", ledger=ledger))
            for plate in plates:
                ledger.enter("front", Stage.READ)
                await reads.send(plate_read(plate))
            reads.close()
    assert len(stolen.queries) == 1000
    assert not keepers.queries
    assert not credit.queries
    assert [(count.reason, count.count) for count in ledger.snapshot()] == [(Reason.NOT_LISTED, 1000)]
    # By number only: a thousand look-ups leave two entries, and no plate in either.
    assert len(log.entries) == 2
    assert not any(plate in repr(log.entries) for plate in plates)


class Undeclared(RecordSource):
    """A source that does not say when it may be asked."""

    name = "undeclared"
    answers = EVERYTHING
    asked = 0

    def find(self, query: Query) -> Iterable[SourceRecord]:
        type(self).asked += 1
        return [SourceRecord("1", {"plate": "KE123AB"})]


class Boastful(Undeclared):
    """A source that says what is no reach at all."""

    name = "boastful"
    reach = "automatic"  # type: ignore[assignment]


@pytest.mark.parametrize("source", [Undeclared, Boastful])
@pytest.mark.parametrize(
    "requester", [Requester("", "unit", "u"), Requester("4711", "officer", "u"), Requester("1", "supervisor", "u")]
)
async def test_undeclared_reach_is_restricted_and_never_asked(
    book: GrammarBook, tmp_path: Path, source: type[Undeclared], requester: Requester
) -> None:
    source.asked = 0
    answers: list[Answer] = []

    async def deliver(answer: Answer) -> None:
        answers.append(answer)

    async with open_sources([SourceSpec("p", source, context(tmp_path))], clock=ManualClock(NOW), book=book) as host:
        assert host.statistics()[0].reach is Reach.RESTRICTED
        lookups = Lookups(host, log=MemoryLog(), clock=ManualClock(NOW), unit="u", identify=lambda: "L")
        await lookups.automatic(plate_read("KE123AB"), deliver)
        for names in ((), (source.name,)):
            request = lookups.request(typed_plate("KE123AB"), requester, "a good reason", names)
            try:
                await lookups.on_request(request, deliver)
            except HubError as error:
                assert "\n" not in str(error)  # noqa: PT017
    assert source.asked == 0
    assert not any(answer.hits for answer in answers)


ROLES = st.sampled_from(["unit", "officer", "supervisor", "administrator", "", "chief", "Officer"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reaches=st.lists(st.sampled_from(Reach), min_size=1, max_size=4),
    officer=st.sampled_from(["", "4711"]),
    role=ROLES,
    reason=st.sampled_from(["", "  ", "traffic stop"]),
    named=st.booleans(),
)
def test_any_request_reaches_only_sources_that_policy_allows(
    book: GrammarBook, tmp_path: Path, reaches: list[Reach], officer: str, role: str, reason: str, named: bool
) -> None:
    sources = [ScriptedSource(f"s{n}", vehicles(["KE123AB"]), reach=reach) for n, reach in enumerate(reaches)]
    names = [source.name for source in sources] if named else []
    may = bool(officer) and role in ("officer", "supervisor") and bool(reason.strip())

    async def run() -> None:
        async def deliver(_: Answer) -> None:
            pass

        specs = [SourceSpec("p", source, context(tmp_path)) for source in sources]
        async with open_sources(specs, clock=ManualClock(NOW), book=book) as host:
            lookups = Lookups(host, log=MemoryLog(), clock=ManualClock(NOW), unit="u", identify=lambda: "L")
            request = lookups.request(typed_plate("KE123AB"), Requester(officer, role, "u"), reason, names)
            try:
                await lookups.on_request(request, deliver)
            except HubError:
                assert not may or all(reach is Reach.RESTRICTED for reach in reaches)

    trio.run(run)
    for source, reach in zip(sources, reaches, strict=True):
        assert bool(source.queries) == (may and reach is not Reach.RESTRICTED)


def test_no_kind_of_subject_is_about_a_score() -> None:
    assert {kind.value for kind in SubjectKind} == {"plate", "person", "document"}
