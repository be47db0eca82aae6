"""Measures of detail and of plate-likeness on drawn pictures."""

import cv2
import numpy as np
import pytest

from hub.vision.quality import contrast, plate_look, sharpness


def lettering(plate: bool, *, text=(20, 20, 20), ground=(240, 240, 240), body=(150, 120, 100)) -> tuple:
    """Draw a number on a plate, or the same letters on the bodywork; return the picture and the text's corners."""
    image = np.full((200, 400, 3), body, np.uint8)
    if plate:
        cv2.rectangle(image, (90, 75), (310, 125), ground, -1)
        cv2.rectangle(image, (90, 75), (310, 125), (0, 0, 0), 2)
    cv2.putText(image, "AB123CD", (105, 113), cv2.FONT_HERSHEY_SIMPLEX, 1.35, text, 4, cv2.LINE_AA)
    return image, ((100, 80), (300, 80), (300, 118), (100, 118))


class TestSharpness:
    def test_falls_with_blur(self):
        image, _ = lettering(True)
        values = [sharpness(cv2.GaussianBlur(image, (0, 0), sigma)) for sigma in (0.3, 2, 5)]
        assert values == sorted(values, reverse=True)
        assert values[0] > 2 * values[2]

    def test_motion_along_one_axis_counts(self):
        image, _ = lettering(True)
        assert sharpness(cv2.blur(image, (25, 1))) < 0.6 * sharpness(image)

    @pytest.mark.parametrize("shape", [(0, 0, 3), (1, 1, 3), (2, 50, 3), (40, 40), (40, 40, 3)])
    def test_nothing_is_not_sharp(self, shape):
        assert sharpness(np.full(shape, 127, np.uint8)) == 0

    def test_grey_pictures_and_views_are_welcome(self):
        image, _ = lettering(True)
        assert 0 < sharpness(image[..., 0]) <= 1
        assert 0 < sharpness(image[::-1, ::-1]) <= 1


class TestPlateLook:
    def test_tells_a_plate_from_letters_on_the_bodywork(self):
        on_plate, on_body = plate_look(*lettering(True)), plate_look(*lettering(False, text=(220, 220, 220)))
        assert on_body < 0.2 < 0.7 < on_plate

    def test_bright_on_dark_is_rarer(self):
        dark = lettering(True, text=(240, 240, 240), ground=(90, 30, 20))
        assert plate_look(*dark) < plate_look(*lettering(True))

    @pytest.mark.parametrize("size", [(1, 1), (8, 8), (200, 400)])
    def test_a_flat_picture_says_nothing(self, size):
        image = np.zeros((*size, 3), np.uint8)
        assert plate_look(image, ((0, 0), (50, 0), (50, 12), (0, 12))) == 0.5

    def test_a_region_beyond_the_picture_is_survived(self):
        image, _ = lettering(True)
        assert 0 <= plate_look(image, ((-50, -20), (500, -20), (500, 300), (-50, 300))) <= 1


def test_contrast():
    assert contrast(np.zeros((9, 9, 3), np.uint8)) == 0
    assert contrast(np.zeros((0, 0), np.uint8)) == 0
    assert contrast(lettering(True)[0]) > 0.3
