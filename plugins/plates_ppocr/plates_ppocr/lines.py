"""Long lines of print, such as those at the foot of a passport, read as they stand. What they mean is the hub's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np

from hub.backends import PrintedLine
from hub.messages import Box
from plates_ppocr.boxes import TextBox, grown, straighten
from plates_ppocr.detector import Detector
from plates_ppocr.recogniser import HEIGHT, Recogniser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

PIXELS: Final = 1_500_000
"""Pixels of the picture in which lines are looked for: 44 characters across it have some 20 pixels each."""
LEAST_ASPECT: Final = 9.0
"""Width over height of a line; 30 characters of OCR-B have 18."""
MOST_ASPECT: Final = 60
MOST_LINES: Final = 8
"""Lines that are read, the widest first."""
LARGEST_PIXELS: Final = 12_000_000
MARGIN: Final = 0.02
"""Share of a line's length that is read beyond its ends."""


def printed_lines(detector: Detector, recogniser: Recogniser, image: Image) -> list[PrintedLine]:
    """Return the long lines of a picture from top to bottom; see `hub.backends.PlateReader.lines`."""
    height, width = image.shape[:2]
    if min(height, width) < 32:
        return []
    shrink = min(1.0, math.sqrt(LARGEST_PIXELS / (height * width)))
    if shrink < 1:
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale = min(1.5, math.sqrt(PIXELS / (image.shape[0] * image.shape[1])))
    boxes = [box for box in detector.detect(image, scale=scale, threshold=0.3) if box.width > LEAST_ASPECT * box.height]
    boxes = sorted(boxes, key=lambda box: -box.width)[:MOST_LINES]
    read = [_read(recogniser, image, box, shrink) for box in boxes]
    return sorted(read, key=lambda line: line.box.y + line.box.h / 2)


def _read(recogniser: Recogniser, image: Image, box: TextBox, shrink: float) -> PrintedLine:
    line = straighten(image, grown(box, MARGIN, 0.0), HEIGHT, longest=MOST_ASPECT)
    characters = recogniser.spell(line)
    low, high = box.corners.min(axis=0) / shrink, box.corners.max(axis=0) / shrink
    x, y = (max(0, int(value)) for value in low)
    return PrintedLine(characters, Box(x, y, max(1, int(high[0]) - x), max(1, int(high[1]) - y)))
