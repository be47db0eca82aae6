"""The statements that a look-up sends: identifiers composed, values always parameters, bounds in the statement itself.

No value of a query and no value of a record ever becomes part of a statement. Which candidate is a hit is not
decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from psycopg import sql

from hub.documents import NUMBERS, normalise_number
from hub.messages import DocumentQuery, PersonQuery, PlateQuery, Subject
from hub.names import query_name_keys
from hub.plates.alphabet import ANY, UNKNOWN
from hub.plates.confusion import fold
from hub.plates.keys import partial_keys, query_keys
from hub.plates.partial import is_partial
from hub.records import ENTRY_LENGTH, RULES
from hub.store.records import CANDIDATES
from records_postgres.index import FOLD_PLATE, document_key, name_keys, plate_keys
from records_postgres.settings import Table

SLACK: Final = 4
"""How many times a field's length is fetched at most: the rest of a longer value stays in the database."""


class Statement(Struct, frozen=True, eq=False):
    """What is sent for one look-up in one table."""

    text: sql.Composed
    values: Mapping[str, Any]


class Indexed(Struct, frozen=True):
    """What a table can be asked for quickly, besides values exactly as written."""

    plates: bool = False
    names: bool = False
    documents: bool = False


def select(table: Table, subject: Subject, indexed: Indexed, within: float | None = None) -> Statement | None:
    """Return the statement that fetches a table's candidates; None where there is nothing to ask it.

    Args:
        table: The table.
        subject: What is asked.
        indexed: What the table can be asked quickly.
        within: Highest cost at which a plate counts, see `hub.messages.Query.within`.
    """
    if isinstance(subject, PlateQuery):
        found = _plates(table, subject, within) if indexed.plates else _exact_plates(table, subject)
    elif isinstance(subject, PersonQuery):
        found = _persons(table, subject) if indexed.names else None
    else:
        found = _documents(table, subject) if indexed.documents else _exact_documents(table, subject)
    if found is None:
        return None
    where, order, values = found
    columns = [_cut(sql.Identifier(column), RULES[field].length) for field, column in table.columns.items()]
    text = sql.SQL("SELECT {}, {} FROM {} WHERE {}{} LIMIT {}").format(
        _cut(sql.Identifier(table.entry), ENTRY_LENGTH),
        sql.SQL(", ").join(columns),
        sql.Identifier(*table.table.split(".")),
        where,
        order,
        sql.Literal(CANDIDATES),
    )
    return Statement(text, values)


_Found = tuple[sql.Composable, sql.Composable, dict[str, Any]]
_NO_ORDER: Final = sql.SQL("")


def _plates(table: Table, query: PlateQuery, within: float | None) -> _Found | None:
    column = _text(table, "plate")
    if column is None or not query.readings or not query.readings[0].plate:
        return None
    plate, keys = fold(query.readings[0].plate), plate_keys(column)
    folded = sql.SQL("{}({})").format(FOLD_PLATE, column)
    if is_partial(plate):
        where = sql.SQL("{} @> %(keys)s::text[] AND {} LIKE %(like)s").format(keys, folded)
        like = plate.replace(UNKNOWN, "_").replace(ANY, "%")
        return where, _NO_ORDER, {"keys": list(partial_keys(query.readings[0].plate)), "like": like}
    where = sql.SQL("{} && %(keys)s::text[]").format(keys)
    # Should there be more than may be handed over, those of the likeliest reading are among them.
    order = sql.SQL(" ORDER BY {} <> %(plate)s").format(folded)
    return where, order, {"keys": list(query_keys(query, within)), "plate": plate}


def _exact_plates(table: Table, query: PlateQuery) -> _Found | None:
    column = table.columns.get("plate")
    plates = list(dict.fromkeys(reading.plate for reading in query.readings))
    if column is None or not plates or is_partial(plates[0]):
        return None
    return sql.SQL("{} = ANY(%(plates)s)").format(sql.Identifier(column)), _NO_ORDER, {"plates": plates}


def _persons(table: Table, query: PersonQuery) -> _Found | None:
    given, family = _text(table, "given_names") or sql.SQL("NULL::text"), _text(table, "family_name")
    keys = [key for key in sorted(query_name_keys(query.name)) if "\0" not in key]
    if family is None or not keys:
        return None
    return sql.SQL("{} && %(keys)s::text[]").format(name_keys(given, family)), _NO_ORDER, {"keys": keys}


def _documents(table: Table, query: DocumentQuery) -> _Found | None:
    number = normalise_number(query.number)
    columns = [column for name in NUMBERS if (column := _text(table, name)) is not None]
    if not number or not columns:
        return None
    where = sql.SQL(" OR ").join(sql.SQL("{} = %(number)s").format(document_key(column)) for column in columns)
    return sql.SQL("({})").format(where), _NO_ORDER, {"number": number}


def _exact_documents(table: Table, query: DocumentQuery) -> _Found | None:
    number = normalise_number(query.number)
    columns = [table.columns[name] for name in NUMBERS if name in table.columns]
    if not number or not columns:
        return None
    where = sql.SQL(" OR ").join(sql.SQL("{} = %(number)s").format(sql.Identifier(column)) for column in columns)
    return sql.SQL("({})").format(where), _NO_ORDER, {"number": number}


def _text(table: Table, field: str) -> sql.Composed | None:
    column = table.columns.get(field)
    return None if column is None else sql.SQL("{}::text").format(sql.Identifier(column))


def _cut(column: sql.Composable, length: int) -> sql.Composed:
    return sql.SQL("left({}::text, {})").format(column, sql.Literal(SLACK * length))
