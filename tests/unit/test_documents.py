from __future__ import annotations

import pytest

from hub.documents import check_state, match_document
from hub.errors import UsageError
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


def test_another_state_alone_is_said_and_never_a_plain_hit() -> None:
    hits = match_document(DocumentQuery("AB1235", "UTO"), RECORDS)
    assert [(hit.record.entry, hit.ambiguous, hit.cost, hit.limit) for hit in hits] == [("3", True, 1.0, 1.0)]
    assert hits[0].why == "Same number, another issuing state: the entry says SVK, asked for was UTO."


@pytest.mark.parametrize(("asked", "recorded"), [("D", "DEU"), ("DEU", "D"), ("D", "D"), ("deu ", "DEU")])
def test_germany_is_the_same_state_in_both_ways_to_write_it(asked: str, recorded: str) -> None:
    (hit,) = match_document(
        DocumentQuery("C01X", asked), [record("1", document_number="C01X", document_country=recorded)]
    )
    assert (hit.ambiguous, hit.cost) == (False, 0.0)


@pytest.mark.parametrize(
    ("typed", "state"),
    [("uto", "UTO"), (" SVK ", "SVK"), ("d", "D"), ("D<<", "D"), ("deu", "DEU"), ("", ""), ("<<<", "")],
)
def test_a_state_is_taken_as_a_machine_readable_zone_has_it(typed: str, state: str) -> None:
    assert check_state(typed) == state


@pytest.mark.parametrize("typed", ["UT", "utopia", "U", "U1O", "UT0", "UTO;", "УТО", "UT\nO", "D D"])
def test_what_is_no_state_is_refused_in_one_line(typed: str) -> None:
    with pytest.raises(UsageError, match="is no issuing state") as caught:
        check_state(typed)
    said = str(caught.value)
    assert "such as SVK, or D for Germany" in said
    assert "\n" not in said
    assert ("two letters are another code" in said) == (typed == "UT")


@pytest.mark.parametrize("number", ["", "<<<", "AB123", "AB12345"])
def test_another_number_is_another_document(number: str) -> None:
    assert match_document(DocumentQuery(number, ""), RECORDS) == ()
