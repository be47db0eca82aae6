"""`patrol-hub check document FILE`: the lines of a photograph in place of typed ones."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from hub.backends import PrintedCharacter, PrintedLine
from hub.messages import Box
from hub.testing.frames import street, write_photo
from hub.testing.readers import PaintedReader
from tests.kit import Unit

ZONE = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    unit = Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")
    with unit.active():
        yield unit


def check(unit, *words):
    file = unit.folder / "passport.png"
    write_photo(file, street())
    reason = () if "--reason" in words else ("--reason", "handed over at a stop")
    return unit.run("check", "document", str(file), *reason, *words)


def test_what_stands_in_the_photograph_is_checked_as_if_it_had_been_typed(unit, monkeypatch):
    lines = tuple(
        PrintedLine(
            tuple(PrintedCharacter(each, 0.95, (), (place + 0.5) / 44) for place, each in enumerate(text)),
            Box(10, 200 + 40 * at, 400, 20),
        )
        for at, text in enumerate(ZONE)
    )
    monkeypatch.setattr(PaintedReader, "lines", lambda self, image: lines)
    answer = check(unit, "--format", "json").json()
    typed = unit.run(
        "check", "document", "--mrz", "\n".join(ZONE), "--reason", "handed over at a stop", "--format", "json"
    ).json()
    assert answer["digits"] == typed["digits"]
    assert (answer["digits"]["agrees"], answer["digits"]["number"]) == (True, "L898902C3")


def entries(unit):
    return unit.run("audit", "show", "--last", "200", "--format", "jsonl").lines()


def test_what_cannot_be_read_is_one_line_and_looks_nothing_up(unit):
    before = len(entries(unit))
    refused = check(unit)
    assert (refused.status, refused.out) == (1, "")
    assert "not readable: no lines" in refused.problem()
    told = [(each["entry"]["act"], each["entry"]["outcome"]) for each in entries(unit)[before:]]
    assert [outcome for act, outcome in told if act == "document_check"] == ["begun", "not_read"]
    assert "lookup" not in dict(told)


def test_without_an_officer_or_a_reason_nothing_is_looked_at(unit, monkeypatch, tmp_path):
    monkeypatch.setattr(PaintedReader, "lines", lambda self, image: pytest.fail("it was looked at"))
    assert check(unit, "--reason", " ").status == 2
    stranger = Unit.empty(tmp_path / "stranger")
    with stranger.active():
        assert check(stranger).status == 1


def test_a_document_is_checked_by_one_or_the_other(unit):
    for answer in (
        unit.run("check", "document", "--reason", "x"),
        check(unit, "--mrz", "\n".join(ZONE)),
    ):
        assert (answer.status, answer.out) == (2, "")
        assert "FILE" in answer.problem()


def large(path):
    """Write the header of a picture of 100 megapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(data + struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_text("no picture"), "not a picture"),
        (lambda path: write_photo(path, np.zeros((1, 1, 3), np.uint8)), "too small"),
        (large, "megapixel"),
    ],
    ids=["missing", "folder", "empty", "text", "one pixel", "100 megapixels"],
)
def test_a_file_of_no_use_is_one_line(unit, tmp_path, make, says):
    file = tmp_path / "passport.png"
    make(file)
    answer = unit.run("check", "document", str(file), "--reason", "handed over at a stop")
    assert (answer.status, answer.out) == (2, "")
    assert says in answer.problem()
