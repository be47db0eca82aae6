"""The mosaic, the boxes and the JPEG of `hub.vision.redaction`; what they must never let through is in test_c8."""

import cv2
import numpy as np
import pytest

from hub.errors import InputError
from hub.messages import Box
from hub.vision import redaction
from hub.vision.redaction import block_size, clip, encode_jpeg, face_area, grow, mosaic, redact, redact_alert

RNG = np.random.default_rng(7)


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "block"), [(1, 1, 12), (320, 240, 12), (848, 480, 27), (1280, 720, 40), (3840, 2160, 120)]
)
def test_block_follows_the_longer_side(width, height, block):
    assert block_size(width, height) == block_size(height, width) == block


def test_mosaic_of_whole_blocks_is_their_rounded_mean():
    image = noise(24, 36)
    expected = np.round(image.reshape(2, 12, 3, 12, 3).mean(axis=(1, 3)))
    assert np.array_equal(mosaic(image, 12)[::12, ::12], expected)


def test_a_remainder_makes_blocks_larger_never_smaller():
    reduced = mosaic(noise(47, 12), 12)
    borders = np.flatnonzero(np.any(np.diff(reduced[:, 0].astype(int), axis=0), axis=1)) + 1
    assert list(np.diff([0, *borders, 47])) == [15, 16, 16]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (11, 11)])
def test_slivers_become_one_block_across(shape):
    reduced = redact(noise(*shape), None)
    assert reduced.shape == (*shape, 3)
    assert len(np.unique(reduced.reshape(-1, 3), axis=0)) <= max(1, max(shape) // 12)


def test_input_is_not_changed_and_output_is_its_own():
    image = noise(50, 80)
    before = image.copy()
    image.flags.writeable = False
    reduced = redact(image, Box(x=10, y=10, w=20, h=10), [Box(x=12, y=12, w=5, h=5)])
    assert np.array_equal(image, before)
    assert not np.shares_memory(image, reduced)


@pytest.mark.parametrize("keep", [Box(x=-5, y=-5, w=20, h=12), Box(x=70, y=45, w=90, h=90), Box(x=0, y=0, w=80, h=16)])
def test_a_box_over_the_border_is_clipped(keep):
    image = noise(50, 80)
    inside = clip(keep, 80, 50)
    area = np.s_[inside.y : inside.y + inside.h, inside.x : inside.x + inside.w]
    assert np.array_equal(redact(image, keep)[area], image[area])


def test_a_box_outside_the_picture_keeps_nothing():
    image = noise(50, 80)
    assert np.array_equal(redact(image, Box(x=200, y=0, w=10, h=10)), redact(image, None))
    with pytest.raises(InputError, match="outside"):
        redact_alert(image, Box(x=200, y=0, w=10, h=10))


def test_of_a_face_that_was_found_one_colour_is_left():
    image = noise(200, 300)
    area = face_area(Box(x=100, y=60, w=50, h=70))
    for keep in (None, Box(x=110, y=70, w=60, h=60)):
        shown = redact(image, keep, [Box(x=100, y=60, w=50, h=70)])[area.y : area.y + area.h, area.x : area.x + area.w]
        assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 1


def test_grow_rounds_outwards():
    assert grow(Box(x=5, y=6, w=10, h=4), 0.4) == Box(x=4, y=5, w=12, h=6)
    assert grow(Box(x=5, y=6, w=10, h=4), 2.0) == Box(x=3, y=4, w=14, h=8)


def test_alert_pictures_have_the_crop_with_its_rim_and_the_scene():
    scene = noise(200, 300)
    crop, whole = redact_alert(scene, Box(x=100, y=90, w=80, h=20))
    assert (crop.width, crop.height) == (90, 30)
    assert (whole.width, whole.height) == (300, 200)
    decoded = cv2.imdecode(np.frombuffer(crop.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (30, 90, 3)


def test_jpeg_carries_no_metadata():
    jpeg = encode_jpeg(noise(64, 64)).jpeg
    assert jpeg.startswith(b"\xff\xd8\xff\xe0")  # a JFIF header follows the start of image
    assert jpeg[18] == jpeg[19] == 0  # the header's own thumbnail is 0 by 0
    assert b"Exif" not in jpeg
    assert b"\xff\xd8" not in jpeg[2:]  # no second picture inside


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
    ],
)
def test_what_is_no_picture_is_refused(image):
    for call in (lambda: redact(image, None), lambda: encode_jpeg(image), lambda: redact_alert(image, Box(0, 0, 1, 1))):
        with pytest.raises(InputError):
            call()


def test_a_picture_too_large_for_jpeg_is_refused():
    with pytest.raises(InputError, match="JPEG"):
        encode_jpeg(np.zeros((1, 70_000, 3), np.uint8))


def test_the_module_documents_its_residual():
    assert "What remains" in redaction.__doc__
