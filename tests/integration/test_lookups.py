"""A look-up from an officer's request to the log on disk, over the first-party sources and three that fail."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers import Drivers, DriversImporter
from hub.actors.lookups import run_lookups
from hub.audit.log import open_log
from hub.audit.verify import verify_log
from hub.authority.keys import KeySigner
from hub.channels import Mailbox
from hub.clocks import ManualClock
from hub.errors import AuditError
from hub.ledger import Ledger, Stage
from hub.lookups import Lookups
from hub.messages import Answer, AnswerStatus, DocumentQuery, PersonQuery, PlateRead, RaisedHit, Reason, Requester
from hub.plates.grammar import GrammarBook, load_grammars
from hub.sources import SourceHost, SourceSpec, open_sources
from hub.testing.faults import FaultySource, crash, flood, hang
from hub.testing.sources import ScriptedSource, context, plate_read, typed_plate, vehicles
from wanted_persons import WantedPersons, WantedPersonsImporter

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
OFFICER = Requester("4711", "officer", "unit-1")
WANTED = """\
entry,category,plate,family_name,given_names,birth_date,legal_basis,issuing_authority,expires,instruction
v1,stolen_vehicle,KE123AB,,,,Warrant 7,Court,2030-01-09,Stop and call the desk
p1,wanted_person,,Nováková,Jana,1980-01-02,Warrant 8,Court,2030-01-09,
"""
REGISTER = """\
plate,region,keeper_name,insurance_status,licence_number,family_name,given_names,birth_date,licence_status
KE123AB,SK,Peter Horváth,insured,,,,,
BA777XY,SK,Jana Nováková,uninsured,SK900123,Nováková,Jana,1980-01-02,suspended
"""


class Bench:
    def __init__(self, host: SourceHost, lookups: Lookups, log: Path) -> None:
        self.host, self.lookups, self.log = host, lookups, log
        self.times: dict[str, float] = {}
        self._start = trio.current_time()

    async def deliver(self, answer: Answer) -> None:
        self.times[answer.source] = trio.current_time() - self._start

    async def ask(self, subject, names=()) -> dict[str, Answer]:
        self.times, self._start = {}, trio.current_time()
        answers = await self.lookups.on_request(
            self.lookups.request(subject, OFFICER, "traffic stop", names), self.deliver
        )
        return {answer.source: answer for answer in answers}


@pytest.fixture(scope="module")
def book() -> GrammarBook:
    return load_grammars()


@pytest.fixture
def bench(book: GrammarBook, tmp_path: Path):
    wanted = context(tmp_path / "wanted_persons", development=True)
    register = context(tmp_path / "drivers")
    (tmp_path / "wanted.csv").write_text(WANTED)
    (tmp_path / "register.csv").write_text(REGISTER)
    assert not WantedPersonsImporter().import_file(wanted, tmp_path / "wanted.csv").bad
    assert not DriversImporter().import_file(register, tmp_path / "register.csv").bad

    @asynccontextmanager
    async def opened(*others: FaultySource, deadline: float = 5.0) -> AsyncIterator[Bench]:
        clock, numbers = ManualClock(NOW), itertools.count(1)
        signer = KeySigner("patrol-hub/unit-1", Ed25519PrivateKey.generate())
        specs = [SourceSpec("faults", other, context(tmp_path / "faults"), deadline) for other in others]
        specs += [
            SourceSpec("wanted_persons", WantedPersons, wanted, 5.0),
            SourceSpec("drivers", Drivers, register, 5.0),
        ]
        path = tmp_path / "audit.sqlite3"
        async with (
            open_log(path, origin="patrol-hub/unit-1", signer=signer, clock=clock, unit="unit-1") as log,
            open_sources(specs, clock=clock, book=book) as host,
        ):
            lookups = Lookups(host, log=log, clock=clock, unit="unit-1", identify=lambda: f"L{next(numbers)}")
            yield Bench(host, lookups, path)
            for other in others:
                other.release.set()

    return opened


def good(name: str) -> ScriptedSource:
    return ScriptedSource(name, vehicles(["KE123AB"]))


@pytest.mark.slow
async def test_answers_arrive_in_time_beside_sources_that_hang_raise_and_flood(bench) -> None:
    async with bench(hang(good("hangs"), 30.0), crash(good("raises")), flood(good("floods")), deadline=1.5) as on:
        answers = await on.ask(typed_plate("ke-123 ab"))
        verified = verify_log(on.log, None)
    assert list(answers) == ["hangs", "raises", "floods", "wanted_persons", "drivers"]
    assert [answer.status.value for answer in answers.values()] == ["unavailable"] * 3 + ["hit", "hit"]
    assert answers["drivers"].hits[0].record.get("keeper_name") == "Peter Horváth"
    assert answers["wanted_persons"].development
    assert max(on.times["wanted_persons"], on.times["drivers"], on.times["floods"]) < 1.4
    assert 1.4 < on.times["hangs"] < 2.5
    assert verified.entries == 2


async def test_people_and_documents_across_both_sources(bench) -> None:
    async with bench() as on:
        person = await on.ask(PersonQuery("NOVAKOVA, Jana", date(1980, 2, 1)))
        document = await on.ask(DocumentQuery("sk 900123", ""))
    assert person["wanted_persons"].hits[0].record.get("category") == "wanted_person"
    assert "day and month of birth are exchanged" in person["wanted_persons"].explanation
    assert person["drivers"].hits[0].record.get("licence_status") == "suspended"
    assert document["wanted_persons"].status is AnswerStatus.NO_HIT
    assert document["drivers"].status is AnswerStatus.HIT


async def test_reads_and_requests_together_leave_an_account_that_verifies(bench) -> None:
    ledger = Ledger()
    reads: Mailbox[PlateRead] = Mailbox(8)
    hits: Mailbox[RaisedHit] = Mailbox(8)
    async with bench() as on:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: run_lookups(on.lookups, reads, hits, unit="unit-1", ledger=ledger))
            got = await on.ask(typed_plate("BA777XY"))
            for plate in ("BA777XY", "KE123AB", "ZA999ZZ"):
                ledger.enter("front", Stage.READ)
                await reads.send(plate_read(plate))
            reads.close()
        (raised,) = hits.drain()
        asked = {status.name: status.asked for status in on.host.statistics()}
        verified = verify_log(on.log, None)
    assert list(got) == ["wanted_persons", "drivers"]
    assert raised.answer.source == "wanted_persons"
    assert raised.answer.hits[0].record.get("instruction") == "Stop and call the desk"
    assert {count.reason: count.count for count in ledger.snapshot()} == {Reason.NOT_LISTED: 2}
    assert asked == {"wanted_persons": 4, "drivers": 1}  # the register saw the officer's look-up alone
    assert verified.entries == 4  # a look-up, its end, a minute begun, a minute counted
    everything = b"".join(file.read_bytes() for file in on.log.parent.glob("audit.sqlite3*"))
    assert b"ZA999ZZ" not in everything


async def test_a_log_that_can_no_longer_be_written_stops_look_ups(bench) -> None:
    async with bench() as on:
        await on.ask(typed_plate("KE123AB"))
        asked = [status.asked for status in on.host.statistics()]
        locked = sqlite3.connect(on.log)
        locked.execute("DROP TABLE entry")
        locked.close()
        with pytest.raises(AuditError):
            await on.ask(typed_plate("KE123AB"))
        with pytest.raises(AuditError):
            await on.lookups.automatic(plate_read("KE123AB"), on.deliver)
        assert [status.asked for status in on.host.statistics()] == asked
