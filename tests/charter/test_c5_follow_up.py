"""C5: registers are asked for an alert that stands adjudicated true then, not only when it was decided."""

from __future__ import annotations

import pytest

from drivers import Drivers
from hub.app import open_hub
from hub.audit.reading import read_entries
from hub.clocks import SystemClock
from hub.config import load_config
from hub.messages import Act, AlertState, Requester
from hub.testing.alerts import decide
from hub.unit import AUDIT_FILE
from tests.kit import LISTED, Unit


@pytest.fixture
def unit(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
        yield unit


async def test_an_alert_corrected_while_its_follow_up_waits_opens_no_register(unit, monkeypatch):
    asked, find = [], Drivers.find

    def counted(self, query):
        asked.append(query)
        return find(self, query)

    monkeypatch.setattr(Drivers, "find", counted)
    async with open_hub(load_config(unit.config), unit.state, clock=SystemClock()) as hub:
        book, officer = hub.unit.alerts, Requester("4711", "supervisor", hub.unit.settings.unit)
        (waiting,) = await book.list(officer)
        true = await decide(book, officer, waiting.alert, AlertState.ADJUDICATED_TRUE, "seen")
        assert len(asked) == 1
        await decide(book, officer, waiting.alert, AlertState.ADJUDICATED_FALSE, "another car", correction=True)
        await hub.follow_up(true, officer)
        assert len(asked) == 1
    refused = [each for each in read_entries(unit.state / AUDIT_FILE) if each.metadata.act is Act.LOOKUP_REFUSED]
    assert len(refused) == 1
