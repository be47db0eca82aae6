"""Where the plates are: a local YOLOv9 plate detector as open-image-models exports it, or the whole picture.

fast-plate-ocr reads crops only; this is the half of the work that it leaves to others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import cv2
import numpy as np
import onnxruntime
from msgspec import Struct

from hub.errors import ModelError
from hub.messages import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]

THRESHOLD: Final = 0.4
"""Least score of a plate's box."""

GREY: Final = 114
"""Value of the border around a picture that is not square, as in the detector's training."""


class Located(Struct, frozen=True):
    """A plate's place."""

    box: Box
    score: float
    """0 to 1."""


class Locator(Protocol):
    """Finds plates in a picture."""

    def __call__(self, image: Image) -> list[Located]:
        """Return the plates in a picture, uint8 [height, width, 3], BGR."""
        ...


def whole_picture(image: Image) -> list[Located]:
    """Take the picture itself for the crop of one plate."""
    height, width = image.shape[:2]
    return [Located(box=Box(x=0, y=0, w=width, h=height), score=1.0)]


class YoloLocator:
    """Runs an end-to-end YOLOv9 export: input [1, 3, n, n], output rows of batch, x1, y1, x2, y2, class, score."""

    def __init__(self, model: bytes, options: onnxruntime.SessionOptions) -> None:
        """Open the network.

        Raises:
            ModelError: The file is no such model.
        """
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common root
            raise ModelError(f"the plate detector does not load: {error}") from error
        self._input = self._session.get_inputs()[0]
        shape = self._input.shape
        if len(shape) != 4 or not isinstance(shape[2], int) or shape[2] != shape[3]:
            raise ModelError(f"the plate detector's input must be square and of a fixed size, not {shape}")
        self._side = int(shape[2])

    def __call__(self, image: Image) -> list[Located]:
        """Return the plates in a picture, best first.

        Raises:
            ModelError: The model does not run or answers in another form.
        """
        height, width = image.shape[:2]
        scale = self._side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        left, top = (self._side - size[0]) // 2, (self._side - size[1]) // 2
        square = np.full((self._side, self._side, 3), GREY, np.float32)
        square[top : top + size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        blob = np.ascontiguousarray(square[:, :, ::-1].transpose(2, 0, 1)[None]) / np.float32(255)
        try:
            rows = np.asarray(self._session.run(None, {self._input.name: blob})[0], np.float32).reshape(-1, 7)
        except Exception as error:
            raise ModelError(f"the plate detector does not run: {error}") from error
        rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 6] >= THRESHOLD)]
        found = []
        for x1, y1, x2, y2, score in rows[np.argsort(-rows[:, 6], kind="stable")][:, [1, 2, 3, 4, 6]]:
            x, y = max(0, int((x1 - left) / scale)), max(0, int((y1 - top) / scale))
            right, bottom = min(width, int(np.ceil((x2 - left) / scale))), min(height, int(np.ceil((y2 - top) / scale)))
            if right > x and bottom > y:
                found.append(Located(box=Box(x=x, y=y, w=right - x, h=bottom - y), score=min(1.0, float(score))))
        return found
