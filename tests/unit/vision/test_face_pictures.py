"""The pictures of an alert about a face: the subject's stays, everybody else keeps one colour, the rest is reduced."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hub.errors import InputError
from hub.messages import Box
from hub.vision.face_pictures import LONGEST, redact_face, reference_picture
from hub.vision.redaction import block_size


def decode(picture):
    return cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def noise(height=360, width=480):
    grey = np.random.default_rng(3).integers(0, 256, (height, width, 1), dtype=np.uint8)
    return np.ascontiguousarray(grey.repeat(3, axis=2))  # JPEG halves colours


FACE = Box(60, 80, 100, 120)


def test_the_subject_stays_as_it_was_seen_and_the_rest_is_reduced():
    scene = noise()
    crop, reduced = redact_face(scene, FACE)
    inside = (slice(90, 190), slice(70, 150))
    assert np.abs(decode(reduced)[inside] - scene[inside]).mean() < 30
    block = block_size(480, 360)
    far = decode(reduced)[300:340, 300:420]
    assert far.std() < scene[300:340, 300:420].std() / 3
    assert block >= 12
    assert (crop.width, crop.height) == (100 + 2 * 24, 120 + 2 * 24)


def test_of_another_face_one_colour_is_left_also_inside_the_crop():
    scene = noise()
    other = Box(165, 90, 40, 50)  # partly in the subject's margin
    _, reduced = redact_face(scene, FACE, [other])
    assert decode(reduced)[95:135, 172:180].std() < 25
    front = Box(100, 100, 80, 90)  # overlaps the subject's own box, which stays
    _, reduced = redact_face(scene, FACE, [front])
    assert np.abs(decode(reduced)[110:180, 105:150] - scene[110:180, 105:150]).mean() < 30
    assert decode(reduced)[110:180, 164:176].std() < 25


def test_a_face_that_fills_the_picture_stays_for_whoever_adjudicates():
    scene = noise(200, 200)
    crop, _ = redact_face(scene, Box(5, 5, 190, 190))
    assert np.abs(decode(crop) - scene).mean() < 30


def test_large_pictures_are_reduced_and_references_lose_their_metadata():
    big = np.zeros((1200, 900, 3), np.uint8)
    crop, _ = redact_face(big, Box(100, 100, 700, 900))
    assert max(crop.width, crop.height) == LONGEST
    done, data = cv2.imencode(".jpg", big)
    assert done
    told = data.tobytes()[:2] + b"\xff\xe1\x00\x10secret metadata"[:18] + data.tobytes()[2:]
    reference = reference_picture(told)
    assert max(reference.width, reference.height) == LONGEST
    assert b"secret" not in reference.jpeg


def test_what_is_no_picture_or_lies_outside_is_refused():
    with pytest.raises(InputError):
        reference_picture(b"photo of E-0")
    with pytest.raises(InputError):
        redact_face(noise(), Box(900, 900, 10, 10))
