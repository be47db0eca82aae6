"""C6, C11: an alert about a face has live crop and reference side by side; adjudicated false, all of it goes at once.

The entry's reference photo lies with the alert and ends with it, not with the list.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from hub.authority.policy import may_adjudicate
from hub.face_answers import hits_of, raised
from hub.messages import AlertState, Box, FaceCandidate, Reason, Requester
from hub.testing.faces import calibration
from hub.unit import open_unit
from hub.watchlists.budget import FaceStatus, Ranking, Resembled, threshold_for
from hub.watchlists.faces import Card, FaceCategory
from tests.kit_deploy import Deploy
from tests.kit_lists import NOW, entry

SECOND = Requester("4712", "officer", "car-1")


def jpeg(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (80, 60, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def candidate(requester, *, photos=2, status=FaceStatus.AMBIGUOUS):
    """Return a hit of a face that resembles so many entries, each with a photo."""
    resembled = tuple(Resembled(f"E-{number}", 0.96 - number / 500, 0.002) for number in range(photos))
    cards = [Card(entry(number, category=FaceCategory.MISSING_CHILD), jpeg(number)) for number in range(photos)]
    threshold = threshold_for(calibration(), entries=2, faces=1, budget=0.02)
    ranking = Ranking(status, resembled)
    hits = hits_of(ranking, cards, threshold, calibration(), views=1, per="a probe")
    scene = np.random.default_rng(9).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    face = FaceCandidate(
        camera="gate",
        track=0,
        at=NOW,
        first_seen=0.0,
        last_seen=0.0,
        views=1,
        box=Box(100, 60, 80, 90),
        scene=scene,
        others=(),
        order="",
        references=tuple((card.entry.entry, card.photo) for card in cards),
    )
    return raised(hits, ranking, face, lookup="L", source="children", digest="", requester=requester, milliseconds=1.0)


@pytest.fixture
def deploy(tmp_path):
    return Deploy(tmp_path)


async def test_c6_each_of_two_ambiguous_entries_is_an_alert_with_its_own_reference(deploy):
    async with open_unit(deploy.settings, deploy.state, clock=deploy.clock) as unit:
        by = Requester("4711", "officer", "car-1")
        assert await unit.alerts.raise_hit(candidate(by)) is Reason.ALERT
        alerts = [await unit.alerts.show(SECOND, each.alert) for each in await unit.alerts.list(SECOND)]
        alerts.sort(key=lambda alert: alert.hit.record.entry)
        assert [each.hit.record.entry for each in alerts] == ["E-0", "E-1"]
        assert all(each.crop and each.scene and each.reference for each in alerts)
        assert alerts[0].reference != alerts[1].reference
        assert alerts[0].crop == alerts[1].crop
        assert not may_adjudicate(by, alerts[0], AlertState.ADJUDICATED_TRUE, shown=True).allowed
        assert (await unit.alerts.raise_hit(candidate(by))) is Reason.SAME_ALERT


async def test_c11_adjudicated_false_no_byte_of_any_picture_is_left(deploy):
    async with open_unit(deploy.settings, deploy.state, clock=deploy.clock) as unit:
        by = Requester("4711", "officer", "car-1")
        await unit.alerts.raise_hit(candidate(by, photos=1, status=FaceStatus.CANDIDATE))
        (line,) = await unit.alerts.list(SECOND)
        shown = await unit.alerts.show(SECOND, line.alert)
        pieces = [each.jpeg[200:400] for each in (shown.crop, shown.scene, shown.reference)]
        before = b"".join(path.read_bytes() for path in deploy.state.rglob("*") if path.is_file())
        assert all(piece in before for piece in pieces)
        await unit.alerts.decide(SECOND, line.alert, AlertState.ADJUDICATED_FALSE, "another child")
        left = await unit.alerts.show(SECOND, line.alert)
        assert (left.crop, left.scene, left.reference) == (None, None, None)
        assert (left.hit.similarity, left.hit.margin, left.hit.why) == (None, None, "")
        after = b"".join(path.read_bytes() for path in deploy.state.rglob("*") if path.is_file())
        assert not any(piece in after for piece in pieces)


async def test_a_photo_that_is_none_costs_the_reference_and_not_the_alert(deploy):
    async with open_unit(deploy.settings, deploy.state, clock=deploy.clock) as unit:
        hit = candidate(Requester("4711", "officer", "car-1"), photos=1, status=FaceStatus.CANDIDATE)
        hit = replace(hit, face=replace(hit.face, references=(("E-0", b"no photo"),)))
        assert await unit.alerts.raise_hit(hit) is Reason.ALERT
        (line,) = await unit.alerts.list(SECOND)
        shown = await unit.alerts.show(SECOND, line.alert)
        assert shown.crop is not None
        assert shown.reference is None
