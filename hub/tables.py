"""Reads the rows of a CSV file for importers: every bad row is named by its line, the others come out checked.

A file that is no text table at all is refused as a whole with one line that says how to mend it. Values are checked
against the closed schema of `hub.records`; what a row means, and where it is kept, is the importer's business.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from hub.backends import BadRow
from hub.errors import InputError
from hub.records import RULES, check_value
from hub.text import plain

LARGEST: Final = 128 * 2**20
"""Most bytes of a file."""
LONGEST_FIELD: Final = 10_000
"""Most characters of one field; more is a quote that was never closed, or no table."""
_COLUMN: Final = "column "
ENTRY: Final = "entry"
"""Column that names an entry; the only one that is no field of the schema."""


class Row(Struct, frozen=True):
    """One good row."""

    line: int
    """Line of the file on which it ends, 1 for the header."""
    values: Mapping[str, str]
    """Column names to checked values; empty ones are left out."""


class Table(Struct, frozen=True):
    """What a file holds."""

    rows: tuple[Row, ...]
    bad: tuple[BadRow, ...]
    """Columns that are not imported, as line 1, then rows in the order of their lines."""


def is_column(bad: BadRow) -> bool:
    """Say whether a report of `read_table` is about a column of the header and not about a row.

    Line 1 alone does not say so: signed lists number their entries from 1.
    """
    return bad.line == 1 and bad.problem.startswith(_COLUMN)


def read_table(
    file: Path,
    columns: Sequence[str],
    *,
    required: Sequence[str] = (),
    check: Callable[[Mapping[str, str]], str] = lambda _: "",
    key: Callable[[Mapping[str, str]], str] = lambda _: "",
) -> Table:
    """Read a CSV file in UTF-8 whose first line names its columns; comma, semicolon or tab between fields.

    Args:
        file: The file.
        columns: Columns that the importer takes, in any order in the file: names of the schema, or ``entry``.
        required: Columns that the file must have, with a value in each row.
        check: Says what is wrong with a row's values as a whole, "" where nothing is.
        key: What must differ from row to row; the second with the same is a bad row. "" is never the same.

    Returns:
        The good rows and the bad ones. Each column that is not in `columns` is reported as a fault of line 1, and
        the first of them with those that are.

    Raises:
        InputError: The file is missing, empty, too large, not text in UTF-8, or has no such header.
    """
    records = _records(file, _text_of(file))
    first = next(records, None)
    if first is None:
        raise InputError(
            f"{file.name} is empty: its first line must name the columns, such as {', '.join(required or columns[:4])}"
        )
    header = _header(file, first[1], required)
    bad = [BadRow(1, f"{_COLUMN}{plain(name, limit=40)!r} is not imported") for name in header if name not in columns]
    if bad:
        bad[0] = BadRow(1, f"{bad[0].problem}: the columns are {', '.join(columns)}")
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for line, cells in records:
        values, problem = _values(header, cells, columns, required)
        problem = problem or check(values)
        if not problem and (same := key(values)):
            if same in seen:
                problem = f"the same entry as line {seen[same]}: leave one of them out"
            seen.setdefault(same, line)
        if problem:
            bad.append(BadRow(line, problem))
        else:
            rows.append(Row(line, values))
    return Table(tuple(rows), tuple(bad))


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            raise InputError(f"{file.name} is larger than {LARGEST >> 20} MB: split it")
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{file.name} is text in UTF-16: save it as CSV in UTF-8")
    if (place := data.find(b"\0")) >= 0:
        raise InputError(f"{file.name}, line {_line(data, place)}: a NUL byte; this is no CSV file in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line(data, error.start)
        raise InputError(f"{file.name}, line {line}: not text in UTF-8; save the file as CSV in UTF-8") from error


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def _records(file: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank with its line."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(len(cell) > LONGEST_FIELD for cell in cells):
                raise InputError(
                    f"{file.name}, line {reader.line_num}: a field has over {LONGEST_FIELD} characters; "
                    "is a quotation mark missing? Nothing was imported"
                )
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(f"{file.name}, line {reader.line_num}: {error}; nothing was imported") from error


def _header(file: Path, cells: list[str], required: Sequence[str]) -> list[str]:
    header = [cell.strip().lower().replace(" ", "_") for cell in cells]
    lacking = [name for name in required if name not in header]
    if lacking:
        raise InputError(f"{file.name} has no column {', '.join(lacking)}: its first line must name the columns")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise InputError(f"{file.name} names column {plain(twice[0], limit=40)!r} twice: leave one of them out")
    return header


def _values(
    header: list[str], cells: list[str], columns: Sequence[str], required: Sequence[str]
) -> tuple[dict[str, str], str]:
    """Return a row's checked values, and what is wrong with it or ""."""
    if len(cells) != len(header):
        few = "few" if len(cells) < len(header) else "many"
        return {}, f"too {few} columns: {len(cells)} where the header has {len(header)}"
    values: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=True):
        text = cell.strip()
        if not text or name not in columns:
            continue
        try:
            values[name] = plain(text, limit=80) if name == ENTRY else check_value(RULES[name], text)
        except ValueError as error:
            return values, str(error)
    lacking = [name for name in required if name not in values]
    return values, f"{', '.join(lacking)} is missing" if lacking else ""
