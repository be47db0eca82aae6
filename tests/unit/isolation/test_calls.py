"""What a hostile child may send costs the hub no memory and no trace: it is no reply."""

from __future__ import annotations

import msgspec
import pytest

from hub.isolation.calls import (
    BATCH,
    LONGEST_ENTRY,
    LONGEST_NAME,
    LONGEST_PLATE,
    LONGEST_PROBLEM,
    MOST_FIELDS,
    MOST_ROWS,
    BadLine,
    FoundRecord,
    Imported,
    Plates,
    Records,
    Reply,
    pack,
    read_reply,
)
from hub.isolation.pipes import LENGTH


def records(count: int, each: bytes) -> bytes:
    """A reply of so many records, without its length."""
    head = b"\x83\xa4type\xa7records\xa4last\xc3\xa7records\xdd"
    return head + count.to_bytes(4, "big") + each * count


def test_millions_of_empty_records_are_refused_before_one_is_made() -> None:
    body = records(8_000_000, b"\x92\xa0\x80")
    with pytest.raises(msgspec.DecodeError, match=f"length <= {BATCH}"):
        read_reply(body)


def test_a_record_has_so_many_fields_at_most() -> None:
    def of(number: int) -> bytes:
        fields = {f"f{index}": "x" for index in range(number)}
        return pack(Records((FoundRecord("E", fields),), last=True))[LENGTH.size :]

    assert isinstance(read_reply(of(MOST_FIELDS)), Records)
    with pytest.raises(msgspec.DecodeError, match=f"length <= {MOST_FIELDS}"):
        read_reply(of(MOST_FIELDS + 1))


def record(entry: str = "E", name: str = "name") -> Reply:
    return Records((FoundRecord(entry, {name: "x"}),), last=True)


def imported(number: int = 1, line: int = 1, problem: str = "x") -> Reply:
    return Imported(number, (BadLine(line, problem),), "")


BOUNDS = {
    "entry": (record("E" * LONGEST_ENTRY), record("E" * (LONGEST_ENTRY + 1))),
    "name": (record(name="n" * LONGEST_NAME), record(name="n" * (LONGEST_NAME + 1))),
    "plate": (Plates(("é" * LONGEST_PLATE,), last=True), Plates(("é" * (LONGEST_PLATE + 1),), last=True)),
    "problem": (imported(problem="x" * LONGEST_PROBLEM), imported(problem="x" * (LONGEST_PROBLEM + 1))),
    "fewer than none": (imported(0), imported(-5)),
    "more than there are": (imported(MOST_ROWS), imported(2**63)),
    "line before the first": (imported(line=0), imported(line=-1)),
    "line behind the last": (imported(line=MOST_ROWS), imported(line=MOST_ROWS + 1)),
}


@pytest.mark.parametrize("case", BOUNDS)
def test_texts_and_numbers_are_bounded_where_they_are_read(case: str) -> None:
    good, bad = BOUNDS[case]
    assert read_reply(pack(good)[LENGTH.size :]) == good
    with pytest.raises(msgspec.DecodeError):
        read_reply(pack(bad)[LENGTH.size :])


@pytest.mark.parametrize(
    "body",
    [
        b"\x82\xa4type\xa6erased\xa1x" + b"\x91" * 200_000,
        b"\x83\xa4type\xa6failed\xa7failure\xa5other\xa4what\xa3\xff\xff\xff",
        b"",
        b"\xc0",
    ],
    ids=["deep", "no UTF-8", "empty", "nothing"],
)
def test_nonsense_is_no_reply(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_reply(body)
