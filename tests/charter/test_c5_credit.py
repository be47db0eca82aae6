"""C5 with the real credit records: nothing of them without a grant, and of a grant its fields and its subject alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date

import pytest

from credit_records import CreditRecords, CreditRecordsImporter
from drivers import Drivers
from hub.audit.records import GrantPayload
from hub.authority.grants import LegalBasis
from hub.backends import SourceRecord
from hub.clocks import ManualClock
from hub.errors import NotAllowedError
from hub.granted import GrantBook
from hub.lookups import Lookups
from hub.messages import Act, Answer, AnswerStatus, PersonQuery, Query, Reach, Requester
from hub.plates.grammar import load_grammars
from hub.sources import SourceSpec, open_sources
from hub.testing.alerts import MemoryLog
from hub.testing.sources import ScriptedSource, context, plate_read, vehicles
from tests.kit_authority import NOW
from tests.kit_orders import PEOPLE, grant

OFFICER = Requester("4711", "officer", "car-1")
JANA = PersonQuery("Jana Novak", date(1980, 1, 2))
FILE = """\
entry,family_name,given_names,birth_date,lender,account_status,amount_owed,insolvency_status,credit_score
C-1,Novak,Jana,1980-01-02,First Bank,overdue,12500 EUR,open,excellent
C-2,Novak,Jan,1980-01-02,Second Bank,settled,0 EUR,none,poor
"""
FIELDS = ("account_status", "insolvency_status")
SECRETS = {"Bank", "EUR", "settled", "excellent", "poor", "C-1", "C-2"}
"""What lies in the file and no grant of these tests names; words, since an answer's own milliseconds are digits."""


class Rogue(CreditRecords):
    """Hands everything over, whatever the grant says, and would tell what it was asked."""

    name = "rogue_credit"
    seen: list[Query]

    def find(self, query: Query) -> Iterable[SourceRecord]:
        self.seen.append(query)
        everything = ("lender", "amount_owed", "account_status", "insolvency_status", "credit_score")
        return super().find(Query(query.lookup, query.subject, query.now, fields=everything, reference="I say so"))


class Trusted:
    people, revoked = PEOPLE, frozenset()

    @staticmethod
    def standing(_now) -> str:
        return ""


@pytest.fixture(scope="module")
def book():
    return load_grammars()


@pytest.fixture
async def unit(book, tmp_path):
    """The real store behind an honest source and behind a rogue one, a register and a hot-list."""
    where = context(tmp_path / "credit")
    (tmp_path / "credit.csv").write_text(FILE)
    CreditRecordsImporter().import_file(where, tmp_path / "credit.csv")
    rogue = Rogue()
    rogue.seen = []
    listed = ScriptedSource("stolen", vehicles(["1234BCD"]), reach=Reach.AUTOMATIC)
    specs = [
        SourceSpec("p", CreditRecords, where, 5.0),
        SourceSpec("p", rogue, where, 5.0),
        SourceSpec("p", Drivers, context(tmp_path / "drivers"), 5.0),
        SourceSpec("p", listed, where, 5.0),
    ]
    clock, log, numbers = ManualClock(NOW), MemoryLog(), itertools.count()
    async with open_sources(specs, clock=clock, book=book) as host:
        lookups = Lookups(
            host, log=log, clock=clock, unit="car-1", identify=lambda: f"L{next(numbers)}",
            grants=GrantBook(Trusted),  # type: ignore[arg-type]
        )  # fmt: skip
        yield lookups, host, log, rogue


async def ask(lookups: Lookups, envelope: bytes, source: str, subject: PersonQuery = JANA) -> Answer:
    async def deliver(_: Answer) -> None: ...

    request = lookups.request(subject, OFFICER, "case 12", [source], envelope)
    (answer,) = await lookups.on_request(request, deliver)
    return answer


@pytest.mark.parametrize("basis", list(LegalBasis))
async def test_the_granted_fields_of_the_granted_subject_come_back_and_no_score(unit, basis) -> None:
    lookups, _, log, _ = unit
    answer = await ask(lookups, grant(fields=FIELDS, legal_basis=basis), "credit_records")
    assert answer.status is AnswerStatus.HIT
    (hit,) = answer.hits
    shown = {field.name: field.value for field in hit.record.fields}
    assert shown == {"account_status": "overdue", "insolvency_status": "open"}
    assert not any(secret in repr(answer) for secret in SECRETS)
    used = next(entry.payload for entry in log.entries if entry.act is Act.GRANT)
    assert isinstance(used, GrantPayload)
    assert used.legal_basis == basis.value
    assert used.reference


async def test_a_rogue_source_sees_no_query_without_its_grant_and_hands_on_no_more_than_one_names(unit) -> None:
    lookups, _, log, rogue = unit
    assert (await ask(lookups, b"", "rogue_credit")).status is AnswerStatus.REFUSED
    with pytest.raises(NotAllowedError, match="another source"):
        await ask(lookups, grant(fields=FIELDS), "rogue_credit")
    with pytest.raises(NotAllowedError, match="another subject"):
        await ask(
            lookups,
            grant(fields=FIELDS, source="rogue_credit"),
            "rogue_credit",
            PersonQuery("Jan Novak", JANA.birth_date),
        )
    assert not rogue.seen
    assert [entry.outcome for entry in log.entries if entry.act is Act.GRANT] == ["refused", "refused"]
    answer = await ask(lookups, grant(fields=FIELDS, source="rogue_credit"), "rogue_credit")
    assert len(rogue.seen) == 1
    assert {field.name for hit in answer.hits for field in hit.record.fields} == set(FIELDS)
    assert not any(secret in repr(answer) for secret in SECRETS - {"C-1", "C-2"})


async def test_a_thousand_automatic_hits_start_no_restricted_query_and_none_on_request(unit) -> None:
    lookups, host, _, rogue = unit
    hits = 0

    async def deliver(answer: Answer) -> None:
        nonlocal hits
        hits += answer.status is AnswerStatus.HIT

    for _ in range(1000):
        await lookups.automatic(plate_read("1234BCD"), deliver)
    assert hits == 1000
    assert {status.name: status.asked for status in host.statistics()} == {
        "credit_records": 0, "rogue_credit": 0, "drivers": 0, "stolen": 1000,
    }  # fmt: skip
    assert not rogue.seen
