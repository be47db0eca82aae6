"""Tables in which a source keeps records so that a plate, a name or a document number is found in milliseconds.

Blocking functions on a connection of `hub.store.sqlite.connect`, for plugins. What is found are candidates: the host
compares them. Which records there are, and how long, is the plugin's business.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec

from hub.backends import SourceRecord
from hub.documents import NUMBERS, normalise_number
from hub.messages import PersonQuery, PlateQuery, Query, Subject
from hub.names import entry_name_keys, query_name_keys
from hub.plates.keys import entry_keys, partial_keys, query_keys
from hub.plates.partial import is_partial, lay

TABLES: Final = """
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    entry TEXT NOT NULL UNIQUE,
    expires TEXT NOT NULL,
    fields BLOB NOT NULL
);
CREATE TABLE keys (
    key INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""
"""Migration that makes the tables. A key is kept as 64 bits of its hash: two that share them cost a candidate more."""

CANDIDATES: Final = 5_000
"""Most candidates handed over for one query, those that share most keys with it first."""
_PARAMETERS: Final = 500
_PARTIAL: Final = 20
"""Keys of a partial plate that are asked for at most, the rarest ones."""
_CACHE_KIB: Final = 64 * 1024
"""Pages kept in memory while records are written: with SQLite's own 2 MB, a long list goes to disk many times."""
_DECODE: Final = msgspec.json.Decoder(dict[str, str]).decode
_BATCH: Final = 20_000
"""Entries whose keys are sorted and written together, which is much faster than in any order."""


def put_records(connection: sqlite3.Connection, records: Iterable[tuple[str, Mapping[str, str]]]) -> int:
    """Keep records, each in place of the one with the same identifier; to be called inside a transaction.

    Args:
        connection: With the tables of `TABLES`.
        records: Identifiers and values under names of the closed schema.

    Returns:
        How many were kept.
    """
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    count = 0
    rest = iter(records)
    while batch := list(islice(rest, _BATCH)):
        keys: list[tuple[int, int]] = []
        for entry, fields in batch:
            _delete(connection, entry)
            number = connection.execute(
                "INSERT INTO entries (entry, expires, fields) VALUES (?, ?, ?)",
                (entry, fields.get("expires", ""), encode_fields(fields)),
            ).lastrowid
            keys += [(key, number or 0) for key in record_keys(fields)]
        keys.sort()
        connection.executemany("INSERT INTO keys (key, number) VALUES (?, ?)", keys)
        count += len(batch)
    return count


def _delete(connection: sqlite3.Connection, entry: str) -> None:
    row = connection.execute("SELECT number, fields FROM entries WHERE entry = ?", (entry,)).fetchone()
    if row is not None:
        keys = record_keys(_DECODE(row[1]))
        connection.executemany("DELETE FROM keys WHERE key = ? AND number = ?", [(key, row[0]) for key in keys])
        connection.execute("DELETE FROM entries WHERE number = ?", (row[0],))


def clear_records(connection: sqlite3.Connection) -> int:
    """Delete all records and return how many there were; to be called inside a transaction."""
    count = count_records(connection)
    connection.execute("DELETE FROM keys")
    connection.execute("DELETE FROM entries")
    return count


def count_records(connection: sqlite3.Connection) -> int:
    """Return how many records there are."""
    return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])


def all_records(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Yield identifier and encoded fields of each record, in the order in which they were kept."""
    yield from connection.execute("SELECT entry, fields FROM entries ORDER BY number")


def all_plates(connection: sqlite3.Connection) -> list[str]:
    """Return the plates of all records that have one."""
    return [plate for _, fields in all_records(connection) if (plate := _DECODE(fields).get("plate", ""))]


def find_records(connection: sqlite3.Connection, query: Query) -> list[SourceRecord]:
    """Return the candidates for a query, `CANDIDATES` at most; entries past their own date are left out.

    To be called inside `hub.store.sqlite.snapshot`: it asks several times, and an import that is committed in between
    gives the numbers of records to others.
    """
    shared = _shared_keys(connection, query)
    today = query.now.date().isoformat()
    found: list[SourceRecord] = []
    for number in sorted(shared, key=lambda number: (-shared[number], number)):
        row = connection.execute(
            "SELECT entry, fields FROM entries WHERE number = ? AND (expires = '' OR expires >= ?)", (number, today)
        ).fetchone()
        if row is not None:
            record = SourceRecord(entry=row[0], fields=_DECODE(row[1]))
            if _may_fit(query.subject, record):
                found.append(record)
        if len(found) == CANDIDATES:
            break
    return found


def _shared_keys(connection: sqlite3.Connection, query: Query) -> dict[int, int]:
    """Return the numbers of the records that have keys of a query, each with how many; of a partial plate all."""
    subject = query.subject
    if isinstance(subject, PlateQuery) and subject.readings and is_partial(subject.readings[0].plate):
        every = [_hash(f"P{key}") for key in partial_keys(subject.readings[0].plate)[:_PARTIAL]]
        select = " INTERSECT ".join(["SELECT number FROM keys WHERE key = ?"] * len(every))
        return dict.fromkeys((number for (number,) in connection.execute(select, every)), len(every))
    keys = _query_keys(query)
    shared: dict[int, int] = {}
    for start in range(0, len(keys), _PARAMETERS):
        some = keys[start : start + _PARAMETERS]
        marks = ",".join("?" * len(some))
        for (number,) in connection.execute(f"SELECT number FROM keys WHERE key IN ({marks})", some):  # noqa: S608
            shared[number] = shared.get(number, 0) + 1
    return shared


def encode_fields(fields: Mapping[str, str]) -> bytes:
    """Return values as they are kept; equal values give equal bytes."""
    return msgspec.json.encode(dict(fields), order="sorted")


def record_keys(fields: Mapping[str, str]) -> set[int]:
    """Return the keys under which a record is kept: of its plate, its names and its document numbers."""
    keys = {_hash(f"P{key}") for key in entry_keys(fields.get("plate", ""))}
    keys |= {_hash(f"N{key}") for key in entry_name_keys(fields.get("given_names", ""), fields.get("family_name", ""))}
    keys |= {_hash(f"D{number}") for name in NUMBERS if (number := normalise_number(fields.get(name, "")))}
    return keys


def _query_keys(query: Query) -> list[int]:
    subject = query.subject
    if isinstance(subject, PlateQuery):
        return [_hash(f"P{key}") for key in query_keys(subject, query.within)]
    if isinstance(subject, PersonQuery):
        return [_hash(f"N{key}") for key in query_name_keys(subject.name)]
    return [_hash(f"D{normalise_number(subject.number)}")]


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def _may_fit(subject: Subject, record: SourceRecord) -> bool:
    """Leave out what shares three neighbours with a partial plate by chance; the host decides on the rest."""
    if not isinstance(subject, PlateQuery) or not subject.readings or not is_partial(subject.readings[0].plate):
        return True
    return lay(subject.readings[0].plate, str(record.fields.get("plate", ""))) is not None
