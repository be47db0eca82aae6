from __future__ import annotations

import pytest

from hub.documents import match_document
from hub.messages import DocumentQuery, Field, HitKind, Record


def record(entry: str, **fields: str) -> Record:
    return Record(entry, tuple(Field(name, value) for name, value in fields.items()))


RECORDS = (
    record("1", document_number="AB-1234", document_country="SVK"),
    record("2", licence_number="AB1234"),
    record("3", document_number="AB1235", document_country="SVK"),
    record("4", document_number="AB1234", document_country="AUT"),
    record("5", family_name="Novak"),
)


def test_the_same_number_and_state() -> None:
    hits = match_document(DocumentQuery("ab 1234", "SVK"), RECORDS)
    assert [hit.record.entry for hit in hits] == ["1", "2"]
    assert hits[0].why == "Same number and issuing state SVK."
    assert hits[1].why == "Same number; the issuing state was not recorded."
    assert all(hit.kind is HitKind.DOCUMENT and hit.ambiguous for hit in hits)
    assert hits[0].competing == ("2",)


def test_an_unknown_state_agrees_with_any() -> None:
    hits = match_document(DocumentQuery("AB1235<<<", ""), RECORDS)
    assert [(hit.record.entry, hit.ambiguous, hit.why) for hit in hits] == [
        ("3", False, "Same number; the issuing state was not asked for.")
    ]


@pytest.mark.parametrize("number", ["", "<<<", "AB123", "AB12345"])
def test_another_number_is_another_document(number: str) -> None:
    assert match_document(DocumentQuery(number, ""), RECORDS) == ()
