"""A file, a database and a service side by side in one host: whatever one of them does, the others answer in time."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers import Drivers, DriversImporter
from hub.clocks import ManualClock
from hub.consulting import consult, open_source
from hub.errors import HubError
from hub.messages import (
    Answer,
    AnswerStatus,
    CharacterRead,
    DocumentQuery,
    LookupRequest,
    PersonQuery,
    PlateQuery,
    Query,
    Reach,
    Reading,
    Requester,
)
from hub.plates.budget import CostLimit
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceHost, SourceSpec, open_sources
from hub.testing.sources import context, typed_plate
from records_http import RecordsHttp
from records_postgres import RecordsPostgres
from tests.kit_https import PLATE, https_server, reply
from tests.kit_postgres import READER, running_server

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")
FOUND = {"data": [{"id": "S-1", "plate": "KE123AB", "car": {"make": "Volvo"}}]}


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@pytest.fixture(scope="module")
def postgres():
    with running_server() as server:
        server.execute(
            "CREATE TABLE vehicles (id text, plate text, family text, number text, make text)",
            "INSERT INTO vehicles VALUES ('1', 'KE123AB', 'Novak', 'AB1', 'Volvo')",
            f"GRANT SELECT ON vehicles TO {READER}",
        )
        yield server


@pytest.fixture
def service(tmp_path: Path):
    folder = tmp_path / "service"
    folder.mkdir()
    with https_server(folder) as server:
        server.script = lambda _: reply(FOUND)
        yield server


@pytest.fixture
def specs(tmp_path: Path, postgres, service) -> list[SourceSpec]:
    register = tmp_path / "register.csv"
    register.write_text("entry,plate,make\nD-1,KE123AB,Volvo\n")
    where = context(tmp_path / "drivers")
    DriversImporter().import_file(where, register)
    columns = {"plate": "plate", "make": "make", "family_name": "family", "document_number": "number"}
    tables = {"v": {"table": "vehicles", "entry": "id", "columns": columns}}
    asks = {
        "plate": PLATE,
        "person": {"path": ["p"], "query": {"q": "{name}", "b": "{birth_date}"}, "fields": {"family_name": "/plate"}},
        "document": {"path": ["d", "{number}"], "query": {"c": "{country}"}, "fields": {"document_number": "/plate"}},
    }
    asks = {kind: {**asked, "records": "/data", "entry": "/id"} for kind, asked in asks.items()}
    settings_of = {
        RecordsPostgres: postgres.settings(tables=tables, statement_seconds=0.5),
        RecordsHttp: {"address": service.address, "root_certificate": str(service.root), "seconds": 4.0, **asks},
    }
    others = (
        SourceSpec(kind.name, kind, replace(context(tmp_path / kind.name), settings=given), reach=Reach.ON_REQUEST)
        for kind, given in settings_of.items()
    )
    return [SourceSpec("drivers", Drivers, where), *others]


@pytest.fixture
def opener(book: GrammarBook, specs):
    @asynccontextmanager
    async def opened(deadline: float = 5.0) -> AsyncIterator[SourceHost]:
        hosted = [replace(spec, deadline=deadline) for spec in specs]
        async with open_sources(hosted, clock=ManualClock(NOW), book=book) as host:
            yield host

    return opened


async def ask(host: SourceHost, subject, times: dict[str, float] | None = None) -> dict[str, Answer]:
    start = trio.current_time()

    async def deliver(answer: Answer) -> None:
        if times is not None:
            times[answer.source] = trio.current_time() - start

    request = LookupRequest("L1", subject, OFFICER, "stopped", (), NOW)
    return {answer.source: answer for answer in await host.ask(request, deliver=deliver)}


@pytest.mark.slow
async def test_all_three_answer_alike(opener) -> None:
    async with opener() as host:
        answers = await ask(host, typed_plate("KE123AB"))
    assert {answer.status for answer in answers.values()} == {AnswerStatus.HIT}
    assert {name: answer.hits[0].record.entry for name, answer in answers.items()} == {
        "drivers": "D-1", "records_postgres": "v:1", "records_http": "S-1",
    }  # fmt: skip
    assert "exactly as written only" in answers["records_http"].explanation


@pytest.mark.slow
async def test_a_locked_table_and_a_silent_service_cost_their_own_answers_alone(opener, postgres, service) -> None:
    def silent(_):
        service.wait(5)
        return []

    service.script = silent
    times: dict[str, float] = {}
    async with opener(1.5) as host:
        with psycopg.connect(**postgres.as_owner()) as other:
            other.execute("LOCK TABLE vehicles IN ACCESS EXCLUSIVE MODE")
            answers = await ask(host, typed_plate("KE123AB"), times)
            other.rollback()
        assert answers["drivers"].status is AnswerStatus.HIT
        assert times["drivers"] < 1.0
        assert answers["records_postgres"].status is AnswerStatus.UNAVAILABLE
        assert "did not answer in time" in answers["records_postgres"].explanation
        assert answers["records_http"].explanation == "no answer within 1.5 s"
        service.script = lambda _: reply(FOUND)
        again = await ask(host, typed_plate("KE123AB"))
        assert again["records_postgres"].status is AnswerStatus.HIT
        assert again["records_http"].status is AnswerStatus.HIT


HOSTILE = st.text(max_size=30) | st.sampled_from(
    ["'; DROP TABLE vehicles; --", "{plate}", "../../x", "a\r\nX-Evil: 1", "\x00", "%s", "$1", "+/#", "\x1b[31m"]
)


def test_no_field_of_a_query_or_a_record_is_anything_but_data(specs, postgres, service) -> None:
    limit = CostLimit(0.0, 1, 1.0, 0.0, 0.0, 0.0, 0.0, 0)
    opened = [open_source(None, spec.source, spec.context, lambda _: limit) for spec in specs]
    owner = psycopg.connect(**postgres.as_owner(), autocommit=True)

    @settings(max_examples=60, deadline=None)
    @given(text=HOSTILE, other=HOSTILE)
    def consult_all(text: str, other: str) -> None:
        service.received.clear()
        service.script = lambda _: reply({"data": [{"id": text, "plate": "KE123AB", "car": {"make": other}}]})
        kept = text.replace("\0", "")
        owner.execute("UPDATE vehicles SET make = %s, family = %s", [kept, kept])
        raw = PlateQuery((Reading(text, 1.0, (), tuple(CharacterRead(c, 1.0) for c in text)),), None)
        for subject in (raw, PersonQuery(text, date(1980, 1, 2)), DocumentQuery(text, other)):
            for each in opened:
                with suppress(HubError):  # it may say that it cannot be asked so
                    assert not consult(each, Query("L", subject, NOW)).hits
        for each in opened:
            (hit,) = consult(each, Query("L", typed_plate("KE123AB"), NOW)).hits
            shown = (hit.why, hit.record.entry, *(field.value for field in hit.record.fields))
            assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for words in shown for c in words)
        assert {request.line.split(b" ")[0] for request in service.received} == {b"GET"}
        assert all("x-evil" not in request.headers for request in service.received)
        assert owner.execute("SELECT count(*) FROM vehicles").fetchone() == (1,)

    with owner:
        consult_all()
    for each in opened:
        each.source.close()
