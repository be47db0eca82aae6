"""`hub.store.registers`: what is imported by another process while a register is asked costs no answer."""

from __future__ import annotations

import pytest

from hub.messages import Reach, SubjectKind
from hub.store import records
from hub.store.records import TABLES, put_records
from hub.store.registers import Register
from hub.store.sqlite import connect, transaction
from hub.testing.contracts_sources import query
from hub.testing.sources import context, typed_plate

PLATES = ("KE123AB", "BA777XY")


class Vehicles(Register):
    name = "vehicles"
    reach = Reach.ON_REQUEST
    answers = frozenset({SubjectKind.PLATE})
    file = "vehicles.sqlite3"
    detail = "vehicles"


@pytest.fixture
def take(tmp_path):
    """Keep all plates, as an import in another process does; those that are there get other row numbers."""

    def put() -> None:
        connection = connect(tmp_path / Vehicles.file, [TABLES])
        with transaction(connection, tmp_path / Vehicles.file):
            put_records(connection, [(plate, {"plate": plate}) for plate in PLATES])
        connection.close()

    put()
    return put


@pytest.mark.parametrize("plate", PLATES)
def test_a_record_that_is_put_in_its_own_place_meanwhile_is_found(tmp_path, monkeypatch, take, plate) -> None:
    keys_of = records._shared_keys

    def imported_meanwhile(connection, asked):
        found = keys_of(connection, asked)
        take()
        return found

    register = Vehicles()
    assert register.open(context(tmp_path)).entries == 2
    monkeypatch.setattr(records, "_shared_keys", imported_meanwhile)
    for _ in range(2):  # whatever became of the numbers
        assert plate in [record.entry for record in register.find(query(typed_plate(plate)))]
    register.close()
