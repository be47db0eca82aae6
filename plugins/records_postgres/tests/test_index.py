"""The functions in the database say the same as the hub's own keys, and the same is found with them."""

from __future__ import annotations

import io

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from hub.messages import Field, PersonQuery, Record
from hub.names import compare_person, query_name_keys
from hub.plates.alphabet import ANY, UNKNOWN
from hub.plates.keys import entry_keys
from records_postgres.__main__ import main
from records_postgres.index import functions, write_out
from records_postgres.settings import load_table

PLATES = st.text("ABCÄÖÜOQDI0123 -·.äöüßčñØøЁАаΟο\u0301", max_size=14) | st.text(max_size=20)
NAMES = st.lists(
    st.sampled_from(
        ["Anna", "maria", "VON", "der", "Müller", "Mueller", "O'Brien", "Łukasz", "Ångström", "Søren", "Straße", "Æbel",
         "Nováková-Horvát", "Жуков", "Юлия", "van", "d'Arc", "Ng", "Peña", "X"]
    ),
    max_size=4,
).map(" ".join)  # fmt: skip


@pytest.fixture(scope="module")
def connection(postgres):
    postgres.script(functions())
    with psycopg.connect(make_conninfo(**postgres.as_owner()), autocommit=True) as opened:
        yield opened


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLATES)
@example("KE-123 AB")
@example("")
@example("MÖ 12")
@example("Ё123")
def test_keys_of_a_plate_are_the_hub_s(connection, plate: str) -> None:
    plate = plate.replace("\0", "").replace("ß", "").encode("utf-8", "ignore").decode()
    if len(plate.upper()) != len(plate):  # what becomes several letters in capitals stands on no plate
        return
    (keys,) = connection.execute("SELECT patrol_hub.plate_keys(%s)", [plate]).fetchone()
    expected = entry_keys(plate.replace(UNKNOWN, "").replace(ANY, ""))
    assert set(keys or ()) == {key for key in expected if key != "="}


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, NAMES, NAMES)
@example("Jana", "Nováková", "NOVAKOVA Jana")
@example("", "Suharto", "suharto")
@example("Peter", "von der Müller", "Mueller Peter")
@example("Юлия", "Жуков", "Zhukov Iuliia")
@example("", "von der", "von der")
def test_whoever_is_a_candidate_is_found(connection, given_names: str, family: str, asked: str) -> None:
    record = Record("1", (Field("given_names", given_names), Field("family_name", family)))
    for name in (asked, f"{given_names} {family}"):
        if compare_person(PersonQuery(name, None), record) is None:
            continue
        row = connection.execute("SELECT patrol_hub.name_keys(%s, %s)", [given_names, family]).fetchone()
        assert set(row[0] or ()) & query_name_keys(name), (name, row)


def test_the_functions_stand_no_nonsense(connection) -> None:
    for text in (None, "", "\x01" * 1000, "x" * 1_000_000, "'; DROP TABLE x; --"):
        connection.execute("SELECT patrol_hub.plate_keys(%s), patrol_hub.name_keys(%s, %s)", [text, text, text])
        connection.execute("SELECT patrol_hub.document_key(%s)", [text])


def test_the_statements_are_printed_for_the_owner_to_run(capsys) -> None:
    table = load_table({"table": 'a."b', "entry": "i", "columns": {"plate": 'x"; DROP TABLE y', "family_name": "f"}})
    written = io.StringIO()
    write_out(written, table, 'r"; DROP ROLE z')
    assert 'ON "a"."""b" USING gin ("patrol_hub".plate_keys("x""; DROP TABLE y"::text))' in written.getvalue()
    assert 'TO "r""; DROP ROLE z"' in written.getvalue()
    assert main(["registers.vehicles", "--role", "hub", "--column", "plate=registration"]) == 0
    assert 'GRANT SELECT ON "registers"."vehicles" TO "hub";' in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["registers.vehicles", "--role", "hub", "--column", "score=x"])
    assert caught.value.code == 2
