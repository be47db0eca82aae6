"""The floor: each flaw alone keeps a face from being compared, and the measures mean what they say."""

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from hub.backends import FaceRegion
from hub.messages import Box
from hub.vision.face_quality import FACE, FaceFlaw, FaceFloor, flaw, measure

FLOOR = FaceFloor()


def face(points):
    return FaceRegion(box=Box(0, 0, 1, 1), score=1.0, landmarks=tuple((float(x), float(y)) for x, y in points))


def picture(side=200):
    """Return a picture of blobs with sharp edges, and where a face of `side` pixels would lie in it."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 210, (40, 40, 3), dtype=np.uint8)
    return cv2.resize(coarse, (400, 400), interpolation=cv2.INTER_NEAREST), FACE * side + 100


def flaw_of(image, points):
    return flaw(measure(image, face(points)), FLOOR)


def test_a_good_face_has_no_flaw_and_known_measures():
    image, points = picture()
    found = measure(image, face(points))
    assert flaw(found, FLOOR) is None
    assert found.eyes == pytest.approx(0.5291 * 200)
    assert found.turn < 0.01
    assert abs(found.nod) < 0.01
    assert found.outside == 0


def test_measures_do_not_depend_on_how_the_head_is_tilted():
    image, points = picture()
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    found = measure(image, face((points - 200) @ turn.T + 200))
    assert found.turn < 0.01
    assert abs(found.nod) < 0.01
    assert found.eyes == pytest.approx(0.5291 * 200)


def test_each_flaw_is_named():
    image, points = picture()
    assert flaw_of(image, points - (130, 0)) is FaceFlaw.CUT
    assert flaw_of(image, FACE * 26 + 100) is FaceFlaw.TOO_SMALL
    assert flaw_of(image, FACE * 30 + 100) is None
    aside, down = points.copy(), points.copy()
    aside[2, 0] += 60
    down[2, 1] += 45
    assert flaw_of(image, aside) is FaceFlaw.TURNED
    assert flaw_of(image, down) is FaceFlaw.TURNED
    assert flaw_of(image // 12, points) is FaceFlaw.TOO_DARK
    assert flaw_of(255 - (255 - image) // 15, points) is FaceFlaw.TOO_BRIGHT
    assert flaw_of(image // 16 + 120, points) is FaceFlaw.FLAT
    slope = np.add.outer(np.arange(400), np.arange(400))[..., None].repeat(3, axis=2) * 0.3
    assert flaw_of(slope.astype(np.uint8), points) is FaceFlaw.BLURRED


def test_turning_to_either_side_measures_the_same():
    image, points = picture()
    left, right = points.copy(), points.copy()
    left[2, 0] -= 30
    right[2, 0] += 30
    assert measure(image, face(left)).turn == pytest.approx(measure(image, face(right)).turn, abs=0.01)


def test_a_measure_that_is_no_number_is_no_pass():
    image, points = picture()
    found = measure(image, face(points))
    for name in found.__struct_fields__:
        assert flaw(replace(found, **{name: float("nan")}), FLOOR) is not None


@pytest.mark.parametrize("points", [np.zeros((5, 2)), FACE * 1e5, FACE - 1e6, FACE * 1e-9 + 50])
def test_hostile_landmarks_are_a_flaw_and_no_error(points):
    image, _ = picture()
    assert flaw_of(image, points) is not None
