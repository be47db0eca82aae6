"""C7: a change of configuration is in the log before it takes effect, by its keys and without their values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.audit.reading import read_entries
from hub.clocks import ManualClock
from hub.config import parse_config
from hub.configuration import FILE
from hub.errors import AuditError
from hub.messages import Act
from hub.unit import AUDIT_FILE, open_unit

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
CAMERA = '[[cameras]]\nname = "front"\nsource = "rtsp://user:hunter2@192.0.2.7/x"\n'


async def opened(state, text):
    async with open_unit(parse_config(text), state, clock=ManualClock(START)):
        pass
    return [
        entry.payload.changed for entry in read_entries(state / AUDIT_FILE) if entry.metadata.act is Act.CONFIGURATION
    ]


async def test_only_changes_are_entered_and_by_key_alone(tmp_path):
    assert await opened(tmp_path, "") == []
    assert await opened(tmp_path, "") == []
    longer = CAMERA + "[plates.reading]\nfalse_alerts_per_ten_thousand = 5\n"
    first = ("cameras", "plates.reading.false_alerts_per_ten_thousand")
    assert await opened(tmp_path, longer) == [first]
    assert await opened(tmp_path, longer) == [first]
    assert await opened(tmp_path, longer.replace("hunter2", "hunter3")) == [first, ("cameras",)]
    assert await opened(tmp_path, "") == [first, ("cameras",), first]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"hunter" not in file.read_bytes()


async def test_the_first_start_names_what_differs_from_what_is_built_in(tmp_path):
    assert await opened(tmp_path, "session_idle_minutes = 5") == [("session_idle_minutes",)]


async def test_where_the_log_cannot_be_written_it_does_not_take_effect(tmp_path, monkeypatch):
    await opened(tmp_path, "")
    before = (tmp_path / FILE).read_bytes()

    async def refuse(*_):
        raise AuditError("the log cannot take an entry")

    monkeypatch.setattr("hub.audit.log.AuditLog.append", refuse)
    with pytest.raises(AuditError):
        async with open_unit(parse_config("session_idle_minutes = 5"), tmp_path, clock=ManualClock(START)):
            raise AssertionError("the unit was opened")
    assert (tmp_path / FILE).read_bytes() == before
