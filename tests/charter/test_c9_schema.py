"""C9: the fields that a record may carry are a closed schema in the host, whatever a plugin declares."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.backends import SourceRecord
from hub.messages import Record
from hub.records import ENTRY_LENGTH, RULES, SCHEMA, Kind, apply_schema

FORBIDDEN = (
    "ethnic", "race", "gender", "sex", "age", "emotion", "score", "rank", "risk", "religion", "nation", "photo",
    "image", "face", "movement", "location", "position", "seen", "associate", "history", "credit", "health", "politic",
)  # fmt: skip
WORDS_THAT_MAY_HOLD_THEM = {"insurance_status", "insurance_until"}

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet="\x1b\x00\x07\r\n\u202e\u2066[]\\<&a1-", max_size=40)
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.integers())
    | st.sampled_from(["2030-12-31", "stolen_vehicle", "Stolen Vehicle", "x" * 5000, object(), print])
)
MAPPINGS = st.dictionaries(st.sampled_from(sorted(RULES)) | st.text(max_size=20), VALUES, max_size=25)


def assert_closed(record: Record) -> None:
    names = [field.name for field in record.fields]
    assert names == [rule.name for rule in SCHEMA if rule.name in names]
    assert len(record.entry) <= ENTRY_LENGTH
    for text in (record.entry, *(field.value for field in record.fields)):
        assert type(text) is str
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in text)
    for field in record.fields:
        rule = RULES[field.name]
        assert 0 < len(field.value) <= rule.length
        if rule.kind is Kind.DATE:
            date.fromisoformat(field.value)
        if rule.kind is Kind.CHOICE:
            assert field.value in rule.choices


@settings(max_examples=300)
@given(st.text(max_size=200), MAPPINGS, st.booleans())
def test_any_record_comes_out_with_schema_names_and_bounded_plain_values_only(
    entry: str, fields: dict[str, object], granted: bool
) -> None:
    record, dropped = apply_schema(SourceRecord(entry, fields), granted=granted)
    assert_closed(record)
    assert granted or not any(RULES[field.name].granted for field in record.fields)
    absent = sum(fields[name] is None or fields[name] == "" for name in fields if name in RULES)
    assert dropped == len(fields) - len(record.fields) - absent


def test_what_is_not_built_has_no_field() -> None:
    for rule in SCHEMA:
        if rule.name not in WORDS_THAT_MAY_HOLD_THEM:
            parts = rule.name.split("_")
            assert not any(part.startswith(word) for part in parts for word in FORBIDDEN), rule.name


@pytest.mark.parametrize(
    "name", ["gender", "ethnicity", "age", "risk_score", "nationality", "photo", "last_seen", "Plate", "religion"]
)
def test_other_fields_are_dropped_and_counted(name: str) -> None:
    record, dropped = apply_schema(SourceRecord("1", {name: "x", "make": "Volvo"}))
    assert [(field.name, field.value) for field in record.fields] == [("make", "Volvo")]
    assert dropped == 1


def test_what_needs_a_grant_is_dropped_without_one_and_counted() -> None:
    raw = SourceRecord("1", {"make": "Volvo", "lender": "A bank", "amount_owed": "12 EUR", "insolvency_status": ""})
    record, dropped = apply_schema(raw)
    assert [field.name for field in record.fields] == ["make"]
    assert dropped == 2
    assert [field.name for field in apply_schema(raw, granted=True)[0].fields] == ["make", "lender", "amount_owed"]


def test_hostile_text_comes_out_as_plain_text() -> None:
    raw = SourceRecord("1\x1b[2J", {"make": "\x1b]0;owned\x07Volvo\r\nALERT \u202eevil", "keeper_name": "[red]A[/red]"})
    record, dropped = apply_schema(raw)
    assert_closed(record)
    assert dropped == 0
    assert "Volvo" in record.get("make")
    assert record.get("keeper_name") == "[red]A[/red]"  # markup is the screen's to escape, and stays text


class Sly(str):
    """A text that claims to be something else each time that it is looked at."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\x1b[31m"

    def __iter__(self):
        return iter("\x1b" * 10_000)

    def upper(self) -> str:
        return "\x1b"

    def strip(self, chars=None) -> str:
        return "x" * 10_000


def test_a_text_of_a_sly_class_comes_out_as_what_it_holds() -> None:
    record, _ = apply_schema(SourceRecord(Sly("7"), {"make": Sly("Volvo"), "plate": Sly("ab-123")}))
    assert_closed(record)
    assert (record.entry, record.get("make"), record.get("plate")) == ("7", "Volvo", "AB123")


def test_values_are_written_one_way() -> None:
    raw = SourceRecord(
        "1",
        {
            "plate": "b mw-12 34?*",
            "category": "Stolen vehicle",
            "expires": datetime(2030, 1, 2, 23, 59, tzinfo=UTC),
            "birth_date": date(1980, 2, 3),
            "document_number": "ab 123-4<<",
            "make": "V" * 200,
        },
    )
    record, dropped = apply_schema(raw)
    assert dropped == 0
    assert record.get("plate") == "BMW1234"
    assert record.get("category") == "stolen_vehicle"
    assert record.get("expires") == "2030-01-02"
    assert record.get("birth_date") == "1980-02-03"
    assert record.get("document_number") == "AB123-4"
    assert record.get("make") == "V" * 59 + "…"


def test_each_field_has_a_sentence_that_says_what_it_is_for() -> None:
    assert len(RULES) == len(SCHEMA)
    for rule in SCHEMA:
        assert rule.meaning.endswith(".")
        assert rule.length > 0
