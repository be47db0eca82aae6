"""How much detail a picture of text or of a face holds. Pure functions on arrays; no thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image: TypeAlias = NDArray[np.uint8]


def sharpness(image: Image) -> float:
    """Return how much of a picture's detail a second blur would take away.

    A sharp picture loses much of its change from pixel to pixel when it is blurred, a blurred one little: the
    measure of Crete et al. 2007, taken along both axes, the worse of which counts because motion blurs one.

    Args:
        image: uint8 [height, width] or [height, width, 3], BGR.

    Returns:
        0 for a flat or fully blurred picture, to 1.
    """
    if image.size == 0 or min(image.shape[:2]) < 3:
        return 0.0
    grey = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image).astype(np.float32)
    return min(_kept(grey, axis) for axis in (0, 1))


def _kept(grey: NDArray[np.float32], axis: int) -> float:
    size = (9, 1) if axis else (1, 9)
    blurred = cv2.blur(grey, size, borderType=cv2.BORDER_REPLICATE)
    change, smooth = (np.abs(np.diff(each, axis=axis)) for each in (grey, blurred))
    total = float(change.sum())
    if total / change.size < 0.5:  # less than half a grey level from pixel to pixel: flat
        return 0.0
    return float(np.maximum(change - smooth, 0).sum()) / total


def contrast(image: Image) -> float:
    """Return the spread between a picture's dark and bright parts, 0 to 1.

    Args:
        image: uint8 [height, width] or [height, width, 3], BGR.
    """
    if image.size == 0:
        return 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    dark, bright = np.percentile(grey, (5, 95))
    return float(bright - dark) / 255.0
