from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

import records_postgres
from hub.backends import PluginContext, RecordSource, SourceInfo
from hub.config import parse_config
from hub.errors import SourceError
from hub.messages import DocumentQuery, PersonQuery, Reach, SubjectKind
from hub.records import apply_schema
from hub.testing.contracts_sources import Example, RecordSourceContract, query
from hub.testing.sources import context, typed_plate
from records_postgres import RecordsPostgres
from records_postgres.index import functions, statements
from records_postgres.settings import load, load_table
from tests.kit_postgres import CERTIFIED, READER, WRITER

VEHICLES = {
    "table": "Kfz.Fahrzeuge",
    "entry": "Nr",
    "columns": {"plate": 'Kenn"zeichen', "make": "make", "keeper_name": "keeper", "inspection_until": "hu"},
}
LICENCES = {
    "table": "licences",
    "entry": "number",
    "columns": {
        "licence_number": "number",
        "family_name": "family",
        "given_names": "given",
        "birth_date": "born",
        "licence_status": "status",
    },
}
TABLES = {"vehicles": VEHICLES, "licences": LICENCES}


@pytest.fixture(scope="module")
def database(postgres):
    """Two tables with the index, and one without."""
    postgres.execute(
        'DROP SCHEMA IF EXISTS "Kfz" CASCADE',
        "DROP TABLE IF EXISTS licences, plain",
        'CREATE SCHEMA "Kfz"',
        'CREATE TABLE "Kfz"."Fahrzeuge" ("Nr" bigint, "Kenn""zeichen" varchar(20), make text, keeper text, hu date)',
        "CREATE TABLE licences (number text, family text, given text, born date, status text)",
        """INSERT INTO "Kfz"."Fahrzeuge" VALUES (1, 'KE-123 AB', 'Škoda', 'Jana Nováková', '2030-03-31'),
           (2, 'BA777XY', 'Volvo', NULL, NULL), (3, 'KE124AB', '', '', NULL)""",
        """INSERT INTO licences VALUES ('SK-900 123', 'Nováková', 'Jana', '1980-01-02', 'valid'),
           ('SK900124', 'von der Müller', 'Peter', '1975-12-24', 'suspended')""",
        "CREATE TABLE plain (id text, plate text, family text)",
        "INSERT INTO plain VALUES ('a', 'KE123AB', 'Novak'), ('b', 'KE124AB', 'Novak')",
    )
    postgres.script(functions())
    for table in TABLES.values():
        postgres.script(statements(load_table(table), READER))
    postgres.execute(f"GRANT SELECT ON plain TO {READER}, {CERTIFIED}", f"GRANT SELECT, INSERT ON plain TO {WRITER}")
    return postgres


def opened(where: Path, settings: dict[str, object]) -> tuple[RecordsPostgres, SourceInfo]:
    source = RecordsPostgres()
    return source, source.open(replace(context(where), settings=settings))


PLAIN = {"plain": {"table": "plain", "entry": "id", "columns": {"plate": "plate", "family_name": "family"}}}


class TestRecordsPostgres(RecordSourceContract):
    @pytest.fixture(params=["socket", "tls"])
    def plugin_context(self, tmp_path: Path, database, request) -> PluginContext:
        settings = database.settings(tls=request.param == "tls", tables=TABLES)
        return replace(context(tmp_path), settings=settings)

    @pytest.fixture
    def source(self) -> RecordSource:
        return RecordsPostgres()

    @pytest.fixture
    def examples(self) -> tuple[Example, ...]:
        return (
            Example(typed_plate("KE123AB"), "vehicles:1"),
            Example(typed_plate("KEI23A8"), "vehicles:1"),
            Example(typed_plate("KE123B"), "vehicles:1"),
            Example(typed_plate("KE1?3*"), "vehicles:1"),
            Example(typed_plate("*77XY"), "vehicles:2"),
            Example(PersonQuery("NOVAKOVA Jana", date(1980, 1, 2)), "licences:SK-900 123"),
            Example(PersonQuery("Peter Mueller", None), "licences:SK900124"),
            Example(DocumentQuery("SK900123", ""), "licences:SK-900 123"),
        )


def test_it_is_restricted_until_the_operator_declares_it_and_never_automatic() -> None:
    assert RecordsPostgres.reach is Reach.RESTRICTED
    assert RecordsPostgres.may_declare == {Reach.ON_REQUEST}
    assert RecordsPostgres.needs_settings


def test_it_registers_one_source() -> None:
    sources: list[type[RecordSource]] = []
    records_postgres.register_record_sources(sources.append)
    assert sources == [RecordsPostgres]


def test_a_row_is_found_as_soon_as_it_is_committed(database, tmp_path) -> None:
    source, info = opened(tmp_path, database.settings(tables=TABLES))
    assert (info.exact_only, info.answers) == (False, frozenset(SubjectKind))
    assert not list(source.find(query(typed_plate("ZZ999ZZ"))))
    database.execute("""INSERT INTO "Kfz"."Fahrzeuge" VALUES (9, 'zz 999-zz', 'x', 'y', '2031-01-01')""")
    (record,) = source.find(query(typed_plate("ZZ99ZZ")))
    assert record.fields == {"plate": "zz 999-zz", "make": "x", "keeper_name": "y", "inspection_until": "2031-01-01"}
    database.execute("""DELETE FROM "Kfz"."Fahrzeuge" WHERE "Nr" = 9""")
    assert not list(source.find(query(typed_plate("ZZ99ZZ"))))
    source.close()


def test_without_the_index_it_looks_up_exactly_and_says_so(database, tmp_path) -> None:
    source, info = opened(tmp_path, database.settings(tables=PLAIN))
    assert info.exact_only
    assert info.answers == {SubjectKind.PLATE}
    assert "its index is missing" in info.detail
    assert [record.entry for record in source.find(query(typed_plate("KE123AB")))] == ["plain:a"]
    for other in ("KE12AB", "KEI23AB", "KE12*"):
        assert not list(source.find(query(typed_plate(other))))
    source.close()


def test_a_view_over_an_indexed_table_is_as_quick_as_the_table(database, tmp_path) -> None:
    database.execute(
        """CREATE OR REPLACE VIEW shown AS SELECT "Nr" AS id, "Kenn""zeichen" AS plate FROM "Kfz"."Fahrzeuge" """,
        f"GRANT SELECT ON shown TO {READER}",
    )
    tables = {"v": {"table": "shown", "entry": "id", "columns": {"plate": "plate"}}}
    source, info = opened(tmp_path, database.settings(tables=tables))
    assert not info.exact_only
    assert [record.entry for record in source.find(query(typed_plate("KEI23A8")))][:1] == ["v:1"]
    source.close()


def test_a_client_certificate_takes_the_place_of_a_password(database, tmp_path) -> None:
    key, certificate = tmp_path / "client.key", str(database.client)
    key.touch(mode=0o600)
    key.write_bytes(database.client_key.read_bytes())
    settings = database.settings(tls=True, tables=PLAIN) | {
        "user": CERTIFIED, "client_certificate": certificate, "client_key": str(key), "password_file": "",
    }  # fmt: skip
    source, _ = opened(tmp_path / "state", settings)
    assert list(source.find(query(typed_plate("KE123AB"))))
    source.close()


def test_a_password_may_come_from_the_environment(database, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("REGISTERS_PASSWORD", (database.folder / "secret").read_text())
    settings = database.settings(tables=PLAIN) | {"password_file": "", "password_variable": "REGISTERS_PASSWORD"}
    source, _ = opened(tmp_path, settings)
    source.close()
    monkeypatch.delenv("REGISTERS_PASSWORD")
    with pytest.raises(SourceError, match="the environment has no REGISTERS_PASSWORD"):
        opened(tmp_path, settings)


WRONG = {
    "password": ({"password_file": "wrong"}, "password authentication failed"),
    "database": ({"database": "nowhere"}, "does not exist"),
    "port": ({"port": 1}, "cannot be reached"),
    "table": (
        {"tables": {"a": {**PLAIN["plain"], "table": "public.absent"}}},
        "table a: the database has no such",
    ),
    "column": ({"tables": {"a": {**PLAIN["plain"], "entry": "absent"}}}, "table a: the table has no such column"),
    "writer": ({"user": WRITER}, "may change it; give it SELECT and nothing else"),
    "no right": ({"user": CERTIFIED, "tables": TABLES}, "this role may not read the table"),
    "no field": ({"tables": {"a": {**PLAIN["plain"], "columns": {"score": "x"}}}}, "score is no field"),
    "no key": ({"tables": {"a": {**PLAIN["plain"], "columns": {"make": "x"}}}}, "to be found by"),
    "no table": ({"tables": {}}, "tables has none"),
    "parts": ({"tables": {"a": {**PLAIN["plain"], "table": "a.b.c"}}}, "must be a table or schema.table"),
    "unknown key": ({"hots": "x"}, "unknown field hots"),
    "type": ({"port": "five"}, "port: expected int, got str"),
    "certificate": ({"root_certificate": "relative.pem"}, "root_certificate is no file"),
    "half a pair": ({"client_key": "/etc/hostname"}, "belong together"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(database, tmp_path, case) -> None:
    change, said = WRONG[case]
    if change.get("password_file"):
        change = {**change, "password_file": str(database.folder / "wrong")}
    with pytest.raises(SourceError) as caught:
        opened(tmp_path, database.settings(tables=PLAIN) | change)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "password of the tests" not in str(caught.value)


def test_over_a_network_nobody_connects_without_a_trusted_certificate(database, tmp_path) -> None:
    good = database.settings(tls=True, tables=PLAIN)
    with pytest.raises(SourceError, match="root_certificate is missing"):
        opened(tmp_path, good | {"root_certificate": ""})
    with pytest.raises(SourceError, match="certificate verify failed"):
        opened(tmp_path, good | {"root_certificate": str(database.other_root)})
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        opened(tmp_path, good | {"host": "127.0.0.1"})  # the certificate is localhost's
    with pytest.raises(SourceError, match="enum"):
        opened(tmp_path, good | {"tls": "disable"})


def test_a_secret_that_others_may_read_is_not_used(database, tmp_path) -> None:
    loose = tmp_path / "loose"
    loose.write_text("a password of the tests")
    loose.chmod(0o644)
    with pytest.raises(SourceError, match="the password cannot be used") as caught:
        opened(tmp_path / "state", database.settings(tables=PLAIN, password_file=str(loose)))
    assert "of the tests" not in str(caught.value)


def test_hostile_rows_stay_data_and_stay_short(database, tmp_path) -> None:
    database.execute(
        "CREATE TABLE IF NOT EXISTS hostile (id text, plate text, make text, keeper text)",
        "TRUNCATE hostile",
        """INSERT INTO hostile VALUES (E'\\x1b[31m1', 'KE123AB', repeat('x', 10000000), E'\\x1b]0;a\\x07\\n\\u202Eb'),
           (repeat('y', 1000000), 'KE123AB', NULL, repeat(E'\\x01', 500))""",
        f"GRANT SELECT ON hostile TO {READER}",
    )
    columns = {"plate": "plate", "make": "make", "keeper_name": "keeper"}
    tables = {"h": {"table": "hostile", "entry": "id", "columns": columns}}
    source, _ = opened(tmp_path, database.settings(tables=tables))
    found = list(source.find(query(typed_plate("KE123AB"))))
    source.close()
    assert len(found) == 2
    assert all(len(str(value)) <= 4 * 300 for record in found for value in record.fields.values())
    kept = [apply_schema(record)[0] for record in found]
    assert all(text.isprintable() for record in kept for text in (record.entry, *(f.value for f in record.fields)))


def test_the_example_is_understood(postgres) -> None:
    text = (Path(__file__).parents[3] / "examples" / "records_postgres.toml").read_text()
    settings = parse_config(text)
    own = settings.lookups.sources["records_postgres"]
    assert own.reach is Reach.ON_REQUEST
    given = dict(settings.plugins["records_postgres"]) | {"root_certificate": str(postgres.root)}
    loaded = load(given)
    assert loaded.tls == "verify-full"
    assert loaded.statement_seconds < own.deadline
    assert loaded.tables["vehicles"].answers == {SubjectKind.PLATE}
