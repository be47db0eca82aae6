"""The YuNet network (OpenCV Zoo, 2023mar) and the detector on it, with input and outputs as its publisher has them.

Each cell of three maps, of 8, 16 and 32 pixels, says whether it belongs to a face, and where box and landmarks lie from
the cell's corner. The file is not shipped: `patrol-hub models pull yunet` fetches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import cv2
import numpy as np

from faces_onnx.decode import MAX_CANDIDATES, Candidates, regions
from faces_onnx.network import Network
from hub.backends import FaceDetector, FaceRegion, PluginContext
from hub.errors import ModelError
from hub.models import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Floats: TypeAlias = NDArray[np.float32]

MODEL: Final = "yunet"
"""Name in the hub's list of models."""

STRIDES: Final = (8, 16, 32)
"""Pixels of a cell, each way."""

DEFAULT_THRESHOLD: Final = 0.5
"""Least score. A choice: what another would cost or save was not measured."""

MAX_SIDE: Final = 2560
"""Longest side that is fed to a network whose input is free, in pixels."""

MULTIPLE: Final = 32
"""Sides of a free input are a multiple of this many pixels."""

OVERLAP: Final = 0.3
"""Intersection over union from which two boxes are the same face."""

_PARTS: Final = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""Kinds of outputs, each with its numbers a cell."""
_OUTPUTS: Final = tuple(f"{part}_{stride}" for stride in STRIDES for part in _PARTS)
_MAX_LOG_SIZE: Final = 8.0
"""Logarithm of cells; caps what a picture made to confuse the network can claim."""


class YuNet(FaceDetector):
    """Finds faces in one look at a picture, which is reduced where the network's input is smaller."""

    name: ClassVar[str] = "faces_onnx"

    def __init__(self, model: bytes, *, threads: int = 2) -> None:
        """Open the network.

        Args:
            model: The published ONNX file; its digest was checked before.
            threads: Threads of one call.

        Raises:
            ModelError: The file is no model, or has other inputs and outputs than the published one.
        """
        network = Network("face detector", model, threads=threads)
        inputs = network.inputs
        if len(inputs) != 1 or set(network.outputs) != set(_OUTPUTS):
            raise ModelError("the face detector's model is another one: its inputs or outputs are not YuNet's")
        ((self._input, shape),) = inputs.items()
        if len(shape) != 4 or shape[1] != 3:
            raise ModelError("the face detector's model is another one: it takes no picture of three colours")
        self._sides = shape[2], shape[3]
        self._network: Network | None = network

    def detect(self, image: Image, *, threshold: float | None = None) -> Sequence[FaceRegion]:
        """Find faces in one picture, best first; see `FaceDetector.detect`."""
        if self._network is None:
            raise ModelError("the face detector is closed")
        blob, factor = prepare(image, *self._sides)
        maps = dict(zip(_OUTPUTS, self._network.run(_OUTPUTS, self._input, blob), strict=True))
        found = decode(maps, blob.shape[2], blob.shape[3], DEFAULT_THRESHOLD if threshold is None else threshold)
        height, width = image.shape[:2]
        boxes = found.boxes / np.concatenate([factor, factor])
        return regions(Candidates(boxes, found.scores, found.landmarks / factor), width, height, OVERLAP)

    def close(self) -> None:
        """Free the network."""
        self._network = None


def open_yunet(context: PluginContext) -> YuNet:
    """Open the detector.

    Raises:
        ModelError: The model file is missing, altered or does not load.
    """
    return YuNet(read_model(MODEL, context.models), threads=context.threads)


def prepare(image: Image, rows: int | None, columns: int | None) -> tuple[Floats, Floats]:
    """Return a picture as the network's input and by how much it was reduced; it is never enlarged or stretched.

    Args:
        image: uint8 [height, width, 3], BGR.
        rows: Height of the network's input; None where it is free.
        columns: Width of it.

    Returns:
        float32 [1, 3, rows, columns], BGR from 0 to 255, zeros at the right and bottom; and float32 [2], the scale
        along x and y.
    """
    height, width = image.shape[:2]
    scale = min(1.0, (rows or MAX_SIDE) / height, (columns or MAX_SIDE) / width)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    if (h, w) != (height, width):
        image = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    blob = np.zeros((1, 3, rows or _padded(h), columns or _padded(w)), np.float32)
    blob[0, :, :h, :w] = image.transpose(2, 0, 1)
    return blob, np.array([w / width, h / height], np.float32)


def decode(maps: dict[str, Floats], rows: int, columns: int, threshold: float) -> Candidates:
    """Return the faces of one picture before overlapping ones are removed, in pixels of the network's input.

    Args:
        maps: By name of the output, float32 [1, cells, numbers], cells row by row.
        rows: Height of the network's input.
        columns: Width of it.
        threshold: Least score.

    Raises:
        ModelError: A map has another shape: this is another network.
    """
    found = [_decode_stride(maps, stride, rows // stride, columns // stride, threshold) for stride in STRIDES]
    boxes = np.concatenate([each.boxes for each in found])
    scores = np.concatenate([each.scores for each in found])
    landmarks = np.concatenate([each.landmarks for each in found])
    best = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    return Candidates(boxes[best], scores[best], landmarks[best])


def _decode_stride(maps: dict[str, Floats], stride: int, rows: int, columns: int, threshold: float) -> Candidates:
    parts = {part: maps[f"{part}_{stride}"] for part in _PARTS}
    if any(parts[part].shape != (1, rows * columns, numbers) for part, numbers in _PARTS.items()):
        raise ModelError("the face detector's model is another one: its maps do not fit its input")
    sure, there = (np.clip(parts[part][0, :, 0], 0, 1) for part in ("cls", "obj"))
    scores = np.sqrt(sure * there)
    cells = np.nonzero(scores >= threshold)[0]
    corner = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    box, marks = parts["bbox"][0, cells], parts["kps"][0, cells].reshape(-1, 5, 2)
    centre = (corner + box[:, :2]) * stride
    extent = np.exp(np.minimum(box[:, 2:], _MAX_LOG_SIZE)) * stride
    return Candidates(
        boxes=np.concatenate([centre - extent / 2, centre + extent / 2], axis=1).astype(np.float32),
        scores=scores[cells].astype(np.float32),
        landmarks=((corner[:, None] + marks) * stride).astype(np.float32),
    )


def _padded(side: int) -> int:
    return -(-side // MULTIPLE) * MULTIPLE
