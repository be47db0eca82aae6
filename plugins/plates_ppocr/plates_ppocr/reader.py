"""Finds the lines of text in a picture, reads each at its own resolution, and hands over what was seen.

No decision on what is a plate: that is `hub.plates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import cv2
import numpy as np

from hub.backends import PlateReader
from hub.messages import Box, PlateEvidence
from hub.vision.quality import sharpness
from plates_ppocr.detector import Detector, TextBox
from plates_ppocr.network import Line, line_of
from plates_ppocr.recogniser import HEIGHT, STRIDE, Recogniser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

SIDE: Final = 960
"""Longer side of the picture in the coarse pass, in pixels."""


class PpocrReader(PlateReader):
    """PP-OCRv6 text detector and recogniser in onnxruntime."""

    name: ClassVar[str] = "ppocr"

    def __init__(self, *, threads: int = 2) -> None:
        self._detector = Detector(threads=threads)
        self._recogniser = Recogniser(threads=threads)

    def read(self, image: Image) -> Sequence[PlateEvidence]:
        """Look at one picture; see `hub.backends.PlateReader.read`."""
        height, width = image.shape[:2]
        boxes = self._detector.detect(image, scale=min(1.0, SIDE / max(height, width)))
        boxes = [box for box in boxes if box.height >= 6 and 1.0 <= box.width / box.height <= 12]
        return [self._evidence(image, box) for box in boxes]

    def _evidence(self, image: Image, box: TextBox) -> PlateEvidence:
        crop = straighten(image, box)
        padded = max(320, -(-crop.shape[1] // 32) * 32)
        steps, texts = self._recogniser.read([crop], width=padded)
        line: Line = line_of(steps[0, : -(-crop.shape[1] // STRIDE)])
        low, high = box.corners.min(axis=0), box.corners.max(axis=0)
        x, y = max(0, int(low[0])), max(0, int(low[1]))
        return PlateEvidence(
            box=Box(
                x,
                y,
                max(1, min(image.shape[1], round(float(high[0]))) - x),
                max(1, min(image.shape[0], round(float(high[1]))) - y),
            ),
            corners=tuple((float(a), float(b)) for a, b in box.corners),
            slots=line.slots,
            lines=(len(line.slots),),
            breaks=line.breaks,
            centres=((line.steps + 0.5) * STRIDE / crop.shape[1]).clip(0, 1).astype(np.float32),
            text=texts[0],
            score=min(1.0, box.score),
            sharpness=sharpness(image[y : int(high[1]) + 1, x : int(high[0]) + 1]),
        )


def straighten(image: Image, box: TextBox) -> Image:
    """Cut a slanted rectangle out as an upright line of text, uint8 [HEIGHT, width, 3]."""
    width = int(np.clip(round(HEIGHT * box.width / max(box.height, 1.0)), HEIGHT // 2, 12 * HEIGHT))
    target = np.array([[0, 0], [width, 0], [width, HEIGHT], [0, HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(box.corners, target)
    size = (width, HEIGHT)
    line = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(line, np.uint8)
