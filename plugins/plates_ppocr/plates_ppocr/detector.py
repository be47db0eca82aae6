"""Finds text in a picture: the PP-OCR detector's probability map turned into slanted rectangles.

What a text says, and whether it could be a plate, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import cv2
import numpy as np

from hub.errors import ModelError
from plates_ppocr.boxes import TextBox, clockwise
from plates_ppocr.weights import DETECTOR, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

STRIDE: Final = 32
"""The network takes sides that are multiples of this."""

MAP_THRESHOLD: Final = 0.3
"""Probability from which a pixel belongs to text, as the model was trained with (PaddleOCR, DB head)."""

CORE_THRESHOLD: Final = 0.85
"""Probability that only the core of a line of text reaches."""

UNCLIP: Final = 1.6
"""How far a shrunken region is grown back, in units of area over perimeter (Liao et al. 2020, section 3.5)."""


class Detector:
    """The text detector in a session of its own."""

    def __init__(self, *, threads: int = 2) -> None:
        self._session = open_session(DETECTOR, threads=threads)
        self._input = self._session.get_inputs()[0].name

    def probability_map(self, image: Image, *, scale: float) -> NDArray[np.float32]:
        """Return the probability of text for each pixel of the scaled picture.

        Args:
            image: uint8 [height, width, 3], BGR.
            scale: Factor by which the picture is resized before the network sees it.

        Raises:
            ModelError: The network does not run.
        """
        height, width = image.shape[:2]
        size = (_sides(width * scale), _sides(height * scale))
        shrinks = size[0] * size[1] < width * height
        resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        batch = cv2.dnn.blobFromImage(resized, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        try:
            return np.asarray(self._session.run(None, {self._input: batch})[0][0, 0], np.float32)
        except Exception as error:  # onnxruntime raises classes of its own, none of them public
            raise ModelError(f"the text detector does not run: {error}") from error

    def detect(self, image: Image, *, scale: float, threshold: float = 0.5, limit: int = 64) -> list[TextBox]:
        """Find lines of text.

        Args:
            image: uint8 [height, width, 3], BGR.
            scale: Factor by which the picture is resized before the network sees it.
            threshold: Lowest mean probability of a box.
            limit: Most boxes to return, largest first.

        Raises:
            ModelError: The network does not run.
        """
        probabilities = self.probability_map(image, scale=scale)
        factor = np.divide(image.shape[1::-1], probabilities.shape[::-1]).astype(np.float32)
        found = []
        for contour in sorted(_outlines(probabilities), key=cv2.contourArea, reverse=True)[:limit]:
            centre, (w, h), angle = cv2.minAreaRect(contour)
            if min(w, h) < 2:
                continue
            score = _mean_inside(probabilities, contour)
            if score < threshold:
                continue
            grow = 2 * UNCLIP * (w * h) / (2 * (w + h))
            corners = cv2.boxPoints((centre, (w + grow, h + grow), angle))
            found.append(TextBox(clockwise(corners * factor), score))
        return found


def _outlines(probabilities: NDArray[np.float32]) -> Iterator[NDArray[Any]]:
    """Yield the outlines of what may be text.

    In the dark or on bare surfaces the map glows far around a line of text: an outline that is no filled rectangle
    as long as text comes with those of its bright core.
    """
    for outline in _contours(probabilities > MAP_THRESHOLD):
        yield outline
        _, (w, h), _ = cv2.minAreaRect(outline)
        if min(w, h) < 8 or (cv2.contourArea(outline) > 0.6 * w * h and max(w, h) > 1.3 * min(w, h)):
            continue
        x, y, wide, high = cv2.boundingRect(outline)
        core = probabilities[y : y + high, x : x + wide] > CORE_THRESHOLD
        if core.mean() < 0.5:
            yield from (each + np.array([x, y], np.int32) for each in _contours(core))


def _contours(mask: NDArray[np.bool_]) -> Sequence[NDArray[Any]]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return contours


def _sides(length: float) -> int:
    return max(STRIDE, round(length / STRIDE) * STRIDE)


def _mean_inside(probabilities: NDArray[np.float32], contour: NDArray[Any]) -> float:
    x, y, w, h = cv2.boundingRect(contour)
    mask = np.zeros((h, w), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([x, y], np.int32)], 1)
    return float(cv2.mean(probabilities[y : y + h, x : x + w], mask)[0])
