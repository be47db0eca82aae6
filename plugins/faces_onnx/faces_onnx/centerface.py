"""The CenterFace network and the detector on it that the hub sees. No embedding lives here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import cv2
import numpy as np

from faces_onnx.decode import Candidates, decode, regions
from faces_onnx.network import Network
from faces_onnx.weights import constant_weights
from hub.backends import FaceDetector, FaceRegion, PluginContext
from hub.errors import ModelError, PluginError
from hub.models import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Floats: TypeAlias = NDArray[np.float32]

MODEL: Final = "centerface"
"""Name in the hub's list of models."""

DEFAULT_SCALES: Final = (1.5, 0.4)
"""Enlarged for small faces, and reduced for the very large ones that the network misses otherwise."""

DEFAULT_THRESHOLD: Final = 0.2
"""Least probability where rather one face too many is found than one too few."""

MAX_SIDE: Final = 2560
"""Longest side that is fed to the network, in pixels; a larger picture is reduced first."""

MULTIPLE: Final = 32
"""Sides of the network's input are a multiple of this many pixels, or an addition inside it fails."""

OVERLAP: Final = 0.3
"""Intersection over union from which two boxes are the same face, across scales as well."""

_INPUT: Final = "input.1"
_OUTPUTS: Final = ("537", "538", "539", "540")
"""Heat, size, offset and landmarks."""

_BATCH, _NET_SIDE, _MAP_SIDE = 10, 32, 8
_MAP_CHANNELS: Final = (1, 2, 2, 10)


class CenterFace(FaceDetector):
    """Finds faces at one or more scales."""

    name: ClassVar[str] = "faces_onnx"

    def __init__(self, model: bytes, *, scales: Sequence[float] = DEFAULT_SCALES, threads: int = 2) -> None:
        """Open the network.

        Args:
            model: The published ONNX file; its digest was checked before.
            scales: Sizes at which a picture is looked at, 1 is its own. More cost more: twice the scale, four times
                the time.
            threads: Threads of one call.

        Raises:
            ModelError: The file is no model, or is built otherwise than the published one.
        """
        self._network: Network | None = Network("face detector", constant_weights(free_shapes(model)), threads=threads)
        self._scales = tuple(scales)

    def detect(self, image: Image, *, threshold: float | None = None) -> Sequence[FaceRegion]:
        """Find faces in one picture, best first; see `FaceDetector.detect`."""
        threshold = DEFAULT_THRESHOLD if threshold is None else threshold
        height, width = image.shape[:2]
        found = [self._at_scale(image, scale, threshold) for scale in self._scales]
        boxes = np.concatenate([candidates.boxes for candidates in found])
        scores = np.concatenate([candidates.scores for candidates in found])
        landmarks = np.concatenate([candidates.landmarks for candidates in found])
        return regions(Candidates(boxes, scores, landmarks), width, height, OVERLAP)

    def close(self) -> None:
        """Free the network."""
        self._network = None

    def _at_scale(self, image: Image, scale: float, threshold: float) -> Candidates:
        """Return the faces at one scale, in pixels of `image`."""
        if self._network is None:
            raise ModelError("the face detector is closed")
        blob, factor = prepare(image, scale)
        heat, size, offset, marks = self._network.run(_OUTPUTS, _INPUT, blob)
        found = decode(heat[0, 0], size[0], offset[0], marks[0], threshold)
        return Candidates(
            boxes=found.boxes / np.concatenate([factor, factor]),
            scores=found.scores,
            landmarks=found.landmarks / factor,
        )


def open_centerface(context: PluginContext) -> CenterFace:
    """Open the detector with the plugin's settings.

    ``scales``: sizes at which a picture is looked at, separated by spaces, such as ``"1 0.5"``; each 0.1 to 4.

    Raises:
        ModelError: The model file is missing, altered or does not load.
        PluginError: The settings are wrong.
    """
    text = str(context.settings.get("scales", " ".join(map(str, DEFAULT_SCALES))))
    try:
        scales = tuple(float(part) for part in text.split())
    except ValueError:
        scales = ()
    if not scales or not all(0.1 <= scale <= 4 for scale in scales):
        raise PluginError(f'[plugins.faces_onnx] scales = "{text}" is wrong: give numbers from 0.1 to 4, as in "1 0.5"')
    return CenterFace(read_model(MODEL, context.models), scales=scales, threads=context.threads)


def free_shapes(model: bytes) -> bytes:
    """Return the published model with its fixed batch, height and width made free.

    The file declares an input of [10, 3, 32, 32] and onnxruntime refuses any other. In ONNX's encoding a dimension
    is ``0a 02 08 N`` (a value) or ``0a 02 12 00`` (a name, here an empty and so unknown one): four bytes both times,
    so no length around them changes and the shapes can be overwritten in place.

    Raises:
        ModelError: A shape is not there exactly once: this is another file.
    """
    shapes = [(_BATCH, 3, _NET_SIDE, _NET_SIDE), *((_BATCH, n, _MAP_SIDE, _MAP_SIDE) for n in _MAP_CHANNELS)]
    for shape in dict.fromkeys(shapes):
        fixed = b"".join(b"\x0a\x02\x08" + bytes([side]) for side in shape)
        if model.count(fixed) != shapes.count(shape):
            raise ModelError(f"the face detector's model is another one: no single tensor of shape {list(shape)} in it")
        free = b"\x0a\x02\x12\x00"
        model = model.replace(fixed, free + b"\x0a\x02\x08" + bytes([shape[1]]) + free + free)
    return model


def prepare(image: Image, scale: float) -> tuple[Floats, NDArray[np.float32]]:
    """Return a picture as the network's input and by how much it was scaled.

    Zeros are added at the right and bottom up to a multiple of `MULTIPLE`: nothing is stretched.

    Args:
        image: uint8 [height, width, 3], BGR.
        scale: 1 keeps the size; bounded so that the longer side is at most `MAX_SIDE`.

    Returns:
        float32 [1, 3, rows, columns], RGB from 0 to 255; and float32 [2], the scale along x and y.
    """
    height, width = image.shape[:2]
    scale = min(scale, MAX_SIDE / max(height, width))
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    if (rows, columns) != (height, width):
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, (columns, rows), interpolation=way).astype(np.uint8, copy=False)
    blob = np.zeros((1, 3, -(-rows // MULTIPLE) * MULTIPLE, -(-columns // MULTIPLE) * MULTIPLE), np.float32)
    blob[0, :, :rows, :columns] = image[:, :, ::-1].transpose(2, 0, 1)
    return blob, np.array([columns / width, rows / height], np.float32)
