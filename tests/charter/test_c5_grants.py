"""C5: a restricted source receives a query only under a grant that stands now and names subject, source and fields.

The sources here ignore grants altogether: whatever is held, the host holds.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.authority.policy import may_open_restricted, unit_requester
from hub.authority.subjects import GrantSubject
from hub.clocks import ManualClock
from hub.errors import HubError, NotAllowedError, NotSignedInError, TrustError
from hub.granted import GrantBook, read_grant
from hub.lookups import Lookups
from hub.messages import Act, Answer, AnswerStatus, PersonQuery, Reach, Requester, Subject, SubjectKind
from hub.plates.grammar import load_grammars
from hub.sources import SourceHost, SourceSpec, open_sources
from hub.testing.alerts import MemoryLog
from hub.testing.sources import ScriptedSource, context, plate_read, typed_plate, vehicles
from tests.kit_authority import NOW
from tests.kit_orders import GRANT, PEOPLE, grant

OFFICER = Requester("4711", "officer", "car-1")
BORN = date(1980, 1, 2)
JANA = PersonQuery("Novák, Jana", BORN)
RECORDS = {
    "K-77": {
        "given_names": "Jana",
        "family_name": "Novak",
        "birth_date": "1980-01-02",
        "licence_status": "valid",
        "reference": "A-1",
        "keeper_address": "Invented Street 1",
        "licence_number": "SECRET1",
    },
    "K-78": {
        "given_names": "Jana Maria",
        "family_name": "Novak",
        "birth_date": "1980-01-02",
        "licence_status": "revoked",
        "reference": "SECRET2",
    },
}


class Rig:
    """A unit's look-ups with sources that answer anything they are asked."""

    def __init__(self, host: SourceHost, clock: ManualClock, sources: dict[str, ScriptedSource]) -> None:
        self.clock, self.sources, self.log = clock, sources, MemoryLog()
        self.revoked: frozenset[str] = frozenset()
        self.trusted = True
        self.expired = ""
        numbers = itertools.count(1)
        self.lookups = Lookups(
            host,
            log=self.log,
            clock=clock,
            unit="car-1",
            identify=lambda: f"L{next(numbers)}",
            grants=GrantBook(self._trust),  # type: ignore[arg-type]
        )

    def _trust(self) -> SimpleNamespace | None:
        standing = SimpleNamespace(people=PEOPLE, revoked=self.revoked, standing=lambda _now: self.expired)
        return standing if self.trusted else None

    async def ask(
        self,
        envelope: bytes = b"",
        *names: str,
        subject: Subject = JANA,
        requester: Requester = OFFICER,
        reason: str = "case 12",
    ) -> dict[str, Answer]:
        async def deliver(_: Answer) -> None: ...

        request = self.lookups.request(subject, requester, reason, names, envelope)
        return {answer.source: answer for answer in await self.lookups.on_request(request, deliver)}

    def asked(self) -> dict[str, int]:
        """Return how many queries each restricted source has seen."""
        return {name: len(source.queries) for name, source in self.sources.items() if name != "drivers"}

    def entries(self, act: Act = Act.GRANT) -> list[tuple[str, str]]:
        """Return outcome and identifier of the entries about grants."""
        return [(entry.outcome, entry.payload.grant) for entry in self.log.entries if entry.act is act]

    async def refused(self, envelope: bytes, *names: str, why: str, **asked: object) -> None:
        """Say that nothing restricted is asked, that the officer reads why, and that the log has it."""
        before, logged = self.asked(), len(self.log.entries)
        with pytest.raises(NotAllowedError, match=why) as caught:
            await self.ask(envelope, *names, **asked)
        assert "\n" not in str(caught.value)
        assert self.asked() == before
        new = self.log.entries[logged:]
        assert [(entry.act, entry.outcome) for entry in new] == [
            (Act.GRANT, "refused"),
            (Act.LOOKUP_REFUSED, "refused"),
        ]
        assert new[0].payload.refusal == new[1].payload.refusal == str(caught.value)


@pytest.fixture(scope="module")
def opener() -> Callable[[Path], AbstractAsyncContextManager[Rig]]:
    book = load_grammars()

    @asynccontextmanager
    async def open_rig(folder: Path) -> AsyncIterator[Rig]:
        sources = {
            "credit_records": ScriptedSource("credit_records", RECORDS, reach=Reach.RESTRICTED),
            "health_records": ScriptedSource("health_records", RECORDS, reach=Reach.RESTRICTED),
            "drivers": ScriptedSource("drivers", RECORDS, reach=Reach.ON_REQUEST),
        }
        clock = ManualClock(NOW)
        specs = [SourceSpec("p", source, context(folder), 5.0) for source in sources.values()]
        async with open_sources(specs, clock=clock, book=book) as host:
            yield Rig(host, clock, sources)

    return open_rig


@pytest.fixture
async def rig(opener, tmp_path) -> AsyncIterator[Rig]:
    async with opener(tmp_path) as opened:
        yield opened


async def test_a_grant_opens_its_source_for_its_subject_and_its_fields_come_back(rig: Rig) -> None:
    answers = await rig.ask(grant(), "credit_records")
    answer = answers["credit_records"]
    assert answer.status is AnswerStatus.HIT
    (hit,) = answer.hits
    assert {field.name: field.value for field in hit.record.fields} == {"licence_status": "valid", "reference": "A-1"}
    assert hit.record.entry == "record 1"
    assert hit.competing == ()
    assert answer.withheld == 3, "two fields of hers besides those that name her, and one record of somebody else"
    assert not any(secret in repr(answer) for secret in ("SECRET", "Invented", "K-7", "revoked"))
    (query,) = rig.sources["credit_records"].queries
    assert (query.fields, query.reference) == (GRANT.fields, GRANT.reference)
    assert rig.entries() == [("used", GRANT.grant), ("withheld", GRANT.grant)]
    assert [entry.act for entry in rig.log.entries] == [Act.GRANT, Act.LOOKUP, Act.GRANT, Act.LOOKUP_DONE]
    used = rig.log.entries[0].payload
    assert (used.source, used.legal_basis, used.reference) == ("credit_records", "court_order", GRANT.reference)
    assert "Novak" not in repr(used)
    (shown,) = rig.lookups.grants_used()
    assert (shown.grant, shown.fields, shown.officer) == (GRANT.grant, GRANT.fields, OFFICER.officer)
    assert "Novak" not in repr(shown)


async def test_without_names_its_source_is_asked_beside_those_that_need_none(rig: Rig) -> None:
    answers = await rig.ask(grant())
    assert set(answers) == {"credit_records", "drivers"}
    assert rig.asked() == {"credit_records": 1, "health_records": 0}
    (query,) = rig.sources["drivers"].queries
    assert (query.fields, query.reference) == ((), "")
    assert answers["drivers"].withheld == 0


async def test_without_a_grant_nothing_restricted_is_asked(rig: Rig) -> None:
    assert set(await rig.ask()) == {"drivers"}
    answers = await rig.ask(b"", "credit_records", "health_records")
    assert {answer.status for answer in answers.values()} == {AnswerStatus.REFUSED}
    assert rig.asked() == {"credit_records": 0, "health_records": 0}


async def test_expired_not_yet_valid_and_replayed_after_its_withdrawal(rig: Rig) -> None:
    envelope = grant()
    await rig.ask(envelope, "credit_records")
    rig.revoked = frozenset({GRANT.grant})
    await rig.refused(envelope, "credit_records", why="withdrawn")
    rig.revoked = frozenset()
    await rig.ask(envelope, "credit_records")
    rig.clock.advance((GRANT.expires - NOW).total_seconds())
    await rig.refused(envelope, "credit_records", why="expired at")
    early = grant(issued=NOW + timedelta(days=4), expires=NOW + timedelta(days=5))
    await rig.refused(early, "credit_records", why="valid from")
    assert rig.asked() == {"credit_records": 2, "health_records": 0}


async def test_other_source(rig: Rig) -> None:
    await rig.refused(grant(), "health_records", why="opens another source than health_records")
    await rig.refused(grant(source="mortgages"), "health_records", why="no restricted source mortgages")
    await rig.refused(grant(source="drivers"), "drivers", why="no restricted source drivers")
    answers = await rig.ask(grant(), "credit_records", "health_records")
    assert answers["health_records"].status is AnswerStatus.REFUSED
    assert "opens another source" in answers["health_records"].explanation
    assert rig.asked() == {"credit_records": 1, "health_records": 0}


@pytest.mark.parametrize(
    "subject",
    [
        PersonQuery("Jan Novak", BORN),
        PersonQuery("Jana Novakova", BORN),
        PersonQuery("Jana Novak", None),
        PersonQuery("Jana Novak", date(1980, 2, 1)),
        PersonQuery("Novak", BORN),
        typed_plate("1234BCD"),
    ],
)
async def test_other_subject(rig: Rig, subject: Subject) -> None:
    await rig.refused(grant(), "credit_records", why="another subject", subject=subject)
    await rig.refused(grant(), why="another subject", subject=subject)


async def test_other_field(rig: Rig) -> None:
    answers = await rig.ask(grant(fields=("reference",)), "credit_records")
    assert [field.name for field in answers["credit_records"].hits[0].record.fields] == ["reference"]
    assert answers["credit_records"].withheld == 4
    assert rig.entries()[-1] == ("withheld", GRANT.grant)
    assert rig.log.entries[-2].payload.withheld == 4


async def test_edited_unsigned_and_signed_by_somebody_else(rig: Rig) -> None:
    envelope = msgspec.json.decode(grant())
    content = base64.b64decode(envelope["payload"]).replace(b"licence_status", b"keeper_address")
    envelope["payload"] = base64.b64encode(content).decode()
    edited = msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n"
    await rig.refused(edited, "credit_records", why="altered")
    await rig.refused(grant("chief"), "credit_records", why="lacks the signature of the authority")
    await rig.refused(grant("judge", "chief"), "credit_records", why="somebody who may not sign")
    await rig.refused(b"{}", "credit_records", why="no DSSE envelope")


async def test_a_unit_that_trusts_no_authority_or_an_outdated_one_opens_nothing(rig: Rig) -> None:
    rig.expired = "the timestamp expired"
    await rig.refused(grant(), "credit_records", why="may not be relied on")
    rig.trusted = False
    await rig.refused(grant(), "credit_records", why="trusts no authority")


async def test_it_takes_a_signed_in_officer_with_a_reason_all_the_same(rig: Rig) -> None:
    for requester, reason in (
        (unit_requester("car-1"), "case 12"),
        (Requester("9", "administrator", "car-1"), "case 12"),
        (OFFICER, " "),
    ):
        with pytest.raises(NotAllowedError):
            await rig.ask(grant(), "credit_records", requester=requester, reason=reason)
    assert rig.asked() == {"credit_records": 0, "health_records": 0}
    assert {entry.outcome for entry in rig.log.entries} == {"refused"}


async def test_where_the_log_cannot_be_written_no_grant_is_used(rig: Rig) -> None:
    rig.log.broken = True
    for envelope in (grant(), grant("chief")):
        with pytest.raises(HubError, match="log cannot be written"):
            await rig.ask(envelope, "credit_records")
    assert rig.asked() == {"credit_records": 0, "health_records": 0}


async def test_a_thousand_automatic_hits_start_no_restricted_and_no_other_query(tmp_path) -> None:
    listed = ScriptedSource("stolen", vehicles(["1234BCD"]), reach=Reach.AUTOMATIC)
    others = [ScriptedSource(reach.value, RECORDS, reach=reach) for reach in (Reach.RESTRICTED, Reach.ON_REQUEST)]
    clock, hits = ManualClock(NOW), []

    async def deliver(answer: Answer) -> None:
        hits.extend(answer.hits)

    specs = [SourceSpec("p", source, context(tmp_path), 5.0) for source in (listed, *others)]
    async with open_sources(specs, clock=clock, book=load_grammars()) as host:
        lookups = Lookups(host, log=MemoryLog(), clock=clock, unit="u", identify=lambda: "L")
        for _ in range(1000):
            await lookups.automatic(plate_read("1234BCD"), deliver)
    assert (len(listed.queries), len(hits)) == (1000, 1000)
    assert [source.queries for source in others] == [[], []]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    officer=st.sampled_from(["", "4711"]),
    role=st.sampled_from(["officer", "supervisor", "administrator", "unit", "chief", ""]),
    source=st.sampled_from(["credit_records", "credit_records_", "CREDIT_RECORDS", "health_records", ""]),
    name=st.sampled_from(["Jana Novak", "NOVAK JANA", "Jan Novak", "Jana", ""]),
    born=st.sampled_from([BORN, None, date(1981, 1, 2)]),
    reason=st.sampled_from(["", " ", "case 12"]),
    late=st.sampled_from([0, 259_199, 259_200, 10**8]),
    has=st.booleans(),
)
def test_policy_opens_nothing_that_a_grant_does_not_name(officer, role, source, name, born, reason, late, has):
    decision = may_open_restricted(
        Requester(officer, role, "car-1"),
        source,
        PersonQuery(name, born),
        reason,
        GRANT if has else None,
        NOW + timedelta(seconds=late),
    )
    assert decision.reason
    assert decision.allowed == (
        has
        and bool(officer)
        and role in ("officer", "supervisor")
        and source == "credit_records"
        and name in ("Jana Novak", "NOVAK JANA")
        and born == BORN
        and bool(reason.strip())
        and late < 259_200
    )


def test_nobody_is_sent_to_sign_in_for_a_grant_that_is_missing():
    decision = may_open_restricted(unit_requester("u"), "credit_records", JANA, "", None, NOW)
    with pytest.raises(NotAllowedError) as caught:
        decision.demand()
    assert not isinstance(caught.value, NotSignedInError | TrustError)
    assert SubjectKind.PERSON is GrantSubject(SubjectKind.PERSON, "x").kind


def test_a_file_that_is_no_grant_is_not_read_whole(tmp_path):
    (tmp_path / "big").write_bytes(b" " * 70_000)
    for path, why in ((tmp_path / "big", "over 64 kB"), (tmp_path / "none", "cannot be read"), (tmp_path, "be read")):
        with pytest.raises(HubError, match=why):
            read_grant(path)
