"""Sound as numbers: rate and blocks that everything here agrees on, and how loud they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

RATE: Final = 16_000
"""Samples a second, one channel."""
BLOCK: Final = 512
"""Samples of a block."""
BLOCK_SECONDS: Final = BLOCK / RATE
"""32 ms."""
SILENT: Final = -120.0
"""dB of full scale that stand for digital silence."""
_LOUD_SHARE: Final = 0.3
"""Share of an utterance's blocks, the loudest ones, that its level is taken from: pauses say nothing of a voice."""


def level(samples: Samples) -> float:
    """Return the root mean square of samples from -1 to 1 in dB of full scale, from `SILENT` to 0 (and a little over).

    A constant offset, which some microphones have, is left out.
    """
    if not samples.size:
        return SILENT
    power = float(np.var(samples, dtype=np.float64))
    return max(SILENT, 10 * float(np.log10(power))) if power > 0 else SILENT


def voice_level(samples: Samples) -> float:
    """Return the level of an utterance's loudest blocks, see `level`."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    if not len(blocks):
        return level(samples)
    powers = np.sort(np.var(blocks, axis=1, dtype=np.float64))
    power = float(np.mean(powers[-max(1, int(len(powers) * _LOUD_SHARE)) :]))
    return max(SILENT, 10 * float(np.log10(power))) if power > 0 else SILENT
