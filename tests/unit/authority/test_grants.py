from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from hub.authority.dsse import make_envelope
from hub.authority.grants import GRANT_TYPE, allowed_fields, build_grant, sign_grant, verify_grant
from hub.authority.subjects import GrantSubject, is_about, names_subject
from hub.errors import TrustError, UsageError
from hub.lookups import typed_plate
from hub.messages import DocumentQuery, Field, PersonQuery, Record, SubjectKind
from tests.kit_authority import NOW, signer
from tests.kit_orders import GRANT, PEOPLE, grant

NOBODY: frozenset[str] = frozenset()
BORN = date(1980, 1, 2)


def refused(file: bytes, *, revoked: frozenset[str] = NOBODY, now: datetime = NOW) -> str:
    with pytest.raises(TrustError) as caught:
        verify_grant(file, PEOPLE, revoked, now)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_grant_stands_on_one_signature_of_the_authority():
    assert verify_grant(grant(), PEOPLE, NOBODY, NOW) == GRANT
    assert verify_grant(grant("deputy", "judge"), PEOPLE, NOBODY, NOW) == GRANT
    assert allowed_fields(GRANT, "credit_records") == {"licence_status", "reference"}
    assert allowed_fields(GRANT, "health_records") == frozenset()


@pytest.mark.parametrize("signers", [("chief",), ("chief", "second chief"), ("stranger",)])
def test_no_other_role_opens_a_restricted_source(signers):
    assert "lacks the signature of the authority" in refused(grant(*signers))


def test_every_other_refusal_of_a_grant():
    assert "unsigned" in refused(build_grant(GRANT))
    assert "somebody who may not sign" in refused(grant("judge", "chief"))
    assert "expired at" in refused(grant(), now=GRANT.expires)
    assert "valid from" in refused(grant(), now=NOW - timedelta(seconds=1))
    assert "withdrawn" in refused(grant(), revoked=frozenset({GRANT.grant}))


WRONG = [
    ({"grant": "x"}, "identifier"),
    ({"subject": GrantSubject(SubjectKind.PERSON, "Jana Novak")}, "day of birth"),
    ({"subject": GrantSubject(SubjectKind.PERSON, "  ", BORN)}, "no subject"),
    ({"subject": GrantSubject(SubjectKind.DOCUMENT, "X1")}, "state that issued"),
    ({"source": " "}, "no source"),
    ({"fields": ()}, "no field"),
    ({"fields": ("score",)}, "no field that a record may carry"),
    ({"reference": ""}, "reference of its court order"),
    ({"issued": NOW.replace(tzinfo=None)}, "time zone"),
    ({"expires": NOW}, "expires before"),
    ({"expires": NOW + timedelta(days=31, seconds=1)}, "longer than 31 days"),
]


@pytest.mark.parametrize(("changes", "why"), WRONG, ids=range(len(WRONG)))
def test_what_no_grant_may_say_is_neither_made_nor_believed(changes, why):
    with pytest.raises(UsageError, match=why):
        grant(**changes)
    content = msgspec.json.encode(structs.replace(GRANT, **changes))
    assert why in refused(sign_grant(make_envelope(content, GRANT_TYPE), signer("judge")))


@pytest.mark.parametrize("change", [{"legal_basis": "suspicion"}, {"fields": "all"}, {"score": 1}])
def test_the_legal_bases_are_a_closed_list(change):
    content = msgspec.json.encode({**msgspec.to_builtins(GRANT), **change})
    assert "the file is no grant" in refused(sign_grant(make_envelope(content, GRANT_TYPE), signer("judge")))


FILE = grant()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_grant_with_any_byte_changed_is_refused(place, change):
    refused(FILE[:place] + bytes([FILE[place] ^ change]) + FILE[place + 1 :])


PERSON = GrantSubject(SubjectKind.PERSON, "Jürgen Müller-Novák", BORN)
DOCUMENT = GrantSubject(SubjectKind.DOCUMENT, "AB 123-456", country="svk")
PLATE = GrantSubject(SubjectKind.PLATE, "1234 BCD")


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        (PERSON, PersonQuery("Müller Novák, Jürgen", BORN)),
        (PERSON, PersonQuery("JUERGEN MUELLER NOVAK", BORN)),
        (DOCUMENT, DocumentQuery("AB123456", "SVK")),
        (PLATE, typed_plate("1234-bcd")),
    ],
)
def test_a_query_names_the_subject_however_it_is_written(named, asked):
    assert names_subject(named, asked)


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        (PERSON, PersonQuery("Jürgen Müller", BORN)),
        (PERSON, PersonQuery("Jürgen Müller Novák", None)),
        (PERSON, PersonQuery("Jürgen Müller Novák", date(1980, 2, 1))),
        (PERSON, PersonQuery("J Müller Novák", BORN)),
        (PERSON, PersonQuery("Jürgen Müller Novák Novák", BORN)),
        (PERSON, DocumentQuery("Jürgen Müller-Novák", "")),
        (GrantSubject(SubjectKind.PERSON, "---", BORN), PersonQuery("...", BORN)),
        (DOCUMENT, DocumentQuery("AB123456", "")),
        (DOCUMENT, DocumentQuery("AB123457", "SVK")),
        (DOCUMENT, PersonQuery("AB123456", BORN)),
        (PLATE, typed_plate("1234BC?")),
        (PLATE, typed_plate("1234BCE")),
    ],
)
def test_a_query_that_is_only_like_the_subject_does_not_name_it(named, asked):
    assert not names_subject(named, asked)


def _record(**fields: str) -> Record:
    return Record("1", tuple(Field(name, value) for name, value in fields.items()))


def test_a_record_is_about_the_subject_where_nothing_differs():
    jana = GRANT.subject
    assert is_about(jana, _record(given_names="Jana", family_name="Novák", birth_date="1980-01-02"))
    for fields in (
        {"given_names": "Jan", "family_name": "Novak", "birth_date": "1980-01-02"},
        {"given_names": "Jana", "family_name": "Novak", "birth_date": "1980-02-01"},
        {"given_names": "Jana", "family_name": "Novak"},
        {"given_names": "J", "family_name": "Novak", "birth_date": "1980-01-02"},
        {"given_names": "Jana Maria", "family_name": "Novak", "birth_date": "1980-01-02"},
        {},
    ):
        assert not is_about(jana, _record(**fields)), fields
    assert is_about(DOCUMENT, _record(document_number="AB123456", document_country="SVK"))
    assert not is_about(DOCUMENT, _record(document_number="AB123456"))
    assert is_about(PLATE, _record(plate="1234BCD"))
    assert not is_about(PLATE, _record(plate="1234BCE"))
