"""The pictures of an alert: what a detector finds is reduced further, and without one an alert has its pictures too."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from hub.backends import FaceDetector, FaceRegion
from hub.errors import ModelError
from hub.messages import Box, Picture
from hub.picturing import Picturing

PLATE = Box(40, 200, 60, 20)
FACE = Box(220, 40, 96, 96)
SCENE = np.random.default_rng(3).integers(0, 256, (240, 360, 3), dtype=np.uint8)


class OneFace(FaceDetector):
    name = "one face"

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.looked, self.closed = error, 0, False

    def detect(self, image, *, threshold: float | None = None) -> Sequence[FaceRegion]:
        self.looked += 1
        if self.error:
            raise self.error
        return (FaceRegion(FACE, 0.9, ((0.0, 0.0),) * 5),)

    def close(self) -> None:
        self.closed = True


def colours(picture: Picture) -> int:
    """Count how much the face's middle differs from one colour."""
    image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    inside = image[FACE.y + 20 : FACE.y + 76, FACE.x + 20 : FACE.x + 76].astype(int)
    return int(np.ptp(inside, axis=(0, 1)).max())


async def test_a_face_in_the_scene_keeps_one_colour():
    detector = OneFace()
    picturing = Picturing(lambda: detector)
    _, scene = await picturing.of_plate(SCENE, PLATE)
    _, without = await Picturing().of_plate(SCENE, PLATE)
    assert colours(scene) <= 4 < colours(without)
    picturing.close()
    assert detector.closed


def refuse() -> FaceDetector:
    raise ModelError("altered")


@pytest.mark.parametrize("opener", [lambda: OneFace(ModelError("it does not run")), lambda: None, refuse])
async def test_without_a_detector_an_alert_has_its_pictures(opener):
    picturing = Picturing(opener)
    for _ in range(2):
        crop, scene = await picturing.of_plate(SCENE, PLATE)
        assert crop.jpeg
        assert colours(scene) > 4
    picturing.close()
    picturing.close()


async def test_the_detector_is_opened_for_the_first_alert_and_once():
    opened: list[OneFace] = []

    def opener() -> FaceDetector:
        opened.append(OneFace())
        return opened[-1]

    picturing = Picturing(opener)
    assert not opened
    for _ in range(3):
        await picturing.of_plate(SCENE, PLATE)
    assert [detector.looked for detector in opened] == [3]
