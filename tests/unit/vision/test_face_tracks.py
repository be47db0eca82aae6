"""Faces over the frames of a camera: one outcome each, views pooled by quality, nothing kept."""

from __future__ import annotations

import gc
import weakref
from datetime import UTC, datetime

import numpy as np
import pytest

from hub.backends import FaceRegion
from hub.messages import Box, Frame, SourceKind
from hub.vision.face_quality import FaceFlaw, FaceQuality
from hub.vision.face_tracks import FaceTracks, SeenFace, pool, weigh

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def good() -> FaceQuality:
    """Made anew each time: C3's tests look for any that a module holds."""
    return FaceQuality(eyes=40, sharpness=0.5, turn=0.0, nod=0.0, light=0.5, contrast=0.5, outside=0.0)


def frame(at, kind=SourceKind.LIVE):
    return Frame("gate", round(at * 10), NOW, at, kind, "gate", np.zeros((240, 320, 3), np.uint8))


def face(x=100, *, quality=None, flaw=None):
    marks = tuple((float(x + dx), 100.0) for dx in range(5))
    return SeenFace(FaceRegion(Box(x, 80, 40, 50), 0.9, marks), quality or good(), flaw)


def unit(angle):
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def run(tracks, steps, kind=SourceKind.LIVE):
    """Feed (position, faces) and return every outcome, finish included."""
    outcomes = []
    for at, faces in steps:
        each = frame(at, kind)
        step = tracks.step(each, faces)
        outcomes += step.outcomes
        outcomes += tracks.add(each, faces, step.wanted, [unit(0.1 * at) for _ in step.wanted])
    return [*outcomes, *tracks.finish()]


def test_a_face_that_stays_is_given_once():
    outcomes = run(FaceTracks(), [(0.1 * n, [face(100 + n)]) for n in range(100)])
    assert len(outcomes) == 1
    assert outcomes[0].face.views == 4
    assert np.linalg.norm(outcomes[0].face.embedding) == pytest.approx(1)


def test_a_face_that_passes_is_given_with_what_there_is():
    outcomes = run(FaceTracks(), [(0.0, [face()]), (0.1, [face(104)]), (3.0, [])])
    assert [each.face.views for each in outcomes] == [1]  # the second frame says little that is new


def test_views_come_apart():
    outcomes = run(FaceTracks(), [(0.03 * n, [face(100 + n)]) for n in range(40)])
    assert [each.face.views for each in outcomes] == [4]
    assert outcomes[0].face.last_seen - outcomes[0].face.first_seen >= 0.36


def test_a_slow_camera_gives_after_a_second():
    outcomes = run(FaceTracks(), [(0.6 * n, [face(100 + n)]) for n in range(3)])
    assert [each.face.views for each in outcomes] == [3]


def test_below_the_floor_nothing_is_wanted_and_the_reason_is_told():
    blurred = [(0.1 * n, [face(flaw=FaceFlaw.BLURRED)]) for n in range(8)]
    tracks = FaceTracks()
    assert all(tracks.step(frame(at), faces).wanted == () for at, faces in blurred)
    small = FaceTracks()
    outcomes = run(small, [*blurred, (0.9, [face(flaw=FaceFlaw.TOO_SMALL)])])
    assert [(each.face, each.flaw) for each in outcomes] == [(None, FaceFlaw.BLURRED)]


def test_one_good_view_among_bad_ones_is_enough():
    steps = [(0.1 * n, [face(flaw=None if n == 3 else FaceFlaw.TURNED)]) for n in range(8)]
    (outcome,) = run(FaceTracks(), steps)
    assert (outcome.face.views, outcome.flaw) == (1, None)


def test_two_people_are_two_faces():
    outcomes = run(FaceTracks(), [(0.1 * n, [face(40), face(240)]) for n in range(20)])
    assert [each.face.track for each in outcomes] == [0, 1]
    assert [[box.x for box in each.face.best.others] for each in outcomes] == [[240], [40]]


def test_a_still_stands_alone():
    faces = [face(40), face(240, flaw=FaceFlaw.CUT)]
    outcomes = run(FaceTracks(), [(0.0, faces), (0.0, faces)], SourceKind.STILL)
    assert [(each.face is not None, each.flaw) for each in outcomes] == [(True, None), (False, FaceFlaw.CUT)] * 2
    assert [each.face.track for each in outcomes if each.face] == [0, 2]


def test_pooling_follows_quality():
    poor = FaceQuality(eyes=16, sharpness=0.3, turn=0.8, nod=0.2, light=0.5, contrast=0.5, outside=0.0)
    assert 0 < weigh(poor) < 0.2 * weigh(good())
    rows = [unit(0.0), unit(1.0)]
    pooled = pool(rows, [weigh(good()), weigh(poor)])
    assert pooled @ rows[0] > 0.98 > pooled @ rows[1]
    assert pool([unit(0.5)], [0.1]) == pytest.approx(unit(0.5))


def test_views_that_cancel_out_are_no_face():
    with pytest.raises(ValueError, match="nothing in common"):
        pool([unit(0), -unit(0)], [1, 1])


def test_nothing_of_a_face_is_kept_once_it_was_given_and_forgotten():
    tracks = FaceTracks()
    rows, frames = [], []
    for number in range(4):
        each = frame(0.2 * number)
        step = tracks.step(each, [face()])
        row = unit(0.3)
        rows.append(row)
        frames.append(weakref.ref(each.image))
        outcomes = tracks.add(each, [face()], step.wanted, [row])
    assert len(outcomes) == 1
    assert all(not row.any() for row in rows)  # zeroed, not only let go
    del outcomes, each
    gc.collect()
    assert [image() for image in frames] == [None] * 4
    tracks.forget()
    assert tracks.undecided == 0


def test_what_is_forgotten_was_zeroed():
    tracks = FaceTracks()
    each, row = frame(0.0), unit(0.3)
    step = tracks.step(each, [face()])
    assert tracks.add(each, [face()], step.wanted, [row]) == ()
    assert tracks.undecided == 1
    tracks.forget()
    assert not row.any()
    assert tracks.undecided == 0
