from __future__ import annotations

import codecs
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backends import BadRow
from hub.errors import InputError
from hub.tables import LONGEST_FIELD, Table, is_column, read_table

COLUMNS = ("entry", "plate", "category", "expires", "make")


def read(file: Path, data: bytes | str) -> Table:
    file.write_bytes(data.encode() if isinstance(data, str) else data)

    def check(values: Mapping[str, str]) -> str:
        return "a Trabant is not stolen" if values.get("make") == "Trabant" else ""

    return read_table(
        file, COLUMNS, required=("plate", "category"), check=check, key=lambda values: values.get("plate", "")
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def test_good_rows_come_out_checked_and_bad_ones_by_line(file: Path) -> None:
    table = read(
        file,
        "entry,plate,category,expires,make\n"
        "1,b-mw 1,Stolen vehicle,2030-12-31,Volvo\n"
        "2,---,stolen_vehicle,,\n"
        "3,AB1,stolen_vehicle,31.12.2030,\n"
        "4,AB2,borrowed,,\n"
        "5,AB3,,,\n"
        "\n"
        "6,AB4\n"
        "7,AB5,stolen_vehicle,,,,\n"
        "8,BMW1,stolen_plate,,\n"
        "9,AB6,stolen_vehicle,,Trabant\n"
        '10,AB7,stolen_vehicle,,"Vol\nvo"\n'
        "11,AB8,stolen_vehicle,,Saab\n",
    )
    assert [(row.line, dict(row.values)) for row in table.rows] == [
        (
            2,
            {"entry": "1", "plate": "BMW1", "category": "stolen_vehicle", "expires": "2030-12-31", "make": "Volvo"},
        ),
        (13, {"entry": "10", "plate": "AB7", "category": "stolen_vehicle", "make": table.rows[1].values["make"]}),
        (14, {"entry": "11", "plate": "AB8", "category": "stolen_vehicle", "make": "Saab"}),
    ]
    assert "\n" not in table.rows[1].values["make"]
    assert [(bad.line, bad.problem) for bad in table.bad] == [
        (3, "plate has no letters or digits"),
        (4, "expires is no date: write it as 2030-12-31"),
        (5, table.bad[2].problem),
        (6, "category is missing"),
        (8, "too few columns: 2 where the header has 5"),
        (9, "too many columns: 7 where the header has 5"),
        (10, "the same entry as line 2: leave one of them out"),
        (11, "a Trabant is not stolen"),
    ]
    assert table.bad[2].problem.startswith("category is none of stolen_vehicle, ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_what_spreadsheets_write_is_read(file: Path, delimiter: str, mark: bytes) -> None:
    text = 'Plate,CATEGORY,make\r\nAB1,stolen_vehicle,"Škoda"\r\n'.replace(",", delimiter)
    table = read(file, mark + text.encode())
    assert [row.values["make"] for row in table.rows] == ["Škoda"]
    assert not table.bad


def test_a_column_that_the_schema_lacks_is_named_and_the_rest_is_read(file: Path) -> None:
    table = read(file, "plate,category,gender\nAB1,stolen_vehicle,x\n")
    assert len(table.rows) == 1
    assert table.bad[0].line == 1
    assert table.bad[0].problem.startswith("column 'gender' is not imported")


def test_columns_are_told_apart_from_rows_and_those_there_are_named_once(file: Path) -> None:
    table = read(file, "plate,gender,category,age,faith\nAB1,x,stolen_vehicle,1,y\n,x,stolen_vehicle,1,y\n")
    assert table.bad == (
        BadRow(1, "column 'gender' is not imported: the columns are entry, plate, category, expires, make"),
        BadRow(1, "column 'age' is not imported"),
        BadRow(1, "column 'faith' is not imported"),
        BadRow(3, "plate is missing"),
    )
    assert [is_column(bad) for bad in table.bad] == [True, True, True, False]
    assert not is_column(BadRow(1, "E-1: it has expired already")), "the first entry of a signed list"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        ("plate,category\nAB1,stolen_vehicle\n".encode("utf-16"), "UTF-16"),
        ("plate,category\nAB1,stolen_vehicle\n".encode("utf-16-le"), "NUL"),
        ("plate,category,make\nAB1,stolen_vehicle,Citroën\n".encode("latin-1"), "line 2: not text in UTF-8"),
        (b"plate,category\nAB1,stolen\0vehicle\n", "line 2: a NUL byte"),
        (b"AB1,stolen_vehicle\nAB2,stolen_vehicle\n", "has no column plate, category"),
        (b"plate,plate,category\n", "names column 'plate' twice"),
        (b'plate,category\n"AB1,stolen_vehicle\nAB2,stolen_vehicle\n', "nothing was imported"),
        (b"plate,category\n" + b"A" * (LONGEST_FIELD + 1) + b",stolen_vehicle\n", "Nothing was imported"),
        (b"plate,category\n" + b"A" * 200_000 + b",stolen_vehicle\n", "nothing was imported"),
        (b"\x89PNG\r\n\x1a\n\xff\xff", "not text in UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(file: Path, data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(file, data)
    assert said in str(caught.value)
    assert "list.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_table(path, COLUMNS)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    with suppress(InputError):
        read(file, b"plate,category\n" + data)
