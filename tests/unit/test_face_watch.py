"""A watch under an order: when its list is open, when it is zeros, and what stands in the log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.authority.orders import Purpose
from hub.errors import AuditError
from hub.face_watch import WatchTrust
from hub.messages import Act, OrderReason
from hub.watchlists.budget import FaceSettings, FaceStatus
from tests.kit_lists import NOW
from tests.kit_watch import INSIDE, OUTSIDE, SQUARE, benches, people


@pytest.fixture
def make(tmp_path):
    with benches(tmp_path) as made:
        yield made


@pytest.fixture
def bench(make):
    return make()


async def compare(bench, person=0, camera="gate"):
    return await bench.watch.compare(camera, people(person)[0])


async def test_in_force_the_list_is_open_and_faces_are_compared(bench):
    await bench.watch.tick()
    assert bench.watch.is_open
    found = await compare(bench, 3)
    assert found.ranking.status is FaceStatus.CANDIDATE
    assert [card.entry.entry for card in found.cards] == ["E-0"]
    assert (await compare(bench, 45)).ranking.status is FaceStatus.NO_CANDIDATE
    assert bench.comparisons == 4
    state = bench.watch.state()
    assert (state.entries, state.compared, state.reason) == (2, 2, OrderReason.IN_FORCE)
    assert 0 < state.expected <= 60
    await bench.watch.aclose()
    assert bench.zeroed


async def test_what_was_offered_is_zeroed_whatever_came_of_it(bench):
    face = people(3)[0]
    assert await bench.watch.compare("gate", face) is None  # not open yet
    assert not face.any()


async def test_another_camera_is_not_compared_and_the_list_stays(bench):
    await bench.watch.tick()
    assert bench.watch.check("yard").reason is OrderReason.OTHER_CAMERA
    assert await compare(bench, camera="yard") is None
    assert bench.watch.is_open
    assert bench.comparisons == 0


async def test_before_it_begins_nothing_is_open(make):
    bench = make(begins=NOW + timedelta(hours=1))
    await bench.watch.tick()
    assert bench.galleries == []
    bench.clock.advance(3600)
    await bench.watch.tick()
    assert bench.watch.is_open


async def test_a_lost_position_zeroes_and_a_new_one_opens_again(make):
    from hub.authority.place import Place

    bench = make(place=Place(polygon=SQUARE))
    bench.place(INSIDE)
    await bench.watch.tick()
    assert (await compare(bench)) is not None
    bench.clock.advance(30)
    assert bench.watch.check("gate").reason is OrderReason.NO_FIX
    assert bench.zeroed
    assert await compare(bench) is None
    bench.place(INSIDE)
    await bench.watch.tick()
    assert await compare(bench) is not None
    bench.place(OUTSIDE)
    assert await compare(bench) is None
    assert bench.zeroed
    await bench.watch.tick()
    assert [each.reason for each in bench.entries("ended")] == ["no_position", "outside_the_place"]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (lambda b: b.clock.advance(7201), OrderReason.WINDOW_OVER),
        (lambda b: b.clock.set_wall(NOW - timedelta(hours=1)), OrderReason.CLOCK_SET_BACK),
        (lambda b: setattr(b, "trust", WatchTrust(frozenset({"2030/7"}))), OrderReason.WITHDRAWN),
        (lambda b: setattr(b, "trust", WatchTrust(refused="the list was withdrawn")), OrderReason.WITHDRAWN),
    ],
)
async def test_what_ends_it_ends_it_for_good(bench, what, reason):
    await bench.watch.tick()
    assert bench.watch.is_open
    what(bench)
    assert await compare(bench) is None
    assert bench.zeroed
    assert bench.watch.ended.is_set()
    bench.clock.set_wall(NOW)
    bench.trust = WatchTrust()
    await bench.watch.tick()
    assert not bench.watch.is_open
    assert bench.watch.state().reason is reason
    assert bench.comparisons == 0
    assert [each.reason for each in bench.entries("ended")] == [reason.value]


async def test_a_list_that_expires_under_a_running_order_is_zeroed_and_not_opened_again(make):
    bench = make(begins=NOW, ends=NOW + timedelta(hours=20))
    await bench.watch.tick()
    bench.clock.advance(12 * 3600)
    assert bench.watch.check("gate").in_force
    assert await compare(bench) is None
    assert bench.zeroed
    await bench.watch.tick()
    bench.clock.advance(60)
    await bench.watch.tick()
    assert not bench.watch.is_open
    assert "expired" in bench.watch.state().detail
    assert len(bench.entries("refused")) == 1
    assert bench.comparisons == 0


async def test_what_cannot_be_logged_is_not_done(bench):
    bench.log.broken = True
    with pytest.raises(AuditError):
        await bench.watch.tick()
    assert not bench.watch.is_open
    assert bench.zeroed
    bench.log.broken = False
    bench.watch._retry_at = 0
    await bench.watch.tick()
    bench.log.broken = True
    with pytest.raises(AuditError):
        await compare(bench)
    assert bench.comparisons == 0


async def test_comparisons_are_accounted_for_by_number(bench):
    await bench.watch.tick()
    for person in (0, 40, 45):
        await compare(bench, person)
    bench.clock.advance(61)
    await bench.watch.tick()
    opened, counted = (
        [entry for entry in bench.log.entries if entry.act is act]
        for act in (Act.AUTOMATIC_OPENED, Act.AUTOMATIC_COUNTED)
    )
    assert len(opened) == len(counted) == 1
    payload = counted[0].payload
    assert (payload.camera, payload.source, payload.asked, payload.hit) == ("gate", "children", 3, 1)


async def test_an_order_for_another_list_opens_nothing(make):
    bench = make(list_digest="ab" * 32)
    await bench.watch.tick()
    assert not bench.watch.is_open
    assert bench.zeroed
    assert "another list" in bench.watch.state().detail


async def test_a_list_that_expires_before_its_order_is_wiped_whether_a_face_passes_or_not(make):
    bench = make(ends=NOW + timedelta(hours=24))
    await bench.watch.tick()
    assert bench.watch.is_open
    bench.clock.advance(12 * 3600)
    bench.watch.check("gate")
    assert not bench.watch.is_open
    assert bench.zeroed


async def test_an_order_for_another_purpose_than_its_list_opens_nothing(make):
    bench = make(purpose=Purpose.IMMINENT_THREAT)
    await bench.watch.tick()
    assert not bench.watch.is_open
    assert (bench.comparisons, bench.zeroed) == (0, True)
    assert "'missing_or_vulnerable_person' and the order for 'imminent_threat_to_life'" in bench.watch.state().detail


async def test_a_budget_that_the_calibration_cannot_tell_opens_nothing(make, monkeypatch):
    monkeypatch.setattr("tests.kit_watch.SETTINGS", FaceSettings(false_alerts_per_hour=0.001))
    bench = make()
    await bench.watch.tick()
    assert not bench.watch.is_open
    assert bench.zeroed
    assert "cannot be told" in bench.watch.state().detail
