from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest

import drivers
from drivers import Drivers, DriversImporter
from drivers.importer import COLUMNS
from hub.backends import Importer, PluginContext, RecordSource
from hub.errors import InputError, StoreError
from hub.messages import DocumentQuery, PersonQuery, Reach
from hub.records import RULES
from hub.testing.contracts_sources import Example, RecordSourceContract, query
from hub.testing.sources import context, typed_plate

REGISTER = """\
plate;region;make;keeper_name;keeper_address;keeper_since;insurance_status;insurance_until;inspection_until
KE-123 AB;SK;Škoda;Jana Nováková;Hlavná 1, Košice;2019-05-01;insured;2030-06-30;2030-03-31
BA 777 XY;SK;Volvo;Peter Horváth;;;uninsured;;
"""
LICENCES = """\
licence_number,family_name,given_names,birth_date,licence_status,licence_categories,licence_until
SK-900 123,Nováková,Jana,1980-01-02,valid,AM B,2035-01-01
SK900124,Horváth,Peter,1975-12-24,suspended,B C,2031-01-01
"""


@pytest.fixture
def where(tmp_path: Path) -> PluginContext:
    return context(tmp_path / "drivers")


def take(where: PluginContext, text: str | bytes, name: str = "register.csv"):
    file = where.state.parent / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return DriversImporter().import_file(where, file)


class TestDrivers(RecordSourceContract):
    @pytest.fixture
    def plugin_context(self, where: PluginContext) -> PluginContext:
        return where

    @pytest.fixture
    def source(self, where: PluginContext) -> RecordSource:
        take(where, REGISTER)
        take(where, LICENCES)
        return Drivers()

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        return (
            Example(typed_plate("KE123AB"), "SK:KE123AB"),
            Example(typed_plate("KE1*"), "SK:KE123AB"),
            Example(PersonQuery("NOVAKOVA Jana", date(1980, 1, 2)), "licence:SK-900123"),
            Example(PersonQuery("Peter Horvath", None), "licence:SK900124"),
            Example(DocumentQuery("SK900123", ""), "licence:SK-900123"),
        )


def test_it_is_asked_on_request_only() -> None:
    assert Drivers.reach is Reach.ON_REQUEST


def test_every_column_is_documented_and_in_the_closed_schema() -> None:
    assert set(COLUMNS) - {"entry"} <= set(RULES)
    assert all(f"``{column}``" in (drivers.importer.__doc__ or "") for column in COLUMNS)


def test_it_registers_one_source_and_its_importer() -> None:
    sources: list[type[RecordSource]] = []
    importers: list[type[Importer]] = []
    drivers.register_record_sources(sources.append)
    drivers.register_importers(importers.append)
    assert sources == [Drivers]
    assert importers == [DriversImporter]


def test_bad_rows_are_named_and_the_rest_is_imported(where: PluginContext) -> None:
    report = take(
        where,
        "plate,region,make,keeper_since,licence_number,family_name\n"
        "KE123AB,SK,Volvo,2019-05-01,,\n"
        "KE124AB,SK,Volvo,1.5.2019,,\n"
        ",,Volvo,,,\n"
        ",,,,SK1,\n"
        "KE123AB,SK,Saab,,,\n"
        "KE123AB,CZ,Saab,,,\n"
        "KE125AB,SK\n",
    )
    assert report.imported == 2
    assert [(bad.line, bad.problem) for bad in report.bad] == [
        (3, "keeper_since is no date: write it as 2030-12-31"),
        (4, "plate and licence_number are missing: a row needs one of them"),
        (5, "a licence needs family_name"),
        (6, "the same entry as line 2: leave one of them out"),
        (8, "too few columns: 2 where the header has 6"),
    ]


def test_a_second_import_replaces_what_it_names_and_leaves_the_rest(where: PluginContext) -> None:
    take(where, REGISTER)
    take(where, "plate,region,keeper_name\nKE123AB,SK,Somebody Else\n")
    source = Drivers()
    assert source.open(where).entries == 2
    (record,) = source.find(query(typed_plate("KE123AB")))
    assert record.fields["keeper_name"] == "Somebody Else"
    assert "make" not in record.fields
    assert [found.entry for found in source.find(query(typed_plate("BA777XY")))] == ["SK:BA777XY"]
    source.close()


def test_an_import_while_the_register_is_open_is_seen_at_once(where: PluginContext) -> None:
    source = Drivers()
    assert source.open(where).entries == 0
    assert not list(source.find(query(typed_plate("KE123AB"))))
    take(where, REGISTER)
    assert [found.entry for found in source.find(query(typed_plate("KE123AB")))] == ["SK:KE123AB"]
    source.close()


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfeA", b"make\nVolvo\n", b"plate\n---\n", "plate,make\nKE1,Citroën\n".encode("latin-1")]
)
def test_a_file_without_a_good_row_changes_nothing(where: PluginContext, data: bytes) -> None:
    take(where, REGISTER)
    with pytest.raises(InputError) as caught:
        take(where, data)
    assert "\n" not in str(caught.value)
    source = Drivers()
    assert source.open(where).entries == 2
    source.close()


def test_a_register_that_is_no_database_is_left_alone(where: PluginContext) -> None:
    (where.state / "drivers.sqlite3").write_bytes(b"not a database, but somebody's file" * 100)
    with pytest.raises(StoreError, match="damaged or no database"):
        Drivers().open(where)
    with pytest.raises(StoreError):
        take(where, REGISTER)
    assert (where.state / "drivers.sqlite3").read_bytes().startswith(b"not a database")


def test_a_failed_import_leaves_nothing_half_done(where: PluginContext, monkeypatch: pytest.MonkeyPatch) -> None:
    take(where, REGISTER)

    def fail(*_: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("hub.store.registers.put_records", fail)
    with pytest.raises(StoreError):
        take(where, LICENCES)
    source = Drivers()
    assert source.open(where).entries == 2
    source.close()
