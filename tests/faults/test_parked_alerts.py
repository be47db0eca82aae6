"""A unit that can raise no alert any more ends and says why; it does not watch on with nobody told."""

from __future__ import annotations

import pytest
import trio

from hub.alerts import AlertBook
from hub.app import Watched, open_hub
from hub.capture import parse_source
from hub.clocks import SystemClock
from hub.config import load_config
from hub.errors import StoreError
from hub.supervisor import RestartPolicy
from hub.testing.frames import street
from hub.testing.streams import Connection, Then, serve_mjpeg
from tests.kit import Unit


@pytest.fixture
def unit(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        yield unit


@pytest.mark.slow
async def test_a_live_unit_whose_alerts_are_parked_ends_and_names_them(unit, monkeypatch):
    async def unreadable(self):
        raise StoreError("alerts.sqlite3 is damaged")

    monkeypatch.setattr(AlertBook, "revision", unreadable)
    monkeypatch.setattr(RestartPolicy, "delay", lambda *_: 0.0)
    frames = [Connection(frames=100_000, then=Then.STALL)]
    with serve_mjpeg([street()], frames) as address, trio.fail_after(30):
        watched = (Watched("front", parse_source(address)),)
        async with open_hub(load_config(unit.config), unit.state, watched, clock=SystemClock()) as hub:
            ended = await hub.run(trio.Event())
    assert [(each.actor, each.detail) for each in ended.failed] == [("alerts", "alerts.sqlite3 is damaged")]
    assert "alerts" in ended.event.cause
    assert ended.event.balanced
