"""The face engine: CenterFace quickly, then dlib's network on upright chips. It compares nothing and keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import numpy as np

from faces_onnx.centerface import MODEL as DETECTOR
from faces_onnx.centerface import CenterFace
from faces_onnx.network import Network
from hub.backends import FaceEngine, FaceRegion, PluginContext
from hub.errors import ModelError
from hub.models import find_model, read_model
from hub.vision.alignment import align
from hub.vision.face_quality import FACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Floats: TypeAlias = NDArray[np.float32]

MODEL: Final = "dlib-face-resnet"
"""Name in the hub's list of models."""

SIDE: Final = 150
"""Pixels of a chip, each way."""

MARGIN: Final = 0.25
"""Share of a face's side that a chip shows around it, as in the training of the network."""

TEMPLATE: Final = (FACE + MARGIN) / (1 + 2 * MARGIN) * SIDE
"""Where the landmarks lie in a chip."""

VIEWS: Final = ((0.0, 0.0), (0.06, 3.0), (-0.06, -3.0))
"""Rotation in radians and pixels downwards of each chip: landmarks are a little off, and averaging over where the face
may really be costs a few milliseconds and errs less."""

PROBE_SCALES: Final = (1.0,)
PROBE_THRESHOLD: Final = 0.35
"""Quickly: one look at the picture's own size. A face that this misses is hardly one worth a comparison."""

FACES_AT_ONCE: Final = 8
"""Faces whose chips go through the network together; bounds its memory."""


class DlibEngine(FaceEngine):
    """Finds faces with CenterFace and embeds them with dlib's network."""

    name: ClassVar[str] = "faces_onnx"
    size: ClassVar[int] = 128

    def __init__(self, detector: bytes, model: bytes, *, digest: str, threads: int = 2) -> None:
        """Open both networks.

        Args:
            detector: CenterFace as published.
            model: dlib's network as converted by the hub.
            digest: SHA-256 of `model`, hexadecimal.
            threads: Threads of one call.

        Raises:
            ModelError: A file is no model or another one.
        """
        self.model = digest
        self._detector = CenterFace(detector, scales=PROBE_SCALES, threads=threads)
        self._network: Network | None = Network("face network", model, threads=threads)

    def detect(self, image: Image) -> Sequence[FaceRegion]:
        """Find faces in one picture, best first; see `FaceEngine.detect`."""
        return self._detector.detect(image, threshold=PROBE_THRESHOLD)

    def embed(self, image: Image, faces: Sequence[FaceRegion]) -> Floats:
        """Turn faces into embeddings; see `FaceEngine.embed`.

        The chips of all views and their mirror images are averaged: the two sides of a face say more than one.
        """
        if self._network is None:
            raise ModelError("the face engine is closed")
        rows = [np.zeros((0, self.size), np.float32)]
        for at in range(0, len(faces), FACES_AT_ONCE):
            some = faces[at : at + FACES_AT_ONCE]
            chips = [align(image, face.landmarks, template, SIDE) for face in some for template in _TEMPLATES]
            rows.append(self._describe(self._network, np.stack(chips)))
        return np.concatenate(rows)

    def close(self) -> None:
        """Free both networks."""
        self._detector.close()
        self._network = None

    def _describe(self, network: Network, chips: Image) -> Floats:
        """Return one row for the chips of each face, uint8 [faces * views, side, side, 3]."""
        upright = chips[..., ::-1]
        both = np.stack([upright, upright[:, :, ::-1]], axis=1)
        blob = np.ascontiguousarray(both.reshape(-1, SIDE, SIDE, 3).transpose(0, 3, 1, 2), np.float32)
        (rows,) = network.run(("descriptors",), "chips", blob)
        mean = rows.reshape(-1, 2 * len(VIEWS), self.size).mean(axis=1)
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        if not np.isfinite(length).all() or (length == 0).any():
            raise ModelError("the face network gave no usable numbers")
        return np.asarray(mean / length, np.float32)


def _moved(angle: float, down: float) -> NDArray[np.float64]:
    """Return the template turned about the chip's middle and shifted."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray((TEMPLATE - SIDE / 2) @ turn + SIDE / 2 + (0, down), np.float64)


_TEMPLATES: Final = tuple(_moved(angle, down) for angle, down in VIEWS)


def open_engine(context: PluginContext) -> DlibEngine:
    """Open the engine.

    Raises:
        ModelError: A model file is missing, altered or does not load.
    """
    return DlibEngine(
        read_model(DETECTOR, context.models),
        read_model(MODEL, context.models),
        digest=find_model(MODEL).sha256,
        threads=context.threads,
    )
