"""Painted plates survive compression and are read back."""

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.messages import Box
from hub.plates.alphabet import SYMBOLS
from hub.testing.frames import Painted, drive_past, paint, street, write_clip
from hub.testing.readers import PaintedReader, evidence


@settings(max_examples=40, deadline=None)
@given(st.text(SYMBOLS, min_size=1, max_size=9), st.integers(4, 8), st.integers(40, 95))
def test_any_text_is_read_back_from_a_jpeg(text, cell, quality):
    image = paint(street(400, 200), [Painted(text, 30, 40, cell)])
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    (found,) = PaintedReader().read(cv2.imdecode(data, cv2.IMREAD_COLOR))
    assert found.text == text
    assert abs(found.box.x - 30) <= 2
    assert abs(found.box.w - (2 * len(text) + 2) * cell) <= 4


def test_several_plates_are_told_apart_and_one_cut_off_is_not_read():
    image = paint(street(), [Painted("AB123", 10, 20), Painted("XY9", 200, 100), Painted("CUT", 290, 10)])
    assert {found.text for found in PaintedReader().read(image)} == {"AB123", "XY9"}
    assert PaintedReader().read(street()) == []


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_clip_keeps_the_plate_readable(tmp_path, suffix):
    path = write_clip(tmp_path / f"clip{suffix}", drive_past("1234BCD", 12))
    capture = cv2.VideoCapture(str(path))
    texts = [found.text for _ in range(12) for found in PaintedReader().read(capture.read()[1])]
    assert texts == ["1234BCD"] * 12


def test_evidence_sums_to_one_and_takes_doubts():
    found = evidence("AB1", Box(1, 2, 30, 10), doubts=[(2, "I", 0.6), (0, "", 0.1)])
    assert found.slots.sum(axis=1).max() <= 1.0001
    assert SYMBOLS[found.slots[2].argmax()] == "I"
    assert found.lines == (3,)
