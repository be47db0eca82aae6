"""`patrol-hub check document FILE`: the lines of a photograph in place of typed ones."""

from __future__ import annotations

import pytest

from hub.backends import PrintedLine
from hub.messages import Box, CharacterRead
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
    return unit.run("check", "document", str(file), "--reason", "handed over at a stop", *words)


def test_what_stands_in_the_photograph_is_checked_as_if_it_had_been_typed(unit, monkeypatch):
    lines = tuple(
        PrintedLine(tuple(CharacterRead(each, 0.95) for each in text), Box(10, 200 + 40 * at, 400, 20))
        for at, text in enumerate(ZONE)
    )
    monkeypatch.setattr(PaintedReader, "lines", lambda self, image: lines)
    answer = check(unit, "--format", "json").json()
    typed = unit.run(
        "check", "document", "--mrz", "\n".join(ZONE), "--reason", "handed over at a stop", "--format", "json"
    ).json()
    assert answer["digits"] == typed["digits"]
    assert (answer["digits"]["agrees"], answer["digits"]["number"]) == (True, "L898902C3")


def test_what_cannot_be_read_is_one_line_and_looks_nothing_up(unit):
    before = len(unit.run("audit", "show", "--last", "200", "--format", "jsonl").lines())
    refused = check(unit)
    assert (refused.status, refused.out) == (2, "")
    assert "not readable: no lines" in refused.problem()
    assert len(unit.run("audit", "show", "--last", "200", "--format", "jsonl").lines()) == before


def test_a_document_is_checked_by_one_or_the_other(unit):
    assert unit.run("check", "document", "--reason", "x").status == 2
    assert check(unit, "--mrz", "\n".join(ZONE)).status == 2
    assert unit.run("check", "document", str(unit.folder), "--reason", "x").status == 2
