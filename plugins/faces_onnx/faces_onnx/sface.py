"""A face engine on OpenCV Zoo's files: YuNet finds, SFace embeds. It compares nothing and keeps nothing.

Neither file is shipped: `patrol-hub models pull yunet sface` fetches them. What SFace gives compares with no other
model's numbers, and the hub refuses lists of another model by its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import numpy as np

from faces_onnx.network import Network
from faces_onnx.yunet import MODEL as DETECTOR
from faces_onnx.yunet import YuNet
from hub.backends import FaceEngine, FaceRegion, PluginContext
from hub.errors import ModelError
from hub.models import find_model, read_model
from hub.vision.alignment import align

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]
    Floats: TypeAlias = NDArray[np.float32]

MODEL: Final = "sface"
"""Name in the hub's list of models."""

SIDE: Final = 112
"""Pixels of a chip, each way."""

TEMPLATE: Final = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""Where the landmarks lie in a chip, as its publisher has them."""


class SFaceEngine(FaceEngine):
    """Finds faces with YuNet and embeds them with SFace."""

    name: ClassVar[str] = "faces_onnx"
    size: ClassVar[int] = 128

    def __init__(self, detector: bytes, model: bytes, *, digest: str, threads: int = 2) -> None:
        """Open both networks.

        Args:
            detector: YuNet as published.
            model: SFace as published.
            digest: SHA-256 of `model`, hexadecimal.
            threads: Threads of one call.

        Raises:
            ModelError: A file is no model or another one.
        """
        self.model = digest
        self._detector = YuNet(detector, threads=threads)
        network = Network("face network", model, threads=threads)
        inputs, outputs = network.inputs, network.outputs
        if len(outputs) != 1 or [shape[1:] for shape in inputs.values()] != [(3, SIDE, SIDE)]:
            raise ModelError("the face network's model is another one: its input or output is not SFace's")
        self._input, self._output = next(iter(inputs)), outputs
        self._network: Network | None = network

    def detect(self, image: Image) -> Sequence[FaceRegion]:
        """Find faces; see `FaceEngine.detect`."""
        return self._detector.detect(image)

    def embed(self, image: Image, faces: Sequence[FaceRegion]) -> Floats:
        """Turn faces into embeddings, each averaged with its mirror image's; see `FaceEngine.embed`."""
        if self._network is None:
            raise ModelError("the face engine is closed")
        rows = [self._describe(self._network, align(image, face.landmarks, TEMPLATE, SIDE)) for face in faces]
        return np.stack(rows) if rows else np.zeros((0, self.size), np.float32)

    def close(self) -> None:
        """Free both networks."""
        self._detector.close()
        self._network = None

    def _describe(self, network: Network, chip: Image) -> Floats:
        """Return the numbers of one chip, uint8 [side, side, 3], BGR; the published file takes one at a time."""
        upright = chip[..., ::-1].transpose(2, 0, 1)
        both = (upright, upright[:, :, ::-1])
        rows = [
            network.run(self._output, self._input, np.ascontiguousarray(each[None], np.float32))[0] for each in both
        ]
        if any(row.shape != (1, self.size) for row in rows):
            raise ModelError("the face network's model is another one: it does not give 128 numbers")
        mean = np.concatenate(rows).mean(axis=0)
        length = np.linalg.norm(mean)
        if not np.isfinite(length) or length == 0:
            raise ModelError("the face network gave no usable numbers")
        return np.asarray(mean / length, np.float32)


def open_sface(context: PluginContext) -> SFaceEngine:
    """Open the engine.

    Raises:
        ModelError: A model file is missing, altered or does not load.
    """
    return SFaceEngine(
        read_model(DETECTOR, context.models),
        read_model(MODEL, context.models),
        digest=find_model(MODEL).sha256,
        threads=context.threads,
    )
