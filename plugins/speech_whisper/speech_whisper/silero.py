"""Silero VAD, fed block by block with its state kept between calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import numpy as np
import onnxruntime

from hub.backends import PluginContext, VoiceDetector
from hub.errors import ModelError
from hub.models import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

MODEL: Final = "silero-vad"
BLOCK: Final = 512
"""Samples of a block."""
CONTEXT: Final = 64
"""Samples of the block before that the network sees too."""
STATE: Final = (1, 1, 128)


class SileroDetector(VoiceDetector):
    """Says how probably somebody speaks.

    Args:
        model: The ONNX file.

    Raises:
        ModelError: The file is no model.
    """

    name: ClassVar[str] = "silero"

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        # So small a network is fastest on one thread, and spinning threads take the cores from everybody else.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session: onnxruntime.InferenceSession | None = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no common root
            raise ModelError(f"the voice detector's model does not load: {error}") from error
        self._h = self._c = np.zeros(STATE, np.float32)
        self._last = np.zeros((1, CONTEXT), np.float32)

    def hear(self, blocks: Samples) -> Samples:
        """Return the probability of speech in each block; see `VoiceDetector.hear`."""
        if self._session is None:
            raise ModelError("the voice detector is closed")
        if not len(blocks):
            return np.zeros(0, np.float32)
        before = np.vstack([self._last, blocks[:-1, -CONTEXT:]])
        rows = np.ascontiguousarray(np.hstack([before, blocks]), np.float32)
        try:
            found, h, c = self._session.run(None, {"input": rows, "h": self._h, "c": self._c})
        except Exception as error:
            raise ModelError(f"the voice detector does not run: {error}") from error
        self._h, self._c, self._last = h, c, blocks[-1:, -CONTEXT:].copy()
        return np.asarray(found, np.float32).reshape(-1)

    def reset(self) -> None:
        """Forget the stream."""
        self._h = self._c = np.zeros(STATE, np.float32)
        self._last = np.zeros((1, CONTEXT), np.float32)

    def close(self) -> None:
        """Free the network."""
        self._session = None


def open_detector(context: PluginContext) -> SileroDetector:
    """Open the detector.

    Raises:
        ModelError: The model file is missing, altered or does not load.
    """
    return SileroDetector(read_model(MODEL, context.models))
