"""C3 on the hub's socket: what crosses it holds no read before it is an alert, and no alert but for an officer.

Every byte that two dashboards receive is kept, one with a signed-in officer and one without, while strangers and one
listed car are photographed.
"""

from __future__ import annotations

import pytest
import trio

from hub.app import Watched
from hub.capture import parse_source
from hub.client import HubClient
from hub.events import AlertEvent
from hub.messages import AlertState
from hub.testing.frames import drive_past, street, write_clip
from hub.wire import AlertShown, Pulse, ShowAlert, Told
from tests.charter.test_c3_plates import stranger
from tests.kit import LISTED, Unit
from tests.kit_attach import attached, running

pytestmark = pytest.mark.slow


def strangers():
    """Return four plates, made anew each time: other tests look for strangers in everything that a module holds."""
    return [stranger(3000 + 1357 * number) for number in range(4)]


@pytest.fixture
def received(monkeypatch):
    """Bytes that each client of this process received."""
    kept: dict[HubClient, bytearray] = {}
    real = HubClient._some

    async def some(self):
        data = await real(self)
        kept.setdefault(self, bytearray()).extend(data)
        return data

    monkeypatch.setattr(HubClient, "_some", some)
    return kept


@pytest.fixture
def unit(tmp_path):
    unit = Unit.prepare(tmp_path / "unit")
    with unit.active():
        yield unit


def clip(unit):
    """Render a clip: strangers drive past, then a listed car, then strangers again."""
    cars = [*strangers()[:2], LISTED, *strangers()[2:]]
    frames = [image for plate in cars for image in [*drive_past(plate, 8), *[street()] * 20]]
    return write_clip(unit.folder / "clip.mp4", frames)


def spellings(plate):
    """Return the ways in which a plate could stand in a stream of bytes."""
    return [
        plate.encode(),
        plate.lower().encode(),
        f"{plate[:4]} {plate[4:]}".encode(),
        f"{plate[:4]}-{plate[4:]}".encode(),
    ]


async def test_c3_no_read_crosses_the_socket_before_it_is_an_alert(unit, received):
    watched = (Watched("street", parse_source(str(clip(unit)))),)
    async with running(unit, watched, until_end=False) as run, attached(unit) as officer, attached(unit) as nobody:
        await officer.sign_in("4711")
        told = await officer.wait(Told, after=0)
        with trio.fail_after(30):
            while not any(isinstance(each, Told) and isinstance(each.event, AlertEvent) for each in officer.heard):
                await officer.wait(Pulse, after=len(officer.heard))
            await run.over.wait()
        assert told
        signed, unsigned = bytes(received[officer.client]), bytes(received[nobody.client])
        events = [each.event for each in officer.heard if isinstance(each, Told)]
        raised = next(event for event in events if isinstance(event, AlertEvent))
        assert raised.state is AlertState.ALERT
        assert raised.entry_plate == LISTED
        assert any(isinstance(each, Pulse) and each.open_alerts == 1 for each in nobody.heard)
        assert not any(isinstance(each, Told) and isinstance(each.event, AlertEvent) for each in nobody.heard)
    reads = {(count.stage, count.reason.value): count.count for count in run.hub.ledger.snapshot()}
    assert reads["read", "not_listed"] >= 3, "the strangers were read"
    for plate in strangers():
        assert not [each for each in spellings(plate) if each in signed + unsigned]
    assert LISTED.encode() in signed
    assert not [each for each in spellings(LISTED) if each in unsigned]
    assert b"W-1" not in unsigned
    # Nothing of the alert came before the event that tells of it.
    assert signed.index(LISTED.encode()) > signed.index(raised.alert.encode())


@pytest.fixture
def alerted(unit):
    assert unit.run("run", "--source", str(unit.photos(LISTED)), "--until-end").status == 0
    return unit


async def test_c3_an_alert_is_shown_to_a_signed_in_officer_only(alerted):
    unit = alerted
    async with running(unit), attached(unit) as talk:
        assert talk.shown.alerts == ()
        await talk.sign_in("4711")
        (event,) = talk.shown.alerts
        assert isinstance(await talk.ask(ShowAlert, alert=event.alert), AlertShown)
        async with attached(unit) as other:
            assert other.shown.alerts == ()
            refused = await other.ask(ShowAlert, alert=event.alert)
            assert refused.sign_in
            assert LISTED not in repr(other.heard)
