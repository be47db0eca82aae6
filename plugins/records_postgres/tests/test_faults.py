"""A database that is slow, locked, full, frozen, gone or back again: one line that says so, and no harm."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.errors import HubError, SourceError
from hub.messages import CharacterRead, DocumentQuery, PersonQuery, PlateQuery, Reading
from hub.testing.contracts_sources import query
from hub.testing.sources import context, typed_plate
from records_postgres import RecordsPostgres
from records_postgres.index import functions, statements
from records_postgres.settings import load, load_table
from tests.kit_postgres import READER

TABLE = {
    "table": "kept",
    "entry": "id",
    "columns": {"plate": "plate", "family_name": "family", "document_number": "number", "make": "make"},
}
SLOW = {"table": "slow", "entry": "id", "columns": {"plate": "plate"}}
KE123AB = query(typed_plate("KE123AB"))


@pytest.fixture(scope="module")
def database(postgres):
    postgres.execute(
        "DROP TABLE IF EXISTS kept CASCADE",
        "CREATE TABLE kept (id text, plate text, family text, number text, make text)",
        "INSERT INTO kept VALUES ('1', 'KE123AB', 'Novak', 'AB1', 'Volvo')",
        "CREATE OR REPLACE VIEW slow AS SELECT id, plate FROM kept WHERE pg_sleep(30) IS NOT NULL",
        f"GRANT SELECT ON slow TO {READER}",
    )
    postgres.script(functions() + statements(load_table(TABLE), READER))
    return postgres


@pytest.fixture
def opened(database, tmp_path: Path):
    @contextlib.contextmanager
    def opener(table=TABLE, **more):
        source = RecordsPostgres()
        limits = {"statement_seconds": 0.3, **more}
        source.open(replace(context(tmp_path), settings=database.settings(tables={"t": table}, **limits)))
        try:
            yield source
        finally:
            source.close()

    return opener


def finds(source: RecordsPostgres) -> bool:
    return [record.entry for record in source.find(KE123AB)] == ["t:1"]


def fails(source: RecordsPostgres) -> tuple[str, float]:
    start = time.monotonic()
    with pytest.raises(SourceError) as caught:
        source.find(KE123AB)
    assert "\n" not in str(caught.value)
    assert "KE123AB" not in str(caught.value)
    return str(caught.value), time.monotonic() - start


def test_a_slow_statement_is_given_up_by_the_server(opened) -> None:
    with opened(SLOW) as source:
        said, seconds = fails(source)
    assert said == "the database did not answer in time: a slow statement or a lock"
    assert seconds < 1.5


def test_a_locked_table_is_said_and_the_next_look_up_works(database, opened) -> None:
    with opened() as source, psycopg.connect(**database.as_owner()) as other:
        other.execute("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE")
        said, _ = fails(source)
        assert "did not answer in time" in said
        other.rollback()
        assert finds(source)


def test_a_server_that_takes_a_statement_and_says_nothing_is_cut_off(database, opened) -> None:
    with opened() as source:
        assert finds(source)
        with psycopg.connect(**database.as_owner(), autocommit=True) as other:
            (pid,) = other.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = %s AND application_name = 'patrol-hub'", [READER]
            ).fetchone()
            with database.frozen(pid):
                said, seconds = fails(source)
        assert said == "the database took the statement and then said nothing"
        assert seconds < 1.5
        assert finds(source)


def test_no_connection_left_is_said(database, opened) -> None:
    database.execute(f"ALTER ROLE {READER} CONNECTION LIMIT 0")
    try:
        with pytest.raises(SourceError, match="too many connections"), opened():
            pass
    finally:
        database.execute(f"ALTER ROLE {READER} CONNECTION LIMIT -1")


def test_connections_that_were_ended_are_replaced_within_the_look_up(database, opened) -> None:
    with opened(connections=3) as source:
        assert finds(source)
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patrol-hub'")
        assert finds(source)


@pytest.mark.slow
def test_it_recovers_by_itself_after_the_server_was_gone(database, opened) -> None:
    with opened() as source:
        assert finds(source)
        database.stop()
        said, seconds = fails(source)
        assert "cannot be reached" in said
        assert seconds < 2
        database.start()
        assert finds(source)


def test_a_table_that_vanishes_or_changes_is_said(database, opened) -> None:
    with opened() as source:
        database.execute("ALTER TABLE kept RENAME COLUMN make TO maker")
        try:
            assert fails(source)[0] == "the table has no such column"
        finally:
            database.execute("ALTER TABLE kept RENAME COLUMN maker TO make")
        assert finds(source)


def test_the_hub_s_session_cannot_write_even_where_its_role_could(database) -> None:
    how = load(database.settings(tables={"t": TABLE})).connecting(5.0)
    with psycopg.connect(**how) as connection:
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in ("jit", "statement_timeout")]
        assert shown == [("off",), ("5s",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE public.x (a int)")


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["'; DROP TABLE kept; --", "\\'; DELETE FROM kept; --", "$$", "%s", "%(keys)s", "{}", "{0}", '"', "\x00", "NULL",
     "')) OR 1=1 --", "KE123AB' OR 'a'='a", "\ud800", "１２３", "%", "_%", "\\"]
)  # fmt: skip


@pytest.mark.parametrize("indexed", [True, False])
def test_no_field_of_a_query_is_ever_a_statement(database, opened, indexed: bool) -> None:
    table = TABLE if indexed else {**TABLE, "table": "copied"}
    database.execute("DROP TABLE IF EXISTS copied", "CREATE TABLE copied AS SELECT * FROM kept",
                     f"GRANT SELECT ON copied TO {READER}")  # fmt: skip

    with opened(table, statement_seconds=5) as source:

        @settings(max_examples=120, deadline=None)
        @given(HOSTILE, HOSTILE)
        def ask(text: str, other: str) -> None:
            characters = tuple(CharacterRead(c, 1.0) for c in text)
            raw = PlateQuery((Reading(text, 1.0, (), characters),), None)  # as no host would hand it over
            for subject in (raw, typed_plate(text), PersonQuery(text, None), DocumentQuery(text, other)):
                with contextlib.suppress(HubError):
                    found = source.find(replace(query(subject), reference=other, lookup=other))
                    assert all(record.entry == "t:1" for record in found)

        ask()
        assert finds(source)


def test_no_value_of_a_record_is_ever_a_statement(database, opened) -> None:
    with psycopg.connect(**database.as_owner(), autocommit=True) as connection, opened(statement_seconds=5) as source:

        @settings(max_examples=60, deadline=None)
        @given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
        def store(text: str) -> None:
            connection.execute("UPDATE kept SET make = %s, family = %s", [text, text])
            (record,) = source.find(KE123AB)
            assert record.fields["make"] == text

        store()


def test_a_kept_connection_that_is_closed_already_is_replaced(opened) -> None:
    with opened() as source:
        assert finds(source)
        (kept,) = source._pool._idle
        kept.close()
        assert finds(source)
